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

struct names {
    char **list;
    size_t n, cap;
};
struct dicom_walk {
    struct walk w;
    struct found_folders list;
    size_t cap;
    struct names todo; /* folders not yet looked at, the next one last */
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

static bool add_name(struct names *l, char *name, struct err *err)
{
    if (name && l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        char **more = mem_resize(l->list, cap, sizeof *more, err);
        if (!more) {
            mem_free(name);
            return false;
        }
        l->list = more;
        l->cap = cap;
    }
    if (name) {
        l->list[l->n++] = name;
    }
    return name != NULL;
}

void dicom_names_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(names[i]);
    }
    mem_free(names);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_names(struct names *l)
{
    if (l->n > 1) {
        qsort(l->list, l->n, sizeof *l->list, by_text);
    }
}

static void folder_fini(struct found_folder *f)
{
    mem_free(f->name);
    dicom_names_free(f->samples, f->n_samples);
    *f = (struct found_folder){.name = NULL};
}

/* Some of the names, evenly spread, with the first and the last. */
static bool take_samples(struct found_folder *f, struct names *all, struct err *err)
{
    size_t n = all->n < FOUND_SAMPLES ? all->n : FOUND_SAMPLES;
    sort_names(all);
    f->samples = mem_array(n + 1, sizeof *f->samples, err);
    for (size_t i = 0; f->samples && i < n; i++) {
        size_t at = n > 1 ? i * (all->n - 1) / (n - 1) : 0;
        f->samples[f->n_samples++] = all->list[at];
        all->list[at] = NULL;
    }
    return f->samples != NULL;
}

/* Takes what `f` holds. */
static bool push(struct dicom_walk *g, struct found_folder *f)
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

static int64_t mtime_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* An acquisition or an archive; a ZIP may hold DICOM. */
static bool container(struct dicom_walk *g, int dir, const char *folder, const char *name,
                      const char *kind, bool link)
{
    struct found_folder f = {.zip = true};
    struct stat st;
    if (!walk_file(&g->w, dir, folder, name, link)) {
        return false;
    }
    if (link || strcmp(kind, "dicom-zip") != 0 ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return true;
    }
    f.mtime_ns = mtime_of(&st);
    f.name = path_join(folder, name, g->w.err);
    bool ok = f.name && push(g, &f);
    folder_fini(&f);
    return ok;
}

/* One entry of a folder: what is below goes to the list of what is to be looked at. */
static bool entry(struct dicom_walk *g, int dir, const char *folder, const struct dirent *e,
                  struct names *files)
{
    unsigned char type = walk_type(dir, e);
    bool below = type == DT_DIR;
    const char *kind = below ? NULL : walk_kind(e->d_name);
    if (kind && walk_container(kind) && str_utf8(e->d_name)) {
        return container(g, dir, folder, e->d_name, kind, type == DT_LNK);
    }
    if ((below ? walk_skips_folder(e->d_name) : !dicom_may_be(e->d_name)) || !str_utf8(e->d_name)) {
        return true; /* the walk over the studies tells of names that are no text */
    }
    if (below) {
        size_t depth = 0;
        for (const char *c = folder; *c; c++) {
            depth += *c == '/';
        }
        return depth >= DEPTH_MAX ||
            add_name(&g->todo, path_join(folder, e->d_name, g->w.err), g->w.err);
    }
    return type != DT_REG || add_name(files, mem_strdup(e->d_name, g->w.err), g->w.err);
}

/* Takes `folder`. */
static bool look_at(struct dicom_walk *g, char *folder)
{
    struct found_folder f = {.name = folder};
    struct names files = {NULL, 0, 0};
    struct stat st;
    char *path = path_join(g->w.root, folder, g->w.err);
    int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    int reason = errno;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    bool ok = path && (dir || walk_note_unread(&g->w, folder, reason));
    if (!dir && fd >= 0) {
        (void)close(fd);
    }
    if (dir && fstat(fd, &st) == 0) {
        f.mtime_ns = mtime_of(&st);
    }
    struct dirent *e = NULL;
    while (ok && dir && (e = readdir(dir))) {
        ok = entry(g, fd, folder, e, &files);
    }
    if (dir) {
        (void)closedir(dir);
    }
    ok = ok && (!files.n || (take_samples(&f, &files, g->w.err) && push(g, &f)));
    dicom_names_free(files.list, files.n);
    folder_fini(&f);
    mem_free(path);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found_folder *)a)->name, ((const struct found_folder *)b)->name);
}

struct dicom_walk *dicom_walk_begin(const char *root, struct found_list *items, struct err *err)
{
    struct dicom_walk *w = mem_zero(sizeof *w, err);
    int fd = w ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (w && fd < 0) {
        (void)err_errno(err, errno, "cannot read the folder '%s'", root);
    }
    if (fd >= 0) {
        (void)close(fd);
        w->w = (struct walk){.root = root, .list = items, .err = err};
    }
    if (fd < 0 || !add_name(&w->todo, mem_strdup("", err), err)) {
        dicom_walk_end(w);
        return NULL;
    }
    return w;
}

bool dicom_walk_step(struct dicom_walk *w, bool *ret_done, struct err *err)
{
    w->w.err = err;
    *ret_done = w->todo.n == 0;
    if (!*ret_done) {
        return look_at(w, w->todo.list[--w->todo.n]);
    }
    if (w->list.n > 1) {
        qsort(w->list.folders, w->list.n, sizeof *w->list.folders, by_name);
    }
    return true;
}

void dicom_walk_take(struct dicom_walk *w, struct found_folders *ret)
{
    *ret = w->list;
    w->list = (struct found_folders){.n = 0};
}

void dicom_walk_end(struct dicom_walk *w)
{
    if (w) {
        dicom_names_free(w->todo.list, w->todo.n);
        dicom_folders_fini(&w->list);
        mem_free(w);
    }
}

void dicom_folders_fini(struct found_folders *f)
{
    for (size_t i = 0; i < f->n; i++) {
        folder_fini(&f->folders[i]);
    }
    mem_free(f->folders);
    *f = (struct found_folders){.n = 0};
}

bool dicom_folder_names(const char *root, const char *folder, char ***ret_names, size_t *ret_n,
                        struct err *err)
{
    struct names files = {NULL, 0, 0};
    char *path = path_join(root, folder, err);
    DIR *dir = path ? opendir(path) : NULL;
    struct dirent *e = NULL;
    bool ok = path != NULL;
    while (ok && dir && (e = readdir(dir))) {
        const char *kind = walk_kind(e->d_name);
        if (walk_type(dirfd(dir), e) == DT_REG && !kind && dicom_may_be(e->d_name) &&
            str_utf8(e->d_name)) {
            ok = add_name(&files, mem_strdup(e->d_name, err), err);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    mem_free(path);
    if (!ok) {
        dicom_names_free(files.list, files.n);
        return false;
    }
    sort_names(&files);
    *ret_names = files.list;
    *ret_n = files.n;
    return true;
}
