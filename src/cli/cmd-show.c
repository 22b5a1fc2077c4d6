/* `gantry show`: everything about one task, as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "cli/tasks.h"
#include "report/attempts.h"

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

/* The provenance that lies beside the first published output. */
static bool put_provenance(json_t *doc, const json_t *outputs, struct err *err)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < json_array_size(outputs); i++) {
        char *path =
            mem_printf(err, "%s.prov.json", json_get_text(json_array_get(outputs, i), "path", ""));
        json_t *one = path ? json_read(path, err_ignore("shown without it")) : NULL;
        ok = path && (!one || json_array_append_new(list, one) == 0);
        mem_free(path);
    }
    return json_put(doc, "provenance", list, ok ? err : err_ignore("the first error stays")) && ok;
}

static json_t *task_row(struct cli *c, int64_t task, struct err *err)
{
    json_t *rows = store_rows(
        c->store, err,
        "SELECT t.id, t.run_id AS run, r.name AS batch, p.name AS project, p.attempts AS "
        "attempts_dir, i.name, i.id AS"
        " item_id, p.root || '/' || i.name AS path, t.job_id AS job, t.tool, t.state, t.attempts "
        "AS n_attempts, t.params"
        " AS params_json, t.fingerprint, t.basis AS basis_json, t.cached_from, t.code, t.message, "
        "t.cause_id AS cause,"
        " t.result AS result_json, t.started_us, t.ended_us FROM task t JOIN item i ON i.id = "
        "t.item_id"
        " JOIN run r ON r.id = t.run_id JOIN project p ON p.id = r.project_id WHERE t.id = ?",
        "i", task);
    json_t *row = rows && tasks_complete(rows, err) ? json_incref(json_array_get(rows, 0)) : NULL;
    json_decref(rows);
    return row;
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0, task = 0;
    json_t *doc = NULL, *list = NULL, *outputs = NULL;
    bool ok = resolve_project_id(c, &project, err) && cli_store(c, err) &&
        resolve_task(c, c->args[0], project, &task, err);
    doc = ok ? task_row(c, task, err) : NULL;
    list = doc
        ? store_rows(
              c->store, err,
              "SELECT id, n, state, executor, host, slot, gpu, pid, started_us, ended_us, outcome, "
              "code,"
              " message, exit, signal, peak_bytes, cpu_us, params AS params_json FROM attempt"
              " WHERE task_id = ? AND (state IN (1, 2) OR started_us IS NOT NULL) ORDER BY n",
              "i", task)
        : NULL;
    outputs = list ? store_rows(c->store, err,
                                "SELECT name, path, kind, size, mtime_ns, files FROM output WHERE "
                                "task_id = ? ORDER BY id",
                                "i", task)
                   : NULL;
    ok = outputs &&
        complete_attempts(list, json_get_text(doc, "attempts_dir", ""), json_get_int(doc, "run", 0),
                          task, err) &&
        json_put(doc, "attempts", json_incref(list), err) &&
        json_put(doc, "outputs", json_incref(outputs), err) && put_provenance(doc, outputs, err);
    if (ok && c->json) {
        ok = cli_json(c, doc, err);
    } else if (ok) {
        char *text = json_pretty(doc, err);
        ok = text != NULL;
        cli_print(c, "%s%s", text ? text : "", text && str_ends(text, "\n") ? "" : "\n");
        mem_free(text);
    }
    json_decref(outputs);
    json_decref(list);
    json_decref(doc);
    return ok;
}

const struct command command_show = {
    .name = "show",
    .group = GROUP_RUNS,
    .summary = "All about one task, as JSON: command, arguments, attempts, outputs, provenance",
    .usage = "TASK",
    .help = "TASK is a number, ITEM/JOB as in sample_012/full, or 'last'.",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
