/* Batch Predictions: the table, the form's check, submitting, and the series of one. Retrying and
 * cancelling are those of runs (route-runs.c), logs those of tasks. */
#include <inttypes.h>
#include <string.h>
#include "api/access.h"
#include "api/recent.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/clock.h"
#include "base/mem.h"
#include "report/predictions.h"

#define ROWS_DEFAULT 100
#define ROWS_MOST 1000

/* --- looking */

static int64_t within_limits(int64_t n)
{
    return n < 0 ? 0 : n < ROWS_MOST ? n : ROWS_MOST;
}

/* "asc" or "desc". */
static bool order_of(struct request *q, const char *usual, bool *ret, struct err *err)
{
    const char *word = request_text(q, "order", usual);
    *ret = !strcmp(word, "desc");
    return *ret || !strcmp(word, "asc") || err_set(err, ERR_USAGE, "order is asc or desc");
}

static bool list(struct request *q, struct reply *r, struct err *err)
{
    struct predictions_query query = {.filter = request_text(q, "filter", ""),
                                      .sort = request_text(q, "sort", "id"),
                                      .limit = within_limits(request_int(q, "limit", ROWS_DEFAULT)),
                                      .offset = request_int(q, "offset", 0)};
    int64_t begun = clock_mono_us();
    char *within = NULL, *key = NULL;
    bool done = false;
    query.offset = query.offset < 0 ? 0 : query.offset;
    if (!predictions_sorts(query.sort)) {
        return err_set(err, ERR_USAGE,
                       "sort is id, model, dataset, user, progress, started, ended or state");
    }
    bool ok = order_of(q, request_has(q, "sort") ? "asc" : "desc", &query.descending, err) &&
        scope_maybe_project(q, &query.project, err) && scope_within(q, &within, err) &&
        (key = mem_printf(err, "predictions %" PRId64 " %s %d %" PRId64 " %" PRId64 " %s|%s",
                          query.project, query.sort, query.descending, query.offset, query.limit,
                          within ? within : "", query.filter)) &&
        recent_answer(q, r, key, &done, err);
    if (ok && !done) {
        query.within = within;
        ok = recent_keep(q, r, key, begun, predictions_list(q->api->store, &query, err), err);
    }
    mem_free(within);
    mem_free(key);
    return ok;
}

/* The number of a prediction that who asks may see. */
static bool prediction_of(struct request *q, int64_t *ret, struct err *err)
{
    return request_id(q, 0, ret, err) && scope_run(q, *ret, NULL, err);
}

static bool show(struct request *q, struct reply *r, struct err *err)
{
    int64_t run;
    json_t *doc = prediction_of(q, &run, err) ? predictions_show(q->api->store, run, err) : NULL;
    return doc && reply_json(r, 200, doc, err);
}

static bool series(struct request *q, struct reply *r, struct err *err)
{
    struct prediction_series_query query = {
        .filter = request_text(q, "filter", ""),
        .group = request_text(q, "group", ""),
        .sort = request_text(q, "sort", "name"),
        .limit = within_limits(request_int(q, "limit", ROWS_DEFAULT)),
        .offset = request_int(q, "offset", 0),
        .walk = request_has(q, "after"),
        .after = request_int(q, "after", 0)};
    query.offset = query.offset < 0 ? 0 : query.offset;
    if (!prediction_series_sorts(query.sort)) {
        return err_set(err, ERR_USAGE, "sort is name, patient, date, slices, state or seconds");
    }
    if (!prediction_of(q, &query.run, err) || !order_of(q, "asc", &query.descending, err)) {
        return false;
    }
    json_t *doc = prediction_series(q->api->store, &query, err);
    return doc && reply_json(r, 200, doc, err);
}

/* --- submitting */

/* The data set's project, which who asks must have rights on: what he may not see is not there. */
static bool dataset_project(struct request *q, struct err *err)
{
    const json_t *wanted = json_object_get(q->body, "dataset");
    const char *name = json_string_value(wanted);
    int64_t id = json_integer_value(wanted), project = 0;
    if (!wanted || json_is_null(wanted) || (!id && (!name || !name[0]))) {
        return err_set(err, ERR_USAGE, "Select Dataset: no data set was chosen");
    }
    if (!store_int(q->api->store, 0, &project, err,
                   "SELECT project_id FROM dataset WHERE (?1>0 AND id=?1) OR (?1<=0 AND name=?2)",
                   "is", id, name ? name : "")) {
        return false;
    }
    return ((project && access_sees(&q->who, project)) ||
            err_set(err, ERR_NOTHING, "there is no such data set")) &&
        access_project(q, project, err);
}

static json_t *arguments(struct request *q, struct err *err)
{
    static const char *const fields[] = {"dataset",  "model", "settings",     "items",
                                         "series",   "trial", "skip_misfits", "again_of",
                                         "priority", NULL};
    int64_t again = json_get_int(q->body, "again_of", 0);
    if (!json_get_text(q->body, "model", "")[0]) {
        (void)err_set(err, ERR_USAGE, "Select Model: no model was chosen");
        return NULL;
    }
    if (!dataset_project(q, err) || (again && !scope_run(q, again, NULL, err))) {
        return NULL;
    }
    json_t *args = json_object();
    bool ok = args && json_put(args, "user", json_string(q->who.name), err);
    for (size_t i = 0; ok && fields[i]; i++) {
        ok = scope_copy(q, fields[i], args, fields[i], err);
    }
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

static bool check(struct request *q, struct reply *r, struct err *err)
{
    json_t *args = arguments(q, err);
    return args && scope_answer_op(q, r, "prediction.check", args, err);
}

/* Series that do not fit are told with the refusal, so that the page can ask. */
static bool all_fit(struct request *q, struct reply *r, const json_t *args, struct err *err)
{
    if (json_get_bool(args, "skip_misfits", false) || json_get_bool(args, "trial", false)) {
        return true;
    }
    json_t *found = request_op(q, "prediction.check", args, err);
    json_t *misfits = json_incref(json_object_get(found, "misfits"));
    bool fit = found && json_array_size(misfits) == 0;
    if (found && !fit) {
        reply_status(r, 409);
        (void)(reply_detail(r, "misfits", json_incref(misfits), err) &&
               reply_detail(r, "fit", json_incref(json_object_get(found, "fit")), err) &&
               err_set(err, ERR_USAGE, "not all series fit the model: %s",
                       json_get_text(found, "text", "")));
    }
    json_decref(misfits);
    json_decref(found);
    return fit;
}

static bool submit(struct request *q, struct reply *r, struct err *err)
{
    json_t *args = arguments(q, err);
    json_t *answer =
        args && all_fit(q, r, args, err) ? request_op(q, "prediction.create", args, err) : NULL;
    json_decref(args);
    return answer && reply_json(r, 201, answer, err);
}

static const struct route_param list_params[] = {
    {IN_QUERY, "project", P_INT, false, "of this project only"},
    {IN_QUERY, "filter", P_TEXT, false, "words: number, model, data set, user, status"},
    {IN_QUERY, "sort", P_TEXT, false,
     "id (newest first), model, dataset, user, progress, started, ended, state"},
    {IN_QUERY, "order", P_TEXT, false, "asc or desc"},
    {IN_QUERY, "offset", P_INT, false, "rows to pass over"},
    {IN_QUERY, "limit", P_INT, false, "most rows: 100"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param series_params[] = {
    {IN_QUERY, "filter", P_TEXT, false, "words: name, patient, date, modality, message"},
    {IN_QUERY, "group", P_TEXT, false, "waiting, running, done, failed or cancelled ones only"},
    {IN_QUERY, "sort", P_TEXT, false, "name, patient, date, slices, state (failed first), seconds"},
    {IN_QUERY, "order", P_TEXT, false, "asc or desc"},
    {IN_QUERY, "offset", P_INT, false, "rows to pass over"},
    {IN_QUERY, "limit", P_INT, false, "most rows: 100"},
    {IN_QUERY, "after", P_INT, false,
     "for all rows of a long list: those behind the row of this task, by task (0 first); total "
     "then "
     "comes with the first page only"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param submit_params[] = {
    {IN_BODY, "model", P_TEXT, false, "a registered model that is not archived (required)"},
    {IN_BODY, "dataset", P_ANY, false, "a data set, by number or name (required)"},
    {IN_BODY, "settings", P_OBJECT, false, "settings of the model that are not its defaults"},
    {IN_BODY, "items", P_IDS, false, "only these series of it"},
    {IN_BODY, "series", P_TEXTS, false, "and those that selectors mean, as --series"},
    {IN_BODY, "trial", P_BOOL, false, "one series only, before everything else"},
    {IN_BODY, "skip_misfits", P_BOOL, false, "submit the rest when some do not fit"},
    {IN_BODY, "again_of", P_INT, false, "the prediction that this one is a duplicate of"},
    {IN_BODY, "priority", P_INT, false, "higher goes first"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_predictions[] = {
    {"GET", "/api/v1/predictions", ROLE_VIEWER, "The Batch Prediction table", list_params, list,
     false},
    {"POST", "/api/v1/predictions", ROLE_OPERATOR,
     "Submit a batch prediction; 409 with 'misfits' when series do not fit the model",
     submit_params, submit, false},
    {"POST", "/api/v1/predictions/check", ROLE_VIEWER,
     "What a submission would do: who fits, how long it takes; submits nothing", submit_params,
     check, false},
    {"GET", "/api/v1/predictions/{run}", ROLE_VIEWER, "One batch prediction with its settings",
     NULL, show, false},
    {"GET", "/api/v1/predictions/{run}/series", ROLE_VIEWER,
     "Its series: states, times, values, messages", series_params, series, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
