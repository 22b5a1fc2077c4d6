/* From a method and a path to a route, and its parameters checked. No HTTP library here: fuzzed
 * whole. */
#ifndef GANTRY_API_ROUTER_H
#define GANTRY_API_ROUTER_H

#include "api/query.h"
#include "api/route.h"

/* Find q->route for q->method and q->path and fill q->parts. False: 404, or 405 with `allow` (64
 * bytes) filled with the methods there are. */
bool router_find(struct request *q, struct reply *r, char allow[64], struct err *err) CHECK_RESULT;
/* Every given field must be in the route's table and of its type; required ones must be there. */
bool router_check(const struct route *route, const struct query_fields *fields, const json_t *body,
                  struct err *err) CHECK_RESULT;
/* "text", "integer", ... */
const char *router_type_name(enum param_type type);

#endif
