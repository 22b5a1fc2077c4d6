/*
 * counts = dark + beam(column, row) * gain(column) * exp(-attenuation) + noise. The beam is a broad
 * hump with a few dead-straight steps, as scintillators have; gain is 1 but for some columns whose
 * response differs between flat field and projections, which is what makes rings. Shot noise is
 * taken as normal, which it is at thousands of counts.
 */
#include "steps/synth.h"
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "image/hdf5-make.h"
#include "math/phantom.h"

#define N_WHITE 10u
#define N_DARK 10u
#define FULL_COUNTS 40000.0 /* of a well-lit 16-bit detector */
#define DARK_COUNTS 120.0
#define ELECTRONS_PER_COUNT 2.0
#define MAX_ATTENUATION 2.2 /* through the thickest part: 11 % of the beam comes out */
#define RING_EVERY 29u      /* one column in so many has another response */

struct synth {
    const struct synth_spec *spec;
    uint64_t random;
    double *theta_deg, *theta_rad;
    float *sino;  /* [frames][columns] of one row */
    void *frames; /* [frames][rows][columns] */
    double scale; /* counts of the stored type for one of 16 bit */
};

/* splitmix64: small, and the same on every machine. */
static uint64_t next_random(struct synth *s)
{
    uint64_t z = s->random += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double uniform(struct synth *s)
{
    return ((double)(next_random(s) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(struct synth *s)
{
    double radius = sqrt(-2 * log(uniform(s)));

    return radius * cos(2 * M_PI * uniform(s));
}

static double beam(const struct synth_spec *spec, size_t row, size_t column)
{
    double x = (double)column / (double)spec->columns - 0.45;
    double y = (double)row / (double)spec->rows - 0.5;
    double step = column * 7 / spec->columns % 2 == 0 ? 1 : 0.96;

    return FULL_COUNTS * step * exp(-1.2 * x * x - 0.5 * y * y);
}

static double ring_gain(const struct synth_spec *spec, size_t column)
{
    unsigned mixed = ((unsigned)column * 2654435761u) ^ (spec->seed * 40503u);

    if (!spec->rings || mixed % RING_EVERY != 0) {
        return 1;
    }
    return mixed / RING_EVERY % 2 == 0 ? 1.015 : 0.985;
}

/* Store one sample; `lit` counts come from the beam. */
static void put(struct synth *s, size_t index, double lit)
{
    double counts = DARK_COUNTS + lit;

    if (s->spec->noise) {
        counts += normal(s) * sqrt(lit / ELECTRONS_PER_COUNT + 4);
    }
    counts = fmax(0, counts * s->scale);
    if (s->spec->pixel == SCAN_PIXEL_U8) {
        ((uint8_t *)s->frames)[index] = (uint8_t)fmin(255, counts + 0.5);
    } else if (s->spec->pixel == SCAN_PIXEL_U16) {
        ((uint16_t *)s->frames)[index] = (uint16_t)fmin(65535, counts + 0.5);
    } else {
        ((float *)s->frames)[index] = (float)counts;
    }
}

static void expose_row(struct synth *s, size_t row)
{
    const struct synth_spec *spec = s->spec;
    double radius = fmin(spec->centre + 0.5, (double)spec->columns - 0.5 - spec->centre);
    double whole = ((double)spec->columns - 1) / 2;
    struct phantom p;

    /* The specimen is as wide as a centred one would be, so that scans of a series look alike. */
    radius = fmax(radius, 0.8 * whole);
    phantom_specimen(spec->seed, spec->rows > 1 ? (double)row / (double)(spec->rows - 1) : 0.5, &p);
    phantom_scale_values(&p, MAX_ATTENUATION / (2 * 0.92 * radius));
    phantom_sinogram(&p, s->theta_rad, spec->frames, spec->columns, spec->centre, radius, s->sino);
    for (size_t a = 0; a < spec->frames; a++) {
        for (size_t c = 0; c < spec->columns; c++) {
            put(s, (a * spec->rows + row) * spec->columns + c,
                beam(spec, row, c) * ring_gain(spec, c) *
                    exp(-(double)s->sino[a * spec->columns + c]));
        }
    }
}

static void expose_reference(struct synth *s, size_t frames, bool lit)
{
    const struct synth_spec *spec = s->spec;
    size_t index = 0;

    for (size_t f = 0; f < frames; f++) {
        for (size_t row = 0; row < spec->rows; row++) {
            for (size_t c = 0; c < spec->columns; c++) {
                put(s, index++, lit ? beam(spec, row, c) : 0);
            }
        }
    }
}

static bool prepare(struct synth *s, struct err *err)
{
    const struct synth_spec *spec = s->spec;
    size_t most = spec->frames > N_WHITE ? spec->frames : N_WHITE;

    s->random = spec->seed * 7919u + 1;
    s->scale = spec->pixel == SCAN_PIXEL_U8 ? 1 / 200.0 : 1;
    s->theta_deg = mem_array(spec->angles, sizeof(double), err);
    s->theta_rad = s->theta_deg == NULL ? NULL : mem_array(spec->angles, sizeof(double), err);
    s->sino =
        s->theta_rad == NULL ? NULL : mem_array(spec->frames * spec->columns, sizeof(float), err);
    s->frames = s->sino == NULL
        ? NULL
        : mem_array(most * spec->rows, spec->columns * scan_pixel_bytes(spec->pixel), err);
    for (size_t i = 0; s->frames != NULL && i < spec->angles; i++) {
        s->theta_deg[i] = spec->turn_deg * (double)i / (double)spec->angles;
        s->theta_rad[i] = s->theta_deg[i] * M_PI / 180;
    }
    return s->frames != NULL;
}

bool synth_write(const char *path, const struct synth_spec *spec, struct err *err)
{
    struct synth s = {.spec = spec};
    struct hdf5_make_spec file = {spec->frames, spec->rows, spec->columns, N_WHITE,
                                  N_DARK,       NULL,       spec->angles,  spec->pixel};
    struct hdf5_make *make = NULL;
    bool good = prepare(&s, err);

    file.theta_deg = s.theta_deg;
    make = good ? hdf5_make_open(path, &file, err) : NULL;
    good = make != NULL;
    for (size_t row = 0; good && row < spec->rows; row++) {
        expose_row(&s, row);
    }
    good = good && hdf5_make_frames(make, SCAN_PROJECTIONS, 0, spec->frames, s.frames, err);
    if (good) {
        expose_reference(&s, N_WHITE, true);
        good = hdf5_make_frames(make, SCAN_WHITE, 0, N_WHITE, s.frames, err);
    }
    if (good) {
        expose_reference(&s, N_DARK, false);
        good = hdf5_make_frames(make, SCAN_DARK, 0, N_DARK, s.frames, err);
    }
    good = hdf5_make_close(make, good ? err : err_ignore("the first error is told")) && good;
    mem_free(s.frames);
    mem_free(s.sino);
    mem_free(s.theta_rad);
    mem_free(s.theta_deg);
    return good;
}
