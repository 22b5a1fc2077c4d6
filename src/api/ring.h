/*
 * The newest events, as they go over the wire, under ascending numbers. Old ones leave when the
 * ring is full. Whoever reads keeps the number it is at, so that every reader shares one copy.
 */
#ifndef GANTRY_API_RING_H
#define GANTRY_API_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct ring_event {
    int64_t project; /* 0: for everybody */
    size_t length;
    uint64_t end; /* bytes of all events up to and with this one */
    char *text;
    char *packed; /* the same as a piece of gzip (codec/gzip.h), once somebody wanted it */
    size_t packed_length;
};

struct ring;
struct ring *ring_new(size_t most_bytes, struct err *err) CHECK_RESULT;
void ring_free(struct ring *r);
/* Takes `text` (mem_free). Returns its number (from 1). Without memory the event is lost, its
 * number is not given out, and what is kept is dropped, so that readers find out. */
int64_t ring_add(struct ring *r, int64_t project, char *text, size_t length);
/* Forget all; numbers go on behind a gap, so that no reader's place is known any more. */
void ring_drop(struct ring *r);
/* The event of a number; NULL when it has left or is yet to come. */
const struct ring_event *ring_get(const struct ring *r, int64_t number);
/* Keep the packed form of a number that is there. Takes `packed`. */
void ring_pack(struct ring *r, int64_t number, char *packed, size_t length);
int64_t ring_first(const struct ring *r); /* number of the oldest that is kept */
int64_t ring_next(const struct ring *r);  /* number that the next one gets */
/* Bytes from the start of event `number` to the newest's end. */
uint64_t ring_behind(const struct ring *r, int64_t number);

#endif
