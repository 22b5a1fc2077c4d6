/* Output is caught in nameless files: no pipe that could fill up, nothing to read while waiting. */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "engine/home.h"
#include "os/proc.h"

#define MOST_ARGS 64

static bool catch_into(int fd, struct str *out, struct err *err)
{
    char block[4096];
    ssize_t n;
    off_t at = 0;
    while ((n = pread(fd, block, sizeof block, at)) > 0) {
        str_addn(out, block, (size_t)n);
        at += n;
    }
    return n == 0 ? str_ok(out, err) : err_errno(err, errno, "reading a program's output");
}

bool child_run(const char *const *argv, const char *cwd, struct str *ret_out, struct str *ret_errs,
               int *ret_exit, struct err *err)
{
    int out = ret_out ? memfd_create("out", MFD_CLOEXEC) : PROC_INHERIT;
    int errs = ret_errs ? memfd_create("err", MFD_CLOEXEC) : PROC_INHERIT;
    struct proc_spec spec = {.argv = argv,
                             .cwd = cwd,
                             .in = ret_out ? PROC_NULL : PROC_INHERIT,
                             .out = out,
                             .errs = errs,
                             .keep_fd = -1};
    struct proc_end end = {0};
    pid_t pid = 0;
    bool ok = false;
    if ((ret_out && out < 0) || (ret_errs && errs < 0)) {
        (void)err_errno(err, errno, "making room for a program's output");
        goto done;
    }
    if (!proc_spawn(&spec, &pid, err)) {
        goto done;
    }
    if (proc_reap(pid, true, &end) != 1) {
        (void)err_bug(err, "a child that cannot be waited for");
        goto done;
    }
    *ret_exit = end.signal ? 128 + end.signal : end.exit;
    ok = (!ret_out || catch_into(out, ret_out, err)) &&
        (!ret_errs || catch_into(errs, ret_errs, err));
done:
    if (out >= 0) {
        (void)close(out);
    }
    if (errs >= 0) {
        (void)close(errs);
    }
    return ok;
}

static enum err_code code_of_exit(int status)
{
    for (int code = ERR_FAILED; code < ERR_CODE_COUNT; code++) {
        if (err_exit_status((enum err_code)code) == status) {
            return (enum err_code)code;
        }
    }
    return ERR_FAILED;
}

/* The last line without "error: " or "gantry-imaging: " in front. */
static const char *last_line(struct str *text)
{
    while (text->len && text->buf[text->len - 1] == '\n') {
        text->buf[--text->len] = '\0';
    }
    const char *line = strrchr(str_text(text), '\n');
    line = line ? line + 1 : str_text(text);
    static const char *const prefixes[] = {"gantry-imaging: ", "error: "};
    for (size_t i = 0; i < 2; i++) {
        line += str_starts(line, prefixes[i]) ? strlen(prefixes[i]) : 0;
    }
    return line;
}

bool child_imaging(const char *const *args, struct str *ret_out, struct err *err)
{
    const char *argv[MOST_ARGS + 2] = {NULL};
    struct str errs = STR_INIT, none = STR_INIT;
    int status = 0;
    char *program = home_imaging(err);
    if (!program) {
        return false;
    }
    argv[0] = program;
    for (size_t i = 0; i < MOST_ARGS && args[i]; i++) {
        argv[i + 1] = args[i];
    }
    bool ok = child_run(argv, NULL, ret_out ? ret_out : &none, &errs, &status, err);
    if (ok && status != 0) {
        const char *line = last_line(&errs);
        ok = status > 128
            ? err_set(err, ERR_FAILED, "gantry-imaging %s was ended by signal %d", args[0],
                      status - 128)
            : err_set(err, code_of_exit(status), "%s", *line ? line : "gantry-imaging failed");
    }
    str_fini(&none);
    str_fini(&errs);
    mem_free(program);
    return ok;
}

bool child_background(const struct cli *c, const char *const *args, const char *cwd, int in,
                      int out, const char *log, struct err *err)
{
    const char *argv[MOST_ARGS] = {path_program(err)};
    char *path = argv[0] ? path_join(c->home, log, err) : NULL;
    int log_fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    pid_t pid;
    for (size_t i = 0; i + 2 < MOST_ARGS && args[i]; i++) {
        argv[i + 1] = args[i];
    }
    struct proc_spec spec = {.argv = argv,
                             .cwd = cwd,
                             .in = in,
                             .out = out,
                             .errs = log_fd,
                             .keep_fd = -1,
                             .session = true};
    bool ok = path && (log_fd >= 0 || err_errno(err, errno, "opening '%s'", path)) &&
        proc_spawn(&spec, &pid, err);
    if (log_fd >= 0) {
        (void)close(log_fd);
    }
    mem_free(path);
    mem_free((char *)argv[0]);
    return ok;
}

json_t *child_first_answer(int fd, const char *what, const char *log, struct err *err)
{
    struct str text = STR_INIT;
    char block[4096];
    ssize_t n;
    json_t *doc = NULL;
    while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR)) {
        str_addn(&text, block, n > 0 ? (size_t)n : 0);
    }
    if (!text.len) {
        (void)err_set(err, ERR_UNREACHABLE, "%s did not start; %s in the home says why", what, log);
    } else if (str_ok(&text, err)) {
        doc = json_parse(text.buf, text.len, what, err);
    }
    str_fini(&text);
    if (doc && json_object_get(doc, "error")) {
        (void)err_set(err, err_code_of(json_get_text(doc, "code", "")), "%s",
                      json_get_text(doc, "error", ""));
        json_decref(doc);
        return NULL;
    }
    return doc;
}
