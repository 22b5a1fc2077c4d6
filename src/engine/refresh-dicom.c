/* Folders, then their headers, then the studies that these make; a piece a step, because a watch
 * calls from within the engine's loop. */
#include "engine/refresh-dicom.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "discover/dicom-folders.h"
#include "engine/dicom-places.h"
#include "engine/headers.h"
#include "engine/home.h"
#include "engine/session.h"
#include "store/store.h"

/* Rows of one operation. */
#define ROWS_AT_ONCE 2000
/* Files for one reader process. */
#define FILES_AT_ONCE 4000
/* Between two looks at a reader, when nobody else waits. */
#define LOOK_MS 100
/* In dicom_folder: what has files of several studies. A row "<name>//<uid>" follows for each. */
#define SEVERAL "*"
#define PART "//"

/* Files whose headers are read now. */
struct batch {
    struct found *files;
    const struct found **list;
    size_t n, cap;
    struct headers *headers;
    size_t from, to; /* of the folders, or of `mixed` */
};

enum phase { WALK, SAMPLES, WHOLE, DONE };

struct dicom_refresh {
    struct cohort_refresh_args how;
    struct found_list *items;
    struct dicom_walk *walk;
    struct found_folders folders;
    enum phase phase;
    char *imaging;
    struct batch batch;
    size_t next;   /* folder, or of `mixed` */
    size_t *mixed; /* folders all of whose headers are wanted */
    size_t n_mixed;
    json_t *kept;    /* name -> row of dicom_folder */
    json_t *parts;   /* name -> {uid: row}: of several studies, or a ZIP */
    json_t *members; /* folder -> {uid: [names]} */
    json_t *fresh;   /* rows to be kept */
    struct dicom_places places;
    struct err *err;
};

static bool no_memory(struct dicom_refresh *d)
{
    return err_set(d->err, ERR_NOMEM, "out of memory");
}

/* --- what is known */

/* object[key], made when it is not there; borrowed. */
static json_t *within(struct dicom_refresh *d, json_t *object, const char *key, bool list)
{
    json_t *one = json_object_get(object, key);
    if (!one) {
        one = list ? json_array() : json_object();
        if (!one || json_object_set_new(object, key, one) != 0) {
            (void)no_memory(d);
            return NULL;
        }
    }
    return one;
}

/* A row goes to the folders, or with "//" to the parts of one. */
static bool know(struct dicom_refresh *d, json_t *row)
{
    const char *name = json_get_text(row, "name", ""), *part = strstr(name, PART);
    if (!part) {
        return json_object_set(d->kept, name, row) == 0 || no_memory(d);
    }
    char *folder = mem_strndup(name, (size_t)(part - name), d->err);
    json_t *parts = folder ? within(d, d->parts, folder, false) : NULL;
    bool ok = parts && (json_object_set(parts, part + strlen(PART), row) == 0 || no_memory(d));
    mem_free(folder);
    return ok;
}

static bool load_kept(struct dicom_refresh *d)
{
    json_t *rows = store_rows(d->how.store, d->err,
                              "SELECT name,mtime_ns,pid,uid,date,sdesc FROM dicom_folder WHERE "
                              "project_id=?1",
                              "i", d->how.project->id),
           *row;
    size_t i;
    bool ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        ok = ok && know(d, row);
    }
    json_decref(rows);
    return ok;
}

/* Which file of a shared folder was whose: the catalog has it. */
static bool load_members(struct dicom_refresh *d)
{
    struct err late;
    bool ok = true;
    struct query *q = store_query(
        d->how.store, d->err,
        "SELECT rtrim(i.name,replace(i.name,'/',''))||f.sub,y.sid,f.name FROM file f JOIN study y "
        "ON y.item_id=f.study_id JOIN item i ON i.id=f.study_id WHERE i.project_id=?1 AND "
        "f.place=?2 AND f.gone=0",
        "is", d->how.project->id, PLACE_BESIDE);
    while (q && ok && query_next(q)) {
        char *folder = mem_strdup(query_text(q, 0), d->err);
        size_t n = folder ? strlen(folder) : 0;
        if (n && folder[n - 1] == '/') {
            folder[n - 1] = '\0';
        }
        json_t *studies = folder ? within(d, d->members, folder, false) : NULL,
               *names = studies ? within(d, studies, query_text(q, 1), true) : NULL;
        ok = names &&
            (json_array_append_new(names, json_string(query_text(q, 2))) == 0 || no_memory(d));
        mem_free(folder);
    }
    return q && query_end(q, ok ? d->err : &late) && ok;
}

static bool part_there(const json_t *row)
{
    return *json_get_text(row, "uid", "") != '\0';
}

/* Of a shared folder also its files must be known: a scan may have ended in between. */
static bool known(const struct dicom_refresh *d, const struct found_folder *f)
{
    const json_t *row = json_object_get(d->kept, f->name);
    const char *uid;
    json_t *part;
    if (!row || json_get_int(row, "mtime_ns", -1) != f->mtime_ns) {
        return false;
    }
    if (f->zip || strcmp(json_get_text(row, "uid", ""), SEVERAL) != 0) {
        return true;
    }
    json_object_foreach(json_object_get(d->parts, f->name), uid, part)
    {
        if (part_there(part) && !json_object_get(json_object_get(d->members, f->name), uid)) {
            return false;
        }
    }
    return true;
}

/* --- headers */

/* StudyDate is YYYYMMDD; some writers have put points into it. */
static void iso_date(const char *date, char ret[11])
{
    ret[0] = '\0';
    if (strspn(date, "0123456789") >= 8) {
        (void)snprintf(ret, 11, "%.4s-%.2s-%.2s", date, date + 4, date + 6);
    } else if (strlen(date) >= 10 && date[4] == '.' && date[7] == '.') {
        (void)snprintf(ret, 11, "%.4s-%.2s-%.2s", date, date + 5, date + 8);
    }
}

/* A row of dicom_folder: what `header` says of the study, NULL: there is none. */
static bool keep(struct dicom_refresh *d, const struct found_folder *f, const char *part,
                 const json_t *header, const char *uid)
{
    const char *pid = json_get_text(header, "patient_id", "");
    char date[11];
    iso_date(json_get_text(header, "date", ""), date);
    char *name = mem_printf(d->err, "%s%s%s", f->name, part ? PART : "", part ? part : "");
    json_t *row = name ? json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}", "name", name, "mtime_ns",
                                   (json_int_t)f->mtime_ns, "pid",
                                   !header    ? ""
                                       : *pid ? pid
                                              : "unknown",
                                   "uid", uid, "date", date, "sdesc",
                                   json_get_text(header, "study_description", ""))
                       : NULL;
    bool ok = row && json_array_append(d->fresh, row) == 0 && know(d, row);
    json_decref(row);
    mem_free(name);
    return ok || (d->err->code == ERR_NONE && no_memory(d));
}

/* What was said of the parts of a folder before holds no more. */
static bool forget_parts(struct dicom_refresh *d, const struct found_folder *f)
{
    json_t *old = json_copy(json_object_get(d->parts, f->name)), *row;
    const char *uid;
    bool ok = true;
    (void)json_object_del(d->members, f->name);
    json_object_foreach(old, uid, row)
    {
        ok = ok && (!part_there(row) || keep(d, f, uid, NULL, ""));
    }
    json_decref(old);
    return ok;
}

/* The headers of a folder's files, or what a ZIP says of its studies, part by part. */
static bool keep_parts(struct dicom_refresh *d, const struct found_folder *f, const json_t *rows,
                       size_t from, size_t n)
{
    bool ok = forget_parts(d, f), any = false;
    for (size_t i = from; ok && i < from + n; i++) {
        const json_t *row = json_array_get(rows, i), *header = json_object_get(row, "header"),
                     *studies = json_object_get(header, "studies"), *study;
        const char *uid = json_get_text(header, "study_uid", "");
        size_t k;
        json_array_foreach((json_t *)studies, k, study)
        {
            any = true;
            ok = ok &&
                keep(d, f, json_get_text(study, "study_uid", ""), study,
                     json_get_text(study, "study_uid", ""));
        }
        if (!*uid || f->zip) {
            continue;
        }
        json_t *by_study = within(d, d->members, f->name, false);
        bool first = !json_object_get(by_study, uid);
        json_t *names = by_study ? within(d, by_study, uid, true) : NULL;
        const char *path = json_get_text(row, "name", "");
        ok = names && (!first || keep(d, f, uid, header, uid)) &&
            (json_array_append_new(names, json_string(path_base(path))) == 0 || no_memory(d));
        any = true;
    }
    return ok && keep(d, f, NULL, NULL, any ? SEVERAL : "");
}

/* Are the files of one study? *ret: a header of it, NULL: of several, or it is no folder of its
 * own. *ret_any: of any. */
static const json_t *one_study(const struct found_folder *f, const json_t *rows, size_t from,
                               bool *ret_any)
{
    const json_t *first = NULL;
    *ret_any = false;
    for (size_t i = 0; i < f->n_samples; i++) {
        const json_t *header = json_object_get(json_array_get(rows, from + i), "header");
        const char *uid = json_get_text(header, "study_uid", "");
        if (!*uid) {
            continue;
        }
        *ret_any = true;
        if (first && strcmp(json_get_text(first, "study_uid", ""), uid) != 0) {
            return NULL;
        }
        first = first ? first : header;
    }
    return *f->name ? first : NULL;
}

static bool take_samples(struct dicom_refresh *d, const json_t *rows)
{
    bool ok = true;
    size_t at = 0;
    for (size_t i = d->batch.from; ok && i < d->batch.to; i++) {
        const struct found_folder *f = &d->folders.folders[i];
        bool any;
        if (known(d, f)) {
            continue;
        }
        if (f->zip) {
            ok = keep_parts(d, f, rows, at++, 1);
            continue;
        }
        const json_t *header = one_study(f, rows, at, &any);
        at += f->n_samples;
        if (any && !header) {
            d->mixed[d->n_mixed++] = i;
        } else {
            ok = forget_parts(d, f) &&
                keep(d, f, NULL, header, json_get_text(header, "study_uid", ""));
        }
    }
    return ok;
}

static void batch_fini(struct batch *b)
{
    headers_free(b->headers);
    for (size_t i = 0; i < b->n; i++) {
        mem_free(b->files[i].name);
    }
    mem_free(b->files);
    mem_free(b->list);
    *b = (struct batch){.n = 0};
}

static bool batch_add(struct dicom_refresh *d, const char *folder, const char *name)
{
    struct batch *b = &d->batch;
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 512;
        struct found *more = mem_resize(b->files, cap, sizeof *more, d->err);
        if (!more) {
            return false;
        }
        b->files = more;
        b->cap = cap;
    }
    char *path = path_join(folder, name, d->err);
    if (path) {
        b->files[b->n++] = (struct found){.name = path, .kind = "dicom"};
    }
    return path != NULL;
}

/* Samples of the next folders, or all files of the next mixed one; none when all are known. */
static bool batch_fill(struct dicom_refresh *d)
{
    struct batch *b = &d->batch;
    size_t end = d->phase == SAMPLES ? d->folders.n : d->n_mixed;
    bool ok = true;
    b->from = d->next;
    for (; ok && d->next < end && b->n < FILES_AT_ONCE; d->next++) {
        if (d->phase == WHOLE) {
            const char *folder = d->folders.folders[d->mixed[d->next]].name;
            char **names = NULL;
            size_t n = 0;
            ok = dicom_folder_names(d->how.project->root, folder, &names, &n, d->err);
            for (size_t i = 0; ok && i < n; i++) {
                ok = batch_add(d, folder, names[i]);
            }
            dicom_names_free(names, n);
            d->next++;
            break;
        }
        const struct found_folder *f = &d->folders.folders[d->next];
        if (known(d, f)) {
            continue;
        }
        ok = !f->zip || batch_add(d, "", f->name);
        for (size_t i = 0; ok && i < f->n_samples; i++) {
            ok = batch_add(d, f->name, f->samples[i]);
        }
    }
    b->to = d->next;
    return ok;
}

static bool batch_start(struct dicom_refresh *d)
{
    struct batch *b = &d->batch;
    if (!batch_fill(d)) {
        return false;
    }
    if (!b->n) {
        batch_fini(b);
        return true;
    }
    b->list = mem_array(b->n + 1, sizeof *b->list, d->err);
    for (size_t i = 0; b->list && i < b->n; i++) {
        b->list[i] = &b->files[i];
    }
    d->imaging = d->imaging ? d->imaging : home_imaging(d->err);
    b->headers = b->list && d->imaging
        ? headers_start(d->imaging, d->how.project->root, b->list, b->n, d->err)
        : NULL;
    return b->headers != NULL;
}

static bool batch_take(struct dicom_refresh *d)
{
    json_t *rows = headers_take(d->batch.headers, d->err);
    bool ok = rows != NULL;
    if (ok && d->phase == SAMPLES) {
        ok = take_samples(d, rows);
    } else if (ok && d->batch.from < d->n_mixed) {
        ok = keep_parts(d, &d->folders.folders[d->mixed[d->batch.from]], rows, 0,
                        json_array_size(rows));
    }
    json_decref(rows);
    batch_fini(&d->batch);
    return ok;
}

/* A reader is looked at, or the next one started. *ret_over: this phase has nothing more. */
static bool read_some(struct dicom_refresh *d, int wait_ms, bool *ret_over)
{
    size_t read = 0, end = d->phase == SAMPLES ? d->folders.n : d->n_mixed;
    bool done = false;
    if (!d->batch.headers) {
        *ret_over = d->next >= end;
        return *ret_over || batch_start(d);
    }
    if (!headers_step(d->batch.headers, &done, &read, d->err)) {
        return false;
    }
    if (done) {
        return batch_take(d);
    }
    struct pollfd fd = {headers_pidfd(d->batch.headers), POLLIN, 0};
    (void)poll(&fd, fd.fd >= 0, wait_ms);
    return true;
}

static bool send_fresh(struct dicom_refresh *d)
{
    size_t n = json_array_size(d->fresh);
    bool ok = true;
    for (size_t at = 0; ok && at < n; at += ROWS_AT_ONCE) {
        json_t *piece = json_array(), *answer = NULL;
        for (size_t i = at; piece && i < n && i < at + ROWS_AT_ONCE; i++) {
            (void)json_array_append(piece, json_array_get(d->fresh, i));
        }
        json_t *args =
            json_pack("{s:I, s:o}", "project", (json_int_t)d->how.project->id, "dicom", piece);
        if (args) {
            answer = d->how.session ? session_call(d->how.session, "cohort.apply", args, d->err)
                                    : session_once(d->how.home, "cohort.apply", args, d->err);
        }
        ok = answer || (d->err->code == ERR_NONE && no_memory(d));
        json_decref(answer);
        json_decref(args);
    }
    return ok;
}

/* --- studies */

static size_t folder_length(const struct found_folder *f)
{
    const char *slash = strrchr(f->name, '/');
    return !f->zip ? strlen(f->name) : slash ? (size_t)(slash - f->name) : 0;
}

static struct dicom_about about(const struct found_folder *f, const json_t *row)
{
    return (struct dicom_about){.name = f->name,
                                .folder = folder_length(f),
                                .zip = f->zip,
                                .pid = json_get_text(row, "pid", ""),
                                .uid = json_get_text(row, "uid", ""),
                                .date = json_get_text(row, "date", ""),
                                .sdesc = json_get_text(row, "sdesc", "")};
}

static bool make_places(struct dicom_refresh *d)
{
    size_t n = 0, most = d->folders.n;
    const char *name, *uid;
    json_t *parts, *row;
    json_object_foreach(d->parts, name, parts)
    {
        most += json_object_size(parts);
    }
    struct dicom_about *list = mem_array(most + 1, sizeof *list, d->err);
    for (size_t i = 0; list && i < d->folders.n; i++) {
        const struct found_folder *f = &d->folders.folders[i];
        const json_t *own = json_object_get(d->kept, f->name);
        const char *is = json_get_text(own, "uid", "");
        if (*is && strcmp(is, SEVERAL) != 0) {
            list[n++] = about(f, own);
            continue;
        }
        json_object_foreach(*is ? json_object_get(d->parts, f->name) : NULL, uid, row)
        {
            if (part_there(row)) {
                list[n] = about(f, row);
                list[n++].names =
                    f->zip ? NULL : json_object_get(json_object_get(d->members, f->name), uid);
            }
        }
    }
    bool ok = list &&
        dicom_places_make(d->how.project->root, list, n, d->how.warnings, &d->places, d->err);
    mem_free(list);
    return ok;
}

/* --- the whole */

struct dicom_refresh *dicom_refresh_begin(const struct cohort_refresh_args *how,
                                          struct found_list *items, struct err *err)
{
    struct dicom_refresh *d = mem_zero(sizeof *d, err);
    if (!d) {
        return NULL;
    }
    d->how = *how;
    d->items = items;
    d->err = err;
    d->kept = json_object();
    d->parts = json_object();
    d->members = json_object();
    d->fresh = json_array();
    bool ok = (d->kept && d->parts && d->members && d->fresh) || no_memory(d);
    ok = ok && load_kept(d) && load_members(d) &&
        (d->walk = dicom_walk_begin(how->project->root, items, err));
    if (!ok) {
        dicom_refresh_end(d);
        return NULL;
    }
    return d;
}

static bool walk_on(struct dicom_refresh *d)
{
    bool over = false;
    if (!dicom_walk_step(d->walk, &over, d->err)) {
        return false;
    }
    if (over) {
        dicom_walk_take(d->walk, &d->folders);
        d->mixed = mem_array(d->folders.n + 1, sizeof *d->mixed, d->err);
        d->phase = SAMPLES;
    }
    return !over || d->mixed;
}

bool dicom_refresh_step(struct dicom_refresh *d, int64_t for_us, bool *ret_done, struct err *err)
{
    int64_t until = clock_mono_us() + for_us;
    bool ok = true;
    d->err = err;
    do {
        bool over = false;
        if (d->phase == WALK) {
            ok = walk_on(d);
            continue;
        }
        ok = read_some(d, for_us ? (int)(for_us / 1000) : LOOK_MS, &over);
        if (ok && over) {
            d->phase = d->phase == SAMPLES ? WHOLE : DONE;
            d->next = 0;
        }
    } while (ok && d->phase != DONE && (!for_us || clock_mono_us() < until));
    *ret_done = d->phase == DONE;
    return ok && (!*ret_done || (send_fresh(d) && make_places(d)));
}

void dicom_refresh_take(struct dicom_refresh *d, struct dicom_places *ret)
{
    *ret = d->places;
    d->places = (struct dicom_places){.n = 0};
}

void dicom_refresh_end(struct dicom_refresh *d)
{
    if (!d) {
        return;
    }
    batch_fini(&d->batch);
    dicom_walk_end(d->walk);
    dicom_folders_fini(&d->folders);
    dicom_places_fini(&d->places);
    json_decref(d->kept);
    json_decref(d->parts);
    json_decref(d->members);
    json_decref(d->fresh);
    mem_free(d->mixed);
    mem_free(d->imaging);
    mem_free(d);
}
