/* What a reply is made of, between reply.c (which fills it) and http.c (which sends it). */
#ifndef GANTRY_API_REPLY_H
#define GANTRY_API_REPLY_H

#include "api/http.h"
#include "api/route.h"

#define REPLY_HEADERS 12

enum reply_kind {
    REPLY_NOTHING,
    REPLY_BYTES,
    REPLY_FILE,
    REPLY_STREAM,
    REPLY_UPGRADE,
    REPLY_LATER
};

struct reply_header {
    char *name, *value;
};

struct reply {
    int status; /* 0: not said */
    enum reply_kind kind;
    char type[80];
    char etag[72]; /* "" = none */
    struct reply_header headers[REPLY_HEADERS];
    size_t n_headers;
    void *own; /* freed with the reply */
    const void *bytes;
    size_t n;
    int fd;
    int64_t offset, size;
    struct stream_source source;
    struct upgrade_source upgrade;
    json_t *details; /* further members of a problem */
    struct later *later;
    struct stream **ret_stream;
};

void reply_init(struct reply *r);
void reply_fini(struct reply *r);
/* Drop the content (not the status, headers and details). */
void reply_clear(struct reply *r);
/* Fill with a problem (RFC 9457). Without memory it becomes an empty 503. */
void reply_problem(struct reply *r, const struct err *err);
/* The words of a status code. */
const char *reply_reason(int status);
/* Is it text that shrinks? */
bool reply_compressible(const char *type);
/* Of the reply, or NULL. */
const char *reply_get_header(const struct reply *r, const char *name);

#endif
