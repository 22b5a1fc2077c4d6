/* The bytes of one file of the catalog, for the viewer: only files that a study has, only below
 * their project's folder, only for who may see the project. */
#include <inttypes.h>
#include "api/access.h"
#include "api/route.h"
#include "api/send-file.h"
#include "os/confine.h"

/* id, project, root and path of the file (relative to the root), and what the page shows of it. */
static json_t *find(struct request *q, int64_t id, struct err *err)
{
    json_t *rows = store_rows(
        q->api->store, err,
        "SELECT f.id, i.project_id AS project, p.root, "
        /* '..': beside the folder that would be the study's own (model/found.h) */
        "iif(f.place='..',rtrim(i.name,replace(i.name,'/','')),iif(f.place='','',f.place||'/')||"
        "i.name||'/')||iif(f.sub='','',f.sub||'/')||f.name AS "
        "path, "
        "f.name, f.size, f.tags, f.study_id AS study, "
        "s.name||'#'||t.sid AS psid FROM file f JOIN item i ON i.id=f.study_id JOIN study t ON "
        "t.item_id=i.id JOIN item s ON s.id=t.subject_id JOIN project p ON p.id=i.project_id WHERE "
        "f.id=?1",
        "i", id);
    json_t *row = json_incref(json_array_get(rows, 0));
    int64_t project = json_get_int(row, "project", 0);
    bool seen = row && access_sees(&q->who, project);
    if (rows && !seen) {
        (void)err_set(err, ERR_NOTHING, "there is no file %" PRId64, id);
    }
    if (!rows || !seen || !access_project(q, project, err)) {
        json_decref(row);
        row = NULL;
    }
    json_decref(rows);
    return row;
}

static bool send(struct reply *r, const json_t *row, struct err *err)
{
    const char *path = json_get_text(row, "path", "");
    int fd = -1;
    return confine_open(json_get_text(row, "root", "/nonexistent"), path, &fd, err) &&
        send_file(r, fd, path, err);
}

static bool bytes(struct request *q, struct reply *r, struct err *err)
{
    int64_t id = 0;
    json_t *row = request_id(q, 0, &id, err) ? find(q, id, err) : NULL;
    bool ok = row && send(r, row, err);
    json_decref(row);
    return ok;
}

static bool facts(struct request *q, struct reply *r, struct err *err)
{
    int64_t id = 0;
    json_t *row = request_id(q, 0, &id, err) ? find(q, id, err) : NULL;
    if (!row || json_object_del(row, "root") != 0) {
        json_decref(row);
        return false;
    }
    return reply_json(r, 200, row, err);
}

const struct route routes_file[] = {
    {"GET", "/api/v1/file/{id}", ROLE_VIEWER, "The bytes of a file of a study (NIfTI, TCK, ...)",
     NULL, bytes, false},
    {"GET", "/api/v1/file/{id}/facts", ROLE_VIEWER,
     "What a file of a study is: its path within the project, its study, its size, its tags", NULL,
     facts, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
