/* Fixed size: nothing is allocated where a row changes. */
#include "api/dirty.h"

#include <string.h>

void dirty_add(struct dirty *d, int64_t id)
{
    size_t at = (size_t)((uint64_t)id * 0x9e3779b97f4a7c15u >> 51) % (2 * DIRTY_MOST);
    while (d->slots[at]) {
        if (d->ids[d->slots[at] - 1] == id) {
            return;
        }
        at = (at + 1) % (2 * DIRTY_MOST);
    }
    if (d->n == DIRTY_MOST) {
        d->overflow = true;
        return;
    }
    d->ids[d->n++] = id;
    d->slots[at] = (uint16_t)d->n;
}

void dirty_clear(struct dirty *d)
{
    if (d->n) {
        memset(d->slots, 0, sizeof d->slots);
    }
    d->n = 0;
    d->overflow = false;
}
