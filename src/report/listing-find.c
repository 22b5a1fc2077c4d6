/*
 * A query is three passes over small arrays: which rows fit, how many of each group, and the page
 * of them in order. The first rows of an order are kept in a heap; for a page far behind, or a long
 * one, the keys are counted by their size, and only those around the page are looked at again.
 */
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "report/listing-rows.h"

#define HEAP_MOST 2048 /* a longer page is selected, not heaped */

static const char *const sort_names[SORT_COUNT] = {"series",     "name",   "index",   "size", "cor",
                                                   "confidence", "status", "changed", "id"};

enum listing_sort listing_sort_named(const char *name)
{
    int i = 0;
    while (i < SORT_COUNT && strcmp(sort_names[i], name) != 0) {
        i++;
    }
    return (enum listing_sort)i;
}

/* --- which rows fit */

typedef unsigned char block __attribute__((vector_size(16)));
typedef uint64_t wide __attribute__((vector_size(16)));

/* The next place where the first and the last letter of the needle stand at their distance; most
 * places are ruled out 16 at a time. */
static const char *candidate(const char *p, const char *end, const char *needle, size_t n)
{
    const unsigned char first = (unsigned char)needle[0], last = (unsigned char)needle[n - 1];
    block firsts, lasts;
    memset(&firsts, first, sizeof firsts);
    memset(&lasts, last, sizeof lasts);
    while ((size_t)(end - p) >= n + sizeof(block)) {
        block a, b;
        memcpy(&a, p, sizeof a);
        memcpy(&b, p + n - 1, sizeof b);
        wide hits = (wide)((a == firsts) & (b == lasts));
        if (hits[0] | hits[1]) { /* the lowest byte comes first */
            return p +
                (hits[0] ? __builtin_ctzll(hits[0]) / CHAR_BIT
                         : 8 + __builtin_ctzll(hits[1]) / CHAR_BIT);
        }
        p += sizeof(block);
    }
    for (; (size_t)(end - p) >= n; p++) {
        if ((unsigned char)p[0] == first && (unsigned char)p[n - 1] == last) {
            return p;
        }
    }
    return NULL;
}

/* Rows whose name holds the text keep their mark, all others lose it. */
static bool fit_text(struct listing *l, const char *text, struct err *err)
{
    const char *hay = l->has_upper ? l->folded.buf : l->names.buf;
    size_t n = strlen(text), row = 0;
    char *needle = mem_strdup(text, err);
    if (!needle) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        needle[i] = (char)tolower((unsigned char)needle[i]);
    }
    const char *end = hay + l->names.len, *p = hay;
    while (row < l->n && (p = candidate(p, end, needle, n))) {
        if (memcmp(p, needle, n) != 0) {
            p++;
            continue;
        }
        size_t at = (size_t)(p - hay), next = row;
        while (next + 1 < l->n && l->name_at[next + 1] <= at) {
            next++;
        }
        if (next > row) {
            memset(l->fits + row, 0, next - row);
        }
        row = next + 1;
        p = hay + (row < l->n ? l->name_at[row] : l->names.len);
    }
    memset(l->fits + row, 0, l->n - row);
    mem_free(needle);
    return true;
}

/* One comparison of a whole column; written so that the compiler makes it wide. */
static void fit_word(uint8_t *fits, const uint32_t *column, size_t n, uint32_t wanted)
{
    for (size_t i = 0; i < n; i++) {
        fits[i] &= column[i] == wanted;
    }
}

static bool fit_tag(struct listing *l, const char *tag, struct err *err)
{
    char *member = mem_printf(err, "/%s/", tag);
    uint8_t *has = member ? mem_zero(l->words.n + 1, err) : NULL;
    if (has) {
        for (uint32_t w = 0; w < l->words.n; w++) {
            has[w] = l->words.text[w][0] == '/' && strstr(l->words.text[w], member) != NULL;
        }
        for (size_t i = 0; i < l->n; i++) {
            l->fits[i] &= has[l->tags[i]];
        }
    }
    mem_free(has);
    mem_free(member);
    return has != NULL;
}

static bool mark_fitting(struct listing *l, const struct listing_query *q, struct err *err)
{
    uint32_t word;
    for (size_t i = 0; i < l->n; i++) {
        l->fits[i] = !(l->flags[i] & ROW_OFF);
    }
    if (q->skipped >= 0) {
        for (size_t i = 0; i < l->n; i++) {
            l->fits[i] &= !(l->flags[i] & ROW_SKIPPED) == !q->skipped;
        }
    }
    const struct {
        const char *text;
        const uint32_t *column;
    } words[] = {{q->status, l->status}, {q->series, l->series}};
    for (size_t k = 0; k < 2; k++) {
        if (words[k].text && words_find(&l->words, words[k].text, &word)) {
            fit_word(l->fits, words[k].column, l->n, word);
        } else if (words[k].text) {
            memset(l->fits, 0, l->n);
        }
    }
    return (!q->tag || !*q->tag || fit_tag(l, q->tag, err)) &&
        (!q->text || !*q->text || !l->n || fit_text(l, q->text, err));
}

/* --- the order: every column as a number that grows the way the column does */

struct key {
    uint64_t key;
    uint32_t row;
};

static uint64_t of_double(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t of_int(int64_t i)
{
    return (uint64_t)i ^ (uint64_t)1 << 63;
}

struct order {
    const struct listing *l;
    enum listing_sort sort;
    bool descending;
    uint32_t *ranks; /* of the status words */
};

/* Without a value a row comes last, in both directions. */
static uint64_t key_of(const struct order *o, size_t i)
{
    const struct listing *l = o->l;
    uint64_t key = 0;
    double value = 0;
    switch (o->sort) {
    case SORT_SERIES:
        key = l->by_series[i];
        break;
    case SORT_NAME:
        key = l->by_name[i];
        break;
    case SORT_INDEX:
        key = of_int(l->index[i]);
        break;
    case SORT_SIZE:
        key = of_int(l->size[i]);
        break;
    case SORT_COR:
        value = l->cor[i];
        key = of_double(value);
        break;
    case SORT_CONFIDENCE:
        value = (double)l->confidence[i];
        key = of_double(value);
        break;
    case SORT_STATUS:
        key = o->ranks[l->status[i]];
        break;
    case SORT_CHANGED:
        key = of_int(l->changed[i]);
        break;
    default:
        key = of_int(l->id[i]);
        break;
    }
    return isnan(value) ? UINT64_MAX : o->descending ? ~key - 1 : key;
}

static bool before(struct key a, struct key b)
{
    return a.key != b.key ? a.key < b.key : a.row < b.row;
}

static int compare(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    return before(*x, *y) ? -1 : before(*y, *x);
}

static void sift_down(struct key *heap, size_t n)
{
    for (size_t i = 0, child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(heap[child], heap[child + 1])) {
            child++;
        }
        if (!before(heap[i], heap[child])) {
            return;
        }
        struct key swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
    }
}

static void sift_up(struct key *heap, size_t i)
{
    while (i && before(heap[(i - 1) / 2], heap[i])) {
        struct key swap = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = swap;
        i = (i - 1) / 2;
    }
}

/* The first `most` keys, unordered. */
static size_t heap_of(const struct listing *l, const struct order *o, struct key *heap, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (!l->fits[i]) {
            continue;
        }
        struct key k = {key_of(o, i), (uint32_t)i};
        if (n < most) {
            heap[n] = k;
            sift_up(heap, n++);
        } else if (before(k, heap[0])) {
            heap[0] = k;
            sift_down(heap, n);
        }
    }
    return n;
}

/* Puts the `first` smallest keys in front, in any order (Wirth's selection; no two keys are equal).
 */
static void select_first(struct key *a, size_t n, size_t first)
{
    int64_t left = 0, right = (int64_t)n - 1, k = (int64_t)first;
    while (left < right && k <= right) {
        struct key pivot = a[left + (right - left) / 2];
        int64_t i = left, j = right;
        while (i <= j) {
            while (before(a[i], pivot)) {
                i++;
            }
            while (before(pivot, a[j])) {
                j--;
            }
            if (i <= j) {
                struct key swap = a[i];
                a[i++] = a[j];
                a[j--] = swap;
            }
        }
        if (k <= j) {
            right = j;
        } else if (k >= i) {
            left = i;
        } else {
            return;
        }
    }
}

static int word_compare(const void *a, const void *b)
{
    return strcmp(**(const char *const *const *)a, **(const char *const *const *)b);
}

/* Rank of every word in the alphabet, for the order by status. */
static uint32_t *word_ranks(const struct listing *l, struct err *err)
{
    uint32_t n = l->words.n;
    uint32_t *ranks = mem_array((size_t)n + 1, sizeof *ranks, err);
    char ***sorted = ranks ? mem_array((size_t)n + 1, sizeof *sorted, err) : NULL;
    if (!sorted) {
        mem_free(ranks);
        return NULL;
    }
    /* only the words that stand in the column */
    uint32_t m = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (!ranks[l->status[i]]) {
            ranks[l->status[i]] = 1;
            sorted[m++] = &l->words.text[l->status[i]];
        }
    }
    qsort(sorted, m, sizeof *sorted, word_compare);
    for (uint32_t i = 0; i < m; i++) {
        ranks[sorted[i] - l->words.text] = i + 1;
    }
    mem_free(sorted);
    return ranks;
}

/* As the rows lie: nothing is to be ordered. */
static bool walk_page(const struct listing *l, const struct listing_query *q,
                      struct listing_page *page, struct err *err)
{
    size_t left = page->total - q->offset, skipped = 0;
    left = left < q->limit ? left : q->limit;
    page->rows = mem_array(left, sizeof *page->rows, err);
    for (size_t i = 0; page->rows && page->n < left; i++) {
        if (l->fits[i] && skipped++ >= q->offset) {
            page->rows[page->n++] = (uint32_t)i;
        }
    }
    return page->rows != NULL;
}

#define BUCKETS 4096

/* Keys in equal steps from the smallest to the largest; those without a value lie behind. */
struct buckets {
    uint64_t low;
    int shift;
    size_t count[BUCKETS + 1];
};

static size_t bucket_of(const struct buckets *b, uint64_t key)
{
    return key == UINT64_MAX ? BUCKETS : (size_t)((key - b->low) >> b->shift);
}

static struct buckets *count_keys(const struct listing *l, const struct order *o, struct err *err)
{
    uint64_t low = UINT64_MAX, high = 0;
    struct buckets *b = mem_zero(sizeof *b, err);
    if (!b) {
        return NULL;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (l->fits[i]) {
            uint64_t key = key_of(o, i);
            low = key < low ? key : low;
            high = key > high && key != UINT64_MAX ? key : high;
        }
    }
    b->low = low;
    while (high > low && (high - low) >> b->shift >= BUCKETS) {
        b->shift++;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (l->fits[i]) {
            b->count[bucket_of(b, key_of(o, i))]++;
        }
    }
    return b;
}

/* The keys of the buckets in which places from..end-1 of the order lie; *ret_before: how many lie
 * before these buckets. */
static struct key *keys_around(const struct listing *l, const struct order *o, size_t from,
                               size_t end, size_t *ret_n, size_t *ret_before, struct err *err)
{
    struct buckets *b = count_keys(l, o, err);
    struct key *keys = NULL;
    size_t first = 0, before_it = 0, n = 0;
    if (b) {
        while (before_it + b->count[first] <= from) {
            before_it += b->count[first++];
        }
        size_t last = first, within = b->count[first];
        while (before_it + within < end) {
            within += b->count[++last];
        }
        keys = mem_big(within, sizeof *keys, err);
        for (size_t i = 0; keys && i < l->n; i++) {
            struct key k = {l->fits[i] ? key_of(o, i) : 0, (uint32_t)i};
            if (l->fits[i] && bucket_of(b, k.key) >= first && bucket_of(b, k.key) <= last) {
                keys[n++] = k;
            }
        }
    }
    mem_free(b);
    *ret_n = n;
    *ret_before = before_it;
    return keys;
}

static bool cut_page(struct listing *l, const struct listing_query *q, const struct order *o,
                     struct listing_page *page, struct err *err)
{
    size_t end = q->offset + q->limit < page->total ? q->offset + q->limit : page->total;
    size_t n = 0, from = q->offset, before_it = 0;
    bool heap = end <= HEAP_MOST;
    struct key *keys = heap ? mem_big(end + 1, sizeof *keys, err)
                            : keys_around(l, o, from, end, &n, &before_it, err);
    if (!keys) {
        return false;
    }
    page->n = end - from;
    if (heap) {
        n = heap_of(l, o, keys, end);
        qsort(keys, n, sizeof *keys, compare);
    } else {
        end -= before_it;
        from -= before_it;
        select_first(keys, n, end);
        select_first(keys, end, from);
        qsort(keys + from, page->n, sizeof *keys, compare);
    }
    page->rows = mem_array(page->n, sizeof *page->rows, err);
    if (page->rows) {
        for (size_t i = 0; i < page->n; i++) {
            page->rows[i] = keys[from + i].row;
        }
    }
    mem_free(keys);
    return page->rows != NULL;
}

bool listing_find(struct listing *l, const struct listing_query *q, struct listing_page *ret,
                  struct err *err)
{
    struct order o = {.l = l, .sort = q->sort, .descending = q->descending};
    struct listing_page page = {.total = 0};
    if (!mark_fitting(l, q, err)) {
        return false;
    }
    for (size_t i = 0; i < l->n; i++) {
        page.counts[l->group[i]] += l->fits[i];
    }
    if (q->group != GROUP_COUNT) {
        for (size_t i = 0; i < l->n; i++) {
            l->fits[i] &= l->group[i] == q->group;
        }
    }
    for (int g = 0; g < GROUP_COUNT; g++) {
        page.total += q->group == GROUP_COUNT || q->group == (enum row_group)g ? page.counts[g] : 0;
    }
    bool ok = true;
    if (q->offset < page.total && q->limit) {
        o.ranks = q->sort == SORT_STATUS ? word_ranks(l, err) : NULL;
        ok = (q->sort != SORT_STATUS || o.ranks) &&
            (q->sort == SORT_ID && !q->descending ? walk_page(l, q, &page, err)
                                                  : cut_page(l, q, &o, &page, err));
    }
    mem_free(o.ranks);
    if (ok) {
        *ret = page;
    }
    return ok;
}

void listing_page_fini(struct listing_page *page)
{
    mem_free(page->rows);
    *page = (struct listing_page){.total = 0};
}
