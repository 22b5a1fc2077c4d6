/*
 * Verdicts on predictions and drawn masks. A mask is sent as an upload; a child checks that it lies
 * on the voxels of its series and writes it anew beside its place, and only then the operation
 * takes it.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "api/access.h"
#include "api/child.h"
#include "api/scope.h"
#include "api/send-file.h"
#include "api/upload.h"
#include "api/volumes.h"
#include "base/mem.h"
#include "base/path.h"
#include "codec/secret.h"
#include "os/confine.h"
#include "os/file.h"

/* --- reading */

static bool list(struct request *q, struct reply *r, struct err *err)
{
    int64_t item = request_int(q, "item", 0), run = request_int(q, "run", 0);
    if (!scope_item(q, item, NULL, err)) {
        return false;
    }
    json_t *rows = store_rows(
        q->api->store, err,
        "SELECT id,item_id AS item,run_id AS run,version,state,comment,user,t_us,path<>'' AS "
        "mask_bool FROM annotation WHERE item_id=?1 AND (?2=0 OR run_id IS NULL OR run_id=?2) "
        "ORDER "
        "BY version,t_us",
        "ii", item, run);
    json_t *history = rows
        ? store_rows(q->api->store, err,
                     "SELECT t_us,text,data AS data_json FROM event WHERE "
                     "item_id=?1 AND kind='annotation' ORDER BY id DESC LIMIT 50",
                     "i", item)
        : NULL;
    bool ok = history &&
        reply_json(r, 200, json_pack("{s:O, s:O}", "rows", rows, "history", history), err);
    json_decref(rows);
    json_decref(history);
    return ok;
}

/* The row of {id} with its project's roots, when q->who may. New reference. */
static json_t *find(struct request *q, struct err *err)
{
    int64_t id = 0;
    json_t *rows = request_id(q, 0, &id, err)
        ? store_rows(
              q->api->store, err,
              "SELECT a.id,a.path,i.project_id AS project,p.root,p.rec FROM annotation a JOIN "
              "item i ON i.id=a.item_id JOIN project p ON p.id=i.project_id WHERE a.id=?1",
              "i", id)
        : NULL;
    json_t *row = json_incref(json_array_get(rows, 0));
    int64_t project = json_get_int(row, "project", 0);
    bool ok = rows != NULL;
    if (ok && (!row || !access_sees(&q->who, project))) {
        ok = err_set(err, ERR_NOTHING, "there is no annotation %" PRId64, id);
    }
    ok = ok && access_project(q, project, err);
    json_decref(rows);
    if (!ok) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static bool send_part(struct request *q, struct reply *r, const char *ending, struct err *err)
{
    int fd = -1;
    json_t *row = find(q, err);
    const char *roots[2] = {json_get_text(row, "root", ""), json_get_text(row, "rec", "")};
    const char *mask = json_get_text(row, "path", "");
    size_t n = strlen(mask);
    bool ok = row &&
        (n > strlen(".nii.gz") ||
         err_set(err, ERR_NOTHING, "this is a verdict on the prediction and has no mask"));
    char *path = ok ? mem_printf(err, "%.*s%s", (int)(n - strlen(".nii.gz")), mask, ending) : NULL;
    ok = path && confine_open_any(roots, 2, path, &fd, err) && send_file(r, fd, path, err);
    mem_free(path);
    json_decref(row);
    return ok;
}

static bool mask(struct request *q, struct reply *r, struct err *err)
{
    return send_part(q, r, ".nii.gz", err);
}

static bool facts(struct request *q, struct reply *r, struct err *err)
{
    return send_part(q, r, ".json", err);
}

/* --- saving a mask: the series' volume, the check, the operation; each when the one before is done */

struct saving {
    struct later *later;
    struct volume_wait *wait;
    struct api_child *child;
    struct volume_of of;
    char *upload; /* its path */
    char *made;   /* checked and written anew, beside its place */
    json_t *args; /* of the operation */
};

static void saving_free(struct saving *s)
{
    if (s->made) {
        (void)unlink(s->made); /* taken by now, or never */
    }
    volume_of_fini(&s->of);
    mem_free(s->upload);
    mem_free(s->made);
    json_decref(s->args);
    mem_free(s);
}

static void saving_gone(void *arg)
{
    struct saving *s = arg;
    volumes_give_up(s->wait);
    child_drop(s->child);
    saving_free(s);
}

static bool is_colour(const char *text)
{
    return text[0] == '#' && strlen(text) == 7 && strspn(text + 1, "0123456789abcdefABCDEF") == 6;
}

/* What the page calls them, instead of "label 1" and that label's usual colour. */
static bool name_labels(json_t *counted, const json_t *named, struct err *err)
{
    size_t i, k;
    json_t *label, *said;
    bool ok = true;
    json_array_foreach(json_object_get(counted, "labels"), i, label)
    {
        int64_t value = json_get_int(label, "value", 0);
        json_array_foreach((json_t *)named, k, said)
        {
            const char *name = json_get_text(said, "name", "");
            const char *colour = json_get_text(said, "colour", "");
            if (json_get_int(said, "value", -1) == value) {
                ok = ok && (!name[0] || json_put(label, "name", json_string(name), err)) &&
                    (!is_colour(colour) || json_put(label, "colour", json_string(colour), err));
            }
        }
    }
    return ok;
}

static bool finish(struct saving *s, const json_t *answer, struct err *err)
{
    struct request *q = later_request(s->later);
    json_t *counted = json_deep_copy(answer), *done = NULL;
    bool ok = (counted || err_set(err, ERR_NOMEM, "out of memory")) &&
        name_labels(counted, json_object_get(q->body, "labels"), err) &&
        json_put(s->args, "facts", json_incref(counted), err) &&
        json_put(s->args, "file", json_string(s->made), err) &&
        (done = request_op(q, "annotation.put", s->args, err));
    json_decref(counted);
    if (ok) {
        upload_drop(q, json_get_text(q->body, "upload", ""));
        ok = reply_json(later_reply(s->later), 201, done, err);
    }
    return ok;
}

/* The server's own folders are nobody's business. */
static void hide_path(struct err *err, const char *path)
{
    char *at = strstr(err->text, path);
    if (at) {
        const char *name = at + (path_base(path) - path);
        memmove(at, name, strlen(name) + 1);
    }
}

static void checked(void *arg, const json_t *answer, const struct err *why)
{
    struct saving *s = arg;
    struct err err = *why;
    s->child = NULL;
    if (err.code == ERR_FAILED) {
        err.code = ERR_FORMAT; /* what it says of the mask */
    }
    if (err.code != ERR_NONE) {
        hide_path(&err, s->upload);
        const struct request *q = later_request(s->later);
        upload_drop(q, json_get_text(q->body, "upload", "")); /* it would be refused again */
    }
    if (err.code == ERR_NONE && finish(s, answer, &err)) {
        later_done(s->later);
    } else {
        later_fail(s->later, &err);
    }
    saving_free(s);
}

static void have_volume(void *arg, const char *path, const struct err *why)
{
    struct saving *s = arg;
    struct err err = *why;
    s->wait = NULL;
    if (path) {
        const char *args[] = {"mask", s->upload, s->made, "--like", path, NULL};
        struct child_hooks hooks = {.done = checked, .arg = s, .imaging = true};
        s->child = child_start(later_request(s->later)->api, args, &hooks, &err);
    }
    if (!s->child) {
        later_fail(s->later, &err);
        saving_free(s);
    }
}

/* <rec>/annotations/<stem>/.new-<hex>.nii.gz */
static char *place(struct request *q, int64_t item, struct err *err)
{
    char token[SECRET_HEX];
    json_t *rows =
        store_rows(q->api->store, err,
                   "SELECT p.rec,s.stem FROM series s JOIN item i ON i.id=s.item_id JOIN "
                   "project p ON p.id=i.project_id WHERE s.item_id=?1",
                   "i", item);
    const json_t *row = json_array_get(rows, 0);
    const char *rec = json_get_text(row, "rec", "");
    char *all = row ? path_join(rec, "annotations", err) : NULL;
    char *folder = all ? path_absolute(all, json_get_text(row, "stem", ""), err) : NULL;
    char *ret = folder && secret_token(token, err) &&
            (path_within(folder, all) || err_bug(err, "a series' stem leads out")) &&
            file_mkdirs(folder, 0777, err)
        ? mem_printf(err, "%s/.new-%.16s.nii.gz", folder, token)
        : NULL;
    mem_free(all);
    mem_free(folder);
    json_decref(rows);
    return ret;
}

static bool save_mask(struct request *q, struct reply *r, int64_t item, json_t *args,
                      struct err *err)
{
    struct err why = {ERR_NONE, ""};
    struct saving *s = mem_zero(sizeof *s, err);
    if (!s) {
        return false;
    }
    s->args = json_incref(args);
    s->upload = upload_path(q, json_get_text(q->body, "upload", ""), err);
    if (!s->upload || !volumes_find(q, item, &s->of, err) || !(s->made = place(q, item, err))) {
        saving_free(s);
        return false;
    }
    s->later = reply_later(r, saving_gone, s, err);
    if (s->of.nifti) { /* its header says where its voxels are */
        have_volume(s, s->of.path, &why);
    } else if (!volumes_want(q->api, &s->of, 0, have_volume, s, &s->wait, &why)) {
        later_fail(s->later, &why);
        saving_free(s);
    }
    return true;
}

/* --- writing */

static bool put(struct request *q, struct reply *r, struct err *err)
{
    int64_t item = json_get_int(q->body, "item", 0);
    json_t *args = scope_item(q, item, NULL, err) ? json_object() : NULL;
    bool ok = args && scope_copy(q, "item", args, "item", err) &&
        scope_copy(q, "run", args, "run", err) && scope_copy(q, "state", args, "state", err) &&
        scope_copy(q, "comment", args, "comment", err) &&
        json_put(args, "user", json_string(q->who.name), err);
    if (ok && json_object_get(q->body, "upload")) {
        ok = save_mask(q, r, item, args, err);
    } else if (ok) {
        json_t *done = request_op(q, "annotation.put", args, err);
        ok = done && reply_json(r, 201, done, err);
    }
    json_decref(args);
    return ok;
}

static bool mark(struct request *q, struct reply *r, struct err *err)
{
    json_t *row = find(q, err);
    json_t *args =
        row ? json_pack("{s:O, s:s}", "id", json_object_get(row, "id"), "user", q->who.name) : NULL;
    json_decref(row);
    return args && scope_copy(q, "state", args, "state", err) &&
        scope_copy(q, "comment", args, "comment", err) &&
        scope_answer_op(q, r, "annotation.mark", args, err);
}

static const struct route_param list_params[] = {
    {IN_QUERY, "item", P_INT, true, "the series"},
    {IN_QUERY, "run", P_INT, false, "only those of this prediction, and masks drawn from nothing"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param put_params[] = {
    {IN_BODY, "item", P_INT, true, "the series"},
    {IN_BODY, "run", P_INT, false, "the prediction"},
    {IN_BODY, "state", P_TEXT, false, "draft (default), accepted or rejected"},
    {IN_BODY, "comment", P_TEXT, false, "why"},
    {IN_BODY, "upload", P_TEXT, false,
     "a mask (NIfTI on the series' voxels) becomes a new version; without it, what is said is of "
     "the prediction as it is"},
    {IN_BODY, "labels", P_ARRAY, false, "names and colours: {value, name, colour}"},
    {IN_BODY, NULL, P_ANY, false, NULL},
};
static const struct route_param mark_params[] = {
    {IN_BODY, "state", P_TEXT, true, "draft, accepted or rejected"},
    {IN_BODY, "comment", P_TEXT, false, "instead of the one it has"},
    {IN_BODY, NULL, P_ANY, false, NULL},
};

const struct route routes_annotations[] = {
    {"GET", "/api/v1/annotations", ROLE_VIEWER, "Verdicts and drawn masks of a series", list_params,
     list, 0},
    {"POST", "/api/v1/annotations", ROLE_OPERATOR,
     "Accept or reject a prediction, or save a drawn mask as a new version", put_params, put, 0},
    {"PATCH", "/api/v1/annotations/{id}", ROLE_OPERATOR, "Accept or reject a version", mark_params,
     mark, 0},
    {"GET", "/api/v1/annotations/{id}/mask", ROLE_VIEWER, "A drawn mask as NIfTI", NULL, mask, 0},
    {"GET", "/api/v1/annotations/{id}/facts", ROLE_VIEWER, "Its labels, who and when", NULL, facts,
     0},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, 0},
};
