/*
 * The small grammars of HTTP, as text to values: percent-encoding, queries, paths with {..}, Range,
 * If-None-Match, Accept-Encoding, cookies, listen addresses. No input makes them fail loudly: what
 * is not well formed is false.
 */
#ifndef GANTRY_API_QUERY_H
#define GANTRY_API_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define QUERY_FIELDS 64 /* most fields of one query */

/* Decode `n` bytes of percent-encoding (`plus`: '+' is a blank). False: a bad escape, a NUL byte or
 * invalid UTF-8. *ret is the caller's (mem_free). */
bool query_decode(const char *text, size_t n, bool plus, char **ret, struct err *err) CHECK_RESULT;

struct query_field {
    char *name, *value;
};
struct query_fields {
    struct query_field field[QUERY_FIELDS];
    size_t n;
};
/* "a=1&b=x%20y" (without '?'). A name that comes twice is an error. ERR_USAGE says what is wrong.
 */
bool query_parse(const char *text, struct query_fields *ret, struct err *err) CHECK_RESULT;
void query_fini(struct query_fields *q);
const char *query_value(const struct query_fields *q, const char *name); /* NULL: not there */

/* Does `path` (encoded, no query) have the shape of `pattern` ("/api/v1/items/{id}")? The values of
 * {..} are decoded into ret[] (up to `most`), the caller's. A {..} is one segment, not empty. */
bool query_match(const char *pattern, const char *path, char **ret, size_t most, size_t *ret_n);
void query_match_fini(char **parts, size_t n);

enum range { RANGE_NONE, RANGE_PART, RANGE_OUTSIDE };
/* "bytes=0-499", "bytes=500-", "bytes=-500" of `size` bytes. Several ranges, or what is no range of
 * bytes, are RANGE_NONE: the whole is sent (RFC 9110, 14.2). */
enum range query_range(const char *text, int64_t size, int64_t *ret_first, int64_t *ret_n);
/* Does If-None-Match name `etag` (without quotes)? */
bool query_etag_matches(const char *header, const char *etag);
/* Does Accept-Encoding take gzip? */
bool query_takes_gzip(const char *header);
/* The value of one cookie, NULL when not there. Caller frees. */
char *query_cookie(const char *header, const char *name, struct err *err);

/* "127.0.0.1:8420", "[::1]:0", ":80" (every address), "8420" (127.0.0.1). Address into `host` of 64
 * bytes ("" = every). */
bool query_listen(const char *text, char host[64], int *ret_port, struct err *err) CHECK_RESULT;

#endif
