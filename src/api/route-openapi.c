/* The OpenAPI 3.1 document, from the table of routes: what is there is described, nothing else. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "api/route.h"
#include "base/str.h"

static json_t *schema_of(enum param_type type)
{
    switch (type) {
    case P_TEXT:
        return json_pack("{s:s}", "type", "string");
    case P_INT:
        return json_pack("{s:s}", "type", "integer");
    case P_NUMBER:
        return json_pack("{s:s}", "type", "number");
    case P_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case P_IDS:
        return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "integer");
    case P_TEXTS:
        return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
    case P_ARRAY:
        return json_pack("{s:s}", "type", "array");
    case P_OBJECT:
        return json_pack("{s:s}", "type", "object");
    case P_ANY:
        break;
    }
    return json_object();
}

/* Every {name} of the path. */
static bool path_params(const struct route *route, json_t *list)
{
    bool ok = true;
    for (const char *p = strchr(route->path, '{'); p && ok; p = strchr(p, '{')) {
        size_t n = strcspn(++p, "}");
        ok =
            json_array_append_new(list,
                                  json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", p, n, "in", "path",
                                            "required", 1, "schema", "type", "string")) == 0;
    }
    return ok;
}

static bool query_params(const struct route *route, json_t *list)
{
    bool ok = true;
    for (const struct route_param *p = route->params; p && p->name && ok; p++) {
        if (p->in == IN_QUERY) {
            ok = json_array_append_new(list,
                                       json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", p->name, "in",
                                                 "query", "required", p->required, "description",
                                                 p->help, "schema", schema_of(p->type))) == 0;
        }
    }
    return ok;
}

/* NULL when the route takes no body. */
static json_t *body_of(const struct route *route)
{
    json_t *fields = json_object(), *required = json_array();
    bool any = false, open = false, ok = fields && required;
    for (const struct route_param *p = route->params; p && p->name && ok; p++) {
        if (p->in != IN_BODY) {
            continue;
        }
        any = true;
        if (!strcmp(p->name, "*")) {
            open = true;
            continue;
        }
        json_t *schema = schema_of(p->type);
        ok = schema && json_object_set_new(schema, "description", json_string(p->help)) == 0 &&
            (!p->required || json_array_append_new(required, json_string(p->name)) == 0);
        ok = schema && json_object_set_new(fields, p->name, schema) == 0 && ok;
    }
    json_t *body = ok && any
        ? json_pack("{s:{s:{s:{s:s, s:O, s:O, s:b}}}}", "content", "application/json", "schema",
                    "type", "object", "properties", fields, "required", required,
                    "additionalProperties", open)
        : NULL;
    json_decref(fields);
    json_decref(required);
    return body;
}

static json_t *raw_body(void)
{
    return json_pack("{s:b, s:{s:{}}}", "required", 1, "content", "application/octet-stream");
}

static json_t *operation(const struct route *route)
{
    static const char *const roles[] = {"nobody in particular", "viewer", "operator", "admin"};
    char text[80];
    (void)snprintf(text, sizeof text, "Needs: %s", roles[route->need]);
    json_t *params = json_array();
    json_t *op = params && path_params(route, params) && query_params(route, params)
        ? json_pack("{s:s, s:s, s:O, s:{s:{s:s}, s:{s:s, s:{s:{s:{s:s}}}}}}", "summary",
                    route->summary, "description", text, "parameters", params, "responses", "200",
                    "description", "As asked for", "default", "description", "A problem (RFC 9457)",
                    "content", "application/problem+json", "schema", "$ref",
                    "#/components/schemas/Problem")
        : NULL;
    json_t *body = !op ? NULL : route->rules & ROUTE_RAW ? raw_body() : body_of(route);
    if (body) {
        (void)json_object_set_new(op, "requestBody", body);
    }
    json_decref(params);
    return op;
}

static bool add_route(json_t *paths, const struct route *route)
{
    char method[8];
    size_t n = 0;
    for (; route->method[n] && n + 1 < sizeof method; n++) {
        method[n] = (char)tolower((unsigned char)route->method[n]);
    }
    method[n] = '\0';
    json_t *entry = json_object_get(paths, route->path);
    if (!entry) {
        entry = json_object();
        if (!entry || json_object_set_new(paths, route->path, entry) != 0) {
            return false;
        }
    }
    return json_object_set_new(entry, method, operation(route)) == 0;
}

static bool openapi(struct request *q, struct reply *r, struct err *err)
{
    json_t *paths = json_object();
    bool ok = paths != NULL;
    (void)q;
    for (size_t t = 0; ok && route_tables[t]; t++) {
        for (const struct route *route = route_tables[t]; ok && route->method; route++) {
            ok = add_route(paths, route);
        }
    }
    json_t *doc = ok
        ? json_pack("{s:s, s:{s:s, s:s}, s:O, s:{s:{s:{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, "
                    "s:{s:s}}}}}}",
                    "openapi", "3.1.0", "info", "title", "Gantry", "version", GANTRY_VERSION,
                    "paths", paths, "components", "schemas", "Problem", "type", "object",
                    "properties", "type", "type", "string", "title", "type", "string", "status",
                    "type", "integer", "detail", "type", "string", "code", "type", "string")
        : NULL;
    json_decref(paths);
    return reply_json(r, 200, doc, err);
}

const struct route routes_openapi[] = {
    {"GET", "/api/v1/openapi.json", ROLE_NONE, "This document", NULL, openapi, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
