/* From the store's rows to a bound task: what the table, earlier jobs and retries say, put together
 * for plan/bind. */
#ifndef GANTRY_ENGINE_PREPARE_H
#define GANTRY_ENGINE_PREPARE_H

#include "engine/engine.h"
#include "plan/bind.h"

struct prepare {
    const struct active *run;
    const struct item_row *row;  /* what the table says of the item; NULL: it is read */
    int64_t item, task, attempt; /* task 0: not in the store yet (dry run) */
    int job, n;
    bool plain; /* no earlier jobs, no parameters of a retry: nothing to look up */
    int threads, gpu;
    const char *dir; /* the attempt's folder */
};

/* The fingerprint is complete, the job is ready to be sent (but for "previous"). */
bool prepare_task(struct engine *e, struct store *s, const struct prepare *in, struct bound *ret,
                  struct err *err) CHECK_RESULT;
/* The same with a stand-in for a centre that is not known: outputs and estimate are right, the
 * parameter and the fingerprint are not. */
bool prepare_without_centre(struct engine *e, struct store *s, const struct prepare *in,
                            struct bound *ret, struct err *err) CHECK_RESULT;
/* <attempts>/<run>/<task>.<n>. Caller frees. */
char *prepare_dir(const struct active *run, int64_t task, int n, struct err *err) CHECK_RESULT;

#endif
