/* From rows to what people read. */
#include "report/task.h"

#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "model/state.h"
#include "report/attempts.h"

static bool put_iso(json_t *row, const char *key, const char *from, struct err *err)
{
    char text[40];
    const json_t *us = json_object_get(row, from);
    if (!json_is_integer(us)) {
        return json_put(row, key, json_null(), err);
    }
    clock_iso(json_integer_value(us), text, sizeof text);
    return json_put(row, key, json_string(text), err);
}

static bool complete(json_t *row, int64_t now, struct err *err)
{
    enum task_state state = (enum task_state)json_get_int(row, "state", TASK_STATES);
    const json_t *begin = json_object_get(row, "started_us"),
                 *end = json_object_get(row, "ended_us");
    char *label = path_label(json_get_text(row, "name", ""), err);
    bool ok = label && json_put(row, "item", json_string(label), err) &&
        json_put(row, "state",
                 json_string(state < TASK_STATES ? task_state_name(state) : "unknown"), err);
    mem_free(label);
    json_t *seconds = json_null();
    if (json_is_integer(begin) && (json_is_integer(end) || !task_state_final(state))) {
        int64_t until = json_is_integer(end) ? json_integer_value(end) : now;
        seconds = json_real((double)(until - json_integer_value(begin)) / 1e6);
    }
    return json_put(row, "seconds", seconds, ok ? err : err_ignore("the first error stays")) &&
        ok && put_iso(row, "started", "started_us", err) && put_iso(row, "ended", "ended_us", err);
}

bool task_complete(json_t *rows, struct err *err)
{
    int64_t now = clock_utc_us();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!complete(json_array_get(rows, i), now, err)) {
            return false;
        }
    }
    return true;
}

/* States of attempts, in the order of enum attempt_state. */
static const char *const attempt_words[] = {"reserved", "running", "settled", "fenced"};

/* Put a file of the attempt into the row, parsed. A file that is missing or cannot be read is left
 * out. */
static bool put_file(json_t *row, const char *key, const char *attempts, int64_t run, int64_t task,
                     int64_t n, const char *name, struct err *err)
{
    char *text = NULL;
    size_t length = 0;
    if (!attempts_file(attempts, run, task, n, name, &text, &length,
                       err_ignore("shown without it")) ||
        !text) {
        return true;
    }
    json_t *doc = json_parse(text, length, name, err_ignore("shown without it"));
    mem_free(text);
    return !doc || json_put(row, key, doc, err);
}

static bool complete_attempts(json_t *list, const char *attempts, int64_t run, int64_t task,
                              struct err *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *row = json_array_get(list, i);
        int64_t n = json_get_int(row, "n", 0), state = json_get_int(row, "state", 0);
        char *folder = attempts_folder(attempts, run, task, n, err);
        bool ok = folder && json_put(row, "folder", json_string(folder), err) &&
            json_put(row, "state", json_string(attempt_words[state & 3]), err) &&
            put_file(row, "job", attempts, run, task, n, "job.json", err) &&
            put_file(row, "result", attempts, run, task, n, "result.json", err);
        mem_free(folder);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* {key: {"from": old, "to": new}} of what differs, into `row` as "changed"; nothing differs: not
 * there. `all`: also what the new ones lack. */
static bool put_changed(json_t *row, const json_t *old, const json_t *new, bool all,
                        struct err *err)
{
    const char *key;
    json_t *value, *changed = json_object();
    bool ok = changed != NULL;
    json_object_foreach((json_t *)new, key, value)
    {
        json_t *before = json_object_get(old, key);
        if (!before || !json_equal(before, value)) {
            ok = json_object_set_new(changed, key,
                                     json_pack("{s:O?, s:O}", "from", before, "to", value)) == 0 &&
                ok;
        }
    }
    json_object_foreach((json_t *)(all ? old : NULL), key, value)
    {
        if (!json_object_get(new, key)) {
            ok = json_object_set_new(changed, key, json_pack("{s:O, s:n}", "from", value, "to")) ==
                    0 &&
                ok;
        }
    }
    ok = ok && (!json_object_size(changed) || json_object_set(row, "changed", changed) == 0);
    json_decref(changed);
    return ok || err_set(err, ERR_NOMEM, "out of memory");
}

/* What "Retry with..." changed: of each attempt against the one before, and of the task what is
 * newest, which may be an attempt to come. */
static bool complete_changes(json_t *doc, const json_t *list, struct err *err)
{
    const json_t *last = NULL, *newest = NULL;
    json_t *row;
    size_t i;
    bool ok = true;
    json_array_foreach((json_t *)list, i, row)
    {
        const json_t *params = json_object_get(json_object_get(row, "job"), "params");
        ok = ok && (!last || !params || put_changed(row, last, params, true, err));
        newest = params ? row : newest;
        last = params ? params : last;
    }
    json_t *changed = json_object_get(newest, "changed");
    if (ok && last && json_get_int(doc, "n_attempts", 0) >= 1) {
        const char *state = json_get_text(doc, "state", "");
        if (!strcmp(state, "waiting") || !strcmp(state, "ready") || !strcmp(state, "held")) {
            return put_changed(doc, last, json_object_get(doc, "params"), false, err);
        }
    }
    return ok && (!changed || json_put(doc, "changed", json_incref(changed), err));
}

/* The provenance that lies beside the first published output. */
static bool put_provenance(json_t *doc, const json_t *outputs, struct err *err)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < json_array_size(outputs); i++) {
        char *path =
            path_beside(json_get_text(json_array_get(outputs, i), "path", ""), ".prov.json", err);
        json_t *one = path ? json_read(path, err_ignore("shown without it")) : NULL;
        ok = path && (!one || json_array_append_new(list, one) == 0);
        mem_free(path);
    }
    return json_put(doc, "provenance", list, ok ? err : err_ignore("the first error stays")) && ok;
}

static json_t *task_row(struct store *s, int64_t task, struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT t.id, t.run_id AS run, r.name AS batch, p.name AS project, coalesce(r.attempts, "
        "p.attempts) AS "
        "attempts_dir, i.name, i.id AS"
        " item_id, p.root || '/' || i.name AS path, t.job_id AS job, t.tool, t.state, t.attempts "
        "AS n_attempts, t.params"
        " AS params_json, t.fingerprint, t.basis AS basis_json, t.cached_from, t.code, t.message, "
        "t.cause_id AS cause, t.cleared, coalesce(json_extract(r.options,'$.rerun'),'null') AS "
        "rerun_json, (SELECT o.id FROM task o WHERE o.run_id=json_extract(r.options,'$.rerun.of') "
        "AND o.item_id=t.item_id AND o.job_id=t.job_id) AS rerun_of,"
        " t.result AS result_json, t.started_us, t.ended_us FROM task t JOIN item i ON i.id = "
        "t.item_id"
        " JOIN run r ON r.id = t.run_id JOIN project p ON p.id = r.project_id WHERE t.id = ?",
        "i", task);
    json_t *row = rows && task_complete(rows, err) ? json_incref(json_array_get(rows, 0)) : NULL;
    if (!row && rows) {
        (void)err_set(err, ERR_NOTHING, "there is no task %" PRId64, task);
    }
    json_decref(rows);
    return row;
}

json_t *task_document(struct store *s, int64_t task, struct err *err)
{
    json_t *doc = task_row(s, task, err), *list = NULL, *outputs = NULL;
    list = doc
        ? store_rows(
              s, err,
              "SELECT id, n, state, executor, host, slot, gpu, pid, started_us, ended_us, outcome, "
              "code,"
              " message, exit, signal, peak_bytes, cpu_us, params AS params_json FROM attempt"
              " WHERE task_id = ? AND (state IN (1, 2) OR started_us IS NOT NULL) ORDER BY n",
              "i", task)
        : NULL;
    outputs = list ? store_rows(s, err,
                                "SELECT name, path, kind, size, mtime_ns, files FROM output WHERE "
                                "task_id = ? ORDER BY id",
                                "i", task)
                   : NULL;
    bool ok = outputs &&
        complete_attempts(list, json_get_text(doc, "attempts_dir", ""), json_get_int(doc, "run", 0),
                          task, err) &&
        complete_changes(doc, list, err) && json_put(doc, "attempts", json_incref(list), err) &&
        json_put(doc, "outputs", json_incref(outputs), err) && put_provenance(doc, outputs, err);
    json_decref(outputs);
    json_decref(list);
    if (!ok) {
        json_decref(doc);
        return NULL;
    }
    return doc;
}
