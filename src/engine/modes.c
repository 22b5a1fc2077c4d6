/* Modes (K6) and queues (Q8): small rules on top of the slots. */
#include <stdio.h>
#include <string.h>
#include "base/num.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/queues.h"
#include "plan/batch.h"

#define IMMEDIATE "immediate"

void modes_of_run(struct active *run)
{
    const char *mode = json_get_text(json_object_get(run->batch, "options"), "mode", "split");
    int64_t n = 0;
    run->collect_from = (int)batch_collect_from(run->batch);
    run->beside = !strcmp(mode, IMMEDIATE);
    run->lanes = !strcmp(mode, "per-subject")                                            ? -1
        : str_starts(mode, "n-tasks:") && num_int64(mode + 8, &n) && n > 0 && n < 100000 ? (int)n
                                                                                         : 0;
}

/* Items that were begun and have jobs left: at work, ready, or just settled. */
static int begun(const struct engine *e, const struct active *run)
{
    int n = run->running;
    for (size_t i = 0; i < run->n_ready; i++) {
        n += run->ready[i].job > 0 && run->ready[i].job < run->collect_from;
    }
    for (size_t i = 0; i < e->n_changes; i++) {
        const struct change *c = &e->changes[i];
        n += c->settled && c->live->run == run && c->live->job + 1 < run->collect_from &&
            (c->state == TASK_DONE || c->state == TASK_CACHED || c->state == TASK_READY);
    }
    return n;
}

static int beside_now(const struct engine *e)
{
    int n = 0;
    for (const struct live *l = e->lives; l; l = l->next) {
        n += l->beside;
    }
    return n;
}

bool modes_beside_free(const struct engine *e)
{
    const struct active *r = e->runs;
    while (r && !r->beside) {
        r = r->next;
    }
    return r && beside_now(e) < e->slots;
}

static int in_queue(const struct engine *e, const char *queue)
{
    int n = 0;
    for (const struct live *l = e->lives; l; l = l->next) {
        n += !strcmp(l->queue, queue);
    }
    return n;
}

bool modes_allow(const struct engine *e, const struct active *run, const struct ready *r,
                 const json_t *job, char *ret_queue, size_t size, bool *ret_beside)
{
    const char *queue;
    int lanes = run->lanes < 0 ? e->slots : run->lanes;
    ret_queue[0] = '\0';
    *ret_beside = run->beside;
    if (lanes && r->job == 0 && r->n == 1 && begun(e, run) >= lanes) {
        return false;
    }
    if (run->beside && beside_now(e) >= e->slots) {
        return false;
    }
    if (!options_text(e->options, "queues")[0] ||
        !queue_of(e, run->batch, job, &queue, err_ignore("the option changed: no limit then"))) {
        return true;
    }
    int limit = queue_limit(e, queue);
    (void)snprintf(ret_queue, size, "%s", queue);
    return limit == 0 || in_queue(e, queue) < limit;
}
