/* Sending replies: the body in the form the client takes, and the headers. */
#include "api/http-exchange.h"

#include <stdio.h>
#include <string.h>
#include "api/access.h"
#include "base/mem.h"
#include "codec/gzip.h"

#define GZIP_FROM 1400 /* fits one packet as it is */

const char *http_header(void *arg, const char *name)
{
    struct exchange *x = arg;
    return mhd.lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

bool http_reading(const struct exchange *x)
{
    return !strcmp(x->q.method, "GET") || !strcmp(x->q.method, "HEAD");
}

static struct MHD_Response *bytes_response(struct exchange *x)
{
    struct reply *r = &x->r;
    void *packed = NULL;
    size_t n = 0;
    struct err *quiet = err_ignore("then it is sent as it is");
    bool text = reply_compressible(r->type);
    if (text && r->n > GZIP_FROM && !reply_get_header(r, "Content-Encoding") &&
        query_takes_gzip(http_header(x, "Accept-Encoding")) &&
        gzip_pack(r->bytes, r->n, 1, &packed, &n, quiet)) {
        struct MHD_Response *m =
            mhd.create_response_from_buffer_with_free_callback(n, packed, mem_free);
        if (m) {
            (void)mhd.add_response_header(m, "Content-Encoding", "gzip");
        } else {
            mem_free(packed);
        }
        return m;
    }
    struct MHD_Response *m = r->own
        ? mhd.create_response_from_buffer_with_free_callback(r->n, r->own, mem_free)
        : mhd.create_response_from_buffer(r->n, (void *)r->bytes, MHD_RESPMEM_PERSISTENT);
    if (m) {
        r->own = NULL; /* the library's now */
    }
    return m;
}

static struct MHD_Response *file_response(struct exchange *x)
{
    struct reply *r = &x->r;
    char text[80];
    int64_t first = 0, n = r->size;
    const char *only = http_header(x, "If-Range");
    enum range range = only && !(r->etag[0] && query_etag_matches(only, r->etag))
        ? RANGE_NONE
        : query_range(http_header(x, "Range"), r->size, &first, &n);
    if (range == RANGE_OUTSIDE) {
        (void)snprintf(text, sizeof text, "bytes */%lld", (long long)r->size);
        n = 0;
        x->r.status = 416;
    } else if (range == RANGE_PART) {
        (void)snprintf(text, sizeof text, "bytes %lld-%lld/%lld", (long long)first,
                       (long long)(first + n - 1), (long long)r->size);
        x->r.status = 206;
    }
    struct MHD_Response *m = range == RANGE_OUTSIDE
        ? mhd.create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT)
        : mhd.create_response_from_fd_at_offset64((uint64_t)n, r->fd,
                                                  (uint64_t)(r->offset + first));
    if (m) {
        (void)mhd.add_response_header(m, "Accept-Ranges", "bytes");
        if (range != RANGE_NONE) {
            (void)mhd.add_response_header(m, "Content-Range", text);
        }
        r->fd = range == RANGE_OUTSIDE ? r->fd : -1; /* the library closes it */
    }
    return m;
}

static void add_headers(struct exchange *x, struct MHD_Response *m)
{
    static const char *const always[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
         "connect-src 'self' data: blob:; img-src 'self' data: blob:; style-src 'self' "
         "'unsafe-inline'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri "
         "'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    struct reply *r = &x->r;
    char etag[80];
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
        if (!reply_get_header(r, always[i][0])) {
            (void)mhd.add_response_header(m, always[i][0], always[i][1]);
        }
    }
    for (size_t i = 0; i < r->n_headers; i++) {
        (void)mhd.add_response_header(m, r->headers[i].name, r->headers[i].value);
    }
    if (r->type[0]) {
        (void)mhd.add_response_header(m, "Content-Type", r->type);
    }
    if (r->etag[0]) {
        (void)snprintf(etag, sizeof etag, "%s\"%s\"", reply_compressible(r->type) ? "W/" : "",
                       r->etag);
        (void)mhd.add_response_header(m, "ETag", etag);
    }
    if (reply_compressible(r->type)) {
        (void)mhd.add_response_header(m, "Vary", "Accept-Encoding");
    }
    if (!reply_get_header(r, "Cache-Control")) {
        (void)mhd.add_response_header(m, "Cache-Control",
                                      r->etag[0] ? "private, no-cache" : "no-store");
    }
}

enum MHD_Result http_send(struct exchange *x)
{
    struct reply *r = &x->r;
    struct MHD_Response *m;
    int status = r->status ? r->status : 200;
    int64_t length = r->kind == REPLY_FILE ? r->size : (int64_t)r->n;
    if (status == 200 && r->etag[0] && http_reading(x) &&
        query_etag_matches(http_header(x, "If-None-Match"), r->etag)) {
        status = 304;
        m = mhd.create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    } else if (r->kind == REPLY_FILE) {
        m = file_response(x);
        status = r->status ? r->status : 200;
    } else if (r->kind == REPLY_STREAM) {
        m = http_stream_response(x);
    } else if (r->kind == REPLY_UPGRADE) {
        m = http_upgrade_response(x);
        status = 101;
    } else {
        m = bytes_response(x);
    }
    if (!m) {
        return MHD_NO; /* no memory: the connection is closed */
    }
    add_headers(x, m);
    x->sent = true;
    conns_phase(x->conn,
                r->kind == REPLY_STREAM || r->kind == REPLY_UPGRADE ? CONN_STREAM : CONN_REPLY,
                length);
    enum MHD_Result queued = mhd.queue_response(x->connection, (unsigned)status, m);
    mhd.destroy_response(m);
    if (x->q.route && !http_reading(x)) {
        access_audit(&x->q, status);
    }
    return queued;
}

enum MHD_Result http_send_problem(struct exchange *x, const struct err *err)
{
    reply_problem(&x->r, err);
    return http_send(x);
}
