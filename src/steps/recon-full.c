/*
 * recon.full: all slices of a scan about one centre, slab by slab. A slab is as many slices as
 * memory allows (its sinograms are in memory, its images only a batch at a time), even in number,
 * so that results do not depend on it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "image/hdf5-volume.h"
#include "math/metrics.h"
#include "math/recon.h"
#include "os/file.h"
#include "steps/axis.h"
#include "steps/common.h"
#include "steps/params.h"
#include "steps/slices.h"
#include "steps/step.h"

extern const struct step step_recon_full;

/* Memory to live in when the job does not say. */
#define USUAL_MEM ((size_t)2 << 30)
/* Sinograms of a slab where reading a few rows is cheap: enough to read in large pieces, small
 * enough to be quick. */
#define SLAB_BYTES ((size_t)256 << 20)
/* The program itself, HDF5 and the C library. */
#define BASE_BYTES ((size_t)96 << 20)
/* Share of the time that goes into reading, for the progress bar only. */
#define READ_SHARE 0.3

struct full {
    struct job *job;
    struct recon_params p;
    struct source *source;
    const struct source_grid *grid;
    struct recon *recon;
    double axis;                /* full detector */
    double confidence;          /* of a found axis; NaN when it was given */
    size_t slab;                /* slices */
    size_t batch;               /* slices reconstructed at once */
    float *sino;                /* [slab][angles][columns] */
    float *image;               /* [batch][n][n] */
    double *centre;             /* [batch] */
    const char *folder;         /* TIFFs go here, or */
    struct hdf5_volume *volume; /* slices go here */
    double low, high;           /* 5 and 95 % of the middle slice */
    size_t done;                /* slices written */
};

/* ---- sizes ---- */

static size_t even_down(size_t n)
{
    return n < 2 ? 2 : n & ~(size_t)1;
}

static void plan_slab(struct full *f, size_t recon_size)
{
    const struct source_grid *g = f->grid;
    size_t limit = f->job->mem > 0 ? (size_t)f->job->mem : USUAL_MEM;
    size_t n = g->columns;
    size_t sino_bytes = g->angles * g->columns * sizeof(float);
    size_t fixed;
    size_t slab;

    f->batch = f->job->threads * 2 < 8 ? 8 : f->job->threads * 2;
    while (f->batch > 2 && f->batch * n * n * sizeof(float) > limit / 4) {
        f->batch = even_down(f->batch / 2);
    }
    fixed = BASE_BYTES + recon_size + f->batch * n * n * sizeof(float) +
        6 * g->slices * g->columns * sizeof(float) + source_bytes(f->source, 16);
    slab = fixed < limit ? (limit - fixed) / sino_bytes : 0;
    if (!g->whole_frames && slab > SLAB_BYTES / sino_bytes) {
        slab = SLAB_BYTES / sino_bytes;
    }
    slab = slab > g->slices ? g->slices + (g->slices & 1) : slab;
    slab = even_down(slab);
    if (g->chunk_slices > 1 && g->chunk_slices % 2 == 0 && slab > g->chunk_slices) {
        slab -= slab % g->chunk_slices;
    }
    f->slab = slab;
    f->batch = f->batch > slab ? slab : f->batch;
}

static bool prepare(struct full *f, struct err *err)
{
    const struct source_grid *g = f->grid;
    struct recon_spec spec = {.columns = g->columns,
                              .angles = g->angles,
                              .theta_rad = g->theta_rad,
                              .algorithm = f->p.algorithm,
                              .filter = f->p.filter,
                              .threads = f->job->threads};

    plan_slab(f, recon_bytes(&spec));
    f->recon = recon_new(&spec, err);
    if (f->recon == NULL) {
        return false;
    }
    f->sino = mem_big(f->slab * g->angles * g->columns, sizeof(float), err);
    f->image =
        f->sino == NULL ? NULL : mem_big(f->batch * g->columns * g->columns, sizeof(float), err);
    f->centre = f->image == NULL ? NULL : mem_array(f->batch, sizeof(double), err);
    for (size_t i = 0; f->centre != NULL && i < f->batch; i++) {
        f->centre[i] = source_axis(f->source, f->axis);
    }
    return f->centre != NULL;
}

/* ---- the axis ---- */

static bool choose_axis(struct full *f, struct err *err)
{
    struct axis_means means = {f->job, NULL};
    struct axis_found found = {0};

    if (!f->p.axis_auto) {
        f->axis = f->p.axis;
        f->confidence = NAN;
        if (!isfinite(f->axis)) {
            return err_set(err, ERR_USAGE,
                           "no rotation axis: give rotation_axis, or rotation_axis_auto = auto");
        }
    } else {
        job_progress(f->job, 0, "looking for the rotation axis");
        if (!axis_find_all(f->source, &f->p, f->p.axis, &means, &found, err)) {
            return false;
        }
        f->axis = found.axis;
        f->confidence = found.confidence;
        job_say(f->job, "axis %.2f (confidence %.2f)", found.axis, found.confidence);
        axis_fini(&found);
    }
    if (f->axis > (double)f->grid->full_columns - 1) {
        return err_set(err, ERR_USAGE,
                       "rotation axis %.2f lies off the detector (columns 0 to %zu)", f->axis,
                       f->grid->full_columns - 1);
    }
    return true;
}

/* ---- slices out ---- */

/* 5 and 95 % of what all views see: outside that circle slices are empty. */
static bool measure(struct full *f, const float *image, struct err *err)
{
    static const double fractions[2] = {0.05, 0.95};
    size_t n = f->grid->columns;
    double middle = ((double)n - 1) / 2;
    float *inside = mem_big(n * n, sizeof(float), err);
    double value[2] = {0, 0};
    size_t count = 0;
    bool good;

    if (inside == NULL) {
        return false;
    }
    for (size_t y = 0; y < n; y++) {
        for (size_t x = 0; x < n; x++) {
            if (hypot((double)x - middle, (double)y - middle) <= (double)n / 2 - 1 || n < 4) {
                inside[count++] = image[y * n + x];
            }
        }
    }
    good = metrics_percentiles(inside, count, fractions, 2, value, err);
    mem_free(inside);
    f->low = value[0];
    f->high = value[1];
    return good;
}

static bool write_slices(struct full *f, size_t at, size_t count, struct err *err)
{
    size_t n = f->grid->columns;

    for (size_t i = 0; i < count; i++) {
        if (at + i == f->grid->slices / 2 && !measure(f, f->image + i * n * n, err)) {
            return false;
        }
        if (f->volume != NULL) {
            continue;
        }
        char *path = slices_full_path(f->folder, f->grid->slice_first + at + i, err);
        bool good = path != NULL && slices_write(path, f->image + i * n * n, n, err);

        mem_free(path);
        if (!good) {
            return false;
        }
    }
    return f->volume == NULL || hdf5_volume_write(f->volume, at, count, f->image, err);
}

static void tick(void *user, double fraction)
{
    struct full *f = user;
    double slices = (double)f->done + READ_SHARE * fraction * (double)f->slab;

    job_progress(f->job, slices / (double)f->grid->slices, "reading, %zu of %zu slices done",
                 f->done, f->grid->slices);
}

/* Slices [at, at + count) of the scan's own counting, from 0. */
static bool do_slab(struct full *f, size_t at, size_t count, struct err *err)
{
    const struct source_grid *g = f->grid;

    if (!source_sinograms(f->source, g->slice_first + at, count, f->sino, tick, f, err)) {
        return false;
    }
    source_expect(f->source, g->slice_first + at + count, f->slab);
    for (size_t i = 0; i < count; i += f->batch) {
        size_t some = count - i < f->batch ? count - i : f->batch;
        double slab_done = (double)i / (double)count;

        if (!job_go_on(f->job, err) ||
            !recon_slices(f->recon, f->sino + i * g->angles * g->columns, some, f->centre, f->image,
                          err) ||
            !write_slices(f, at + i, some, err)) {
            return false;
        }
        f->done = at + i + some;
        job_progress(f->job,
                     ((double)at + (double)count * (READ_SHARE + (1 - READ_SHARE) * slab_done)) /
                         (double)g->slices,
                     "%zu of %zu slices", f->done, g->slices);
    }
    return true;
}

static bool open_output(struct full *f, struct err *err)
{
    const struct job_output *folder = job_output_named(f->job, "volume");
    const struct job_output *file = job_output_named(f->job, "volume_h5");
    const struct job_output *out = f->p.hdf5 && file != NULL ? file : folder;

    if (out == NULL) {
        return err_set(err, ERR_FORMAT, "job.json: recon.full needs an output '%s'",
                       f->p.hdf5 ? "volume_h5" : "volume");
    }
    if (!f->p.hdf5) {
        f->folder = out->staging;
        return file_mkdirs(out->staging, 0777, err);
    }
    if (!common_folder_of(out->staging, err)) {
        return false;
    }
    f->volume = hdf5_volume_create(out->staging, f->grid->slices, f->grid->columns,
                                   f->grid->columns, f->grid->slice_first, err);
    return f->volume != NULL;
}

/* ---- the line that repeats it ---- */

/* "gantry recon ..." with every parameter that is not at its default. */
static void command_line(const struct full *f, struct str *line)
{
    const char *key;
    json_t *value;
    char axis[40];
    double again;

    str_add(line, "gantry recon --file-name ");
    common_shell_word(line, f->job->input);
    snprintf(axis, sizeof(axis), "%.15g", f->axis);
    if (!num_double(axis, &again) || again != f->axis) {
        snprintf(axis, sizeof(axis), "%.17g", f->axis);
    }
    str_addf(line, " --reconstruction-type full --rotation-axis %s", axis);
    json_object_foreach(f->job->params, key, value)
    {
        const struct param *p = param_find(key);
        char *text = json_is_string(value) || json_is_null(value)
            ? NULL
            : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        const char *shown = json_is_string(value) ? json_string_value(value) : text;

        if (p == NULL || p->state != PARAM_BUILT || shown == NULL ||
            str_starts(key, "rotation_axis") || str_equal(key, "seed") ||
            str_equal(key, "keep_try") || str_equal(shown, p->fallback)) {
            mem_free(text);
            continue;
        }
        str_add(line, " --");
        for (const char *at = key; *at != '\0'; at++) {
            str_addc(line, *at == '_' ? '-' : *at);
        }
        str_addc(line, ' ');
        common_shell_word(line, shown);
        mem_free(text);
    }
    str_addc(line, '\n');
}

static bool write_line(const struct full *f, struct err *err)
{
    const struct job_output *out = job_output_named(f->job, "rec_line");
    struct str line = STR_INIT;
    char *path = NULL;
    bool good = true;

    if (f->folder != NULL) {
        path = path_join(f->folder, "rec_line.txt", err);
    } else if (out != NULL && common_folder_of(out->staging, err)) {
        path = mem_strdup(out->staging, err);
    } else if (out == NULL) {
        return true;
    }
    command_line(f, &line);
    good = path != NULL && str_ok(&line, err) && file_put(path, line.buf, line.len, err);
    str_fini(&line);
    mem_free(path);
    return good;
}

/* An axis that this step found itself is reported as recon.cor would report it. */
static bool report_found(struct full *f, struct err *err)
{
    return isnan(f->confidence) ||
        (job_value(f->job, "cor", job_number(f->axis), err) &&
         job_value(f->job, "confidence", job_number(f->confidence), err) &&
         job_value(f->job, "cor_source", json_string(axis_method_word(f->p.method)), err));
}

static bool report(struct full *f, struct err *err)
{
    struct job *job = f->job;
    json_int_t first = (json_int_t)f->grid->slice_first;

    return report_found(f, err) &&
        job_value(job, "slices", json_integer((json_int_t)f->grid->slices), err) &&
        job_value(job, "first", json_integer(first), err) &&
        job_value(job, "last", json_integer(first + (json_int_t)f->grid->slices - 1), err) &&
        job_value(job, "rotation_axis", job_number(f->axis), err) &&
        job_value(job, "width", json_integer((json_int_t)f->grid->columns), err) &&
        job_value(job, "bad_pixels", common_repairs(f->source), err) &&
        job_value(job, "percentile_5", job_number(f->low), err) &&
        job_value(job, "percentile_95", job_number(f->high), err);
}

static bool all_slabs(struct full *f, struct err *err)
{
    for (size_t at = 0; at < f->grid->slices; at += f->slab) {
        size_t count = f->grid->slices - at < f->slab ? f->grid->slices - at : f->slab;

        if (!do_slab(f, at, count, err)) {
            return false;
        }
    }
    return source_judge(f->source, err) &&
        (f->volume == NULL || hdf5_volume_finish(f->volume, err));
}

static bool run(struct job *job, struct err *err)
{
    struct full f = {.job = job};
    bool good = false;

    if (!params_read(job->params, &f.p, err)) {
        return false;
    }
    common_wisdom_load(job);
    f.source = source_open(job->input, &f.p, job->threads, err);
    if (f.source == NULL) {
        return false;
    }
    f.grid = source_grid(f.source);
    if (!choose_axis(&f, err) ||
        !source_select(f.source, f.grid->slice_first, f.grid->slices, err) || !prepare(&f, err) ||
        !open_output(&f, err) || !all_slabs(&f, err) || !write_line(&f, err)) {
        goto out;
    }
    common_wisdom_save(job);
    good = common_tell_repairs(job, f.source, err) && report(&f, err);
    if (good) {
        job_progress(job, 1, "%zu slices", f.grid->slices);
    }
out:
    hdf5_volume_free(f.volume);
    mem_free(f.centre);
    mem_free(f.image);
    mem_free(f.sino);
    recon_free(f.recon);
    source_close(f.source);
    return good;
}

const struct step step_recon_full = {
    .name = "recon.full",
    .title = "Reconstruct all slices",
    .help = "Reconstructs every slice of a scan about its rotation axis: float32 TIFF files, or "
            "one HDF5 file.",
    .version = 1,
    .family = STEP_FULL,
    .phase = "full",
    .word_done = "Full",
    .word_failed = "Full failed",
    .stall_s = 900,
    .mem = "2G",
    .output = {{"volume", "folder", "{rec}/{name}_rec", NULL, "tiff", false},
               {"volume_h5", "file", "{rec}/{name}_rec.h5", NULL, "h5", false},
               {"rec_line", "file", "{rec}/{name}_rec_line.txt", NULL, "h5", false}},
    .binding = {{"rotation_axis", "cor"}},
    .run = run,
};
