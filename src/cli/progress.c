/* Each run keeps one bit a task: "was told". An update counts tasks by state (an index scan) and
 * tells those that are over and were not. Updates are thinned out so that reading never takes more
 * than a fifth of the time, however many tasks there are. */
#include "cli/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/text.h"
#include "model/state.h"
#include "report/attempts.h"

#define LEAST_INTERVAL_US 50000 /* a change reaches the eye within 200 ms */
#define COST_SHARE 5
#define COUNT_US 500000 /* how often every task of a run is counted, and looked through: */
#define SCAN_US 5000000 /* between these the events tell what ended */
#define SAMPLES 32      /* of the rate: half a minute, one a second */
#define SAMPLE_US 1000000
#define BAR_WIDTH 24
#define SHOWN_RUNNING 4

struct followed {
    int64_t run;
    int64_t first, last; /* ids of its tasks */
    unsigned char *told; /* one bit a task */
};

struct progress {
    struct cli *c;
    bool quiet;
    bool bar; /* on a terminal */
    bool drawn;
    struct followed *runs;
    size_t n_runs;
    int64_t over, total, failed, running; /* of all runs, when last read */
    int64_t begun_over;                   /* over when we began */
    int64_t told;                         /* of all runs: never less than before */
    double part;                          /* of the running tasks, done */
    int64_t sample_us[SAMPLES];
    double sample_over[SAMPLES];
    size_t n_samples;
    int64_t last_us, cost_us;
    int64_t count_us, scan_us; /* when that was last done */
    int64_t last_event;
    bool told_held; /* that only held tasks are left */
    struct err failure;
};

struct progress *progress_new(struct cli *c, bool quiet, struct err *err)
{
    struct progress *p = mem_zero(sizeof *p, err);
    struct store *s = p ? cli_store(c, err) : NULL;
    if (!s || !store_int(s, 0, &p->last_event, err, "SELECT max(id) FROM event", "")) {
        progress_free(p);
        return NULL;
    }
    p->c = c;
    p->quiet = quiet;
    p->bar = c->terminal && c->terminal_err && !quiet;
    return p;
}

void progress_free(struct progress *p)
{
    for (size_t i = 0; p && i < p->n_runs; i++) {
        mem_free(p->runs[i].told);
    }
    if (p) {
        mem_free(p->runs);
    }
    mem_free(p);
}

bool progress_count(struct store *s, int64_t run, struct progress_counts *ret, struct err *err)
{
    memset(ret, 0, sizeof *ret);
    struct query *q = store_query(
        s, err, "SELECT state, count(*) FROM task WHERE run_id = ? GROUP BY state", "i", run);
    if (!q) {
        return false;
    }
    while (query_next(q)) {
        int64_t state = query_int(q, 0), n = query_int(q, 1);
        if (state >= 0 && state < 16) {
            ret->by_state[state] = n;
        }
        ret->total += n;
        ret->over += task_state_final((enum task_state)state) ? n : 0;
    }
    return query_end(q, err);
}

static bool told(const struct followed *f, int64_t id)
{
    size_t i = (size_t)(id - f->first);
    return id < f->first || id > f->last || (f->told[i / 8] >> (i % 8) & 1);
}

static void mark(struct followed *f, int64_t id)
{
    size_t i = (size_t)(id - f->first);
    f->told[i / 8] |= (unsigned char)(1u << (i % 8));
}

static void clear_bar(struct progress *p)
{
    if (p->drawn) {
        (void)fputs("\r\033[K", stderr);
        p->drawn = false;
    }
}

/* X28: a centre that the run found beats the one a person had set: said, once. */
static bool tell_centre(struct progress *p, int64_t task, struct err *err)
{
    struct query *q = store_query(
        p->c->store, err,
        "SELECT text FROM event WHERE item_id = (SELECT item_id FROM task WHERE id = ?1)"
        " AND task_id = ?1 AND kind = 'cor' AND json_extract(data, '$.old_source') ="
        " 'manual' AND json_extract(data, '$.old') IS NOT json_extract(data, '$.new')"
        " ORDER BY id DESC LIMIT 1",
        "i", task);
    if (!q) {
        return false;
    }
    while (query_next(q)) {
        clear_bar(p);
        cli_note(p->c, "%s (found by the run; it was set by hand before)", query_text(q, 0));
    }
    return query_end(q, err);
}

static bool tell_task(struct progress *p, int64_t id, struct err *err)
{
    struct query *q =
        store_query(p->c->store, err,
                    "SELECT i.name, t.job_id, t.state, t.message, t.started_us, t.ended_us,"
                    " t.state = 5 AND t.result LIKE '%\"cor\":%' FROM task t"
                    " JOIN item i ON i.id = t.item_id WHERE t.id = ?",
                    "i", id);
    if (!q) {
        return false;
    }
    bool centre = false;
    if (query_next(q)) {
        centre = query_int(q, 6) != 0;
        struct str name = STR_INIT, message = STR_INIT;
        char span[32] = "";
        char *label = path_label(query_text(q, 0), err_ignore("an empty name is shown"));
        enum task_state state = (enum task_state)query_int(q, 2);
        text_show(&name, label ? label : "");
        text_show(&message, query_text(q, 3));
        if (!query_null(q, 4) && !query_null(q, 5)) {
            clock_span((double)(query_int(q, 5) - query_int(q, 4)) / 1e6, span, sizeof span);
        }
        if (!p->bar && !p->quiet) {
            cli_print(p->c, "Completed %" PRId64 "/%" PRId64 "  %s  %s  %s  %s\n", p->told,
                      p->total, str_text(&name), query_text(q, 1), task_state_name(state), span);
        }
        if (state == TASK_FAILED) {
            clear_bar(p);
            cli_note(p->c, "%s/%s failed: %s", str_text(&name), query_text(q, 1),
                     str_text(&message));
        } else if (str_text(&message)[0] && state != TASK_CANCELLED && state != TASK_BLOCKED) {
            clear_bar(p);
            cli_note(p->c, "%s/%s warning: %s", str_text(&name), query_text(q, 1),
                     str_text(&message));
        }
        str_fini(&name);
        str_fini(&message);
        mem_free(label);
    }
    return query_end(q, err) && (!centre || tell_centre(p, id, err));
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Ended tasks: all of the run, or those that events speak of since the last look (with what follows
 * them on the same item: blocked and cancelled ones have no event of their own). */
static struct query *ended(struct progress *p, const struct followed *f, bool all, struct err *err)
{
    if (all) {
        return store_query(p->c->store, err,
                           "SELECT id FROM task WHERE run_id = ? AND state BETWEEN 5 AND 9", "i",
                           f->run);
    }
    return store_query(p->c->store, err,
                       "SELECT t.id FROM event e JOIN task d ON d.id = e.task_id JOIN task t"
                       " ON t.item_id = d.item_id AND +t.run_id = d.run_id AND t.id >= d.id"
                       " WHERE e.id > ?1 AND e.kind = 'task' AND e.run_id = ?2"
                       " AND +t.state BETWEEN 5 AND 9",
                       "ii", p->last_event, f->run);
}

/* Tasks of one run that came to an end since the last look. */
static bool tell_run(struct progress *p, struct followed *f, bool all, bool silent, struct err *err)
{
    int64_t *fresh = NULL;
    size_t n = 0, cap = 0;
    bool ok = true;
    struct query *q = ended(p, f, all, err);
    if (!q) {
        return false;
    }
    while (ok && query_next(q)) {
        int64_t id = query_int(q, 0);
        if (told(f, id)) {
            continue;
        }
        mark(f, id);
        if (!silent && n == cap) {
            cap = cap ? 2 * cap : 64;
            int64_t *grown = mem_resize(fresh, cap, sizeof *fresh, err);
            ok = grown != NULL;
            fresh = grown ? grown : fresh;
        }
        if (fresh && ok) {
            fresh[n++] = id;
        }
    }
    ok = query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    if (fresh) {
        qsort(fresh, n, sizeof *fresh, by_id);
    }
    for (size_t i = 0; ok && fresh && i < n; i++) {
        p->told++;
        p->over = p->told > p->over ? p->told : p->over;
        ok = tell_task(p, fresh[i], err);
    }
    mem_free(fresh);
    return ok;
}

bool progress_add_run(struct progress *p, int64_t run, struct err *err)
{
    struct followed *grown = mem_resize(p->runs, p->n_runs + 1, sizeof *grown, err);
    if (!grown) {
        return false;
    }
    p->runs = grown;
    struct followed *f = &grown[p->n_runs];
    memset(f, 0, sizeof *f);
    f->run = run;
    if (!store_int(p->c->store, 1, &f->first, err, "SELECT min(id) FROM task WHERE run_id = ?", "i",
                   run) ||
        !store_int(p->c->store, 0, &f->last, err, "SELECT max(id) FROM task WHERE run_id = ?", "i",
                   run)) {
        return false;
    }
    f->told = mem_zero((size_t)(f->last - f->first + 1) / 8 + 1, err);
    if (!f->told) {
        return false;
    }
    p->n_runs++;
    struct progress_counts counts;
    if (!progress_count(p->c->store, run, &counts, err) || !tell_run(p, f, true, true, err)) {
        return false;
    }
    p->total += counts.total;
    p->over += counts.over;
    p->told = p->over;
    p->begun_over = p->over;
    return true;
}

/* What the queue has to say (a full disk, a stranger on a GPU). */
static bool tell_events(struct progress *p, struct err *err)
{
    struct query *q =
        store_query(p->c->store, err, "SELECT id, text FROM event WHERE id > ? AND kind = 'queue'",
                    "i", p->last_event);
    if (!q) {
        return false;
    }
    while (query_next(q)) {
        clear_bar(p);
        cli_note(p->c, "%s", query_text(q, 1));
    }
    return query_end(q, err);
}

/* Tasks a second over the last half minute; 0 = not known yet. */
static double rate(struct progress *p, int64_t now)
{
    size_t newest = (p->n_samples + SAMPLES - 1) % SAMPLES;
    if (!p->n_samples || now - p->sample_us[newest] >= SAMPLE_US) {
        p->sample_us[p->n_samples % SAMPLES] = now;
        p->sample_over[p->n_samples % SAMPLES] = (double)p->over + p->part;
        p->n_samples++;
    }
    size_t oldest = p->n_samples <= SAMPLES ? 0 : p->n_samples % SAMPLES;
    double seconds = (double)(now - p->sample_us[oldest]) / 1e6;
    return seconds < 0.5 ? 0 : ((double)p->over + p->part - p->sample_over[oldest]) / seconds;
}

/* One running task: its name while there is room for more, and what it says of itself. */
static void add_task(struct progress *p, const struct query *q, int64_t run, int shown,
                     struct str *line)
{
    double done = NAN;
    char *message = NULL;
    attempts_progress(query_text(q, 4), run, query_int(q, 2), query_int(q, 3), &done, &message);
    p->part += done >= 0 && done <= 1 ? done : 0;
    if (shown < SHOWN_RUNNING) {
        char *label = path_label(query_text(q, 0), err_ignore("an empty name is shown"));
        str_add(line, shown == 0 ? "  " : ", ");
        text_show(line, label ? label : "");
        str_addf(line, "/%s", query_text(q, 1));
        if (done > 0 && done <= 1) {
            str_addf(line, " %d %%", (int)(100 * done));
        }
        mem_free(label);
    }
    mem_free(message);
}

/* Names of what runs; p->part becomes the sum of their shares done. */
static bool add_running(struct progress *p, struct str *line, struct err *err)
{
    int shown = 0;
    bool ok = true;
    p->part = 0;
    for (size_t i = 0; ok && i < p->n_runs; i++) {
        struct query *q = store_query(
            p->c->store, err,
            "SELECT i.name, t.job_id, t.id, t.attempts, coalesce(r.attempts, p.attempts)"
            " FROM task t JOIN item i ON i.id = t.item_id JOIN run r ON r.id = t.run_id"
            " JOIN project p ON p.id = i.project_id"
            " WHERE t.run_id = ? AND t.state = 3 ORDER BY t.started_us LIMIT 64",
            "i", p->runs[i].run);
        if (!q) {
            return false;
        }
        while (query_next(q)) {
            add_task(p, q, p->runs[i].run, shown++, line);
        }
        ok = query_end(q, err);
    }
    return ok;
}

/* As much of the line as fits; writing into the last column would wrap. */
static void put_line(const struct str *line)
{
    struct winsize size;
    size_t room =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79;
    size_t at = 0, used = 0;
    while (at < line->len) {
        uint32_t point = 0;
        size_t n = text_decode(line->buf + at, &point);
        size_t w = n ? text_point_width(point) : 1;
        if (used + w > room) {
            break;
        }
        used += w;
        at += n ? n : 1;
    }
    (void)fprintf(stderr, "\r%.*s\033[K", (int)at, str_text(line));
    (void)fflush(stderr);
}

static bool draw(struct progress *p, int64_t now, struct err *err)
{
    struct str line = STR_INIT, running = STR_INIT;
    char span[32];
    bool ok = add_running(p, &running, err);
    double share = p->total ? ((double)p->over + p->part) / (double)p->total : 0;
    double per_second = rate(p, now);
    str_add(&line, "[");
    for (int i = 0; i < BAR_WIDTH; i++) {
        str_addc(&line, i < (int)(BAR_WIDTH * share) ? '#' : '.');
    }
    str_addf(&line, "] %" PRId64 "/%" PRId64 " %d %%", p->over, p->total, (int)(100 * share));
    if (per_second > 0) {
        bool fast = per_second >= 1;
        str_addf(&line, fast ? "  %.1f/s" : "  %.1f/min", fast ? per_second : 60 * per_second);
        clock_span((double)p->total * (1 - share) / per_second, span, sizeof span);
        str_addf(&line, "  ETA %s", span);
    }
    if (p->failed) {
        str_addf(&line, "  %" PRId64 " failed", p->failed);
    }
    str_add(&line, str_text(&running));
    if (ok) {
        put_line(&line);
        p->drawn = true;
    }
    str_fini(&running);
    str_fini(&line);
    return ok;
}

static bool count_all(struct progress *p, struct err *err)
{
    int64_t total = 0, over = 0, held = 0, moving = 0;
    p->failed = p->running = 0;
    for (size_t i = 0; i < p->n_runs; i++) {
        struct progress_counts counts;
        if (!progress_count(p->c->store, p->runs[i].run, &counts, err)) {
            return false;
        }
        total += counts.total;
        over += counts.over;
        p->failed += counts.by_state[TASK_FAILED];
        p->running += counts.by_state[TASK_RUNNING];
        held += counts.by_state[TASK_HELD];
        moving += counts.by_state[TASK_READY] + counts.by_state[TASK_RUNNING] +
            counts.by_state[TASK_SUSPENDED];
    }
    p->total = total;
    p->over = over;
    if (held > 0 && moving == 0 && !p->told_held) {
        clear_bar(p);
        cli_note(p->c,
                 "what is left waits for %" PRId64 " held: `gantry release last` lets it go on",
                 held);
    }
    p->told_held = held > 0 && moving == 0;
    return true;
}

static bool look(struct progress *p, int64_t now, bool force, struct err *err)
{
    bool count = force || now - p->count_us >= COUNT_US, all = force || now - p->scan_us >= SCAN_US;
    int64_t newest = 0;
    if (!store_int(p->c->store, 0, &newest, err, "SELECT max(id) FROM event", "")) {
        return false;
    }
    for (size_t i = 0; i < p->n_runs; i++) {
        if (!tell_run(p, &p->runs[i], all, false, err)) {
            return false;
        }
    }
    if (!tell_events(p, err) || (count && !count_all(p, err))) {
        return false;
    }
    p->last_event = newest;
    p->count_us = count ? now : p->count_us;
    p->scan_us = all ? now : p->scan_us;
    return !p->bar || draw(p, now, err);
}

static void update(struct progress *p, bool force)
{
    int64_t now = clock_mono_us();
    int64_t interval =
        COST_SHARE * p->cost_us > LEAST_INTERVAL_US ? COST_SHARE * p->cost_us : LEAST_INTERVAL_US;
    if (p->failure.code || (!force && p->last_us && now - p->last_us < interval)) {
        return;
    }
    p->last_us = now;
    if (!look(p, now, force, &p->failure) && !p->failure.code) {
        p->failure.code = ERR_BUG;
    }
    p->cost_us = clock_mono_us() - now;
    (void)fflush(stdout);
}

void progress_update(void *progress)
{
    update(progress, false);
}

bool progress_end(struct progress *p, struct err *err)
{
    update(p, true);
    clear_bar(p);
    if (p->failure.code) {
        *err = p->failure;
        return false;
    }
    return true;
}
