/*
 * The watch: a refresh whenever the folder stirs (inotify) or the poll interval has passed, then a
 * look at the rows that arrived. Everything it must remember is in the store: the watch's own row,
 * and of each item whether it arrived under the watch (baseline) and was taken. So a watch that is
 * killed goes on where it was.
 *
 * When this process is the engine all of it happens in callbacks of the engine's loop, in steps
 * that do not block; beside another engine it happens between that engine's notices.
 */
#include "cli/watch.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/judge.h"
#include "cli/arrivals.h"
#include "cli/rows.h"
#include "engine/refresh.h"
#include "engine/session.h"
#include "os/file.h"
#include "os/loop.h"
#include "os/proc.h"

/* A line holds a whole path and a message. */
#define LINE_MAX_BYTES 5000
/* While readers are at work the loop looks at them this often. */
#define STEP_MS 50
/* A folder that stirs all the time is not walked more often than this (or than the poll). */
#define CALM_US 1000000
/* Subfolders that are watched too; what lies in others is found by polling. */
#define FOLDERS_MAX 256

struct watcher {
    struct cli *c;
    const struct watch_spec *spec;
    struct session *session;
    struct loop *own_loop; /* of a watch beside another engine: inotify only */
    struct loop_timer *timer;
    struct loop_signal *signals[2];
    bool stopping; /* interrupted: take nothing more */
    struct loop_folder *folders[FOLDERS_MAX];
    char *folder_names[FOLDERS_MAX];
    size_t n_folders;
    struct refreshing *refreshing;
    bool stirred;      /* something changed since the last walk began */
    int64_t walked_us; /* when the last walk began, monotonic; 0 = never */
    bool studies;      /* the batch works on studies */
    json_t *said;      /* item id -> what was said of it last, and when */
    struct err failed; /* what stops the watch */
};

static void say(struct watcher *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct watcher *w, const char *fmt, ...)
{
    char text[LINE_MAX_BYTES];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *shown = cli_shown(text, err_ignore("a line that cannot be shown is left out"));
    if (shown) {
        cli_print(w->c, "%s\n", shown);
        (void)fflush(stdout); /* somebody follows this through a pipe */
    }
    mem_free(shown);
}

/* Say a line about an item when it differs from the last one, and not more often than the poll. */
static void say_once(struct watcher *w, int64_t item, bool at_once, const char *line)
{
    char key[24];
    (void)snprintf(key, sizeof key, "%" PRId64, item);
    json_t *old = json_object_get(w->said, key);
    int64_t now = clock_mono_us();
    if (old && !strcmp(json_get_text(old, "line", ""), line)) {
        return;
    }
    if (old && !at_once && now - json_get_int(old, "t", 0) < (int64_t)(w->spec->poll_s * 1e6)) {
        return;
    }
    json_t *entry = json_pack("{s:s, s:I}", "line", line, "t", (json_int_t)now);
    if (entry) {
        (void)json_object_set_new(w->said, key, entry);
    }
    say(w, "%s", line);
}

static json_t *base_args(const struct watcher *w, struct err *err)
{
    json_t *args = json_object();
    bool ok = args && json_put(args, "project", json_integer(w->spec->project->id), err) &&
        json_put(args, "batch", json_string(w->spec->batch ? w->spec->batch : ""), err);
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

/* --- the rows that arrived */

struct arrived {
    int64_t id, frames, angles, grown_us;
    char *name, *reason, *skip_reason;
    bool scan, readable, whole, skipped;
};

static bool read_arrived(const struct query *q, struct arrived *a, struct err *err)
{
    *a = (struct arrived){
        .id = query_int(q, 0),
        .scan = !strcmp(query_text(q, 2), "scan"),
        .readable = query_int(q, 3) != 0,
        .frames = query_int(q, 4),
        .angles = query_int(q, 5),
        .grown_us = query_int(q, 6),
        .skipped = query_int(q, 9) != 0,
        .whole = query_int(q, 10) == 0,
    };
    a->name = mem_strdup(query_text(q, 1), err);
    a->reason = a->name ? mem_strdup(query_text(q, 7), err) : NULL;
    a->skip_reason = a->reason ? mem_strdup(query_text(q, 8), err) : NULL;
    return a->skip_reason != NULL;
}

static void arrived_fini(struct arrived *a)
{
    mem_free(a->name);
    mem_free(a->reason);
    mem_free(a->skip_reason);
}

/* By content (H2). A scan that has all its projections and is still not usable (no flat fields yet)
 * is waited for while it grows: some writers add those last. */
static bool complete(const struct watcher *w, const struct arrived *a)
{
    int64_t quiet_us = (int64_t)(2 * w->spec->poll_s * 1e6);
    bool whole = a->scan && a->readable && a->angles > 0 && a->frames >= a->angles && a->whole;
    return whole && (!*a->reason || clock_utc_us() - a->grown_us > quiet_us);
}

/* Taken and launched in one transaction. A refusal (no rotation centre) is said once; the scan
 * stays untaken, so a centre given later lets it run. */
static bool take(struct watcher *w, const struct arrived *a)
{
    char line[LINE_MAX_BYTES];
    struct err why = {.code = ERR_NONE};
    json_t *args = base_args(w, &why), *answer = NULL;
    bool launch = w->spec->launch && !a->skipped;
    bool ok = args && json_put(args, "items", json_pack("[I]", (json_int_t)a->id), &why) &&
        (!launch || json_put(args, "run", json_incref((json_t *)w->spec->launch), &why)) &&
        (answer = session_call(w->session, "watch.take", args, &why));
    int64_t run = json_get_int(answer, "run", 0);
    if (ok && a->skipped) {
        (void)snprintf(line, sizeof line, "%s: complete, but skipped: %s", a->name, a->skip_reason);
    } else if (ok && run) {
        (void)snprintf(line, sizeof line,
                       "%s: complete, %" PRId64 " projections; run %" PRId64 " (%s)", a->name,
                       a->frames, run, w->spec->batch);
    } else if (ok) {
        (void)snprintf(line, sizeof line, "%s: complete, %" PRId64 " projections", a->name,
                       a->frames);
    } else {
        (void)snprintf(line, sizeof line, "%s: complete, but not launched: %s", a->name, why.text);
    }
    say_once(w, a->id, true, line);
    json_decref(answer);
    json_decref(args);
    /* What a person can mend leaves the watch alone; a lost engine or a full disk ends this turn.
     */
    if (!ok && (why.code == ERR_UNREACHABLE || why.code == ERR_NOMEM)) {
        w->failed = why;
        return false;
    }
    return true;
}

static bool flag_aborted(struct watcher *w, const struct arrived *a)
{
    char span[40], reason[LINE_MAX_BYTES];
    clock_span(w->spec->abort_after_s, span, sizeof span);
    const char *why = *a->skip_reason ? a->skip_reason : a->reason;
    (void)snprintf(reason, sizeof reason, "%s; aborted: nothing new for %s", why, span);
    json_t *row = json_pack("{s:I, s:b, s:s, s:s}", "id", (json_int_t)a->id, "skip", 1, "reason",
                            reason, "status", STATUS_SKIPPED_SMALL);
    json_t *args = base_args(w, &w->failed), *answer = NULL;
    bool ok = row && args && json_put(args, "rows", json_pack("[O]", row), &w->failed) &&
        (answer = session_call(w->session, "scan.apply", args, &w->failed));
    if (ok) {
        say(w, "%s: %s", a->name, reason);
    }
    json_decref(answer);
    json_decref(args);
    json_decref(row);
    return ok;
}

static bool look_at(struct watcher *w, const struct arrived *a)
{
    char line[LINE_MAX_BYTES];
    bool flagged = strstr(a->skip_reason, "; aborted: ") != NULL;
    if (complete(w, a)) {
        return take(w, a);
    }
    if (a->scan && a->readable && a->angles > 0) {
        (void)snprintf(line, sizeof line, "%s: %" PRId64 "/%" PRId64 " projections written",
                       a->name, a->frames, a->angles);
        if (!flagged) {
            say_once(w, a->id, false, line);
        }
    }
    if (!a->readable && strstr(a->reason, "being written") != NULL) {
        (void)snprintf(line, sizeof line, "%s: being written", a->name);
        say_once(w, a->id, false, line);
    }
    if (a->scan && !flagged &&
        clock_utc_us() - a->grown_us > (int64_t)(w->spec->abort_after_s * 1e6)) {
        return flag_aborted(w, a);
    }
    return true;
}

/* All rows are read before the first is acted on: operations write to the same table. */
static bool look_at_rows(struct watcher *w, struct store *s)
{
    struct arrived *all = NULL;
    struct err late;
    size_t n = 0;
    struct query *q = store_query(
        s, &w->failed,
        "SELECT id,name,level,readable,coalesce(frames,0),coalesce(angles,0),grown_us,reason,"
        "skip_reason,NOT coalesce(enabled,1-auto_skip),"
        "coalesce(json_extract(extra,'$.unallocated'),json_extract(extra,'$.incomplete'),0) "
        "FROM item WHERE project_id=?1 AND baseline=0 AND taken=0 AND gone=0 AND hidden=0 AND "
        "level IN ('scan','file') ORDER BY added_us DESC,id DESC",
        "i", w->spec->project->id);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        struct arrived *more = mem_resize(all, n + 1, sizeof *more, &w->failed);
        ok = more != NULL;
        if (ok) {
            all = more;
            ok = read_arrived(q, &all[n++], &w->failed);
        }
    }
    ok = q && query_end(q, ok ? &w->failed : &late) && ok;
    for (size_t i = 0; ok && i < n; i++) {
        ok = look_at(w, &all[i]);
    }
    for (size_t i = 0; i < n; i++) {
        arrived_fini(&all[i]);
    }
    mem_free(all);
    return ok;
}

static void say_arrival(void *watcher, int64_t item, const char *line)
{
    say_once(watcher, item, true, line);
}

static bool look_at_studies(struct watcher *w, struct store *s)
{
    const struct watch_spec *spec = w->spec;
    const struct arrivals_turn how = {w->session,
                                      spec->project->id,
                                      w->studies ? spec->batch : NULL,
                                      spec->launch,
                                      spec->settle_s,
                                      say_arrival,
                                      w};
    return arrivals_turn(&how, s, &w->failed);
}

/* --- when to look */

static void stir(void *arg, const char *name)
{
    struct watcher *w = arg;
    /* Our own mirror of the CORs, and what is written aside, is no news. */
    bool ours = name && (name[0] == '.' || str_starts(name, "rot_cen.json"));
    if (ours || w->stirred) {
        return; /* a timer is armed already; arming it for each write would put it off for ever */
    }
    w->stirred = true;
    if (w->timer && !w->refreshing) {
        loop_timer_start(w->timer, STEP_MS, STEP_MS);
    }
}

static void add_folder(struct watcher *w, const char *path)
{
    struct loop *loop = w->own_loop ? w->own_loop : session_loop(w->session);
    for (size_t i = 0; i < w->n_folders; i++) {
        if (!strcmp(w->folder_names[i], path)) {
            return;
        }
    }
    if (w->n_folders == FOLDERS_MAX || !loop) {
        return;
    }
    char *name = mem_strdup(path, err_ignore("polling finds what lies there"));
    struct loop_folder *folder = name
        ? loop_folder_new(loop, path, stir, w, err_ignore("polling finds what lies there"))
        : NULL;
    if (folder) {
        w->folders[w->n_folders] = folder;
        w->folder_names[w->n_folders++] = name;
    } else {
        mem_free(name);
    }
}

/* The root and every folder that holds a file. On network file systems only polling tells. */
static bool watch_folders(struct watcher *w, struct store *s)
{
    const char *root = w->spec->project->root;
    if (file_on_network(root)) {
        return true;
    }
    add_folder(w, root);
    struct query *q = store_query(s, &w->failed,
                                  "SELECT DISTINCT rtrim(name,replace(name,'/','')) FROM item "
                                  "WHERE project_id=?1 AND gone=0 AND instr(name,'/')>0",
                                  "i", w->spec->project->id);
    if (!q) {
        return false;
    }
    while (query_next(q)) {
        char *path = path_join(root, query_text(q, 0), err_ignore("polling finds it"));
        size_t n = path ? strlen(path) : 0;
        if (n && path[n - 1] == '/') {
            path[n - 1] = '\0';
        }
        if (path) {
            add_folder(w, path);
        }
        mem_free(path);
    }
    return query_end(q, &w->failed);
}

static bool due(const struct watcher *w)
{
    int64_t since = clock_mono_us() - w->walked_us;
    int64_t poll = (int64_t)(w->spec->poll_s * 1e6);
    return !w->walked_us || since >= poll ||
        (w->stirred && since >= (poll < CALM_US ? poll : CALM_US));
}

static bool begin(struct watcher *w)
{
    const struct refresh how = {
        .home = w->c->home,
        .session = w->session,
        .project = w->spec->project->id,
        .min_size_pct = -1,
    };
    struct err why;
    w->stirred = false;
    w->walked_us = clock_mono_us();
    w->refreshing = refresh_begin(&how, &why);
    if (!w->refreshing) {
        /* A folder that is away for a moment (an automount, a network) comes back. */
        say_once(w, 0, true, why.text);
    }
    return w->refreshing != NULL;
}

static bool end(struct watcher *w)
{
    struct refresh_report report;
    refresh_end(w->refreshing, &report);
    w->refreshing = NULL;
    size_t n = json_array_size(report.warnings);
    for (size_t i = 0; i < n; i++) {
        say_once(w, -1 - (int64_t)i, true, json_string_value(json_array_get(report.warnings, i)));
    }
    refresh_report_fini(&report);
    struct store *s = store_open(w->c->home, STORE_READ, &w->failed);
    bool ok =
        s && (w->studies || look_at_rows(w, s)) && look_at_studies(w, s) && watch_folders(w, s);
    store_close(s);
    return ok;
}

/* One step of the work; false when the watch cannot go on. *ret_busy: call again soon. */
static bool step(struct watcher *w, bool *ret_busy)
{
    struct err why = {.code = ERR_NONE};
    bool done = false;
    *ret_busy = false;
    if (!w->refreshing && (!due(w) || !begin(w))) {
        return true;
    }
    if (!refresh_step(w->refreshing, &done, &why)) {
        refresh_end(w->refreshing, NULL);
        w->refreshing = NULL;
        if (why.code == ERR_UNREACHABLE || why.code == ERR_NOMEM) {
            w->failed = why;
            return false;
        }
        say_once(w, 0, true, why.text);
        return true;
    }
    *ret_busy = !done;
    return !done || end(w);
}

static void arm(struct watcher *w, bool busy)
{
    int64_t poll = (int64_t)(w->spec->poll_s * 1e6);
    int64_t calm = w->stirred && poll > CALM_US ? CALM_US : poll;
    int64_t wait_us = w->walked_us + calm - clock_mono_us();
    uint64_t ms = busy || wait_us <= 0 ? STEP_MS : (uint64_t)(wait_us / 1000) + 1;
    loop_timer_start(w->timer, ms, ms);
}

static void on_timer(void *arg)
{
    struct watcher *w = arg;
    bool busy;
    if (w->stopping) {
        loop_timer_stop(w->timer);
        return;
    }
    if (!step(w, &busy)) {
        say_once(w, 0, true, w->failed.text); /* and tried again at the next poll */
        busy = false;
    }
    arm(w, busy);
}

static void on_signal(void *arg, int signum)
{
    struct watcher *w = arg;
    (void)signum; /* the session, which gets it too, cancels what runs and ends */
    w->stopping = true;
}

/* Beside another engine: between its notices, at least once a second. Blocking is fine here. */
static void on_notice(void *arg)
{
    struct watcher *w = arg;
    bool busy = true;
    if (w->own_loop) {
        loop_turn(w->own_loop, false);
    }
    while (busy) {
        if (!step(w, &busy)) {
            say_once(w, 0, true, w->failed.text);
            return;
        }
        if (busy) {
            (void)usleep(STEP_MS * 1000);
        }
    }
}

static void drop_folders(struct watcher *w)
{
    for (size_t i = 0; i < w->n_folders; i++) {
        loop_folder_free(w->folders[i]);
        mem_free(w->folder_names[i]);
    }
    w->n_folders = 0;
}

/* One session: until interrupted, or until the engine we were beside has gone. */
static bool follow(struct watcher *w, enum follow_end *ret, struct err *err)
{
    struct follow how = {.forever = true, .cancel_on_interrupt = true};
    static const int signums[2] = {SIGINT, SIGTERM};
    struct loop *loop = session_loop(w->session);
    bool ok = true;
    if (loop) {
        w->timer = loop_timer_new(loop, on_timer, w, err);
        ok = w->timer != NULL;
        for (int i = 0; ok && i < 2; i++) {
            w->signals[i] = loop_signal_new(loop, signums[i], on_signal, w, err);
            ok = w->signals[i] != NULL;
        }
        if (ok) {
            loop_timer_start(w->timer, 1, STEP_MS);
        }
    } else {
        w->own_loop = loop_new(err);
        ok = w->own_loop != NULL;
        how.changed = on_notice;
        how.arg = w;
    }
    ok = ok && session_follow(w->session, &how, ret, err);
    drop_folders(w);
    for (int i = 0; i < 2; i++) {
        loop_signal_free(w->signals[i]);
        w->signals[i] = NULL;
    }
    loop_timer_free(w->timer);
    w->timer = NULL;
    if (w->own_loop) {
        loop_turn(w->own_loop, false);
        loop_free(w->own_loop);
        w->own_loop = NULL;
    }
    refresh_end(w->refreshing, NULL);
    w->refreshing = NULL;
    return ok;
}

/* When this program started: a file written since then was not there before. */
static int64_t started_us(void)
{
    int64_t ticks = proc_start_time(getpid());
    struct timespec boot;
    if (ticks < 0 || clock_gettime(CLOCK_BOOTTIME, &boot) != 0) {
        return clock_utc_us();
    }
    int64_t up_us = (int64_t)boot.tv_sec * 1000000 + boot.tv_nsec / 1000;
    return clock_utc_us() - (up_us - ticks * 1000000 / sysconf(_SC_CLK_TCK));
}

/* What is there already is not new (H4); a watch that was killed goes on instead. */
static bool start(struct watcher *w, struct err *err)
{
    const struct refresh how = {
        .home = w->c->home,
        .session = w->session,
        .project = w->spec->project->id,
        .min_size_pct = -1,
    };
    struct refresh_report report;
    json_t *args = base_args(w, err), *answer = NULL;
    bool ok = args && refresh_project(&how, &report, err);
    if (ok) {
        rows_say(w->c, report.warnings);
        refresh_report_fini(&report);
        ok = json_put(args, "since_us", json_integer(started_us()), err) &&
            json_put(args, "words", json_incref((json_t *)w->spec->words), err) &&
            (!w->spec->launch ||
             json_put(args, "run", json_incref((json_t *)w->spec->launch), err)) &&
            (answer = session_call(w->session, "watch.start", args, err));
    }
    w->studies = !strcmp(json_get_text(answer, "level", ""), "study");
    if (ok && json_get_bool(answer, "resumed", false)) {
        char when[32];
        clock_short(json_get_int(answer, "started_us", 0), when, sizeof when);
        say(w, "going on with the watch of %s", when);
    } else if (ok) {
        say(w, "watching %s%s%s (Ctrl-C ends it)", w->spec->project->root,
            w->spec->batch ? " for " : "", w->spec->batch ? w->spec->batch : "");
    }
    json_decref(answer);
    json_decref(args);
    return ok;
}

static bool stop(struct watcher *w, struct err *err)
{
    json_t *args = base_args(w, err);
    json_t *answer = args ? session_call(w->session, "watch.stop", args, err) : NULL;
    bool ok = answer != NULL;
    json_decref(answer);
    json_decref(args);
    w->c->status = err_exit_status(ERR_CANCELLED);
    cli_note(w->c, "the watch has ended%s",
             session_hosting(w->session) ? "; what it cut short goes on with gantry run --resume"
                                         : "");
    return ok;
}

bool watch_run(struct cli *c, const struct watch_spec *spec, struct err *err)
{
    struct watcher w = {.c = c, .spec = spec, .said = json_object()};
    enum follow_end how = FOLLOW_ENDED;
    bool ok = w.said != NULL, started = false;
    while (ok && how != FOLLOW_INTERRUPTED) {
        w.session = session_open(c->home, err);
        ok = w.session && (started || start(&w, err));
        started = started || ok;
        if (ok && !follow(&w, &how, err)) {
            /* The engine beside us has gone: be it. */
            ok = err->code == ERR_UNREACHABLE && !session_hosting(w.session);
            how = FOLLOW_ENDED;
        }
        if (ok && how == FOLLOW_INTERRUPTED) {
            ok = stop(&w, err);
        }
        session_close(w.session);
        w.session = NULL;
    }
    json_decref(w.said);
    return ok;
}
