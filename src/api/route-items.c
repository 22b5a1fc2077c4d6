/* The scans of a project: the table, one row, what people change of them. */
#include <inttypes.h>
#include <string.h>
#include "api/events.h"
#include "api/lists.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/mem.h"
#include "catalog/project.h"
#include "report/items.h"

#define ROWS_DEFAULT 100
#define ROWS_MOST 1000     /* objects a page */
#define COLUMNS_MOST 20000 /* rows of a page in columns */

/* --- the table */

static bool query_of(const struct request *q, struct listing_query *ret, struct err *err)
{
    const char *sort = request_text(q, "sort", "series"), *state = request_text(q, "state", ""),
               *order = request_text(q, "order", "asc");
    bool columns = !strcmp(request_text(q, "shape", ""), "columns");
    int64_t most = columns ? COLUMNS_MOST : ROWS_MOST,
            limit = request_int(q, "limit", columns ? COLUMNS_MOST : ROWS_DEFAULT),
            offset = request_int(q, "offset", 0);
    *ret = (struct listing_query){
        .text = request_text(q, "text", NULL),
        .group = *state ? group_named(state) : GROUP_COUNT,
        .status = request_text(q, "status", NULL),
        .series = request_text(q, "series", NULL),
        .tag = request_text(q, "tag", NULL),
        .skipped = request_has(q, "skipped") ? request_bool(q, "skipped", false) : -1,
        .sort = listing_sort_named(sort),
        .descending = !strcmp(order, "desc"),
        .offset = offset > 0 ? (size_t)offset : 0,
        .limit = (size_t)(limit < 0          ? 0
                              : limit < most ? limit
                                             : most),
    };
    if (ret->sort == SORT_COUNT) {
        return err_set(err, ERR_USAGE, "sort: there is no column '%.40s'", sort);
    }
    if (*state && ret->group == GROUP_COUNT) {
        return err_set(err, ERR_USAGE,
                       "state: '%.40s' is none of idle, waiting, running, done, partial, failed, "
                       "skipped",
                       state);
    }
    return ret->descending || !strcmp(order, "asc") ||
        err_set(err, ERR_USAGE, "order is asc or desc");
}

static void add_head(struct str *out, const struct request *q, const struct listing_page *page)
{
    str_addf(out, "{\"total\":%zu,\"seq\":%" PRId64 ",\"counts\":{", page->total,
             hub_seq(q->api->hub));
    for (int g = 0; g < GROUP_COUNT; g++) {
        str_addf(out, "%s\"%s\":%zu", g ? "," : "", group_name((enum row_group)g), page->counts[g]);
    }
    str_add(out, "}");
}

static bool add_objects(struct str *out, struct store *s, const struct listing *l,
                        const struct listing_page *page, int64_t project, struct err *err)
{
    struct project p = {0};
    bool ok = project_by_id(s, project, &p, err);
    str_add(out, ",\"items\":[");
    for (size_t i = 0; ok && i < page->n; i++) {
        json_t *row = items_live_row(s, listing_id(l, page->rows[i]), p.root, err);
        char *text = row ? json_line(row, err) : NULL;
        ok = text != NULL;
        str_add(out, i ? ",\n" : "\n");
        str_add(out, text ? text : "");
        mem_free(text);
        json_decref(row);
    }
    str_add(out, "]}");
    project_fini(&p);
    return ok;
}

static bool answer_list(struct request *q, struct reply *r, struct listing *l, struct err *err)
{
    struct listing_query query;
    struct listing_page page;
    struct str out = STR_INIT;
    if (!query_of(q, &query, err) || !listing_find(l, &query, &page, err)) {
        return false;
    }
    add_head(&out, q, &page);
    bool ok;
    if (!strcmp(request_text(q, "shape", ""), "columns")) {
        str_add(&out, ",\"columns\":");
        ok = listing_columns(l, &page, &out, err);
        str_addc(&out, '}');
    } else {
        ok = add_objects(&out, q->api->store, l, &page, request_int(q, "project", 0), err);
    }
    listing_page_fini(&page);
    char *text = ok ? str_take(&out, err) : NULL;
    str_fini(&out);
    return text && reply_json_text(r, 200, text, err);
}

static bool list(struct request *q, struct reply *r, struct err *err)
{
    struct listing_query query;
    int64_t project;
    return query_of(q, &query, err) && scope_project(q, &project, err) &&
        lists_answer(q, r, project, answer_list, err);
}

/* --- one row */

static bool show(struct request *q, struct reply *r, struct err *err)
{
    struct store *s = q->api->store;
    struct project p = {0};
    int64_t id, project = 0;
    json_t *row = NULL, *history = NULL, *outputs = NULL;
    bool ok = request_id(q, 0, &id, err) && scope_item(q, id, &project, err) &&
        project_by_id(s, project, &p, err) && (row = items_live_row(s, id, p.root, err)) &&
        (history = items_history(s, id, err)) && (outputs = items_outputs(s, id, err)) &&
        json_put(row, "history", json_incref(history), err) &&
        json_put(row, "outputs", json_incref(outputs), err);
    json_decref(history);
    json_decref(outputs);
    project_fini(&p);
    if (!ok) {
        json_decref(row);
        return false;
    }
    return reply_json(r, 200, row, err);
}

/* --- changes */

/* A centre with its origin is a value for each row. */
static json_t *rows_with(const json_t *items, const json_t *cor, const json_t *source)
{
    json_t *rows = json_array();
    const json_t *id;
    size_t i;
    json_array_foreach(items, i, id)
    {
        json_t *row = json_pack("{s:O, s:O*, s:O*}", "id", id, "cor", cor, "cor_source", source);
        if (!row || json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

/* The operation and its arguments for what was asked. */
static json_t *change_args(struct request *q, int64_t project, const char **ret_op, struct err *err)
{
    json_t *items = json_object_get(q->body, "items"), *set = json_object_get(q->body, "set"),
           *rows = json_object_get(q->body, "rows");
    json_t *source = json_object_get(set, "cor_source");
    bool put = rows || (source && json_object_get(set, "cor"));
    json_t *args = json_pack("{s:I, s:b, s:O*, s:O*, s:O*}", "project", (json_int_t)project, "undo",
                             1, "items", items, "set", put ? NULL : set, "rows", rows);
    bool ok = args || err_set(err, ERR_NOMEM, "out of memory");
    if (ok && put && !rows) {
        if (json_object_size(set) != 2) {
            ok = err_set(err, ERR_USAGE, "cor_source goes with cor alone");
        }
        ok = ok &&
            json_put(args, "rows", rows_with(items, json_object_get(set, "cor"), source), err);
    }
    if (ok && !put && !json_object_size(set)) {
        ok = err_set(err, ERR_USAGE, "nothing to change: 'set' is empty");
    }
    *ret_op = put ? "cor.put" : "item.set";
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

static bool change(struct request *q, struct reply *r, struct err *err)
{
    const json_t *rows = json_object_get(q->body, "rows"), *row;
    json_t *ids = NULL;
    const char *op;
    int64_t project;
    size_t i;
    bool ok = scope_project(q, &project, err);
    if (ok && rows) {
        ids = json_array();
        json_array_foreach(rows, i, row)
        {
            (void)json_array_append_new(ids, json_integer(json_get_int(row, "id", 0)));
        }
    }
    ok = ok && scope_items(q, project, ids ? ids : json_object_get(q->body, "items"), err);
    json_decref(ids);
    json_t *args = ok ? change_args(q, project, &op, err) : NULL;
    return args && scope_answer_op(q, r, op, args, err);
}

static bool hide(struct request *q, struct reply *r, bool hidden, struct err *err)
{
    int64_t project;
    json_t *items = json_object_get(q->body, "items");
    return scope_project(q, &project, err) && scope_items(q, project, items, err) &&
        scope_answer_op(q, r, "item.forget",
                        json_pack("{s:I, s:O, s:b}", "project", (json_int_t)project, "items", items,
                                  "hidden", (int)hidden),
                        err);
}

static bool forget(struct request *q, struct reply *r, struct err *err)
{
    return hide(q, r, true, err);
}

static bool restore(struct request *q, struct reply *r, struct err *err)
{
    return hide(q, r, false, err);
}

static const struct route_param list_params[] = {
    {IN_QUERY, "project", P_INT, true, "its id"},
    {IN_QUERY, "text", P_TEXT, false, "in the file's name, whatever the letter case"},
    {IN_QUERY, "state", P_TEXT, false,
     "idle, waiting, running, done, partial, failed or skipped (the key 'group' of the rows)"},
    {IN_QUERY, "status", P_TEXT, false, "the whole status word, such as 'Done try'"},
    {IN_QUERY, "series", P_TEXT, false, "the series' key"},
    {IN_QUERY, "tag", P_TEXT, false, "a tag"},
    {IN_QUERY, "skipped", P_BOOL, false, "only rows that a run would skip, or only others"},
    {IN_QUERY, "sort", P_TEXT, false,
     "series (default), name, index, size, cor, confidence, status, changed, id"},
    {IN_QUERY, "order", P_TEXT, false, "asc (default) or desc"},
    {IN_QUERY, "offset", P_INT, false, "rows to leave out"},
    {IN_QUERY, "limit", P_INT, false, "rows to give: 100, at most 1000; in columns at most 20000"},
    {IN_QUERY, "shape", P_TEXT, false, "columns: one array a column, for long lists"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param change_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "items", P_IDS, false, "the rows to change"},
    {IN_BODY, "set", P_OBJECT, false,
     "cor (a number or null), enabled (true, false, null: the rule decides), or any parameter"},
    {IN_BODY, "rows", P_ARRAY, false,
     "instead: [{id, cor, cor_source?}], a value for each row; takes what 'undo' gave"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param items_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "items", P_IDS, true, "the rows"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_items[] = {
    {"GET", "/api/v1/items", ROLE_VIEWER, "The scans of a project: filtered, ordered, in pages",
     list_params, list, false},
    {"PATCH", "/api/v1/items", ROLE_OPERATOR, "Change rotation centres, parameters, skipping",
     change_params, change, false},
    {"DELETE", "/api/v1/items", ROLE_OPERATOR, "Take scans off the list; the disk is never touched",
     items_params, forget, false},
    {"POST", "/api/v1/items/restore", ROLE_OPERATOR, "Put forgotten scans back on the list",
     items_params, restore, false},
    {"GET", "/api/v1/items/{id}", ROLE_VIEWER,
     "One scan with its parameters, outputs and earlier centres", NULL, show, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
