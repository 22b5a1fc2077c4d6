/* Files that matter. Writing aside and renaming is the only way anything final is made here. */
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "os/proc.h"

#define READ_MAX ((size_t)64 << 20)
#define WALK_FDS 32

char *file_read(const char *path, size_t max, size_t *ret_length, struct err *err)
{
    char *data = NULL;
    size_t used = 0, cap = 0;
    max = max ? max : READ_MAX;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        (void)err_errno(err, errno, "cannot read '%s'", path);
        return NULL;
    }
    bool ok = true;
    struct stat st;
    cap = fstat(fd, &st) == 0 && st.st_size > 0 && (size_t)st.st_size < max ? (size_t)st.st_size + 2
                                                                            : 4096;
    for (;;) {
        char *grown =
            used + 1 < cap && data ? data : mem_resize(data, cap = data ? cap * 2 : cap, 1, err);
        if (!grown) {
            ok = false;
            break;
        }
        data = grown;
        ssize_t n = read(fd, data + used, cap - used - 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            ok = err_errno(err, errno, "cannot read '%s'", path);
            break;
        }
        used += (size_t)n;
        if (used > max) {
            ok = err_set(err, ERR_FORMAT, "'%s' is larger than %zu bytes", path, max);
            break;
        }
        if (n == 0) {
            break;
        }
    }
    (void)close(fd);
    if (!ok) {
        mem_free(data);
        return NULL;
    }
    data[used] = '\0';
    if (ret_length) {
        *ret_length = used;
    }
    return data;
}

static bool write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        data += n;
        length -= (size_t)n;
    }
    return true;
}

static bool write_new(const char *path, const char *data, size_t length, bool sync, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_errno(err, errno, "cannot write '%s'", path);
    }
    bool ok = write_all(fd, data, length) && (!sync || fsync(fd) == 0);
    int saved = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        saved = errno;
    }
    return ok || err_errno(err, saved, "cannot write '%s'", path);
}

bool file_put(const char *path, const char *data, size_t length, struct err *err)
{
    return write_new(path, data, length, false, err);
}

bool file_write(const char *path, const char *data, size_t length, bool sync, struct err *err)
{
    char suffix[40];
    (void)snprintf(suffix, sizeof suffix, ".gantry-%ld.tmp", (long)getpid());
    char *aside = path_beside(path, suffix, err);
    if (!aside) {
        return false;
    }
    bool ok = write_new(aside, data, length, sync, err);
    if (ok && rename(aside, path) != 0) {
        ok = err_errno(err, errno, "cannot rename '%s' into its place", aside);
    }
    if (!ok) {
        (void)unlink(aside);
    }
    mem_free(aside);
    return ok;
}

/* One that has ended and waits for whoever adopted it writes nothing more. */
static bool is_gone(pid_t pid)
{
    return kill(pid, 0) == 0 ? proc_start_time(pid) < 0 : errno == ESRCH;
}

/* Is `tail`, behind a file's name, that of a process that is no more? */
static bool left_aside(const char *tail)
{
    long pid = 0;
    int end = 0;
    return sscanf(tail, ".gantry-%ld.tmp%n", &pid, &end) == 1 && end > 0 && tail[end] == '\0' &&
        pid > 1 && is_gone((pid_t)pid);
}

void file_sweep_aside(const char *path)
{
    struct err *quiet = err_ignore("a courtesy");
    const char *name = path_base(path);
    size_t length = strlen(name);
    char *folder = path_dir(path, quiet);
    DIR *d = folder ? opendir(folder) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!strncmp(e->d_name, name, length) && left_aside(e->d_name + length)) {
            (void)unlinkat(dirfd(d), e->d_name, 0);
        }
    }
    if (d) {
        (void)closedir(d);
    }
    mem_free(folder);
}

bool file_mkdirs(const char *path, mode_t mode, struct err *err)
{
    if (mkdir(path, mode) == 0 || (errno == EEXIST && file_is_folder(path))) {
        return true;
    }
    if (errno == EEXIST) {
        return err_set(err, ERR_IO, "cannot make folder '%s': a file of that name is in the way",
                       path);
    }
    if (errno != ENOENT) {
        return err_errno(err, errno, "cannot make folder '%s'", path);
    }
    char *parent = path_dir(path, err);
    bool ok = parent && strcmp(parent, path) != 0 && file_mkdirs(parent, mode, err);
    mem_free(parent);
    if (ok && mkdir(path, mode) != 0 && errno != EEXIST) {
        ok = err_errno(err, errno, "cannot make folder '%s'", path);
    }
    return ok;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

bool file_remove_tree(const char *path, struct err *err)
{
    if (unlink(path) == 0 || errno == ENOENT) {
        return true;
    }
    if (nftw(path, remove_one, WALK_FDS, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        return err_errno(err, errno, "cannot remove '%s'", path);
    }
    return true;
}

bool file_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, errno, "cannot open '%s' to sync it", path);
    }
    bool ok = fsync(fd) == 0 || errno == EINVAL ||
        errno == EROFS; /* some file systems cannot sync folders */
    int saved = errno;
    (void)close(fd);
    return ok || err_errno(err, saved, "cannot sync '%s'", path);
}

static int sync_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    return (type == FTW_F || type == FTW_D || type == FTW_DP) &&
            !file_sync(path, err_ignore("errno is told"))
        ? -1
        : 0;
}

bool file_sync_tree(const char *path, struct err *err)
{
    return nftw(path, sync_one, WALK_FDS, FTW_DEPTH | FTW_PHYS) == 0 ||
        err_errno(err, errno, "cannot sync '%s'", path);
}

bool file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Calls `fn` on the nearest existing parent. */
static bool nearest(const char *path, bool (*fn)(const char *, void *), void *arg)
{
    char *at = mem_strdup(path, NULL);
    bool ok = false;
    while (at && !(ok = fn(at, arg)) && strcmp(at, "/") != 0 && strcmp(at, ".") != 0) {
        char *up = path_dir(at, err_ignore("without memory the answer is unknown"));
        mem_free(at);
        at = up;
    }
    mem_free(at);
    return ok;
}

static bool free_at(const char *path, void *arg)
{
    struct statvfs v;
    int64_t *bytes = arg;
    if (statvfs(path, &v) != 0) {
        return false;
    }
    *bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    return true;
}

int64_t file_free_bytes(const char *path)
{
    int64_t bytes = -1;
    (void)nearest(path, free_at, &bytes);
    return bytes;
}

static bool device_at(const char *path, void *arg)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return false;
    }
    *(uint64_t *)arg = (uint64_t)st.st_dev;
    return true;
}

uint64_t file_device(const char *path)
{
    uint64_t device = 0;
    (void)nearest(path, device_at, &device);
    return device;
}

static bool network_at(const char *path, void *arg)
{
    /* f_type of statfs(2): NFS, SMB, CIFS, SMB2, Ceph, AFS, Lustre, GPFS, BeeGFS, 9p, FUSE (sshfs
     * and others) */
    static const unsigned long remote[] = {0x6969,     0x517B,     0xFF534D42, 0xFE534D42,
                                           0x00C36400, 0x5346414F, 0x0BD00BD0, 0x47504653,
                                           0x19830326, 0x01021997, 0x65735546};
    struct statfs s;
    if (statfs(path, &s) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++) {
        if ((unsigned long)s.f_type == remote[i]) {
            *(bool *)arg = true;
        }
    }
    return true;
}

bool file_on_network(const char *path)
{
    bool network = false;
    (void)nearest(path, network_at, &network);
    return network;
}

/* nftw has no user pointer; this program walks on one thread only. */
static _Thread_local struct file_measure *walk_sum;
static _Thread_local gid_t walk_gid;
static _Thread_local mode_t walk_mode;

static int measure_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)path;
    (void)at;
    if (type == FTW_F) {
        int64_t mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
        walk_sum->size += st->st_size;
        walk_sum->files++;
        walk_sum->mtime_ns = mtime > walk_sum->mtime_ns ? mtime : walk_sum->mtime_ns;
    }
    return 0;
}

bool file_measure(const char *path, struct file_measure *ret, struct err *err)
{
    struct stat st;
    struct file_measure m = {0};
    if (stat(path, &st) != 0) {
        return err_errno(err, errno, "cannot read '%s'", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        m.size = st.st_size;
        m.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        m.files = 1;
    } else {
        m.folder = true;
        walk_sum = &m;
        bool walked = nftw(path, measure_one, WALK_FDS, FTW_PHYS) == 0;
        walk_sum = NULL;
        if (!walked) {
            return err_errno(err, errno, "cannot read '%s'", path);
        }
    }
    *ret = m;
    return true;
}

bool file_measure_glob(const char *folder, const char *pattern, struct file_measure *ret,
                       struct err *err)
{
    struct file_measure m = {.folder = true};
    DIR *d = opendir(folder);
    if (!d) {
        return err_errno(err, errno, "cannot list '%s'", folder);
    }
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (fnmatch(pattern, e->d_name, FNM_PERIOD) == 0 &&
            fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode)) {
            int64_t mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
            m.size += st.st_size;
            m.files++;
            m.mtime_ns = mtime > m.mtime_ns ? mtime : m.mtime_ns;
        }
    }
    (void)closedir(d);
    *ret = m;
    return true;
}

static int like_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    if (type == FTW_F || type == FTW_D || type == FTW_DP) {
        mode_t mode = type == FTW_F ? (walk_mode & 0666) | (st->st_mode & 0700) : walk_mode | 0700;
        if (st->st_gid != walk_gid && lchown(path, (uid_t)-1, walk_gid) != 0) {
            return 0; /* not a member of the group: the mode must not open what the group was to
                         have */
        }
        (void)chmod(path, mode & 07777);
    }
    return 0;
}

void file_like_folder(const char *path, const char *model)
{
    struct stat st;
    if (stat(model, &st) == 0 && S_ISDIR(st.st_mode)) {
        walk_gid = st.st_gid;
        walk_mode = st.st_mode & 02777;
        (void)nftw(path, like_one, WALK_FDS, FTW_PHYS);
    }
}

bool file_replace(const char *from, const char *to, struct err *err)
{
    struct stat st;
    bool folder_there = lstat(to, &st) == 0 && S_ISDIR(st.st_mode);
    if (!folder_there) {
        return rename(from, to) == 0 ||
            err_errno(err, errno, "cannot rename '%s' into its place", from);
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0) {
        return file_remove_tree(from, err);
    }
    /* a file system without RENAME_EXCHANGE: old aside, new in, old away; the caller's journal
     * covers the gap */
    char *old = path_beside(from, ".gantry-old", err);
    bool ok = old && (rename(to, old) == 0 || err_errno(err, errno, "cannot move '%s' aside", to));
    ok = ok &&
        (rename(from, to) == 0 || err_errno(err, errno, "cannot rename '%s' into its place", from));
    ok = ok && file_remove_tree(old, err);
    mem_free(old);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **file_list(const char *path, size_t *ret_count, struct err *err)
{
    char **names = mem_array(16, sizeof *names, err);
    size_t n = 0, cap = 16;
    DIR *d = names ? opendir(path) : NULL;
    if (!d) {
        if (names) {
            (void)err_errno(err, errno, "cannot list '%s'", path);
        }
        mem_free(names);
        return NULL;
    }
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) {
            continue;
        }
        if (n + 2 > cap) {
            char **grown = mem_resize(names, cap * 2, sizeof *names, err);
            ok = grown != NULL;
            names = grown ? grown : names;
            cap = grown ? cap * 2 : cap;
        }
        names[n] = ok ? mem_strdup(e->d_name, err) : NULL;
        ok = names[n] != NULL;
        n += ok;
        names[n] = NULL;
    }
    (void)closedir(d);
    if (!ok) {
        names[n] = NULL;
        file_list_free(names);
        return NULL;
    }
    qsort(names, n, sizeof *names, by_name);
    if (ret_count) {
        *ret_count = n;
    }
    return names;
}

void file_list_free(char **names)
{
    for (size_t i = 0; names && names[i]; i++) {
        mem_free(names[i]);
    }
    mem_free(names);
}

void file_write_behind(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        (void)close(fd);
    }
}
