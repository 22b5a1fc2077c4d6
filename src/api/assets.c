/* Serving the page's files. */
#include "api/assets.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "api/query.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

static const char not_built[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Gantry</title>"
    "<body style=\"font:15px/1.5 system-ui,sans-serif;max-width:42rem;margin:4rem auto\">"
    "<h1>Gantry is running</h1><p>This program was built without its page. To have it, run "
    "<code>npm ci &amp;&amp; npm run build</code> in <code>web/</code> and build Gantry again, or "
    "serve a built page with <code>gantry serve --webroot web/dist</code>.</p><p>The API answers: "
    "<a href=\"/api/v1/health\">/api/v1/health</a>, "
    "<a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p></body></html>";

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".wasm", "application/wasm"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
        {".map", "application/json"},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (str_ends(path, types[i][0])) {
            return types[i][1];
        }
    }
    return "application/octet-stream";
}

/* Vite puts a hash of the content into the names below /assets/: they never change. */
static bool cache_header(struct reply *r, const char *path, struct err *err)
{
    return reply_header(
        r, "Cache-Control",
        str_starts(path, "/assets/") ? "public, max-age=31536000, immutable" : "no-cache", err);
}

static bool answer_embedded(struct request *q, struct reply *r, const struct asset *a,
                            struct err *err)
{
    bool packed = a->packed && query_takes_gzip(request_header(q, "Accept-Encoding"));
    return cache_header(r, a->path, err) &&
        (!packed || reply_header(r, "Content-Encoding", "gzip", err)) &&
        reply_static(r, type_of(a->path), packed ? a->packed : a->bytes,
                     packed ? a->n_packed : a->n, a->etag, err);
}

static const struct asset *find(const char *path)
{
    for (const struct asset *a = asset_table; a->path; a++) {
        if (!strcmp(a->path, path)) {
            return a;
        }
    }
    return NULL;
}

/* A file below the folder, whatever links and dots say. *ret_there false: none. */
static bool answer_file(struct request *q, struct reply *r, const char *path, bool *ret_there,
                        struct err *err)
{
    char etag[64];
    char *root = realpath(q->api->webroot, NULL);
    char *joined = root ? mem_printf(err, "%s%s", root, path) : NULL;
    char *real = joined ? realpath(joined, NULL) : NULL;
    struct stat st;
    int fd = real && path_within(real, root) ? open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    bool ok = true;
    *ret_there = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (*ret_there) {
        (void)snprintf(etag, sizeof etag, "%llx-%llx",
                       (long long)st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec,
                       (long long)st.st_size);
        ok = cache_header(r, path, err) && reply_fd(r, type_of(path), fd, 0, st.st_size, etag, err);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    mem_free(joined);
    mem_free(real);
    mem_free(root);
    return ok;
}

static bool not_found(struct reply *r, const char *path, struct err *err)
{
    reply_status(r, 404);
    return err_set(err, ERR_NOTHING, "there is no page '%.200s'", path);
}

bool assets_answer(struct request *q, struct reply *r, struct err *err)
{
    char *path = NULL;
    bool there = false, ok;
    if (!query_decode(q->path, strlen(q->path), false, &path, err)) {
        return false;
    }
    const char *name = !strcmp(path, "/") ? "/index.html" : path;
    if (q->api->webroot) {
        ok = answer_file(q, r, name, &there, err) && (there || not_found(r, path, err));
    } else {
        const struct asset *a = find(name);
        ok = a                             ? answer_embedded(q, r, a, err)
            : !strcmp(name, "/index.html") ? reply_static(r, "text/html; charset=utf-8", not_built,
                                                          sizeof not_built - 1, NULL, err)
                                           : not_found(r, path, err);
    }
    mem_free(path);
    return ok;
}
