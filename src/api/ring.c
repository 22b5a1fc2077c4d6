/* A circular array that doubles up to what the bytes allow. */
#include "api/ring.h"

#include "base/mem.h"

#define START 64

struct ring {
    struct ring_event *events;
    size_t cap; /* a power of two */
    int64_t first, next;
    size_t bytes, most;
    uint64_t total;
};

struct ring *ring_new(size_t most_bytes, struct err *err)
{
    struct ring *r = mem_zero(sizeof *r, err);
    if (r) {
        r->most = most_bytes;
        r->first = r->next = 1;
        r->cap = START;
        r->events = mem_array(START, sizeof *r->events, err);
        if (!r->events) {
            mem_free(r);
            r = NULL;
        }
    }
    return r;
}

static struct ring_event *slot(const struct ring *r, int64_t number)
{
    return &r->events[(size_t)number & (r->cap - 1)];
}

static void drop_oldest(struct ring *r)
{
    struct ring_event *e = slot(r, r->first++);
    r->bytes -= e->length + e->packed_length;
    mem_free(e->text);
    mem_free(e->packed);
    e->text = e->packed = NULL;
}

void ring_drop(struct ring *r)
{
    while (r->first < r->next) {
        drop_oldest(r);
    }
    r->first = r->next = r->next + 1;
}

void ring_free(struct ring *r)
{
    if (r) {
        ring_drop(r);
        mem_free(r->events);
        mem_free(r);
    }
}

static bool grow(struct ring *r)
{
    size_t cap = r->cap * 2;
    struct ring_event *events =
        mem_array(cap, sizeof *events, err_ignore("readers are told to start anew"));
    for (int64_t i = r->first; events && i < r->next; i++) {
        events[(size_t)i & (cap - 1)] = *slot(r, i);
    }
    if (events) {
        mem_free(r->events);
        r->events = events;
        r->cap = cap;
    }
    return events != NULL;
}

int64_t ring_add(struct ring *r, int64_t project, char *text, size_t length)
{
    while (r->first < r->next && r->bytes + length > r->most) {
        drop_oldest(r);
    }
    if (!text || ((size_t)(r->next - r->first) == r->cap && !grow(r))) {
        mem_free(text);
        ring_drop(r);
        return r->next - 1;
    }
    r->total += length;
    r->bytes += length;
    *slot(r, r->next) = (struct ring_event){project, length, r->total, text, NULL, 0};
    return r->next++;
}

const struct ring_event *ring_get(const struct ring *r, int64_t number)
{
    return number >= r->first && number < r->next ? slot(r, number) : NULL;
}

void ring_pack(struct ring *r, int64_t number, char *packed, size_t length)
{
    struct ring_event *e = slot(r, number);
    r->bytes += length;
    e->packed = packed;
    e->packed_length = length;
}

int64_t ring_first(const struct ring *r)
{
    return r->first;
}

int64_t ring_next(const struct ring *r)
{
    return r->next;
}

uint64_t ring_behind(const struct ring *r, int64_t number)
{
    const struct ring_event *e = ring_get(r, number < r->first ? r->first : number);
    return e ? r->total - (e->end - e->length) : 0;
}
