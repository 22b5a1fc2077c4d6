/* Files that people send: kept under an id, which another request names (models, masks). */
#include "api/route.h"
#include "api/upload.h"

static bool put(struct request *q, struct reply *r, struct err *err)
{
    const char *id = upload_keep(q->upload, err);
    return id &&
        reply_json(r, 201, json_pack("{s:s, s:s}", "upload", id, "name", q->parts[0]), err);
}

const struct route routes_uploads[] = {
    {"PUT", "/api/v1/uploads/{name}", ROLE_OPERATOR,
     "Send a file (the raw bytes); its id is for the request that uses it, within a day", NULL, put,
     ROUTE_RAW},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, 0},
};
