/* What ort.c and ort-session.c share. */
#ifndef GANTRY_INFER_ORT_OWN_H
#define GANTRY_INFER_ORT_OWN_H

#include <sys/resource.h>
#include "infer/ort-api.h"
#include "infer/ort.h"

struct ort {
    struct ort_api api;
    char *path;
    const char *version; /* the library's own text */
    void *env;
    void *memory;    /* "plain memory of the CPU" */
    void *allocator; /* for names the library makes */
    int64_t limit;   /* bytes, 0 = none */
};

/* Releases the status. True when it was NULL; else false with the first line of what it says,
 * behind
 * "<what>: ". */
bool ort_said(const struct ort *ort, void *status, const char *what, struct err *err) CHECK_RESULT;
/* From here to ort_limit_end the process cannot grow by more than the limit. False when there is no
 * limit to keep, and nothing to end. */
bool ort_limit_begin(const struct ort *ort, struct rlimit *ret_saved);
void ort_limit_end(const struct rlimit *saved);
/* Adds CUDA to session options. */
bool ort_append_cuda(const struct ort *ort, void *options, int device,
                     struct err *err) CHECK_RESULT;

#endif
