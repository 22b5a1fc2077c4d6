/*
 * The filters: the exact discrete ramp by its band-limited kernel, times a window.
 *
 * The ramp's response is the transform of the kernel laid around 0 with period `length`. The kernel
 * is real, even and zero at even places, so it is the cosine sum H[k] = h[0] + 2 sum over odd j <
 * length/2 of h[j] cos(2 pi j k / length)   (+ the sample at length/2, once, if odd) summed
 * directly in double precision from a table of cosines: 0.5 M products for a line of 1024, done
 * once.
 */
#include "math/filter.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static const char *const names[FILTER_COUNT] = {
    [FILTER_PARZEN] = "parzen",   [FILTER_RAMP] = "ramp",
    [FILTER_SHEPP] = "shepp",     [FILTER_HANN] = "hann",
    [FILTER_HAMMING] = "hamming", [FILTER_COSINE] = "cosine",
    [FILTER_COSINE2] = "cosine2", [FILTER_BUTTERWORTH] = "butterworth",
    [FILTER_NONE] = "none",
};

/* u = frequency as a fraction of Nyquist, 0..1 */
static double window(enum filter_kind kind, double u)
{
    switch (kind) {
    case FILTER_PARZEN:
        return (1 - u) * (1 - u) * (1 - u);
    case FILTER_SHEPP:
        return u > 0 ? sin(M_PI_2 * u) / (M_PI_2 * u) : 1;
    case FILTER_HANN:
        return 0.5 * (1 + cos(M_PI * u));
    case FILTER_HAMMING:
        return 0.54 + 0.46 * cos(M_PI * u);
    case FILTER_COSINE:
        return cos(M_PI_2 * u);
    case FILTER_COSINE2:
        return cos(M_PI_2 * u) * cos(M_PI_2 * u);
    case FILTER_BUTTERWORTH:
        return 1 / (1 + pow(2 * u, 8));
    default:
        return 1;
    }
}

const char *filter_name(enum filter_kind kind)
{
    return (unsigned)kind < FILTER_COUNT ? names[kind] : NULL;
}

bool filter_of(const char *name, enum filter_kind *ret_kind, struct err *err)
{
    char list[160] = "";
    size_t used = 0;
    for (unsigned k = 0; k < FILTER_COUNT; k++) {
        if (strcmp(name, names[k]) == 0 || (k == FILTER_RAMP && strcmp(name, "ramlak") == 0)) {
            *ret_kind = (enum filter_kind)k;
            return true;
        }
        size_t length = strlen(names[k]);
        if (used + length + 3 < sizeof list) {
            memcpy(list + used, used ? ", " : "", used ? 2 : 0);
            used += used ? 2 : 0;
            memcpy(list + used, names[k], length + 1);
            used += length;
        }
    }
    return err_set(err, ERR_USAGE, "no filter is called '%s': choose one of %s", name, list);
}

bool filter_response(enum filter_kind kind, size_t length, double *ret_response, struct err *err)
{
    size_t half = length / 2;
    if (length < 2) {
        return err_bug(err, "a filter of no length");
    }
    if (kind == FILTER_NONE) {
        for (size_t k = 0; k <= half; k++) {
            ret_response[k] = 1;
        }
        return true;
    }
    double *cosine = mem_array(length, sizeof *cosine, err);
    double *kernel = mem_array(half + 1, sizeof *kernel, err);
    bool ok = cosine && kernel;
    for (size_t i = 0; ok && i < length; i++) {
        cosine[i] = cos(2 * M_PI * (double)i / (double)length);
    }
    for (size_t j = 1; ok && j <= half; j += 2) {
        double once = 2 * j == length ? 1 : 2;
        kernel[j] = -once / (M_PI * M_PI * (double)j * (double)j);
    }
    for (size_t k = 0; ok && k <= half; k++) {
        double sum = 0.25;
        size_t at = k % length, step = 2 * k % length;
        for (size_t j = 1; j <= half; j += 2) {
            sum += kernel[j] * cosine[at];
            at += step;
            at -= at >= length ? length : 0;
        }
        ret_response[k] = sum * window(kind, (double)k / (double)half);
    }
    mem_free(kernel);
    mem_free(cosine);
    return ok;
}
