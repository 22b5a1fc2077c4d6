/* Notebooks: opening a job in one, and taking its script back into the batch. */
#include <inttypes.h>
#include <string.h>
#include "api/access.h"
#include "api/jupyter.h"
#include "api/recent.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/batches.h"
#include "os/file.h"

#define NOTEBOOK_MAX ((size_t)64 << 20)

/* --- opening */

/* Takes what run.create said, gives {task, run, url}. */
static bool answer_opened(struct request *q, struct reply *r, json_t *made, struct err *err)
{
    int64_t task = 0, run = json_get_int(made, "run", 0);
    bool ok = made &&
        (run ||
         err_set(err, ERR_USAGE, "nothing was opened: %s",
                 json_get_text(json_array_get(json_object_get(made, "skipped"), 0), "reason",
                               "the item was left out"))) &&
        store_int(q->api->store, 0, &task, err, "SELECT min(id) FROM task WHERE run_id=?1", "i",
                  run);
    char *url = ok ? mem_printf(err, "jupyter/%" PRId64 "/", task) : NULL;
    json_t *answer = url
        ? json_pack("{s:I, s:I, s:s}", "task", (json_int_t)task, "run", (json_int_t)run, "url", url)
        : NULL;
    mem_free(url);
    json_decref(made);
    recent_forget(q->api);
    return answer && reply_json(r, 201, answer, err);
}

static bool open_job(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    const char *job = json_get_text(q->body, "job", NULL);
    json_t *items = json_pack("[O]", json_object_get(q->body, "item"));
    bool ok = (items || err_set(err, ERR_NOMEM, "out of memory")) &&
        scope_project(q, &project, err) && scope_items(q, project, items, err);
    json_t *args = ok
        ? json_pack("{s:I, s:s, s:O, s:O, s:s, s:{}, s:{}}", "project", (json_int_t)project, "user",
                    q->who.name, "batch", json_object_get(q->body, "batch"), "items", items, "mode",
                    "jupyter", "params", "options")
        : NULL;
    ok = args && (!job || json_put(args, "phases", json_pack("[s]", job), err));
    json_t *made = ok ? request_op(q, "run.create", args, err) : NULL;
    json_decref(args);
    json_decref(items);
    return made && answer_opened(q, r, made, err);
}

/* --- saving the script back */

/* The text of a cell, which is one text or a list of lines. Caller frees. */
static char *cell_text(const json_t *cell, struct err *err)
{
    struct str text = STR_INIT;
    json_t *source = json_object_get(cell, "source"), *line;
    size_t i;
    str_add(&text, json_is_string(source) ? json_string_value(source) : "");
    json_array_foreach(source, i, line)
    {
        str_add(&text, json_is_string(line) ? json_string_value(line) : "");
    }
    char *whole = str_take(&text, err);
    str_fini(&text);
    return whole;
}

/* The script as it was last saved in the notebook, without the magic that makes a cell of its
 * language. Caller frees. */
static char *notebook_script(const json_t *doc, struct err *err)
{
    const char *magic =
        json_get_text(json_object_get(json_object_get(doc, "metadata"), "gantry"), "magic", "");
    const json_t *cell, *found = NULL;
    size_t i, n = strlen(magic);
    json_array_foreach(json_object_get(doc, "cells"), i, cell)
    {
        const char *role = json_get_text(json_object_get(cell, "metadata"), "gantry", "");
        found = !found && !strcmp(role, "script") ? cell : found;
    }
    if (!found) {
        (void)err_set(err, ERR_USAGE,
                      "the notebook has no cell any more that holds the job's script");
        return NULL;
    }
    char *text = cell_text(found, err);
    if (text && n && !strncmp(text, magic, n) && (text[n] == '\n' || !text[n])) {
        memmove(text, text + n + (text[n] == '\n'), strlen(text + n + (text[n] == '\n')) + 1);
    }
    return text;
}

static json_t *job_named(const json_t *batch, const char *id)
{
    json_t *job, *found = NULL;
    size_t i;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        found = !strcmp(json_get_text(job, "id", ""), id) ? job : found;
    }
    return found;
}

/* What the notebook was opened with: {"batch", "job", "script"}. */
static json_t *opened_with(struct store *s, int64_t run, struct err *err)
{
    char *text = NULL;
    json_t *batch = store_text(s, &text, err, "SELECT batch FROM run WHERE id=?1", "i", run) && text
        ? json_parse(text, strlen(text), "the run's batch", err)
        : NULL;
    const json_t *job = json_array_get(json_object_get(batch, "jobs"), 0);
    const char *said =
        json_get_text(json_object_get(json_object_get(job, "args"), "notebook"), "STRING", "{}");
    json_t *about = batch ? json_parse(said, strlen(said), "the notebook's job", err) : NULL;
    json_decref(batch);
    mem_free(text);
    return about;
}

/* Puts `script` into the saved batch. */
static bool put_script(struct request *q, const json_t *about, const char *script,
                       bool *ret_changed, struct err *err)
{
    const char *name = json_get_text(about, "batch", ""), *id = json_get_text(about, "job", "");
    json_t *batch = batches_find(q->api->store, name, err), *answer = NULL;
    json_t *job = job_named(batch, id), *args = json_object_get(job, "args");
    const char *now = json_get_text(args, "script", NULL);
    bool ok = batch &&
        (now || err_set(err, ERR_USAGE, "batch '%s' has no script '%s' any more", name, id)) &&
        (!strcmp(now, json_get_text(about, "script", "")) || !strcmp(now, script) ||
         json_get_bool(q->body, "force", false) ||
         err_set(err, ERR_EXISTS,
                 "the script of '%s' in batch '%s' was changed since the notebook was opened", id,
                 name));
    *ret_changed = ok && strcmp(now, script) != 0;
    if (*ret_changed) {
        json_t *save = json_put(args, "script", json_string(script), err)
            ? json_pack("{s:O}", "batch", batch)
            : NULL;
        answer = save ? request_op(q, "batch.save", save, err) : NULL;
        ok = answer != NULL;
        json_decref(save);
    }
    json_decref(answer);
    json_decref(batch);
    return ok;
}

static bool save(struct request *q, struct reply *r, struct err *err)
{
    struct notebook notebook = {0};
    int64_t id;
    size_t n = 0;
    bool ok = request_id(q, 0, &id, err) && jupyter_find(q, id, &notebook, err) &&
        access_everywhere(q, err) &&
        (notebook.folder || err_set(err, ERR_NOTHING, "the notebook never began"));
    char *path = ok ? path_join(notebook.folder, "notebook.ipynb", err) : NULL;
    char *text = path ? file_read(path, NOTEBOOK_MAX, &n, err) : NULL;
    json_t *doc = text ? json_parse(text, n, "the notebook", err) : NULL,
           *about = doc ? opened_with(q->api->store, notebook.run, err) : NULL;
    if (about && !json_get_bool(about, "own", false)) {
        ok = err_set(err, ERR_USAGE,
                     "job '%s' is no script of your own: change its arguments in the batch",
                     json_get_text(about, "job", ""));
    }
    char *script = ok && about ? notebook_script(doc, err) : NULL;
    bool changed = false;
    ok = script && put_script(q, about, script, &changed, err) &&
        reply_json(r, 200,
                   json_pack("{s:s, s:s, s:b}", "batch", json_get_text(about, "batch", ""), "job",
                             json_get_text(about, "job", ""), "changed", (int)changed),
                   err);
    mem_free(script);
    json_decref(about);
    json_decref(doc);
    mem_free(text);
    mem_free(path);
    mem_free(notebook.folder);
    return ok;
}

static const struct route_param open_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "batch", P_ANY, true, "a batch's name, or a whole batch"},
    {IN_BODY, "job", P_TEXT, false, "which of its jobs, when there are several"},
    {IN_BODY, "item", P_INT, true, "the item whose values the variables get"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param save_params[] = {
    {IN_BODY, "force", P_BOOL, false, "also when the batch's script was changed meanwhile"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_jupyter[] = {
    {"POST", "/api/v1/tasks/jupyter", ROLE_OPERATOR,
     "Open a job in a notebook: a task that runs until it is killed", open_params, open_job, false},
    {"POST", "/api/v1/tasks/{id}/jupyter/save", ROLE_OPERATOR,
     "Put the script of a notebook, as it was last saved there, into its batch", save_params, save,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
