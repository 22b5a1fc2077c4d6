/* Small hash tables: a key may stand in one of WAYS places, the oldest of which is given up. */
#include "api/limit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "codec/secret.h"

#define SETS 256
#define WAYS 8
#define KEY 72
#define FORGET_US ((int64_t)3600 * 1000000) /* failures of an hour ago */

struct entry {
    char key[KEY];
    int64_t used_us;  /* 0: free */
    double left;      /* bucket */
    int tries;        /* in a row */
    int64_t until_us; /* no further try before */
};

struct limits {
    char seed[SECRET_HEX]; /* nobody can choose names that push others out */
    struct entry requests[SETS][WAYS], tries[SETS][WAYS];
};

struct limits *limits_new(struct err *err)
{
    struct limits *l = mem_zero(sizeof *l, err);
    if (l && !secret_token(l->seed, err)) {
        mem_free(l);
        return NULL;
    }
    return l;
}

void limits_free(struct limits *l)
{
    mem_free(l);
}

/* FNV-1a over seed and key. */
static size_t set_of(const struct limits *l, const char *key)
{
    uint32_t h = 2166136261u;
    for (const char *p = l->seed; *p; p++) {
        h = (h ^ (unsigned char)*p) * 16777619u;
    }
    for (const char *p = key; *p; p++) {
        h = (h ^ (unsigned char)*p) * 16777619u;
    }
    return (h ^ h >> 16) % SETS;
}

/* Names come in any letter case and mean the same. */
static void fold(const char *key, char out[KEY])
{
    size_t i = 0;
    for (; key[i] && i + 1 < KEY; i++) {
        out[i] = (char)tolower((unsigned char)key[i]);
    }
    out[i] = '\0';
}

static struct entry *find(struct limits *l, struct entry table[SETS][WAYS], const char *key,
                          bool make, bool *ret_new)
{
    char folded[KEY];
    fold(key, folded);
    struct entry *set = table[set_of(l, folded)], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].used_us && !strcmp(set[i].key, folded)) {
            *ret_new = false;
            return &set[i];
        }
        oldest = set[i].used_us < oldest->used_us ? &set[i] : oldest;
    }
    if (!make) {
        return NULL;
    }
    *oldest = (struct entry){.used_us = 0};
    memcpy(oldest->key, folded, KEY);
    *ret_new = true;
    return oldest;
}

bool limits_take(struct limits *l, const char *key, double rate, double burst, int64_t now_us,
                 int *ret_wait)
{
    bool fresh;
    struct entry *e = find(l, l->requests, key, true, &fresh);
    double left = fresh ? burst : e->left + (double)(now_us - e->used_us) * 1e-6 * rate;
    e->left = left > burst ? burst : left;
    e->used_us = now_us > 0 ? now_us : 1;
    if (e->left >= 1) {
        e->left -= 1;
        return true;
    }
    *ret_wait = 1 + (int)((1 - e->left) / rate);
    return false;
}

int limits_wait(struct limits *l, const char *key, int64_t now_us)
{
    bool fresh;
    const struct entry *e = find(l, l->tries, key, false, &fresh);
    return e && e->until_us > now_us ? 1 + (int)((e->until_us - now_us) / 1000000) : 0;
}

void limits_tried(struct limits *l, const char *key, int free_tries, int most_s, int64_t now_us)
{
    bool fresh;
    struct entry *e = find(l, l->tries, key, true, &fresh);
    if (now_us - e->used_us > FORGET_US) {
        e->tries = 0;
    }
    e->used_us = now_us > 0 ? now_us : 1;
    e->tries += e->tries < 1000;
    int over = e->tries - free_tries;
    if (over >= 0) {
        int64_t wait = over < 20 ? (int64_t)1 << over : (int64_t)1 << 20;
        e->until_us = now_us + (wait < most_s ? wait : most_s) * 1000000;
    }
}

void limits_forgive(struct limits *l, const char *key)
{
    bool fresh;
    struct entry *e = find(l, l->tries, key, false, &fresh);
    if (e) {
        *e = (struct entry){.used_us = 0};
    }
}
