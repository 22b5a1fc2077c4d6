/* One recursion by descriptor, as in walk.c; one fstatat a file, no file is opened. */
#include "discover/series-walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "discover/dicom-folders.h"
#include "discover/walk-own.h"
#include "discover/walk.h"

/* As in walk.c: more is a loop of bind mounts. */
#define DEPTH_MAX 48

struct gather {
    struct walk w;
    struct series_units units;
};

static int64_t mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool push(struct gather *g, const char *path, const char *kind, int64_t size, int64_t mtime)
{
    struct series_units *u = &g->units;
    if (u->n == u->cap) {
        size_t cap = u->cap ? u->cap * 2 : 256;
        struct series_unit *more = mem_resize(u->list, cap, sizeof *more, g->w.err);
        if (!more) {
            return false;
        }
        u->list = more;
        u->cap = cap;
    }
    char *own = mem_strdup(*path ? path : ".", g->w.err);
    if (own) {
        u->list[u->n++] = (struct series_unit){own, kind, size, mtime};
    }
    return own != NULL;
}

static bool made_of_images(const char *name)
{
    static const char *const names[] = {"derivatives", "labelsTr", "labelsTs"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* "nifti", "file", "" (may be one of a folder's DICOM files) or NULL. */
static const char *kind_of(const char *name)
{
    const char *kind = walk_kind(name);
    if (kind) {
        return !strcmp(kind, "nifti") ? kind : !strcmp(kind, "dicom-zip") ? "file" : NULL;
    }
    return dicom_may_be(name) ? "" : NULL;
}

/* A file of an open folder; what may be DICOM adds to `own`, the folder's unit. */
static bool take_file(struct gather *g, int dir, const char *folder, const char *base, bool link,
                      struct series_unit *own)
{
    struct stat st;
    const char *kind = kind_of(base);
    if (!kind || fstatat(dir, base, &st, 0) != 0 || !S_ISREG(st.st_mode)) {
        return true;
    }
    char *name = path_join(folder, base, g->w.err);
    bool ok = name != NULL, inside = ok && (!link || walk_link_inside(&g->w, name));
    if (ok && !inside) {
        ok = !*kind ||
            walk_leave_out(&g->w, folder, base, kind, true,
                           "a link that leads out of the folder, or nowhere: put the file there");
    } else if (ok && *kind) {
        ok = push(g, name, kind, st.st_size, mtime_ns(&st));
    } else if (ok) {
        own->kind = "folder";
        own->size += st.st_size;
        own->mtime_ns = mtime_ns(&st) > own->mtime_ns ? mtime_ns(&st) : own->mtime_ns;
    }
    mem_free(name);
    return ok;
}

static bool visit(struct gather *g, int fd, const char *path, int depth);

static bool go_down(struct gather *g, int dir, const char *path, const char *name, int depth)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), reason = errno;
    char *whole = path_join(path, name, g->w.err);
    bool ok =
        whole && (fd < 0 ? walk_note_unread(&g->w, whole, reason) : visit(g, fd, whole, depth + 1));
    if (!whole && fd >= 0) {
        (void)close(fd);
    }
    mem_free(whole);
    return ok;
}

static bool entry(struct gather *g, int dir, const char *path, const struct dirent *e, int depth,
                  struct series_unit *own)
{
    unsigned char type = walk_type(dir, e);
    bool folder = type == DT_DIR;
    if (folder ? walk_skips_folder(e->d_name) || made_of_images(e->d_name)
               : !kind_of(e->d_name) || e->d_name[0] == '.') {
        return true;
    }
    if (!str_utf8(e->d_name)) {
        return walk_leave_bad_name(&g->w, path, e->d_name, folder ? NULL : "nifti");
    }
    if (folder) {
        return depth >= DEPTH_MAX || go_down(g, dir, path, e->d_name, depth);
    }
    return (type != DT_REG && type != DT_LNK) ||
        take_file(g, dir, path, e->d_name, type == DT_LNK, own);
}

/* Owns `fd`. NOLINTNEXTLINE(misc-no-recursion): the depth is bounded. */
static bool visit(struct gather *g, int fd, const char *path, int depth)
{
    struct series_unit own = {.kind = NULL};
    struct dirent *e = NULL;
    bool ok = true;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int reason = errno;
        (void)close(fd);
        return walk_note_unread(&g->w, path, reason);
    }
    for (errno = 0; ok && (e = readdir(dir)); errno = 0) {
        ok = entry(g, fd, path, e, depth, &own);
    }
    if (ok && errno) {
        ok = walk_note_unread(&g->w, path, errno);
    }
    (void)closedir(dir);
    return ok && (!own.kind || push(g, path, own.kind, own.size, own.mtime_ns));
}

/* What a person named: taken whatever it is called. */
static bool place(struct gather *g, const char *name)
{
    struct stat st;
    const char *below = !strcmp(name, ".") ? "" : name;
    char *path = path_join(g->w.root, below, g->w.err);
    bool ok = path != NULL;
    if (ok && stat(path, &st) != 0) {
        ok = walk_note_unread(&g->w, below, errno);
    } else if (ok && S_ISDIR(st.st_mode)) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ok = fd < 0 ? walk_note_unread(&g->w, below, errno) : visit(g, fd, below, 0);
    } else if (ok && S_ISREG(st.st_mode)) {
        const char *kind = walk_kind(below);
        ok = push(g, below, kind && !strcmp(kind, "nifti") ? kind : "file", st.st_size,
                  mtime_ns(&st));
    }
    mem_free(path);
    return ok;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct series_unit *)a)->path, ((const struct series_unit *)b)->path);
}

/* Places may overlap. */
static void each_once(struct series_units *u)
{
    size_t kept = 0;
    if (u->n > 1) {
        qsort(u->list, u->n, sizeof *u->list, by_path);
    }
    for (size_t i = 0; i < u->n; i++) {
        if (kept && !strcmp(u->list[kept - 1].path, u->list[i].path)) {
            mem_free(u->list[i].path);
        } else {
            u->list[kept++] = u->list[i];
        }
    }
    u->n = kept;
}

bool series_walk(const char *root, const char *const *places, size_t n, struct series_units *ret,
                 struct err *err)
{
    struct gather g = {.w = {.root = root, .err = err}};
    bool ok = true;
    g.w.list = &g.units.troubles;
    for (size_t i = 0; ok && i < n; i++) {
        ok = place(&g, places[i]);
    }
    if (!ok) {
        series_units_fini(&g.units);
        return false;
    }
    each_once(&g.units);
    *ret = g.units;
    return true;
}

void series_units_fini(struct series_units *u)
{
    for (size_t i = 0; i < u->n; i++) {
        mem_free(u->list[i].path);
    }
    mem_free(u->list);
    found_list_fini(&u->troubles);
    *u = (struct series_units){.n = 0};
}
