/*
 * A staging folder belongs to one process, by its number; one whose process is gone was left behind
 * and is removed.
 */
#include "steps/publish.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"

/* ".gantry-recon-<host>-": the number of a process says nothing on another host that shares the
 * file system. */
static void staging_prefix(char *ret, size_t size)
{
    char host[65] = "";

    if (gethostname(host, sizeof(host) - 1) != 0 || strchr(host, '/') != NULL) {
        host[0] = '\0';
    }
    snprintf(ret, size, ".gantry-recon-%s-", host);
}

static bool is_set(const char *kind)
{
    return strcmp(kind, "files") == 0;
}

/* The folder that holds the staging folder: a set's own folder, else the parent. */
static char *staging_root(const char *kind, const char *final, struct err *err)
{
    char *dir = is_set(kind) ? mem_strdup(final, err) : path_dir(final, err);
    char prefix[96];
    char *root;

    staging_prefix(prefix, sizeof(prefix));
    root = dir == NULL ? NULL : mem_printf(err, "%s/%s%ld", dir, prefix, (long)getpid());
    mem_free(dir);
    return root;
}

static char *provenance_path(const char *name, const char *kind, const char *final, struct err *err)
{
    return is_set(kind) ? mem_printf(err, "%s/%s.prov.json", final, name)
                        : path_beside(final, ".prov.json", err);
}

/* Staging folders of processes that are no more. */
static void clear_leftovers(const char *dir)
{
    size_t count = 0;
    char **names =
        file_is_folder(dir) ? file_list(dir, &count, err_ignore("only tidying up")) : NULL;

    char prefix[96];

    staging_prefix(prefix, sizeof(prefix));
    for (size_t i = 0; i < count; i++) {
        int64_t pid = 0;

        if (str_starts(names[i], prefix) && num_int64(names[i] + strlen(prefix), &pid) && pid > 0 &&
            kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
            char *path = path_join(dir, names[i], err_ignore("only tidying up"));

            if (path != NULL && !file_remove_tree(path, err_ignore("only tidying up"))) {
                fprintf(stderr,
                        "note: '%s' is left from an interrupted run and cannot be removed\n", path);
            }
            mem_free(path);
        }
    }
    file_list_free(names);
}

bool publish_plan(json_t *outputs, const char *name, const char *kind, const char *final,
                  bool overwrite, struct err *err)
{
    char *root = staging_root(kind, final, err);
    char *prov = root == NULL ? NULL : provenance_path(name, kind, final, err);
    char *dir = prov == NULL ? NULL : path_dir(root, err);
    char *staging = NULL;
    json_t *row = NULL;
    bool good = false;

    if (dir == NULL) {
        goto out;
    }
    if (!is_set(kind) && !overwrite && file_exists(final) && !file_exists(prov)) {
        err_set(err, ERR_EXISTS, "'%s' exists and was not made by Gantry; --overwrite replaces it",
                final);
        goto out;
    }
    clear_leftovers(dir);
    staging = is_set(kind) ? mem_strdup(root, err) : path_join(root, path_base(final), err);
    row = staging == NULL ? NULL
                          : json_pack("{s:s, s:s, s:s, s:s}", "name", name, "kind", kind, "final",
                                      final, "staging", staging);
    good = row != NULL && json_array_append_new(outputs, row) == 0;
    if (!good) {
        err_set(err, ERR_FORMAT, "'%s' cannot be named in JSON (is it UTF-8?)", final);
    }
out:
    mem_free(staging);
    mem_free(dir);
    mem_free(prov);
    mem_free(root);
    return good;
}

/* Rename every file of a set into its folder. */
static bool move_set(const struct job_output *o, bool known, bool overwrite, struct err *err)
{
    size_t count = 0;
    char **names = file_list(o->staging, &count, err);
    bool good = names != NULL;

    for (size_t i = 0; good && i < count; i++) {
        char *from = path_join(o->staging, names[i], err);
        char *to = from == NULL ? NULL : path_join(o->final, names[i], err);

        if (to == NULL) {
            good = false;
        } else if (!known && !overwrite && file_exists(to)) {
            good = err_set(err, ERR_EXISTS,
                           "'%s' exists and was not made by Gantry; --overwrite replaces it", to);
        } else {
            good = file_replace(from, to, err);
        }
        mem_free(from);
        mem_free(to);
    }
    file_list_free(names);
    return good;
}

static bool publish_one(const struct job_output *o, json_t *provenance, bool overwrite,
                        struct err *err)
{
    char *dir = path_dir(o->final, err);
    char *prov = dir == NULL ? NULL : provenance_path(o->name, o->kind, o->final, err);
    json_t *names = json_pack("[s]", path_base(o->final));
    char *text = NULL;
    bool good = prov != NULL && names != NULL && json_object_set(provenance, "outputs", names) == 0;

    good = good && file_sync_tree(o->staging, err);
    if (good && is_set(o->kind)) {
        good = move_set(o, file_exists(prov), overwrite, err);
    } else if (good) {
        good = file_replace(o->staging, o->final, err);
    }
    text = good ? json_pretty(provenance, err) : NULL;
    good = text != NULL && file_write(prov, text, strlen(text), true, err) && file_sync(dir, err);
    mem_free(text);
    json_decref(names);
    mem_free(prov);
    mem_free(dir);
    return good;
}

bool publish_all(const struct job *job, json_t *provenance, bool overwrite, struct err *err)
{
    for (size_t i = 0; i < job->outputs; i++) {
        if (!publish_one(&job->output[i], provenance, overwrite, err)) {
            return false;
        }
    }
    return true;
}

void publish_drop(const json_t *outputs)
{
    size_t i;
    const json_t *row;

    json_array_foreach(outputs, i, row)
    {
        char *root = staging_root(json_get_text(row, "kind", ""), json_get_text(row, "final", ""),
                                  err_ignore("cleared away by the next run"));

        if (root != NULL && !file_remove_tree(root, err_ignore("cleared away by the next run"))) {
            fprintf(stderr, "note: '%s' could not be removed\n", root);
        }
        mem_free(root);
    }
}
