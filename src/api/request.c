/* Reading requests. */
#include "api/request.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "engine/op.h"

void request_fini(struct request *q)
{
    query_match_fini(q->parts, ROUTE_PARTS);
    query_fini(&q->in->fields);
    for (size_t i = 0; i < q->in->n_cookies; i++) {
        mem_free(q->in->cookies[i]);
    }
    json_decref(q->body);
    mem_free(q->who.projects);
}

const char *request_text(const struct request *q, const char *name, const char *fallback)
{
    const char *value = query_value(&q->in->fields, name);
    return value ? value : fallback;
}

bool request_has(const struct request *q, const char *name)
{
    return query_value(&q->in->fields, name) != NULL;
}

int64_t request_int(const struct request *q, const char *name, int64_t fallback)
{
    const char *value = query_value(&q->in->fields, name);
    int64_t number;
    return value && num_int64(value, &number) ? number : fallback;
}

double request_number(const struct request *q, const char *name, double fallback)
{
    const char *value = query_value(&q->in->fields, name);
    double number;
    return value && num_double(value, &number) ? number : fallback;
}

bool request_bool(const struct request *q, const char *name, bool fallback)
{
    const char *value = query_value(&q->in->fields, name);
    return value ? !*value || strchr("1ty", *value) != NULL : fallback;
}

bool request_id(const struct request *q, size_t i, int64_t *ret, struct err *err)
{
    int64_t number;
    const char *text = i < ROUTE_PARTS && q->parts[i] ? q->parts[i] : "";
    if (!num_int64(text, &number) || number <= 0) {
        return err_set(err, ERR_NOTHING, "'%.60s' is no number of anything here", text);
    }
    *ret = number;
    return true;
}

const char *request_header(const struct request *q, const char *name)
{
    return q->in->header ? q->in->header(q->in->arg, name) : NULL;
}

const char *request_cookie(const struct request *q, const char *name)
{
    struct request_in *in = q->in;
    char *value = in->n_cookies < REQUEST_COOKIES
        ? query_cookie(request_header(q, "Cookie"), name, err_ignore("then it is not there"))
        : NULL;
    if (value) {
        in->cookies[in->n_cookies++] = value;
    }
    return value;
}

json_t *request_op(struct request *q, const char *op, const json_t *args, struct err *err)
{
    json_t *answer = NULL;
    return op_call(q->api->engine, q->api->store, op, args, &answer, err) ? answer : NULL;
}
