/*
 * Fixed point: a voxel's score (after activation: 0 to 1) becomes a whole number of at most 24
 * bits, which is as fine as a float near 1; it is multiplied with a whole weight and added in 32
 * bits. How many bits a score gets follows from the greatest sum of weights that the plan of
 * patches makes, so that no sum can overflow. Loops run along rows with nothing but arithmetic in
 * them: compilers make vectors of them.
 */
#include "infer/blend.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"

#define DEVIATION 0.125 /* of the patch's length */
#define HEAVIEST 255
#define FINEST 0x1p24
/* Raw scores have no bounds: logits beyond these say no more than these. */
#define RAW_LOW (-128.0F)
#define RAW_SPAN 256.0F

/* ---- the plan ---- */

static double gauss(size_t i, size_t patch)
{
    double x = ((double)i - (double)(patch - 1) / 2) / (DEVIATION * (double)patch);

    return exp(-x * x / 2);
}

/* Along one axis: the greatest sum of weights, and of patches, that meet in a voxel. */
static bool meet(const struct window *w, size_t axis, const size_t *begins, size_t steps,
                 double *ret_weights, size_t *ret_patches, struct err *err)
{
    size_t n = w->n[axis];
    double *sum = mem_array(n, sizeof(*sum), err);
    size_t *count = sum != NULL ? mem_array(n, sizeof(*count), err) : NULL;
    bool good = count != NULL;

    *ret_weights = 0;
    *ret_patches = 0;
    for (size_t s = 0; good && s < steps; s++) {
        for (size_t i = 0; i < w->patch[axis] && begins[s] + i < n; i++) {
            sum[begins[s] + i] += gauss(i, w->patch[axis]);
            count[begins[s] + i]++;
        }
    }
    for (size_t i = 0; good && i < n; i++) {
        *ret_weights = fmax(*ret_weights, sum[i]);
        *ret_patches = count[i] > *ret_patches ? count[i] : *ret_patches;
    }
    mem_free(sum);
    mem_free(count);
    return good;
}

static void fill_weights(struct blend *b)
{
    const size_t *p = b->w->patch;
    uint8_t *to = b->weight;

    for (size_t z = 0; z < p[2]; z++) {
        for (size_t y = 0; y < p[1]; y++) {
            double zy = HEAVIEST * gauss(z, p[2]) * gauss(y, p[1]);
            for (size_t x = 0; x < p[0]; x++) {
                double weight = rint(zy * gauss(x, p[0]));
                *to++ = weight < 1 ? 1 : (uint8_t)weight;
            }
        }
    }
}

bool blend_plan(struct blend *b, const struct window *w, enum model_activation activation,
                size_t *const begins[WINDOW_AXES], const size_t steps[WINDOW_AXES], struct err *err)
{
    bool raw = activation == MODEL_RAW;
    double heaviest = HEAVIEST;
    double most = 1;

    *b = (struct blend){.w = w,
                        .activation = activation,
                        .plane = w->n[0] * w->n[1],
                        .low = raw ? RAW_LOW : 0,
                        .factor = raw ? 1 / RAW_SPAN : 1};
    for (size_t a = 0; a < WINDOW_AXES; a++) {
        double weights = 0;
        size_t patches = 0;

        if (!meet(w, a, begins[a], steps[a], &weights, &patches, err)) {
            return false;
        }
        heaviest *= weights;
        most *= (double)patches;
    }
    /* rounding adds a half to each weight at most, or makes it 1 */
    double finest = (double)UINT32_MAX / (heaviest + most + 1);
    b->one = 1;
    while (b->one < FINEST && 2.0 * b->one <= finest) {
        b->one *= 2;
    }
    b->weight = mem_array(w->voxels, 1, err);
    if (b->weight != NULL) {
        fill_weights(b);
    }
    return b->weight != NULL;
}

bool blend_room(struct blend *b, size_t classes, size_t height, struct err *err)
{
    b->classes = classes;
    b->height = height;
    b->sum = mem_big(height * (classes + 1) * b->plane, sizeof(*b->sum), err);
    b->row = b->sum != NULL ? mem_array((classes + 2) * b->w->patch[0], sizeof(float), err) : NULL;
    b->slice = b->row != NULL ? mem_array(classes * b->plane, sizeof(float), err) : NULL;
    if (b->slice == NULL) {
        return err_wrap(err, "blending %zu classes over %zu slices of %zu x %zu", classes, height,
                        b->w->n[0], b->w->n[1]);
    }
    memset(b->sum, 0, height * (classes + 1) * b->plane * sizeof(*b->sum));
    return true;
}

void blend_fini(struct blend *b)
{
    mem_free(b->weight);
    mem_free(b->sum);
    mem_free(b->row);
    mem_free(b->slice);
    *b = (struct blend){.w = NULL};
}

/* ---- one row ---- */

/* e to the power of each value, none of which is above 0: 2^k times a polynomial of the rest
 * (Cephes' coefficients), relative error 2e-7. */
static void exponentials(float *restrict v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x = v[i] > -87.0F ? v[i] : -87.0F;
        int32_t k = (int32_t)(x * 1.44269504F - 0.5F);
        float r = x - (float)k * 0.693359375F + (float)k * 2.12194440e-4F;
        float p = 1.9875691500e-4F;
        uint32_t bits = (uint32_t)(k + 127) << 23;
        float power;

        p = p * r + 1.3981999507e-3F;
        p = p * r + 8.3334519073e-3F;
        p = p * r + 4.1665795894e-2F;
        p = p * r + 1.6666665459e-1F;
        p = p * r + 5.0000001201e-1F;
        memcpy(&power, &bits, sizeof(power));
        v[i] = (p * r * r + r + 1) * power;
    }
}

/* Over the classes of each voxel; `row` is [classes][n], and room for two lines behind it. */
static void softmax(float *restrict row, size_t classes, size_t n)
{
    float *restrict most = row + classes * n;
    float *restrict sum = most + n;

    memcpy(most, row, n * sizeof(*most));
    for (size_t c = 1; c < classes; c++) {
        const float *from = row + c * n;
        for (size_t i = 0; i < n; i++) {
            most[i] = from[i] > most[i] ? from[i] : most[i];
        }
    }
    memset(sum, 0, n * sizeof(*sum));
    for (size_t c = 0; c < classes; c++) {
        float *v = row + c * n;
        for (size_t i = 0; i < n; i++) {
            v[i] -= most[i];
        }
        exponentials(v, n);
        for (size_t i = 0; i < n; i++) {
            sum[i] += v[i];
        }
    }
    for (size_t c = 0; c < classes; c++) {
        float *v = row + c * n;
        for (size_t i = 0; i < n; i++) {
            v[i] /= sum[i];
        }
    }
}

/* 1 / (1 + e^-x), by the exponential of what is not positive. */
static void sigmoid(float *restrict row, size_t n, float *restrict room)
{
    for (size_t i = 0; i < n; i++) {
        room[i] = row[i] < 0 ? row[i] : -row[i];
    }
    exponentials(room, n);
    for (size_t i = 0; i < n; i++) {
        float e = room[i] / (1 + room[i]);
        row[i] = row[i] < 0 ? e : 1 - e;
    }
}

static void activate(const struct blend *b, float *row, size_t n)
{
    for (size_t c = 0; b->activation == MODEL_SIGMOID && c < b->classes; c++) {
        sigmoid(row + c * n, n, row + b->classes * n);
    }
    if (b->activation == MODEL_SOFTMAX) {
        softmax(row, b->classes, n);
    }
    for (size_t i = 0; b->activation == MODEL_RAW && i < b->classes * n; i++) {
        float v = (row[i] - b->low) * b->factor;
        v = v < 0 ? 0 : v;
        row[i] = v > 1 ? 1 : v;
    }
}

/* Not 0 when one of them is no number, or above all bounds; below all bounds is a way to say no. */
static uint32_t strange(const float *v, size_t n)
{
    uint32_t bad = 0;

    for (size_t i = 0; i < n; i++) {
        bad |= v[i] <= FLT_MAX ? 0U : 1U;
    }
    return bad;
}

static void add(uint32_t *restrict sum, const float *restrict v, const uint8_t *restrict weight,
                size_t n, float one)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += (uint32_t)weight[i] * (uint32_t)(int32_t)(v[i] * one + 0.5F);
    }
}

static void add_weights(uint32_t *restrict sum, const uint8_t *restrict weight, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum[i] += weight[i];
    }
}

/* ---- patches in, slices out ---- */

bool blend_add(struct blend *b, const float *scores, const size_t at[WINDOW_AXES])
{
    const struct window *w = b->w;
    size_t columns = w->n[0] - at[0] < w->patch[0] ? w->n[0] - at[0] : w->patch[0];

    for (size_t z = 0; z < w->patch[2] && at[2] + z < w->n[2]; z++) {
        uint32_t *slot =
            b->sum + (at[2] + z) % b->height * (b->classes + 1) * b->plane + at[1] * w->n[0];
        for (size_t y = 0; y < w->patch[1] && at[1] + y < w->n[1]; y++) {
            size_t from = (z * w->patch[1] + y) * w->patch[0];
            uint32_t *to = slot + y * w->n[0] + at[0];

            for (size_t c = 0; c < b->classes; c++) {
                memcpy(b->row + c * columns, scores + c * w->voxels + from,
                       columns * sizeof(float));
            }
            if (strange(b->row, b->classes * columns) != 0) {
                return false;
            }
            activate(b, b->row, columns);
            for (size_t c = 0; c < b->classes; c++) {
                add(to + c * b->plane, b->row + c * columns, b->weight + from, columns,
                    (float)b->one);
            }
            add_weights(to + b->classes * b->plane, b->weight + from, columns);
        }
    }
    return true;
}

const float *blend_slice(struct blend *b)
{
    uint32_t *sum = b->sum + b->complete % b->height * (b->classes + 1) * b->plane;
    const uint32_t *weight = sum + b->classes * b->plane;
    double span = 1 / (double)b->factor;

    for (size_t c = 0; c < b->classes; c++) {
        const uint32_t *of_class = sum + c * b->plane;
        float *to = b->slice + c * b->plane;
        for (size_t i = 0; i < b->plane; i++) {
            double score = (double)of_class[i] / ((double)weight[i] * (double)b->one);
            to[i] = (float)((double)b->low + span * score);
        }
    }
    memset(sum, 0, (b->classes + 1) * b->plane * sizeof(*sum));
    b->complete++;
    return b->slice;
}
