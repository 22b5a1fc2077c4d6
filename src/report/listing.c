/*
 * Reading: the rows by id, a few thousand a step; then the two text orders, which SQLite's indexes
 * give away for nothing (sorting a million names here would hold the engine for a second). Rows
 * that changed meanwhile are read again one by one.
 */
#include "report/listing.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/state.h"
#include "report/listing-rows.h"
#include "report/live.h"

#define STEP_IDS 1000    /* of the table in one step: a few milliseconds */
#define STEP_RANKS 20000 /* keys of an index in one step */
#define STEP_DIRTY 2000
#define DIRTY_MAX 300000 /* more changes than this: reading everything is cheaper */

struct listing *listing_new(struct store *s, int64_t project, struct err *err)
{
    struct listing *l = mem_zero(sizeof *l, err);
    if (l) {
        l->store = s;
        l->project = project;
        l->names.max = l->folded.max = (size_t)1 << 31;
    }
    return l;
}

static void drop_rows(struct listing *l)
{
    void *blocks[] = {l->id,     l->size,    l->changed, l->cor,        l->confidence, l->index,
                      l->series, l->status,  l->tags,    l->by_name,    l->by_series,  l->group,
                      l->flags,  l->name_at, l->rest,    l->after_name, l->dirty,      l->fits};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        mem_free(blocks[i]);
    }
    str_fini(&l->names);
    str_fini(&l->folded);
    words_fini(&l->words);
}

void listing_free(struct listing *l)
{
    if (l) {
        drop_rows(l);
        mem_free(l);
    }
}

static bool reset(struct listing *l)
{
    struct store *s = l->store;
    int64_t project = l->project;
    drop_rows(l);
    *l = (struct listing){.store = s, .project = project};
    l->names.max = l->folded.max = (size_t)1 << 31;
    return true;
}

static bool grow_one(void **block, size_t cap, size_t size, struct err *err)
{
    void *grown = mem_resize(*block, cap, size, err);
    if (grown) {
        *block = grown;
    }
    return grown != NULL;
}

/* Room for as many rows as there can be is asked for at once: what is not used is not touched. */
static bool grow(struct listing *l, struct err *err)
{
    size_t cap = l->cap ? l->cap + l->cap / 2 : 1024 + (size_t)l->last;
    const struct {
        void **block;
        size_t size;
    } all[] = {
        {(void **)&l->id, sizeof *l->id},
        {(void **)&l->size, sizeof *l->size},
        {(void **)&l->changed, sizeof *l->changed},
        {(void **)&l->cor, sizeof *l->cor},
        {(void **)&l->confidence, sizeof *l->confidence},
        {(void **)&l->index, sizeof *l->index},
        {(void **)&l->series, sizeof *l->series},
        {(void **)&l->status, sizeof *l->status},
        {(void **)&l->tags, sizeof *l->tags},
        {(void **)&l->by_name, sizeof *l->by_name},
        {(void **)&l->by_series, sizeof *l->by_series},
        {(void **)&l->group, sizeof *l->group},
        {(void **)&l->flags, sizeof *l->flags},
        {(void **)&l->name_at, sizeof *l->name_at},
        {(void **)&l->rest, sizeof *l->rest},
        {(void **)&l->fits, sizeof *l->fits},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!grow_one(all[i].block, cap, all[i].size, err)) {
            return false;
        }
    }
    l->cap = cap;
    return true;
}

/* --- one row */

static bool add_name(struct listing *l, const char *name, struct err *err)
{
    size_t n = strlen(name) + 1, at = l->names.len;
    bool upper = false;
    for (const char *p = name; *p; p++) {
        upper = upper || isupper((unsigned char)*p);
    }
    l->name_at[l->n] = (uint32_t)at;
    str_addn(&l->names, name, n);
    if (upper && !l->has_upper) {
        l->has_upper = true;
        str_addn(&l->folded, l->names.buf, at);
    }
    if (l->has_upper && str_ok(&l->names, NULL)) {
        str_addn(&l->folded, name, n);
        for (size_t i = at; i < l->folded.len; i++) {
            l->folded.buf[i] = (char)tolower((unsigned char)l->folded.buf[i]);
        }
    }
    return str_ok(&l->names, err) && str_ok(&l->folded, err);
}

#define ROW_COLUMNS                                                                   \
    "id,name,status,series,idx,size,cor,cor_source,cor_confidence,enabled,auto_skip," \
    "hidden OR gone OR level<>'scan',params<>'{}',tags,"                              \
    "CASE WHEN skip_reason<>'' THEN skip_reason ELSE reason "                         \
    "END,frames,n_rows,n_columns,changed_us"

static uint8_t flags_of(const struct query *q)
{
    bool by_hand = !query_null(q, 9), enabled = query_int(q, 9) != 0, flagged = query_int(q, 10);
    return (uint8_t)((query_int(q, 11) ? ROW_OFF : 0) |
                     ((by_hand ? !enabled : flagged) ? ROW_SKIPPED : 0) |
                     (flagged ? ROW_AUTO_SKIP : 0) | (by_hand && enabled ? ROW_ENABLED : 0) |
                     (by_hand && !enabled ? ROW_DISABLED : 0) | (query_int(q, 12) ? ROW_OWN : 0));
}

static bool fill(struct listing *l, size_t i, const struct query *q, struct err *err)
{
    struct row_rest *rest = &l->rest[i];
    uint32_t series;
    l->index[i] = (int32_t)query_int(q, 4);
    l->size[i] = query_int(q, 5);
    l->cor[i] = query_double(q, 6);
    l->confidence[i] = (float)query_double(q, 8);
    l->flags[i] = flags_of(q);
    l->changed[i] = query_int(q, 18);
    l->group[i] = (uint8_t)group_of_status(query_text(q, 2));
    *rest = (struct row_rest){.task = TASK_NOT_READ,
                              .frames = (uint32_t)query_int(q, 15),
                              .n_rows = (uint32_t)query_int(q, 16),
                              .n_columns = (uint32_t)query_int(q, 17)};
    if (!words_put(&l->words, query_text(q, 2), &l->status[i], err) ||
        !words_put(&l->words, query_text(q, 3), &series, err) ||
        !words_put(&l->words, query_text(q, 7), &rest->source, err) ||
        !words_put(&l->words, query_text(q, 13), &l->tags[i], err) ||
        !words_put(&l->words, query_text(q, 14), &rest->reason, err)) {
        return false;
    }
    bool unranked = l->by_name[i] == UINT32_MAX && !(l->flags[i] & ROW_OFF);
    l->unordered = l->unordered || (l->phase != READ_ROWS && (unranked || series != l->series[i]));
    l->series[i] = series;
    return true;
}

/* A row that is not there yet goes to the end: ids only grow. */
static bool append(struct listing *l, const struct query *q, struct err *err)
{
    size_t i = l->n;
    if ((i == l->cap && !grow(l, err)) || !add_name(l, query_text(q, 1), err)) {
        return false;
    }
    l->id[i] = query_int(q, 0);
    l->by_name[i] = l->by_series[i] = UINT32_MAX;
    l->series[i] = 0;
    if (!fill(l, i, q, err)) {
        return false;
    }
    l->n++;
    return true;
}

static bool position(const struct listing *l, int64_t id, size_t *ret)
{
    size_t a = 0, b = l->n;
    while (a < b) {
        size_t m = a + (b - a) / 2;
        if (l->id[m] < id) {
            a = m + 1;
        } else {
            b = m;
        }
    }
    *ret = a;
    return a < l->n && l->id[a] == id;
}

/* The rows with ids in (from, to]. */
static bool read_range(struct listing *l, int64_t from, int64_t to, bool *ret_any, struct err *err)
{
    struct query *q = store_query(
        l->store, err,
        "SELECT " ROW_COLUMNS " FROM item WHERE id>?1 AND id<=?2 AND +project_id=?3 ORDER BY id",
        "iii", from, to, l->project);
    bool ok = q != NULL;
    *ret_any = false;
    while (ok && query_next(q)) {
        size_t i;
        *ret_any = true;
        if (position(l, query_int(q, 0), &i)) {
            ok = fill(l, i, q, err);
        } else if (i == l->n) {
            ok = append(l, q, err);
        } else {
            l->lost = true; /* an id that was used again */
        }
    }
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

/* The tasks of these rows in one go; later each is looked up on its own. */
static bool read_tasks(struct listing *l, int64_t from, int64_t to, struct err *err)
{
    int64_t item = 0, run = 0;
    size_t i = 0;
    bool here = false;
    struct query *q = store_query(
        l->store, err,
        "SELECT item_id,id,run_id,state,attempts FROM task WHERE item_id>?1 AND item_id<=?2 "
        "ORDER BY item_id,id",
        "ii", from, to);
    while (q && query_next(q)) {
        if (query_int(q, 0) != item) {
            item = query_int(q, 0);
            here = position(l, item, &i);
            run = 0;
        }
        bool better = here &&
            (query_int(q, 2) > run ||
             (query_int(q, 2) == run &&
              live_weight(query_int(q, 3)) >= live_weight(l->rest[i].state)));
        if (better) {
            run = query_int(q, 2);
            l->rest[i].task = query_int(q, 1);
            l->rest[i].state = (int8_t)query_int(q, 3);
            l->rest[i].attempt = (int32_t)query_int(q, 4);
        }
    }
    return q && query_end(q, err);
}

/* --- the two orders */

static bool next_name(struct listing *l, uint32_t *ret_seen, struct err *err)
{
    struct query *q =
        store_query(l->store, err,
                    "SELECT id,name FROM item WHERE project_id=?1 AND level='scan' "
                    "AND name>?2 ORDER BY name LIMIT ?3",
                    "isi", l->project, l->after_name ? l->after_name : "", (int64_t)STEP_RANKS);
    char *last = NULL;
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        size_t i;
        if (position(l, query_int(q, 0), &i)) {
            l->by_name[i] = l->ranked;
        }
        l->ranked++;
        if (++*ret_seen == STEP_RANKS) {
            last = mem_strdup(query_text(q, 1), err);
            ok = last != NULL;
        }
    }
    ok = q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    mem_free(l->after_name);
    l->after_name = last;
    return ok;
}

static bool next_series(struct listing *l, uint32_t *ret_seen, struct err *err)
{
    struct query *q = store_query(
        l->store, err,
        "SELECT id,series,idx FROM item WHERE project_id=?1 AND (series,idx,id)>(?2,?3,?4) "
        "ORDER BY series,idx,id LIMIT ?5",
        "isiii", l->project, l->after_name ? l->after_name : "",
        l->after_name ? l->after_index : INT64_MIN, l->after_id, (int64_t)STEP_RANKS);
    char *last = NULL;
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        size_t i;
        if (position(l, query_int(q, 0), &i)) {
            l->by_series[i] = l->ranked;
        }
        l->ranked++;
        if (++*ret_seen == STEP_RANKS) {
            last = mem_strdup(query_text(q, 1), err);
            l->after_index = query_int(q, 2);
            l->after_id = query_int(q, 0);
            ok = last != NULL;
        }
    }
    ok = q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    mem_free(l->after_name);
    l->after_name = last;
    return ok;
}

static void begin_ranks(struct listing *l)
{
    l->ranked = 0;
    mem_free(l->after_name);
    l->after_name = NULL;
    l->after_index = l->after_id = 0;
}

/* --- changes */

static bool remember(struct listing *l, int64_t key)
{
    if (l->n_dirty >= DIRTY_MAX) {
        return false;
    }
    if (l->n_dirty == l->cap_dirty) {
        size_t cap = l->cap_dirty ? l->cap_dirty * 2 : 64;
        int64_t *grown = mem_resize(l->dirty, cap, sizeof *grown, NULL);
        if (!grown) {
            return false;
        }
        l->dirty = grown;
        l->cap_dirty = cap;
    }
    l->dirty[l->n_dirty++] = key;
    return true;
}

/* A task is remembered by its negative id. */
void listing_touch_item(struct listing *l, int64_t item)
{
    bool same = l->n_dirty && l->dirty[l->n_dirty - 1] == item;
    if (!same && (l->phase != READ_ROWS || item <= l->read_to) && !remember(l, item)) {
        l->lost = true;
    }
}

void listing_touch_task(struct listing *l, int64_t task)
{
    bool same = l->n_dirty && l->dirty[l->n_dirty - 1] == -task;
    if (!same && !remember(l, -task)) {
        l->lost = true;
    }
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool read_task_again(struct listing *l, int64_t task, struct err *err)
{
    int64_t item = 0;
    size_t i;
    if (!store_int(l->store, 0, &item, err, "SELECT item_id FROM task WHERE id=?1", "i", task)) {
        return false;
    }
    if (position(l, item, &i)) {
        l->rest[i].task = TASK_NOT_READ;
    }
    return true;
}

static bool read_again(struct listing *l, struct err *err)
{
    qsort(l->dirty, l->n_dirty, sizeof *l->dirty, by_number);
    /* from the end, so that what is left needs no moving; an id stands once in a while, doubled */
    for (size_t n = 0; n < STEP_DIRTY && l->n_dirty > 0; n++) {
        int64_t key = l->dirty[l->n_dirty - 1];
        bool any = true;
        size_t i;
        if (key > 0 ? !read_range(l, key - 1, key, &any, err) : !read_task_again(l, -key, err)) {
            return false;
        }
        if (!any && position(l, key, &i)) {
            l->flags[i] |= ROW_OFF; /* the row itself is gone */
        }
        while (l->n_dirty > 0 && l->dirty[l->n_dirty - 1] == key) {
            l->n_dirty--;
        }
    }
    return true;
}

/* --- steps */

static bool read_rows(struct listing *l, struct err *err)
{
    bool any;
    /* asked anew each time: rows that come meanwhile are read like all others */
    if (!store_int(l->store, 0, &l->last, err, "SELECT max(id) FROM item", "")) {
        return false;
    }
    size_t before = l->n;
    if (!read_range(l, l->read_to, l->read_to + STEP_IDS, &any, err)) {
        return false;
    }
    for (size_t i = before; i < l->n; i++) {
        l->rest[i].task = 0;
    }
    if (any && !read_tasks(l, l->read_to, l->read_to + STEP_IDS, err)) {
        return false;
    }
    l->read_to += STEP_IDS;
    if (l->read_to >= l->last) {
        l->read_to = INT64_MAX;
        l->phase = READ_NAMES;
        begin_ranks(l);
    }
    return true;
}

bool listing_step(struct listing *l, bool *ret_done, struct err *err)
{
    uint32_t seen = 0;
    bool ok = !l->lost || reset(l);
    if (l->phase == READ_ROWS) {
        ok = read_rows(l, err);
    } else if (l->n_dirty) {
        ok = read_again(l, err);
    } else if (l->phase == READ_DONE && l->unordered) {
        l->unordered = false;
        l->phase = READ_NAMES;
        begin_ranks(l);
    } else if (l->phase == READ_NAMES) {
        ok = next_name(l, &seen, err);
        if (seen < STEP_RANKS) {
            l->phase = READ_SERIES;
            begin_ranks(l);
        }
    } else if (l->phase == READ_SERIES) {
        ok = next_series(l, &seen, err);
        if (seen < STEP_RANKS) {
            l->phase = READ_DONE;
            begin_ranks(l);
        }
    }
    *ret_done = l->phase == READ_DONE && !l->unordered && !l->n_dirty && !l->lost;
    return ok;
}

int64_t listing_id(const struct listing *l, uint32_t row)
{
    return l->id[row];
}

size_t listing_bytes(const struct listing *l)
{
    size_t row = 3 * sizeof(int64_t) + sizeof(double) + sizeof(float) + sizeof(int32_t) +
        6 * sizeof(uint32_t) + 3 + sizeof(struct row_rest);
    return l->n * row + l->names.len + l->folded.len + l->words.cap * (2 * sizeof(uint32_t) + 64);
}
