/* Each study found is merged with its rows, both sorted; what differs goes into the piece that is
 * being gathered. */
#include "catalog/cohort-scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/cohort-table.h"
#include "model/layout.h"

/* Rows of one operation: its transaction stays some tens of milliseconds. */
#define ROWS_AT_ONCE 4000

/* A study of the catalog. */
struct known {
    int64_t id;
    char *name, *pid, *sid, *date, *attrs;
    bool gone, met;
};

struct cohort_scan {
    struct store *s;
    const struct project *project;
    json_t *warnings;
    struct known *known; /* sorted by name */
    size_t n, cap;
    json_t *people;   /* participants.tsv */
    json_t *told;     /* pid -> attrs of the catalog; of those there now */
    json_t *seen;     /* pids met in this scan */
    json_t *sessions; /* of the subject being met */
    char *sessions_of;
    bool said_sessions; /* one broken sessions.tsv is told */
    json_t *studies;    /* of the piece that is being gathered */
    json_t *gone;
    size_t rows;
    json_t *ready; /* pieces that are full */
    bool finished;
    struct cohort_scan_report report;
    struct err *err;
};

static bool no_memory(struct cohort_scan *c)
{
    return err_set(c->err, ERR_NOMEM, "out of memory");
}

/* A trouble with one table leaves the scan alone. */
static bool warn(struct cohort_scan *c, const struct err *why)
{
    return json_array_append_new(c->warnings, json_string(why->text)) == 0 || no_memory(c);
}

/* --- what is known */

static bool load_known(struct cohort_scan *c)
{
    struct err late;
    bool ok = true;
    struct query *q = store_query(
        c->s, c->err,
        "SELECT i.id,i.name,p.name,y.sid,y.date,i.attrs,i.gone FROM item i JOIN study y ON "
        "y.item_id=i.id JOIN item p ON p.id=y.subject_id WHERE i.project_id=?1 AND "
        "i.level='study' ORDER BY i.name",
        "i", c->project->id);
    while (q && ok && query_next(q)) {
        if (c->n == c->cap) {
            size_t cap = c->cap ? c->cap * 2 : 256;
            struct known *more = mem_resize(c->known, cap, sizeof *more, c->err);
            if (!more) {
                ok = false;
                break;
            }
            c->known = more;
            c->cap = cap;
        }
        struct known *k = &c->known[c->n++];
        *k = (struct known){.id = query_int(q, 0), .gone = query_int(q, 6) != 0};
        k->name = mem_strdup(query_text(q, 1), c->err);
        k->pid = k->name ? mem_strdup(query_text(q, 2), c->err) : NULL;
        k->sid = k->pid ? mem_strdup(query_text(q, 3), c->err) : NULL;
        k->date = k->sid ? mem_strdup(query_text(q, 4), c->err) : NULL;
        k->attrs = k->date ? mem_strdup(query_text(q, 5), c->err) : NULL;
        ok = k->attrs != NULL;
    }
    return q && query_end(q, ok ? c->err : &late) && ok;
}

static bool load_told(struct cohort_scan *c)
{
    struct err late;
    bool ok = true;
    struct query *q = store_query(c->s, c->err,
                                  "SELECT name,attrs FROM item WHERE project_id=?1 AND "
                                  "level='subject' AND attrs<>'{}'",
                                  "i", c->project->id);
    while (q && ok && query_next(q)) {
        json_t *attrs = json_loads(query_text(q, 1), 0, NULL);
        ok = json_object_set_new(c->told, query_text(q, 0), attrs ? attrs : json_object()) == 0 ||
            no_memory(c);
    }
    return q && query_end(q, ok ? c->err : &late) && ok;
}

static bool load_people(struct cohort_scan *c)
{
    struct err why;
    char *path = path_join(c->project->root, "participants.tsv", c->err);
    if (!path) {
        return false;
    }
    c->people = cohort_table_read(path, "participants.tsv", "participant_id", &why);
    mem_free(path);
    if (c->people) {
        return true;
    }
    (void)err_wrap(&why, "subjects have no attributes");
    c->people = json_object();
    return c->people ? warn(c, &why) : no_memory(c);
}

struct cohort_scan *cohort_scan_begin(struct store *s, const struct project *project,
                                      json_t *warnings, struct err *err)
{
    struct cohort_scan *c = mem_zero(sizeof *c, err);
    if (!c) {
        return NULL;
    }
    c->s = s;
    c->project = project;
    c->warnings = warnings;
    c->err = err;
    c->told = json_object();
    c->seen = json_object();
    c->studies = json_array();
    c->gone = json_array();
    c->ready = json_array();
    bool ok = (c->told && c->seen && c->studies && c->gone && c->ready) || no_memory(c);
    if (!ok || !load_known(c) || !load_told(c) || !load_people(c)) {
        cohort_scan_end(c);
        return NULL;
    }
    return c;
}

static struct known *find_known(struct cohort_scan *c, const char *name)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, c->known[middle].name);
        if (order == 0) {
            return &c->known[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* Headers know a study better than its folder's name does. */
static struct known *find_study(struct cohort_scan *c, const struct found_study *f)
{
    struct known *k = find_known(c, f->name);
    bool by_uid = !strcmp(c->project->layout_now, LAYOUT_DICOM);
    if (!by_uid || (k && !strcmp(k->sid, f->sid))) {
        return k;
    }
    for (size_t i = 0; i < c->n; i++) {
        if (!strcmp(c->known[i].sid, f->sid)) {
            return &c->known[i];
        }
    }
    return k && k->gone ? k : NULL;
}

/* --- attributes */

/* What a row of a table says and the catalog does not: NULL and true when there is nothing. */
static bool attrs_patch(struct cohort_scan *c, const json_t *row, const json_t *told, json_t **ret)
{
    const char *key;
    json_t *value, *patch = NULL;
    json_object_foreach((json_t *)row, key, value)
    {
        if (json_equal(value, json_object_get(told, key))) {
            continue;
        }
        patch = patch ? patch : json_object();
        if (json_object_set(patch, key, value) != 0) {
            json_decref(patch);
            return no_memory(c);
        }
    }
    *ret = patch;
    return true;
}

/* participants.tsv names subjects with their prefix; some leave it out. */
static const json_t *person(const struct cohort_scan *c, const char *pid)
{
    const json_t *row = json_object_get(c->people, pid);
    return row || !str_starts(pid, "sub-") ? row : json_object_get(c->people, pid + 4);
}

static bool subject_attrs(struct cohort_scan *c, const char *pid, json_t **ret)
{
    *ret = NULL;
    if (json_object_get(c->seen, pid)) {
        return true;
    }
    c->report.subjects++;
    return (json_object_set_new(c->seen, pid, json_true()) == 0 || no_memory(c)) &&
        attrs_patch(c, person(c, pid), json_object_get(c->told, pid), ret);
}

/* <subject>/<subject>_sessions.tsv, read once for all its sessions, which follow each other. */
static bool load_sessions(struct cohort_scan *c, const struct found_study *f)
{
    struct err why;
    if (str_equal(c->sessions_of, f->pid)) {
        return true;
    }
    char *what = mem_printf(c->err, "%s/%s_sessions.tsv", f->pid, f->pid);
    char *path = what ? path_join(c->project->root, what, c->err) : NULL;
    mem_free(c->sessions_of);
    c->sessions_of = path ? mem_strdup(f->pid, c->err) : NULL;
    bool ok = c->sessions_of != NULL;
    json_decref(c->sessions);
    c->sessions = ok ? cohort_table_read(path, what, "session_id", &why) : NULL;
    if (ok && !c->sessions && !c->said_sessions) {
        c->said_sessions = true;
        ok = warn(c, &why);
    }
    mem_free(path);
    mem_free(what);
    return ok;
}

static bool scans_day(struct cohort_scan *c, const struct found_study *f, char ret[11])
{
    for (size_t i = 0; i < f->n && !*f->files[i].sub; i++) {
        if (*f->files[i].place || !str_ends(f->files[i].name, "_scans.tsv")) {
            continue;
        }
        struct err why;
        char *path = mem_printf(c->err, "%s/%s/%s", c->project->root, f->name, f->files[i].name);
        json_t *table = path ? cohort_table_read(path, f->files[i].name, "filename", &why) : NULL;
        mem_free(path);
        if (table) {
            cohort_table_first_day(table, ret);
        }
        json_decref(table);
        return path != NULL;
    }
    return true;
}

/* When the study was: its session's acq_time, its scans', the day in its folder's name. */
static bool day_of(struct cohort_scan *c, const struct found_study *f, const json_t *session,
                   char ret[11])
{
    ret[0] = '\0';
    cohort_table_day(session, ret);
    if (f->date) {
        (void)snprintf(ret, 11, "%s", f->date);
        return true;
    }
    if (!*ret && !strcmp(c->project->layout_now, LAYOUT_BIDS) && !scans_day(c, f, ret)) {
        return false;
    }
    if (!*ret) {
        layout_date(f->sid, ret);
    }
    return true;
}

/* --- files */

/* What has gathered becomes a piece. */
static bool close_piece(struct cohort_scan *c)
{
    json_t *piece = json_pack("{s:I, s:O, s:O}", "project", (json_int_t)c->project->id, "studies",
                              c->studies, "gone", c->gone);
    json_decref(c->studies);
    json_decref(c->gone);
    c->studies = json_array();
    c->gone = json_array();
    c->rows = 0;
    return (piece && json_array_append_new(c->ready, piece) == 0 && c->studies && c->gone) ||
        no_memory(c);
}

static json_t *entry_of(struct cohort_scan *c, const struct found_study *f, const char *date)
{
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:s, s:I}", "name", f->name, "pid", f->pid, "sid", f->sid,
                  "date", date, "stirred_us", (json_int_t)(f->stirred_ns / 1000));
    if (!entry || json_array_append_new(c->studies, entry) != 0) {
        (void)no_memory(c);
        return NULL;
    }
    c->rows++;
    return entry; /* the array's */
}

struct merge {
    struct cohort_scan *c;
    const struct found_study *f;
    const char *date;
    const struct known *known;
    json_t *entry, *files, *gone; /* of the piece; NULL as long as there is nothing to tell */
};

static bool need_entry(struct merge *m)
{
    if (m->entry) {
        return true;
    }
    m->entry = entry_of(m->c, m->f, m->date);
    return m->entry &&
        (!m->f->sdesc || json_put(m->entry, "sdesc", json_string(m->f->sdesc), m->c->err)) &&
        (!m->f->date || !m->known ||
         json_put(m->entry, "id", json_integer(m->known->id), m->c->err));
}

static bool list_for(struct merge *m, const char *key, json_t **list)
{
    if (!need_entry(m)) {
        return false;
    }
    *list = *list ? *list : json_array();
    if (*list && !json_object_get(m->entry, key)) {
        return json_object_set_new(m->entry, key, *list) == 0 || no_memory(m->c);
    }
    return *list || no_memory(m->c);
}

/* A study may be larger than a piece: its next rows begin another one. */
static bool count_row(struct merge *m)
{
    if (++m->c->rows < ROWS_AT_ONCE) {
        return true;
    }
    m->entry = m->files = m->gone = NULL;
    return close_piece(m->c);
}

static bool tell_file(struct merge *m, const struct found_file *f)
{
    struct str text = STR_INIT;
    if (!list_for(m, "files", &m->files)) {
        return false;
    }
    str_addf(&text, "%" PRId64 " %" PRId64 " ", f->size, f->mtime_ns);
    str_add(&text, f->place);
    str_add(&text, "//");
    str_add(&text, f->sub);
    str_add(&text, "//");
    str_add(&text, f->name);
    bool ok = str_ok(&text, m->c->err) &&
        (json_array_append_new(m->files, json_stringn_nocheck(text.buf, text.len)) == 0 ||
         no_memory(m->c));
    str_fini(&text);
    return ok && count_row(m);
}

static bool tell_gone(struct merge *m, int64_t id)
{
    m->c->report.gone++;
    return list_for(m, "gone", &m->gone) &&
        (json_array_append_new(m->gone, json_integer(id)) == 0 || no_memory(m->c)) && count_row(m);
}

/* Columns: id, sub, name, place, size, mtime_ns, gone. */
static int order_of(const struct found_file *f, const struct query *q)
{
    int order = strcmp(f->sub, query_text(q, 1));
    order = order ? order : strcmp(f->name, query_text(q, 2));
    return order ? order : strcmp(f->place, query_text(q, 3));
}

static bool tell_new(struct merge *m, const struct found_file *f)
{
    m->c->report.added++;
    return tell_file(m, f);
}

static bool merge_files(struct merge *m, const struct known *k)
{
    const struct found_study *f = m->f;
    struct cohort_scan *c = m->c;
    struct err late;
    size_t at = 0;
    bool ok = true;
    struct query *q = k ? store_query(c->s, c->err,
                                      "SELECT id,sub,name,place,size,mtime_ns,gone FROM file WHERE "
                                      "study_id=?1 ORDER BY sub,name,place",
                                      "i", k->id)
                        : NULL;
    if (k && !q) {
        return false;
    }
    while (k && ok && query_next(q)) {
        int order = 1;
        while (ok && at < f->n && (order = order_of(&f->files[at], q)) < 0) {
            ok = tell_new(m, &f->files[at++]);
        }
        if (ok && at < f->n && order == 0) {
            const struct found_file *here = &f->files[at++];
            bool back = query_int(q, 6) != 0;
            if (back || here->size != query_int(q, 4) || here->mtime_ns != query_int(q, 5)) {
                c->report.added += back;
                c->report.changed += !back;
                ok = tell_file(m, here);
            }
        } else if (ok && !query_int(q, 6) && !f->unread) {
            ok = tell_gone(m, query_int(q, 0));
        }
    }
    ok = (!q || query_end(q, ok ? c->err : &late)) && ok;
    while (ok && at < f->n) {
        ok = tell_new(m, &f->files[at++]);
    }
    return ok;
}

/* Attributes and the day, which may change without a file of the study changing. */
static bool tell_words(struct merge *m, const struct known *k, const json_t *session)
{
    struct cohort_scan *c = m->c;
    json_t *mine = NULL, *subject = NULL;
    json_t *told = k ? json_loads(k->attrs, 0, NULL) : NULL;
    bool ok = attrs_patch(c, session, told, &mine) && subject_attrs(c, m->f->pid, &subject);
    json_decref(told);
    bool differs = !k || k->gone || strcmp(k->name, m->f->name) != 0 ||
        strcmp(k->date, m->date) != 0 || strcmp(k->pid, m->f->pid) != 0 ||
        strcmp(k->sid, m->f->sid) != 0;
    if (ok && (mine || subject || differs)) {
        ok = need_entry(m) && (!mine || json_put(m->entry, "attrs", json_incref(mine), c->err)) &&
            (!subject || json_put(m->entry, "subject_attrs", json_incref(subject), c->err));
    }
    json_decref(mine);
    json_decref(subject);
    return ok;
}

bool cohort_scan_study(struct cohort_scan *c, const struct found_study *f, struct err *err)
{
    struct known *k = find_study(c, f);
    const json_t *session = NULL;
    char date[11] = "";
    c->err = err;
    if (!f->n && !f->unread) {
        return true; /* an empty folder is no study; one that was known is gone */
    }
    if (k) {
        k->met = true;
    }
    if (!f->n) {
        return true;
    }
    c->report.studies++;
    c->report.files += (int64_t)f->n;
    c->report.new_studies += !k || k->gone;
    if (!strcmp(c->project->layout_now, LAYOUT_BIDS) && *f->sid) {
        if (!load_sessions(c, f)) {
            return false;
        }
        session = json_object_get(c->sessions, f->sid);
    }
    struct merge m = {.c = c, .f = f, .date = date, .known = k};
    /* attributes alone (a new participants.tsv) fill a piece too */
    return day_of(c, f, session, date) && tell_words(&m, k, session) && merge_files(&m, k) &&
        (c->rows < ROWS_AT_ONCE || close_piece(c));
}

/* --- the end, and pieces */

static bool in_unread(const struct found_list *items, const char *name)
{
    for (size_t i = 0; i < items->n_unread; i++) {
        if (!*items->unread[i] || path_within(name, items->unread[i])) {
            return true;
        }
    }
    return false;
}

bool cohort_scan_finish(struct cohort_scan *c, const struct found_list *items, struct err *err)
{
    c->err = err;
    c->finished = true;
    for (size_t i = 0; i < c->n; i++) {
        const struct known *k = &c->known[i];
        if (k->met || k->gone || in_unread(items, k->name)) {
            continue;
        }
        c->report.gone_studies++;
        if (json_array_append_new(c->gone, json_integer(k->id)) != 0) {
            return no_memory(c);
        }
        if (++c->rows >= ROWS_AT_ONCE && !close_piece(c)) {
            return false;
        }
    }
    return true;
}

bool cohort_scan_piece(struct cohort_scan *c, json_t **ret, struct err *err)
{
    c->err = err;
    if (c->finished && (json_array_size(c->studies) || json_array_size(c->gone)) &&
        !close_piece(c)) {
        return false;
    }
    *ret = json_incref(json_array_get(c->ready, 0));
    return !*ret || json_array_remove(c->ready, 0) == 0;
}

void cohort_scan_report(const struct cohort_scan *c, struct cohort_scan_report *ret)
{
    *ret = c->report;
}

void cohort_scan_end(struct cohort_scan *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        struct known *k = &c->known[i];
        mem_free(k->name);
        mem_free(k->pid);
        mem_free(k->sid);
        mem_free(k->date);
        mem_free(k->attrs);
    }
    mem_free(c->known);
    json_decref(c->people);
    json_decref(c->told);
    json_decref(c->seen);
    json_decref(c->sessions);
    mem_free(c->sessions_of);
    json_decref(c->studies);
    json_decref(c->gone);
    json_decref(c->ready);
    mem_free(c);
}
