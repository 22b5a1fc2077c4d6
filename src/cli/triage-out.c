/* CSV is written here; workbooks by gantry-imaging, which alone has the library: a child that is
 * not waited for while work goes on. */
#include "cli/triage-out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/child.h"
#include "engine/home.h"
#include "os/file.h"
#include "os/proc.h"

#define REWRITE_US                                                                                 \
    5000000                 /* a kill loses at most so much of the table; the journal has the rest \
                             */
#define FOLDER "output"     /* of the guide, where the command is run */
#define STUDIES "per-study" /* a name that nobody gives to a folder of ZIPs */

/* ---- where ---- */

static char *default_name(struct err *err)
{
    time_t now = time(NULL);
    struct tm local;
    char text[64] = "";
    (void)localtime_r(&now, &local);
    (void)strftime(text, sizeof text, "radiassist_results_%Y%m%d_%H%M%S.xlsx", &local);
    return mem_strdup(text, err);
}

/* What the person sees of the path: as given, or ./output/NAME. */
static char *choose(const char *wanted, struct err *err)
{
    bool folder =
        wanted && *wanted && (wanted[strlen(wanted) - 1] == '/' || file_is_folder(wanted));
    if (wanted && *wanted && !folder) {
        const char *ext = path_ext(wanted);
        if (strcasecmp(ext, ".xlsx") != 0 && strcasecmp(ext, ".csv") != 0) {
            (void)err_set(err, ERR_USAGE, "--output: '%s' must end in .xlsx or .csv", wanted);
            return NULL;
        }
        return mem_strdup(wanted, err);
    }
    char *name = default_name(err);
    char *path = name ? path_join(folder ? wanted : "./" FOLDER, name, err) : NULL;
    mem_free(name);
    return path;
}

/* Can the folder be made, and a file in it? Found out before the work, not after hours. */
static bool try_writing(const char *folder, const char *path, struct err *err)
{
    char *probe = mem_printf(err, "%s/.gantry-probe-%ld", folder, (long)getpid());
    int fd = -1;
    bool ok = probe && file_mkdirs(folder, 0777, err);
    if (ok) {
        fd = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ok = fd >= 0 || err_errno(err, errno, "cannot write into '%s'", folder);
    }
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(probe);
    }
    if (ok && file_exists(path) && access(path, W_OK) != 0) {
        ok = err_errno(err, errno, "cannot write '%s'", path);
    }
    mem_free(probe);
    return ok;
}

/* Where `path` will really lie: links of the part that is there already are resolved. */
static bool lies_in(const char *path, const char *folder)
{
    char real[PATH_MAX], part[PATH_MAX];
    (void)snprintf(part, sizeof part, "%s", path);
    for (;;) {
        if (realpath(part, real)) {
            return path_within(real, folder);
        }
        char *slash = strrchr(part, '/');
        if (!slash || slash == part) {
            return false;
        }
        *slash = '\0';
    }
}

bool triage_out_open(const char *wanted, const char *input, struct triage_out *ret,
                     char **ret_denied, struct err *err)
{
    char here[PATH_MAX];
    struct triage_out out = {.rows = MEMFILE_NONE, .said = -1};
    *ret_denied = NULL;
    out.shown = choose(wanted, err);
    if (!out.shown || !getcwd(here, sizeof here)) {
        bool named = out.shown == NULL;
        triage_out_close(&out);
        return named ? false : err_errno(err, errno, "the current folder");
    }
    out.path = path_absolute(here, out.shown, err);
    out.folder = out.path ? path_dir(out.path, err) : NULL;
    out.studies = out.folder ? path_join(out.folder, STUDIES, err) : NULL;
    out.journal = out.studies ? mem_printf(err, "%s.journal.csv", out.path) : NULL;
    out.csv = out.path && !strcasecmp(path_ext(out.path), ".csv");
    bool ok = out.journal != NULL;
    if (ok && lies_in(out.folder, input)) {
        triage_out_close(&out);
        return err_set(err, ERR_USAGE,
                       "the results would lie in the input folder, which is only read: choose "
                       "another place with --output");
    }
    if (ok && !try_writing(out.folder, out.path, err)) {
        ok = false;
        if (err->code == ERR_PERM || err->code == ERR_IO) {
            *ret_denied = mem_strdup(out.shown, err_ignore("the error says it too"));
        }
    }
    if (!ok) {
        triage_out_close(&out);
        return false;
    }
    *ret = out;
    return true;
}

/* The workbook that is being written was given all it needs: it is only waited for. */
static void end_writer(struct triage_out *out, bool wait)
{
    struct proc_end end = {-1, 0, 0, 0};
    if (out->writer && proc_reap(out->writer, wait, &end) != 0) {
        out->failed = end.exit != 0 || end.signal != 0;
        out->dirty = out->dirty || out->failed;
        out->writer = 0;
        memfile_free(&out->rows);
    }
}

void triage_out_close(struct triage_out *out)
{
    end_writer(out, true);
    memfile_free(&out->rows);
    if (out->said >= 0) {
        (void)close(out->said);
    }
    mem_free(out->path);
    mem_free(out->shown);
    mem_free(out->folder);
    mem_free(out->studies);
    mem_free(out->journal);
    *out = (struct triage_out){.rows = MEMFILE_NONE, .said = -1};
}

bool triage_out_project(struct triage_out *out, const char *project, struct err *err)
{
    char *path = path_join(out->studies, project, err);
    if (path) {
        mem_free(out->studies);
        out->studies = path;
    }
    return path != NULL;
}

/* ---- writing ---- */

bool triage_out_row(struct triage_out *out, const struct triage_row *row, struct err *err)
{
    struct str text = STR_INIT;
    int fd = open(out->journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_errno(err, errno, "the journal '%s'", out->journal);
    }
    if (lseek(fd, 0, SEEK_END) == 0) {
        triage_csv_heading(&text);
    }
    triage_csv_row(&text, row);
    bool ok = str_ok(&text, err) &&
        (write(fd, str_text(&text), text.len) == (ssize_t)text.len ||
         err_errno(err, errno, "the journal '%s'", out->journal));
    (void)close(fd);
    str_fini(&text);
    out->dirty = true;
    return ok;
}

static bool write_csv(struct triage_out *out, const struct triage_rows *rows, struct err *err)
{
    char *text = triage_rows_csv(rows, err);
    bool ok = text && file_write(out->path, text, strlen(text), true, err);
    mem_free(text);
    return ok;
}

/* What the writer says is told in one line, when it matters. */
static bool hear(struct triage_out *out, struct err *err)
{
    if (out->said < 0) {
        out->said = memfd_create("said", MFD_CLOEXEC);
    }
    return (out->said >= 0 && ftruncate(out->said, 0) == 0 && lseek(out->said, 0, SEEK_SET) == 0) ||
        err_errno(err, errno, "making room for a program's words");
}

/* Its last line, without the program's own beginning. */
static bool not_written(const struct triage_out *out, struct err *err)
{
    char text[2000] = "";
    ssize_t n = out->said < 0 ? 0 : pread(out->said, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (n > 0 && text[n - 1] == '\n') {
        text[n - 1] = '\0';
    }
    const char *line = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
    line += str_starts(line, "error: ") ? strlen("error: ") : 0;
    return err_set(err, ERR_IO, "the workbook '%s' could not be written%s%.300s", out->shown,
                   *line ? ": " : "", line);
}

/* The table into memory, and a program that makes a workbook of it. */
static bool start_writer(struct triage_out *out, const struct triage_rows *rows, struct err *err)
{
    json_t *table = triage_rows_table(rows, err);
    char *text = table ? json_text(table, err) : NULL, *in = NULL;
    char *imaging = text ? home_imaging(err) : NULL;
    bool ok = imaging && memfile_new(strlen(text), &out->rows, err) && hear(out, err) &&
        (in = mem_printf(err, "/proc/%ld/fd/%d", (long)getpid(), out->rows.fd));
    if (ok) {
        memcpy(out->rows.bytes, text, strlen(text));
        const char *const argv[] = {imaging, "table", in, out->path, NULL};
        const struct proc_spec spec = {.argv = argv,
                                       .in = PROC_NULL,
                                       .out = PROC_NULL,
                                       .errs = out->said,
                                       .keep_fd = -1,
                                       .group = true};
        ok = proc_spawn(&spec, &out->writer, err);
    }
    if (!ok) {
        memfile_free(&out->rows);
    }
    mem_free(imaging);
    mem_free(in);
    mem_free(text);
    json_decref(table);
    return ok;
}

bool triage_out_turn(struct triage_out *out, const struct triage_rows *rows, struct err *err)
{
    int64_t now = clock_mono_us();
    end_writer(out, false);
    if (!out->dirty || out->writer || (out->written_us && now - out->written_us < REWRITE_US)) {
        return true;
    }
    out->dirty = false;
    out->written_us = now;
    return out->csv ? write_csv(out, rows, err) : start_writer(out, rows, err);
}

bool triage_out_finish(struct triage_out *out, const struct triage_rows *rows, bool whole,
                       struct err *err)
{
    bool ok;
    end_writer(out, true);
    if (out->csv) {
        ok = write_csv(out, rows, err);
    } else {
        ok = start_writer(out, rows, err);
        end_writer(out, true);
        ok = ok && (!out->failed || not_written(out, err));
    }
    if (ok) {
        file_sweep_aside(out->path); /* a call that was killed while it wrote */
    }
    if (ok && whole && unlink(out->journal) != 0 && errno != ENOENT) {
        ok = err_errno(err, errno, "removing the journal '%s'", out->journal);
    }
    return ok;
}
