/* The table of a run as a file, made by a child: a run may have a hundred thousand rows. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "api/child.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/mem.h"
#include "base/path.h"
#include "os/file.h"

static const struct format {
    const char *name, *type;
} formats[] = {
    {"json", "application/json"},
    {"csv", "text/csv; charset=utf-8"},
    {"tsv", "text/tab-separated-values; charset=utf-8"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
};
#define FORMATS (sizeof formats / sizeof *formats)

struct making {
    struct later *later;
    struct api_child *child;
    const struct format *format;
    int64_t run;
    char *folder; /* its own: a child that is ended leaves what it had begun there */
    char *path;
};

static void making_free(struct making *m)
{
    if (m) {
        if (m->folder) {
            err_waive(file_remove_tree(m->folder, err_ignore("it is a small file")));
        }
        mem_free(m->folder);
        mem_free(m->path);
    }
    mem_free(m);
}

/* *folder: a pattern that becomes a name; NULL on failure. */
static bool make_folder(char **folder, struct err *err)
{
    char *parent = path_dir(*folder, err);
    bool ok = parent && file_mkdirs(parent, 0700, err);
    mem_free(parent);
    if (!ok) {
        mem_free(*folder);
        *folder = NULL;
        return false;
    }
    if (!mkdtemp(*folder)) {
        int why = errno;
        mem_free(*folder);
        *folder = NULL;
        return err_errno(err, why, "making room for the table");
    }
    return true;
}

static bool send_file(struct making *m, struct reply *r, struct err *err)
{
    char name[80];
    struct stat st;
    int fd = open(m->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int why = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return err_errno(err, why, "opening the table");
    }
    (void)snprintf(name, sizeof name, "%s; filename=\"run-%" PRId64 ".%s\"",
                   strcmp(m->format->name, "json") ? "attachment" : "inline", m->run,
                   m->format->name);
    return reply_fd(r, m->format->type, fd, 0, st.st_size, NULL, err) &&
        reply_header(r, "Content-Disposition", name, err);
}

static void made(void *arg, const json_t *answer, const struct err *why)
{
    struct making *m = arg;
    struct err err = *why;
    (void)answer;
    if (why->code == ERR_NONE && send_file(m, later_reply(m->later), &err)) {
        later_done(m->later);
    } else {
        later_fail(m->later, &err);
    }
    making_free(m);
}

static void gone(void *arg)
{
    struct making *m = arg;
    child_drop(m->child);
    making_free(m);
}

static void line(void *arg, const char *text)
{
    (void)arg;
    (void)text; /* what it says beside the file is for terminals */
}

static bool show(struct request *q, struct reply *r, struct err *err)
{
    const char *word = request_text(q, "format", "json");
    char run[24];
    int64_t id;
    size_t i = 0;

    while (i < FORMATS && strcmp(formats[i].name, word) != 0) {
        i++;
    }
    if (!request_id(q, 0, &id, err) || !scope_run(q, id, NULL, err)) {
        return false;
    }
    if (i == FORMATS) {
        return err_set(err, ERR_USAGE, "format is json, csv, tsv or xlsx");
    }
    struct making *m = mem_zero(sizeof *m, err);
    bool ok = m != NULL;
    if (ok) {
        m->format = &formats[i];
        m->run = id;
        m->folder = mem_printf(err, "%s/" API_RESULTS "/XXXXXX", q->api->home);
        (void)snprintf(run, sizeof run, "%" PRId64, id);
        ok = m->folder && make_folder(&m->folder, err) &&
            (m->path = mem_printf(err, "%s/table.%s", m->folder, formats[i].name));
    }
    if (ok) {
        const char *args[] = {"results", run, "-o", m->path, NULL};
        struct child_hooks hooks = {.line = line, .done = made, .arg = m};
        m->child = child_start(q->api, args, &hooks, err);
        m->later = m->child ? reply_later(r, gone, m, err) : NULL;
        ok = m->later != NULL;
    }
    if (!ok) {
        if (m) {
            child_drop(m->child);
        }
        making_free(m);
    }
    return ok;
}

static const struct route_param params[] = {
    {IN_QUERY, "format", P_TEXT, false, "json (default), csv, tsv or xlsx"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_results[] = {
    {"GET", "/api/v1/results/{run}", ROLE_VIEWER, "One row an item: status, centre, jobs, outputs",
     params, show, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
