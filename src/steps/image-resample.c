/*
 * image.resample: an image in other voxels: of a given size, or those of another image. Labels keep
 * their type and their values.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "math/resample-volume.h"
#include "steps/image-args.h"
#include "steps/model-space.h"
#include "steps/step.h"

extern const struct step step_image_resample;

#define INTENT_LABEL 1002 /* NIFTI_INTENT_LABEL */

struct turn {
    struct job *job;
    const char *image_path;
    struct volume in, out;
    struct nifti_info info;
    struct resample_grid grid;
    int place_code;
    enum resample_method method;
    size_t bent;
};

static bool read_grid(struct turn *t, struct err *err)
{
    struct resample_grid own;
    struct volume other = {.voxels = NULL};
    struct nifti_info info;
    const char *reference = NULL;
    double mm[3];
    size_t n = 0;
    char room[40];
    const char *spacing = image_arg_text(t->job, "spacing", room);

    if (!image_arg_path(t->job, "reference", false, &reference, err)) {
        return false;
    }
    if ((reference != NULL) == (spacing[0] != '\0')) {
        return err_set(err, ERR_USAGE, "either a reference image or a spacing is needed, not %s",
                       reference != NULL ? "both" : "neither");
    }
    t->place_code = t->info.place_code;
    if (reference != NULL) {
        if (!nifti_look(reference, &info, err)) {
            return false;
        }
        memcpy(other.n, info.n, sizeof(other.n));
        memcpy(other.affine, info.affine, sizeof(other.affine));
        model_space_own(&other, &t->grid);
        t->place_code = info.place_code;
        return true;
    }
    if (!image_arg_numbers("spacing", spacing, mm, 3, &n, err)) {
        return false;
    }
    mm[1] = n == 1 ? mm[0] : mm[1];
    mm[2] = n == 1 ? mm[0] : mm[2];
    if (n == 2 || !(mm[0] > 0 && mm[1] > 0 && mm[2] > 0)) {
        return err_set(err, ERR_USAGE, "spacing = %s: one or three millimetres above 0", spacing);
    }
    model_space_own(&t->in, &own);
    resample_spaced(&own, mm, &t->grid);
    return true;
}

/* Are there at most two different whole values (a mask)? */
static bool is_mask(const struct volume *v)
{
    double chunk[1024];
    double seen[2] = {NAN, NAN};
    size_t kinds = 0;
    size_t count = volume_count(v);

    if (v->kind >= VOXEL_F32 || v->slope != 1 || v->intercept != 0) {
        return false;
    }
    for (size_t at = 0; at < count; at += 1024) {
        size_t n = count - at < 1024 ? count - at : 1024;
        volume_doubles(v, at, n, chunk);
        for (size_t i = 0; i < n; i++) {
            if (chunk[i] != seen[0] && chunk[i] != seen[1]) {
                if (kinds == 2) {
                    return false;
                }
                seen[kinds++] = chunk[i];
            }
        }
    }
    return true;
}

static bool choose_method(struct turn *t, struct err *err)
{
    static const char *const names[] = {"nearest", "linear", "cubic", "labels"};
    const char *word = json_get_text(t->job->params, "interpolation", "auto");

    if (strcmp(word, "auto") == 0 || word[0] == '\0') {
        bool labels = t->info.intent_code == INTENT_LABEL || is_mask(&t->in);
        t->method = labels ? RESAMPLE_LABELS : RESAMPLE_LINEAR;
        job_say(t->job, "[resample] interpolation: %s", names[t->method]);
        return true;
    }
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(word, names[i]) == 0) {
            t->method = (enum resample_method)i;
            return true;
        }
    }
    return err_set(err, ERR_USAGE,
                   "interpolation = %.40s is not one of: auto, nearest, linear, cubic, labels",
                   word);
}

static bool make_out(struct turn *t, struct err *err)
{
    size_t n[4] = {t->grid.n[0], t->grid.n[1], t->grid.n[2], t->in.n[3]};
    bool as_stored = t->method == RESAMPLE_NEAREST || t->method == RESAMPLE_LABELS;
    enum voxel kind = as_stored ? t->in.kind : t->in.kind == VOXEL_F64 ? VOXEL_F64 : VOXEL_F32;
    const char *dtype = json_get_text(t->job->params, "dtype", "auto");
    bool asked = strcmp(dtype, "auto") != 0 && dtype[0] != '\0';

    if ((asked && !image_arg_kind(dtype, &kind, err)) || !volume_new(&t->out, n, kind, err)) {
        return false;
    }
    memcpy(t->out.affine, t->grid.affine, sizeof(t->out.affine));
    if (as_stored && !asked) { /* the stored numbers are copied, whatever they stand for */
        t->out.slope = t->in.slope;
        t->out.intercept = t->in.intercept;
        t->in.slope = 1;
        t->in.intercept = 0;
    }
    return true;
}

static bool work_out(struct turn *t, struct err *err)
{
    struct resample_grid own;
    double connect[3][4];
    double outside = json_get_double(t->job->params, "outside", 0);
    size_t plane = t->grid.n[0] * t->grid.n[1];
    double *slice = mem_array(plane, sizeof(*slice), err);
    bool good = slice != NULL;

    model_space_own(&t->in, &own);
    good = good && resample_connect(&own, &t->grid, connect, err);
    if (good && t->out.slope != 0) { /* in numbers as they are stored */
        outside = (outside - t->out.intercept) / t->out.slope;
    }
    for (size_t time = 0; good && time < t->in.n[3]; time++) {
        double *values = image_arg_values(&t->in, time, err);
        good = values != NULL &&
            (t->method != RESAMPLE_CUBIC ||
             resample_volume_prepare(values, t->in.n, t->job->threads, err));
        for (size_t z = 0; good && z < t->grid.n[2]; z++) {
            resample_volume_slice(values, t->in.n, (const double(*)[4])connect, &t->grid, z,
                                  t->method, outside, t->job->threads, slice);
            t->bent += volume_store(&t->out, (time * t->grid.n[2] + z) * plane, plane, slice);
            job_progress(
                t->job,
                0.1 + 0.8 * ((double)time + (double)z / (double)t->grid.n[2]) / (double)t->in.n[3],
                "resampling");
            good = job_go_on(t->job, err);
        }
        mem_free(values);
    }
    mem_free(slice);
    return good;
}

static bool report(struct turn *t, struct err *err)
{
    static const char *const names[] = {"nearest", "linear", "cubic", "labels"};
    char text[160];
    double mm[3];

    volume_spacing(&t->out, mm);
    snprintf(text, sizeof(text),
             "%zu voxels did not fit %s: they have its nearest value, 0 for NaN", t->bent,
             voxel_name(t->out.kind));
    return job_value(t->job, "shape",
                     json_pack("[I, I, I]", (json_int_t)t->out.n[0], (json_int_t)t->out.n[1],
                               (json_int_t)t->out.n[2]),
                     err) &&
        job_value(t->job, "spacing_mm", json_pack("[f, f, f]", mm[0], mm[1], mm[2]), err) &&
        job_value(t->job, "interpolation", json_string(names[t->method]), err) &&
        (t->bent == 0 || job_value(t->job, "warning", json_string(text), err));
}

static bool work(struct turn *t, struct err *err)
{
    const char *path = NULL;
    const char *final = NULL;

    if (!image_arg_out(t->job, "out", true, &path, &final, err) ||
        !image_arg_path(t->job, "image", true, &t->image_path, err)) {
        return false;
    }
    if (!nifti_named(final)) {
        return err_set(err, ERR_USAGE, "out = %s: its name must end in .nii.gz or .nii",
                       path_base(final));
    }
    if (!nifti_read(t->image_path, &t->in, &t->info, err) || !read_grid(t, err) ||
        !choose_method(t, err) || !make_out(t, err) || !work_out(t, err)) {
        return false;
    }
    const struct nifti_extra extra = {.place_code = t->place_code,
                                      .time_step_s = t->info.time_step_s,
                                      .intent_code = t->info.intent_code,
                                      .description = t->info.description,
                                      .stop = t->job->stop};
    return nifti_write(path, &t->out, &extra, err) && report(t, err);
}

static bool run(struct job *job, struct err *err)
{
    struct turn t = {.job = job, .in = {.voxels = NULL}, .out = {.voxels = NULL}};
    bool good = work(&t, err);

    if (good) {
        job_progress(job, 1, "%zu x %zu x %zu voxels", t.out.n[0], t.out.n[1], t.out.n[2]);
    }
    volume_fini(&t.in);
    volume_fini(&t.out);
    return good;
}

const struct step step_image_resample = {
    .name = "image.resample",
    .title = "an image in other voxels",
    .help = "An image in voxels of a given size, or in those of another image: nearest, linear, "
            "cubic, or by the majority of labels.",
    .version = 1,
    .phase = "resample",
    .word_done = "Resampled",
    .word_failed = "Resample failed",
    .stall_s = 600,
    .mem = "2G",
    .run = run,
};
