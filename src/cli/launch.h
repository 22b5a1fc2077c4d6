/* Launching and following: what run, resume and retry have in common. */
#ifndef GANTRY_CLI_LAUNCH_H
#define GANTRY_CLI_LAUNCH_H

#include "cli/command.h"
#include "engine/session.h"

/* Runs named in an operation's answer: "run" (one) or "runs" (a list). The session stays with the
 * caller. Shows progress until all of them have ended, then one line a run, and sets c->status: 1
 * when something failed, 130 when interrupted, 4 when what is left waits for a person. Prints the
 * answer with --json. */
bool launch_follow(struct cli *c, struct session *session, const json_t *answer,
                   struct err *err) CHECK_RESULT;

/* The same for a command with a document of its own: none is printed. */
bool launch_wait(struct cli *c, struct session *session, const json_t *answer,
                 struct err *err) CHECK_RESULT;

/* Hand `op` with `args` to an engine in the background (started when none lives, ends when
 * drained), say its run. */
bool launch_detached(struct cli *c, const char *op, const json_t *args,
                     struct err *err) CHECK_RESULT;

/* The same without a word: what the operation answered. Caller owns it. */
json_t *launch_background(struct cli *c, const char *op, const json_t *args,
                          struct err *err) CHECK_RESULT;

/* session_open + op + launch_follow, or launch_detached. */
bool launch(struct cli *c, const char *op, const json_t *args, bool detach,
            struct err *err) CHECK_RESULT;

/* `gantry run --resume`: what an engine left unfinished. */
bool launch_resume(struct cli *c, bool detach, struct err *err) CHECK_RESULT;

/* --detach's other half, `gantry engine --drain`: reads {"op","args"} from standard input, answers
 * with one line of JSON on standard output, stays until nothing is queued or running. */
bool launch_engine(struct cli *c, struct err *err) CHECK_RESULT;

#endif
