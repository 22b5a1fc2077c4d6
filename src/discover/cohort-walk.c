/* Folders above the studies are listed, sorted and gone through one after the other (a stack of as
 * many as the layout has levels); a study is read in one go. */
#include "discover/cohort-walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "discover/listing.h"
#include "discover/walk-own.h"
#include "discover/walk.h"

/* As in walk.c: more is a loop of bind mounts. */
#define DEPTH_MAX 48
#define NS 1000000000LL

/* A file while its study is being read: where its texts begin (they move while they grow). */
struct raw {
    size_t place, sub, name;
    int64_t size, mtime_ns;
};

struct cohort_walk {
    struct walk w;
    const struct layout *layout;
    struct listing stack[LAYOUT_LEVELS + 1];
    size_t depth;
    char **places; /* "derivatives/NAME" of a BIDS tree */
    size_t n_places;
    struct str text;
    struct raw *raw;
    size_t n, cap;
    struct found_study study;
    struct layout_names names;
    char *folder; /* of the study */
    size_t cap_files;
    size_t strays;
    char stray[200];
    bool over;
    const struct found_place *given; /* instead of a layout */
    size_t n_given, at_given;
};

/* --- one study */

static bool add_file(struct cohort_walk *w, size_t place, size_t sub, const char *name,
                     const struct stat *st)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 256;
        struct raw *more = mem_resize(w->raw, cap, sizeof *more, w->w.err);
        if (!more) {
            return false;
        }
        w->raw = more;
        w->cap = cap;
    }
    int64_t changed = (int64_t)st->st_ctim.tv_sec * NS + st->st_ctim.tv_nsec;
    w->study.stirred_ns = changed > w->study.stirred_ns ? changed : w->study.stirred_ns;
    w->raw[w->n++] = (struct raw){
        .place = place,
        .sub = sub,
        .name = w->text.len,
        .size = st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * NS + st->st_mtim.tv_nsec,
    };
    str_addn(&w->text, name, strlen(name) + 1);
    return str_ok(&w->text, w->w.err);
}

static bool visit_file(struct cohort_walk *w, int dir, const char *path, size_t place, size_t sub,
                       const char *name, bool link)
{
    struct stat st;
    const char *kind = walk_kind(name);
    if (str_ends(name, ".prov.json")) {
        return true;
    }
    if (link) {
        char *whole = path_join(path, name, w->w.err);
        bool inside = whole && walk_link_inside(&w->w, whole);
        mem_free(whole);
        if (!whole) {
            return false;
        }
        if (!inside) {
            return walk_leave_out(&w->w, path, name, kind, true,
                                  "a link that leads out of the folder, or nowhere: put the file "
                                  "there");
        }
    }
    if (fstatat(dir, name, &st, link ? 0 : AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
        return true; /* gone meanwhile, a socket */
    }
    if (kind && !w->given && walk_container(kind) && !walk_file(&w->w, dir, path, name, link)) {
        return false;
    }
    return add_file(w, place, sub, name, &st);
}

static bool visit(struct cohort_walk *w, int fd, const char *path, size_t place, size_t sub,
                  int depth);

static bool visit_below(struct cohort_walk *w, int dir, const char *path, size_t place, size_t sub,
                        const char *name, int depth)
{
    if (depth >= DEPTH_MAX) {
        return true;
    }
    int fd = openat(dir, name, OPEN_FOLDER);
    int reason = errno;
    char *whole = path_join(path, name, w->w.err);
    size_t below = w->text.len;
    bool ok = whole != NULL;
    if (ok && fd < 0) {
        w->study.unread = true;
        ok = walk_note_unread(&w->w, whole, reason);
    } else if (ok) {
        char *longer = path_join(w->text.buf + sub, name, w->w.err);
        if (longer) {
            str_addn(&w->text, longer, strlen(longer) + 1);
        }
        ok = longer && str_ok(&w->text, w->w.err);
        mem_free(longer);
        if (ok) {
            ok = visit(w, fd, whole, place, below, depth + 1);
            fd = -1;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    mem_free(whole);
    return ok;
}

static bool visit_entry(struct cohort_walk *w, int fd, const struct dirent *e, const char *path,
                        size_t place, size_t sub, int depth)
{
    unsigned char type = walk_type(fd, e);
    struct stat st;
    const char *name = e->d_name;
    if (name[0] == '.') {
        return true;
    }
    if (type == DT_LNK && fstatat(fd, name, &st, 0) == 0 && S_ISDIR(st.st_mode)) {
        return walk_folder_link(&w->w, fd, path, name);
    }
    if (type == DT_DIR && walk_skips_folder(name)) {
        return true;
    }
    if (!str_utf8(name)) {
        return walk_leave_bad_name(&w->w, path, name, type == DT_DIR ? NULL : walk_kind(name));
    }
    return type == DT_DIR ? visit_below(w, fd, path, place, sub, name, depth)
                          : visit_file(w, fd, path, place, sub, name, type == DT_LNK);
}

/* Owns `fd`. NOLINTNEXTLINE(misc-no-recursion): the depth is bounded. */
static bool visit(struct cohort_walk *w, int fd, const char *path, size_t place, size_t sub,
                  int depth)
{
    struct stat st;
    bool ok = true;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int reason = errno;
        (void)close(fd);
        w->study.unread = true;
        return walk_note_unread(&w->w, path, reason);
    }
    if (fstat(fd, &st) == 0) { /* something was taken away */
        int64_t changed = (int64_t)st.st_ctim.tv_sec * NS + st.st_ctim.tv_nsec;
        w->study.stirred_ns = changed > w->study.stirred_ns ? changed : w->study.stirred_ns;
    }
    struct dirent *e = NULL;
    for (errno = 0; ok && (e = readdir(dir)); errno = 0) {
        ok = visit_entry(w, fd, e, path, place, sub, depth);
    }
    if (ok && errno) {
        w->study.unread = true;
        ok = walk_note_unread(&w->w, path, errno);
    }
    (void)closedir(dir);
    return ok;
}

static int by_file(const void *a, const void *b)
{
    const struct found_file *x = a, *y = b;
    int order = x->sub == y->sub ? 0 : strcmp(x->sub, y->sub);
    order = order ? order : strcmp(x->name, y->name);
    return order ? order : strcmp(x->place, y->place);
}

static bool settle_files(struct cohort_walk *w)
{
    if (w->n > w->cap_files) {
        struct found_file *more =
            mem_resize(w->study.files, w->cap, sizeof *w->study.files, w->w.err);
        if (!more) {
            return false;
        }
        w->study.files = more;
        w->cap_files = w->cap;
    }
    const char *base = str_text(&w->text);
    for (size_t i = 0; i < w->n; i++) {
        const struct raw *r = &w->raw[i];
        w->study.files[i] = (struct found_file){base + r->place, base + r->sub, base + r->name,
                                                r->size, r->mtime_ns};
    }
    w->study.n = w->n;
    if (w->n > 1) {
        qsort(w->study.files, w->n, sizeof *w->study.files, by_file);
    }
    return true;
}

/* The same study's folder in derivatives/NAME, where there is one. */
static bool visit_place(struct cohort_walk *w, const char *place)
{
    char *path = path_join(place, w->folder, w->w.err);
    size_t at = w->text.len;
    bool ok = path != NULL;
    int fd = ok ? openat(w->stack[0].fd, path, OPEN_FOLDER) : -1, reason = errno;
    if (fd >= 0) {
        str_addn(&w->text, place, strlen(place) + 1);
        if (str_ok(&w->text, w->w.err)) {
            ok = visit(w, fd, path, at, 0, 0);
        } else {
            ok = false;
            (void)close(fd);
        }
    } else if (ok && reason == EACCES) {
        w->study.unread = true;
        ok = walk_note_unread(&w->w, path, reason);
    }
    mem_free(path);
    return ok;
}

/* Files of a study that has no folder of its own: below the folder that its own would lie in. */
static bool visit_members(struct cohort_walk *w, const struct found_place *p)
{
    struct stat st;
    const char *slash = strrchr(p->name, '/');
    char *base = mem_strndup(p->name, slash ? (size_t)(slash - p->name) : 0, w->w.err);
    size_t place = w->text.len;
    int dir = base ? openat(w->stack[0].fd, *base ? base : ".", OPEN_FOLDER) : -1;
    str_addn(&w->text, PLACE_BESIDE, sizeof PLACE_BESIDE);
    bool ok = base != NULL;
    for (size_t i = 0; ok && dir >= 0 && i < p->n_members; i++) {
        const char *member = p->members[i], *name = strrchr(member, '/');
        size_t sub = w->text.len;
        if (fstatat(dir, member, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
            continue;
        }
        str_addn(&w->text, member, name ? (size_t)(name - member) : 0);
        str_addn(&w->text, "", 1);
        ok = str_ok(&w->text, w->w.err) && add_file(w, place, sub, name ? name + 1 : member, &st);
    }
    if (dir >= 0) {
        (void)close(dir);
    }
    mem_free(base);
    return ok;
}

/* Owns `fd`. The text begins with an empty one, for the place and folder of most. */
static bool read_study(struct cohort_walk *w, int fd, const char *path,
                       const struct found_place *given, const struct layout_names *names)
{
    mem_free(w->folder);
    w->folder = mem_strdup(path, w->w.err);
    if (!w->folder) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    w->names = *names;
    w->n = 0;
    str_clear(&w->text);
    str_addn(&w->text, "", 1);
    w->study.name = w->folder;
    w->study.pid = w->names.pid;
    w->study.sid = w->names.sid;
    w->study.date = w->study.sdesc = NULL;
    w->study.stirred_ns = 0;
    w->study.unread = false;
    bool ok = str_ok(&w->text, w->w.err);
    if (!ok) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    ok = (fd < 0 || visit(w, fd, path, 0, 0, 0)) && (!given || visit_members(w, given));
    for (size_t i = 0; ok && i < w->n_places; i++) {
        ok = visit_place(w, w->places[i]);
    }
    return ok && settle_files(w);
}

/* --- the folders above */

static bool bids_sessions(const struct listing *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->entries[i].type == DT_DIR && str_starts(f->entries[i].name, "ses-")) {
            return true;
        }
    }
    return false;
}

enum answer { IS_STUDY, IS_ABOVE, IS_OTHER, IS_OURS };

/* What a folder is at this depth; `names` is filled in. */
static enum answer answer_of(const struct cohort_walk *w, const char *name,
                             struct layout_names *names)
{
    const struct layout *l = w->layout;
    size_t level = w->depth - 1;
    if (l->kind == LAYOUT_KIND_BIDS) {
        if (level == 0 && !strcmp(name, "derivatives")) {
            return IS_OURS;
        }
        bool fits = str_starts(name, level ? "ses-" : "sub-") && strlen(name) < LAYOUT_NAME_MAX;
        if (fits) {
            (void)snprintf(level ? names->sid : names->pid, LAYOUT_NAME_MAX, "%s", name);
        }
        return !fits ? IS_OTHER : level ? IS_STUDY : IS_ABOVE;
    }
    return !layout_level(l, level, name, names) ? IS_OTHER
        : level + 1 == l->n                     ? IS_STUDY
                                                : IS_ABOVE;
}

/* Owns `fd`: gone into, or, a BIDS subject without sessions, read as the study it is. */
static bool go_into(struct cohort_walk *w, int fd, const char *path,
                    const struct layout_names *names, bool *ret_study)
{
    struct listing f = {.fd = -1};
    int reason;
    if (!listing_read(fd, path, &f, &reason, w->w.err)) {
        return false;
    }
    if (reason) {
        listing_fini(&f);
        return walk_note_unread(&w->w, path, reason);
    }
    if (w->layout->kind == LAYOUT_KIND_BIDS && !bids_sessions(&f)) {
        int again = openat(f.fd, ".", OPEN_FOLDER);
        reason = errno;
        listing_fini(&f);
        *ret_study = again >= 0;
        return again >= 0 ? read_study(w, again, path, NULL, names)
                          : walk_note_unread(&w->w, path, reason);
    }
    f.names = *names;
    w->stack[w->depth++] = f;
    return true;
}

static bool enter(struct cohort_walk *w, struct listing *f, const char *name, bool *ret_study)
{
    struct layout_names names = f->names;
    enum answer what = answer_of(w, name, &names);
    if (what == IS_OURS || walk_skips_folder(name)) {
        return true;
    }
    if (!str_utf8(name)) {
        return walk_leave_bad_name(&w->w, f->path, name, NULL);
    }
    int fd = openat(f->fd, name, OPEN_FOLDER), reason = errno;
    char *path = path_join(f->path, name, w->w.err);
    bool ok = path != NULL;
    if (ok && fd < 0) {
        ok = walk_note_unread(&w->w, path, reason);
    } else if (ok && what == IS_STUDY) {
        *ret_study = true;
        ok = read_study(w, fd, path, NULL, &names);
    } else if (ok && what == IS_ABOVE) {
        ok = go_into(w, fd, path, &names, ret_study);
    } else if (ok) {
        ok = walk_below(&w->w, fd, path, (int)w->depth);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    mem_free(path);
    return ok;
}

static bool pass_file(struct cohort_walk *w, const struct listing *f, const struct listing_entry *e)
{
    const char *kind = walk_kind(e->name);
    struct stat st;
    if (e->type == DT_LNK && fstatat(f->fd, e->name, &st, 0) == 0 && S_ISDIR(st.st_mode)) {
        return walk_folder_link(&w->w, f->fd, f->path, e->name);
    }
    if (!kind) {
        return true;
    }
    if (!str_utf8(e->name)) {
        return walk_leave_bad_name(&w->w, f->path, e->name, kind);
    }
    if (!walk_container(kind) && w->strays++ == 0) {
        (void)snprintf(w->stray, sizeof w->stray, "%s%s%s", f->path, *f->path ? "/" : "", e->name);
        str_utf8_mend(w->stray);
    }
    return walk_file(&w->w, f->fd, f->path, e->name, e->type == DT_LNK);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

/* The next of the studies that were given; one that has gone meanwhile is passed over. */
static bool next_given(struct cohort_walk *w, bool *ret_found)
{
    while (!*ret_found && w->at_given < w->n_given) {
        const struct found_place *p = &w->given[w->at_given++];
        struct layout_names names = {.pid = ""};
        (void)snprintf(names.pid, sizeof names.pid, "%s", p->pid);
        (void)snprintf(names.sid, sizeof names.sid, "%s", p->sid);
        int fd = openat(w->stack[0].fd, p->name, OPEN_FOLDER);
        if (fd < 0 && !p->n_members) {
            continue;
        }
        if (!read_study(w, fd, p->name, p, &names)) {
            return false;
        }
        w->study.date = p->date;
        w->study.sdesc = p->sdesc;
        *ret_found = true;
    }
    return true;
}

bool cohort_walk_next(struct cohort_walk *w, const struct found_study **ret_study, struct err *err)
{
    bool found = false;
    w->w.err = err;
    if (!next_given(w, &found)) {
        return false;
    }
    while (!found && w->depth) {
        struct listing *f = &w->stack[w->depth - 1];
        if (f->at == f->n) {
            if (w->depth == 1) {
                break; /* the root stays open until the end */
            }
            listing_fini(f);
            w->depth--;
            continue;
        }
        const struct listing_entry *e = &f->entries[f->at++];
        if (!(e->type == DT_DIR ? enter(w, f, e->name, &found) : pass_file(w, f, e))) {
            return false;
        }
    }
    struct found_list *items = w->w.list;
    if (!found && !w->over && items->n > 1) {
        qsort(items->files, items->n, sizeof *items->files, by_name);
    }
    w->over = !found;
    *ret_study = found ? &w->study : NULL;
    return true;
}

/* derivatives/NAME of a BIDS tree. */
static bool find_places(struct cohort_walk *w)
{
    int fd = openat(w->stack[0].fd, "derivatives", OPEN_FOLDER), reason;
    struct listing f = {.fd = -1};
    if (fd < 0) {
        return true;
    }
    bool ok = listing_read(fd, "derivatives", &f, &reason, w->w.err);
    for (size_t i = 0; ok && i < f.n; i++) {
        const char *name = f.entries[i].name;
        if (f.entries[i].type != DT_DIR || walk_skips_folder(name) || !str_utf8(name) ||
            str_starts(name, "sub-")) {
            continue;
        }
        char **more = mem_resize(w->places, w->n_places + 1, sizeof *more, w->w.err);
        ok = more != NULL;
        if (ok) {
            w->places = more;
            more[w->n_places] = path_join("derivatives", name, w->w.err);
            ok = more[w->n_places] != NULL;
            w->n_places += ok;
        }
    }
    listing_fini(&f);
    return ok;
}

struct cohort_walk *cohort_walk_begin(const char *root, const struct layout *layout,
                                      struct found_list *items, struct err *err)
{
    struct cohort_walk *w = mem_zero(sizeof *w, err);
    int reason = 0;
    if (!w) {
        return NULL;
    }
    w->w = (struct walk){.root = root, .list = items, .err = err, .containers = true};
    w->layout = layout;
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 || err_errno(err, errno, "cannot read the folder '%s'", root);
    ok = ok && listing_read(fd, "", &w->stack[0], &reason, err);
    w->depth = ok;
    ok = ok && (!reason || err_errno(err, reason, "cannot read the folder '%s'", root)) &&
        (layout->kind != LAYOUT_KIND_BIDS || find_places(w));
    if (!ok) {
        cohort_walk_end(w);
        return NULL;
    }
    return w;
}

struct cohort_walk *cohort_walk_places(const char *root, const struct found_place *places, size_t n,
                                       struct found_list *items, struct err *err)
{
    struct cohort_walk *w = mem_zero(sizeof *w, err);
    if (!w) {
        return NULL;
    }
    w->w = (struct walk){.root = root, .list = items, .err = err, .containers = true};
    w->given = places;
    w->n_given = n;
    w->stack[0].fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w->depth = 1; /* without entries of its own */
    if (w->stack[0].fd < 0) {
        (void)err_errno(err, errno, "cannot read the folder '%s'", root);
        cohort_walk_end(w);
        return NULL;
    }
    return w;
}

size_t cohort_walk_strays(const struct cohort_walk *w, const char **ret_example)
{
    *ret_example = w->stray;
    return w->strays;
}

void cohort_walk_end(struct cohort_walk *w)
{
    if (!w) {
        return;
    }
    while (w->depth) {
        listing_fini(&w->stack[--w->depth]);
    }
    for (size_t i = 0; i < w->n_places; i++) {
        mem_free(w->places[i]);
    }
    mem_free(w->places);
    mem_free(w->raw);
    mem_free(w->study.files);
    mem_free(w->folder);
    str_fini(&w->text);
    mem_free(w);
}
