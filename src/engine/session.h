/*
 * How every command reaches the engine. If nobody holds the home's lock, the caller takes it and IS
 * the engine for as long as the session lives; otherwise it talks to the holder through the home's
 * socket. Both give the same answers.
 *
 * Short commands: session_once(). `gantry run`, `serve`, `scan --watch`: session_open,
 * session_call..., session_follow, session_close.
 */
#ifndef GANTRY_ENGINE_SESSION_H
#define GANTRY_ENGINE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"

struct session;
struct loop;
struct engine;

/* Join a living engine, or become one. ERR_UNREACHABLE (exit 5) when the engine of this home lives
 * on another host. */
struct session *session_open(const char *home, struct err *err) CHECK_RESULT;
void session_close(struct session *s);
/* True when this process is the engine. */
bool session_hosting(const struct session *s);
/* The host's loop (timers, files to watch), NULL when joined. */
struct loop *session_loop(struct session *s);
/* The engine itself, for the server (src/api); NULL when joined. */
struct engine *session_engine(struct session *s);

/* Run one operation (engine/op-*.c) by name. `args` is borrowed and may be NULL. The answer is a
 * new reference. */
json_t *session_call(struct session *s, const char *op, const json_t *args,
                     struct err *err) CHECK_RESULT;
/* open + call + close: for commands that change something and end. */
json_t *session_once(const char *home, const char *op, const json_t *args,
                     struct err *err) CHECK_RESULT;
/* Is an engine alive on this home? *ret_note (caller frees, may be NULL) is what its lock says. */
bool session_engine_alive(const char *home, char **ret_note);

/* Stay until `run` has ended (0: until nothing is queued or running). */
struct follow {
    int64_t run;
    /* Called after every commit batch of the engine and at least once a second: read the store and
     * draw. */
    void (*changed)(void *arg);
    void *arg;
    bool forever;             /* scan --watch: stay until interrupted */
    bool cancel_on_interrupt; /* first Ctrl-C cancels `run` (TERM, 1.5 s, KILL); SIGHUP always only
                                 detaches */
};
enum follow_end {
    FOLLOW_ENDED,       /* the run has ended */
    FOLLOW_INTERRUPTED, /* Ctrl-C or SIGTERM */
    FOLLOW_DETACHED,    /* SIGHUP: the engine goes on in the background where it can */
    FOLLOW_STUCK /* what is left waits for something only a person can give (disk space); text in
                    err */
};
bool session_follow(struct session *s, const struct follow *how, enum follow_end *ret,
                    struct err *err) CHECK_RESULT;

#endif
