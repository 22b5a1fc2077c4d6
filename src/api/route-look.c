/* Pictures: what there is of an item, its slices and raw data, histograms, profiles, metadata. */
#include <string.h>
#include "api/look.h"
#include "api/route.h"

/* Query fields of the same name in the question. */
static bool pass_on(const struct request *q, const struct route_param *params, json_t *to,
                    struct err *err)
{
    for (const struct route_param *p = params; p->name; p++) {
        json_t *value = NULL;
        if (!request_has(q, p->name)) {
            continue;
        }
        switch (p->type) {
        case P_INT:
            value = json_integer(request_int(q, p->name, 0));
            break;
        case P_NUMBER:
            value = json_real(request_number(q, p->name, 0));
            break;
        case P_BOOL:
            value = json_boolean(request_bool(q, p->name, false));
            break;
        default:
            value = json_string(request_text(q, p->name, ""));
            break;
        }
        if (!json_put(to, p->name, value, err)) {
            return false;
        }
    }
    /* "auto" is for people: without lo and hi the window is that anyway. */
    return json_object_get(to, "auto") == NULL || json_object_del(to, "auto") == 0;
}

static bool ask(struct request *q, struct reply *r, const char *what, struct err *err)
{
    int64_t item = 0;
    json_t *question =
        json_pack("{s:s, s:s}", "what", what, "kind", strcmp(what, "stack") ? "full" : "try");
    if (!question) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!request_id(q, 0, &item, err) || !pass_on(q, q->route->params, question, err)) {
        json_decref(question);
        return false;
    }
    return look_ask(q, r, item, question, err);
}

static bool slice(struct request *q, struct reply *r, struct err *err)
{
    return ask(q, r, "slice", err);
}

static bool stack(struct request *q, struct reply *r, struct err *err)
{
    return ask(q, r, "stack", err);
}

static bool histogram(struct request *q, struct reply *r, struct err *err)
{
    return ask(q, r, "histogram", err);
}

static bool profile(struct request *q, struct reply *r, struct err *err)
{
    return ask(q, r, "profile", err);
}

static bool metadata(struct request *q, struct reply *r, struct err *err)
{
    return ask(q, r, "metadata", err);
}

static bool pictures(struct request *q, struct reply *r, struct err *err)
{
    return ask(q, r, "pictures", err);
}

/* Which picture. */
#define PLACE                                                                                      \
    {IN_QUERY, "kind", P_TEXT, false, "try, full, raw (a projection) or sinogram; full"},          \
        {IN_QUERY, "index", P_INT, false,                                                          \
         "full: absolute slice; raw: projection; sinogram: detector row; the middle one"},         \
        {IN_QUERY, "centre", P_NUMBER, false, "try: the slice nearest to this; the found centre"}, \
        {IN_QUERY, "row", P_INT, false, "try: detector row; -1: files whose name says none"},      \
        {IN_QUERY, "flat", P_BOOL, false, "raw, sinogram: divided by the flat field"},             \
    {                                                                                              \
        IN_QUERY, "shift", P_INT, false, "flat field moved by so many columns"                     \
    }

#define WINDOW                                                                             \
    {IN_QUERY, "lo", P_NUMBER, false, "value shown black; with hi. Without both: 5-95 %"}, \
    {                                                                                      \
        IN_QUERY, "hi", P_NUMBER, false, "value shown white"                               \
    }

#define LOOKS                                                                            \
    {IN_QUERY, "auto", P_BOOL, false, "5-95 % (what is done without lo and hi)"},        \
        {IN_QUERY, "format", P_TEXT, false,                                              \
         "png, raw (float32, little-endian) or raw8 (bytes between lo and hi); png"},    \
        {IN_QUERY, "map", P_TEXT, false, "png: gray, inverted, viridis, inferno, hot"},  \
        {IN_QUERY, "level", P_INT, false, "png: 0 stored, 1 compressed; by size"},       \
    {                                                                                    \
        IN_QUERY, "max", P_INT, false, "longest side of a smaller copy, by area average" \
    }

static const struct route_param slice_params[] = {
    PLACE, WINDOW, LOOKS, {IN_QUERY, NULL, P_TEXT, false, NULL}};
static const struct route_param stack_params[] = {
    {IN_QUERY, "centre", P_NUMBER, false, "the slice that gives the window; the found centre"},
    {IN_QUERY, "row", P_INT, false, "detector row"},
    WINDOW,
    LOOKS,
    {IN_QUERY, NULL, P_TEXT, false, NULL}};
static const struct route_param histogram_params[] = {
    PLACE, WINDOW, {IN_QUERY, NULL, P_TEXT, false, NULL}};
static const struct route_param profile_params[] = {
    PLACE,
    {IN_QUERY, "x0", P_NUMBER, true, "start, in pixels from the middle of the first one"},
    {IN_QUERY, "y0", P_NUMBER, true, ""},
    {IN_QUERY, "x1", P_NUMBER, true, "end"},
    {IN_QUERY, "y1", P_NUMBER, true, ""},
    {IN_QUERY, NULL, P_TEXT, false, NULL}};
static const struct route_param metadata_params[] = {
    {IN_QUERY, "text", P_TEXT, false, "only what has this in its path, value or attributes"},
    {IN_QUERY, NULL, P_TEXT, false, NULL}};
static const struct route_param picture_params[] = {
    {IN_QUERY, "row", P_INT, false, "try slices of this detector row"},
    {IN_QUERY, NULL, P_TEXT, false, NULL}};

const struct route routes_look[] = {
    {"GET", "/api/v1/pictures/{item}", ROLE_VIEWER,
     "What can be looked at: try slices with their score curve, full slices, raw data",
     picture_params, pictures, false},
    {"GET", "/api/v1/slices/{item}", ROLE_VIEWER,
     "One picture; X-Width, X-Height, X-Lo, X-Hi and more say what it is", slice_params, slice,
     false},
    {"GET", "/api/v1/slices/{item}/stack", ROLE_VIEWER,
     "All try slices of a row as thumbnails with one window, one above the other; X-Count of them",
     stack_params, stack, false},
    {"GET", "/api/v1/slices/{item}/histogram", ROLE_VIEWER, "Histogram of 256 bins, and statistics",
     histogram_params, histogram, false},
    {"GET", "/api/v1/slices/{item}/profile", ROLE_VIEWER, "Values along a line, bilinear",
     profile_params, profile, false},
    {"GET", "/api/v1/metadata/{item}", ROLE_VIEWER, "The tree of the scan's HDF5 file",
     metadata_params, metadata, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
