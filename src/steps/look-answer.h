/*
 * Answers of the picture helper: one request in, facts and a file in memory out. Everything that it
 * keeps between requests hangs from struct look.
 */
#ifndef GANTRY_STEPS_LOOK_ANSWER_H
#define GANTRY_STEPS_LOOK_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "codec/json.h"
#include "os/pass.h"
#include "steps/look-cache.h"
#include "steps/look-find.h"
#include "steps/look-request.h"
#include "steps/look-scan.h"

struct look {
    struct look_finder *finder;
    struct look_cache *cache;
    struct look_scan *scan;
};

bool look_open(struct look *look, struct err *err) CHECK_RESULT;
void look_close(struct look *look);

/* What goes back. `facts` is a JSON object with at least "type"; the bytes are `length` bytes of
 * `fd`, which is `own`'s or one of the cache's (then valid until the next request). fd -1: there
 * are none, the asker has them already ("unchanged"). */
struct look_answer {
    json_t *facts;
    struct memfile own;
    int fd;
    size_t length;
    struct look_place place; /* where the picture was found */
};

bool look_answer(struct look *look, const struct look_request *q, struct look_answer *ret,
                 struct err *err) CHECK_RESULT;
void look_answer_fini(struct look_answer *a);

/* The decoded slice of a place, from the cache or read now. Valid until the next call. */
struct look_slice *look_load(struct look *look, const struct look_request *q,
                             const struct look_place *place, struct err *err) CHECK_RESULT;
/* Device, inode, size and mtime of a file as text. */
bool look_stamp(const char *path, char *out, size_t size, struct err *err) CHECK_RESULT;
/* The 5-95 % window of a slice, or what the request says. */
void look_window(const struct look_request *q, struct look_slice *s, double ret[2]);

/* {"try", "full", "raw"}: what can be looked at (look-facts.c). */
json_t *look_facts(struct look *look, const struct look_request *q, struct err *err) CHECK_RESULT;

#endif
