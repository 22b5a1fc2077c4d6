/* The head of an HTTP response, as a program behind the proxy sends it: text to values. */
#ifndef GANTRY_API_UPSTREAM_H
#define GANTRY_API_UPSTREAM_H

#include <stddef.h>
#include <stdint.h>

#define UPSTREAM_HEAD_MAX ((size_t)32 << 10)
#define UPSTREAM_HEADERS 48

struct upstream_header {
    char *name, *value; /* in the buffer, ended with NUL */
};
struct upstream_head {
    int status;
    size_t bytes;   /* of the head, with its blank line */
    int64_t length; /* Content-Length; -1: until the end of the connection */
    struct upstream_header headers[UPSTREAM_HEADERS];
    size_t n;
};

enum upstream_state { UPSTREAM_MORE, UPSTREAM_WHOLE, UPSTREAM_BAD };

/* Looks at the `n` bytes that came so far; writes NULs into them once the head is whole. What has
 * more headers, or a folded or nameless one, is bad. */
enum upstream_state upstream_parse(char *buf, size_t n, struct upstream_head *ret);
/* Any letter case; NULL: not there. */
const char *upstream_get(const struct upstream_head *h, const char *name);

#endif
