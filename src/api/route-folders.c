/* Folders that may become projects: below the allowed roots only. Listed by a child, because a disk
 * may hang. */
#include "api/access.h"
#include "api/child.h"
#include "api/route.h"

#define MOST_ROOTS 28 /* what a child's command line takes */

static bool browse(struct request *q, struct reply *r, struct err *err)
{
    const char *args[2 * MOST_ROOTS + 5];
    size_t n = 0, i;
    const char *path = request_text(q, "path", NULL);
    const json_t *root;
    json_t *roots = access_roots(q, err);
    if (!roots) {
        return false;
    }
    args[n++] = "browse";
    args[n++] = "--json";
    json_array_foreach(roots, i, root)
    {
        if (i < MOST_ROOTS) {
            args[n++] = "--root";
            args[n++] = json_string_value(root);
        }
    }
    if (path && *path) {
        args[n++] = "--";
        args[n++] = path;
    }
    args[n] = NULL;
    bool ok = child_answer(q, r, args, err);
    json_decref(roots);
    return ok;
}

static const struct route_param params[] = {
    {IN_QUERY, "path", P_TEXT, false, "the folder to look into; without: where one may begin"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_folders[] = {
    {"GET", "/api/v1/folders", ROLE_OPERATOR, "Folders below the allowed roots", params, browse,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
