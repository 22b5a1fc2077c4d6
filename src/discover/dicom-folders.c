/* Names only: no file is opened, none but the folders themselves are asked for their times. */
#include "discover/dicom-folders.h"

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
#include "discover/walk-own.h"
#include "discover/walk.h"

/* As in walk.c: more is a loop of bind mounts. */
#define DEPTH_MAX 48

struct gather {
    struct walk w;
    struct found_folders list;
    size_t cap;
};

/* DICOM files are called anything, but not these. */
bool dicom_may_be(const char *name)
{
    static const char *const others[] = {".json", ".txt", ".csv",  ".tsv",  ".xml",  ".pdf",
                                         ".png",  ".jpg", ".html", ".bval", ".bvec", ".mat",
                                         ".log",  ".py",  ".sh",   ".md",   ".gz",   ".xlsx"};
    const char *ext = path_ext(name);
    bool other = name[0] == '.' || walk_kind(name) || !strcasecmp(name, "DICOMDIR");
    for (size_t i = 0; !other && i < sizeof others / sizeof *others; i++) {
        other = !strcasecmp(ext, others[i]);
    }
    return !other;
}

/* The first and the last by name. */
static bool sample(struct found_folder *f, const char *name, struct err *err)
{
    for (int i = 0; i < 2; i++) {
        int order = f->samples[i] ? strcmp(name, f->samples[i]) : i ? 1 : -1;
        if (i ? order > 0 : order < 0) {
            char *copy = mem_strdup(name, err);
            if (!copy) {
                return false;
            }
            mem_free(f->samples[i]);
            f->samples[i] = copy;
        }
    }
    return true;
}

/* Takes what `f` holds. */
static bool push(struct gather *g, struct found_folder *f)
{
    if (g->list.n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 64;
        struct found_folder *more = mem_resize(g->list.folders, cap, sizeof *more, g->w.err);
        if (!more) {
            return false;
        }
        g->list.folders = more;
        g->cap = cap;
    }
    g->list.folders[g->list.n++] = *f;
    *f = (struct found_folder){.name = NULL};
    return true;
}

static void folder_fini(struct found_folder *f)
{
    mem_free(f->name);
    mem_free(f->samples[0]);
    mem_free(f->samples[1]);
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

/* Owns `fd`. NOLINTNEXTLINE(misc-no-recursion): the depth is bounded. */
static bool visit(struct gather *g, int fd, const char *path, int depth)
{
    struct found_folder f = {.name = mem_strdup(path, g->w.err)};
    struct stat st;
    bool ok = f.name != NULL;
    DIR *dir = ok ? fdopendir(fd) : NULL;
    if (!dir) {
        int reason = errno;
        (void)close(fd);
        folder_fini(&f);
        return ok && walk_note_unread(&g->w, path, reason);
    }
    if (fstat(fd, &st) == 0) {
        f.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
    struct dirent *e = NULL;
    while (ok && (e = readdir(dir))) {
        unsigned char type = walk_type(fd, e);
        bool folder = type == DT_DIR;
        const char *kind = folder ? NULL : walk_kind(e->d_name);
        if (kind && walk_container(kind) && str_utf8(e->d_name)) {
            ok = walk_file(&g->w, fd, path, e->d_name, type == DT_LNK);
            continue;
        }
        if ((folder ? walk_skips_folder(e->d_name) : !dicom_may_be(e->d_name)) ||
            !str_utf8(e->d_name)) {
            continue; /* the walk over the studies tells of names that are no text */
        }
        if (folder) {
            ok = depth >= DEPTH_MAX || go_down(g, fd, path, e->d_name, depth);
        } else if (type == DT_REG) {
            ok = sample(&f, e->d_name, g->w.err);
        }
    }
    (void)closedir(dir);
    ok = ok && (!f.samples[0] || push(g, &f));
    folder_fini(&f);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found_folder *)a)->name, ((const struct found_folder *)b)->name);
}

bool dicom_folders(const char *root, struct found_list *items, struct found_folders *ret,
                   struct err *err)
{
    struct gather g = {.w = {.root = root, .list = items, .err = err}};
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, errno, "cannot read the folder '%s'", root);
    }
    if (!visit(&g, fd, "", 0)) {
        dicom_folders_fini(&g.list);
        return false;
    }
    if (g.list.n > 1) {
        qsort(g.list.folders, g.list.n, sizeof *g.list.folders, by_name);
    }
    *ret = g.list;
    return true;
}

void dicom_folders_fini(struct found_folders *f)
{
    for (size_t i = 0; i < f->n; i++) {
        folder_fini(&f->folders[i]);
    }
    mem_free(f->folders);
    *f = (struct found_folders){.n = 0};
}
