/*
 * image.stats: figures of an image within a mask, or under each label of an atlas. What is found
 * goes into the result's values (so that `gantry results` has a column for each) and, on request,
 * into a table.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "math/regions.h"
#include "os/file.h"
#include "steps/image-args.h"
#include "steps/region-names.h"
#include "steps/step.h"

extern const struct step step_image_stats;

#define MOST_VALUES 4000 /* more are in the table only: nobody wants so many columns */

struct figures {
    struct job *job;
    const char *image_path, *mask_path, *atlas_path;
    struct volume image;
    struct regions regions;
    struct region_names names;
    double fraction[REGIONS_QUANTILES];
    size_t fractions;
    double voxel_mm3;
};

/* ---- what is asked ---- */

static bool read_percentiles(struct figures *f, struct err *err)
{
    char room[40];
    const char *text = image_arg_text(f->job, "percentiles", room);

    if (!image_arg_numbers("percentiles", text[0] != '\0' ? text : "5 50 95", f->fraction,
                           REGIONS_QUANTILES, &f->fractions, err)) {
        return false;
    }
    for (size_t i = 0; i < f->fractions; i++) {
        if (f->fraction[i] < 0 || f->fraction[i] > 100) {
            return err_set(err, ERR_USAGE, "percentiles: %g is not within 0 to 100",
                           f->fraction[i]);
        }
        f->fraction[i] /= 100;
    }
    return true;
}

/* Which of several times; there is no guessing. */
static bool choose_time(const struct figures *f, size_t *ret, struct err *err)
{
    const json_t *given = json_object_get(f->job->params, "volume");
    double at = json_is_number(given) ? json_number_value(given) : 0;
    const char *name = image_arg_name(f->job, f->image_path);

    if (!json_is_number(given) && f->image.n[3] > 1) {
        return err_set(err, ERR_USAGE, "%s holds %zu volumes: choose one with volume = 0 to %zu",
                       name, f->image.n[3], f->image.n[3] - 1);
    }
    if (at < 0 || at != floor(at) || at >= (double)f->image.n[3]) {
        return err_set(err, ERR_USAGE, "volume = %g: %s has volumes 0 to %zu", at, name,
                       f->image.n[3] - 1);
    }
    *ret = (size_t)at;
    return true;
}

/* The values of a mask or an atlas on the image's voxels; NULL and true when there is none. */
static bool read_beside(struct figures *f, const char *path, double **ret, struct err *err)
{
    struct volume v = {.voxels = NULL};
    bool good = true;

    *ret = NULL;
    if (path != NULL) {
        good = nifti_read(path, &v, NULL, err) &&
            image_same_grid(f->job, path, &v, f->image_path, &f->image, err);
        *ret = good ? image_arg_values(&v, 0, err) : NULL;
        good = *ret != NULL;
        volume_fini(&v);
    }
    return good;
}

/* One array of labels of mask and atlas: 0 where the mask is 0. NULL: everything is one region. */
static bool read_labels(struct figures *f, double **ret, struct err *err)
{
    size_t count = f->image.n[0] * f->image.n[1] * f->image.n[2];
    double *mask = NULL;
    double *atlas = NULL;
    bool good =
        read_beside(f, f->mask_path, &mask, err) && read_beside(f, f->atlas_path, &atlas, err);

    for (size_t i = 0; good && mask != NULL && i < count; i++) {
        bool in = mask[i] != 0 && !isnan(mask[i]);
        mask[i] = !in ? 0 : atlas != NULL ? atlas[i] : 1;
    }
    if (good && mask != NULL) {
        *ret = mask;
        mem_free(atlas);
        return true;
    }
    *ret = good ? atlas : NULL;
    mem_free(good ? NULL : atlas);
    mem_free(mask);
    return good;
}

static bool choose_regions(struct figures *f, const double *labels, struct err *err)
{
    size_t count = f->image.n[0] * f->image.n[1] * f->image.n[2];
    const char *path = NULL;
    char room[40];

    if (f->atlas_path == NULL) {
        return regions_add(&f->regions, 1, err);
    }
    if (!image_arg_path(f->job, "names", false, &path, err) ||
        (path != NULL && !region_names_file(&f->names, path, err))) {
        return false;
    }
    const char *wanted = image_arg_text(f->job, "labels", room);
    if (wanted[0] != '\0') {
        return region_names_wanted(&f->names, wanted, &f->regions, err);
    }
    return regions_find(&f->regions, labels, count, err) ||
        err_wrap(err, "%s", image_arg_name(f->job, f->atlas_path));
}

/* ---- what is told ---- */

#define COLUMNS (7 + REGIONS_QUANTILES)

struct column {
    char name[24];
    double value;
};

static size_t columns_of(const struct figures *f, const struct region *r, struct column *ret)
{
    const struct column fixed[] = {{"count", (double)r->count},
                                   {"volume_mm3", (double)r->count * f->voxel_mm3},
                                   {"mean", r->mean},
                                   {"sd", r->sd},
                                   {"min", r->low},
                                   {"max", r->high}};
    size_t n = sizeof(fixed) / sizeof(fixed[0]);

    memcpy(ret, fixed, sizeof(fixed));
    for (size_t i = 0; i < f->fractions; i++, n++) {
        snprintf(ret[n].name, sizeof(ret[n].name), "p%.10g", f->fraction[i] * 100);
        ret[n].value = r->quantile[i];
    }
    if (r->not_finite > 0) {
        ret[n++] = (struct column){"not_finite", (double)r->not_finite};
    }
    return n;
}

/* Is the column among those that the job asks for? */
static bool is_asked(const char *measures, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = measures; *at != '\0';) {
        size_t length = strcspn(at, " ,;");

        if (length == n && strncmp(at, name, n) == 0) {
            return true;
        }
        at += length;
        at += strspn(at, " ,;");
    }
    return measures[strspn(measures, " ,;")] == '\0';
}

static json_t *number_of(const struct column *c)
{
    return strcmp(c->name, "count") == 0 || strcmp(c->name, "not_finite") == 0
        ? json_integer((json_int_t)c->value)
        : job_number(c->value);
}

static bool put_values(struct figures *f, struct err *err)
{
    char room[40];
    const char *measures = image_arg_text(f->job, "measures", room);
    struct column column[COLUMNS];
    size_t told = 0;
    bool good = true;

    for (size_t k = 0; good && k < f->regions.n; k++) {
        const struct region *r = &f->regions.list[k];
        size_t n = columns_of(f, r, column);
        char name[REGION_NAME];

        region_name(&f->names, r->label, name);
        for (size_t i = 0; good && i < n; i++) {
            char key[REGION_NAME + 40];
            snprintf(key, sizeof(key), "%s%s%s", f->atlas_path != NULL ? name : "",
                     f->atlas_path != NULL ? "_" : "", column[i].name);
            if (is_asked(measures, column[i].name) && told++ < MOST_VALUES) {
                good = job_value(f->job, key, number_of(&column[i]), err);
            }
        }
    }
    if (told > MOST_VALUES) {
        job_say(f->job, "[stats] %zu values: the first %d are in the results, all in the table",
                told, MOST_VALUES);
    }
    return good;
}

/* A number as a table shows it, "n/a" (as BIDS has it) for none. */
static void cell(double value, char *ret, size_t size)
{
    if (isfinite(value)) {
        snprintf(ret, size, "%.10g", value);
    } else {
        snprintf(ret, size, "n/a");
    }
}

static void separated(struct str *out, const char *ending, struct figures *f)
{
    char between = strcmp(ending, ".tsv") == 0 ? '\t' : ',';
    struct column column[COLUMNS];

    for (size_t k = 0; k < f->regions.n; k++) {
        size_t n = columns_of(f, &f->regions.list[k], column);
        char text[REGION_NAME];

        n = n > 6 + f->fractions ? 6 + f->fractions : n; /* every row has the same columns */
        if (k == 0) {
            str_addf(out, "label%cname", between);
            for (size_t i = 0; i < n; i++) {
                str_addf(out, "%c%s", between, column[i].name);
            }
            str_addf(out, "%cnot_finite\n", between);
        }
        region_name(&f->names, f->regions.list[k].label, text);
        str_addf(out, "%d%c%s", (int)f->regions.list[k].label, between, text);
        for (size_t i = 0; i < n; i++) {
            cell(column[i].value, text, sizeof(text));
            str_addf(out, "%c%s", between, text);
        }
        str_addf(out, "%c%zu\n", between, f->regions.list[k].not_finite);
    }
}

static bool as_json(struct str *out, struct figures *f, struct err *err)
{
    json_t *list = json_array();
    bool good = list != NULL || err_set(err, ERR_NOMEM, "out of memory");

    for (size_t k = 0; good && k < f->regions.n; k++) {
        struct column column[COLUMNS];
        size_t n = columns_of(f, &f->regions.list[k], column);
        char name[REGION_NAME];

        region_name(&f->names, f->regions.list[k].label, name);
        json_t *row = json_pack("{s:i, s:s}", "label", (int)f->regions.list[k].label, "name", name);
        good = (row != NULL && json_array_append_new(list, row) == 0) ||
            err_set(err, ERR_NOMEM, "out of memory");
        for (size_t i = 0; good && i < n; i++) {
            good = json_put(row, column[i].name, number_of(&column[i]), err);
        }
    }
    char *text = good ? json_pretty(list, err) : NULL;
    str_add(out, text != NULL ? text : "");
    str_add(out, "\n");
    mem_free(text);
    json_decref(list);
    return text != NULL;
}

static bool write_table(struct figures *f, struct err *err)
{
    const char *path = NULL;
    const char *final = NULL;
    struct str text = STR_INIT;
    bool good = image_arg_out(f->job, "table", false, &path, &final, err);

    if (good && path != NULL) {
        const char *ending = path_ext(final);
        if (strcmp(ending, ".json") == 0) {
            good = as_json(&text, f, err);
        } else {
            separated(&text, ending, f);
        }
        good = good && str_ok(&text, err) && file_put(path, str_text(&text), text.len, err);
    }
    str_fini(&text);
    return good;
}

/* ---- the step ---- */

static bool work(struct figures *f, struct err *err)
{
    struct job *job = f->job;
    size_t time = 0;
    size_t count;
    double *labels = NULL;
    double *values = NULL;
    bool good = image_arg_path(job, "image", true, &f->image_path, err) &&
        image_arg_path(job, "mask", false, &f->mask_path, err) &&
        image_arg_path(job, "atlas", false, &f->atlas_path, err) && read_percentiles(f, err) &&
        nifti_read(f->image_path, &f->image, NULL, err) && choose_time(f, &time, err);

    if (!good) {
        return false;
    }
    const double(*a)[4] = (const double(*)[4])f->image.affine;
    f->voxel_mm3 = fabs(a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                        a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                        a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]));
    count = f->image.n[0] * f->image.n[1] * f->image.n[2];
    job_progress(job, 0.3, "measuring");
    good = read_labels(f, &labels, err) && choose_regions(f, labels, err);
    values = good ? image_arg_values(&f->image, time, err) : NULL;
    good = values != NULL &&
        regions_measure(&f->regions, values, labels, count, f->fraction, f->fractions, err) &&
        put_values(f, err) && write_table(f, err);
    mem_free(values);
    mem_free(labels);
    return good;
}

static bool run(struct job *job, struct err *err)
{
    struct figures f = {.job = job, .image = {.voxels = NULL}};
    bool good = work(&f, err);

    if (good && f.regions.n == 1 && f.atlas_path == NULL && f.regions.list[0].count == 0) {
        good = err_set(err, ERR_NOTHING, "no voxel of %s is a number%s%s",
                       image_arg_name(job, f.image_path), f.mask_path != NULL ? " within " : "",
                       f.mask_path != NULL ? image_arg_name(job, f.mask_path) : "");
    }
    if (good) {
        job_progress(job, 1, "%zu region%s", f.regions.n, f.regions.n == 1 ? "" : "s");
    }
    volume_fini(&f.image);
    region_names_fini(&f.names);
    mem_free(f.regions.list);
    return good;
}

const struct step step_image_stats = {
    .name = "image.stats",
    .title = "figures of an image",
    .help = "Count, volume, mean, deviation, range and percentiles of an image, within a mask or "
            "under each label of an atlas.",
    .version = 1,
    .phase = "stats",
    .word_done = "Measured",
    .word_failed = "Stats failed",
    .stall_s = 600,
    .mem = "2G",
    .run = run,
};
