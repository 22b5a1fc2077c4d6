/* A walk over the tables: some ninety routes, compared as text. */
#include "api/router.h"

#include <stdio.h>
#include <string.h>
#include "base/num.h"

static bool same_method(const char *route, const char *asked)
{
    return !strcmp(route, asked) || (!strcmp(route, "GET") && !strcmp(asked, "HEAD"));
}

static void allow_also(char allow[64], const char *method)
{
    size_t n = strlen(allow);
    if (!strstr(allow, method)) {
        (void)snprintf(allow + n, 64 - n, "%s%s", n ? ", " : "", method);
        if (!strcmp(method, "GET")) {
            allow_also(allow, "HEAD");
        }
    }
}

/* A path without {..} is meant before one that has some at the same place ("/tasks/kill"). */
static bool better(const struct route *a, const struct route *than)
{
    if (!than) {
        return true;
    }
    const char *p = a->path, *o = than->path;
    while (*p && *p == *o) {
        p++;
        o++;
    }
    return *o == '{' && *p != '{';
}

bool router_find(struct request *q, struct reply *r, char allow[64], struct err *err)
{
    char *parts[ROUTE_PARTS] = {NULL};
    size_t n = 0;
    allow[0] = '\0';
    for (size_t t = 0; route_tables[t]; t++) {
        for (const struct route *route = route_tables[t]; route->method; route++) {
            if (!query_match(route->path, q->path, parts, ROUTE_PARTS, &n)) {
                continue;
            }
            if (!same_method(route->method, q->method)) {
                allow_also(allow, route->method);
                query_match_fini(parts, n);
            } else if (better(route, q->route)) {
                query_match_fini(q->parts, ROUTE_PARTS);
                memcpy(q->parts, parts, n * sizeof *parts);
                memset(parts, 0, sizeof parts);
                q->route = route;
            } else {
                query_match_fini(parts, n);
            }
        }
    }
    if (q->route) {
        return true;
    }
    if (allow[0]) {
        reply_status(r, 405);
        return err_set(err, ERR_USAGE, "%s does not understand %.20s, only %s", q->path, q->method,
                       allow);
    }
    reply_status(r, 404);
    return err_set(err, ERR_NOTHING, "there is no '%.200s' here", q->path);
}

const char *router_type_name(enum param_type type)
{
    static const char *const names[] = {
        [P_TEXT] = "text",
        [P_INT] = "a whole number",
        [P_NUMBER] = "a number",
        [P_BOOL] = "true or false",
        [P_IDS] = "a list of whole numbers",
        [P_TEXTS] = "a list of texts",
        [P_ARRAY] = "a list",
        [P_OBJECT] = "an object",
        [P_ANY] = "a value",
    };
    return names[type];
}

static const struct route_param *find_param(const struct route *route, enum param_in in,
                                            const char *name)
{
    for (const struct route_param *p = route->params; p && p->name; p++) {
        if (p->in == in && (!strcmp(p->name, name) || !strcmp(p->name, "*"))) {
            return p;
        }
    }
    return NULL;
}

static bool query_type(const char *text, enum param_type type)
{
    static const char *const words[] = {"", "1", "0", "true", "false", "yes", "no"};
    int64_t whole;
    double number;
    switch (type) {
    case P_INT:
        return num_int64(text, &whole);
    case P_NUMBER:
        return num_double(text, &number);
    case P_BOOL:
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            if (!strcmp(text, words[i])) {
                return true;
            }
        }
        return false;
    default:
        return true;
    }
}

static bool all_of(const json_t *array, enum param_type type)
{
    size_t i;
    json_t *v;
    json_array_foreach(array, i, v)
    {
        if (type == P_IDS ? !json_is_integer(v) : !json_is_string(v)) {
            return false;
        }
    }
    return json_is_array(array);
}

static bool body_type(const json_t *v, enum param_type type)
{
    switch (type) {
    case P_TEXT:
        return json_is_string(v);
    case P_INT:
        return json_is_integer(v);
    case P_NUMBER:
        return json_is_number(v);
    case P_BOOL:
        return json_is_boolean(v);
    case P_IDS:
    case P_TEXTS:
        return all_of(v, type);
    case P_ARRAY:
        return json_is_array(v);
    case P_OBJECT:
        return json_is_object(v);
    case P_ANY:
        return true;
    }
    return false;
}

static bool check_query(const struct route *route, const struct query_fields *fields,
                        struct err *err)
{
    for (size_t i = 0; i < fields->n; i++) {
        const struct query_field *f = &fields->field[i];
        const struct route_param *p = find_param(route, IN_QUERY, f->name);
        if (!p) {
            return err_set(err, ERR_USAGE, "%s %s has no parameter '%.60s'", route->method,
                           route->path, f->name);
        }
        if (!query_type(f->value, p->type)) {
            return err_set(err, ERR_USAGE, "%s: '%.60s' is not %s", f->name, f->value,
                           router_type_name(p->type));
        }
    }
    return true;
}

static bool check_body(const struct route *route, const json_t *body, struct err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)body, key, v)
    {
        const struct route_param *p = find_param(route, IN_BODY, key);
        if (!p) {
            return err_set(err, ERR_USAGE, "%s %s has no field '%.60s'", route->method, route->path,
                           key);
        }
        if (!json_is_null(v) && !body_type(v, p->type)) {
            return err_set(err, ERR_USAGE, "'%s' must be %s", key, router_type_name(p->type));
        }
    }
    return true;
}

bool router_check(const struct route *route, const struct query_fields *fields, const json_t *body,
                  struct err *err)
{
    if (!check_query(route, fields, err) || !check_body(route, body, err)) {
        return false;
    }
    for (const struct route_param *p = route->params; p && p->name; p++) {
        const json_t *v = p->in == IN_BODY ? json_object_get(body, p->name) : NULL;
        bool given = p->in == IN_BODY ? v && (p->type == P_ANY || !json_is_null(v))
                                      : query_value(fields, p->name) != NULL;
        if (p->required && !given) {
            return err_set(err, ERR_USAGE, "%s %s needs '%s': %s", route->method, route->path,
                           p->name, p->help);
        }
    }
    return true;
}
