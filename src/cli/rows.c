/* Project, refresh, selection: in this order, because a scan written a second ago is part of what
 * is selected. */
#include "cli/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "catalog/pattern.h"
#include "cli/resolve.h"

#define SHOWN_LINES 20
#define LEAST_SHOWN 200 /* reading fewer headers needs no counter */

void rows_say(const struct cli *c, const json_t *lines)
{
    size_t n = json_array_size(lines);
    for (size_t i = 0; i < n && i < SHOWN_LINES; i++) {
        cli_note(c, "%s", json_string_value(json_array_get(lines, i)));
    }
    if (n > SHOWN_LINES) {
        cli_note(c, "(+%zu more)", n - SHOWN_LINES);
    }
}

static void show_reading(void *arg, size_t done, size_t total)
{
    const struct cli *c = arg;
    if (c->terminal_err && total >= LEAST_SHOWN) {
        (void)fprintf(stderr, "\rreading headers %zu/%zu%s", done, total,
                      done >= total ? "\r\033[K" : "");
        (void)fflush(stderr);
    }
}

bool rows_refresh(struct cli *c, struct session *session, int64_t project, int64_t pct, bool all,
                  struct refresh_report *ret, struct err *err)
{
    const struct refresh how = {
        .home = c->home,
        .session = session,
        .project = project,
        .min_size_pct = pct,
        .all = all,
        .progress = show_reading,
        .arg = c,
    };
    return refresh_project(&how, ret, err);
}

bool rows_open(struct cli *c, struct rows *ret, struct err *err)
{
    struct refresh_report report;
    struct err why = {.code = ERR_NONE};
    *ret = (struct rows){.n = 0};
    if (!resolve_project(c, true, &ret->project, err)) {
        return false;
    }
    int64_t id = ret->project.id;
    if (rows_refresh(c, NULL, id, -1, false, &report, &why)) {
        rows_say(c, report.warnings);
        refresh_report_fini(&report);
    } else {
        cli_note(c, "the catalog could not be refreshed: %s", why.text);
    }
    cli_store_close(c);
    project_fini(&ret->project); /* its layout may have been found just now */
    return cli_store(c, err) && project_by_id(c->store, id, &ret->project, err);
}

bool rows_select(struct cli *c, char *const *selectors, size_t n, int scope, struct rows *ret,
                 struct err *err)
{
    return rows_open(c, ret, err) &&
        selector_items(c->store, ret->project.id, selectors, n, scope, &ret->ids, &ret->n, err);
}

/* --- studies */

static bool append(struct rows *r, const int64_t *ids, size_t n, struct err *err)
{
    int64_t *more = mem_resize(r->ids, r->n + n + 1, sizeof *more, err);
    if (!more) {
        return false;
    }
    r->ids = more;
    for (size_t i = 0; i < n; i++) {
        more[r->n++] = ids[i];
    }
    return true;
}

/* A folder's name (as ls shows it) or id:17; 0 when it is neither. */
static bool plain_name(struct cli *c, const struct rows *r, bool subjects, const char *arg,
                       int64_t *ret, struct err *err)
{
    int64_t id = 0;
    (void)(str_starts(arg, "id:") && num_int64(arg + 3, &id));
    return store_int(c->store, 0, ret, err,
                     "SELECT id FROM item WHERE project_id=?1 AND level=?2 AND gone=0 AND hidden=0 "
                     "AND (id=?3 OR name=rtrim(?4,'/'))",
                     "isis", r->project.id, subjects ? "subject" : "study", id, arg);
}

static bool add_selector(struct cli *c, struct rows *r, bool subjects, const char *arg,
                         struct err *err)
{
    int64_t *ids = NULL, named = 0, project = r->project.id;
    size_t n = 0;
    if (!plain_name(c, r, subjects, arg, &named, err)) {
        return false;
    }
    if (named) {
        return append(r, &named, 1, err);
    }
    bool ok = subjects ? pattern_subjects(c->store, project, arg, &ids, &n, err)
                       : pattern_studies(c->store, project, arg, &ids, &n, err);
    ok = ok &&
        (n || !strcmp(arg, "*") ||
         err_set(err, ERR_NOTHING, "no %s answers to '%s' (gantry ls --level %s lists them)",
                 subjects ? "subject" : "study", arg, subjects ? "subject" : "study")) &&
        append(r, ids, n, err);
    mem_free(ids);
    return ok;
}

struct place {
    int64_t id;
    size_t at;
};

static int by_id(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = (x->id > y->id) - (x->id < y->id);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

/* What several selectors name stays where the first one put it. */
static bool each_once(struct rows *r, struct err *err)
{
    struct place *places = mem_array(r->n, sizeof *places, err);
    size_t kept = 0;
    if (!places) {
        return false;
    }
    for (size_t i = 0; i < r->n; i++) {
        places[i] = (struct place){r->ids[i], i};
    }
    qsort(places, r->n, sizeof *places, by_id);
    for (size_t i = 0; i < r->n; i++) {
        if (!i || places[i].id != places[i - 1].id) {
            places[kept++] = places[i];
        }
    }
    qsort(places, kept, sizeof *places, by_place);
    for (size_t i = 0; i < kept; i++) {
        r->ids[i] = places[i].id;
    }
    r->n = kept;
    mem_free(places);
    return true;
}

bool rows_studies(struct cli *c, bool subjects, char *const *selectors, size_t n, struct rows *ret,
                  struct err *err)
{
    bool ok = n || add_selector(c, ret, subjects, "*", err);
    for (size_t i = 0; ok && i < n; i++) {
        ok = add_selector(c, ret, subjects, selectors[i], err);
    }
    return ok && (n < 2 || each_once(ret, err));
}

void rows_fini(struct rows *r)
{
    project_fini(&r->project);
    mem_free(r->ids);
    *r = (struct rows){.n = 0};
}

bool rows_need(const struct rows *r, struct err *err)
{
    return r->n > 0 ||
        err_set(err, ERR_NOTHING, "No files selected: there is no scan in '%s' (gantry ls)",
                r->project.root);
}

json_t *rows_args(const struct rows *r, struct err *err)
{
    json_t *args = json_object(), *items = json_array();
    bool ok = args && items;
    for (size_t i = 0; ok && i < r->n; i++) {
        ok = json_array_append_new(items, json_integer(r->ids[i])) == 0;
    }
    ok = ok && json_object_set(args, "items", items) == 0 &&
        json_object_set_new(args, "project", json_integer(r->project.id)) == 0;
    json_decref(items);
    if (!ok) {
        json_decref(args);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return args;
}

json_t *rows_call(struct cli *c, const char *op, const json_t *args, struct err *err)
{
    json_t *answer = cli_call(c, op, args, err);
    rows_say(c, json_object_get(answer, "warnings"));
    return answer;
}
