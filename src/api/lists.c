/* Short lists are read while the request waits; long ones in steps of a timer, with whoever waits
 * for them. */
#include "api/lists.h"

#include <string.h>
#include "api/events.h"
#include "base/clock.h"
#include "base/mem.h"
#include "os/loop.h"

#define AT_ONCE_US 15000 /* so long may a request hold the engine */
#define STEP_US 8000     /* and so long one turn of the timer */
#define KEEP_US (300 * 1000000LL)
#define SWEEP_MS 60000
#define LISTS_MOST 8 /* projects at once; the one that was asked for least lately goes */

struct list {
    int64_t project;
    struct listing *listing;
    int64_t asked_us;
};

struct waiting {
    struct lists *owner;
    struct later *later;
    int64_t project;
    lists_fn *answer;
    struct waiting *next;
};

struct lists {
    struct api *api;
    struct list list[LISTS_MOST];
    size_t n;
    struct waiting *waiting;
    struct loop_timer *step, *sweep;
};

static void row_changed(void *arg, const char *table, int64_t id)
{
    struct lists *lists = arg;
    bool item = !strcmp(table, "item"), task = !strcmp(table, "task");
    for (size_t i = 0; (item || task) && i < lists->n; i++) {
        if (item) {
            listing_touch_item(lists->list[i].listing, id);
        } else {
            listing_touch_task(lists->list[i].listing, id);
        }
    }
}

static void drop(struct lists *lists, size_t i)
{
    listing_free(lists->list[i].listing);
    lists->list[i] = lists->list[--lists->n];
}

static bool wanted(const struct lists *lists, int64_t project)
{
    const struct waiting *w = lists->waiting;
    while (w && w->project != project) {
        w = w->next;
    }
    return w != NULL;
}

static void sweep(void *arg)
{
    struct lists *lists = arg;
    int64_t now = clock_mono_us();
    for (size_t i = lists->n; i-- > 0;) {
        if (now - lists->list[i].asked_us > KEEP_US && !wanted(lists, lists->list[i].project)) {
            drop(lists, i);
        }
    }
    if (lists->n == 0) {
        loop_timer_stop(lists->sweep);
    }
}

static struct list *find(struct lists *lists, int64_t project)
{
    for (size_t i = 0; i < lists->n; i++) {
        if (lists->list[i].project == project) {
            return &lists->list[i];
        }
    }
    return NULL;
}

static struct list *list_of(struct lists *lists, int64_t project, struct err *err)
{
    struct list *list = find(lists, project);
    if (!list) {
        size_t oldest = 0;
        for (size_t i = 1; i < lists->n; i++) {
            oldest = lists->list[i].asked_us < lists->list[oldest].asked_us ? i : oldest;
        }
        if (lists->n == LISTS_MOST) {
            drop(lists, oldest);
        }
        struct listing *listing = listing_new(lists->api->store, project, err);
        if (!listing) {
            return NULL;
        }
        list = &lists->list[lists->n++];
        *list = (struct list){.project = project, .listing = listing};
        loop_timer_start(lists->sweep, SWEEP_MS, SWEEP_MS);
    }
    list->asked_us = clock_mono_us();
    return list;
}

/* Read on for a while. */
static bool read_on(struct list *list, int64_t budget_us, bool *ret_done, struct err *err)
{
    int64_t until = clock_mono_us() + budget_us;
    *ret_done = false;
    do {
        if (!listing_step(list->listing, ret_done, err)) {
            return false;
        }
    } while (!*ret_done && clock_mono_us() < until);
    return true;
}

static void unlink_waiting(struct waiting *w)
{
    struct waiting **p = &w->owner->waiting;
    while (*p != w) {
        p = &(*p)->next;
    }
    *p = w->next;
    mem_free(w);
}

/* `list` is NULL when `err` says why there is none. */
static void answer_one(struct waiting *w, struct list *list, struct err *err)
{
    struct later *later = w->later;
    lists_fn *answer = w->answer;
    bool ok = list && err->code == ERR_NONE;
    unlink_waiting(w);
    if (ok && answer(later_request(later), later_reply(later), list->listing, err)) {
        later_done(later);
    } else {
        later_fail(later, err);
    }
}

static void step_due(void *arg)
{
    struct lists *lists = arg;
    struct waiting *w = lists->waiting;
    struct err err = {ERR_NONE, ""};
    bool done = false;
    if (!w) {
        loop_timer_stop(lists->step);
        return;
    }
    int64_t project = w->project;
    struct list *list = list_of(lists, project, &err);
    bool ok = list && read_on(list, STEP_US, &done, &err);
    while (!ok || done) {
        struct waiting *next = lists->waiting;
        while (next && next->project != project) {
            next = next->next;
        }
        if (!next) {
            break;
        }
        struct err each = err;
        answer_one(next, list, &each);
    }
}

static void gone(void *arg)
{
    unlink_waiting(arg);
}

static void lists_end(void *arg)
{
    struct lists *lists = arg;
    while (lists->n) {
        drop(lists, 0);
    }
    loop_timer_free(lists->step);
    loop_timer_free(lists->sweep);
    lists->step = lists->sweep = NULL;
    lists->api->lists = NULL;
    while (lists->waiting) {
        struct waiting *w = lists->waiting;
        struct err err;
        (void)err_set(&err, ERR_CANCELLED, "the server ends");
        answer_one(w, NULL, &err);
    }
    mem_free(lists);
}

static struct lists *lists_of(struct api *api, struct err *err)
{
    if (api->lists) {
        return api->lists;
    }
    struct lists *lists = mem_zero(sizeof *lists, err);
    if (!lists) {
        return NULL;
    }
    lists->api = api;
    bool ok = (lists->step = loop_timer_new(api->loop, step_due, lists, err)) &&
        (lists->sweep = loop_timer_new(api->loop, sweep, lists, err)) &&
        api_at_end(api, lists_end, lists, err);
    if (!ok) {
        loop_timer_free(lists->step);
        loop_timer_free(lists->sweep);
        mem_free(lists);
        return NULL;
    }
    /* from here on for the life of the server: the hub goes after us */
    if (!hub_watch(api->hub, row_changed, lists, err)) {
        return NULL;
    }
    api->lists = lists;
    return lists;
}

bool lists_answer(struct request *q, struct reply *r, int64_t project, lists_fn *answer,
                  struct err *err)
{
    struct lists *lists = lists_of(q->api, err);
    struct list *list = lists ? list_of(lists, project, err) : NULL;
    bool done = false;
    if (!list || !read_on(list, AT_ONCE_US, &done, err)) {
        return false;
    }
    if (done) {
        return answer(q, r, list->listing, err);
    }
    struct waiting *w = mem_zero(sizeof *w, err);
    if (!w) {
        return false;
    }
    *w = (struct waiting){.owner = lists, .project = project, .answer = answer};
    w->next = lists->waiting;
    lists->waiting = w;
    w->later = reply_later(r, gone, w, err);
    if (!w->later) {
        unlink_waiting(w);
        return false;
    }
    loop_timer_start(lists->step, 0, 1);
    return true;
}
