/* Folders that may become projects: below the allowed roots only. Listed by a child, because a disk
 * may hang. */
#include "api/access.h"
#include "api/child.h"
#include "api/route.h"
#include "base/mem.h"

#define MOST_ROOTS 28 /* what a child's command line takes */

struct asked {
    struct later *later;
    struct api_child *child;
};

static void gone(void *arg)
{
    struct asked *a = arg;
    child_drop(a->child);
    mem_free(a);
}

static void listed(void *arg, const json_t *answer, const struct err *failed)
{
    struct asked *a = arg;
    struct later *later = a->later;
    struct err err = *failed;
    const char *refused = json_get_text(answer, "error", NULL);
    mem_free(a);
    if (err.code == ERR_NONE && refused) {
        (void)err_set(&err, err_code_of(json_get_text(answer, "code", "")), "%s", refused);
    }
    if (err.code == ERR_NONE &&
        reply_json(later_reply(later), 200, json_incref((json_t *)answer), &err)) {
        later_done(later);
    } else {
        later_fail(later, &err);
    }
}

static bool ask(struct request *q, struct reply *r, const char *const *args, struct err *err)
{
    struct asked *a = mem_zero(sizeof *a, err);
    struct child_hooks hooks = {.done = listed, .arg = a};
    if (!a || !(a->child = child_start(q->api, args, &hooks, err))) {
        mem_free(a);
        return false;
    }
    a->later = reply_later(r, gone, a, err);
    return true;
}

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
    bool ok = ask(q, r, args, err);
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
