/* Open addressing over FNV-1a; the table is at most half full. */
#include "report/words.h"

#include <string.h>
#include "base/mem.h"

static uint32_t hash_of(const char *text)
{
    uint32_t h = 2166136261u;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        h = (h ^ *p) * 16777619u;
    }
    return h;
}

/* The slot where `text` stands, or would stand. */
static uint32_t *slot_of(const struct words *w, const char *text)
{
    uint32_t i = hash_of(text) & (w->n_slots - 1);
    while (w->slots[i] && strcmp(w->text[w->slots[i] - 1], text) != 0) {
        i = (i + 1) & (w->n_slots - 1);
    }
    return &w->slots[i];
}

static bool grow(struct words *w, struct err *err)
{
    uint32_t n_slots = w->n_slots ? w->n_slots * 2 : 64;
    uint32_t *slots = mem_array(n_slots, sizeof *slots, err);
    char **text = slots ? mem_resize(w->text, n_slots / 2, sizeof *text, err) : NULL;
    if (!text) {
        mem_free(slots);
        return false;
    }
    mem_free(w->slots);
    w->slots = slots;
    w->n_slots = n_slots;
    w->text = text;
    w->cap = n_slots / 2;
    for (uint32_t i = 0; i < w->n; i++) {
        *slot_of(w, w->text[i]) = i + 1;
    }
    return true;
}

bool words_find(const struct words *w, const char *text, uint32_t *ret)
{
    uint32_t found = w->n ? *slot_of(w, text) : 0;
    if (found) {
        *ret = found - 1;
    }
    return found != 0;
}

bool words_put(struct words *w, const char *text, uint32_t *ret, struct err *err)
{
    if (words_find(w, text, ret)) {
        return true;
    }
    if (w->n == w->cap && !grow(w, err)) {
        return false;
    }
    char *copy = mem_strdup(text, err);
    if (!copy) {
        return false;
    }
    *slot_of(w, copy) = w->n + 1;
    w->text[w->n] = copy;
    *ret = w->n++;
    return true;
}

void words_fini(struct words *w)
{
    for (uint32_t i = 0; i < w->n; i++) {
        mem_free(w->text[i]);
    }
    mem_free(w->text);
    mem_free(w->slots);
    *w = (struct words){.n = 0};
}
