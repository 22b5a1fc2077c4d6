/* Putting the server together, and taking it apart. */
#include "api/api.h"

#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "api/access.h"
#include "api/child.h"
#include "api/events.h"
#include "api/http.h"
#include "api/route.h"
#include "api/upload.h"
#include "api/watches.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/session.h"
#include "os/file.h"
#include "os/proc.h"

/* A command that only changes something is the engine for a moment: it is waited for. */
#define TRIES 100
#define TRY_US 20000

struct api_end {
    void (*fn)(void *arg);
    void *arg;
    struct api_end *next;
};

struct serving {
    struct session *session;
    struct api api;
    struct loop_signal *signals[3];
    bool ended;
};

bool api_at_end(struct api *api, void (*fn)(void *arg), void *arg, struct err *err)
{
    struct api_end *end = mem_zero(sizeof *end, err);
    if (end) {
        *end = (struct api_end){fn, arg, api->ends};
        api->ends = end;
    }
    return end != NULL;
}

/* --- when another engine lives */

static void command_of(long pid, char *out, size_t size)
{
    char path[64];
    size_t n = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
    FILE *file = fopen(path, "re");
    if (file) {
        n = fread(out, 1, size - 1, file);
        (void)fclose(file);
    }
    for (size_t i = 0; i + 1 < n; i++) {
        out[i] = out[i] ? out[i] : ' ';
    }
    out[n] = '\0';
}

static bool somebody_else(const char *home, const char *note, struct err *err)
{
    char host[256], boot[64], since[32] = "", command[200] = "";
    long pid = 0;
    char path[4200];
    (void)sscanf(note, "%255s %63s %ld %31s", host, boot, &pid, since);
    (void)snprintf(path, sizeof path, "%s/serve.json", home);
    json_t *first = json_read(path, err_ignore("then it is no server"));
    bool server = first && json_get_int(first, "pid", 0) == pid;
    if (server) {
        (void)err_set(err, ERR_EXISTS, "this home is served already, by process %ld since %s: %s",
                      pid, since, json_get_text(first, "url", ""));
    } else {
        command_of(pid, command, sizeof command);
        (void)err_set(err, ERR_EXISTS,
                      "process %ld (%s) is the engine of this home since %s: start the server "
                      "when it has ended",
                      pid, command, since);
    }
    json_decref(first);
    return false;
}

/* The home's lock must be ours. */
static struct session *host(const char *home, struct err *err)
{
    for (int i = 0;; i++) {
        struct session *s = session_open(home, err);
        if (!s || session_hosting(s)) {
            return s;
        }
        session_close(s);
        char *note = NULL;
        bool alive = session_engine_alive(home, &note);
        if (alive && i >= TRIES) {
            (void)somebody_else(home, note ? note : "", err);
            mem_free(note);
            return NULL;
        }
        mem_free(note);
        (void)usleep(TRY_US);
    }
}

/* --- the file that says where */

static bool write_place(struct serving *s, const char *url, struct err *err)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/serve.json", s->api.home);
    json_t *doc = json_pack("{s:s, s:i, s:i, s:I}", "url", url, "port", http_port(s->api.http),
                            "pid", (int)getpid(), "started_us", (json_int_t)s->api.started_us);
    char *text = doc ? json_text(doc, err) : NULL;
    mode_t old = umask(0077); /* the URL carries the token */
    bool ok = text && file_write(path, text, strlen(text), false, err);
    (void)umask(old);
    mem_free(text);
    json_decref(doc);
    return ok;
}

static void remove_place(const char *home)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/serve.json", home);
    (void)unlink(path);
}

static char *make_url(struct serving *s, const struct api_setup *setup, struct err *err)
{
    const char *token = access_token(s->api.access);
    const char *colon = strrchr(setup->listen, ':');
    int n = colon ? (int)(colon - setup->listen) : 0;
    char host[256] = "127.0.0.1";
    if (n > 0 && strncmp(setup->listen, "0.0.0.0", 7) != 0) {
        (void)snprintf(host, sizeof host, "%.*s", n, setup->listen);
    } else if (colon) {
        (void)gethostname(host, sizeof host - 1);
    }
    return mem_printf(err, "http://%s:%d/%s%s", host, http_port(s->api.http),
                      token ? "?token=" : "", token ? token : "");
}

/* --- life */

static void ended_by_signal(void *arg, int signum)
{
    struct serving *s = arg;
    if (signum != SIGHUP) { /* a closed terminal is no reason to end */
        s->ended = true;
        loop_stop(s->api.loop);
    }
}

static void committed(void *arg)
{
    struct serving *s = arg;
    hub_committed(s->api.hub);
}

static const int signums[3] = {SIGTERM, SIGINT, SIGHUP};

static bool set_up(struct serving *s, const struct api_setup *setup, struct err *err)
{
    struct api *api = &s->api;
    struct http_setup http = {.listen = setup->listen};
    uint64_t boot = (uint64_t)clock_utc_us(); /* what randomness replaces */
    const struct passwd *user = getpwuid(geteuid());
    api->engine = session_engine(s->session);
    api->store = api->engine->store;
    api->loop = api->engine->loop;
    api->home = setup->home;
    api->webroot = setup->webroot;
    api->started_us = clock_utc_us();
    (void)snprintf(api->run_as, sizeof api->run_as, "%s", user ? user->pw_name : "");
    str_utf8_mend(api->run_as);
    (void)getrandom(&boot, sizeof boot, 0);
    (void)snprintf(api->boot, sizeof api->boot, "%08" PRIx32, (uint32_t)boot);
    char *left = path_join(setup->home, API_RESULTS, err);
    if (left && file_exists(left)) { /* of a server that was killed while it made a table */
        err_waive(file_remove_tree(left, err_ignore("it is in nobody's way")));
    }
    mem_free(left);
    upload_sweep_all(setup->home);
    bool ok = left && (api->access = access_new(api, setup->listen, err)) &&
        (api->hub = hub_new(api, err)) && (api->http = http_new(api, &http, err));
    for (int i = 0; ok && i < 3; i++) {
        s->signals[i] = loop_signal_new(api->loop, signums[i], ended_by_signal, s, err);
        ok = s->signals[i] != NULL;
    }
    return ok;
}

static void take_apart(struct serving *s)
{
    struct api *api = &s->api;
    if (api->engine) {
        api->engine->changed = NULL;
    }
    while (api->ends) {
        struct api_end *end = api->ends;
        api->ends = end->next;
        end->fn(end->arg);
        mem_free(end);
    }
    http_free(api->http); /* first: requests that wait give up their children */
    child_end_all(api);
    hub_free(api->hub);
    access_free(api->access);
    loop_signals_hold(signums, 3); /* a second TERM while we leave changes nothing */
    for (int i = 0; i < 3; i++) {
        loop_signal_free(s->signals[i]);
    }
}

static bool serve(struct serving *s, const struct api_setup *setup, struct err *err)
{
    struct engine *e = s->api.engine;
    json_t *runs = NULL;
    char *url = make_url(s, setup, err);
    e->serving = true;
    bool ok = url && write_place(s, url, err) && engine_resume(e, &runs, err) &&
        watches_take_up(&s->api, err);
    json_decref(runs);
    if (ok) {
        e->changed = committed;
        e->changed_arg = s;
        engine_schedule_flush(e);
        if (setup->ready) {
            setup->ready(setup->arg, url, http_port(s->api.http));
        }
        while (!s->ended && !(e->broken.code != ERR_NONE && e->stopping)) {
            loop_run(s->api.loop);
        }
        remove_place(setup->home);
        if (!s->ended) {
            *err = e->broken;
            ok = err_wrap(err, "the engine stopped (nothing is lost: start the server again)");
        }
    }
    mem_free(url);
    return ok;
}

bool api_serve(const struct api_setup *setup, struct err *err)
{
    struct serving s = {0};
    s.session = host(setup->home, err);
    bool ok = s.session && set_up(&s, setup, err) && serve(&s, setup, err);
    take_apart(&s);
    session_close(s.session);
    return ok;
}
