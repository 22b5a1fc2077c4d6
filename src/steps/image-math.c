/*
 * image.math: a formula over up to nine images on the same voxels. It is worked out piece by piece;
 * in memory are the images as they are stored, and the new one.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "math/expression.h"
#include "steps/image-args.h"
#include "steps/step.h"

extern const struct step step_image_math;

struct sum {
    struct job *job;
    const char *path[EXPRESSION_INPUTS];
    struct volume image[EXPRESSION_INPUTS];
    size_t n;
    struct nifti_info info; /* of the first */
    struct expression *formula;
    struct volume out;
    size_t nonzero, not_finite, bent;
    double low, high;
};

/* f1 ... f9; f1 alone may stand for several. */
static bool find_images(struct sum *s, struct err *err)
{
    for (size_t i = 0; i < EXPRESSION_INPUTS; i++) {
        const char *path[EXPRESSION_INPUTS];
        char id[3] = {'f', (char)('1' + i), '\0'};
        size_t n = 0;

        if (!image_arg_paths(s->job, id, path, EXPRESSION_INPUTS, &n, err)) {
            return false;
        }
        if (n > 0 && s->n + n > EXPRESSION_INPUTS) {
            return err_set(err, ERR_USAGE, "more than %d images", EXPRESSION_INPUTS);
        }
        if (n > 0 && s->n < i) {
            return err_set(err, ERR_USAGE, "f%zu is given, but not f%zu before it", i + 1, i);
        }
        if (n > 0 && s->n > i) {
            return err_set(err, ERR_USAGE, "f%zu: the files of f1 have that name already", i + 1);
        }
        for (size_t k = 0; k < n; k++) {
            s->path[s->n++] = path[k];
        }
    }
    return s->n > 0 || err_set(err, ERR_USAGE, "f1: no file is given");
}

static bool read_images(struct sum *s, struct err *err)
{
    size_t times = 1;

    for (size_t i = 0; i < s->n; i++) {
        struct volume *v = &s->image[i];

        if (!nifti_read(s->path[i], v, i == 0 ? &s->info : NULL, err)) {
            return false;
        }
        if (i > 0 && !image_same_grid(s->job, s->path[i], v, s->path[0], &s->image[0], err)) {
            return false;
        }
        if (v->n[3] > 1 && times > 1 && v->n[3] != times) {
            return err_set(err, ERR_FORMAT, "%s has %zu volumes, others %zu",
                           image_arg_name(s->job, s->path[i]), v->n[3], times);
        }
        times = v->n[3] > 1 ? v->n[3] : times;
        job_progress(s->job, 0.5 * (double)(i + 1) / (double)s->n, "reading");
    }
    return true;
}

static bool make_out(struct sum *s, struct err *err)
{
    const struct volume *first = &s->image[0];
    size_t n[4] = {first->n[0], first->n[1], first->n[2], 1};
    enum voxel kind = expression_is_mask(s->formula) ? VOXEL_U8 : VOXEL_F32;
    const char *dtype = json_get_text(s->job->params, "dtype", "auto");

    for (size_t i = 0; i < s->n; i++) {
        n[3] = s->image[i].n[3] > n[3] ? s->image[i].n[3] : n[3];
    }
    if ((strcmp(dtype, "auto") != 0 && dtype[0] != '\0' && !image_arg_kind(dtype, &kind, err)) ||
        !volume_new(&s->out, n, kind, err)) {
        return false;
    }
    memcpy(s->out.affine, first->affine, sizeof(s->out.affine));
    return true;
}

static void note(struct sum *s, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            s->not_finite++;
        } else {
            s->nonzero += values[i] != 0;
            s->low = fmin(s->low, values[i]);
            s->high = fmax(s->high, values[i]);
        }
    }
}

static bool work_out(struct sum *s, struct err *err)
{
    size_t plane = s->out.n[0] * s->out.n[1] * s->out.n[2];
    size_t count = volume_count(&s->out);
    double *room = mem_array((s->n + 1) * EXPRESSION_CHUNK, sizeof(*room), err);
    const double *input[EXPRESSION_INPUTS] = {NULL};
    double *result = room;
    bool good = room != NULL;

    for (size_t at = 0; good && at < count;) {
        size_t n = plane - at % plane; /* within one volume */

        n = n < EXPRESSION_CHUNK ? n : EXPRESSION_CHUNK;
        for (size_t i = 0; i < s->n; i++) {
            if (expression_uses(s->formula, i)) {
                double *own = room + (i + 1) * EXPRESSION_CHUNK;
                volume_doubles(&s->image[i], s->image[i].n[3] > 1 ? at : at % plane, n, own);
                input[i] = own;
            }
        }
        expression_run(s->formula, input, n, result);
        note(s, result, n);
        s->bent += volume_store(&s->out, at, n, result);
        at += n;
        job_progress(s->job, 0.5 + 0.4 * (double)at / (double)count, "calculating");
        good = job_go_on(s->job, err);
    }
    mem_free(room);
    return good;
}

static bool report(struct sum *s, struct err *err)
{
    struct job *job = s->job;
    bool any = s->low <= s->high;
    char text[160];

    snprintf(text, sizeof(text),
             "%zu voxels did not fit %s: they have its nearest value, 0 for NaN", s->bent,
             voxel_name(s->out.kind));
    if (s->bent > 0) {
        job_say(job, "[math] %s", text);
    }
    return job_value(job, "voxels", json_integer((json_int_t)volume_count(&s->out)), err) &&
        job_value(job, "nonzero", json_integer((json_int_t)s->nonzero), err) &&
        job_value(job, "min", job_number(any ? s->low : NAN), err) &&
        job_value(job, "max", job_number(any ? s->high : NAN), err) &&
        (s->not_finite == 0 ||
         job_value(job, "not_finite", json_integer((json_int_t)s->not_finite), err)) &&
        (s->bent == 0 || job_value(job, "warning", json_string(text), err));
}

static bool work(struct sum *s, struct err *err)
{
    const char *text = json_get_text(s->job->params, "expression", "");
    const char *path = NULL;
    const char *final = NULL;

    if (!image_arg_out(s->job, "out", true, &path, &final, err) || !find_images(s, err)) {
        return false;
    }
    if (!nifti_named(final)) {
        return err_set(err, ERR_USAGE, "out = %s: its name must end in .nii.gz or .nii",
                       path_base(final));
    }
    s->formula = expression_new(text, s->n, err);
    if (s->formula == NULL || !read_images(s, err) || !make_out(s, err) || !work_out(s, err)) {
        return false;
    }
    const struct nifti_extra extra = {.place_code = s->info.place_code,
                                      .time_step_s = s->info.time_step_s,
                                      .description = text,
                                      .stop = s->job->stop};
    return nifti_write(path, &s->out, &extra, err) && report(s, err);
}

static bool run(struct job *job, struct err *err)
{
    struct sum s = {.job = job, .low = INFINITY, .high = -INFINITY};
    bool good = work(&s, err);

    if (good) {
        job_progress(job, 1, "%zu of %zu voxels are not 0", s.nonzero, volume_count(&s.out));
    }
    for (size_t i = 0; i < EXPRESSION_INPUTS; i++) {
        volume_fini(&s.image[i]);
    }
    volume_fini(&s.out);
    expression_free(s.formula);
    return good;
}

const struct step step_image_math = {
    .name = "image.math",
    .title = "a formula over images",
    .help = "A formula over up to nine images on the same voxels, such as f1 > 300 && f2 == 17.",
    .version = 1,
    .phase = "math",
    .word_done = "Calculated",
    .word_failed = "Math failed",
    .stall_s = 600,
    .mem = "2G",
    .run = run,
};
