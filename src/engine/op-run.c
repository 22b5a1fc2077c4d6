/* Launching: from a batch and a selection to rows of run and task; the plan without launching;
 * taking up what was left. */
#include "engine/op-run.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/batches.h"
#include "engine/collect-job.h"
#include "engine/engine.h"
#include "engine/launch.h"
#include "engine/preview.h"
#include "engine/programs.h"
#include "engine/queues.h"
#include "engine/select.h"
#include "engine/validate.h"
#include "os/file.h"
#include "plan/batch.h"

const struct op ops_run[] = {
    {"run.create", op_run_create},     {"run.rerun", op_run_rerun},
    {"run.resume", op_run_resume},     {"run.interrupt", op_run_interrupt},
    {"task.signal", op_task_signal},   {"task.retry", op_task_retry},
    {"task.clear", op_task_clear},     {"task.why", op_task_why},
    {"item.adopt", op_item_adopt},     {"batch.save", op_batch_save},
    {"batch.rm", op_batch_remove},     {"batch.mark", op_batch_mark},
    {"batch.copy", op_batch_copy},     {"batch.validate", op_batch_validate},
    {"verdict.put", op_verdict_put},   {"engine.state", op_engine_state},
    {"engine.flush", op_engine_flush}, {NULL, NULL},
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

static bool insert_tasks(struct store *s, int64_t run, const struct selection *sel,
                         const json_t *batch, struct err *err)
{
    json_t *jobs = json_object_get(batch, "jobs"), *job;
    bool parallel = !strcmp(json_get_text(json_object_get(batch, "options"), "mode", "split"),
                            "split-ignore-dependencies");
    size_t k, first = batch_collect_from(batch);
    for (size_t i = 0; i < sel->n; i++) {
        for (k = 0; k < first && (job = json_array_get(jobs, k)); k++) {
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
    return collect_insert(s, run, batch, sel->ids, sel->n, err);
}

/* The items of a job that collects them, frozen with the run. */
static bool put_collected(const struct selection *sel, const json_t *batch, json_t *options,
                          struct err *err)
{
    if (batch_collect_from(batch) == json_array_size(json_object_get(batch, "jobs")) ||
        json_object_get(options, "rerun")) {
        return true; /* a rerun for some collects what the run before it had collected */
    }
    json_t *ids = json_array();
    bool ok = ids != NULL;
    for (size_t i = 0; ok && i < sel->n; i++) {
        ok = json_array_append_new(ids, json_integer(sel->ids[i])) == 0;
    }
    return json_put(options, "collected", ids, ok ? err : err_ignore("the first error stays")) &&
        (ok || err_set(err, ERR_NOMEM, "out of memory"));
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

static bool preview(struct engine *e, struct store *s, const json_t *args, json_t *batch,
                    json_t *params, json_t *options, const struct selection *sel, json_t *answer,
                    struct err *err)
{
    struct active run = {.id = 0};
    bool ok = put_collected(sel, batch, options, err) &&
        preview_run(s, args, batch, params, options, &run, err) &&
        (json_get_bool(args, "summary", false) ? preview_sum(e, s, &run, sel, answer, err)
                                               : preview_plan(e, s, &run, sel, answer, err));
    preview_fini(&run);
    return ok;
}

bool op_run_create(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    struct selection sel = {0};
    json_t *params = json_object_get(args, "params"), *given = json_object_get(args, "options");
    json_t *options = given ? json_copy(given) : json_object(), *answer = json_object();
    json_t *whole = op_find_batch(e, s, json_object_get(args, "batch"), err);
    bool ok = whole && launch_mode(e, args, whole, err) && batch_check(whole, e->tools, err);
    json_t *batch = ok ? batch_phases(whole, json_object_get(args, "phases"), e->tools, err) : NULL;
    int64_t run = 0;
    size_t tasks = 0;
    params = params ? json_copy(params) : json_object();
    ok = batch && options && answer && params &&
        launch_words(e, args, batch, params, options, err) &&
        batch_check_params(batch, params, e->tools, err) && launch_tools(e, batch, params, err) &&
        queues_check(e, batch, err) && programs_check(e, batch, err);
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
    bool refused = missing && !json_get_bool(options, "skip_missing_cor", false),
         sum = json_get_bool(args, "summary", false);
    if (ok && refused && !sum) {
        ok = json_put(answer, "refused", json_string("missing-cor"), err);
    } else if (ok && (sum || json_get_bool(args, "dry_run", false))) {
        ok = preview(e, s, args, batch, params, options, &sel, answer, err);
    } else if (ok) {
        ok = sel.n > 0 || select_nothing(&sel, err);
        size_t jobs = json_array_size(json_object_get(batch, "jobs")),
               each = batch_collect_from(batch);
        tasks = sel.n * each + (jobs - each);
        ok = ok && json_object_set(options, "skipped", sel.skipped) == 0 &&
            put_collected(&sel, batch, options, err) &&
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
    select_close(&sel);
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
