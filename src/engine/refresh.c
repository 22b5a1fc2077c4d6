/* Walk, compare, read headers, apply, judge. */
#include "engine/refresh.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/corfile.h"
#include "catalog/diff.h"
#include "catalog/judge.h"
#include "catalog/project.h"
#include "discover/walk.h"
#include "engine/headers.h"
#include "engine/home.h"
#include "engine/refresh-cohort.h"
#include "engine/session.h"
#include "model/layout.h"
#include "model/options.h"
#include "os/loop.h"
#include "store/store.h"

/* Files for one reader process: its start costs as much as some tens of headers. */
#define CHUNK 500
/* Readers at once: headers are waiting on the disk more than on a core. */
#define READERS 2
/* Rows of one operation: its transaction stays a few milliseconds. */
#define ROWS_AT_ONCE 1000
/* Between two looks at the readers when the host's loop must turn meanwhile. */
#define STEP_MS 20
/* A cohort's studies are gone through for so long between two turns of the host's loop. */
#define STUDIES_US 10000

struct refreshing {
    struct refresh how;
    struct refresh_report report;
    struct project project;
    struct store *store;
    struct options *options;
    struct found_list found;
    struct diff diff;
    char *imaging;
    struct headers *running[READERS];
    size_t next, finished;         /* of diff.changed: given to a reader, answered and applied */
    struct cohort_refresh *cohort; /* as long as studies are gone through */
    bool compared;                 /* diff is made */
    struct err *err;               /* the caller's, during a call */
};

static bool call(struct refreshing *r, json_t *args)
{
    bool ok = args && json_put(args, "project", json_integer(r->project.id), r->err);
    json_t *answer = NULL;
    if (ok) {
        answer = r->how.session ? session_call(r->how.session, "scan.apply", args, r->err)
                                : session_once(r->how.home, "scan.apply", args, r->err);
    }
    json_t *warning;
    size_t i;
    /* An answer may carry what could not be done beside it (a COR file that is not understood). */
    json_array_foreach(json_object_get(answer, "warnings"), i, warning)
    {
        ok = json_array_append(r->report.warnings, warning) == 0 && ok;
    }
    json_decref(answer);
    return ok && answer;
}

/* Send a list in pieces, under `key`. Takes `list`. */
static bool send_list(struct refreshing *r, const char *key, json_t *list)
{
    size_t n = json_array_size(list);
    bool ok = list != NULL;
    for (size_t at = 0; ok && at < n; at += ROWS_AT_ONCE) {
        json_t *args = json_object(), *piece = json_array();
        ok = args && piece;
        for (size_t i = at; ok && i < n && i < at + ROWS_AT_ONCE; i++) {
            ok = json_array_append(piece, json_array_get(list, i)) == 0;
        }
        ok = ok && json_object_set(args, key, piece) == 0;
        ok = ok ? call(r, args) : err_set(r->err, ERR_NOMEM, "out of memory");
        json_decref(piece);
        json_decref(args);
    }
    json_decref(list);
    return ok;
}

static bool warn(json_t *list, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool warn(json_t *list, struct err *err, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return json_array_append_new(list, json_string(text)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

/* Names that cannot be taken are a note when something is new, so that not every command repeats
 * it; `gantry scan` tells troubles always. */
static bool warn_of_walk(struct refreshing *r)
{
    const struct found_list *f = &r->found;
    bool ok = true;
    if (f->n_unread) {
        ok = warn(r->report.warnings, r->err,
                  "%zu folder%s could not be read, the first is '%s': %s", f->n_unread,
                  f->n_unread == 1 ? "" : "s", f->unread[0], f->unread_why);
    }
    if (ok && f->bad_names) {
        bool news = r->diff.n_changed > 0 || r->diff.n_gone > 0;
        ok = warn(news ? r->report.warnings : r->report.troubles, r->err,
                  "%zu name%s not UTF-8 and left out, the first is %s", f->bad_names,
                  f->bad_names == 1 ? " is" : "s are", f->bad_example);
    }
    for (size_t i = 0; ok && i < f->n_left; i++) {
        ok = !f->left[i].link ||
            warn(r->report.troubles, r->err, "%s: %s", f->left[i].name, f->left[i].why);
    }
    return ok;
}

static bool note_trouble(struct refreshing *r, const json_t *row, const json_t *header)
{
    char *text = mem_printf(r->err, "%s: %s", json_get_text(row, "name", ""),
                            json_get_text(header, "reason", "unreadable"));
    bool ok = text && json_array_append_new(r->report.troubles, json_string(text)) == 0;
    mem_free(text);
    return ok || err_set(r->err, ERR_NOMEM, "out of memory");
}

static bool look_at_headers(struct refreshing *r, const json_t *rows)
{
    const json_t *row;
    size_t i;
    bool ok = true;
    json_array_foreach(rows, i, row)
    {
        const json_t *header = json_object_get(row, "header");
        r->report.read += json_is_object(header);
        if (json_is_object(header) && !json_get_bool(header, "ok", true)) {
            r->report.unreadable++;
            ok = ok && note_trouble(r, row, header);
        }
    }
    return ok;
}

/* For the readers; studies are gone through without a pause. */
static void wait_a_moment(const struct refreshing *r)
{
    struct pollfd fds[READERS];
    nfds_t n = 0;
    bool reading = false;
    struct loop *loop = r->how.session ? session_loop(r->how.session) : NULL;
    for (size_t i = 0; i < READERS; i++) {
        reading = reading || r->running[i];
        if (r->running[i] && headers_pidfd(r->running[i]) >= 0) {
            fds[n++] = (struct pollfd){headers_pidfd(r->running[i]), POLLIN, 0};
        }
    }
    if (reading) {
        (void)poll(fds, n, loop ? STEP_MS : 100);
    }
    if (loop) {
        loop_turn(loop, false);
    }
}

/* One look at a reader; a finished one is applied and freed. */
static bool look_at_reader(struct refreshing *r, struct headers **h, size_t *underway)
{
    bool done = false;
    size_t read = 0;
    if (!headers_step(*h, &done, &read, r->err)) {
        return false;
    }
    if (!done) {
        *underway += read;
        return true;
    }
    json_t *rows = headers_take(*h, r->err);
    headers_free(*h);
    *h = NULL;
    r->finished += json_array_size(rows);
    if (rows && !look_at_headers(r, rows)) {
        json_decref(rows);
        return false;
    }
    return rows && send_list(r, "files", rows);
}

static bool read_headers(struct refreshing *r)
{
    const size_t n = r->diff.n_changed;
    size_t underway = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < READERS; i++) {
        if (!r->running[i] && r->next < n) {
            size_t m = n - r->next < CHUNK ? n - r->next : CHUNK;
            r->running[i] =
                headers_start(r->imaging, r->project.root, r->diff.changed + r->next, m, r->err);
            r->next += m;
            ok = r->running[i] != NULL;
        }
        ok = ok && (!r->running[i] || look_at_reader(r, &r->running[i], &underway));
    }
    if (ok && n && r->how.progress) {
        r->how.progress(r->how.arg, r->finished + underway, n);
    }
    return ok;
}

/* Rows whose files are gone, and forgotten ones that come back. */
static bool send_gone(struct refreshing *r)
{
    json_t *gone = json_array();
    bool ok = gone != NULL;
    for (size_t i = 0; ok && i < r->diff.n_gone; i++) {
        ok = json_array_append_new(gone, json_integer(r->diff.gone[i])) == 0;
    }
    if (!ok) {
        json_decref(gone);
        return err_set(r->err, ERR_NOMEM, "out of memory");
    }
    ok = send_list(r, "gone", gone);
    if (ok && r->how.all) {
        json_t *args = json_object();
        ok = args && json_put(args, "all", json_true(), r->err) && call(r, args);
        json_decref(args);
    }
    return ok;
}

/* A fresh look at the store: what we applied was written through another connection. */
static bool send_verdicts(struct refreshing *r)
{
    int64_t pct = r->how.min_size_pct;
    if (pct < 0 && r->project.min_size_pct < 0 && options_given(r->options, "undersized_percent")) {
        pct = (int64_t)options_number(r->options, "undersized_percent");
    }
    json_t *rows = judge_rows(r->store, &r->project, judge_pct(&r->project, pct), NULL, 0, r->err);
    if (!rows || !send_list(r, "rows", rows)) {
        return false;
    }
    json_t *cors = cor_file_changes(r->store, &r->project, r->report.warnings, r->err);
    return cors && send_list(r, "cors", cors);
}

static bool count(struct refreshing *r)
{
    r->report.files = (int64_t)r->found.n;
    r->report.added = (int64_t)r->diff.n_new;
    r->report.changed = (int64_t)(r->diff.n_changed - r->diff.n_new - r->diff.n_again);
    r->report.gone = (int64_t)r->diff.n_gone;
    return store_int(r->store, 0, &r->report.scans, r->err,
                     "SELECT count(*) FROM item WHERE project_id=?1 AND level='scan' AND gone=0 "
                     "AND hidden=0",
                     "i", r->project.id);
}

static struct cohort_refresh_args cohort_args(const struct refreshing *r)
{
    return (struct cohort_refresh_args){
        .home = r->how.home,
        .session = r->how.session,
        .store = r->store,
        .project = &r->project,
        .warnings = r->report.warnings,
    };
}

static bool studies_known(const struct refreshing *r, int64_t *ret)
{
    return store_int(r->store, 0, ret, r->err,
                     "SELECT EXISTS(SELECT 1 FROM item WHERE project_id=?1 AND level='study' AND "
                     "gone=0)",
                     "i", r->project.id);
}

/* The folder is walked in the way its layout asks for. Where that is still to be found out, the
 * usual walk tells; a cohort is then walked once more. */
static bool begin_walk(struct refreshing *r)
{
    const struct cohort_refresh_args how = cohort_args(r);
    int64_t known = 0;
    bool is_new = false, cohort = strcmp(r->project.layout_now, LAYOUT_SCANS) != 0;
    if (!cohort) {
        if (!walk_folder(r->project.root, &r->found, r->err)) {
            return false;
        }
        const char *layout = cohort_refresh_layout(&r->project, &r->found, &is_new);
        if (is_new && !cohort_refresh_remember(&how, &r->project, layout, r->err)) {
            return false;
        }
        cohort = is_new;
    }
    if (is_new) {
        found_list_fini(&r->found);
    }
    if (!cohort && !studies_known(r, &known)) {
        return false;
    }
    if (cohort || known) {
        r->cohort = cohort_refresh_begin(&how, &r->found, r->err);
    }
    return r->cohort || !(cohort || known);
}

/* A folder that is a cohort no more is looked at afresh the next time. */
static bool end_cohort(struct refreshing *r)
{
    const struct cohort_refresh_args how = cohort_args(r);
    struct cohort_scan_report *report = &r->report.cohort;
    cohort_refresh_report(r->cohort, report);
    cohort_refresh_end(r->cohort);
    r->cohort = NULL;
    return report->studies || r->found.n_unread || strcmp(r->project.layout, LAYOUT_AUTO) != 0 ||
        !strcmp(r->project.layout_now, LAYOUT_SCANS) ||
        cohort_refresh_remember(&how, &r->project, LAYOUT_SCANS, r->err);
}

/* The walk is over: what differs, and the first readers. */
static bool begin_reading(struct refreshing *r)
{
    bool ok = diff_make(r->store, r->project.id, &r->found, &r->diff, r->err) && warn_of_walk(r);
    if (ok && r->diff.n_changed) {
        r->imaging = home_imaging(r->err);
        ok = r->imaging && read_headers(r);
    }
    r->compared = true;
    return ok;
}

struct refreshing *refresh_begin(const struct refresh *how, struct err *err)
{
    struct refreshing *r = mem_zero(sizeof *r, err);
    if (!r) {
        return NULL;
    }
    r->how = *how;
    r->err = err;
    r->report.warnings = json_array();
    r->report.troubles = json_array();
    bool ok =
        ((r->report.warnings && r->report.troubles) || err_set(err, ERR_NOMEM, "out of memory")) &&
        (r->store = store_open(how->home, STORE_READ, err)) &&
        (r->options = options_load(how->home, err)) &&
        project_by_id(r->store, how->project, &r->project, err) && begin_walk(r) &&
        (r->cohort || begin_reading(r));
    if (!ok) {
        refresh_end(r, NULL);
        return NULL;
    }
    (void)snprintf(r->report.layout, sizeof r->report.layout, "%s", r->project.layout_now);
    return r;
}

bool refresh_step(struct refreshing *r, bool *ret_done, struct err *err)
{
    bool done = false, hosted = r->how.session && session_loop(r->how.session);
    r->err = err;
    *ret_done = false;
    if (r->cohort) {
        if (!cohort_refresh_step(r->cohort, hosted ? STUDIES_US : 0, &done, err)) {
            return false;
        }
        return !done || end_cohort(r);
    }
    if (!r->compared) {
        return begin_reading(r);
    }
    if (r->finished < r->diff.n_changed && !read_headers(r)) {
        return false;
    }
    if (r->finished < r->diff.n_changed) {
        return true;
    }
    *ret_done = true;
    return send_gone(r) && send_verdicts(r) && count(r);
}

void refresh_end(struct refreshing *r, struct refresh_report *ret)
{
    if (!r) {
        return;
    }
    for (size_t i = 0; i < READERS; i++) {
        headers_free(r->running[i]);
    }
    cohort_refresh_end(r->cohort);
    diff_fini(&r->diff);
    found_list_fini(&r->found);
    project_fini(&r->project);
    options_free(r->options);
    store_close(r->store);
    mem_free(r->imaging);
    if (ret) {
        *ret = r->report;
    } else {
        refresh_report_fini(&r->report);
    }
    mem_free(r);
}

bool refresh_project(const struct refresh *how, struct refresh_report *ret, struct err *err)
{
    bool done = false, ok = true;
    struct refreshing *r = refresh_begin(how, err);
    if (!r) {
        return false;
    }
    while (ok && !done) {
        ok = refresh_step(r, &done, err);
        if (ok && !done) {
            wait_a_moment(r);
        }
    }
    refresh_end(r, ok ? ret : NULL);
    return ok;
}

void refresh_report_fini(struct refresh_report *r)
{
    json_decref(r->warnings);
    json_decref(r->troubles);
    r->warnings = r->troubles = NULL;
}
