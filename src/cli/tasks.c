/* Rows of tasks, and the files of their attempts, packed or not. */
#include "cli/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/resolve.h"
#include "model/state.h"
#include "os/file.h"

#define TAIL_BYTES 4096 /* the last event of a file lies within */

static bool put_iso(json_t *row, const char *key, const char *from, struct err *err)
{
    char text[40];
    const json_t *us = json_object_get(row, from);
    if (!json_is_integer(us)) {
        return json_put(row, key, json_null(), err);
    }
    clock_iso(json_integer_value(us), text, sizeof text);
    return json_put(row, key, json_string(text), err);
}

static bool complete(json_t *row, int64_t now, struct err *err)
{
    enum task_state state = (enum task_state)json_get_int(row, "state", TASK_STATES);
    const json_t *begin = json_object_get(row, "started_us"),
                 *end = json_object_get(row, "ended_us");
    char *label = resolve_label(json_get_text(row, "name", ""), err);
    bool ok = label && json_put(row, "item", json_string(label), err) &&
        json_put(row, "state",
                 json_string(state < TASK_STATES ? task_state_name(state) : "unknown"), err);
    mem_free(label);
    json_t *seconds = json_null();
    if (json_is_integer(begin) && (json_is_integer(end) || !task_state_final(state))) {
        int64_t until = json_is_integer(end) ? json_integer_value(end) : now;
        seconds = json_real((double)(until - json_integer_value(begin)) / 1e6);
    }
    return json_put(row, "seconds", seconds, ok ? err : err_ignore("the first error stays")) &&
        ok && put_iso(row, "started", "started_us", err) && put_iso(row, "ended", "ended_us", err);
}

bool tasks_complete(json_t *rows, struct err *err)
{
    int64_t now = clock_utc_us();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!complete(json_array_get(rows, i), now, err)) {
            return false;
        }
    }
    return true;
}

char *tasks_folder(const char *attempts, int64_t run, int64_t task, int64_t n, struct err *err)
{
    return mem_printf(err, "%s/%" PRId64 "/%" PRId64 ".%" PRId64, attempts, run, task, n);
}

/* A stretch of a file. */
static char *read_part(const char *path, int64_t offset, int64_t length, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd >= 0 ? mem_zero((size_t)length + 1, err) : NULL;
    if (fd < 0) {
        (void)err_errno(err, errno, "opening '%s'", path);
        return NULL;
    }
    int64_t have = 0;
    while (text && have < length) {
        ssize_t n = pread(fd, text + have, (size_t)(length - have), offset + have);
        if (n <= 0) {
            (void)(n < 0 ? err_errno(err, errno, "reading '%s'", path)
                         : err_set(err, ERR_FORMAT, "'%s' is shorter than its index says", path));
            mem_free(text);
            text = NULL;
            break;
        }
        have += n;
    }
    (void)close(fd);
    return text;
}

/* "<task>.<n>\t<name>\t<offset>\t<length>"; the last line of a file that was packed twice wins. */
static bool find_packed(const char *index, size_t length, const char *wanted, int64_t *ret_offset,
                        int64_t *ret_length)
{
    bool found = false;
    const char *end = index + length;
    for (const char *line = index; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t n = strlen(wanted);
        if (!newline) {
            break; /* a line still being written */
        }
        if ((size_t)(newline - line) > n && !memcmp(line, wanted, n)) {
            long long offset, size;
            if (sscanf(line + n, "%lld\t%lld", &offset, &size) == 2 && offset >= 0 && size >= 0) {
                *ret_offset = offset;
                *ret_length = size;
                found = true;
            }
        }
        line = newline + 1;
    }
    return found;
}

static bool packed_file(const char *attempts, int64_t run, const char *wanted, char **ret,
                        size_t *ret_length, struct err *err)
{
    char *index_path = mem_printf(err, "%s/%" PRId64 "/logs.idx", attempts, run);
    char *pack_path = mem_printf(err, "%s/%" PRId64 "/logs.pack", attempts, run);
    char *index = NULL;
    size_t length = 0;
    int64_t offset, size;
    bool ok = index_path && pack_path;
    if (ok && file_exists(index_path)) {
        index = file_read(index_path, (size_t)1 << 30, &length, err);
        ok = index != NULL;
    }
    if (ok && index && find_packed(index, length, wanted, &offset, &size)) {
        *ret = read_part(pack_path, offset, size, err);
        *ret_length = (size_t)size;
        ok = *ret != NULL;
    }
    mem_free(index);
    mem_free(index_path);
    mem_free(pack_path);
    return ok;
}

bool tasks_file(const char *attempts, int64_t run, int64_t task, int64_t n, const char *name,
                char **ret, size_t *ret_length, struct err *err)
{
    char *folder = tasks_folder(attempts, run, task, n, err);
    char *path = folder ? path_join(folder, name, err) : NULL;
    char *wanted = path ? mem_printf(err, "%" PRId64 ".%" PRId64 "\t%s\t", task, n, name) : NULL;
    bool ok = wanted != NULL;
    *ret = NULL;
    *ret_length = 0;
    if (ok && file_exists(path)) {
        *ret = file_read(path, (size_t)1 << 30, ret_length, err);
        ok = *ret != NULL;
    } else if (ok) {
        ok = packed_file(attempts, run, wanted, ret, ret_length, err);
    }
    mem_free(wanted);
    mem_free(path);
    mem_free(folder);
    return ok;
}

/* The last whole line within the last block of the file. Caller frees. */
static char *last_line(const char *path)
{
    char block[TAIL_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    off_t from = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
    ssize_t n = fd >= 0 ? pread(fd, block, TAIL_BYTES, from) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    while (n > 0 && block[n - 1] != '\n') {
        n--; /* a line still being written */
    }
    if (n <= 1) {
        return NULL;
    }
    block[n - 1] = '\0';
    const char *line = strrchr(block, '\n');
    return mem_strdup(line ? line + 1 : block, err_ignore("then it is not known"));
}

void tasks_progress(const char *attempts, int64_t run, int64_t task, int64_t n,
                    double *ret_progress, char **ret_message)
{
    struct err *quiet = err_ignore("then it is not known");
    char *folder = tasks_folder(attempts, run, task, n, quiet);
    char *path = folder ? path_join(folder, "events.jsonl", quiet) : NULL;
    char *line = path ? last_line(path) : NULL;
    json_t *event = line ? json_parse(line, strlen(line), "an event", quiet) : NULL;
    const char *message = json_get_text(event, "message", "");
    *ret_progress = json_get_double(event, "progress", NAN);
    *ret_message = *message ? mem_strdup(message, quiet) : NULL;
    json_decref(event);
    mem_free(line);
    mem_free(path);
    mem_free(folder);
}
