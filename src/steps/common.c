/* Helpers of several steps. */
#include "steps/common.h"
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "infer/keep.h"
#include "math/fft.h"
#include "os/file.h"

/* More unusable samples than this share is a matter for people, not for the log. */
#define MANY_UNUSABLE 0.5

static char *wisdom_path(const struct job *job, bool make, struct err *err)
{
    char *dir =
        job->home == NULL || job->home[0] == '\0' ? NULL : path_join(job->home, "wisdom", err);
    char *path =
        dir == NULL || (make && !file_mkdirs(dir, 0777, err)) ? NULL : path_join(dir, "fftwf", err);

    mem_free(dir);
    return path;
}

void common_wisdom_load(struct job *job)
{
    struct err err = {ERR_NONE, ""};
    char *path = wisdom_path(job, false, &err);

    if (path != NULL && !fft_wisdom_load(path, NULL, &err)) {
        job_say(job, "note: FFT wisdom not loaded: %s", err.text);
    }
    mem_free(path);
}

void common_wisdom_save(struct job *job)
{
    struct err err = {ERR_NONE, ""};
    char *path = fft_planned() ? wisdom_path(job, true, &err) : NULL;

    if (err.code != ERR_NONE || (path != NULL && !fft_wisdom_save(path, &err))) {
        job_say(job, "note: FFT wisdom not kept: %s", err.text);
    }
    mem_free(path);
}

static void say_repairs(struct job *job, const struct source *source)
{
    struct normalise_stats s;

    source_stats(source, &s);
    if (s.dead_pixels > 0) {
        job_say(job,
                "warning: %zu detector pixels without a usable flat field, filled from their "
                "neighbours",
                s.dead_pixels);
    }
    if (s.dead_rows > 0) {
        job_say(job, "warning: %zu detector rows without one usable pixel, taken as empty",
                s.dead_rows);
    }
    if (s.nan_samples > 0) {
        job_say(job, "warning: %zu of %zu samples were not numbers, filled from their neighbours",
                s.nan_samples, s.samples);
    }
    if (s.negative_samples > 0) {
        job_say(job, "warning: %zu of %zu samples had zero or negative transmission, raised to %g",
                s.negative_samples, s.samples, (double)NORMALISE_FLOOR);
    }
}

bool common_tell_repairs(struct job *job, const struct source *source, struct err *err)
{
    double share = source_unusable(source);
    char text[160];

    say_repairs(job, source);
    if (share <= MANY_UNUSABLE) {
        return true;
    }
    snprintf(
        text, sizeof(text),
        "%.1f %% of the samples are unusable (dead pixels, not numbers, zero or negative): look "
        "at the result before you trust it",
        100 * share);
    return job_value(job, "warning", json_string(text), err);
}

json_t *common_repairs(const struct source *source)
{
    struct normalise_stats s;

    source_stats(source, &s);
    return json_pack("{s:I, s:I, s:I, s:I}", "dead_pixels", (json_int_t)s.dead_pixels, "dead_rows",
                     (json_int_t)s.dead_rows, "nan_samples", (json_int_t)s.nan_samples,
                     "negative_samples", (json_int_t)s.negative_samples);
}

bool common_folder_of(const char *path, struct err *err)
{
    char *dir = path_dir(path, err);
    bool good = dir != NULL && file_mkdirs(dir, 0777, err);

    mem_free(dir);
    return good;
}

bool common_model_open(struct job *job, const char *folder, const char *without,
                       struct keep_model *ret, struct err *err)
{
    const struct ort_options options = {.threads = job->threads, .stop = job->stop};
    int64_t start = clock_mono_us();

    if (!keep_open(job->models, folder, &options, job->mem, without, ret, err)) {
        return false;
    }
    const char *name = ret->infer->card.name;
    const char *device = ort_device(ret->infer->session);
    const char *why = ort_fallback(ret->infer->session);

    if (ret->again) {
        job_say(job, "[model] %s: still loaded, computes on %s", name, device);
    } else {
        job_say(job, "[model] %s: loaded in %.3f s, computes on %s", name,
                (double)(clock_mono_us() - start) / 1e6, device);
    }
    if (why[0] != '\0') {
        job_say(job, "[model] note: not on the GPU that was given: %s", why);
    }
    return true;
}

void common_shell_word(struct str *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";

    if (text[0] != '\0' && strspn(text, plain) == strlen(text)) {
        str_add(out, text);
        return;
    }
    str_addc(out, '\'');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'') {
            str_add(out, "'\\''");
        } else {
            str_addc(out, *at);
        }
    }
    str_addc(out, '\'');
}
