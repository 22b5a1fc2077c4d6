/*
 * recon.try: one slice (or those that nsino names) reconstructed about many centres, so that a
 * person sees the right one. The centres lie around the seed; without a seed the axis is looked for
 * first.
 */
#include <math.h>
#include "base/mem.h"
#include "os/file.h"
#include "steps/axis.h"
#include "steps/common.h"
#include "steps/params.h"
#include "steps/step.h"
#include "steps/try-set.h"

extern const struct step step_recon_try;

/* Under this a found axis is no better than the middle of the detector (centre.h: not to be
 * trusted). */
#define LOW_CONFIDENCE 0.3

/* Where the centres lie: the seed, the given axis, one that is found, or the detector's middle. */
static bool choose_middle(struct job *job, struct source *source, const struct recon_params *p,
                          double *ret_middle, struct err *err)
{
    double middle = ((double)source_grid(source)->full_columns - 1) / 2;
    double given = isfinite(p->seed) ? p->seed : p->axis;
    struct axis_means means = {job, NULL};
    struct axis_found found = {0};

    if (isfinite(given) && !p->axis_auto) {
        *ret_middle = given;
        return true;
    }
    job_progress(job, 0, "looking for the rotation axis");
    if (!axis_find_all(source, p, given, &means, &found, err)) {
        if (err->code != ERR_FORMAT) {
            return false;
        }
        job_say(job, "note: no axis can be found (%s); centres are tried around the middle, %.2f",
                err->text, middle);
        err->code = ERR_NONE;
    } else if (found.confidence < LOW_CONFIDENCE) {
        job_say(job,
                "note: no convincing axis was found; centres are tried around the middle, %.2f",
                middle);
    } else {
        middle = found.axis;
        job_say(job, "axis about %.2f (confidence %.2f): centres are tried around it", found.axis,
                found.confidence);
    }
    *ret_middle = middle;
    axis_fini(&found);
    return true;
}

static bool report(struct job *job, const double *centre, size_t count, double middle,
                   struct err *err)
{
    return job_value(job, "centres", json_integer((json_int_t)count), err) &&
        job_value(job, "first", job_number(centre[0]), err) &&
        job_value(job, "last", job_number(centre[count - 1]), err) &&
        job_value(job, "seed", job_number(middle), err);
}

static bool run(struct job *job, struct err *err)
{
    const struct job_output *out = job_output_named(job, "slices");
    struct source *source = NULL;
    struct recon_params p;
    double *centre = NULL;
    size_t count = 0;
    double middle;
    bool good = false;

    if (out == NULL) {
        return err_set(err, ERR_FORMAT, "job.json: recon.try needs an output 'slices'");
    }
    if (!params_read(job->params, &p, err) || !file_mkdirs(out->staging, 0777, err)) {
        return false;
    }
    common_wisdom_load(job);
    source = source_open(job->input, &p, job->threads, err);
    if (source == NULL || !choose_middle(job, source, &p, &middle, err) ||
        !try_set_centres(source, middle, p.search_step, p.search_width, &centre, &count, err)) {
        goto out;
    }
    for (size_t i = 0; i < p.nsinos; i++) {
        double share = 1.0 / (double)p.nsinos;

        if (!try_set_write(job, source, &p, source_slice_of(source, p.nsino[i]), centre, count,
                           out->staging, share * (double)i, share * (double)(i + 1), err)) {
            goto out;
        }
    }
    common_wisdom_save(job);
    good = common_tell_repairs(job, source, err) && report(job, centre, count, middle, err);
out:
    mem_free(centre);
    source_close(source);
    return good;
}

const struct step step_recon_try = {
    .name = "recon.try",
    .title = "Try rotation centres on one slice",
    .help = "Reconstructs one slice about many rotation centres around a first guess, one TIFF "
            "each, so that the "
            "right centre can be seen.",
    .version = 1,
    .family = STEP_TRY,
    .phase = "try",
    .word_done = "Done try",
    .word_failed = "Try failed",
    .stall_s = 600,
    .mem = "2G",
    .output = {{"slices", "files", "{rec}/try_center/{name}", "recon_slice*_center*.tif*", NULL,
                false}},
    .binding = {{"seed", "cor-seed"}},
    .run = run,
};
