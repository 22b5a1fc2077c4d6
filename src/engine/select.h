/* What a launch takes of what was selected: each item is taken, skipped with its reason, or lacks a
 * rotation centre. */
#ifndef GANTRY_ENGINE_SELECT_H
#define GANTRY_ENGINE_SELECT_H

#include "base/err.h"
#include "codec/json.h"
#include "engine/engine.h"
#include "engine/launch.h"

struct selection {
    int64_t *ids;
    size_t n;
    json_t *skipped;               /* [{id, name, reason}] */
    json_t *missing, *missing_ids; /* names without any centre, and their rows */
    const struct engine *engine;
    const json_t *batch, *params; /* to be checked against the items' own parameters */
    const char *level;            /* of the batch */
    char judged_kind[64];         /* the kind that was judged last, and what was said of it */
    const char *judged;
    struct launch_reads reads;
    struct launch_enable enable;
};

/* args: "items" (ids), or for studies and subjects "studies" (subject selectors, pattern.h); both
 * are a union. `sel` is closed by the caller also after a failure. */
bool select_items(struct engine *e, struct store *s, const json_t *args, const json_t *batch,
                  const json_t *params, struct selection *sel, struct err *err) CHECK_RESULT;
void select_close(struct selection *sel);
/* Nothing is left: ERR_NOTHING names the first that were skipped; always false. */
bool select_nothing(const struct selection *sel, struct err *err);
/* Has the job's tool this phase? */
bool select_has_phase(const struct engine *e, const json_t *job, const char *phase);

#endif
