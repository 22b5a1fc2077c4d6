/* Studies that arrived (REQUIREMENTS Q10): new since a watch began or since the project has an
 * autoexec batch, and not launched yet. One has settled when nothing in it changed for a while. */
#ifndef GANTRY_CLI_ARRIVALS_H
#define GANTRY_CLI_ARRIVALS_H

#include "cli/command.h"
#include "engine/session.h"

struct arrivals {
    json_t *settled; /* ids */
    json_t *waiting; /* ids of those that are still arriving */
    char names[300]; /* of the settled ones, as many as fit: "P01#S1, P01#S2, ..." */
    char first[200]; /* of those that wait */
};
bool arrivals_find(struct store *s, int64_t project, double settle_s, struct arrivals *ret,
                   struct err *err) CHECK_RESULT;
void arrivals_fini(struct arrivals *a);

/* Arguments of the operation watch.take for the settled ones. `run`: arguments of run.create, NULL
 * to launch nothing; `autoexec`: they are the project's own batch, not a watch's. Caller owns. */
json_t *arrivals_args(int64_t project, const struct arrivals *a, const json_t *run, bool autoexec,
                      struct err *err) CHECK_RESULT;

/* The turn of a watch: launch what has settled, say what is coming. */
struct arrivals_turn {
    struct session *session;
    int64_t project;
    const char *batch; /* NULL: the project's autoexec, if it has one; else only say */
    const json_t *launch;
    double settle_s;
    void (*say)(void *arg, int64_t item, const char *line); /* once for each line */
    void *arg;
};
/* False only when the watch cannot go on; what a person can mend is said. */
bool arrivals_turn(const struct arrivals_turn *how, struct store *s, struct err *err) CHECK_RESULT;

/* After `gantry scan`: the project's autoexec batch is launched on what has settled, by the living
 * engine or one in the background. *ret: {"batch", "items", "run"?, "waiting", "error"?}, NULL when
 * the project has none or nothing arrived. */
bool arrivals_autoexec(struct cli *c, int64_t project, double settle_s, json_t **ret,
                       struct err *err) CHECK_RESULT;

#endif
