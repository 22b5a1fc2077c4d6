/*
 * Members are (container, entry): container 0 is the file system, every other one a ZIP, which is
 * itself a member of another container. A reader keeps the ZIPs open that it used last, one for
 * every level of nesting; so going through the members in order opens each once.
 */
#include "image/dicom-source.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/mapped.h"
#include "os/file.h"

#define LEVELS 4u /* a ZIP in a ZIP in a ZIP in a folder; deeper only quines go */

struct member {
    char *name;
    uint64_t size;
    uint32_t container;
    uint32_t entry; /* of the ZIP */
};

struct container {
    uint32_t member; /* the ZIP itself */
    uint32_t level;  /* 0: the file system, 1: a ZIP on disk, 2: a ZIP in it... */
};

struct dicom_source {
    char *root; /* in front of the names of container 0 */
    struct dicom_limits limits;
    struct member *members;
    size_t n, room;
    struct container *containers;
    size_t n_containers, containers_room;
};

struct opened {
    uint32_t container; /* 0: none */
    struct zip_archive *zip;
    uint8_t *bytes; /* of a ZIP in a ZIP */
};

struct dicom_reader {
    struct dicom_source *s;
    struct opened open[LEVELS];
    uint8_t *bytes; /* of the entry read last */
    size_t bytes_room;
    struct mapped mapped; /* the file read last */
};

/* ---- the list ---- */

static bool add_member(struct dicom_source *s, const char *folder, const char *name,
                       struct member m, struct err *err)
{
    if (s->n >= s->limits.files) {
        return err_set(err, ERR_FORMAT, "%s: more than %zu files", s->root, s->limits.files);
    }
    if (s->n == s->room) {
        size_t room = s->room ? s->room * 2 : 64;
        struct member *more = mem_resize(s->members, room, sizeof *more, err);
        if (!more) {
            return false;
        }
        s->members = more;
        s->room = room;
    }
    m.name = path_join(folder, name, err);
    if (!m.name) {
        return false;
    }
    s->members[s->n++] = m;
    return true;
}

static bool add_container(struct dicom_source *s, struct container c, struct err *err)
{
    if (s->n_containers == s->containers_room) {
        size_t room = s->containers_room ? s->containers_room * 2 : 8;
        struct container *more = mem_resize(s->containers, room, sizeof *more, err);
        if (!more) {
            return false;
        }
        s->containers = more;
        s->containers_room = room;
    }
    s->containers[s->n_containers++] = c;
    return true;
}

/* What is Gantry's own, and what other systems strew about: never input. */
static bool passed_over(const char *name)
{
    return name[0] == '.' || strcmp(name, "__MACOSX") == 0;
}

static bool add_folder(struct dicom_source *s, const char *below, size_t depth, struct err *err);

static bool add_path(struct dicom_source *s, const char *below, const char *name, size_t depth,
                     struct err *err)
{
    struct stat st;
    char *inner = path_join(below, name, err);
    char *path = inner ? path_join(s->root, inner, err) : NULL;
    bool good = path != NULL;
    if (good && lstat(path, &st) == 0) {
        /* links to files are followed; links to folders may lead round in circles */
        if (S_ISDIR(st.st_mode)) {
            good = s->limits.flat || add_folder(s, inner, depth + 1, err);
        } else if (S_ISLNK(st.st_mode) && stat(path, &st) != 0) {
            good = true; /* it leads to nothing */
        } else if (S_ISREG(st.st_mode) && st.st_size > 0) {
            struct member m = {.size = (uint64_t)st.st_size};
            good = add_member(s, below, name, m, err);
        }
    }
    mem_free(path);
    mem_free(inner);
    return good;
}

static bool add_folder(struct dicom_source *s, const char *below, size_t depth, struct err *err)
{
    size_t n = 0;
    char *path = path_join(s->root, below, err);
    char **names = path && depth <= s->limits.depth ? file_list(path, &n, err) : NULL;
    bool good = path && (names || depth > s->limits.depth);
    for (size_t i = 0; good && i < n; i++) {
        if (!passed_over(names[i])) {
            good = add_path(s, below, names[i], depth, err);
        }
    }
    file_list_free(names);
    mem_free(path);
    return good;
}

struct dicom_source *dicom_source_open(const char *path, const struct dicom_limits *limits,
                                       struct err *err)
{
    static const struct dicom_limits normal = DICOM_LIMITS_DEFAULT;
    struct dicom_source *s = mem_zero(sizeof *s, err);
    struct stat st;
    bool good;
    if (!s) {
        return NULL;
    }
    s->limits = limits ? *limits : normal;
    good = add_container(s, (struct container){0, 0}, err);
    if (good && stat(path, &st) != 0) {
        good = err_errno(err, errno, "%s", path);
    } else if (good && S_ISDIR(st.st_mode)) {
        s->root = mem_strdup(path, err);
        good = s->root && add_folder(s, "", 0, err);
    } else if (good && S_ISREG(st.st_mode) && st.st_size > 0) {
        struct member m = {.size = (uint64_t)st.st_size};
        s->root = strchr(path, '/') ? path_dir(path, err) : mem_strdup("", err);
        good = s->root && add_member(s, "", path_base(path), m, err);
    } else if (good) {
        good = err_set(err, ERR_FORMAT, "%s: %s", path,
                       S_ISREG(st.st_mode) ? "empty file" : "not a plain file");
    }
    if (!good) {
        dicom_source_close(s);
        return NULL;
    }
    return s;
}

void dicom_source_close(struct dicom_source *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        mem_free(s->members[i].name);
    }
    mem_free(s->members);
    mem_free(s->containers);
    mem_free(s->root);
    mem_free(s);
}

size_t dicom_source_count(const struct dicom_source *s)
{
    return s->n;
}

const char *dicom_source_name(const struct dicom_source *s, size_t member)
{
    return s->members[member].name;
}

uint64_t dicom_source_size(const struct dicom_source *s, size_t member)
{
    return s->members[member].size;
}

bool dicom_source_nested(const struct dicom_source *s)
{
    for (size_t i = 0; i < s->n_containers; i++) {
        if (s->containers[i].level > 1) {
            return true;
        }
    }
    return false;
}

bool dicom_source_may_grow(const struct dicom_source *s, size_t member)
{
    const char *ext = path_ext(s->members[member].name);
    return !s->limits.flat && (s->n == 1 || ext[0] == '\0' || strcasecmp(ext, ".zip") == 0);
}

/* ---- readers ---- */

struct dicom_reader *dicom_reader_new(struct dicom_source *s, struct err *err)
{
    struct dicom_reader *r = mem_zero(sizeof *r, err);
    if (r) {
        r->s = s;
    }
    return r;
}

static void close_from(struct dicom_reader *r, size_t level)
{
    for (size_t i = LEVELS; i-- > level;) {
        zip_archive_close(r->open[i].zip);
        mem_free(r->open[i].bytes);
        r->open[i] = (struct opened){0};
    }
}

void dicom_reader_free(struct dicom_reader *r)
{
    if (!r) {
        return;
    }
    close_from(r, 0);
    mapped_close(&r->mapped);
    mem_free(r->bytes);
    mem_free(r);
}

/* The ZIP that is member `m` of the archive `outer`, into memory. */
static bool open_inner(struct dicom_reader *r, struct zip_archive *outer, const struct member *m,
                       struct opened *o, struct err *err)
{
    const struct dicom_limits *limits = &r->s->limits;
    struct zip_entry_info info;
    zip_archive_entry(outer, m->entry, &info);
    if (info.size > limits->inner_bytes) {
        return err_set(err, ERR_FORMAT,
                       "%s: a ZIP in a ZIP of %llu bytes is over the limit of %llu: unpack the "
                       "outer one",
                       m->name, (unsigned long long)info.size,
                       (unsigned long long)limits->inner_bytes);
    }
    o->bytes = mem_big((size_t)info.size, 1, err);
    if (!o->bytes || !zip_archive_read(outer, m->entry, o->bytes, err)) {
        return false;
    }
    o->zip = zip_archive_open_bytes(m->name, o->bytes, (size_t)info.size, &limits->zip, err);
    return o->zip != NULL;
}

/* The archive that is container `c`, opened together with those it lies in. */
static struct zip_archive *archive(struct dicom_reader *r, uint32_t c, struct err *err)
{
    uint32_t chain[LEVELS] = {0};
    uint32_t level = r->s->containers[c].level;
    for (uint32_t k = level, at = c; k > 0; k--) {
        chain[k - 1] = at;
        at = r->s->members[r->s->containers[at].member].container;
    }
    for (uint32_t k = 0; k < level; k++) {
        struct opened *o = &r->open[k];
        const struct member *m = &r->s->members[r->s->containers[chain[k]].member];
        if (o->container == chain[k]) {
            continue;
        }
        close_from(r, k);
        if (k > 0) {
            if (!open_inner(r, r->open[k - 1].zip, m, o, err)) {
                close_from(r, k);
                return NULL;
            }
        } else {
            char *path = path_join(r->s->root, m->name, err);
            o->zip = path ? zip_archive_open(path, &r->s->limits.zip, err) : NULL;
            mem_free(path);
            if (!o->zip) {
                return NULL;
            }
        }
        o->container = chain[k];
    }
    return r->open[level - 1].zip;
}

bool dicom_source_grow(struct dicom_source *s, struct dicom_reader *r, size_t member,
                       struct err *err)
{
    uint32_t level = s->containers[s->members[member].container].level + 1;
    uint32_t c = (uint32_t)s->n_containers;
    if (level > LEVELS) {
        return err_set(err, ERR_FORMAT, "%s: ZIPs in ZIPs more than %u deep",
                       s->members[member].name, LEVELS);
    }
    if (!add_container(s, (struct container){(uint32_t)member, level}, err)) {
        return false;
    }
    struct zip_archive *a = archive(r, c, err);
    if (!a) {
        return false;
    }
    for (size_t i = 0; i < zip_archive_count(a); i++) {
        struct zip_entry_info info;
        zip_archive_entry(a, i, &info);
        struct member m = {.size = info.size, .container = c, .entry = (uint32_t)i};
        if (info.plain && info.size > 0 && !passed_over(path_base(info.name)) &&
            !str_starts(info.name, "__MACOSX/") &&
            !add_member(s, s->members[member].name, info.name, m, err)) {
            return false;
        }
    }
    return true;
}

bool dicom_source_head(struct dicom_reader *r, size_t member, void *ret_bytes, size_t max,
                       size_t *ret_n, struct err *err)
{
    const struct member *m = &r->s->members[member];
    if (m->container != 0) {
        struct zip_archive *a = archive(r, m->container, err);
        return a && zip_archive_head(a, m->entry, ret_bytes, max, ret_n, err);
    }
    char *path = path_join(r->s->root, m->name, err);
    if (!path) {
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && n < max) {
        got = pread(fd, (uint8_t *)ret_bytes + n, max - n, (off_t)n);
        n += got > 0 ? (size_t)got : 0;
    }
    bool good = got >= 0 || err_errno(err, errno, "%s", m->name);
    if (fd >= 0) {
        (void)close(fd);
    }
    mem_free(path);
    *ret_n = n;
    return good;
}

static bool read_entry(struct dicom_reader *r, const struct member *m, size_t *ret_n,
                       struct err *err)
{
    struct zip_archive *a = archive(r, m->container, err);
    struct zip_entry_info info;
    if (!a) {
        return false;
    }
    if (m->entry >= zip_archive_count(a)) {
        return err_set(err, ERR_FORMAT, "the archive changed while it was read");
    }
    zip_archive_entry(a, m->entry, &info);
    if (info.size > r->bytes_room) {
        mem_free(r->bytes);
        r->bytes_room = 0;
        r->bytes = mem_big((size_t)info.size, 1, err);
        if (!r->bytes) {
            return false;
        }
        r->bytes_room = (size_t)info.size;
    }
    *ret_n = (size_t)info.size;
    return zip_archive_read(a, m->entry, r->bytes, err);
}

bool dicom_source_read(struct dicom_reader *r, size_t member, const uint8_t **ret_bytes,
                       size_t *ret_n, struct err *err)
{
    const struct member *m = &r->s->members[member];
    if (m->container != 0) {
        if (!read_entry(r, m, ret_n, err)) {
            return false;
        }
        *ret_bytes = r->bytes;
        return true;
    }
    char *path = path_join(r->s->root, m->name, err);
    mapped_close(&r->mapped);
    bool good = path && mapped_open(path, &r->mapped, err);
    mem_free(path);
    *ret_bytes = r->mapped.bytes;
    *ret_n = r->mapped.size;
    return good;
}
