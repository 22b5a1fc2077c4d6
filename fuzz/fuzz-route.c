/*
 * api/router and api/query: any request line, query and body finds a route or is refused, its
 * parameters are checked, and no route runs on what was not. The input: method, path, query, a
 * header's value and a body, one a line (the body is the rest).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "api/reply.h"
#include "api/request.h"
#include "api/router.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    *at = end ? end + 1 : line + strlen(line);
    if (end) {
        *end = '\0';
    }
    return line;
}

static void headers(const char *value)
{
    struct err err = {0};
    char host[64];
    int64_t first = 0, n = 0;
    int port;
    if (query_range(value, 1000, &first, &n) == RANGE_PART &&
        (first < 0 || n <= 0 || first + n > 1000)) {
        abort();
    }
    (void)query_etag_matches(value, "0123456789abcdef");
    (void)query_takes_gzip(value);
    mem_free(query_cookie(value, "gantry_session", &err));
    (void)!query_listen(value, host, &port, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    char *text = mem_strndup((const char *)data, size, &err), *at = text, allow[64];
    struct request_in in = {.n_cookies = 0};
    struct request q = {.in = &in};
    struct reply r;
    if (!text) {
        return 0;
    }
    reply_init(&r);
    q.method = next_line(&at);
    q.path = next_line(&at);
    const char *query = next_line(&at);
    headers(next_line(&at));
    bool ok = query_parse(query, &in.fields, &err) && router_find(&q, &r, allow, &err) &&
        (q.body = *at ? json_parse(at, strlen(at), "the request", &err) : json_object()) &&
        json_is_object(q.body) && router_check(q.route, &in.fields, q.body, &err);
    if (ok) {
        for (const struct route_param *p = q.route->params; p && p->name; p++) {
            (void)request_int(&q, p->name, 0);
            (void)request_number(&q, p->name, 0);
            (void)request_bool(&q, p->name, false);
            if (p->required && p->in == IN_QUERY && !request_has(&q, p->name)) {
                abort();
            }
        }
    } else {
        reply_problem(&r, &err);
        if (r.status < 400) {
            abort();
        }
    }
    request_fini(&q);
    reply_fini(&r);
    mem_free(text);
    return 0;
}
