/* Names to ids, by reading the store. */
#include "cli/resolve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"

/* The current folder with links resolved. Caller frees. */
static char *current_folder(struct err *err)
{
    char *real = realpath(".", NULL);
    if (!real) {
        (void)err_set(err, ERR_IO, "the current folder is gone");
        return NULL;
    }
    char *copy = mem_strdup(real, err);
    free(real);
    return copy;
}

/* Does the home have a database? Without one there are no projects, runs and tasks; that is no
 * failure. */
static bool have_store(struct cli *c, bool *ret, struct err *err)
{
    struct err why = {.code = ERR_NONE};
    *ret = cli_store(c, &why) != NULL;
    if (!*ret && why.code != ERR_NOTHING) {
        *err = why;
        return false;
    }
    return true;
}

static bool find_project(struct cli *c, const char *folder, struct project *ret, bool *ret_found,
                         struct err *err)
{
    bool have;
    *ret_found = false;
    if (!have_store(c, &have, err)) {
        return false;
    }
    if (c->project) {
        if (!have) {
            return err_set(err, ERR_NOTHING,
                           "there is no project '%s'; none is registered (gantry init)",
                           c->project);
        }
        *ret_found = true;
        return project_by_name(c->store, c->project, ret, err);
    }
    return !have || project_of_folder(c->store, folder, ret, ret_found, err);
}

bool resolve_project(struct cli *c, bool add, struct project *ret, struct err *err)
{
    bool found;
    json_t *args = NULL, *answer = NULL;
    char *folder = current_folder(err);
    bool ok = folder && find_project(c, folder, ret, &found, err);
    if (!ok || found) {
        goto out;
    }
    if (!add) {
        ok = err_set(err, ERR_NOTHING, "'%s' belongs to no project (gantry init, or -p NAME)",
                     folder);
        goto out;
    }
    args = json_pack("{s:s}", "folder", folder);
    if (!args) {
        ok = err_set(err, ERR_USAGE, "the folder's name '%s' is not valid UTF-8", folder);
        goto out;
    }
    answer = cli_call(c, "project.add", args, err);
    cli_store_close(c);
    ok = answer && cli_store(c, err) && project_of_folder(c->store, folder, ret, &found, err);
    if (ok && !found) {
        ok = err_bug(err, "a project that was just registered is not there");
    }
    if (ok) {
        cli_note(c, "registered '%s' as project %s", ret->root, ret->name);
    }
out:
    json_decref(answer);
    json_decref(args);
    mem_free(folder);
    return ok;
}

bool resolve_project_id(struct cli *c, int64_t *ret_id, struct err *err)
{
    struct project project = {0};
    bool found = false;
    char *folder = current_folder(err);
    bool ok = folder && find_project(c, folder, &project, &found, err);
    *ret_id = ok && found ? project.id : 0;
    if (found) {
        project_fini(&project);
    }
    mem_free(folder);
    return ok;
}

static bool prefixed(const char *word, const char *prefix, int64_t *ret)
{
    return str_starts(word, prefix) && num_int64(word + strlen(prefix), ret);
}

bool resolve_run(struct cli *c, const char *word, int64_t project, int64_t *ret, struct err *err)
{
    int64_t id = 0, have = 0;
    struct store *s = cli_store(c, err);
    if (!s) {
        return false;
    }
    if (!strcmp(word, "last")) {
        if (!store_int(s, 0, &id, err, "SELECT max(id) FROM run WHERE ?1 = 0 OR project_id = ?1",
                       "i", project)) {
            return false;
        }
        *ret = id;
        return id || err_set(err, ERR_NOTHING, "there are no runs yet");
    }
    if (!num_int64(word, &id) && !prefixed(word, "run:", &id)) {
        return err_set(err, ERR_USAGE,
                       "'%s' is no run: give its number, or last (gantry status lists them)", word);
    }
    if (!store_int(s, 0, &have, err, "SELECT id FROM run WHERE id = ?", "i", id)) {
        return false;
    }
    *ret = id;
    return have ||
        err_set(err, ERR_NOTHING, "there is no run %" PRId64 " (gantry status lists them)", id);
}

/* What runs now first, then the newest run; in it a failed task before the one that started last.
 */
#define BEST_TASK                                                                                 \
    " ORDER BY t.state IN (3, 4) DESC, t.run_id DESC, t.state = 7 DESC, t.started_us DESC, t.id " \
    "DESC LIMIT 1"

/* Does the item's name answer to ?1? Its name, its name without the extension, or either without
 * the folders. */
#define NAMED_SO                                                     \
    "(i.name = ?1 OR (substr(i.name, 1, length(?1) + 1) = ?1 || '.'" \
    " AND instr(substr(i.name, length(?1) + 2), '/') = 0"            \
    " AND instr(substr(i.name, length(?1) + 2), '.') = 0)"           \
    " OR substr(i.name, -length(?1) - 1) = '/' || ?1 OR instr(i.name, '/' || ?1 || '.') > 0)"

static bool task_of_item(struct cli *c, const char *word, int64_t project, int64_t *ret,
                         struct err *err)
{
    const char *slash = strrchr(word, '/');
    *ret = 0;
    if (slash && slash[1]) {
        char *item = mem_strndup(word, (size_t)(slash - word), err);
        bool ok = item &&
            store_int(c->store, 0, ret, err,
                      "SELECT t.id FROM task t JOIN item i ON i.id = t.item_id WHERE " NAMED_SO
                      " AND t.job_id = ?2 AND (?3 = 0 OR i.project_id = ?3)" BEST_TASK,
                      "ssi", item, slash + 1, project);
        mem_free(item);
        if (!ok || *ret) {
            return ok;
        }
    }
    return store_int(c->store, 0, ret, err,
                     "SELECT t.id FROM task t JOIN item i ON i.id = t.item_id WHERE " NAMED_SO
                     " AND (?2 = 0 OR i.project_id = ?2)" BEST_TASK,
                     "si", word, project);
}

bool resolve_task(struct cli *c, const char *word, int64_t project, int64_t *ret, struct err *err)
{
    int64_t id = 0, run = 0;
    struct store *s = cli_store(c, err);
    if (!s) {
        return false;
    }
    if (num_int64(word, &id) || prefixed(word, "task:", &id)) {
        if (!store_int(s, 0, ret, err, "SELECT id FROM task WHERE id = ?", "i", id)) {
            return false;
        }
        return *ret ||
            err_set(err, ERR_NOTHING, "there is no task %" PRId64 " (gantry ps --all lists them)",
                    id);
    }
    if (!strcmp(word, "last")) {
        if (!resolve_run(c, word, project, &run, err) ||
            !store_int(s, 0, ret, err, "SELECT t.id FROM task t WHERE t.run_id = ?" BEST_TASK, "i",
                       run)) {
            return false;
        }
        return *ret || err_set(err, ERR_NOTHING, "run %" PRId64 " has no tasks", run);
    }
    if (!task_of_item(c, word, project, ret, err)) {
        return false;
    }
    return *ret ||
        err_set(err, ERR_NOTHING,
                "there is no task '%s': give its number, or ITEM/JOB as in sample_012/full (gantry "
                "ps --all)",
                word);
}

/* A bare item means all its unfinished jobs of the run that `task` belongs to; a number or ITEM/JOB
 * that one job. */
static bool add_targets(struct cli *c, const char *word, int64_t task, json_t *tasks,
                        struct err *err)
{
    char *job = NULL;
    int64_t number;
    if (!store_text(c->store, &job, err, "SELECT job_id FROM task WHERE id = ?", "i", task)) {
        return false;
    }
    const char *slash = strrchr(word, '/');
    bool one = num_int64(word, &number) || str_starts(word, "task:") ||
        (slash && job && !strcmp(slash + 1, job));
    mem_free(job);
    json_t *rows = one
        ? NULL
        : store_rows(
              c->store, err,
              "SELECT o.id AS id FROM task t JOIN task o ON o.run_id = t.run_id AND o.item_id = "
              "t.item_id WHERE t.id = ? AND o.state IN (0, 1, 2, 3, 4, 10) ORDER BY o.id",
              "i", task);
    if (!one && !rows) {
        return false;
    }
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        (void)json_array_append(tasks, json_object_get(row, "id"));
    }
    bool none = json_array_size(rows) == 0;
    json_decref(rows);
    return !none || json_array_append_new(tasks, json_integer(task)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

json_t *resolve_targets(struct cli *c, char *const *words, size_t n, int64_t project,
                        struct err *err)
{
    json_t *tasks = json_array(), *runs = json_array();
    json_t *both = json_object();
    bool ok = both && json_put(both, "tasks", tasks, err) && json_put(both, "runs", runs, err);
    for (size_t i = 0; ok && i < n; i++) {
        int64_t id = 0;
        bool run = !strcmp(words[i], "last") || str_starts(words[i], "run:");
        ok = run ? resolve_run(c, words[i], project, &id, err)
                 : resolve_task(c, words[i], project, &id, err);
        if (ok && run) {
            ok = json_array_append_new(runs, json_integer(id)) == 0 ||
                err_set(err, ERR_NOMEM, "out of memory");
        } else if (ok) {
            ok = add_targets(c, words[i], id, tasks, err);
        }
    }
    if (!ok) {
        json_decref(both);
        return NULL;
    }
    return both;
}
