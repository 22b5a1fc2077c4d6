/* Cohorts: the table of subjects and studies, what a pattern finds in them, what people say of
 * them. */
#include <inttypes.h>
#include <string.h>
#include "api/events.h"
#include "api/recent.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/mem.h"
#include "catalog/filter.h"
#include "report/jobs.h"
#include "report/studies.h"
#include "report/verdicts.h"

#define ROWS_DEFAULT 100
#define ROWS_MOST 1000     /* objects a page */
#define COLUMNS_MOST 20000 /* rows of a page in columns, or ids */
#define FILES_MOST 5000

/* --- the table */

static bool level_of(const char *word, bool *ret_subjects, struct err *err)
{
    *ret_subjects = !strcmp(word, "subject");
    return *ret_subjects || !strcmp(word, "study") ||
        err_set(err, ERR_USAGE, "level is study or subject, not '%.40s'", word);
}

static bool query_of(const struct request *q, int64_t project, struct studies_query *ret,
                     struct err *err)
{
    const char *sort = request_text(q, "sort", "name"), *shape = request_text(q, "shape", ""),
               *order = request_text(q, "order", "asc");
    bool objects = !*shape;
    int64_t most = objects ? ROWS_MOST : COLUMNS_MOST,
            limit = request_int(q, "limit", objects ? ROWS_DEFAULT : COLUMNS_MOST);
    *ret = (struct studies_query){
        .project = project,
        .sort = studies_sort_named(sort),
        .descending = !strcmp(order, "desc"),
        .offset = request_int(q, "offset", 0),
        .limit = limit < most ? limit : most,
        .shape = !strcmp(shape, "columns") ? STUDIES_COLUMNS
            : !strcmp(shape, "ids")        ? STUDIES_IDS
                                           : STUDIES_OBJECTS,
    };
    if (ret->sort == STUDIES_SORTS) {
        return err_set(err, ERR_USAGE, "sort: there is no column '%.40s'", sort);
    }
    if (!objects && ret->shape == STUDIES_OBJECTS) {
        return err_set(err, ERR_USAGE, "shape is columns or ids, not '%.40s'", shape);
    }
    return (ret->descending || !strcmp(order, "asc") ||
            err_set(err, ERR_USAGE, "order is asc or desc")) &&
        level_of(request_text(q, "level", "study"), &ret->subjects, err);
}

/* --- filter bars (Q1, Q2) */

struct job_rows {
    struct store *s;
    int64_t project;
    struct jobs_row *row;
    size_t n;
    bool read;
};

/* All at once when the first is asked for: one by one ten thousand would be felt. */
static bool jobs_for_filter(void *arg, int64_t item, struct filter_jobs *ret, struct err *err)
{
    struct job_rows *all = arg;
    int64_t first = 0, last = -1;
    if (!all->read &&
        (!store_int(all->s, 0, &first, err,
                    "SELECT min(id) FROM item WHERE project_id=?1 AND level IN "
                    "('study','subject')",
                    "i", all->project) ||
         !store_int(all->s, -1, &last, err,
                    "SELECT max(id) FROM item WHERE project_id=?1 AND level IN "
                    "('study','subject')",
                    "i", all->project) ||
         !jobs_between(all->s, first, last, &all->row, &all->n, err))) {
        return false;
    }
    all->read = true;
    const struct jobs_row *row = jobs_find(all->row, all->n, item);
    *ret = row ? (struct filter_jobs){row->counts.queued, row->counts.running, row->counts.failed,
                                      row->counts.done}
               : (struct filter_jobs){0, 0, 0, 0};
    return true;
}

/* Ids that pass both bars; *ret NULL when there are none. */
static bool filtered(const struct request *q, const struct studies_query *query, json_t **ret,
                     struct err *err)
{
    static const char *const names[] = {"filter", "filter2"};
    struct job_rows jobs = {.s = q->api->store, .project = query->project};
    struct filter *bars[2] = {NULL, NULL};
    int64_t *ids = NULL;
    size_t n = 0, n_ids = 0;
    bool ok = true;
    *ret = NULL;
    for (size_t i = 0; ok && i < 2; i++) {
        const char *text = request_text(q, names[i], "");
        if (*text) {
            bars[n] = filter_parse(text, err);
            ok = bars[n] != NULL;
            n += ok;
        }
    }
    ok = ok &&
        (n == 0 ||
         (filter_items(q->api->store, query->project, query->subjects, bars, n, jobs_for_filter,
                       &jobs, &ids, &n_ids, err) &&
          (*ret = json_array())));
    for (size_t i = 0; ok && i < n_ids; i++) {
        ok = json_array_append_new(*ret, json_integer(ids[i])) == 0;
    }
    filter_free(bars[0]);
    filter_free(bars[1]);
    mem_free(jobs.row);
    mem_free(ids);
    return ok;
}

static bool list(struct request *q, struct reply *r, struct err *err)
{
    struct studies_query query;
    struct str out = STR_INIT;
    int64_t project;
    json_t *in = NULL;
    if (!scope_project(q, &project, err) || !query_of(q, project, &query, err)) {
        return false;
    }
    bool ok = filtered(q, &query, &in, err);
    query.in = in;
    str_addf(&out, "{\"seq\":%" PRId64 ",", hub_seq(q->api->hub));
    ok = ok && studies_write(q->api->store, &query, &out, err);
    json_decref(in);
    str_addc(&out, '}');
    char *text = ok ? str_take(&out, err) : NULL;
    str_fini(&out);
    return text && reply_json_text(r, 200, text, err);
}

static bool show(struct request *q, struct reply *r, struct err *err)
{
    int64_t id, limit = request_int(q, "limit", FILES_MOST);
    limit = limit < 0 || limit > FILES_MOST ? FILES_MOST : limit;
    json_t *row = request_id(q, 0, &id, err) && scope_item(q, id, NULL, err)
        ? studies_show(q->api->store, id, limit, err)
        : NULL;
    return row && reply_json(r, 200, row, err);
}

/* --- what people say */

static bool verdicts(struct request *q, struct reply *r, struct err *err)
{
    int64_t run, item = request_int(q, "item", 0);
    if (!request_id(q, 0, &run, err) || !scope_run(q, run, NULL, err)) {
        return false;
    }
    json_t *doc = item ? verdicts_files(q->api->store, run, item, err)
                       : verdicts_rows(q->api->store, run, err);
    return doc && reply_json(r, 200, doc, err);
}

static bool judge(struct request *q, struct reply *r, struct err *err)
{
    int64_t run = json_get_int(q->body, "run", 0), item = json_get_int(q->body, "item", 0);
    if (!scope_run(q, run, NULL, err) || !scope_item(q, item, NULL, err)) {
        return false;
    }
    return scope_answer_op(q, r, "verdict.put",
                           json_pack("{s:I, s:I, s:b, s:s, s:s}", "run", (json_int_t)run, "item",
                                     (json_int_t)item, "good",
                                     (int)json_get_bool(q->body, "good", false), "comment",
                                     json_get_text(q->body, "comment", ""), "user", q->who.name),
                           err);
}

/* Fix and rerun (J4): an edited job runs again for exactly the items of these tasks. */
static bool rerun(struct request *q, struct reply *r, struct err *err)
{
    json_t *tasks = json_object_get(q->body, "tasks");
    return scope_tasks(q, tasks, err) &&
        scope_answer_op(q, r, "run.rerun",
                        json_pack("{s:O, s:O, s:s}", "tasks", tasks, "job",
                                  json_object_get(q->body, "job"), "user", q->who.name),
                        err);
}

static const struct route_param list_params[] = {
    {IN_QUERY, "project", P_INT, true, "its id"},
    {IN_QUERY, "level", P_TEXT, false, "study (default) or subject"},
    {IN_QUERY, "filter", P_TEXT, false,
     "a filter bar: space = OR, & = AND, STAG: PTAG: FTAG: SDESC: JOB:q|r|e|d"},
    {IN_QUERY, "filter2", P_TEXT, false, "a second one: rows must pass both"},
    {IN_QUERY, "sort", P_TEXT, false,
     "name (default: subject, date), sid, date, files, status, changed"},
    {IN_QUERY, "order", P_TEXT, false, "asc (default) or desc"},
    {IN_QUERY, "offset", P_INT, false, "rows to leave out"},
    {IN_QUERY, "limit", P_INT, false, "rows to give: 100, at most 1000; in columns at most 20000"},
    {IN_QUERY, "shape", P_TEXT, false, "columns: one array a column; ids: only which rows fit"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param show_params[] = {
    {IN_QUERY, "limit", P_INT, false, "files at most: 5000"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param verdicts_params[] = {
    {IN_QUERY, "item", P_INT, false, "instead of the list: what this item's jobs read and wrote"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param judge_params[] = {
    {IN_BODY, "run", P_INT, true, "the run whose output was looked at"},
    {IN_BODY, "item", P_INT, true, "the study"},
    {IN_BODY, "good", P_BOOL, true, "good, or bad: becomes a tag of the study"},
    {IN_BODY, "comment", P_TEXT, false, "why"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param rerun_params[] = {
    {IN_BODY, "tasks", P_IDS, true, "tasks of one job, all of them over"},
    {IN_BODY, "job", P_OBJECT, true, "the job as it shall be now, with the id it had"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_studies[] = {
    {"GET", "/api/v1/studies", ROLE_VIEWER,
     "The studies or subjects of a project: filtered, ordered, in pages", list_params, list, false},
    {"GET", "/api/v1/studies/{id}", ROLE_VIEWER, "One study or subject with its files", show_params,
     show, false},
    {"GET", "/api/v1/runs/{id}/verdicts", ROLE_VIEWER,
     "The items of a run, with what was said of them; or one item's inputs and outputs",
     verdicts_params, verdicts, false},
    {"POST", "/api/v1/tasks/rerun", ROLE_OPERATOR,
     "Run an edited job, and those behind it, again for the items of these tasks", rerun_params,
     rerun, false},
    {"POST", "/api/v1/verdicts", ROLE_OPERATOR, "Say of a study that a run's output is good or bad",
     judge_params, judge, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
