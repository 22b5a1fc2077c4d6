/* The walk: one recursion over folders by descriptor, so that a folder renamed meanwhile does not
 * lead us astray; one fstatat a file. */
#include "discover/walk.h"

#include "discover/walk-own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

/* A data folder has a handful of levels; more is a loop of bind mounts. */
#define DEPTH_MAX 48
/* Names that are told; a folder with more of them has another trouble. */
#define LEFT_MAX 1000

struct kind_of_name {
    const char *ext;
    const char *kind;
};

static const struct kind_of_name kinds[] = {
    {".h5", "hdf5"},        {".hdf5", "hdf5"},      {".hdf", "hdf5"},     {".nxs", "hdf5"},
    {".nx5", "hdf5"},       {".nii", "nifti"},      {".nii.gz", "nifti"}, {".zip", "dicom-zip"},
    {".tck", "tractogram"}, {".trk", "tractogram"},
};

const char *walk_kind(const char *name)
{
    if (name[0] == '.' || str_ends(name, "_rec.h5") || str_ends(name, ".prov.json")) {
        return NULL;
    }
    const char *ext = path_ext(name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!strcasecmp(ext, kinds[i].ext)) {
            return kinds[i].kind;
        }
    }
    return NULL;
}

bool walk_container(const char *kind)
{
    return !strcmp(kind, "hdf5") || !strcmp(kind, "dicom-zip");
}

bool walk_skips_folder(const char *name)
{
    return name[0] == '.' || str_ends(name, "_rec") || !strcmp(name, "try_center");
}

/* A name for people: bytes that are no text as \xNN. */
static void show(struct str *out, const char *folder, const char *name)
{
    str_add(out, str_utf8(folder) ? folder : "...");
    str_add(out, *folder ? "/" : "");
    if (str_utf8(name)) {
        str_add(out, name);
        return;
    }
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        if (*p >= 0x20 && *p < 0x7f) {
            str_addc(out, (char)*p);
        } else {
            str_addf(out, "\\x%02x", *p);
        }
    }
}

bool walk_leave_out(struct walk *w, const char *folder, const char *name, const char *kind,
                    bool link, const char *why)
{
    struct found_list *list = w->list;
    struct str shown = STR_INIT;
    if (list->n_left == LEFT_MAX) {
        return true;
    }
    struct left_out *more = mem_resize(list->left, list->n_left + 1, sizeof *more, w->err);
    if (!more) {
        return false;
    }
    list->left = more;
    show(&shown, folder, name);
    char *text = str_take(&shown, w->err);
    str_fini(&shown);
    if (text) {
        more[list->n_left++] = (struct left_out){text, kind, why, link};
    }
    return text != NULL;
}

bool walk_leave_bad_name(struct walk *w, const char *folder, const char *name, const char *kind)
{
    struct found_list *list = w->list;
    if (!walk_leave_out(w, folder, name, kind, false, "its name is not UTF-8: rename it")) {
        return false;
    }
    if (list->bad_names++ == 0) {
        (void)snprintf(list->bad_example, sizeof list->bad_example, "%s",
                       list->n_left ? list->left[list->n_left - 1].name : "");
    }
    return true;
}

bool walk_note_unread(struct walk *w, const char *folder, int reason)
{
    struct found_list *list = w->list;
    if (list->n_unread == 0) {
        (void)snprintf(list->unread_why, sizeof list->unread_why, "%s", strerror(reason));
    }
    char **more = mem_resize(list->unread, list->n_unread + 1, sizeof *more, w->err);
    if (!more) {
        return false;
    }
    list->unread = more;
    more[list->n_unread] = mem_strdup(folder, w->err);
    if (!more[list->n_unread]) {
        return false;
    }
    list->n_unread++;
    return true;
}

/* Takes `name`. */
static bool add_file(struct walk *w, char *name, const char *kind, const struct stat *st)
{
    struct found_list *list = w->list;
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 256;
        struct found *more = mem_resize(list->files, cap, sizeof *more, w->err);
        if (!more) {
            mem_free(name);
            return false;
        }
        list->files = more;
        list->cap = cap;
    }
    list->files[list->n++] = (struct found){
        .name = name,
        .kind = kind,
        .size = st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
    return true;
}

/* A link is a file of the project when what it points to is one below the root too. */
bool walk_link_inside(const struct walk *w, const char *name)
{
    char target[PATH_MAX];
    char *path = path_join(w->root, name, w->err);
    bool inside = path && realpath(path, target) && path_within(target, w->root);
    mem_free(path);
    return inside;
}

bool walk_file(struct walk *w, int dir, const char *folder, const char *base, bool link)
{
    struct stat st;
    const char *kind = walk_kind(base);
    if (!kind || (w->containers && !walk_container(kind))) {
        return true;
    }
    char *name = path_join(folder, base, w->err);
    if (!name) {
        return false;
    }
    if (link && !walk_link_inside(w, name)) {
        mem_free(name);
        return walk_leave_out(
            w, folder, base, kind, true,
            "a link that leads out of the folder, or nowhere: put the file there");
    }
    if (fstatat(dir, base, &st, 0) != 0 || !S_ISREG(st.st_mode)) {
        mem_free(name); /* gone meanwhile, a socket */
        return true;
    }
    return add_file(w, name, kind, &st);
}

unsigned char walk_type(int dir, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN) {
        return e->d_type;
    }
    if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return DT_UNKNOWN;
    }
    return S_ISDIR(st.st_mode) ? DT_DIR : S_ISLNK(st.st_mode) ? DT_LNK : DT_REG;
}

/* Links to folders are not followed. That is said of those whose files are not seen otherwise. */
bool walk_folder_link(struct walk *w, int dir, const char *folder, const char *name)
{
    struct stat st;
    if (walk_skips_folder(name) || fstatat(dir, name, &st, 0) != 0 || !S_ISDIR(st.st_mode)) {
        return true;
    }
    char *path = path_join(folder, name, w->err);
    bool seen = path && walk_link_inside(w, path), ok = path != NULL;
    mem_free(path);
    return ok &&
        (seen ||
         walk_leave_out(w, folder, name, NULL, true,
                        "a link to a folder elsewhere, which is not followed"));
}

/* Owns `fd`. NOLINTNEXTLINE(misc-no-recursion): the depth is bounded. */
bool walk_below(struct walk *w, int fd, const char *folder, int depth)
{
    bool ok = true;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int reason = errno;
        (void)close(fd);
        return walk_note_unread(w, folder, reason);
    }
    struct dirent *e = NULL;
    for (errno = 0; ok && (e = readdir(dir)); errno = 0) {
        unsigned char type = walk_type(fd, e);
        bool is_folder = type == DT_DIR;
        if (type == DT_LNK && !walk_kind(e->d_name)) {
            ok = walk_folder_link(w, fd, folder, e->d_name);
            continue;
        }
        if (is_folder ? walk_skips_folder(e->d_name) : !walk_kind(e->d_name)) {
            continue;
        }
        if (!str_utf8(e->d_name)) {
            ok = walk_leave_bad_name(w, folder, e->d_name, is_folder ? NULL : walk_kind(e->d_name));
        } else if (!is_folder) {
            ok = walk_file(w, fd, folder, e->d_name, type == DT_LNK);
        } else if (depth < DEPTH_MAX) {
            int below = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            int reason = errno;
            char *name = path_join(folder, e->d_name, w->err);
            ok = name &&
                (below < 0 ? walk_note_unread(w, name, reason)
                           : walk_below(w, below, name, depth + 1));
            if (!name && below >= 0) {
                (void)close(below);
            }
            mem_free(name);
        }
    }
    if (ok && errno) {
        ok = walk_note_unread(w, folder, errno);
    }
    (void)closedir(dir);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

bool walk_folder(const char *root, struct found_list *ret, struct err *err)
{
    struct found_list list = {0};
    struct walk w = {.root = root, .list = &list, .err = err};
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, errno, "cannot read the folder '%s'", root);
    }
    if (!walk_below(&w, fd, "", 0)) {
        found_list_fini(&list);
        return false;
    }
    if (list.n > 1) {
        qsort(list.files, list.n, sizeof *list.files, by_name);
    }
    *ret = list;
    return true;
}

void found_list_fini(struct found_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        mem_free(list->files[i].name);
    }
    for (size_t i = 0; i < list->n_unread; i++) {
        mem_free(list->unread[i]);
    }
    for (size_t i = 0; i < list->n_left; i++) {
        mem_free(list->left[i].name);
    }
    mem_free(list->left);
    mem_free(list->files);
    mem_free(list->unread);
    *list = (struct found_list){0};
}
