/* Texts that repeat (series, tags, status words) kept once, each with a small number. */
#ifndef GANTRY_REPORT_WORDS_H
#define GANTRY_REPORT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct words {
    char **text;
    uint32_t n, cap;
    uint32_t *slots; /* number + 1, open addressing; 0 = free */
    uint32_t n_slots;
};

/* Number of `text`, added when it is new. */
bool words_put(struct words *w, const char *text, uint32_t *ret, struct err *err) CHECK_RESULT;
/* False when it was never put. */
bool words_find(const struct words *w, const char *text, uint32_t *ret);
void words_fini(struct words *w);

#endif
