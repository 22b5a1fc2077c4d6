/* Paths as text. */
#include "base/path.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "base/str.h"

#define NAME_MOST 255u /* bytes of one name: NAME_MAX of every file system in use */
#define SUM_LENGTH 9u  /* "~" and the checksum */

char *path_join(const char *dir, const char *name, struct err *err)
{
    size_t n = strlen(dir);
    if (n == 0 || name[0] == '/') {
        return mem_strdup(name, err);
    }
    return mem_printf(err, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name);
}

char *path_dir(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return mem_strdup(".", err);
    }
    return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path), err);
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* FNV-1a: short, and the same everywhere. */
static uint32_t checksum(const char *text)
{
    uint32_t sum = 2166136261u;
    for (; *text; text++) {
        sum = (sum ^ (unsigned char)*text) * 16777619u;
    }
    return sum;
}

char *path_beside(const char *path, const char *suffix, struct err *err)
{
    const char *name = path_base(path);
    size_t folder = (size_t)(name - path), extra = strlen(suffix), kept = strlen(name);
    if (kept + extra <= NAME_MOST || extra + SUM_LENGTH >= NAME_MOST) {
        return mem_printf(err, "%s%s", path, suffix);
    }
    kept = NAME_MOST - extra - SUM_LENGTH;
    while (kept > 0 && ((unsigned char)name[kept] & 0xC0) == 0x80) {
        kept--; /* no half of a letter */
    }
    return mem_printf(err, "%.*s~%08" PRIx32 "%s", (int)(folder + kept), path, checksum(name),
                      suffix);
}

const char *path_ext(const char *path)
{
    const char *base = path_base(path);
    const char *dot = strrchr(base, '.');
    if (!dot || dot == base) {
        return base + strlen(base);
    }
    if (!strcmp(dot, ".gz")) {
        for (const char *p = dot; p-- > base + 1;) {
            if (*p == '.') {
                return str_starts(p, ".nii") || str_starts(p, ".tar") ? p : dot;
            }
        }
    }
    return dot;
}

char *path_stem(const char *path, struct err *err)
{
    const char *base = path_base(path);
    return mem_strndup(base, (size_t)(path_ext(path) - base), err);
}

const char *path_below(const char *path, const char *root)
{
    size_t n = strlen(root);
    while (n > 0 && root[n - 1] == '/') {
        n--;
    }
    if (strncmp(path, root, n) != 0 || (path[n] != '\0' && path[n] != '/')) {
        return NULL;
    }
    const char *rest = path + n;
    while (*rest == '/') {
        rest++;
    }
    return rest;
}

bool path_within(const char *path, const char *root)
{
    return path_below(path, root) != NULL;
}

bool path_climbs(const char *path)
{
    for (const char *p = path; (p = strstr(p, "..")); p += 2) {
        if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/')) {
            return true;
        }
    }
    return false;
}

/* Appends the components of `path` to `out`, taking back one for each "..". */
static void add_components(struct str *out, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.') {
            char *slash = out->len ? strrchr(out->buf, '/') : NULL;
            if (slash) {
                out->len = (size_t)(slash - out->buf);
                *slash = '\0';
            }
        } else if (n > 0 && !(n == 1 && path[0] == '.')) {
            str_addc(out, '/');
            str_addn(out, path, n);
        }
        path += n + (path[n] == '/');
    }
}

char *path_absolute(const char *base, const char *path, struct err *err)
{
    struct str out = STR_INIT;
    if (path[0] != '/') {
        add_components(&out, base);
    }
    add_components(&out, path);
    if (out.len == 0) {
        str_addc(&out, '/');
    }
    return str_take(&out, err);
}

char *path_label(const char *name, struct err *err)
{
    const char *ext = path_ext(name);
    size_t n = strlen(name) - strlen(ext);
    if (ext[0] == '.' && !ext[strspn(ext, ".0123456789")]) {
        n = strlen(name); /* the last number of a UID: a study that was parted from others */
    }
    if (strchr(ext, '#')) { /* one series of a ZIP: what is behind it tells it from the others */
        n = strlen(name);
    }
    /* ".h5" alone keeps its name */
    return mem_strndup(name, n && name[n - 1] != '/' ? n : strlen(name), err);
}

char *path_common(const char *const *paths, size_t n, struct err *err)
{
    char *common = mem_strdup(n ? paths[0] : "/", err);
    for (size_t i = 1; common && i < n;) {
        if (path_within(paths[i], common)) {
            i++;
            continue;
        }
        char *up = path_dir(common, err);
        mem_free(common);
        common = up;
    }
    return common;
}

char *path_program(struct err *err)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program);
    if (n < 0) {
        (void)err_errno(err, errno, "finding this program");
        return NULL;
    }
    return mem_strndup(program, (size_t)n, err);
}

char *path_near_program(const char *below, struct err *err)
{
    char *program = path_program(err), *folder = program ? path_dir(program, err) : NULL;
    char *path = folder ? path_absolute(folder, below, err) : NULL;
    mem_free(folder);
    mem_free(program);
    return path;
}
