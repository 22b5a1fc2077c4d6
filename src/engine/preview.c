/* Tasks bound as at dispatch, in a run that is not in the store. */
#include "engine/preview.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "collect/cached.h"
#include "engine/prepare.h"
#include "engine/study-memo.h"
#include "engine/study.h"
#include "engine/validate.h"
#include "plan/batch.h"

/* Items that are planned for an estimate. */
#define SUMMARY_SAMPLE 20
/* Studies whose files are looked for with one question. */
#define SLICE 500

/* The run as it would be, for a dry run: not in the store. */
bool preview_run(struct store *s, const json_t *args, json_t *batch, json_t *params,
                 json_t *options, struct active *r, struct err *err)
{
    struct query *q = store_query(s, err, "SELECT name,root,rec,attempts FROM project WHERE id=?1",
                                  "i", json_get_int(args, "project", 0));
    bool ok = q && query_next(q);
    *r = (struct active){.project = json_get_int(args, "project", 0),
                         .batch = batch,
                         .params = params,
                         .options = options};
    if (ok) {
        r->project_name = mem_strdup(query_text(q, 0), err);
        r->root = mem_strdup(query_text(q, 1), err);
        r->rec = mem_strdup(json_get_text(args, "rec", query_text(q, 2)), err);
        r->attempts = mem_strdup(query_text(q, 3), err);
        r->user = mem_strdup("", err);
        ok = r->project_name && r->root && r->rec && r->attempts && r->user;
    } else if (q) {
        ok = err_set(err, ERR_USAGE, "there is no such project");
    }
    struct err late;
    return q && query_end(q, ok ? err : &late) && ok;
}

void preview_fini(struct active *r)
{
    mem_free(r->project_name);
    mem_free(r->root);
    mem_free(r->rec);
    mem_free(r->attempts);
    mem_free(r->user);
}

/* The parameter that an earlier job of the batch will find for this one; NULL when none. */
static const char *found_later(const struct engine *e, const struct active *run, int job)
{
    const json_t *jobs = json_object_get(run->batch, "jobs");
    const struct tool *tool = batch_tool(json_array_get(jobs, (size_t)job), e->tools);
    const char *key, *name = NULL;
    json_t *bound;
    json_object_foreach(json_object_get(tool ? tool->gantry : NULL, "bind"), key, bound)
    {
        name = str_equal(json_string_value(bound), "cor") ? key : name;
    }
    for (int i = 0; name && i < job; i++) {
        if (select_has_phase(e, json_array_get(jobs, (size_t)i), "infer")) {
            return name;
        }
    }
    return NULL;
}

/* What the table says of an item; a name for one that is gone. */
static bool read_item(struct store *s, int64_t item, struct item_row *ret, struct err *err)
{
    struct query *q =
        store_query(s, err, "SELECT " ITEM_ROW_COLUMNS " FROM item i WHERE i.id=?1", "i", item);
    bool found = q && query_next(q), ok = found && item_row_take(q, 0, ret, err);
    struct err late;
    return q && query_end(q, ok || !found ? err : &late) &&
        (ok || (!found && err_bug(err, "a plan without its item")));
}

static json_t *plan_row(struct engine *e, struct store *s, struct active *run, int64_t item,
                        const struct item_row *about, int job, struct err *err)
{
    struct bound b = {0};
    struct err why = {ERR_NONE, ""};
    const json_t *j = json_array_get(json_object_get(run->batch, "jobs"), (size_t)job);
    struct prepare in = {.run = run,
                         .row = about,
                         .item = item,
                         .job = job,
                         .n = 1,
                         .threads = e->threads > 0 ? e->threads : 1,
                         .gpu = -1,
                         .dir = "ATTEMPT"};
    int64_t cached = 0;
    bool ok = prepare_task(e, s, &in, &b, &why);
    const char *later = ok ? NULL : found_later(e, run, job);
    later = later && prepare_without_centre(e, s, &in, &b, &why) ? later : NULL;
    /* the centre comes from an earlier job of this run: known only then */
    if (ok &&
        !cached_find(s, run->project, b.fingerprint, &cached,
                     err_ignore("then it will be found at dispatch"))) {
        cached = 0;
    }
    json_t *row =
        json_pack("{s:s, s:s, s:s, s:O*, s:O*, s:O*, s:O*, s:I, s:I, s:b, s:s}", "item",
                  about->name, "job", json_get_text(j, "id", ""), "tool",
                  json_get_text(j, "tool", ""), "command", b.command, "inputs", b.inputs, "outputs",
                  b.outputs, "params", b.params, "bytes", (json_int_t)b.estimate.bytes, "memory",
                  (json_int_t)b.estimate.memory, "cached", (int)(cached != 0), "note",
                  ok ? (b.blocked_path ? "an output exists and is not Gantry's" : "") : why.text);
    if (!row) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    if (row && !ok && why.code == ERR_FAILED && validate_made_before(run->batch, (size_t)job)) {
        (void)json_object_set_new(row, "note",
                                  json_string("reads what an earlier job of the batch makes"));
    }
    if (row && later) {
        (void)json_object_set_new(json_object_get(row, "params"), later, json_null());
        (void)json_object_set_new(row, "note", json_string("centre comes from infer"));
    }
    bound_fini(&b);
    return row;
}

/* The jobs from `first` until before `end`, for one item. */
static bool plan_item(struct engine *e, struct store *s, struct active *run, int64_t item,
                      size_t first, size_t end, json_t *plan, struct err *err)
{
    struct item_row about = {.cor = NAN};
    bool ok = read_item(s, item, &about, err);
    for (size_t k = first; ok && k < end; k++) {
        json_t *row = plan_row(e, s, run, item, &about, (int)k, err);
        ok = row &&
            (json_array_append_new(plan, row) == 0 || err_set(err, ERR_NOMEM, "out of memory"));
    }
    item_row_fini(&about);
    return ok;
}

bool preview_plan(struct engine *e, struct store *s, struct active *run,
                  const struct selection *sel, json_t *answer, struct err *err)
{
    json_t *plan = json_array();
    size_t jobs = json_array_size(json_object_get(run->batch, "jobs")),
           each = batch_collect_from(run->batch);
    bool ok = plan || err_set(err, ERR_NOMEM, "out of memory");
    bool cohort = study_level(json_get_text(run->batch, "level", "scan"));
    run->memo = ok && cohort ? memo_new(run->project, run->batch, err) : NULL;
    ok = ok && (run->memo || !cohort);
    for (size_t i = 0; ok && i < sel->n; i++) {
        size_t n = sel->n - i < SLICE ? sel->n - i : SLICE;
        ok = (!cohort || i % SLICE || memo_slice(run->memo, s, sel->ids + i, n, err)) &&
            plan_item(e, s, run, sel->ids[i], 0, each, plan, err);
    }
    /* once, over all items */
    ok = ok && (!sel->n || plan_item(e, s, run, sel->ids[0], each, jobs, plan, err));
    memo_free(run->memo);
    run->memo = NULL;
    return json_put(answer, "plan", plan, ok ? err : err_ignore("the first error stays")) && ok;
}

/* How much is written and how much memory the largest task needs, from some of the items: planning
 * each of a hundred thousand would hold the engine. */
static bool estimate(struct engine *e, struct store *s, struct active *run,
                     const struct selection *sel, json_t *answer, struct err *err)
{
    size_t jobs = batch_collect_from(run->batch);
    size_t looked = sel->n < SUMMARY_SAMPLE ? sel->n : SUMMARY_SAMPLE, known = 0;
    int64_t bytes = 0, memory = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < looked; i++) {
        json_t *rows = json_array(), *row;
        size_t k;
        ok = rows && plan_item(e, s, run, sel->ids[i * sel->n / looked], 0, jobs, rows, err);
        json_array_foreach(rows, k, row)
        {
            bytes += json_get_int(row, "bytes", 0);
            memory =
                json_get_int(row, "memory", 0) > memory ? json_get_int(row, "memory", 0) : memory;
        }
        json_decref(rows);
        known++;
    }
    double share = known ? (double)sel->n / (double)known : 0;
    return ok &&
        json_put(answer, "bytes", json_integer((json_int_t)((double)bytes * share)), err) &&
        json_put(answer, "memory", json_integer(memory), err) &&
        json_put(answer, "estimated_from", json_integer(known), err);
}

bool preview_sum(struct engine *e, struct store *s, struct active *run, const struct selection *sel,
                 json_t *answer, struct err *err)
{
    json_t *phases = json_array(), *gpus = json_array();
    const json_t *job, *asked = json_object_get(run->options, "gpus");
    size_t i;
    size_t each = batch_collect_from(run->batch),
           jobs = json_array_size(json_object_get(run->batch, "jobs"));
    json_int_t tasks = (json_int_t)sel->n * (json_int_t)each + (json_int_t)(jobs - each);
    int64_t slots = json_get_int(run->options, "slots", 0);
    json_array_foreach(json_object_get(run->batch, "jobs"), i, job)
    {
        (void)json_array_append(phases, json_object_get(job, "id"));
    }
    for (i = 0; i < e->n_gpus; i++) {
        (void)json_array_append_new(gpus, json_integer((json_int_t)i));
    }
    bool ok = json_put(answer, "items", json_integer((json_int_t)sel->n), err) &&
        json_put(answer, "tasks", json_integer(tasks), err) &&
        json_put(answer, "phases", json_incref(phases), err) &&
        json_put(answer, "slots",
                 json_integer(slots && (slots < e->slots || !e->slots) ? slots : e->slots), err) &&
        json_put(answer, "gpus", json_incref((json_t *)(asked ? asked : gpus)), err) &&
        estimate(e, s, run, sel, answer, err);
    json_decref(phases);
    json_decref(gpus);
    return ok;
}
