/*
 * Reconstruction: the geometry's tables, the threads' workspaces, the choice of instruction set,
 * and the two entries. The algorithms are in recon-fourier.c and recon-line.c.
 */
#include "math/recon.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "math/angles.h"
#include "math/recon-plan.h"

/* Offsets in the grid of a slice this wide (1.25 cells a pixel, two floats a cell) still fit 31
 * bits. */
#define WIDTH_MAX ((size_t)24576)
#define COLUMNS_MAX ((size_t)1 << 18)

static const char *const algorithm_names[RECON_ALGORITHM_COUNT] = {
    [RECON_FOURIERREC] = "fourierrec",
    [RECON_LINEREC] = "linerec",
};

static const char *const isa_names[] = {
    [RECON_ISA_AUTO] = "auto",
    [RECON_ISA_PLAIN] = "plain",
    [RECON_ISA_AVX2] = "avx2",
    [RECON_ISA_AVX512] = "avx512",
};

const char *recon_algorithm_name(enum recon_algorithm algorithm)
{
    return (unsigned)algorithm < RECON_ALGORITHM_COUNT ? algorithm_names[algorithm] : NULL;
}

bool recon_algorithm_of(const char *name, enum recon_algorithm *ret_algorithm, struct err *err)
{
    for (unsigned i = 0; i < RECON_ALGORITHM_COUNT; i++) {
        if (strcmp(name, algorithm_names[i]) == 0) {
            *ret_algorithm = (enum recon_algorithm)i;
            return true;
        }
    }
    return err_set(err, ERR_USAGE,
                   "no reconstruction algorithm is called '%s': choose fourierrec or linerec",
                   name);
}

bool recon_isa_here(enum recon_isa isa)
{
#if defined(__x86_64__)
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    return isa == RECON_ISA_AVX2 ? avx2 : isa == RECON_ISA_AVX512 ? avx512 : true;
#else
    return isa == RECON_ISA_PLAIN || isa == RECON_ISA_AUTO;
#endif
}

const char *recon_isa_name(enum recon_isa isa)
{
    return (unsigned)isa <= RECON_ISA_AVX512 ? isa_names[isa] : NULL;
}

static const struct kernels *kernels_of(enum recon_isa isa)
{
#if defined(__x86_64__)
    return isa == RECON_ISA_AVX512 ? &kernels_avx512
        : isa == RECON_ISA_AVX2    ? &kernels_avx2
                                   : &kernels_plain;
#else
    (void)isa;
    return &kernels_plain;
#endif
}

static enum recon_isa best_isa(void)
{
    return recon_isa_here(RECON_ISA_AVX512) ? RECON_ISA_AVX512
        : recon_isa_here(RECON_ISA_AVX2)    ? RECON_ISA_AVX2
                                            : RECON_ISA_PLAIN;
}

const struct kernels *kernels_here(void)
{
    return kernels_of(best_isa());
}

static bool check_spec(const struct recon_spec *spec, struct err *err)
{
    if (spec->columns == 0) {
        return err_set(err, ERR_FORMAT, "the sinogram has no columns");
    }
    if (spec->columns > (size_t)1 << 20 || spec->width > (size_t)1 << 17) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%zu columns are more than this reconstruction handles", spec->columns);
    }
    if (!recon_algorithm_name(spec->algorithm) || !filter_name(spec->filter)) {
        return err_bug(err, "unknown algorithm or filter");
    }
    if (!recon_isa_name(spec->isa) || !recon_isa_here(spec->isa)) {
        return err_set(err, ERR_UNSUPPORTED, "this CPU has no %s",
                       recon_isa_name(spec->isa) ? recon_isa_name(spec->isa)
                                                 : "such instruction set");
    }
    return angles_check(spec->theta_rad, spec->angles, err);
}

static bool copy_angles(struct recon *r, const double *theta_rad, struct err *err)
{
    bool ok = false;
    double *weight = mem_array(r->angles, sizeof *weight, err);
    r->cosine = mem_array(r->angles, sizeof *r->cosine, err);
    r->sine = mem_array(r->angles, sizeof *r->sine, err);
    r->weight = mem_array(r->angles, sizeof *r->weight, err);
    if (!weight || !r->cosine || !r->sine || !r->weight ||
        !angles_weights(theta_rad, r->angles, weight, err)) {
        goto out;
    }
    for (size_t i = 0; i < r->angles; i++) {
        r->cosine[i] = cos(theta_rad[i]);
        r->sine[i] = sin(theta_rad[i]);
        r->weight[i] = (float)weight[i];
    }
    ok = true;
out:
    mem_free(weight);
    return ok;
}

static bool make_work(struct recon *r, struct err *err)
{
    bool fourier = r->algorithm == RECON_FOURIERREC;
    r->work = mem_array(r->threads, sizeof *r->work, err);
    for (unsigned t = 0; r->work && t < r->threads; t++) {
        struct work *w = &r->work[t];
        w->line = mem_big(2 * r->length, sizeof *w->line, err);
        if (!w->line) {
            return false;
        }
        if (fourier) {
            w->lines = mem_big(ANGLE_BLOCK * 2 * r->radial, sizeof *w->lines, err);
            w->grid = mem_big(r->grid_rows * 2 * r->stride, sizeof *w->grid, err);
            w->fade = mem_big(2 * r->radial, sizeof *w->fade, err);
            w->re = mem_big(2 * r->radial, sizeof *w->re, err);
            w->im = mem_big(2 * r->radial, sizeof *w->im, err);
            w->closing = mem_big(4 * r->length, sizeof *w->closing, err);
            if (!w->closing || !w->lines || !w->grid || !w->fade || !w->re || !w->im) {
                return false;
            }
        }
    }
    return r->work != NULL;
}

struct recon *recon_new(const struct recon_spec *spec, struct err *err)
{
    struct recon *r = NULL;
    if (!check_spec(spec, err)) {
        return NULL;
    }
    r = mem_zero(sizeof *r, err);
    if (!r) {
        return NULL;
    }
    r->columns = spec->columns;
    r->angles = spec->angles;
    r->width = spec->width ? spec->width : spec->columns;
    r->algorithm = spec->algorithm;
    r->isa = spec->isa == RECON_ISA_AUTO ? best_isa() : spec->isa;
    r->kernels = kernels_of(r->isa);
    r->extend = !spec->no_extend;
    r->threads = spec->threads ? spec->threads : (unsigned)omp_get_max_threads();
    if (!copy_angles(r, spec->theta_rad, err) || !recon_filter_init(r, spec->filter, err) ||
        (r->algorithm == RECON_FOURIERREC && !recon_fourier_init(r, err)) || !make_work(r, err)) {
        recon_free(r);
        return NULL;
    }
    return r;
}

void recon_free(struct recon *r)
{
    if (!r) {
        return;
    }
    for (unsigned t = 0; r->work && t < r->threads; t++) {
        struct work *w = &r->work[t];
        mem_free(w->im);
        mem_free(w->re);
        mem_free(w->closing);
        mem_free(w->fade);
        mem_free(w->grid);
        mem_free(w->lines);
        mem_free(w->line);
    }
    mem_free(r->work);
    recon_fourier_fini(r);
    recon_filter_fini(r);
    mem_free(r->weight);
    mem_free(r->sine);
    mem_free(r->cosine);
    mem_free(r);
}

size_t recon_bytes(const struct recon_spec *spec)
{
    double n = (double)(spec->width ? spec->width : spec->columns), columns = (double)spec->columns;
    double angles = (double)spec->angles;
    double threads = spec->threads ? spec->threads : (double)omp_get_max_threads();
    double bytes = 28 * angles + columns * (110 + 100 * threads);
    if (spec->algorithm == RECON_FOURIERREC) {
        double cells = 1.3 * n + 48;
        bytes +=
            threads * (8 * cells * cells + (double)ANGLE_BLOCK * 8 * (1.2 * n + 64)) + 64 * cells;
        bytes += 4 * angles * (1.2 * n + 64); /* recon_centres' shared spectra */
    } else {
        bytes += 4.0 * LINE_LANES * (n * n + 32 * n) + threads * 8 * n;
    }
    return (size_t)bytes;
}

enum recon_isa recon_isa_used(const struct recon *r)
{
    return r->isa;
}

static bool check_centres(const struct recon *r, const double *centre, size_t count,
                          struct err *err)
{
    double far = (double)r->columns;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(centre[i])) {
            return err_set(err, ERR_USAGE, "the rotation axis is not a number");
        }
        if (centre[i] < -far || centre[i] > 2 * far) {
            return err_set(err, ERR_USAGE,
                           "rotation axis %.2f lies far off the detector of %zu columns", centre[i],
                           r->columns);
        }
    }
    return true;
}

bool recon_slices(struct recon *r, const float *sino, size_t slices, const double *centre,
                  float *ret_image, struct err *err)
{
    if (!check_centres(r, centre, slices, err)) {
        return false;
    }
    if (r->algorithm == RECON_LINEREC) {
        return recon_line_slices(r, sino, slices, centre, ret_image, err);
    }
    size_t one = r->angles * r->columns, image = r->width * r->width;
    long pairs = (long)(slices + 1) / 2;
#pragma omp parallel for schedule(dynamic, 1) num_threads(r->threads)
    for (long i = 0; i < pairs; i++) {
        size_t a = 2 * (size_t)i, b = a + 1;
        bool both = b < slices;
        struct pair p = {.sino = {sino + a * one, both ? sino + b * one : NULL},
                         .centre = {centre[a], both ? centre[b] : centre[a]},
                         .image = {ret_image + a * image, both ? ret_image + b * image : NULL}};
        recon_fourier_pair(r, &r->work[omp_get_thread_num()], &p);
    }
    return true;
}

bool recon_centres(struct recon *r, const float *sino, size_t centres, const double *centre,
                   float *ret_image, struct err *err)
{
    if (!check_centres(r, centre, centres, err)) {
        return false;
    }
    if (r->algorithm == RECON_FOURIERREC) {
        return recon_fourier_centres(r, sino, centres, centre, ret_image, err);
    }
    for (size_t i = 0; i < centres; i++) {
        if (!recon_line_slices(r, sino, 1, &centre[i], ret_image + i * r->width * r->width, err)) {
            return false;
        }
    }
    return true;
}
