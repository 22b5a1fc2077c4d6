/* bwrap --dev-bind / / and then each path with its right, the shorter first: the deeper one holds.
 */
#include "worker/sandbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "os/proc.h"

struct mount {
    const char *right, *path;
    bool folder;
};

static int shorter_first(const void *a, const void *b)
{
    const struct mount *x = a, *y = b;
    size_t n = strlen(x->path), m = strlen(y->path);
    return n < m ? -1 : n > m;
}

static bool take(const json_t *list, const char *right, struct mount *mounts, size_t *n,
                 struct err *err)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        struct stat st;
        const char *path = json_string_value(one);
        if (!path || path[0] != '/' || !path[1] || path_climbs(path)) {
            return err_set(err, ERR_USAGE, "the sandbox takes absolute paths, not '%s'",
                           path ? path : "?");
        }
        if (stat(path, &st) != 0) {
            return err_set(err, ERR_USAGE, "the sandbox names '%s', which is not there", path);
        }
        mounts[(*n)++] = (struct mount){right, path, S_ISDIR(st.st_mode)};
    }
    return true;
}

static bool add(json_t *words, const char *word)
{
    return json_array_append_new(words, json_string(word)) == 0;
}

static bool add_mount(json_t *words, const struct mount *m)
{
    if (!strcmp(m->right, "deny")) {
        return m->folder
            ? add(words, "--tmpfs") && add(words, m->path) && add(words, "--remount-ro") &&
                add(words, m->path)
            : add(words, "--ro-bind") && add(words, "/dev/null") && add(words, m->path);
    }
    return add(words, m->right) && add(words, m->path) && add(words, m->path);
}

bool sandbox_wrap(const struct attempt *a, struct err *err)
{
    const json_t *sandbox = json_object_get(a->job, "sandbox"),
                 *ro = json_object_get(sandbox, "mounts_ro"),
                 *rw = json_object_get(sandbox, "mounts_rw"),
                 *deny = json_object_get(sandbox, "mounts_deny");
    size_t most = json_array_size(ro) + json_array_size(rw) + json_array_size(deny), n = 0;
    if (!most) {
        return true;
    }
    if (!proc_program_there("bwrap")) {
        return err_set(err, ERR_FAILED,
                       "the job has a sandbox, and bwrap (package bubblewrap) is not on the PATH");
    }
    struct mount *mounts = mem_array(most, sizeof *mounts, err);
    json_t *words = mounts ? json_array() : NULL;
    bool ok = words && take(ro, "--ro-bind", mounts, &n, err) &&
        take(rw, "--dev-bind", mounts, &n, err) && take(deny, "deny", mounts, &n, err);
    bool put =
        ok && add(words, "bwrap") && add(words, "--dev-bind") && add(words, "/") && add(words, "/");
    if (ok) {
        qsort(mounts, n, sizeof *mounts, shorter_first);
    }
    for (size_t i = 0; put && i < n; i++) {
        put = add_mount(words, &mounts[i]);
    }
    put = put && add(words, "--chdir") && add(words, json_get_text(a->job, "cwd", a->dir)) &&
        add(words, "--") && json_array_extend(words, json_object_get(a->job, "command")) == 0 &&
        json_object_set(a->job, "command", words) == 0;
    json_decref(words);
    mem_free(mounts);
    return ok && (put || err_set(err, ERR_NOMEM, "out of memory"));
}
