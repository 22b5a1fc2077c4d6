/*
 * What a person sees while runs go on: a bar with count, rate, ETA and the running items on a
 * terminal, one line a finished task otherwise; failures at once. It only reads the store.
 *
 * Order: progress_new, progress_add_run..., progress_update (as often as something changed),
 * progress_end, progress_free.
 */
#ifndef GANTRY_CLI_PROGRESS_H
#define GANTRY_CLI_PROGRESS_H

#include "cli/command.h"

struct progress;

struct progress_counts {
    int64_t total;
    int64_t by_state[16]; /* index: enum task_state */
    int64_t over;         /* done, cached, failed, cancelled, blocked */
};

/* `quiet`: nothing is printed but failures and what the queue says (--json). */
struct progress *progress_new(struct cli *c, bool quiet, struct err *err) CHECK_RESULT;
/* Follow this run too. What is over already is counted, not printed. */
bool progress_add_run(struct progress *p, int64_t run, struct err *err) CHECK_RESULT;
/* Read and draw; the signature is that of struct follow. A failed read is shown at the end. */
void progress_update(void *progress);
/* Draw the last state, take the bar away. False when reading failed on the way. */
bool progress_end(struct progress *p, struct err *err) CHECK_RESULT;
void progress_free(struct progress *p);

/* Tasks of one run by state. */
bool progress_count(struct store *s, int64_t run, struct progress_counts *ret,
                    struct err *err) CHECK_RESULT;

#endif
