/*
 * Folders are listed by name only; a slice in a folder that is still being filled counts when the
 * next one is there, or when it reads as a whole TIFF.
 */
#include "steps/look-find.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/tiff-file.h"
#include "image/hdf5-volume.h"
#include "os/file.h"
#include "steps/slices.h"

/* Listings kept: both folders of a few scans that are compared. */
#define LISTS 8
/* A folder that changed this shortly before it was read may change again within the same tick of
 * its clock. */
#define TICK_NS ((int64_t)50 * 1000 * 1000)

struct look_finder {
    struct look_list list[LISTS];
    size_t next; /* the one that is given up next */
};

/* ---- names ---- */

char *look_folder(const struct look_request *q, enum look_kind kind, const char *staging,
                  struct err *err)
{
    char *sub = path_dir(q->name, err);
    char *stem = sub == NULL ? NULL : path_stem(q->name, err);
    const char *below = sub != NULL && strcmp(sub, ".") != 0 ? sub : "";
    const char *slash = below[0] != '\0' ? "/" : "";
    const char *hidden = staging != NULL ? staging : "";
    char *path = NULL;

    if (stem != NULL && kind == LOOK_TRY) {
        path = mem_printf(err, "%s/try_center%s%s/%s%s%s", q->rec, slash, below, stem,
                          staging != NULL ? "/" : "", hidden);
    } else if (stem != NULL) {
        path = mem_printf(err, "%s%s%s%s%s/%s_rec", q->rec, slash, below,
                          staging != NULL ? "/" : "", hidden, stem);
    }
    mem_free(stem);
    mem_free(sub);
    return path;
}

char *look_volume(const struct look_request *q, struct err *err)
{
    char *folder = look_folder(q, LOOK_FULL, NULL, err);
    char *path = folder == NULL ? NULL : mem_printf(err, "%s.h5", folder);

    mem_free(folder);
    return path;
}

char *look_scan_path(const struct look_request *q, struct err *err)
{
    return q->kind == LOOK_FILE ? mem_strdup(q->path, err) : path_join(q->root, q->name, err);
}

/* Is the path, links followed, in the project? When it is not there: is its folder? */
static bool within_project(const struct look_request *q, const char *path)
{
    char real[PATH_MAX];
    char root[PATH_MAX];
    bool there = realpath(path, real) != NULL;
    char *folder = there ? NULL : path_dir(path, err_ignore("then it is outside"));
    bool good = there || (folder != NULL && realpath(folder, real) != NULL);

    mem_free(folder);
    return good &&
        ((realpath(q->root, root) != NULL && path_within(real, root)) ||
         (realpath(q->rec, root) != NULL && path_within(real, root)));
}

bool look_confined(const struct look_request *q, const char *path, struct err *err)
{
    char real[PATH_MAX];

    if (q->kind == LOOK_FILE || realpath(path, real) == NULL || within_project(q, path)) {
        return true;
    }
    return err_set(err, ERR_PERM, "%s: a link that leads out of the project is not followed",
                   q->name);
}

bool look_beside(void *request, const char *path, struct err *err)
{
    const struct look_request *q = request;

    return q->kind == LOOK_FILE || within_project(q, path)
        ? true
        : err_set(err, ERR_PERM, "%s: takes data from outside the project, which is not shown",
                  q->name);
}

/* ---- listings ---- */

static void list_fini(struct look_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->entry[i].name);
    }
    mem_free(list->entry);
    mem_free(list->folder);
    *list = (struct look_list){0};
}

struct look_finder *look_finder_new(struct err *err)
{
    return mem_zero(sizeof(struct look_finder), err);
}

void look_finder_free(struct look_finder *f)
{
    for (size_t i = 0; f != NULL && i < LISTS; i++) {
        list_fini(&f->list[i]);
    }
    mem_free(f);
}

static bool is_tiff(const char *name)
{
    return strcasecmp(path_ext(name), ".tif") == 0 || strcasecmp(path_ext(name), ".tiff") == 0;
}

/* The number between the last underscore and the extension: recon_00063.tiff. */
static bool full_number(const char *name, int64_t *ret)
{
    const char *from = strrchr(name, '_');
    const char *ext = path_ext(name);
    size_t digits = from == NULL ? 0 : strspn(from + 1, "0123456789");
    char text[20];

    if (digits == 0 || digits >= sizeof(text) || from + 1 + digits != ext || name[0] == '.') {
        return false;
    }
    memcpy(text, from + 1, digits);
    text[digits] = '\0';
    return num_int64(text, ret);
}

/* Is it a slice of this kind? Fills number and centre. */
static bool entry_of(const char *name, enum look_kind kind, struct look_entry *ret)
{
    const char *word = strstr(name, "slice");
    long long row = -1;

    if (!is_tiff(name) || name[0] == '.') {
        return false;
    }
    if (kind != LOOK_TRY) {
        return full_number(name, &ret->number);
    }
    if (word == NULL || sscanf(word, "slice%12lld", &row) != 1 || row < 0) {
        row = -1;
    }
    ret->number = row;
    return slices_try_centre(name, &ret->centre) && isfinite(ret->centre);
}

static int by_number(const void *a, const void *b)
{
    const struct look_entry *x = a;
    const struct look_entry *y = b;

    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return (x->centre > y->centre) - (x->centre < y->centre);
}

static bool whole_tiff(const char *folder, const char *name)
{
    char *path = path_join(folder, name, err_ignore("then it is not shown yet"));
    bool good = path != NULL && tiff_check(path, err_ignore("it is being written"));

    mem_free(path);
    return good;
}

static bool list_read(struct look_list *list, enum look_kind kind, struct err *err)
{
    size_t count = 0;
    char **names = file_list(list->folder, &count, err);
    bool good = names != NULL;

    list->entry = good && count > 0 ? mem_array(count, sizeof(*list->entry), err) : NULL;
    good = good && (count == 0 || list->entry != NULL);
    for (size_t i = 0; good && i < count; i++) {
        struct look_entry e = {NULL, 0, 0};

        if (!entry_of(names[i], kind, &e)) {
            continue;
        }
        e.name = mem_strdup(names[i], err);
        good = e.name != NULL;
        if (good) {
            list->entry[list->count++] = e;
        }
    }
    file_list_free(names);
    if (!good || list->entry == NULL || list->count == 0) {
        return good;
    }
    qsort(list->entry, list->count, sizeof(*list->entry), by_number);
    if (list->growing && !whole_tiff(list->folder, list->entry[list->count - 1].name)) {
        mem_free(list->entry[--list->count].name);
    }
    return good;
}

/* The listing of a folder, read again when it changed; takes `folder`. NULL without err->code when
 * there is no such folder or nothing in it. */
static struct look_list *list_of(struct look_finder *f, char *folder, enum look_kind kind,
                                 bool growing, struct err *err)
{
    struct look_list *list = NULL;
    struct stat st;
    int64_t mtime;

    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
        mem_free(folder);
        return NULL;
    }
    mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    for (size_t i = 0; i < LISTS && list == NULL; i++) {
        list = f->list[i].folder != NULL && strcmp(f->list[i].folder, folder) == 0 ? &f->list[i]
                                                                                   : NULL;
    }
    if (list != NULL && list->seen.device == st.st_dev && list->seen.inode == st.st_ino &&
        list->seen.mtime_ns == mtime && list->seen.read_ns > mtime + TICK_NS) {
        mem_free(folder);
        return list->count > 0 ? list : NULL;
    }
    list = list != NULL ? list : &f->list[f->next++ % LISTS];
    list_fini(list);
    list->folder = folder;
    list->growing = growing;
    list->seen.device = st.st_dev;
    list->seen.inode = st.st_ino;
    list->seen.mtime_ns = mtime;
    list->seen.read_ns = clock_utc_us() * 1000;
    if (!list_read(list, kind, err)) {
        list_fini(list);
        return NULL;
    }
    return list->count > 0 ? list : NULL;
}

const struct look_list *look_finder_list(struct look_finder *f, const struct look_request *q,
                                         enum look_kind kind, struct err *err)
{
    const struct look_list *found = NULL;
    struct err failed = {ERR_NONE, ""};
    char *folder;
    size_t i;
    const json_t *name;

    if (kind == LOOK_FULL) {
        json_array_foreach(q->staging, i, name)
        {
            folder = look_folder(q, kind, json_string_value(name), &failed);
            found =
                folder == NULL || found != NULL ? found : list_of(f, folder, kind, true, &failed);
        }
    }
    if (found == NULL && failed.code == ERR_NONE) {
        folder = look_folder(q, kind, NULL, &failed);
        found = folder == NULL ? NULL : list_of(f, folder, kind, false, &failed);
    }
    if (found == NULL && failed.code == ERR_NONE) {
        err_set(&failed, ERR_NOTHING, "%s: there are no %s slices yet", q->name,
                kind == LOOK_TRY ? "try" : "full");
    }
    if (found == NULL) {
        *err = failed;
    }
    return found;
}

/* ---- one slice ---- */

double look_best_centre(const struct look_request *q)
{
    struct err *quiet = err_ignore("then there is no best centre");
    char *folder = look_folder(q, LOOK_TRY, NULL, quiet);
    char *path = folder == NULL ? NULL : path_join(folder, "center_of_rotation.txt", quiet);
    char *text = path == NULL ? NULL : file_read(path, 65536, NULL, quiet);
    double centre = NAN;

    if (text != NULL) {
        size_t end = strlen(text);
        size_t from;

        while (end > 0 && strchr(" \t\r\n", text[end - 1]) != NULL) {
            text[--end] = '\0';
        }
        from = end;
        while (from > 0 && strchr(" \t\r\n", text[from - 1]) == NULL) {
            from--;
        }
        if (!num_double(text + from, &centre)) {
            centre = NAN;
        }
    }
    mem_free(text);
    mem_free(path);
    mem_free(folder);
    return centre;
}

/* The row that is shown when none is named: the middle one of those there are. */
static int64_t usual_row(const struct look_list *list)
{
    return list->entry[list->count / 2].number;
}

static bool find_try(struct look_finder *f, const struct look_request *q, struct look_place *ret,
                     struct err *err)
{
    const struct look_list *list = look_finder_list(f, q, LOOK_TRY, err);
    double want = isfinite(q->centre) ? q->centre : look_best_centre(q);
    size_t best = SIZE_MAX;
    size_t first = SIZE_MAX;
    size_t count = 0;
    int64_t row;

    if (list == NULL) {
        return false;
    }
    row = q->row == LOOK_ANY ? usual_row(list) : q->row;
    for (size_t i = 0; i < list->count; i++) {
        if (list->entry[i].number != row) {
            continue;
        }
        first = count++ == 0 ? i : first;
        if (isfinite(want) &&
            (best == SIZE_MAX ||
             fabs(list->entry[i].centre - want) < fabs(list->entry[best].centre - want))) {
            best = i;
        }
    }
    if (count == 0) {
        return err_set(err, ERR_NOTHING, "%s: there are no try slices of row %lld", q->name,
                       (long long)row);
    }
    best = best == SIZE_MAX ? first + count / 2 : best;
    ret->centre = list->entry[best].centre;
    ret->row = row;
    ret->next[0] = best > first ? list->entry[best - 1].centre : NAN;
    ret->next[1] = best + 1 < first + count ? list->entry[best + 1].centre : NAN;
    ret->path = path_join(list->folder, list->entry[best].name, err);
    return ret->path != NULL;
}

static bool find_in_list(const struct look_list *list, const struct look_request *q,
                         struct look_place *ret, struct err *err)
{
    size_t low = 0;
    size_t high = list->count;
    int64_t last = list->entry[list->count - 1].number;

    if (q->index == LOOK_ANY) {
        low = list->count / 2;
    }
    while (q->index != LOOK_ANY && low < high) {
        size_t middle = low + (high - low) / 2;

        if (list->entry[middle].number < q->index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low >= list->count || (q->index != LOOK_ANY && list->entry[low].number != q->index)) {
        return err_set(err, ERR_NOTHING, "%s: slice %lld is not there%s (slices %lld to %lld are)",
                       q->name, (long long)q->index, list->growing ? " yet" : "",
                       (long long)list->entry[0].number, (long long)last);
    }
    ret->index = list->entry[low].number;
    ret->growing = list->growing;
    ret->path = path_join(list->folder, list->entry[low].name, err);
    return ret->path != NULL;
}

static int64_t mtime_of(const char *path)
{
    struct stat st;

    return path != NULL && stat(path, &st) == 0
        ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec
        : -1;
}

/* The volume that a running attempt is filling, once it has a slice. */
static char *growing_volume(const struct look_request *q)
{
    struct err *quiet = err_ignore("then it is not shown yet");
    char *found = NULL;
    const json_t *name;
    size_t i;

    json_array_foreach(q->staging, i, name)
    {
        struct hdf5_volume_info info;
        char *folder = look_folder(q, LOOK_FULL, json_string_value(name), quiet);
        char *path = folder == NULL ? NULL : mem_printf(quiet, "%s.h5", folder);

        if (found == NULL && path != NULL && hdf5_volume_look(path, &info, quiet) &&
            info.done > 0) {
            found = path;
            path = NULL;
        }
        mem_free(path);
        mem_free(folder);
    }
    return found;
}

static bool find_full(struct look_finder *f, const struct look_request *q, struct look_place *ret,
                      struct err *err)
{
    struct err none = {ERR_NONE, ""};
    const struct look_list *list = look_finder_list(f, q, LOOK_FULL, &none);
    char *staged = growing_volume(q);
    char *volume = staged != NULL ? staged : look_volume(q, err);
    int64_t made = mtime_of(volume);

    if (volume == NULL) {
        return false;
    }
    ret->growing = staged != NULL;
    /* Of a folder and a volume the newer one is meant; a running attempt is newer than both. */
    if (staged != NULL ||
        (made >= 0 && (list == NULL || (!list->growing && made > mtime_of(list->folder))))) {
        ret->path = volume;
        ret->volume = true;
        ret->index = q->index;
        return true;
    }
    mem_free(volume);
    if (list == NULL) {
        *err = none;
        return false;
    }
    return find_in_list(list, q, ret, err);
}

bool look_find(struct look_finder *f, const struct look_request *q, struct look_place *ret,
               struct err *err)
{
    bool good = true;

    *ret = (struct look_place){.index = LOOK_ANY, .row = -1, .centre = NAN, .next = {NAN, NAN}};
    switch (q->kind) {
    case LOOK_TRY:
        good = find_try(f, q, ret, err);
        break;
    case LOOK_FULL:
        good = find_full(f, q, ret, err);
        break;
    case LOOK_FILE:
        ret->volume = !is_tiff(q->path);
        ret->path = mem_strdup(q->path, err);
        ret->index = q->index;
        break;
    default:
        ret->scan = true;
        ret->path = look_scan_path(q, err);
        ret->index = q->index;
        break;
    }
    return good && ret->path != NULL && look_confined(q, ret->path, err);
}

void look_place_fini(struct look_place *p)
{
    mem_free(p->path);
    p->path = NULL;
}
