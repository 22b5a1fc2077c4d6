/* The page: files embedded in the program (dev/embed, from web/dist), or below --webroot. */
#ifndef GANTRY_API_ASSETS_H
#define GANTRY_API_ASSETS_H

#include <stddef.h>
#include "api/route.h"

struct asset {
    const char *path; /* "/index.html" */
    const char *etag;
    const unsigned char *bytes;
    size_t n;
    const unsigned char *packed; /* gzip; NULL when it does not shrink */
    size_t n_packed;
};

/* Written by dev/embed; ends with path NULL. Empty when the page was not built. */
extern const struct asset asset_table[];

/* Answer a GET of something that is not the API. */
bool assets_answer(struct request *q, struct reply *r, struct err *err) CHECK_RESULT;

#endif
