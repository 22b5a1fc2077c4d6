/* The job file, and everything a step says while it works. */
#include "steps/job.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"

/* Ten lines a second are more than a person or the engine can use. */
#define TELL_EVERY_US 100000
#define BAR_WIDTH 30

static bool read_outputs(struct job *job, struct err *err)
{
    const json_t *outputs = json_object_get(job->root, "outputs");
    size_t index;
    const json_t *item;

    json_array_foreach(outputs, index, item)
    {
        struct job_output *o = &job->output[job->outputs];

        if (job->outputs == JOB_MAX_OUTPUTS) {
            return err_set(err, ERR_FORMAT, "job.json: more than %d outputs", JOB_MAX_OUTPUTS);
        }
        o->name = json_get_text(item, "name", NULL);
        o->kind = json_get_text(item, "kind", NULL);
        o->final = json_get_text(item, "final", NULL);
        o->staging = json_get_text(item, "staging", NULL);
        if (o->name == NULL || o->kind == NULL || o->final == NULL || o->staging == NULL) {
            return err_set(err, ERR_FORMAT,
                           "job.json: output %zu has no name, kind, final or staging", index);
        }
        job->outputs++;
    }
    return true;
}

/* "mem" may be bytes or text such as "2G". */
static int64_t read_mem(const json_t *root)
{
    const json_t *resources = json_object_get(root, "resources");
    int64_t bytes = json_get_int(resources, "mem", 0);
    const char *text = json_get_text(resources, "mem", NULL);

    if (text != NULL && !num_bytes(text, &bytes)) {
        bytes = 0;
    }
    return bytes > 0 ? bytes : 0;
}

bool job_take(json_t *root, enum job_voice voice, struct job *ret_job, struct err *err)
{
    struct job job = {.root = root, .voice = voice, .started_us = clock_mono_us()};
    const json_t *input = json_array_get(json_object_get(root, "inputs"), 0);
    int64_t threads = json_get_int(root, "threads", 1);
    bool good = false;

    job.tool = json_get_text(root, "tool", NULL);
    job.item_name = json_get_text(json_object_get(root, "item"), "name", NULL);
    job.input = json_get_text(input, "path", NULL);
    job.home = json_get_text(root, "home", NULL);
    job.params = json_object_get(root, "params");
    job.threads = threads > 0 && threads < 4096 ? (unsigned)threads : 1;
    job.mem = read_mem(root);
    job.values = json_object();
    if (job.values == NULL) {
        err_set(err, ERR_NOMEM, "job.json: out of memory");
        goto out;
    }
    if (job.tool == NULL || job.input == NULL || !json_is_object(job.params)) {
        err_set(err, ERR_FORMAT, "job.json: no %s",
                job.tool == NULL        ? "tool"
                    : job.input == NULL ? "input with a path"
                                        : "params");
        goto out;
    }
    if (job.item_name == NULL) {
        job.item_name = path_base(job.input);
    }
    good = read_outputs(&job, err);
out:
    if (good) {
        *ret_job = job;
    } else {
        job_fini(&job);
    }
    return good;
}

bool job_load(const char *dir, struct job *ret_job, struct err *err)
{
    char *path = path_join(dir, "job.json", err);
    char *copy = path == NULL ? NULL : mem_strdup(dir, err);
    json_t *root = copy == NULL ? NULL : json_read(path, err);
    bool good = root != NULL && job_take(root, JOB_WORKER, ret_job, err);

    mem_free(path);
    if (good) {
        ret_job->dir = copy;
    } else {
        mem_free(copy);
    }
    return good;
}

void job_fini(struct job *job)
{
    json_decref(job->root);
    json_decref(job->values);
    mem_free(job->dir);
    *job = (struct job){.root = NULL};
}

const struct job_output *job_output_named(const struct job *job, const char *name)
{
    for (size_t i = 0; i < job->outputs; i++) {
        if (strcmp(job->output[i].name, name) == 0) {
            return &job->output[i];
        }
    }
    return NULL;
}

static void tell_worker(double fraction, const char *text)
{
    json_t *line = json_pack("{s:f, s:s}", "progress", fraction, "message", text);
    char *out = line == NULL ? NULL : json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(4));

    if (out != NULL) {
        printf("@gantry %s\n", out);
        fflush(stdout);
    }
    mem_free(out);
    json_decref(line);
}

static void tell_terminal(const struct job *job, double fraction, const char *text)
{
    double seconds = (double)(clock_mono_us() - job->started_us) / 1e6;
    int filled = (int)(fraction * BAR_WIDTH + 0.5);
    char bar[BAR_WIDTH + 1];
    char left[32];

    for (int i = 0; i < BAR_WIDTH; i++) {
        bar[i] = i < filled ? '#' : '.';
    }
    bar[BAR_WIDTH] = '\0';
    clock_span(fraction > 0 ? seconds * (1 - fraction) / fraction : 0, left, sizeof(left));
    fprintf(stderr, "\r[%s] %3.0f %%  %s%s%s\033[K%s", bar, fraction * 100, text,
            fraction < 1 ? ", left " : "", fraction < 1 ? left : "", fraction < 1 ? "" : "\n");
    fflush(stderr);
}

void job_progress(struct job *job, double fraction, const char *fmt, ...)
{
    int64_t now = clock_mono_us();
    char text[160];
    va_list args;

    fraction = fraction < 0 || isnan(fraction) ? 0 : fraction > 1 ? 1 : fraction;
    if (fraction < 1 && now - job->last_told_us < TELL_EVERY_US) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    job->last_told_us = now;
    if (job->voice == JOB_WORKER) {
        tell_worker(fraction, text);
    } else if (job->voice == JOB_TERMINAL) {
        tell_terminal(job, fraction, text);
    }
}

void job_say(struct job *job, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    if (job->voice == JOB_QUIET) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F) {
            *at = '?';
        }
    }
    printf("%s%s\n", job->voice == JOB_TERMINAL ? "\r\033[K" : "", text);
    fflush(stdout);
}

bool job_go_on(const struct job *job, struct err *err)
{
    return job->stop == NULL || *job->stop == 0 || err_set(err, ERR_CANCELLED, "interrupted");
}

json_t *job_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

bool job_value(struct job *job, const char *key, json_t *value, struct err *err)
{
    return json_put(job->values, key, value, err);
}

/* One JSON document into a file of the attempt's folder. */
static bool save(const char *dir, const char *name, const json_t *value, struct err *err)
{
    char *path = path_join(dir, name, err);
    char *text = path == NULL ? NULL : json_pretty(value, err);
    bool good = text != NULL && file_write(path, text, strlen(text), false, err);

    mem_free(text);
    mem_free(path);
    return good;
}

bool job_values_save(const struct job *job, struct err *err)
{
    return job->dir == NULL || save(job->dir, "values.json", job->values, err);
}

void job_failure_save(const char *dir, const struct err *failure)
{
    json_t *value =
        json_pack("{s:s, s:s}", "code", err_name(failure->code), "message", failure->text);

    if (value == NULL ||
        !save(dir, "failure.json", value,
              err_ignore("the exit status and the line on stderr say the same"))) {
        fprintf(stderr, "failure.json could not be written\n");
    }
    json_decref(value);
}
