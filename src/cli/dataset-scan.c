/* Walk, compare with what is known, read, apply. */
#include "cli/dataset-scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/dataset.h"
#include "catalog/project.h"
#include "cli/dataset-merge.h"
#include "engine/home.h"
#include "engine/privacy.h"

/* Rows and ids of one operation. */
#define ROWS_AT_ONCE 250
#define IDS_AT_ONCE 2000
/* Units between two operations: what an interrupt costs. */
#define UNITS_AT_ONCE 1000

struct scan {
    struct cli *c;
    int64_t dataset;
    struct project project;
    struct privacy privacy;
    json_t *places;
    json_t *known;          /* path -> rows {id, name, uid, size, mtime_ns, gone, mine} */
    json_t *merged, *again; /* dataset_merged() */
    struct series_units units;
    const struct series_unit **fresh; /* to be read */
    size_t n_fresh, read;
    json_t *keep, *gone;
    struct dataset_report report;
    struct err *err;
};

static bool nomem(const struct scan *s)
{
    return err_set(s->err, ERR_NOMEM, "out of memory");
}

static bool warn(struct scan *s, const char *name, const char *why)
{
    char text[600];
    (void)snprintf(text, sizeof text, "%.300s: %s", *name ? name : s->project.root, why);
    return json_array_append_new(s->report.warnings, json_string(text)) == 0 || nomem(s);
}

/* --- what is known */

static bool load(struct scan *s)
{
    int64_t project;
    char *places = NULL;
    struct store *store = cli_store(s->c, s->err);
    bool ok = store && dataset_project(store, s->dataset, &project, s->err) &&
        project_by_id(store, project, &s->project, s->err) &&
        privacy_load(s->c->home, store, &s->privacy, s->err) &&
        store_text(store, &places, s->err, "SELECT places FROM dataset WHERE id=?1", "i",
                   s->dataset);
    s->places = ok && places ? json_parse(places, strlen(places), "places", s->err) : NULL;
    mem_free(places);
    json_t *rows = s->places ? store_rows(store, s->err,
                                          "SELECT y.path,i.kind,y.uid,y.patient,i.id,i.name,i.size,"
                                          "i.mtime_ns,i.gone,"
                                          "d.item_id IS NOT NULL AS mine FROM item i JOIN series y "
                                          "ON y.item_id=i.id LEFT JOIN dataset_item d ON "
                                          "d.item_id=i.id AND d.dataset_id=?2 WHERE "
                                          "i.project_id=?1 AND i.level='series'",
                                          "ii", project, s->dataset)
                             : NULL,
           *row;
    size_t i;
    s->known = rows ? json_object() : NULL;
    ok = s->known != NULL;
    json_array_foreach(rows, i, row)
    {
        const char *path = json_get_text(row, "path", "");
        json_t *list = json_object_get(s->known, path);
        if (!list) {
            ok = ok && json_object_set_new(s->known, path, json_array()) == 0;
            list = json_object_get(s->known, path);
        }
        ok = ok && json_array_append(list, row) == 0;
    }
    json_decref(rows);
    return ok || (s->err->code != ERR_NONE ? false : nomem(s));
}

/* --- compare */

/* Is the patient stored as the option privacy wants it now? Of NIfTI it may be a folder's name,
 * which stays. */
static bool stored_rightly(const struct scan *s, const json_t *row)
{
    const char *patient = json_get_text(row, "patient", "");
    bool folder = !strcmp(json_get_text(row, "kind", ""), "nifti") &&
        strstr(json_get_text(row, "path", ""), patient);
    return !*patient || folder || privacy_is_digest(patient) == s->privacy.hash;
}

static bool unchanged(const json_t *row, const struct series_unit *u)
{
    return json_get_int(row, "size", -1) == u->size &&
        json_get_int(row, "mtime_ns", -1) == u->mtime_ns;
}

/* Rows that are gone say nothing, unless they are pieces of a merged series: when all are, the file
 * has come back and is read. */
static bool same(const struct scan *s, const json_t *rows, const struct series_unit *u)
{
    const json_t *row;
    size_t i, pieces = 0;
    json_array_foreach(rows, i, row)
    {
        if (!json_get_int(row, "gone", 0)) {
            return unchanged(row, u) && stored_rightly(s, row) &&
                !json_object_get(s->again, u->path);
        }
        pieces += unchanged(row, u) && !strcmp(json_get_text(row, "kind", ""), DATASET_PIECE) &&
            json_object_get(s->merged, json_get_text(row, "uid", "")) != NULL;
    }
    return pieces && pieces == json_array_size(rows);
}

/* Into this data set, when they are there and not in it. */
static bool keep_rows(struct scan *s, const char *path)
{
    const json_t *rows = json_object_get(s->known, path), *row;
    bool ok = true;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (!json_get_int(row, "gone", 0) && !json_get_int(row, "mine", 0)) {
            ok = ok && (json_array_append(s->keep, json_object_get(row, "id")) == 0 || nomem(s));
        }
    }
    return ok;
}

static bool compare_unit(struct scan *s, const struct series_unit *u)
{
    const json_t *rows = json_object_get(s->known, u->path), *row;
    bool is_same = same(s, rows, u), ok = true;
    size_t i;
    if (!is_same) {
        s->fresh[s->n_fresh++] = u;
        return true;
    }
    json_array_foreach(rows, i, row)
    {
        const json_t *merged = json_get_int(row, "gone", 0)
            ? json_object_get(s->merged, json_get_text(row, "uid", ""))
            : NULL;
        ok = ok && (!merged || keep_rows(s, json_string_value(merged)));
    }
    return ok && keep_rows(s, u->path);
}

static bool could_be_read(const struct scan *s, const char *path)
{
    const struct found_list *t = &s->units.troubles;
    for (size_t i = 0; i < t->n_unread; i++) {
        if (!*t->unread[i] || path_within(path, t->unread[i])) {
            return false;
        }
    }
    return true;
}

/* Those of this data set whose file is not among the units. */
static bool find_gone(struct scan *s)
{
    const char *path;
    json_t *rows;
    bool ok = true;
    json_object_foreach(s->known, path, rows)
    {
        const json_t *row;
        size_t i;
        if (dataset_unit(&s->units, path) || !could_be_read(s, path)) {
            continue;
        }
        json_array_foreach(rows, i, row)
        {
            const char *merged =
                json_string_value(json_object_get(s->merged, json_get_text(row, "uid", "")));
            if (json_get_int(row, "mine", 0) && !json_get_int(row, "gone", 0) &&
                !(merged && !strcmp(merged, path))) {
                ok =
                    ok && (json_array_append(s->gone, json_object_get(row, "id")) == 0 || nomem(s));
                s->report.gone++;
            } else if (json_get_int(row, "mine", 0) && json_get_int(row, "gone", 0) &&
                       !strcmp(json_get_text(row, "kind", ""), DATASET_PIECE)) {
                /* a piece no more */
                ok =
                    ok && (json_array_append(s->gone, json_object_get(row, "id")) == 0 || nomem(s));
            }
        }
    }
    return ok;
}

static bool walk(struct scan *s)
{
    size_t n = json_array_size(s->places);
    const char **places = mem_array(n + 1, sizeof *places, s->err);
    for (size_t i = 0; places && i < n; i++) {
        places[i] = json_string_value(json_array_get(s->places, i));
        places[i] = places[i] ? places[i] : ".";
    }
    bool ok = places && series_walk(s->project.root, places, n, &s->units, s->err);
    mem_free(places);
    ok = ok && dataset_merged(s->known, &s->units, s->merged, s->again, s->err);
    s->fresh = ok ? mem_array(s->units.n + 1, sizeof *s->fresh, s->err) : NULL;
    ok = s->fresh != NULL;
    for (size_t i = 0; ok && i < s->units.n; i++) {
        ok = compare_unit(s, &s->units.list[i]);
    }
    const struct found_list *t = &s->units.troubles;
    for (size_t i = 0; ok && i < t->n_unread && i < 20; i++) {
        ok = warn(s, t->unread[i], i ? "cannot be read" : t->unread_why);
    }
    for (size_t i = 0; ok && i < t->n_left && i < 20; i++) {
        ok = warn(s, t->left[i].name, t->left[i].why);
    }
    return ok && find_gone(s);
}

/* --- read and apply */

static void tell(void *arg, size_t done)
{
    const struct scan *s = arg;
    if (s->c->terminal_err && s->n_fresh > 1) {
        (void)fprintf(stderr, "\r\033[Kreading headers: %zu of %zu", s->read + done, s->n_fresh);
    }
}

static bool send(struct scan *s, const char *key, json_t *list, size_t at, size_t most)
{
    json_t *piece = json_array(), *answer = NULL;
    for (size_t i = at; piece && i < json_array_size(list) && i < at + most; i++) {
        (void)json_array_append(piece, json_array_get(list, i));
    }
    json_t *args = json_pack("{s:I, s:o}", "dataset", (json_int_t)s->dataset, key, piece);
    bool ok = args ? (answer = cli_call(s->c, "dataset.apply", args, s->err)) != NULL : nomem(s);
    s->report.fresh += json_get_int(answer, "new", 0);
    s->report.changed += json_get_int(answer, "changed", 0);
    json_decref(answer);
    json_decref(args);
    return ok;
}

static bool send_all(struct scan *s, const char *key, json_t *list, size_t most)
{
    bool ok = true;
    for (size_t at = 0; ok && at < json_array_size(list); at += most) {
        ok = send(s, key, list, at, most);
    }
    return ok;
}

/* The place that holds the path: the longest. */
static const char *place_of(const struct scan *s, const char *path)
{
    const char *best = ".";
    const json_t *place;
    size_t i;
    json_array_foreach(s->places, i, place)
    {
        const char *name = json_string_value(place);
        if (name && path_within(path, name) && strlen(name) > strlen(best)) {
            best = name;
        }
    }
    return best;
}

/* Rows that a unit had and has no more. */
static bool find_lost(struct scan *s, const struct series_unit *u, const json_t *found)
{
    const json_t *rows = json_object_get(s->known, u->path), *row;
    size_t i;
    bool ok = true;
    json_array_foreach(rows, i, row)
    {
        if (!json_object_get(found, json_get_text(row, "name", ""))) {
            s->report.gone += !json_get_int(row, "gone", 0);
            ok = ok && (json_array_append(s->gone, json_object_get(row, "id")) == 0 || nomem(s));
        }
    }
    return ok;
}

/* PatientIDs become digests; folders' names stay what they are. */
static bool who(struct scan *s, json_t *row)
{
    const char *path = json_get_text(row, "path", ""), *id = json_get_text(row, "patient", "");
    char digest[PRIVACY_TEXT];
    if (s->privacy.hash && *id) {
        privacy_digest(&s->privacy, id, digest);
        if (!json_put(row, "patient", json_string(digest), s->err)) {
            return false;
        }
    }
    return dataset_who(row, s->project.root, s->project.layout_now, place_of(s, path), s->err);
}

static bool take_rows(struct scan *s, json_t *rows, size_t first, size_t n)
{
    json_t *found = json_object(), *row;
    size_t i;
    bool ok = found || nomem(s);
    json_array_foreach(rows, i, row)
    {
        const char *path = json_get_text(row, "path", "");
        char *name = ok ? dataset_item_name(path, json_get_text(row, "uid", ""), s->err) : NULL;
        ok = name && json_object_set_new(found, name, json_true()) == 0 && who(s, row);
        mem_free(name);
    }
    for (size_t k = first; ok && k < first + n; k++) {
        ok = find_lost(s, s->fresh[k], found);
    }
    json_decref(found);
    return ok && send_all(s, "series", rows, ROWS_AT_ONCE);
}

static bool read_fresh(struct scan *s)
{
    char *imaging = home_imaging(s->err);
    bool ok = imaging != NULL;
    while (ok && s->read < s->n_fresh) {
        size_t n = s->n_fresh - s->read;
        n = n > UNITS_AT_ONCE ? UNITS_AT_ONCE : n;
        json_t *rows =
            dataset_read(imaging, s->project.root, s->fresh + s->read, n, tell, s, s->err);
        ok = rows && take_rows(s, rows, s->read, n);
        json_decref(rows);
        s->read += n;
    }
    if (s->c->terminal_err && s->n_fresh > 1) {
        (void)fputs("\r\033[K", stderr);
    }
    mem_free(imaging);
    s->report.read = (int64_t)s->read;
    return ok;
}

/* Series in several folders, of which each was read by itself. */
static bool merge(struct scan *s)
{
    json_t *rows = json_array(), *pieces = json_array(), *row;
    size_t i;
    struct store *store = NULL;
    bool ok = rows && pieces ? (store = cli_store(s->c, s->err)) != NULL : nomem(s);
    ok = ok && dataset_merge(store, s->dataset, s->project.root, &s->units, rows, pieces, s->err);
    json_array_foreach(rows, i, row)
    {
        ok = ok && who(s, row);
    }
    ok = ok && send_all(s, "pieces", pieces, IDS_AT_ONCE) &&
        send_all(s, "series", rows, ROWS_AT_ONCE);
    int64_t n = (int64_t)json_array_size(pieces);
    s->report.fresh -= n < s->report.fresh ? n : s->report.fresh;
    json_decref(rows);
    json_decref(pieces);
    return ok;
}

static bool finish(struct scan *s)
{
    json_t *args = json_pack("{s:I, s:b}", "dataset", (json_int_t)s->dataset, "done", 1);
    bool ok = send_all(s, "keep", s->keep, IDS_AT_ONCE) &&
        send_all(s, "gone", s->gone, IDS_AT_ONCE) && (!s->n_fresh || merge(s)) &&
        (args || nomem(s));
    json_t *answer = ok ? cli_call(s->c, "dataset.apply", args, s->err) : NULL;
    ok = answer != NULL;
    json_decref(answer);
    json_decref(args);
    cli_store_close(s->c); /* what was written shows in the next one */
    return ok;
}

bool dataset_scan(struct cli *c, int64_t dataset, struct dataset_report *ret, struct err *err)
{
    struct scan s = {.c = c,
                     .dataset = dataset,
                     .merged = json_object(),
                     .again = json_object(),
                     .keep = json_array(),
                     .gone = json_array(),
                     .report = {.warnings = json_array()},
                     .err = err};
    err->code = ERR_NONE;
    bool ok = ((s.merged && s.again && s.keep && s.gone && s.report.warnings) || nomem(&s)) &&
        load(&s) && walk(&s) && read_fresh(&s) && finish(&s);
    json_decref(s.known);
    json_decref(s.merged);
    json_decref(s.again);
    json_decref(s.places);
    json_decref(s.keep);
    json_decref(s.gone);
    mem_free(s.fresh);
    series_units_fini(&s.units);
    project_fini(&s.project);
    if (!ok) {
        json_decref(s.report.warnings);
        return false;
    }
    *ret = s.report;
    return true;
}
