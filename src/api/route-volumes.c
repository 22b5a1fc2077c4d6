/* Images for the results viewer: a series as NIfTI, and what a model made of it. Only series of the
 * catalog, only inside their project's folders, only for who may see the project. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include "api/access.h"
#include "api/scope.h"
#include "api/send-file.h"
#include "api/volumes.h"
#include "base/mem.h"
#include "base/path.h"
#include "os/confine.h"
#include "report/prediction-view.h"

struct sending {
    struct later *later;
    struct volume_wait *wait;
};

static void ready(void *arg, const char *path, const struct err *why)
{
    struct sending *s = arg;
    struct err err = *why;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (path && fd < 0) {
        (void)err_set(&err, ERR_UNREACHABLE, "the image is gone from the cache again: ask again");
    }
    if (fd >= 0 && send_file(later_reply(s->later), fd, path, &err)) {
        later_done(s->later);
    } else {
        later_fail(s->later, &err);
    }
}

static void ready_later(void *arg, const char *path, const struct err *why)
{
    ready(arg, path, why);
    mem_free(arg);
}

static void gone(void *arg)
{
    struct sending *s = arg;
    volumes_give_up(s->wait);
    mem_free(s);
}

/* The answer comes when the file is there: at once, when it has been made before. */
static bool send_made(struct request *q, struct reply *r, const struct volume_of *v, int64_t most,
                      struct err *err)
{
    struct sending *s = mem_zero(sizeof *s, err);
    struct err why = {ERR_NONE, ""};
    if (!s) {
        return false;
    }
    s->later = reply_later(r, gone, s, err);
    if (!volumes_want(q->api, v, most, ready_later, s, &s->wait, &why)) {
        later_fail(s->later, &why);
        mem_free(s);
    }
    return true;
}

static bool wanted_most(const struct request *q, int64_t *ret, struct err *err)
{
    *ret = request_int(q, "most", 0);
    return (*ret >= 0 && *ret <= 4096) ||
        err_set(err, ERR_USAGE, "most is a number of voxels up to 4096");
}

static bool volume(struct request *q, struct reply *r, struct err *err)
{
    struct volume_of v;
    int64_t item = 0, most = 0;
    int fd = -1;
    if (!wanted_most(q, &most, err) || !request_id(q, 0, &item, err) ||
        !volumes_find(q, item, &v, err)) {
        return false;
    }
    bool ok;
    if (v.nifti && !most && !request_bool(q, "plain", false)) {
        ok = confine_open("/", v.path, &fd, err) && send_file(r, fd, v.path, err);
    } else {
        ok = send_made(q, r, &v, most, err);
    }
    volume_of_fini(&v);
    return ok;
}

/* --- results */

static const struct kind {
    const char *word, *file;
} kinds[] = {
    {"mask", "mask.nii.gz"}, {"facts", "mask.json"},     {"values", "values.json"},
    {"boxes", "boxes.json"}, {"preview", "preview.png"}, {NULL, NULL},
};

/* Path of the file inside the prediction's folder, which must be inside the project's roots. */
static char *result_path(const json_t *row, const char *file, struct err *err)
{
    const char *roots[] = {json_get_text(row, "root", ""), json_get_text(row, "rec", ""),
                           json_get_text(row, "run_rec", "")};
    char *folder =
        confine_path(roots, 2 + (roots[2][0] != '\0'), json_get_text(row, "folder", ""), err);
    char *below = folder ? path_join(json_get_text(row, "stem", ""), file, err) : NULL;
    char *path = below ? path_absolute(folder, below, err) : NULL;
    const char *in[1] = {folder};
    char *real = path ? confine_path(in, 1, path, err) : NULL;
    mem_free(folder);
    mem_free(below);
    mem_free(path);
    return real;
}

/* Takes `path`. */
static bool send_small(struct request *q, struct reply *r, char *path, int64_t most,
                       struct err *err)
{
    struct volume_of v;
    bool ok = volumes_of_mask(path, &v, err) && send_made(q, r, &v, most, err);
    volume_of_fini(&v);
    return ok;
}

static bool result(struct request *q, struct reply *r, struct err *err)
{
    int64_t run = 0, item = 0, most = 0;
    int fd = -1;
    const struct kind *kind = kinds;
    while (kind->word && strcmp(kind->word, q->parts[2]) != 0) {
        kind++;
    }
    if (!request_id(q, 0, &run, err) || !request_id(q, 1, &item, err) ||
        !scope_run(q, run, NULL, err)) {
        return false;
    }
    if (!kind->word) {
        return err_set(err, ERR_NOTHING, "there is mask, facts, values, boxes and preview");
    }
    json_t *rows = store_rows(
        q->api->store, err,
        "SELECT p.folder,s.stem,j.root,j.rec,r.rec AS run_rec FROM prediction p JOIN run r ON "
        "r.id=p.run_id JOIN project j ON j.id=r.project_id JOIN task t ON +t.run_id=r.id AND "
        "t.item_id=?2 JOIN series s ON s.item_id=t.item_id WHERE p.run_id=?1 LIMIT 1",
        "ii", run, item);
    const json_t *row = json_array_get(rows, 0);
    bool ok = rows != NULL &&
        (row ||
         err_set(err, ERR_NOTHING, "prediction %" PRId64 " has no series %" PRId64, run, item));
    char *path = ok ? result_path(row, kind->file, err) : NULL;
    json_decref(rows);
    if (!path || !wanted_most(q, &most, err)) {
        mem_free(path);
        return false;
    }
    if (kind == kinds && most) {
        return send_small(q, r, path, most, err);
    }
    ok = confine_open("/", path, &fd, err) && send_file(r, fd, kind->file, err);
    mem_free(path);
    return ok;
}

static bool seen(struct request *q, struct reply *r, struct err *err)
{
    int64_t run = 0, item = 0;
    json_t *doc =
        request_id(q, 0, &run, err) && request_id(q, 1, &item, err) && scope_run(q, run, NULL, err)
        ? prediction_view(q->api->store, run, item, err)
        : NULL;
    return doc && reply_json(r, 200, doc, err);
}

static const struct route_param volume_params[] = {
    {IN_QUERY, "most", P_INT, false, "made smaller, so that no side has more voxels than this"},
    {IN_QUERY, "plain", P_BOOL, false, "never packed"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

static const struct route_param result_params[] = {
    {IN_QUERY, "most", P_INT, false, "of a mask: made smaller, as the series' image is"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_volumes[] = {
    {"GET", "/api/v1/volumes/{item}", ROLE_VIEWER, "A series as NIfTI", volume_params, volume, 0},
    {"GET", "/api/v1/predictions/{run}/files/{item}/{kind}", ROLE_VIEWER,
     "What a prediction made of a series: mask, facts, values, boxes or preview", result_params,
     result, 0},
    {"GET", "/api/v1/predictions/{run}/view/{item}", ROLE_VIEWER,
     "A series of a prediction for the results viewer: facts, values, neighbours", NULL, seen, 0},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, 0},
};
