/* Folders, then their headers, then the studies that these make. */
#include "engine/refresh-dicom.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "discover/dicom-folders.h"
#include "engine/headers.h"
#include "engine/home.h"
#include "engine/session.h"
#include "store/store.h"

/* Rows of one operation. */
#define ROWS_AT_ONCE 2000
#define STEP_MS 20
/* Folders that are named as trouble; with more of them something else is wrong. */
#define TOLD_MAX 20

struct about {
    const char *name; /* the folder's */
    const char *pid, *uid, *date, *sdesc;
};

struct dicom_scan {
    const struct cohort_refresh_args *how;
    struct found_folders folders;
    json_t *kept;         /* folder -> row of dicom_folder */
    json_t *fresh;        /* rows to be kept */
    struct about *names;  /* the folders with DICOM, by name */
    struct about *abouts; /* the same by study */
    size_t n, told;
    struct err *err;
};

static bool warn(struct dicom_scan *d, const char *folder, const char *what)
{
    char text[600];
    if (d->told++ >= TOLD_MAX) {
        return true;
    }
    (void)snprintf(text, sizeof text, "%.300s: %s", *folder ? folder : "the project's own folder",
                   what);
    return json_array_append_new(d->how->warnings, json_string(text)) == 0 ||
        err_set(d->err, ERR_NOMEM, "out of memory");
}

/* --- headers */

static bool load_kept(struct dicom_scan *d)
{
    json_t *rows = store_rows(d->how->store, d->err,
                              "SELECT name,mtime_ns,pid,uid,date,sdesc FROM dicom_folder WHERE "
                              "project_id=?1",
                              "i", d->how->project->id),
           *row;
    size_t i;
    d->kept = rows ? json_object() : NULL;
    bool ok = d->kept != NULL;
    json_array_foreach(rows, i, row)
    {
        ok = ok && json_object_set(d->kept, json_get_text(row, "name", ""), row) == 0;
    }
    json_decref(rows);
    return ok;
}

static bool known(const struct dicom_scan *d, const struct found_folder *f)
{
    const json_t *row = json_object_get(d->kept, f->name);
    return row && json_get_int(row, "mtime_ns", -1) == f->mtime_ns;
}

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

/* What two files of a folder said. */
static bool keep(struct dicom_scan *d, const struct found_folder *f, const json_t *one,
                 const json_t *other)
{
    const char *uid = json_get_text(one, "study_uid", ""),
               *last = json_get_text(other, "study_uid", "");
    const json_t *from = *uid ? one : other;
    const char *pid = json_get_text(from, "patient_id", "");
    char date[11];
    iso_date(json_get_text(from, "date", ""), date);
    json_t *row =
        json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}", "name", f->name, "mtime_ns",
                  (json_int_t)f->mtime_ns, "pid", *pid ? pid : "unknown", "uid", *uid ? uid : last,
                  "date", date, "sdesc", json_get_text(from, "study_description", ""));
    bool ok =
        row && json_array_append(d->fresh, row) == 0 && json_object_set(d->kept, f->name, row) == 0;
    json_decref(row);
    if (!ok) {
        return err_set(d->err, ERR_NOMEM, "out of memory");
    }
    return !*uid || !*last || !strcmp(uid, last) ||
        warn(d, f->name,
             "files of several DICOM studies in one folder; it counts as its first "
             "file's");
}

/* Two headers of each new folder are soon read. The host's loop does not turn meanwhile: a watch
 * calls from within it. */
static bool wait_for(struct dicom_scan *d, struct headers *h)
{
    bool done = false, ok = true;
    size_t read = 0;
    while (ok && !done) {
        ok = headers_step(h, &done, &read, d->err);
        struct pollfd fd = {headers_pidfd(h), POLLIN, 0};
        if (ok && !done) {
            (void)poll(&fd, fd.fd >= 0, STEP_MS);
        }
    }
    return ok;
}

/* Two files of each folder that is new or has changed. */
static bool read_samples(struct dicom_scan *d, const struct found **list, size_t n)
{
    char *imaging = home_imaging(d->err);
    struct headers *h =
        imaging ? headers_start(imaging, d->how->project->root, list, n, d->err) : NULL;
    json_t *rows = h && wait_for(d, h) ? headers_take(h, d->err) : NULL;
    bool ok = rows != NULL;
    for (size_t i = 0, at = 0; ok && i < d->folders.n; i++) {
        const struct found_folder *f = &d->folders.folders[i];
        if (!known(d, f)) {
            ok = keep(d, f, json_object_get(json_array_get(rows, at), "header"),
                      json_object_get(json_array_get(rows, at + 1), "header"));
            at += 2;
        }
    }
    json_decref(rows);
    headers_free(h);
    mem_free(imaging);
    return ok;
}

static bool read_new(struct dicom_scan *d)
{
    struct found *files = mem_array(2 * d->folders.n + 1, sizeof *files, d->err);
    const struct found **list = mem_array(2 * d->folders.n + 1, sizeof *list, d->err);
    size_t n = 0;
    bool ok = files && list;
    for (size_t i = 0; ok && i < d->folders.n; i++) {
        const struct found_folder *f = &d->folders.folders[i];
        for (int k = 0; ok && k < 2 && !known(d, f); k++) {
            files[n] =
                (struct found){.name = path_join(f->name, f->samples[k], d->err), .kind = "dicom"};
            ok = files[n].name != NULL;
            list[n] = &files[n];
            n += ok;
        }
    }
    ok = ok && (!n || read_samples(d, list, n));
    for (size_t i = 0; i < n; i++) {
        mem_free(files[i].name);
    }
    mem_free(list);
    mem_free(files);
    return ok;
}

static bool send_fresh(struct dicom_scan *d)
{
    size_t n = json_array_size(d->fresh);
    bool ok = true;
    for (size_t at = 0; ok && at < n; at += ROWS_AT_ONCE) {
        json_t *piece = json_array(), *answer = NULL;
        for (size_t i = at; piece && i < n && i < at + ROWS_AT_ONCE; i++) {
            (void)json_array_append(piece, json_array_get(d->fresh, i));
        }
        json_t *args =
            json_pack("{s:I, s:o}", "project", (json_int_t)d->how->project->id, "dicom", piece);
        if (args) {
            answer = d->how->session ? session_call(d->how->session, "cohort.apply", args, d->err)
                                     : session_once(d->how->home, "cohort.apply", args, d->err);
        }
        ok = answer != NULL;
        json_decref(answer);
        json_decref(args);
    }
    return ok;
}

/* --- studies */

static bool gather(struct dicom_scan *d)
{
    d->abouts = mem_array(d->folders.n + 1, sizeof *d->abouts, d->err);
    for (size_t i = 0; d->abouts && i < d->folders.n; i++) {
        const char *name = d->folders.folders[i].name;
        const json_t *row = json_object_get(d->kept, name);
        const char *uid = json_get_text(row, "uid", "");
        if (*uid) {
            d->abouts[d->n++] = (struct about){
                .name = name,
                .uid = uid,
                .pid = json_get_text(row, "pid", ""),
                .date = json_get_text(row, "date", ""),
                .sdesc = json_get_text(row, "sdesc", ""),
            };
        }
    }
    d->names = d->abouts ? mem_array(d->n + 1, sizeof *d->names, d->err) : NULL;
    if (d->names) {
        memcpy(d->names, d->abouts, d->n * sizeof *d->names);
    }
    return d->names != NULL;
}

static int by_study(const void *a, const void *b)
{
    const struct about *x = a, *y = b;
    int order = strcmp(x->uid, y->uid);
    return order ? order : strcmp(x->name, y->name);
}

/* How much of `name` is the deepest folder that holds both. */
static size_t common(const char *name, size_t length, const char *other)
{
    size_t shared = 0;
    for (size_t i = 0; i <= length; i++) {
        bool end = i == length, other_end = !other[i] || other[i] == '/';
        if ((end || name[i] == '/') && other_end) {
            shared = i;
        }
        if (end || name[i] != other[i]) {
            break;
        }
    }
    return shared;
}

/* Does the folder, of which `length` bytes of `name` are the path, hold another study? Names that
 * begin so follow each other; a few that are no folders of it may lie between ("a b" stands between
 * "a" and "a/c"). */
static bool shared(const struct dicom_scan *d, const char *name, size_t length, const char *uid)
{
    size_t low = 0, high = d->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strncmp(d->names[middle].name, name, length) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < d->n && !strncmp(d->names[low].name, name, length) &&
         (unsigned char)d->names[low].name[length] <= '/';
         low++) {
        char next = d->names[low].name[length];
        if ((!next || next == '/') && strcmp(d->names[low].uid, uid) != 0) {
            return true;
        }
    }
    return false;
}

static bool add_place(struct dicom_scan *d, const struct about *a, size_t length,
                      struct dicom_places *ret)
{
    struct found_place *p = &ret->list[ret->n++];
    p->name = mem_strndup(a->name, length, d->err);
    p->pid = p->name ? mem_strdup(a->pid, d->err) : NULL;
    p->sid = p->pid ? mem_strdup(a->uid, d->err) : NULL;
    p->date = p->sid ? mem_strdup(a->date, d->err) : NULL;
    p->sdesc = p->date ? mem_strdup(a->sdesc, d->err) : NULL;
    return p->sdesc != NULL;
}

/* The folders a[0..n) are one study's. */
static bool place_study(struct dicom_scan *d, const struct about *a, size_t n,
                        struct dicom_places *ret)
{
    size_t length = strlen(a->name);
    for (size_t i = 1; i < n; i++) {
        length = common(a->name, length, a[i].name);
    }
    if (length && !shared(d, a->name, length, a->uid)) {
        return add_place(d, a, length, ret);
    }
    size_t alone = strlen(a->name);
    alone = shared(d, a->name, alone, a->uid) ? 0 : alone;
    return warn(d, a->name,
                alone ? "series of one DICOM study lie beside those of others; only this folder is "
                        "taken: give each study a folder of its own"
                      : "DICOM files that lie in no folder of their own are not taken: give each "
                        "study a folder") &&
        (!alone || add_place(d, a, alone, ret));
}

static int by_place(const void *a, const void *b)
{
    return strcmp(((const struct found_place *)a)->name, ((const struct found_place *)b)->name);
}

static bool make_places(struct dicom_scan *d, struct dicom_places *ret)
{
    bool ok = true;
    ret->list = mem_array(d->n + 1, sizeof *ret->list, d->err);
    if (!ret->list) {
        return false;
    }
    qsort(d->abouts, d->n, sizeof *d->abouts, by_study);
    for (size_t i = 0, n = 1; ok && i < d->n; i += n) {
        for (n = 1; i + n < d->n && !strcmp(d->abouts[i].uid, d->abouts[i + n].uid); n++) {
        }
        ok = place_study(d, &d->abouts[i], n, ret);
    }
    if (ok) {
        qsort(ret->list, ret->n, sizeof *ret->list, by_place);
    }
    return ok;
}

bool dicom_places_find(const struct cohort_refresh_args *how, struct found_list *items,
                       struct dicom_places *ret, struct err *err)
{
    struct dicom_scan d = {.how = how, .fresh = json_array(), .err = err};
    struct dicom_places places = {.n = 0};
    bool ok = (d.fresh || err_set(err, ERR_NOMEM, "out of memory")) &&
        dicom_folders(how->project->root, items, &d.folders, err) && load_kept(&d) &&
        read_new(&d) && send_fresh(&d) && gather(&d) && make_places(&d, &places);
    mem_free(d.names);
    mem_free(d.abouts);
    json_decref(d.fresh);
    json_decref(d.kept);
    dicom_folders_fini(&d.folders);
    if (!ok) {
        dicom_places_fini(&places);
        return false;
    }
    *ret = places;
    return true;
}

void dicom_places_fini(struct dicom_places *p)
{
    for (size_t i = 0; i < p->n; i++) {
        mem_free(p->list[i].name);
        mem_free(p->list[i].pid);
        mem_free(p->list[i].sid);
        mem_free(p->list[i].date);
        mem_free(p->list[i].sdesc);
    }
    mem_free(p->list);
    *p = (struct dicom_places){.n = 0};
}
