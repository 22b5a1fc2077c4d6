/* The cache of volumes (volumes.h): files <key>-<most>.nii, used ones touched, the oldest go first.
 */
#include "api/volumes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "api/access.h"
#include "api/child.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/secret.h"
#include "model/options.h"
#include "os/confine.h"
#include "os/file.h"

#define CACHE "cache/volumes"
#define LEFT_S 3600 /* what a child that was killed was writing is older than this */

struct volume_wait {
    struct volume_making *of;
    volume_fn *fn;
    void *arg;
    struct volume_wait *next;
};

struct volume_making {
    struct api *api;
    struct api_child *child;
    char *path;
    struct volume_wait *waits;
    struct volume_making *next;
};

/* --- which */

void volume_of_fini(struct volume_of *v)
{
    mem_free(v->path);
    mem_free(v->uid);
    mem_free(v->key);
    *v = (struct volume_of){.nifti = false};
}

/* What is made of it is good as long as nothing of this changes. `size` and `mtime_ns` are the
 * catalog's: a folder's own say little. */
static bool make_key(struct volume_of *v, int64_t size, int64_t mtime_ns, struct err *err)
{
    struct stat st = {.st_size = 0};
    char digest[SECRET_HEX];
    if (stat(v->path, &st) != 0) {
        return err_set(err, ERR_NOTHING, "'%s' is not there any more", path_base(v->path));
    }
    char *text = mem_printf(err, "%s|%s|%lld|%lld.%ld|%" PRId64 "|%" PRId64, v->path, v->uid,
                            (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                            size, mtime_ns);
    if (!text) {
        return false;
    }
    secret_digest(NULL, text, digest);
    mem_free(text);
    v->key = mem_strndup(digest, 40, err);
    return v->key != NULL;
}

static bool take_row(struct volume_of *v, const json_t *row, struct err *err)
{
    const char *roots[2] = {json_get_text(row, "root", ""), json_get_text(row, "rec", "")};
    char *path = path_absolute(roots[0], json_get_text(row, "path", ""), err);
    v->nifti = !strcmp(json_get_text(row, "kind", ""), "nifti");
    v->uid = mem_strdup(json_get_text(row, "uid", ""), err);
    v->path = path && v->uid ? confine_path(roots, 2, path, err) : NULL;
    mem_free(path);
    return v->path &&
        make_key(v, json_get_int(row, "size", 0), json_get_int(row, "mtime_ns", 0), err);
}

bool volumes_of_mask(char *path, struct volume_of *ret, struct err *err)
{
    *ret = (struct volume_of){.nifti = true, .labels = true, .path = path};
    ret->uid = mem_strdup("", err);
    bool ok = ret->uid && make_key(ret, 0, 0, err);
    if (!ok) {
        volume_of_fini(ret);
    }
    return ok;
}

bool volumes_find(struct request *q, int64_t item, struct volume_of *ret, struct err *err)
{
    json_t *rows = store_rows(
        q->api->store, err,
        "SELECT i.project_id AS project,p.root,p.rec,s.kind,s.path,s.uid,i.size,i.mtime_ns FROM "
        "series s JOIN item i ON i.id=s.item_id JOIN project p ON p.id=i.project_id WHERE "
        "s.item_id=?1",
        "i", item);
    const json_t *row = json_array_get(rows, 0);
    int64_t project = json_get_int(row, "project", 0);
    bool ok = rows != NULL;
    if (ok && (!row || !access_sees(&q->who, project))) {
        ok = err_set(err, ERR_NOTHING, "there is no series %" PRId64, item);
    }
    *ret = (struct volume_of){.nifti = false};
    ok = ok && access_project(q, project, err) && take_row(ret, row, err);
    json_decref(rows);
    if (!ok) {
        volume_of_fini(ret);
    }
    return ok;
}

/* --- the folder */

/* One step of making room: the oldest file goes when all are over `most` bytes. False: enough. */
static bool trim_one(const char *folder, const char *keep, int64_t most)
{
    struct err *quiet = err_ignore("the cache is tried again next time");
    size_t n = 0;
    int64_t sum = 0;
    char **names = file_list(folder, &n, quiet), *oldest = NULL;
    struct timespec when = {0};
    time_t now = time(NULL);
    for (size_t i = 0; names && i < n; i++) {
        struct stat st;
        char *path = path_join(folder, names[i], quiet);
        bool there = path && stat(path, &st) == 0;
        if (there && !str_ends(names[i], ".nii") && st.st_mtim.tv_sec + LEFT_S < now) {
            (void)unlink(path);
        } else if (there) {
            bool older = !oldest || st.st_mtim.tv_sec < when.tv_sec ||
                (st.st_mtim.tv_sec == when.tv_sec && st.st_mtim.tv_nsec < when.tv_nsec);
            sum += st.st_size;
            if (older && str_ends(path, ".nii") && strcmp(path, keep) != 0) {
                mem_free(oldest);
                oldest = path;
                when = st.st_mtim;
                path = NULL;
            }
        }
        mem_free(path);
    }
    bool gone = oldest && sum > most && unlink(oldest) == 0;
    mem_free(oldest);
    file_list_free(names);
    return gone;
}

static void trim(const struct api *api, const char *keep)
{
    int64_t most = options_int(access_options(api->access), "volume_cache");
    char *folder = path_join(api->home, CACHE, err_ignore("then it is trimmed next time"));
    while (folder && trim_one(folder, keep, most)) {
    }
    mem_free(folder);
}

/* --- making */

static void forget(struct volume_making *m)
{
    struct volume_making **at = &m->api->volumes;
    while (*at && *at != m) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = m->next;
    }
    mem_free(m->path);
    mem_free(m);
}

static void made(void *arg, const json_t *answer, const struct err *err)
{
    struct volume_making *m = arg;
    struct err none = {ERR_NONE, ""}, why = *err;
    (void)answer;
    if (why.code == ERR_FAILED) {
        why.code = ERR_FORMAT; /* what it says of the data: damaged, no volume */
    }
    if (why.code == ERR_NONE) {
        trim(m->api, m->path);
    }
    while (m->waits) {
        struct volume_wait *w = m->waits;
        m->waits = w->next;
        w->fn(w->arg, why.code == ERR_NONE ? m->path : NULL, why.code == ERR_NONE ? &none : &why);
        mem_free(w);
    }
    forget(m);
}

static struct volume_making *begin(struct api *api, const struct volume_of *v, const char *path,
                                   int64_t most, struct err *err)
{
    char number[24];
    const char *args[] = {"view", v->path, path, "--series", v->uid, NULL, NULL, NULL, NULL};
    size_t n = 5;
    struct volume_making *m = mem_zero(sizeof *m, err);
    if (!m || !(m->path = mem_strdup(path, err))) {
        mem_free(m);
        return NULL;
    }
    m->api = api;
    (void)snprintf(number, sizeof number, "%" PRId64, most);
    if (most) {
        args[n++] = "--most";
        args[n++] = number;
    }
    if (v->labels) {
        args[n] = "--labels";
    }
    struct child_hooks hooks = {.done = made, .arg = m, .imaging = true};
    m->child = child_start(api, args, &hooks, err);
    if (!m->child) {
        mem_free(m->path);
        mem_free(m);
        return NULL;
    }
    m->next = api->volumes;
    api->volumes = m;
    return m;
}

static struct volume_making *making_of(struct api *api, const char *path)
{
    struct volume_making *m = api->volumes;
    while (m && strcmp(m->path, path) != 0) {
        m = m->next;
    }
    return m;
}

static bool join(struct api *api, const struct volume_of *v, const char *path, int64_t most,
                 struct volume_wait *w, struct err *err)
{
    struct volume_making *m = making_of(api, path);
    m = m ? m : begin(api, v, path, most, err);
    if (!m) {
        return false;
    }
    w->of = m;
    w->next = m->waits;
    m->waits = w;
    return true;
}

bool volumes_want(struct api *api, const struct volume_of *v, int64_t most, volume_fn *fn,
                  void *arg, struct volume_wait **ret, struct err *err)
{
    struct err none = {ERR_NONE, ""};
    struct volume_wait *w = NULL;
    *ret = NULL;
    char *path = mem_printf(err, "%s/" CACHE "/%s-%" PRId64 ".nii", api->home, v->key, most);
    char *folder = path ? path_dir(path, err) : NULL;
    bool ok = folder && file_mkdirs(folder, 0700, err);
    mem_free(folder);
    if (ok && file_exists(path)) {
        (void)utimensat(AT_FDCWD, path, NULL, 0); /* used now */
        fn(arg, path, &none);
    } else if (ok) {
        w = mem_zero(sizeof *w, err);
        if (w) {
            w->fn = fn;
            w->arg = arg;
        }
        ok = w && join(api, v, path, most, w, err);
        if (ok) {
            *ret = w;
        } else {
            mem_free(w);
        }
    }
    mem_free(path);
    return ok;
}

void volumes_give_up(struct volume_wait *w)
{
    if (!w) {
        return;
    }
    struct volume_making *m = w->of;
    struct volume_wait **at = &m->waits;
    while (*at && *at != w) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = w->next;
    }
    mem_free(w);
    if (!m->waits) {
        child_drop(m->child);
        forget(m);
    }
}
