/* RFC 9112, 4 and 5, of which one thing is left out: folded lines, which nobody may send. */
#include "api/upstream.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include "base/num.h"

/* "HTTP/1.1 200 OK" */
static int status_of(const char *line)
{
    if (strncmp(line, "HTTP/1.", 7) != 0 || !line[7] || line[8] != ' ' ||
        strspn(line + 9, "0123456789") != 3) {
        return 0;
    }
    return (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
}

static bool take_header(char *line, struct upstream_head *ret)
{
    char *colon = strchr(line, ':');
    if (!colon || colon == line || ret->n == UPSTREAM_HEADERS) {
        return false;
    }
    for (const char *p = line; p < colon; p++) {
        if (*p <= ' ' || *p >= 0x7F) {
            return false;
        }
    }
    *colon++ = '\0';
    colon += strspn(colon, " \t");
    for (size_t n = strlen(colon); n > 0 && strchr(" \t", colon[n - 1]); n--) {
        colon[n - 1] = '\0';
    }
    ret->headers[ret->n++] = (struct upstream_header){line, colon};
    return true;
}

enum upstream_state upstream_parse(char *buf, size_t n, struct upstream_head *ret)
{
    size_t most = n < UPSTREAM_HEAD_MAX ? n : UPSTREAM_HEAD_MAX;
    const char *end = memmem(buf, most, "\r\n\r\n", 4);
    *ret = (struct upstream_head){.length = -1};
    if (!end) {
        return n < UPSTREAM_HEAD_MAX ? UPSTREAM_MORE : UPSTREAM_BAD;
    }
    ret->bytes = (size_t)(end - buf) + 4;
    if (memchr(buf, '\0', ret->bytes)) {
        return UPSTREAM_BAD;
    }
    for (char *line = buf, *next; line < end; line = next) {
        char *stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        if (!stop) { /* there is one at `end`, at the latest */
            return UPSTREAM_BAD;
        }
        next = stop + 2;
        *stop = '\0';
        if (line == buf) {
            ret->status = status_of(line);
        }
        if (strpbrk(line, "\r\n") || (line == buf ? ret->status < 100 : !take_header(line, ret))) {
            return UPSTREAM_BAD;
        }
    }
    const char *length = upstream_get(ret, "Content-Length");
    if (length && (!num_int64(length, &ret->length) || ret->length < 0)) {
        return UPSTREAM_BAD;
    }
    return ret->status ? UPSTREAM_WHOLE : UPSTREAM_BAD;
}

const char *upstream_get(const struct upstream_head *h, const char *name)
{
    for (size_t i = 0; i < h->n; i++) {
        if (!strcasecmp(h->headers[i].name, name)) {
            return h->headers[i].value;
        }
    }
    return NULL;
}
