/* Headers through `gantry-imaging series --list`: a few hundred units a process, so that a crash
 * costs little and people see it go on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/dataset-scan.h"
#include "os/proc.h"

#define UNITS_AT_ONCE 250

struct reading {
    const char *imaging, *root;
    const struct series_unit *const *units;
    size_t n, done;
    json_t *rows;
    struct err *err;
};

/* The paths of units from `done` on, each ended by NUL, in a file in memory; -1 on failure. */
static int make_list(const struct reading *r)
{
    struct str list = STR_INIT;
    int fd = memfd_create("gantry-paths", MFD_CLOEXEC);
    bool ok = fd >= 0 || err_set(r->err, ERR_IO, "cannot make the list of headers to read");
    for (size_t i = r->done; i < r->n && i < r->done + UNITS_AT_ONCE; i++) {
        const char *path = r->units[i]->path;
        str_addf(&list, "%s%s%s", r->root, strcmp(path, ".") ? "/" : "",
                 strcmp(path, ".") ? path : "");
        str_addc(&list, '\0');
    }
    ok = ok && str_ok(&list, r->err) &&
        ((write(fd, list.buf, list.len) == (ssize_t)list.len && lseek(fd, 0, SEEK_SET) == 0) ||
         err_set(r->err, ERR_IO, "cannot make the list of headers to read"));
    str_fini(&list);
    if (!ok && fd >= 0) {
        (void)close(fd);
    }
    return ok ? fd : -1;
}

/* Run it on the units from `done` on. Its output, and how it ended. */
static bool run_reader(const struct reading *r, struct str *out, struct proc_end *ret_end)
{
    const char *const argv[] = {r->imaging, "series", "--list", "-", NULL};
    int in = make_list(r), fd = in >= 0 ? memfd_create("gantry-series", MFD_CLOEXEC) : -1;
    pid_t pid = 0;
    struct proc_spec spec = {.argv = argv, .in = in, .out = fd, .errs = PROC_NULL, .keep_fd = -1};
    bool ok = fd >= 0 && proc_spawn(&spec, &pid, r->err);
    if (in >= 0 && fd < 0) {
        (void)err_set(r->err, ERR_IO, "cannot make room for headers");
    }
    if (ok && proc_reap(pid, true, ret_end) != 1) {
        ok = err_bug(r->err, "a child that cannot be waited for");
    }
    off_t size = ok ? lseek(fd, 0, SEEK_END) : 0;
    char *bytes = size > 0 ? mem_array((size_t)size, 1, r->err) : NULL;
    ok = ok && (size <= 0 || bytes);
    if (ok && size > 0 && pread(fd, bytes, (size_t)size, 0) == (ssize_t)size) {
        str_addn(out, bytes, (size_t)size);
    }
    mem_free(bytes);
    if (in >= 0) {
        (void)close(in);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok && str_ok(out, r->err);
}

/* The lines of one unit go to the rows. */
static bool take_unit(struct reading *r, json_t *lines)
{
    const struct series_unit *u = r->units[r->done];
    json_t *line;
    size_t i, n = json_array_size(lines);
    bool ok = true;
    json_array_foreach(lines, i, line)
    {
        /* a folder or ZIP without any image is no trouble, unless somebody named just that */
        if (json_get_bool(line, "nothing", false) && strcmp(u->kind, "nifti") != 0) {
            continue;
        }
        ok = ok && json_put(line, "path", json_string(u->path), r->err) &&
            json_put(line, "size", json_integer(u->size), r->err) &&
            json_put(line, "mtime_ns", json_integer(u->mtime_ns), r->err) &&
            json_put(line, "many", json_boolean(n > 1), r->err) &&
            json_put(line, "unit", json_integer((json_int_t)r->done), r->err) &&
            (json_array_append(r->rows, line) == 0 || err_set(r->err, ERR_NOMEM, "out of memory"));
    }
    r->done++;
    return ok && (json_array_clear(lines) == 0 || err_set(r->err, ERR_NOMEM, "out of memory"));
}

/* Of the unit that is read now. */
static json_t *problem_line(const struct reading *r, const char *why)
{
    json_t *line = json_pack("{s:s, s:s+}", "kind",
                             strcmp(r->units[r->done]->kind, "nifti") ? "dicom" : "nifti",
                             "problem", "the reader: ", why);
    if (!line) {
        (void)err_set(r->err, ERR_NOMEM, "out of memory");
    }
    return line;
}

static bool take_lines(struct reading *r, const struct str *out, json_t *lines)
{
    const char *at = str_text(out), *end = at + out->len, *nl;
    bool ok = true;
    while (ok && r->done < r->n && (nl = memchr(at, '\n', (size_t)(end - at)))) {
        struct err why;
        json_t *line = json_parse(at, (size_t)(nl - at), "series", &why);
        line = json_is_object(line) ? line : problem_line(r, "its answer cannot be understood");
        ok = line != NULL;
        if (ok && json_object_get(line, "done")) {
            ok = take_unit(r, lines);
        } else if (ok) {
            ok = json_array_append(lines, line) == 0 || err_set(r->err, ERR_NOMEM, "out of memory");
        }
        json_decref(line);
        at = nl + 1;
    }
    return ok;
}

/* It ended on a unit: that one has a problem, and the next process begins behind it. */
static bool take_crash(struct reading *r, const struct proc_end *end, json_t *lines)
{
    char text[120];
    (void)snprintf(text, sizeof text,
                   end->signal ? "it crashed (signal %d): the file is damaged"
                               : "it gave up (exit %d)",
                   end->signal ? end->signal : end->exit);
    json_t *line = problem_line(r, text);
    bool ok = line && json_array_clear(lines) == 0 && json_array_append(lines, line) == 0;
    json_decref(line);
    return ok && take_unit(r, lines);
}

static bool read_some(struct reading *r)
{
    struct str out = STR_INIT;
    struct proc_end end = {.exit = 0};
    json_t *lines = json_array();
    size_t before = r->done,
           until = r->n - r->done > UNITS_AT_ONCE ? r->done + UNITS_AT_ONCE : r->n;
    bool ok = (lines || err_set(r->err, ERR_NOMEM, "out of memory")) && run_reader(r, &out, &end);
    if (ok && end.exit == 127) {
        ok = err_set(r->err, ERR_IO, "cannot run '%s series': reinstall gantry", r->imaging);
    }
    ok = ok && take_lines(r, &out, lines);
    if (ok && end.exit == 2 && r->done == before) {
        ok = err_set(r->err, ERR_BUG, "'%s' does not know the command series: reinstall gantry",
                     r->imaging);
    }
    if (ok && r->done < until) {
        ok = take_crash(r, &end, lines);
    }
    json_decref(lines);
    str_fini(&out);
    return ok;
}

json_t *dataset_read(const char *imaging, const char *root, const struct series_unit *const *units,
                     size_t n, void (*tell)(void *arg, size_t done), void *arg, struct err *err)
{
    struct reading r = {
        .imaging = imaging, .root = root, .units = units, .n = n, .rows = json_array(), .err = err};
    bool ok = r.rows || err_set(err, ERR_NOMEM, "out of memory");
    while (ok && r.done < n) {
        tell(arg, r.done);
        ok = read_some(&r);
    }
    if (!ok) {
        json_decref(r.rows);
        return NULL;
    }
    return r.rows;
}
