/*
 * libzip reads the directory and gives the packed bytes. Whole entries are inflated by libdeflate,
 * which is twice as fast as the zlib inside libzip but wants all of an entry at once; beginnings of
 * entries, and rarer kinds of compression, go through libzip's own streams.
 */
#include "codec/zip-file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <libdeflate.h>
#include <zip.h>
#include "base/mem.h"

/* Deflate packs at most 1,032 bytes into one (258 bytes a symbol of 2 bits). */
#define RATIO_IMPOSSIBLE 1100u
/* A small archive of blank slices may honestly pack 1,000 to 1. */
#define RATIO_FROM ((uint64_t)1 << 30)

struct zip_archive {
    zip_t *zip;
    char *name;
    struct zip_entry_info *entries;
    size_t count;
    struct libdeflate_decompressor *inflater;
    uint8_t *packed; /* of the entry read last; kept for the next */
    size_t packed_room;
};

bool zip_archive_mine(const void *head, size_t n)
{
    /* a local header, or the end record of an empty archive (APPNOTE 4.3.7, 4.3.16) */
    return n >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0);
}

/* ---- opening ---- */

/* Does a name lead out of the folder that somebody would unpack it into? */
static bool leads_outside(const char *name)
{
    if (name[0] == '/' || name[0] == '\\' || (name[0] != '\0' && name[1] == ':')) {
        return true;
    }
    while (*name != '\0') {
        size_t part = strcspn(name, "/\\");
        if (part == 2 && name[0] == '.' && name[1] == '.') {
            return true;
        }
        name += part + (name[part] != '\0');
    }
    return false;
}

static bool is_link(zip_t *zip, size_t i)
{
    zip_uint8_t made_by = 0;
    zip_uint32_t attributes = 0;
    return zip_file_get_external_attributes(zip, i, 0, &made_by, &attributes) == 0 &&
        made_by == ZIP_OPSYS_UNIX && S_ISLNK(attributes >> 16);
}

static bool check_entry(struct zip_archive *a, size_t i, uint64_t bytes,
                        const struct zip_limits *limits, uint64_t *total, struct err *err)
{
    zip_stat_t st;
    if (zip_stat_index(a->zip, i, 0, &st) != 0 || (st.valid & ZIP_STAT_NAME) == 0 ||
        (st.valid & ZIP_STAT_SIZE) == 0) {
        return err_set(err, ERR_FORMAT, "%s: damaged ZIP: entry %zu has no name or size", a->name,
                       i);
    }
    size_t length = strlen(st.name);
    if ((st.valid & ZIP_STAT_COMP_SIZE) != 0 && st.comp_size > bytes) {
        return err_set(err, ERR_FORMAT, "%s: damaged ZIP: entry '%.200s' is longer than the file",
                       a->name, st.name);
    }
    if (leads_outside(st.name)) {
        return err_set(err, ERR_FORMAT,
                       "%s: entry '%.200s' leads outside of the archive: refused (pack it again "
                       "with plain names)",
                       a->name, st.name);
    }
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && st.encryption_method != ZIP_EM_NONE) {
        return err_set(err, ERR_FORMAT,
                       "%s: encrypted ZIP (entry '%.200s'): unpack it with its password first",
                       a->name, st.name);
    }
    if (st.size > limits->entry_bytes) {
        return err_set(
            err, ERR_FORMAT, "%s: entry '%.200s' unpacks to %llu bytes, over the limit of %llu",
            a->name, st.name, (unsigned long long)st.size, (unsigned long long)limits->entry_bytes);
    }
    *total = *total > UINT64_MAX - st.size ? UINT64_MAX : *total + st.size;
    a->entries[i] = (struct zip_entry_info){
        .name = st.name,
        .size = st.size,
        .plain = length > 0 && st.name[length - 1] != '/' && !is_link(a->zip, i),
    };
    return true;
}

static bool check_directory(struct zip_archive *a, uint64_t bytes, const struct zip_limits *limits,
                            struct err *err)
{
    zip_int64_t count = zip_get_num_entries(a->zip, 0);
    uint64_t total = 0;
    if (count < 0 || (uint64_t)count > limits->entries) {
        return err_set(err, ERR_FORMAT, "%s: has %lld entries, over the limit of %llu", a->name,
                       (long long)count, (unsigned long long)limits->entries);
    }
    a->count = (size_t)count;
    a->entries = mem_array(a->count, sizeof *a->entries, err);
    if (!a->entries) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!check_entry(a, i, bytes, limits, &total, err)) {
            return false;
        }
    }
    if (total > limits->total_bytes) {
        return err_set(err, ERR_FORMAT, "%s: unpacks to %llu bytes, over the limit of %llu",
                       a->name, (unsigned long long)total, (unsigned long long)limits->total_bytes);
    }
    uint64_t ratio = total / (bytes ? bytes : 1);
    if (ratio > RATIO_IMPOSSIBLE || (total > RATIO_FROM && ratio > limits->ratio)) {
        return err_set(err, ERR_FORMAT,
                       "%s: looks like a ZIP bomb: %llu bytes unpack to %llu (%llu to 1)", a->name,
                       (unsigned long long)bytes, (unsigned long long)total,
                       (unsigned long long)ratio);
    }
    return true;
}

/* Why libzip did not open it. `begins` says whether the first bytes are a ZIP's. */
static bool explain(const char *name, zip_error_t *error, bool begins, struct err *err)
{
    int code = zip_error_code_zip(error);
    if (code == ZIP_ER_MEMORY) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", name);
    }
    if (code == ZIP_ER_OPEN || code == ZIP_ER_READ) {
        return err_errno(err, zip_error_code_system(error), "%s", name);
    }
    if (code == ZIP_ER_NOZIP || code == ZIP_ER_INCONS) {
        return err_set(err, ERR_FORMAT, "%s: %s", name,
                       begins ? "truncated or damaged ZIP: its directory is missing or wrong"
                              : "not a ZIP");
    }
    return err_set(err, ERR_FORMAT, "%s: %s", name, zip_error_strerror(error));
}

static struct zip_archive *opened(const char *name, zip_t *zip, uint64_t bytes,
                                  const struct zip_limits *limits, struct err *err)
{
    static const struct zip_limits normal = ZIP_LIMITS_DEFAULT;
    struct zip_archive *a = mem_zero(sizeof *a, err);
    if (!a) {
        zip_discard(zip);
        return NULL;
    }
    a->zip = zip;
    a->name = mem_strdup(name, err);
    a->inflater = libdeflate_alloc_decompressor();
    if (a->name && !a->inflater) {
        (void)err_set(err, ERR_NOMEM, "%s: out of memory", name);
    }
    if (!a->name || !a->inflater || !check_directory(a, bytes, limits ? limits : &normal, err)) {
        zip_archive_close(a);
        return NULL;
    }
    return a;
}

struct zip_archive *zip_archive_open(const char *path, const struct zip_limits *limits,
                                     struct err *err)
{
    struct stat st;
    char head[4] = {0};
    int code = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for its writer */
    if (fd < 0 || fstat(fd, &st) != 0) {
        (void)err_errno(err, errno, "%s", path);
        if (fd >= 0) {
            (void)close(fd);
        }
        return NULL;
    }
    ssize_t n = S_ISREG(st.st_mode) ? pread(fd, head, sizeof head, 0) : 0;
    (void)close(fd);
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        (void)err_set(err, ERR_FORMAT, "%s: %s", path,
                      S_ISREG(st.st_mode) ? "empty file" : "not a plain file");
        return NULL;
    }
    zip_t *zip = zip_open(path, ZIP_RDONLY, &code);
    if (!zip) {
        zip_error_t error;
        int saved = errno;
        zip_error_init_with_code(&error, code);
        error.sys_err = saved;
        (void)explain(path, &error, n > 0 && zip_archive_mine(head, (size_t)n), err);
        zip_error_fini(&error);
        return NULL;
    }
    return opened(path, zip, (uint64_t)st.st_size, limits, err);
}

struct zip_archive *zip_archive_open_bytes(const char *name, const void *bytes, size_t size,
                                           const struct zip_limits *limits, struct err *err)
{
    zip_error_t error;
    if (size == 0) { /* libzip takes it for an archive without entries */
        (void)err_set(err, ERR_FORMAT, "%s: empty file", name);
        return NULL;
    }
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &error);
    zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    if (!zip) {
        (void)explain(name, &error, zip_archive_mine(bytes, size), err);
        zip_source_free(source);
        zip_error_fini(&error);
        return NULL;
    }
    zip_error_fini(&error);
    return opened(name, zip, size, limits, err);
}

void zip_archive_close(struct zip_archive *a)
{
    if (!a) {
        return;
    }
    if (a->zip) {
        zip_discard(a->zip);
    }
    if (a->inflater) {
        libdeflate_free_decompressor(a->inflater);
    }
    mem_free(a->packed);
    mem_free(a->entries);
    mem_free(a->name);
    mem_free(a);
}

size_t zip_archive_count(const struct zip_archive *a)
{
    return a->count;
}

void zip_archive_entry(const struct zip_archive *a, size_t i, struct zip_entry_info *ret)
{
    *ret = a->entries[i];
}

/* ---- reading ---- */

static bool damaged(const struct zip_archive *a, size_t i, const char *why, struct err *err)
{
    return err_set(err, ERR_FORMAT, "%s: entry '%.200s' is damaged: %s", a->name,
                   a->entries[i].name, why);
}

/* Up to `max` bytes of an opened entry; *ret_n is less only at its end. */
static bool read_some(struct zip_archive *a, size_t i, zip_file_t *file, void *ret_bytes,
                      size_t max, size_t *ret_n, struct err *err)
{
    uint8_t *out = ret_bytes;
    size_t n = 0;
    while (n < max) {
        zip_int64_t got = zip_fread(file, out + n, max - n);
        if (got < 0) {
            return damaged(a, i, zip_file_strerror(file), err);
        }
        if (got == 0) {
            break;
        }
        n += (size_t)got;
    }
    *ret_n = n;
    return true;
}

static bool read_through(struct zip_archive *a, size_t i, zip_flags_t flags, void *ret_bytes,
                         size_t max, size_t *ret_n, struct err *err)
{
    zip_file_t *file = zip_fopen_index(a->zip, i, flags);
    if (!file) {
        return damaged(a, i, zip_strerror(a->zip), err);
    }
    bool good = read_some(a, i, file, ret_bytes, max, ret_n, err);
    (void)zip_fclose(file);
    return good;
}

bool zip_archive_head(struct zip_archive *a, size_t i, void *ret_bytes, size_t max, size_t *ret_n,
                      struct err *err)
{
    uint64_t size = a->entries[i].size;
    return read_through(a, i, 0, ret_bytes, size < max ? (size_t)size : max, ret_n, err);
}

/* The packed bytes of an entry into a->packed. */
static bool read_packed(struct zip_archive *a, size_t i, size_t size, struct err *err)
{
    size_t n = 0;
    if (size > a->packed_room) {
        uint8_t *more = mem_resize(a->packed, size, 1, err);
        if (!more) {
            return false;
        }
        a->packed = more;
        a->packed_room = size;
    }
    if (!read_through(a, i, ZIP_FL_COMPRESSED, a->packed, size, &n, err)) {
        return false;
    }
    return n == size ? true : damaged(a, i, "it ends early", err);
}

bool zip_archive_read(struct zip_archive *a, size_t i, void *ret_bytes, struct err *err)
{
    const zip_uint64_t known =
        ZIP_STAT_COMP_METHOD | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC | ZIP_STAT_SIZE;
    size_t size = (size_t)a->entries[i].size, n = 0;
    zip_stat_t st;
    if (zip_stat_index(a->zip, i, 0, &st) != 0) {
        return damaged(a, i, zip_strerror(a->zip), err);
    }
    bool fast = (st.valid & known) == known && st.comp_size < SIZE_MAX &&
        (st.comp_method == ZIP_CM_DEFLATE ||
         (st.comp_method == ZIP_CM_STORE && st.comp_size == st.size));
    if (!fast) {
        return read_through(a, i, 0, ret_bytes, size, &n, err) &&
            (n == size || damaged(a, i, "it ends early", err));
    }
    if (st.comp_method == ZIP_CM_STORE) {
        if (!read_through(a, i, ZIP_FL_COMPRESSED, ret_bytes, size, &n, err)) {
            return false;
        }
    } else if (!read_packed(a, i, (size_t)st.comp_size, err)) {
        return false;
    } else if (libdeflate_deflate_decompress(a->inflater, a->packed, (size_t)st.comp_size,
                                             ret_bytes, size, &n) != LIBDEFLATE_SUCCESS) {
        return damaged(a, i, "its packed bytes make no sense", err);
    }
    if (n != size) {
        return damaged(a, i, "it ends early", err);
    }
    return libdeflate_crc32(0, ret_bytes, size) == st.crc ? true
                                                          : damaged(a, i, "wrong checksum", err);
}
