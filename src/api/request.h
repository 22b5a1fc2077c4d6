/* The private side of a request: what http.c (or a fuzz target) gives request.c to look in. */
#ifndef GANTRY_API_REQUEST_H
#define GANTRY_API_REQUEST_H

#include "api/query.h"
#include "api/route.h"

#define REQUEST_COOKIES 4

struct request_in {
    struct query_fields fields;
    const char *(*header)(void *arg, const char *name); /* NULL: there are no headers */
    void *arg;
    char *cookies[REQUEST_COOKIES]; /* kept for whoever asked */
    size_t n_cookies;
    const char *query; /* as it came, "" = none */
    const void *raw;   /* the body as it came; for what is passed on (jupyter.c) */
    size_t n_raw;
};

void request_fini(struct request *q);

#endif
