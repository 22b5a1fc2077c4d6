/* A set of row ids that changed, with a most: beyond it only that there were too many is known. */
#ifndef GANTRY_API_DIRTY_H
#define GANTRY_API_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIRTY_MOST 4096

struct dirty {
    int64_t ids[DIRTY_MOST];        /* in the order of their first change */
    uint16_t slots[2 * DIRTY_MOST]; /* open addressing: index into ids + 1; 0 = free */
    size_t n;
    bool overflow;
};

void dirty_add(struct dirty *d, int64_t id);
void dirty_clear(struct dirty *d);

#endif
