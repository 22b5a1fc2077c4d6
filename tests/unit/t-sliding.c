/* The sliding window (issue 6, REQUIREMENTS W1; DESIGN 7: sliding window with overlap and Gaussian
 * blending): the same numbers in any order of patches and in any lots, and those of one run over
 * the whole volume where the model sees no further than a patch. */
#include "test.h"

#include <math.h>
#include "infer/ort-api.h"
#include "onnx-folder.h"

#define SEG_CARD(patch, output)                                                            \
    CARD_HEAD "\"task\":\"segmentation\",\"input\":{\"modality\":\"CT\",\"patch\":[" patch \
              "],\"channels\":1},\"output\":{" output "}"
#define SOFTMAX "\"activation\":\"softmax\""

static struct ort *ort;

static float some(size_t i)
{
    return (float)((i * 2654435761u >> 7) % 2003) / 1000 - 1.001f;
}

static float *some_volume(size_t voxels)
{
    struct err err = {0};
    float *volume = mem_array(voxels, sizeof *volume, &err);
    assert_non_null(volume);
    for (size_t i = 0; i < voxels; i++) {
        volume[i] = some(i);
    }
    return volume;
}

static struct infer *convolution(size_t classes, bool flat, const char *card)
{
    struct err err = {0};
    struct str model = STR_INIT;
    float weights[27 * 4];
    for (size_t i = 0; i < 27 * 4; i++) {
        weights[i] = some(i + 9999);
    }
    onnx_convolution(&model, (int64_t)classes, flat, weights);
    struct infer *m = opened(ort, &model, card, &err);
    if (!m) {
        fail_msg("%s", err.text);
    }
    str_fini(&model);
    return m;
}

struct whole {
    float *scores; /* [classes][voxels] */
    size_t plane, voxels, classes, next;
};

static bool gather(void *arg, size_t z, const float *scores, size_t classes, struct err *err)
{
    struct whole *w = arg;
    (void)err;
    assert_int_equal(z, w->next++);
    assert_int_equal(classes, w->classes);
    for (size_t c = 0; c < classes; c++) {
        memcpy(w->scores + c * w->voxels + z * w->plane, scores + c * w->plane,
               w->plane * sizeof(float));
    }
    return true;
}

/* Scores of a volume, [classes][voxels]; the caller's. NULL with `err`. */
static float *slid(struct infer *m, const float *volume, const size_t n[3], size_t classes,
                   struct infer_sliding how, struct infer_sliding_done *done, struct err *err)
{
    struct whole w = {NULL, n[0] * n[1], n[0] * n[1] * n[2], classes, 0};
    w.scores = mem_array(classes * w.voxels, sizeof(float), err);
    assert_non_null(w.scores);
    how.slice = gather;
    how.slice_arg = &w;
    if (!infer_sliding(m, volume, n, &how, done, err)) {
        mem_free(w.scores);
        return NULL;
    }
    assert_int_equal(w.next, n[2]);
    assert_int_equal(done->classes, classes);
    return w.scores;
}

static bool count(void *arg, double fraction, struct err *err)
{
    size_t *left = arg;
    assert_true(fraction > 0 && fraction <= 1);
    return --*left > 0 || err_set(err, ERR_CANCELLED, "enough");
}

/* The network answers voxel by voxel, so blending must give back exactly that, at every size. */
static void patches_make_a_whole(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{4, 4, 4}, {9, 5, 7}, {2, 3, 1}, {11, 4, 2}, {16, 16, 16}};
    struct err err = {0};
    struct str model = STR_INIT;
    struct infer_sliding_done done;
    size_t left = 3;
    onnx_two_classes(&model, -1, -1, -1);
    struct infer *m = opened(ort, &model, SEG_CARD("4,4,4", SOFTMAX), &err);
    assert_non_null(m);
    for (size_t k = 0; k < 5; k++) {
        const size_t *n = sizes[k], voxels = n[0] * n[1] * n[2];
        float *volume = some_volume(voxels),
              *scores = slid(m, volume, n, 2, (struct infer_sliding){.overlap = 0.25 * (double)k},
                             &done, &err);
        assert_non_null(scores);
        assert_true(done.patches >= 1 && done.seconds_model >= 0);
        for (size_t i = 0; i < voxels; i++) {
            double p = 1 / (1 + exp(-2 * (double)volume[i]));
            assert_true(fabs(scores[voxels + i] - p) < 1e-6 && fabs(scores[i] + p - 1) < 1e-6);
        }
        mem_free(scores);
        mem_free(volume);
    }
    float volume[729] = {0};
    const size_t nine[3] = {9, 9, 9};
    assert_null(slid(m, volume, nine, 2,
                     (struct infer_sliding){.overlap = 0.5, .progress = count, .arg = &left}, &done,
                     &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    volume[400] = NAN;
    assert_null(slid(m, volume, nine, 2, (struct infer_sliding){0}, &done, &err));
    assert_int_equal(err.code, ERR_FAILED);
    assert_non_null(strstr(err.text, "no numbers"));
    infer_close(m);
    str_fini(&model);
}

static void shuffle(size_t *order, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (size_t i = n; i-- > 1;) {
        seed = seed * 1664525 + 1013904223;
        size_t k = (seed >> 8) % (i + 1), kept = order[i];
        order[i] = order[k];
        order[k] = kept;
    }
}

/* Bit for bit: orders of patches, lots of them, each activation. */
static void any_order_gives_the_same_bits(void **state)
{
    (void)state;
    static const char *const cards[] = {SEG_CARD("6,5,4", SOFTMAX),
                                        SEG_CARD("6,5,4", "\"activation\":\"sigmoid\""),
                                        SEG_CARD("6,5,4", "\"activation\":\"none\"")};
    const size_t n[3] = {17, 13, 11}, voxels = 17 * 13 * 11;
    float *volume = some_volume(voxels);
    size_t order[1000];
    for (size_t k = 0; k < 9; k++) {
        struct err err = {0};
        struct infer_sliding_done done, again;
        struct infer_sliding how = {.overlap = k % 3 == 0 ? 0.5 : k % 3 == 1 ? 0.8 : 0.1};
        struct infer *m = convolution(3, false, cards[k / 3]);
        float *first = slid(m, volume, n, 3, how, &done, &err);
        assert_non_null(first);
        assert_true(done.patches > 8 && done.patches <= 1000);
        for (uint32_t seed = 0; seed < 4; seed++) {
            shuffle(order, done.patches, seed + 1);
            for (size_t i = 0; seed == 0 && i < done.patches; i++) {
                order[i] = done.patches - 1 - i; /* from the end */
            }
            how.order = order;
            how.batch = seed + 1;
            float *other = slid(m, volume, n, 3, how, &again, &err);
            assert_non_null(other);
            assert_memory_equal(first, other, 3 * voxels * sizeof(float));
            mem_free(other);
        }
        mem_free(first);
        infer_close(m);
    }
    mem_free(volume);
}

/* What lies on the border of some patch is seen without its neighbours there; all else must be as
 * in one run over the whole volume. */
static void local_models_agree_with_one_run(void **state)
{
    (void)state;
    const size_t n[3] = {20, 14, 12}, patch[3] = {10, 8, 6}, voxels = 20 * 14 * 12;
    struct err err = {0};
    struct infer_sliding_done done;
    float *volume = some_volume(voxels);
    struct infer *one = convolution(3, false, SEG_CARD("20,14,12", SOFTMAX)),
                 *small = convolution(3, false, SEG_CARD("10,8,6", SOFTMAX));
    float *whole = slid(one, volume, n, 3, (struct infer_sliding){0}, &done, &err);
    assert_non_null(whole);
    assert_int_equal(done.patches, 1);
    float *parts = slid(small, volume, n, 3, (struct infer_sliding){.overlap = 0.5}, &done, &err);
    assert_non_null(parts);
    assert_true(done.patches > 8);
    size_t compared = 0;
    for (size_t i = 0; i < voxels; i++) {
        const size_t at[3] = {i % n[0], i / n[0] % n[1], i / (n[0] * n[1])};
        bool border = false;
        for (size_t a = 0; a < 3; a++) {
            size_t half = patch[a] / 2, steps = (n[a] - patch[a] + half - 1) / half + 1;
            for (size_t s = 0; s < steps; s++) {
                size_t begin = steps > 1
                    ? (size_t)lround((double)(n[a] - patch[a]) * (double)s / (double)(steps - 1))
                    : 0;
                border = border || (at[a] == begin && begin > 0) ||
                    (at[a] == begin + patch[a] - 1 && begin + patch[a] < n[a]);
            }
        }
        for (size_t c = 0; !border && c < 3; c++) {
            assert_true(fabsf(whole[c * voxels + i] - parts[c * voxels + i]) < 4e-7f);
            compared++;
        }
    }
    assert_true(compared > voxels / 2);
    mem_free(parts);
    mem_free(whole);
    mem_free(volume);
    infer_close(one);
    infer_close(small);
}

/* A model of slices: each slice by itself, in lots of any size. */
static void slices_one_by_one(void **state)
{
    (void)state;
    const size_t n[3] = {9, 8, 5}, plane = 72, voxels = 360;
    struct err err = {0};
    struct infer_sliding_done done;
    float *volume = some_volume(voxels);
    struct infer *m = convolution(2, true, SEG_CARD("9,8", SOFTMAX));
    float *all =
        slid(m, volume, n, 2, (struct infer_sliding){.overlap = 0.5, .batch = 3}, &done, &err);
    assert_non_null(all);
    assert_int_equal(done.patches, 5);
    for (size_t z = 0; z < n[2]; z++) {
        const size_t flat[3] = {9, 8, 1};
        float *one = slid(m, volume + z * plane, flat, 2, (struct infer_sliding){0}, &done, &err);
        assert_non_null(one);
        for (size_t c = 0; c < 2; c++) {
            assert_memory_equal(one + c * plane, all + c * voxels + z * plane,
                                plane * sizeof(float));
        }
        mem_free(one);
    }
    mem_free(all);
    mem_free(volume);
    infer_close(m);
}

/* A file that insists on four patches at once; raw scores keep their values. */
static void a_fixed_number_of_patches(void **state)
{
    (void)state;
    const size_t n[3] = {7, 5, 2}, voxels = 70;
    const int64_t shape[] = {4, 1, 2, 3, 3};
    struct err err = {0};
    struct str model = STR_INIT;
    struct onnx o = {STR_INIT};
    struct infer_sliding_done done;
    onnx_input(&o, "x", ORT_F32, shape, 5);
    onnx_node(&o, "Neg", "x", NULL, "y", NULL, NULL, 0, false);
    onnx_output(&o, "y", ORT_F32, shape, 5);
    onnx_bytes(&o, &model);
    struct infer *m = opened(ort, &model, SEG_CARD("3,3,2", "\"activation\":\"none\""), &err);
    assert_non_null(m);
    float *volume = some_volume(voxels);
    volume[50] = -1000; /* a raw score beyond 128 says no more than 128 */
    float *scores = slid(m, volume, n, 1, (struct infer_sliding){.overlap = 0.5}, &done, &err);
    assert_non_null(scores);
    assert_true(done.patches % 4 != 0);
    for (size_t i = 0; i < voxels; i++) {
        assert_true(fabsf(scores[i] - (i == 50 ? 128 : -volume[i])) < 1e-3f);
    }
    mem_free(scores);
    mem_free(volume);
    infer_close(m);
    str_fini(&model);
}

int main(void)
{
    int status;
    ort = ort_of_tests(&status);
    if (!ort) {
        return status;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patches_make_a_whole),
        cmocka_unit_test(any_order_gives_the_same_bits),
        cmocka_unit_test(local_models_agree_with_one_run),
        cmocka_unit_test(slices_one_by_one),
        cmocka_unit_test(a_fixed_number_of_patches),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ort_close(ort);
    return failed;
}
