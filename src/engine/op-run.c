/* Launching: from a batch and a selection to rows of run and task; the plan without launching;
 * taking up what was left. */
#include "engine/op-run.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/cor.h"
#include "collect/cached.h"
#include "engine/batches.h"
#include "engine/engine.h"
#include "engine/launch.h"
#include "engine/prepare.h"
#include "os/file.h"
#include "plan/batch.h"

/* Items that are planned for an estimate. */
#define SUMMARY_SAMPLE 20
/* Skipped items that a refusal names. */
#define SKIPPED_NAMED 4

const struct op ops_run[] = {
    {"run.create", op_run_create},
    {"run.resume", op_run_resume},
    {"run.interrupt", op_run_interrupt},
    {"task.signal", op_task_signal},
    {"task.retry", op_task_retry},
    {"task.clear", op_task_clear},
    {"task.why", op_task_why},
    {"item.adopt", op_item_adopt},
    {"batch.save", op_batch_save},
    {"batch.rm", op_batch_remove},
    {"engine.state", op_engine_state},
    {"engine.flush", op_engine_flush},
    {NULL, NULL},
};

json_t *op_find_batch(struct engine *e, struct store *s, const json_t *wanted, struct err *err)
{
    json_t *batch = NULL;
    if (json_is_string(wanted)) {
        batch = batches_find(s, json_string_value(wanted), err);
    } else {
        batch = json_is_object(wanted) ? json_deep_copy(wanted) : NULL;
        if (!batch) {
            (void)err_set(err, ERR_USAGE, "no batch was named");
        }
    }
    if (batch && !batch_check(batch, e->tools, err)) {
        json_decref(batch);
        batch = NULL;
    }
    return batch;
}

static bool has_phase(const struct engine *e, const json_t *job, const char *phase)
{
    const struct tool *tool = batch_tool(job, e->tools);
    return tool && str_equal(json_get_text(tool->gantry, "phase", NULL), phase);
}

/* Does the batch need a centre that nothing in it finds? Try and full do (C2), unless infer runs
 * too or `auto` is asked. */
static bool centre_wanted(const struct engine *e, const json_t *batch, const json_t *params)
{
    size_t i;
    json_t *job;
    bool wanted = false;
    if (str_equal(json_get_text(params, "rotation_axis_auto", NULL), "auto") ||
        json_is_number(json_object_get(params, "rotation_axis"))) {
        return false;
    }
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        const struct tool *tool = batch_tool(job, e->tools);
        if (has_phase(e, job, "infer")) {
            return false;
        }
        wanted = wanted || has_phase(e, job, "try") || (tool && tool_needs_centre(tool));
    }
    return wanted;
}

/* Why an item of this kind is nothing for the batch; NULL when it is. A step takes scans unless its
 * descriptor says otherwise. */
static const char *unfit(const struct engine *e, const json_t *batch, const char *kind)
{
    size_t i, k;
    json_t *job, *take;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        const struct tool *tool = batch_tool(job, e->tools);
        const json_t *takes = tool ? json_object_get(tool->gantry, "takes") : NULL;
        bool fits = false;
        if (!tool || (strcmp(tool->kind, "step") && !json_object_get(tool->gantry, "reads"))) {
            continue;
        }
        json_array_foreach(takes, k, take)
        {
            fits = fits || str_equal(json_string_value(take), kind);
        }
        if (!fits && (takes || strcmp(kind, "hdf5-projections"))) {
            return takes ? "is not a kind of file that this batch takes" : "has no projections";
        }
    }
    return NULL;
}

struct selection {
    int64_t *ids;
    size_t n;
    json_t *skipped;               /* [{name, reason}] */
    json_t *missing, *missing_ids; /* names without any centre, and their rows */
    const struct engine *engine;
    const json_t *batch, *params; /* to be checked against the items' own parameters */
    struct launch_reads reads;
    struct launch_enable enable;
};

static bool skip(struct selection *sel, int64_t id, const char *name, const char *reason,
                 struct err *err)
{
    json_t *row =
        json_pack("{s:I, s:s, s:s}", "id", (json_int_t)id, "name", name, "reason", reason);
    return (row && json_array_append_new(sel->skipped, row) == 0) ||
        err_set(err, ERR_NOMEM, "out of memory");
}

/* An item's own parameters may contradict the run's (start_row here, end_row there). */
static bool check_own(const struct selection *sel, const char *name, const char *own,
                      struct err *err)
{
    if (!strcmp(own, "{}")) {
        return true;
    }
    json_t *all = json_parse(own, strlen(own), "item parameters", err);
    bool ok = all && json_object_update(all, (json_t *)sel->params) == 0 &&
        batch_check_order(sel->batch, all, sel->engine->tools, err);
    json_decref(all);
    return ok || err_wrap(err, "%s", name);
}

/* One item of the selection: taken, skipped with its reason, or missing a centre. */
static bool judge(struct selection *sel, const struct query *q, int64_t id, bool centre,
                  double top_bar, struct err *err)
{
    const char *name = query_text(q, 0), *wrong = unfit(sel->engine, sel->batch, query_text(q, 7));
    enum cor_from from;
    bool asked = launch_enable_has(&sel->enable, id), switched = !query_null(q, 4);
    bool flagged = query_int(q, 3) != 0, enabled = asked || (switched && query_int(q, 4) == 1),
         disabled = switched && !enabled;
    if (disabled) {
        return skip(sel, id, name, "disabled by hand", err);
    }
    if (!query_int(q, 1) && !enabled) {
        return skip(sel, id, name, query_text(q, 2), err);
    }
    if (wrong && !enabled) {
        return skip(sel, id, name, query_text(q, 2)[0] ? query_text(q, 2) : wrong, err);
    }
    if (flagged && !enabled) {
        return skip(sel, id, name, query_text(q, 5)[0] ? query_text(q, 5) : "Skipped (small)", err);
    }
    if (!check_own(sel, name, query_text(q, 8), err)) {
        return false;
    }
    bool there = true;
    if (!launch_reads_there(&sel->reads, name, &there, err)) {
        return false;
    }
    if (!there) {
        char reason[60];
        (void)snprintf(reason, sizeof reason, "has no %s output", sel->reads.from);
        return skip(sel, id, name, reason, err);
    }
    json_t *own = centre ? json_loads(query_text(q, 8), 0, NULL) : NULL;
    bool given = json_is_number(json_object_get(own, "rotation_axis"));
    json_decref(own);
    if (centre && !given && !isfinite(cor_effective(query_double(q, 6), top_bar, &from))) {
        return (json_array_append_new(sel->missing, json_string(name)) == 0 &&
                json_array_append_new(sel->missing_ids, json_integer(id)) == 0) ||
            err_set(err, ERR_NOMEM, "out of memory");
    }
    sel->ids[sel->n++] = id;
    return !asked || json_array_append_new(sel->enable.taken, json_integer(id)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

static bool select_items(struct engine *e, struct store *s, const json_t *args, const json_t *batch,
                         const json_t *params, struct selection *sel, struct err *err)
{
    json_t *ids = json_object_get(args, "items"), *id;
    bool centre = centre_wanted(e, batch, params);
    double top_bar = json_get_double(args, "cor", NAN);
    size_t i;
    sel->ids = mem_array(json_array_size(ids) + 1, sizeof *sel->ids, err);
    sel->engine = e;
    sel->batch = batch;
    sel->params = params;
    sel->skipped = json_array();
    sel->missing = json_array();
    sel->missing_ids = json_array();
    if (!sel->ids || !sel->skipped || !sel->missing || !sel->missing_ids ||
        !launch_reads_open(e, s, json_get_int(args, "project", 0), batch, &sel->reads, err) ||
        !launch_enable_open(args, &sel->enable, err)) {
        return false;
    }
    json_array_foreach(ids, i, id)
    {
        struct query *q = store_query(
            s, err,
            "SELECT name,readable,reason,auto_skip,enabled,skip_reason,cor,kind,params FROM item "
            "WHERE id=?1 AND project_id=?2 AND gone=0",
            "ii", (int64_t)json_integer_value(id), json_get_int(args, "project", 0));
        if (!q) {
            return false;
        }
        bool found = query_next(q);
        bool ok = found ? judge(sel, q, json_integer_value(id), centre, top_bar, err)
                        : err_set(err, ERR_USAGE, "there is no item %lld in this project",
                                  (long long)json_integer_value(id));
        struct err late;
        if (!query_end(q, ok ? err : &late) || !ok) {
            return false;
        }
    }
    return true;
}

static bool insert_tasks(struct store *s, int64_t run, const struct selection *sel,
                         const json_t *batch, struct err *err)
{
    json_t *jobs = json_object_get(batch, "jobs"), *job;
    bool parallel = !strcmp(json_get_text(json_object_get(batch, "options"), "mode", "split"),
                            "split-ignore-dependencies");
    size_t k;
    for (size_t i = 0; i < sel->n; i++) {
        json_array_foreach(jobs, k, job)
        {
            int64_t state = k == 0 || parallel ? TASK_READY : TASK_WAITING;
            if (!store_exec(s, err,
                            "INSERT INTO task(run_id,item_id,job,job_id,tool,state) "
                            "VALUES(?1,?2,?3,?4,?5,?6)",
                            "iiissi", run, sel->ids[i], (int64_t)k, json_get_text(job, "id", ""),
                            json_get_text(job, "tool", ""), state)) {
                return false;
            }
        }
        if (!store_exec(s, err, "UPDATE item SET status='Queued', changed_us=?2 WHERE id=?1", "ii",
                        sel->ids[i], clock_utc_us())) {
            return false;
        }
    }
    return true;
}

static bool insert_run(struct store *s, const json_t *args, const json_t *batch, json_t *params,
                       json_t *options, int64_t *ret, struct err *err)
{
    char host[256] = "";
    const struct passwd *pw = getpwuid(getuid());
    (void)gethostname(host, sizeof host - 1);
    bool ok = store_exec(
        s, err,
        "INSERT INTO "
        "run(project_id,name,batch,params,options,priority,watch,user,host,created_us,rec,"
        "attempts) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?11||'/.gantry/attempts')",
        "isjjjiissis", json_get_int(args, "project", 0), json_get_text(batch, "name", "batch"),
        batch, params, options, json_get_int(options, "priority", 0),
        (int64_t)json_get_bool(args, "watch", false),
        json_get_text(args, "user", pw ? pw->pw_name : ""), host, clock_utc_us(),
        json_get_text(args, "rec", NULL));
    *ret = store_last_id(s);
    return ok;
}

/* A run's number is taken by making its folder: another home that works on the same data has
 * numbers of its own. */
static bool own_number(struct store *s, int64_t *run, struct err *err)
{
    char *at = NULL;
    int64_t n = *run - 1;
    bool made = false;
    bool ok = store_text(s, &at, err,
                         "SELECT coalesce(r.attempts,p.attempts) FROM run r JOIN project p ON "
                         "p.id=r.project_id WHERE r.id=?1",
                         "i", *run) &&
        at && file_mkdirs(at, 0777, err);
    while (ok && !made) {
        char *path = mem_printf(err, "%s/%" PRId64, at, ++n);
        made = path && mkdir(path, 0777) == 0;
        ok = made || (path && errno == EEXIST) ||
            (path && err_errno(err, errno, "cannot make folder '%s'", path));
        mem_free(path);
    }
    mem_free(at);
    ok = ok && (n == *run || store_exec(s, err, "UPDATE run SET id=?2 WHERE id=?1", "ii", *run, n));
    *run = n;
    return ok;
}

/* The run as it would be, for a dry run: not in the store. */
static bool scratch_run(struct store *s, const json_t *args, json_t *batch, json_t *params,
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

static void scratch_fini(struct active *r)
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
        if (has_phase(e, json_array_get(jobs, (size_t)i), "infer")) {
            return name;
        }
    }
    return NULL;
}

static json_t *plan_row(struct engine *e, struct store *s, struct active *run, int64_t item,
                        int job, struct err *err)
{
    struct bound b = {0};
    struct err why = {ERR_NONE, ""};
    const json_t *j = json_array_get(json_object_get(run->batch, "jobs"), (size_t)job);
    struct prepare in = {.run = run,
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
    char *name = NULL;
    json_t *row = NULL;
    if (store_text(s, &name, err, "SELECT name FROM item WHERE id=?1", "i", item)) {
        row = json_pack(
            "{s:s, s:s, s:s, s:O*, s:O*, s:O*, s:O*, s:I, s:I, s:b, s:s}", "item",
            name ? name : "?", "job", json_get_text(j, "id", ""), "tool",
            json_get_text(j, "tool", ""), "command", b.command, "inputs", b.inputs, "outputs",
            b.outputs, "params", b.params, "bytes", (json_int_t)b.estimate.bytes, "memory",
            (json_int_t)b.estimate.memory, "cached", (int)(cached != 0), "note",
            ok ? (b.blocked_path ? "an output exists and is not Gantry's" : "") : why.text);
    }
    if (row && later) {
        (void)json_object_set_new(json_object_get(row, "params"), later, json_null());
        (void)json_object_set_new(row, "note", json_string("centre comes from infer"));
    }
    mem_free(name);
    bound_fini(&b);
    return row;
}

static bool dry_run(struct engine *e, struct store *s, const json_t *args, json_t *batch,
                    json_t *params, json_t *options, const struct selection *sel, json_t *answer,
                    struct err *err)
{
    struct active run;
    json_t *plan = json_array();
    size_t jobs = json_array_size(json_object_get(batch, "jobs"));
    bool ok = plan && scratch_run(s, args, batch, params, options, &run, err);
    for (size_t i = 0; ok && i < sel->n; i++) {
        for (size_t k = 0; ok && k < jobs; k++) {
            json_t *row = plan_row(e, s, &run, sel->ids[i], (int)k, err);
            ok = row && json_array_append_new(plan, row) == 0;
        }
    }
    scratch_fini(&run);
    return ok && json_put(answer, "plan", plan, err);
}

/* How much is written and how much memory the largest task needs, from some of the items: planning
 * each of a hundred thousand would hold the engine. */
static bool estimate(struct engine *e, struct store *s, struct active *run,
                     const struct selection *sel, json_t *answer, struct err *err)
{
    size_t jobs = json_array_size(json_object_get(run->batch, "jobs"));
    size_t looked = sel->n < SUMMARY_SAMPLE ? sel->n : SUMMARY_SAMPLE, known = 0;
    int64_t bytes = 0, memory = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < looked; i++) {
        for (size_t k = 0; ok && k < jobs; k++) {
            json_t *row = plan_row(e, s, run, sel->ids[i * sel->n / looked], (int)k, err);
            ok = row != NULL;
            bytes += json_get_int(row, "bytes", 0);
            memory =
                json_get_int(row, "memory", 0) > memory ? json_get_int(row, "memory", 0) : memory;
            json_decref(row);
        }
        known++;
    }
    double share = known ? (double)sel->n / (double)known : 0;
    return ok &&
        json_put(answer, "bytes", json_integer((json_int_t)((double)bytes * share)), err) &&
        json_put(answer, "memory", json_integer(memory), err) &&
        json_put(answer, "estimated_from", json_integer(known), err);
}

/* What a person confirms before a launch (B14): how many rows, which phases, which slots. */
static bool summary(struct engine *e, struct store *s, const json_t *args, json_t *batch,
                    json_t *params, json_t *options, const struct selection *sel, json_t *answer,
                    struct err *err)
{
    struct active run;
    json_t *phases = json_array(), *gpus = json_array();
    const json_t *job, *asked = json_object_get(options, "gpus");
    size_t i;
    int64_t slots = json_get_int(options, "slots", 0);
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        (void)json_array_append(phases, json_object_get(job, "id"));
    }
    for (i = 0; i < e->n_gpus; i++) {
        (void)json_array_append_new(gpus, json_integer((json_int_t)i));
    }
    bool ok = json_put(answer, "items", json_integer((json_int_t)sel->n), err) &&
        json_put(answer, "tasks",
                 json_integer((json_int_t)sel->n * (json_int_t)json_array_size(phases)), err) &&
        json_put(answer, "phases", json_incref(phases), err) &&
        json_put(answer, "slots",
                 json_integer(slots && (slots < e->slots || !e->slots) ? slots : e->slots), err) &&
        json_put(answer, "gpus", json_incref((json_t *)(asked ? asked : gpus)), err) &&
        scratch_run(s, args, batch, params, options, &run, err);
    if (ok) {
        ok = estimate(e, s, &run, sel, answer, err);
        scratch_fini(&run);
    }
    json_decref(phases);
    json_decref(gpus);
    return ok;
}

/* All were skipped: the first of them are named. */
static bool say_nothing(const struct selection *sel, struct err *err)
{
    size_t n = json_array_size(sel->skipped), i;
    struct str names = STR_INIT;
    for (i = 0; i < n && i < SKIPPED_NAMED; i++) {
        const json_t *row = json_array_get(sel->skipped, i);
        str_addf(&names, "%s%s (%s)", i ? ", " : ": ", json_get_text(row, "name", "?"),
                 json_get_text(row, "reason", ""));
    }
    if (n > i) {
        str_addf(&names, " (+%zu more)", n - i);
    }
    (void)err_set(err, ERR_NOTHING, "nothing to run: %zu selected, all of them skipped%s", n,
                  str_text(&names));
    str_fini(&names);
    return false;
}

bool op_run_create(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    struct selection sel = {0};
    json_t *params = json_object_get(args, "params"), *given = json_object_get(args, "options");
    json_t *options = given ? json_copy(given) : json_object(), *answer = json_object();
    json_t *whole = op_find_batch(e, s, json_object_get(args, "batch"), err);
    bool ok = whole && launch_mode(args, whole, err) && batch_check(whole, e->tools, err);
    json_t *batch = ok ? batch_phases(whole, json_object_get(args, "phases"), e->tools, err) : NULL;
    int64_t run = 0;
    size_t tasks = 0;
    params = params ? json_copy(params) : json_object();
    ok = batch && options && answer && params &&
        launch_words(e, args, batch, params, options, err) &&
        batch_check_params(batch, params, e->tools, err) && launch_tools(e, batch, params, err);
    if (ok && json_is_number(json_object_get(args, "cor"))) {
        ok = json_object_set(options, "cor", json_object_get(args, "cor")) == 0;
    }
    ok = ok && select_items(e, s, args, batch, params, &sel, err);
    ok = ok && json_put(answer, "skipped", json_incref(sel.skipped), err);
    bool missing = ok && json_array_size(sel.missing) > 0;
    if (missing) {
        ok = json_put(answer, "missing_cor", json_incref(sel.missing), err) &&
            json_put(answer, "missing_ids", json_incref(sel.missing_ids), err);
    }
    if (ok && json_get_bool(args, "summary", false)) {
        ok = summary(e, s, args, batch, params, options, &sel, answer, err);
    } else if (ok && missing && !json_get_bool(options, "skip_missing_cor", false)) {
        ok = json_put(answer, "refused", json_string("missing-cor"), err);
    } else if (ok && json_get_bool(args, "dry_run", false)) {
        ok = dry_run(e, s, args, batch, params, options, &sel, answer, err);
    } else if (ok) {
        ok = sel.n > 0 || say_nothing(&sel, err);
        tasks = sel.n * json_array_size(json_object_get(batch, "jobs"));
        ok = ok && json_object_set(options, "skipped", sel.skipped) == 0 &&
            launch_enable_apply(e, s, json_get_int(args, "project", 0), &sel.enable, err) &&
            insert_run(s, args, batch, params, options, &run, err) && own_number(s, &run, err) &&
            insert_tasks(s, run, &sel, batch, err) &&
            store_event(s, "run", json_get_int(args, "project", 0), run, 0, 0, "launched", NULL,
                        err) &&
            engine_load_run(e, run, err);
        ok = ok && json_put(answer, "run", json_integer(run), err) &&
            json_put(answer, "items", json_integer((json_int_t)sel.n), err) &&
            json_put(answer, "tasks", json_integer((json_int_t)tasks), err);
        if (ok && json_get_int(options, "slots", 0) > 0 && !e->serving &&
            !e->runs->next) { /* nobody else's runs */
            e->slots_asked = (int)json_get_int(options, "slots", 0);
        }
    }
    if (ok) {
        *ret = json_incref(answer);
    }
    json_decref(answer);
    json_decref(options);
    json_decref(params);
    json_decref(whole);
    json_decref(batch);
    json_decref(sel.skipped);
    json_decref(sel.missing);
    json_decref(sel.missing_ids);
    mem_free(sel.ids);
    launch_reads_close(&sel.reads);
    launch_enable_close(&sel.enable);
    return ok;
}

bool op_run_resume(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    json_t *runs = NULL;
    (void)s;
    (void)args;
    if (!engine_resume(e, &runs, err)) {
        return false;
    }
    *ret = json_pack("{s:o}", "runs", runs);
    return *ret || err_set(err, ERR_NOMEM, "out of memory");
}

bool op_run_interrupt(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                      struct err *err)
{
    (void)s;
    (void)err;
    (void)ret;
    engine_interrupt(e, json_get_int(args, "run", 0));
    return true;
}
