/*
 * validation.create: a prediction held against the truth, as a run of its own. Of masks there is a
 * job `compare` for each series that has a truth; a collecting job `report` makes the tables and
 * the PDF. What has no truth, or no prediction, is in the plan with its reason.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "engine/op-catalog.h"
#include "engine/op-run.h"
#include "engine/op.h"
#include "engine/validation-plan.h"

#define NAMED 20 /* series without a truth that the answer names */

static bool out_of_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

/* {"FILE": pattern, "of": the prediction}; new reference. */
static json_t *of_prediction(const struct validation_plan *p, const char *pattern, bool optional)
{
    char run[32];
    (void)snprintf(run, sizeof run, "RUN#%" PRId64, p->of);
    return json_pack("{s:s, s:s, s:b}", "FILE", pattern, "of", run, "optional", (int)optional);
}

static json_t *batch_of(const struct validation_plan *p, struct err *err)
{
    json_t *compare =
        json_pack("{s:s, s:s, s:{s:o, s:o, s:s, s:s, s:i, s:f, s:{s:s}}}", "id", "compare", "tool",
                  "predict.compare", "args", "prediction", of_prediction(p, "mask.nii.gz", false),
                  "facts", of_prediction(p, "mask.json", true), "truth", "", "truth_stamp", "",
                  "validation", 0, "tolerance", p->tolerance, "result", "OUT", "compare.json");
    json_t *found = p->table ? of_prediction(p, "values.json", true)
                             : json_pack("{s:s, s:b}", "FILE", "compare.json", "optional", 1);
    json_t *report =
        json_pack("{s:s, s:s, s:b, s:{s:o, s:s, s:i, s:{s:s}, s:{s:s}, s:{s:s}}}", "id", "report",
                  "tool", "predict.report", "collect", 1, "args", "found", found, "plan", "",
                  "validation", 0, "summary", "OUT", "validation.json", "table", "OUT",
                  "validation.csv", "pdf", "OUT", "report.pdf");
    char *name = mem_printf(err, "validate-%s", p->model);
    json_t *batch = !name || !compare || !report ? NULL
        : p->table ? json_pack("{s:i, s:s, s:s, s:[O]}", "gantry", 1, "name", name, "level",
                               "series", "jobs", report)
                   : json_pack("{s:i, s:s, s:s, s:[O, O]}", "gantry", 1, "name", name, "level",
                               "series", "jobs", compare, report);
    if (!batch) {
        (void)out_of_memory(err);
    }
    mem_free(name);
    json_decref(compare);
    json_decref(report);
    return batch;
}

/* What each task works on: its truth, and how that looked when it was found (other truth is other
 * work). */
static bool put_truth(struct store *s, int64_t run, const json_t *row, struct err *err)
{
    const char *truth = json_get_text(row, "truth", "");
    char stamp[64] = "";
    struct stat st;
    if (!truth[0]) {
        return true;
    }
    if (stat(truth, &st) == 0) {
        (void)snprintf(stamp, sizeof stamp, "%lld:%lld.%09ld", (long long)st.st_size,
                       (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    }
    json_t *params = json_pack("{s:s, s:s, s:I}", "truth", truth, "truth_stamp", stamp,
                               "validation", (json_int_t)run);
    bool ok = params ? store_exec(s, err,
                                  "UPDATE task SET params=?3 WHERE run_id=?1 AND item_id=?2 AND "
                                  "job_id='compare'",
                                  "iij", run, json_get_int(row, "item", 0), params)
                     : out_of_memory(err);
    json_decref(params);
    return ok;
}

static bool put_plan(struct store *s, const struct validation_plan *p, int64_t run,
                     const char *folder, struct err *err)
{
    char *plan = mem_printf(err, "%s/%s", folder, VALIDATION_PLAN);
    json_t *params =
               plan ? json_pack("{s:s, s:I}", "plan", plan, "validation", (json_int_t)run) : NULL,
           *row;
    size_t i;
    bool ok = params || (plan && out_of_memory(err));
    ok = ok &&
        store_exec(s, err, "UPDATE task SET params=?2 WHERE run_id=?1 AND job_id='report'", "ij",
                   run, params);
    json_array_foreach(p->series, i, row)
    {
        ok = ok && (p->table || put_truth(s, run, row, err));
    }
    json_decref(params);
    mem_free(plan);
    return ok;
}

/* What is missing, by name. */
static bool put_missing(const struct validation_plan *p, json_t *answer, struct err *err)
{
    json_t *missing = json_array(), *row;
    size_t i, n = json_array_size(p->series), with = json_array_size(p->items);
    bool ok = json_put(answer, "missing", missing, err);
    json_array_foreach(p->series, i, row)
    {
        const char *reason = json_get_text(row, "reason", "");
        ok = ok &&
            (!reason[0] || json_array_size(missing) == NAMED ||
             json_array_append_new(missing,
                                   json_pack("{s:s, s:s}", "name", json_get_text(row, "name", ""),
                                             "reason", reason)) == 0 ||
             out_of_memory(err));
    }
    return ok && json_put(answer, "series", json_integer((json_int_t)n), err) &&
        json_put(answer, "with_truth", json_integer((json_int_t)with), err);
}

/* The run by the operation that makes all runs, then what makes it a validation. */
static bool launch(struct engine *e, struct store *s, const json_t *args,
                   const struct validation_plan *p, json_t *answer, struct err *err)
{
    json_t *batch = batch_of(p, err), *made = NULL;
    json_t *run_args = batch
        ? json_pack("{s:I, s:O, s:O, s:O*, s:s*, s:{s:s}}", "project", (json_int_t)p->project,
                    "batch", batch, "items", p->items, "user", json_object_get(args, "user"), "rec",
                    p->own_rec, "options", "on_error", "continue")
        : NULL;
    bool ok =
        (run_args || (batch && out_of_memory(err))) && op_run_create(e, s, run_args, &made, err);
    int64_t run = json_get_int(made, "run", 0);
    char *folder = ok ? mem_printf(err, "%s/validations/%" PRId64, p->rec, run) : NULL;
    ok = folder &&
        store_exec(s, err,
                   "INSERT INTO validation(run_id,of_run,kind,truth,folder) VALUES(?1,?2,?3,?4,?5)",
                   "iisss", run, p->of, p->table ? "labels" : "masks", p->shown, folder) &&
        put_plan(s, p, run, folder, err) && validation_plan_write(p, run, folder, err) &&
        json_put(answer, "run", json_integer(run), err) &&
        json_put(answer, "project", json_integer(p->project), err) &&
        json_put(answer, "folder", json_string(folder), err);
    mem_free(folder);
    json_decref(made);
    json_decref(run_args);
    json_decref(batch);
    return ok;
}

/* {"run" (the prediction), "truth" (absolute), "tolerance"?, "positive"?, "user"?} -> {run,
 * project, folder, series, with_truth, missing: [{name, reason}] (the first)} */
static bool op_create(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                      struct err *err)
{
    struct validation_plan plan;
    json_t *answer;
    if (!validation_plan_open(s, args, &plan, err)) {
        return false;
    }
    bool ok = op_answer(&answer, err) && put_missing(&plan, answer, err) &&
        launch(e, s, args, &plan, answer, err);
    validation_plan_close(&plan);
    return op_finish(ok, answer, ret);
}

const struct op ops_validation[] = {
    {"validation.create", op_create},
    {NULL, NULL},
};
