/*
 * streamlines.stats: a tractogram is read once, streamline by streamline. Each is measured, held
 * against the regions (every voxel that it passes through counts, not only its points), and if it
 * stays, counted into the density map and written out.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "image/streamlines.h"
#include "math/traverse.h"
#include "os/file.h"
#include "steps/image-args.h"
#include "steps/step.h"

extern const struct step step_streamlines_stats;

#define MOST_REGIONS 32
#define MOST_TABLE ((size_t)200 << 20)

struct region {
    const char *path;
    struct traverse grid;
    uint8_t *mask;
};

struct tracts {
    struct job *job;
    const char *path;
    struct streamlines *in;
    struct streamlines_info info;
    struct streamlines_writer *out;
    struct region region[2 * MOST_REGIONS]; /* included ones first */
    size_t included, regions;
    bool ends;
    double least_mm, most_mm;
    /* the density map */
    const char *density_path;
    struct volume density;
    struct traverse grid;
    uint32_t *last; /* which streamline was the last to be counted in a voxel, from 1 on */
    uint32_t number;
    /* what is found */
    double *length;
    size_t kept, room, all;
    size_t points;
    double total;
    const char *table_path, *table_final;
    struct str table;
};

/* ---- regions ---- */

static bool read_region(struct tracts *t, const char *path, struct err *err)
{
    struct region *r = &t->region[t->regions];
    struct volume v = {.voxels = NULL};
    size_t count;
    bool good = nifti_read(path, &v, NULL, err);

    r->path = path;
    t->regions++; /* it is freed with the others from now on */
    if (good && !traverse_init(&r->grid, v.n, (const double(*)[4])v.affine)) {
        good = err_set(err, ERR_FORMAT, "%s: its geometry cannot be inverted",
                       image_arg_name(t->job, path));
    }
    count = v.n[0] * v.n[1] * v.n[2];
    double *values = good ? image_arg_values(&v, 0, err) : NULL;
    r->mask = values != NULL ? mem_array(count, 1, err) : NULL;
    for (size_t i = 0; r->mask != NULL && i < count; i++) {
        r->mask[i] = values[i] != 0 && !isnan(values[i]);
    }
    mem_free(values);
    volume_fini(&v);
    return r->mask != NULL;
}

static bool read_regions(struct tracts *t, const char *id, struct err *err)
{
    const char *path[MOST_REGIONS];
    size_t n = 0;

    if (!image_arg_paths(t->job, id, path, MOST_REGIONS, &n, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!read_region(t, path[i], err)) {
            return false;
        }
    }
    return true;
}

static bool hits(void *arg, size_t voxel)
{
    const uint8_t *mask = arg;

    return mask[voxel] == 0; /* go on */
}

static bool passes(const struct region *r, const float *points, size_t n, bool ends)
{
    size_t last = n - 1;

    if (ends || n == 1) {
        return !traverse_segment(&r->grid, points, points, hits, r->mask) ||
            !traverse_segment(&r->grid, points + 3 * last, points + 3 * last, hits, r->mask);
    }
    for (size_t i = 0; i < last; i++) {
        if (!traverse_segment(&r->grid, points + 3 * i, points + 3 * (i + 1), hits, r->mask)) {
            return true;
        }
    }
    return false;
}

static bool is_kept(const struct tracts *t, const float *points, size_t n, double length)
{
    if (length < t->least_mm || length > t->most_mm || (n == 0 && t->regions > 0)) {
        return false;
    }
    for (size_t i = 0; i < t->regions; i++) {
        bool include = i < t->included;
        if (passes(&t->region[i], points, n, t->ends && include) != include) {
            return false;
        }
    }
    return true;
}

/* ---- density ---- */

static bool prepare_density(struct tracts *t, struct err *err)
{
    const char *final = NULL;
    const char *reference = NULL;
    struct nifti_info info;

    if (!image_arg_out(t->job, "density", false, &t->density_path, &final, err) ||
        t->density_path == NULL) {
        return t->density_path == NULL && err->code == ERR_NONE;
    }
    if (!image_arg_path(t->job, "reference", false, &reference, err)) {
        return false;
    }
    if (!nifti_named(final)) {
        return err_set(err, ERR_USAGE, "density = %s: its name must end in .nii.gz or .nii",
                       path_base(final));
    }
    if (reference == NULL && !t->info.has_grid) {
        return err_set(err, ERR_USAGE,
                       "density: which voxels? A TCK does not say: give a reference image");
    }
    if (reference != NULL && !nifti_look(reference, &info, err)) {
        return false;
    }
    const size_t *n = reference != NULL ? info.n : t->info.n;
    const size_t shape[4] = {n[0], n[1], n[2], 1};
    if (!volume_new(&t->density, shape, VOXEL_F32, err)) {
        return false;
    }
    memcpy(t->density.affine, reference != NULL ? info.affine : t->info.affine,
           sizeof(t->density.affine));
    if (!traverse_init(&t->grid, shape, (const double(*)[4])t->density.affine)) {
        return err_set(err, ERR_FORMAT, "density: the voxels' geometry cannot be inverted");
    }
    t->last = mem_array(volume_count(&t->density), sizeof(*t->last), err);
    return t->last != NULL;
}

static bool count_voxel(void *arg, size_t voxel)
{
    struct tracts *t = arg;

    if (t->last[voxel] != t->number) { /* once a streamline, however often it comes by */
        t->last[voxel] = t->number;
        ((float *)t->density.voxels)[voxel] += 1;
    }
    return true;
}

static void add_density(struct tracts *t, const float *points, size_t n)
{
    t->number++;
    for (size_t i = 0; n > 0 && i < (n > 1 ? n - 1 : 1); i++) {
        const float *next = points + 3 * (n > 1 ? i + 1 : i);
        (void)traverse_segment(&t->grid, points + 3 * i, next, count_voxel, t);
    }
}

/* ---- one after the other ---- */

static double length_of(const float *points, size_t n)
{
    double sum = 0;

    for (size_t i = 1; i < n; i++) {
        double square = 0;
        for (size_t k = 0; k < 3; k++) {
            double d = (double)points[3 * i + k] - (double)points[3 * (i - 1) + k];
            square += d * d;
        }
        sum += sqrt(square);
    }
    return sum;
}

static bool keep(struct tracts *t, const float *points, size_t n, double length, struct err *err)
{
    if (t->kept == t->room) {
        size_t room = t->room > 0 ? 2 * t->room : 4096;
        double *list = mem_resize(t->length, room, sizeof(*list), err);
        if (list == NULL) {
            return false;
        }
        t->length = list;
        t->room = room;
    }
    t->length[t->kept++] = length;
    t->points += n;
    t->total += length;
    if (t->last != NULL) {
        add_density(t, points, n);
    }
    if (t->table_path != NULL) {
        char between = strcmp(path_ext(t->table_final), ".tsv") == 0 ? '\t' : ',';
        str_addf(&t->table, "%zu%c%.6f%c%zu\n", t->all, between, length, between, n);
    }
    return t->out == NULL || streamlines_write(t->out, points, n, err);
}

static bool read_all(struct tracts *t, struct err *err)
{
    const float *points = NULL;
    size_t n = 0;
    bool more = true;

    while (more) {
        if (!streamlines_next(t->in, &points, &n, &more, err) || !job_go_on(t->job, err)) {
            return false;
        }
        if (more) {
            double length = length_of(points, n);
            t->all++;
            if (is_kept(t, points, n, length) && !keep(t, points, n, length, err)) {
                return false;
            }
            if (t->info.claimed > 0) {
                job_progress(t->job, 0.05 + 0.9 * (double)t->all / (double)t->info.claimed,
                             "%zu streamlines", t->all);
            }
        }
    }
    if (streamlines_complaint(t->in)[0] != '\0') {
        job_say(t->job, "[streamlines] note: %s", streamlines_complaint(t->in));
    }
    return true;
}

/* ---- what is told ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static bool put_lengths(struct tracts *t, struct err *err)
{
    size_t n = t->kept;
    double square = 0;
    double mean = n > 0 ? t->total / (double)n : NAN;

    for (size_t i = 0; i < n; i++) {
        square += (t->length[i] - mean) * (t->length[i] - mean);
    }
    if (n > 0) {
        qsort(t->length, n, sizeof(*t->length), by_size);
    }
    double middle = n == 0 ? NAN : (t->length[(n - 1) / 2] + t->length[n / 2]) / 2;
    return job_value(t->job, "mean_mm", job_number(mean), err) &&
        job_value(t->job, "sd_mm", job_number(n > 0 ? sqrt(square / (double)n) : NAN), err) &&
        job_value(t->job, "median_mm", job_number(middle), err) &&
        job_value(t->job, "min_mm", job_number(n > 0 ? t->length[0] : NAN), err) &&
        job_value(t->job, "max_mm", job_number(n > 0 ? t->length[n - 1] : NAN), err) &&
        job_value(t->job, "total_mm", job_number(t->total), err);
}

static bool put_density(struct tracts *t, struct err *err)
{
    const float *values = t->density.voxels;
    size_t count = volume_count(&t->density);
    size_t voxels = 0;
    float most = 0;
    double mm3 = 0;

    for (size_t i = 0; i < count; i++) {
        voxels += values[i] > 0;
        most = fmaxf(most, values[i]);
    }
    const double(*a)[4] = (const double(*)[4])t->density.affine;
    mm3 = fabs(a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
               a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
               a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]));
    const struct nifti_extra extra = {.place_code = NIFTI_PLACE_SCANNER,
                                      .description = "streamlines a voxel",
                                      .stop = t->job->stop};
    return nifti_write(t->density_path, &t->density, &extra, err) &&
        job_value(t->job, "density_voxels", json_integer((json_int_t)voxels), err) &&
        job_value(t->job, "density_volume_mm3", job_number((double)voxels * mm3), err) &&
        job_value(t->job, "density_max", job_number((double)most), err);
}

static bool report(struct tracts *t, struct err *err)
{
    const char *complaint = streamlines_complaint(t->in);

    return job_value(t->job, "streamlines", json_integer((json_int_t)t->all), err) &&
        job_value(t->job, "selected", json_integer((json_int_t)t->kept), err) &&
        job_value(t->job, "points", json_integer((json_int_t)t->points), err) &&
        put_lengths(t, err) && (t->last == NULL || put_density(t, err)) &&
        (complaint[0] == '\0' || job_value(t->job, "warning", json_string(complaint), err)) &&
        (t->table_path == NULL ||
         (str_ok(&t->table, err) &&
          file_put(t->table_path, str_text(&t->table), t->table.len, err)));
}

/* ---- the step ---- */

static bool begin_selected(struct tracts *t, struct err *err)
{
    const char *path = NULL;
    const char *final = NULL;

    if (!image_arg_out(t->job, "selected", false, &path, &final, err) || path == NULL) {
        return path == NULL && err->code == ERR_NONE;
    }
    if (strcasecmp(path_ext(final), ".tck") != 0) {
        return err_set(err, ERR_USAGE, "selected = %s: streamlines are written as .tck",
                       path_base(final));
    }
    t->out = streamlines_write_begin(path, path_base(t->path), err);
    return t->out != NULL;
}

static bool prepare(struct tracts *t, struct err *err)
{
    if (!image_arg_path(t->job, "tracks", true, &t->path, err)) {
        return false;
    }
    t->in = streamlines_open(t->path, &t->info, err);
    t->ends = json_get_bool(t->job->params, "ends", false);
    t->least_mm = json_get_double(t->job->params, "min_length", 0);
    t->most_mm = json_get_double(t->job->params, "max_length", INFINITY);
    t->table.max = MOST_TABLE;
    if (t->in == NULL || !read_regions(t, "include", err)) {
        return false;
    }
    t->included = t->regions;
    if (!read_regions(t, "exclude", err) || !prepare_density(t, err) ||
        !image_arg_out(t->job, "table", false, &t->table_path, &t->table_final, err)) {
        return false;
    }
    if (t->table_path != NULL) {
        str_add(&t->table,
                strcmp(path_ext(t->table_final), ".tsv") == 0 ? "streamline\tlength_mm\tpoints\n"
                                                              : "streamline,length_mm,points\n");
    }
    return begin_selected(t, err);
}

static bool run(struct job *job, struct err *err)
{
    struct tracts t = {.job = job, .table = STR_INIT};
    bool good = prepare(&t, err) && read_all(&t, err);

    if (good && t.out != NULL) {
        struct streamlines_writer *out = t.out;
        t.out = NULL;
        good = streamlines_write_end(out, err);
    }
    good = good && report(&t, err);
    if (good) {
        job_progress(job, 1, "%zu of %zu streamlines", t.kept, t.all);
    }
    streamlines_write_drop(t.out);
    streamlines_close(t.in);
    for (size_t i = 0; i < t.regions; i++) {
        mem_free(t.region[i].mask);
    }
    volume_fini(&t.density);
    str_fini(&t.table);
    mem_free(t.last);
    mem_free(t.length);
    return good;
}

const struct step step_streamlines_stats = {
    .name = "streamlines.stats",
    .title = "figures of a tractogram",
    .help = "Count and lengths of streamlines, all or those that pass through regions and keep out "
            "of others; their density map.",
    .version = 1,
    .phase = "tracts",
    .word_done = "Measured",
    .word_failed = "Tract stats failed",
    .stall_s = 600,
    .mem = "2G",
    .run = run,
};
