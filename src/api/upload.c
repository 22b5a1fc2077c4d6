/*
 * <home>/uploads/<user>-<32 hex>/NAME. While it is being sent NAME has ".part" behind it, so that a
 * half of a file is never taken for one.
 *
 * Pieces are written in the loop: they are at most as long as a connection's pool (32 KiB) and go
 * to the page cache.
 */
#include "api/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "api/access.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/secret.h"
#include "model/options.h"
#include "os/file.h"

#define KEPT_S (24 * 3600)
#define MOST_OF_ONE 32 /* files of one person that wait; the oldest gives way */
#define NAME_MOST 200
#define ID_HEX 32
#define ID_SIZE 64

struct upload {
    char id[ID_SIZE];
    char *folder, *path, *part;
    int fd;
    int64_t announced, came;
    bool kept;
    struct err failed;
};

/* --- the folder */

static char *uploads_folder(const char *home, struct err *err)
{
    return path_join(home, API_UPLOADS, err);
}

void upload_sweep_all(const char *home)
{
    struct err *quiet = err_ignore("what is left there is in nobody's way");
    char *folder = uploads_folder(home, quiet);
    if (folder && file_exists(folder)) {
        err_waive(file_remove_tree(folder, quiet));
    }
    mem_free(folder);
}

/* What has waited for a day goes; and of `prefix` (one person's) the oldest, when he has too many.
 */
static void sweep(const char *folder, const char *prefix)
{
    struct err *quiet = err_ignore("it is tried again with the next upload");
    size_t n = 0, own = 0;
    char **names = file_list(folder, &n, quiet), *oldest = NULL;
    time_t now = time(NULL), oldest_s = 0;
    for (size_t i = 0; names && i < n; i++) {
        struct stat st;
        char *path = path_join(folder, names[i], quiet);
        bool there = path && stat(path, &st) == 0;
        if (there && st.st_mtim.tv_sec + KEPT_S < now) {
            err_waive(file_remove_tree(path, quiet));
        } else if (there && str_starts(names[i], prefix)) {
            own++;
            if (!oldest || st.st_mtim.tv_sec < oldest_s) {
                mem_free(oldest);
                oldest = path;
                oldest_s = st.st_mtim.tv_sec;
                path = NULL;
            }
        }
        mem_free(path);
    }
    if (oldest && own >= MOST_OF_ONE) {
        err_waive(file_remove_tree(oldest, quiet));
    }
    mem_free(oldest);
    file_list_free(names);
}

/* --- a body that comes */

static bool plain_name(const char *name, struct err *err)
{
    bool good = name[0] && name[0] != '.' && strlen(name) <= NAME_MOST && str_utf8(name) &&
        !strchr(name, '/') && !strchr(name, '\\');
    for (const char *p = name; *p; p++) {
        good = good && (unsigned char)*p >= 0x20 && *p != 0x7f;
    }
    return good || err_set(err, ERR_USAGE, "'%.60s' is no plain name of a file", name);
}

static bool check_size(const struct request *q, struct reply *r, int64_t bytes, struct err *err)
{
    int64_t most = options_int(access_options(q->api->access), "upload_max");
    int64_t room = file_free_bytes(q->api->home);
    if (bytes < 0) {
        reply_status(r, 411);
        return err_set(err, ERR_USAGE, "a file is sent with its length (Content-Length)");
    }
    if (bytes > most) {
        reply_status(r, 413);
        return err_set(err, ERR_USAGE,
                       "the file is too large: %" PRId64 " MiB, the most is %" PRId64
                       " MiB (option upload_max)",
                       bytes >> 20, most >> 20);
    }
    return room < 0 || bytes < room ||
        err_set(err, ERR_DISKFULL,
                "there is no room for %" PRId64 " MiB on the disk of the server's home",
                bytes >> 20);
}

static bool open_part(struct upload *u, const struct request *q, struct err *err)
{
    char token[SECRET_HEX], prefix[32];
    char *all = uploads_folder(q->api->home, err);
    bool ok = all && secret_token(token, err) && file_mkdirs(all, 0700, err);
    if (ok) {
        (void)snprintf(prefix, sizeof prefix, "%" PRId64 "-", q->who.user);
        (void)snprintf(u->id, sizeof u->id, "%s%.*s", prefix, ID_HEX, token);
        sweep(all, prefix);
        u->folder = path_join(all, u->id, err);
        u->path = u->folder ? path_join(u->folder, q->parts[0], err) : NULL;
        u->part = u->path ? mem_printf(err, "%s.part", u->path) : NULL;
        ok = u->part && file_mkdirs(u->folder, 0700, err);
    }
    if (ok) {
        u->fd = open(u->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ok = u->fd >= 0 || err_errno(err, errno, "making room for '%s'", q->parts[0]);
    }
    mem_free(all);
    return ok;
}

bool upload_begin(struct request *q, struct reply *r, int64_t bytes, struct err *err)
{
    if (!plain_name(q->parts[0], err) || !check_size(q, r, bytes, err)) {
        return false;
    }
    struct upload *u = mem_zero(sizeof *u, err);
    if (!u) {
        return false;
    }
    *u = (struct upload){.fd = -1, .announced = bytes};
    if (!open_part(u, q, err)) {
        upload_free(u);
        return false;
    }
    q->upload = u;
    return true;
}

void upload_piece(struct upload *u, const void *bytes, size_t n)
{
    const char *at = bytes;
    u->came += (int64_t)n;
    while (n > 0 && u->failed.code == ERR_NONE) {
        ssize_t done = write(u->fd, at, n);
        if (done < 0 && errno != EINTR) {
            (void)err_errno(&u->failed, errno, "keeping '%s'", path_base(u->path));
        } else if (done > 0) {
            at += done;
            n -= (size_t)done;
        }
    }
}

const char *upload_keep(struct upload *u, struct err *err)
{
    if (u->failed.code != ERR_NONE) {
        *err = u->failed;
        return NULL;
    }
    if (u->came != u->announced) {
        (void)err_set(err, ERR_USAGE, "only %" PRId64 " of %" PRId64 " bytes came", u->came,
                      u->announced);
        return NULL;
    }
    int fd = u->fd;
    u->fd = -1;
    if (close(fd) != 0 || rename(u->part, u->path) != 0) {
        (void)err_errno(err, errno, "keeping '%s'", path_base(u->path));
        return NULL;
    }
    u->kept = true;
    return u->id;
}

void upload_free(struct upload *u)
{
    if (!u) {
        return;
    }
    if (u->fd >= 0) {
        (void)close(u->fd);
    }
    if (u->folder && !u->kept) {
        err_waive(file_remove_tree(u->folder, err_ignore("it goes after a day")));
    }
    mem_free(u->folder);
    mem_free(u->path);
    mem_free(u->part);
    mem_free(u);
}

/* --- using it */

/* The folder of `id` when it is one of q->who's; NULL else. */
static char *folder_of(const struct request *q, const char *id, struct err *err)
{
    char prefix[32];
    int n = snprintf(prefix, sizeof prefix, "%" PRId64 "-", q->who.user);
    bool own = str_starts(id, prefix) && strlen(id + n) == ID_HEX &&
        strspn(id + n, "0123456789abcdef") == ID_HEX;
    if (!own) {
        (void)err_set(err, ERR_NOTHING, "there is no upload '%.80s' of yours", id);
        return NULL;
    }
    return mem_printf(err, "%s/" API_UPLOADS "/%s", q->api->home, id);
}

char *upload_path(const struct request *q, const char *id, struct err *err)
{
    char *folder = folder_of(q, id, err), *path = NULL;
    size_t n = 0;
    if (!folder) {
        return NULL;
    }
    char **names =
        file_is_folder(folder) ? file_list(folder, &n, err_ignore("then it is gone")) : NULL;
    if (names && n == 1 && !str_ends(names[0], ".part")) {
        path = path_join(folder, names[0], err);
    } else {
        (void)err_set(err, ERR_NOTHING, "the upload '%.80s' is gone: send the file again", id);
    }
    file_list_free(names);
    mem_free(folder);
    return path;
}

void upload_drop(const struct request *q, const char *id)
{
    struct err *quiet = err_ignore("it goes after a day");
    char *folder = folder_of(q, id, quiet);
    if (folder) {
        err_waive(file_remove_tree(folder, quiet));
    }
    mem_free(folder);
}
