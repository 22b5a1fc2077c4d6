/* Filling replies. */
#include "api/reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "codec/digest.h"

void reply_init(struct reply *r)
{
    *r = (struct reply){.fd = -1};
}

void reply_clear(struct reply *r)
{
    mem_free(r->own);
    if (r->fd >= 0) {
        (void)close(r->fd);
    }
    r->own = NULL;
    r->bytes = NULL;
    r->n = 0;
    r->fd = -1;
    r->kind = REPLY_NOTHING;
    r->etag[0] = '\0';
    r->type[0] = '\0';
}

void reply_fini(struct reply *r)
{
    reply_clear(r);
    for (size_t i = 0; i < r->n_headers; i++) {
        mem_free(r->headers[i].name);
        mem_free(r->headers[i].value);
    }
    r->n_headers = 0;
    json_decref(r->details);
    r->details = NULL;
}

static void content(struct reply *r, const char *type, const char *etag)
{
    reply_clear(r);
    r->kind = REPLY_BYTES;
    (void)snprintf(r->type, sizeof r->type, "%s", type);
    (void)snprintf(r->etag, sizeof r->etag, "%s", etag ? etag : "");
}

bool reply_take(struct reply *r, const char *type, void *bytes, size_t n, const char *etag,
                struct err *err)
{
    if (!bytes) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    content(r, type, etag);
    r->own = bytes;
    r->bytes = bytes;
    r->n = n;
    return true;
}

bool reply_static(struct reply *r, const char *type, const void *bytes, size_t n, const char *etag,
                  struct err *err)
{
    (void)err;
    content(r, type, etag);
    r->bytes = bytes;
    r->n = n;
    return true;
}

bool reply_bytes(struct reply *r, const char *type, const void *bytes, size_t n, const char *etag,
                 struct err *err)
{
    char *copy = mem_array(n + 1, 1, err);
    if (copy && n > 0) {
        memcpy(copy, bytes, n);
    }
    return copy && reply_take(r, type, copy, n, etag, err);
}

bool reply_json_text(struct reply *r, int status, char *text, struct err *err)
{
    char etag[DIGEST_HEX];
    if (!text) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    size_t n = strlen(text);
    digest_text(text, n, etag);
    r->status = status;
    return reply_take(r, "application/json", text, n, status == 200 ? etag : NULL, err);
}

bool reply_json(struct reply *r, int status, json_t *value, struct err *err)
{
    char *text = value ? json_line(value, err) : NULL;
    json_decref(value);
    if (!value) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return text && reply_json_text(r, status, text, err);
}

bool reply_fd(struct reply *r, const char *type, int fd, int64_t offset, int64_t n,
              const char *etag, struct err *err)
{
    (void)err;
    content(r, type, etag);
    r->kind = REPLY_FILE;
    r->fd = fd;
    r->offset = offset;
    r->size = n;
    return true;
}

bool reply_stream(struct reply *r, const char *type, const struct stream_source *source,
                  struct stream **ret, struct err *err)
{
    (void)err;
    content(r, type, NULL);
    r->kind = REPLY_STREAM;
    r->source = *source;
    r->ret_stream = ret;
    return true;
}

void reply_upgrade(struct reply *r, const struct upgrade_source *source)
{
    reply_clear(r);
    r->kind = REPLY_UPGRADE;
    r->upgrade = *source;
}

bool reply_redirect(struct reply *r, const char *location, struct err *err)
{
    r->status = 303;
    return reply_header(r, "Location", location, err) &&
        reply_static(r, "text/plain; charset=utf-8", "", 0, NULL, err);
}

bool reply_header(struct reply *r, const char *name, const char *value, struct err *err)
{
    if (r->n_headers == REPLY_HEADERS) {
        return err_bug(err, "too many headers in one reply");
    }
    struct reply_header h = {mem_strdup(name, err), mem_strdup(value, err)};
    if (!h.name || !h.value) {
        mem_free(h.name);
        mem_free(h.value);
        return false;
    }
    r->headers[r->n_headers++] = h;
    return true;
}

const char *reply_get_header(const struct reply *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        if (!strcasecmp(r->headers[i].name, name)) {
            return r->headers[i].value;
        }
    }
    return NULL;
}

void reply_status(struct reply *r, int status)
{
    r->status = status;
}

bool reply_detail(struct reply *r, const char *key, json_t *value, struct err *err)
{
    r->details = r->details ? r->details : json_object();
    if (!r->details) {
        json_decref(value);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return json_put(r->details, key, value, err);
}

const char *reply_reason(int status)
{
    static const struct {
        int status;
        const char *words;
    } table[] = {{200, "OK"},
                 {201, "Created"},
                 {400, "Bad request"},
                 {401, "Not signed in"},
                 {403, "Not allowed"},
                 {404, "Not found"},
                 {405, "Method not allowed"},
                 {408, "Too slow"},
                 {409, "Conflict"},
                 {413, "Too large"},
                 {415, "Not JSON"},
                 {416, "Outside the file"},
                 {421, "Not this server"},
                 {422, "Unusable data"},
                 {429, "Too many requests"},
                 {499, "Interrupted"},
                 {501, "Not built yet"},
                 {503, "Not available"},
                 {504, "Took too long"},
                 {507, "Disk full"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].status == status) {
            return table[i].words;
        }
    }
    return status < 400 ? "OK" : status < 500 ? "Bad request" : "Failed";
}

void reply_problem(struct reply *r, const struct err *err)
{
    struct err *quiet = err_ignore("an empty 503 is sent");
    char type[64] = "about:blank";
    int status = r->status >= 400 ? r->status : err_http_status(err->code);
    if (err->code != ERR_FAILED) {
        (void)snprintf(type, sizeof type, "/problems/%s", err_name(err->code));
    }
    json_t *doc =
        json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", type, "title", reply_reason(status),
                  "status", status, "detail", err->text, "code", err_name(err->code));
    bool ok = doc && (!r->details || json_object_update_missing(doc, r->details) == 0);
    char *text = ok ? json_text(doc, quiet) : NULL;
    json_decref(doc);
    r->status = status;
    if (!text || !reply_take(r, "application/problem+json", text, strlen(text), NULL, quiet)) {
        reply_clear(r);
        r->status = 503;
    }
}

bool reply_compressible(const char *type)
{
    return str_starts(type, "text/") || strstr(type, "json") || strstr(type, "javascript") ||
        strstr(type, "svg") || strstr(type, "xml;");
}

bool reply_refuse(struct reply *r, int status, struct err *err, const char *why)
{
    reply_status(r, status);
    return err_set(err, ERR_PERM, "%s", why);
}
