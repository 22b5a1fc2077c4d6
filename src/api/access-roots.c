/* Below which folders new ones may be opened. */
#include <stdlib.h>
#include <string.h>
#include "api/access.h"
#include "os/confine.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "model/options.h"

#define ROOTS_MAX 256

static bool add_root(json_t *list, const char *path, size_t n, struct err *err)
{
    char *text = mem_strndup(path, n, err);
    char *clean = text && text[0] == '/' ? path_absolute("/", text, err) : NULL;
    bool ok = text && (clean || text[0] != '/') &&
        (!clean || json_array_append_new(list, json_string(clean)) == 0 ||
         str_utf8(clean) == false);
    mem_free(clean);
    mem_free(text);
    return ok || err->code || err_set(err, ERR_NOMEM, "out of memory");
}

json_t *access_roots(struct request *q, struct err *err)
{
    json_t *list = json_array();
    bool ok = list || err_set(err, ERR_NOMEM, "out of memory");
    for (const char *p = options_text(access_options(q->api->access), "roots"); ok && *p;) {
        size_t n = strcspn(p, ":");
        ok = add_root(list, p, n, err);
        p += n + (p[n] == ':');
    }
    const char *home = access_token(q->api->access) ? getenv("HOME") : NULL;
    if (ok && home) {
        ok = add_root(list, home, strlen(home), err);
    }
    struct query *query = ok
        ? store_query(q->api->store, err, "SELECT id, root FROM project ORDER BY root", "")
        : NULL;
    ok = query != NULL;
    while (ok && query_next(query)) {
        if (access_sees(&q->who, query_int(query, 0))) {
            ok = add_root(list, query_text(query, 1), strlen(query_text(query, 1)), err);
        }
    }
    struct err late;
    ok = query && query_end(query, ok ? err : &late) && ok;
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

char *access_folder(struct request *q, const char *path, struct err *err)
{
    const char *roots[ROOTS_MAX];
    size_t n = 0, i;
    const json_t *root;
    json_t *list = access_roots(q, err);
    json_array_foreach(list, i, root)
    {
        if (n < ROOTS_MAX) {
            roots[n++] = json_string_value(root);
        }
    }
    char *real = list ? confine_path(roots, n, path, err) : NULL;
    json_decref(list);
    return real;
}
