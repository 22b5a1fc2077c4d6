/* predict.segment's way from the series to the model and back (issue 6, REQUIREMENTS W8): the same
 * patient stored in any of the 48 ways to lay columns, rows and slices along his axes, straight or
 * oblique, gets the same mask in millimetres; settings of predictions. */
#include "test.h"

#include <math.h>
#include "math/resample.h"
#include "onnx-folder.h"
#include "steps/segment.h"

/* The model shifts what it sees by one voxel along columns: in the patient always the same way. */
#define CARD(input, output)                                                                       \
    CARD_HEAD "\"task\":\"segmentation\",\"input\":{\"modality\":\"CT\",\"patch\":[8,7,6]," input \
              "\"channels\":1},\"output\":{" output                                               \
              "\"activation\":\"none\",\"labels\":[\"background\",\"x\"]}"
#define LPS "\"orientation\":\"LPS\","
#define SHIFT 2

static struct ort *ort;

static struct infer *shifting(const char *card)
{
    struct err err = {0};
    struct str model = STR_INIT;
    float weights[2 * 27] = {0};
    weights[13] = 0; /* class 0 is 0 everywhere */
    weights[27 + 12] = 1;
    onnx_convolution(&model, 2, false, weights);
    struct infer *m = opened(ort, &model, card, &err);
    if (!m) {
        fail_msg("%s", err.text);
    }
    str_fini(&model);
    return m;
}

/* ---- one patient, stored in many ways ---- */

#define A 11
#define B 9
#define C 7

static const size_t size[3] = {A, B, C};

/* A lump without any symmetry, in the patient's own voxels. */
static float lump(size_t i, size_t j, size_t k)
{
    bool in = (i >= 2 && i < 7 && j >= 3 && j < 6 && k >= 1 && k < 5) ||
        (i >= 4 && i < 9 && j >= 3 && j < 5 && k == 4) || (i == 3 && j == 6 && k == 2);
    return in ? 50 : -50;
}

struct stored {
    size_t axis[3]; /* of the patient, along columns, rows, slices */
    bool back[3];
};

/* Voxel numbers in the patient's grid. */
static void of_patient(const struct stored *s, const size_t at[3], size_t ret[3])
{
    for (size_t a = 0; a < 3; a++) {
        ret[s->axis[a]] = s->back[a] ? size[s->axis[a]] - 1 - at[a] : at[a];
    }
}

/* `turned` radians out of the patient's axes about two of them. */
static void patient_affine(double turned, double ret[3][4])
{
    double c = cos(turned), s = sin(turned);
    const double r[3][3] = {{c, -s * c, s * s}, {s, c * c, -c * s}, {0, s, c}};
    const double mm[3] = {1.5, 2, 2.5};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++) {
            ret[i][k] = r[i][k] * mm[k];
        }
        ret[i][3] = (double)i * 10 - 7;
    }
}

static void store(const struct stored *s, double turned, struct volume *ret)
{
    struct err err = {0};
    const size_t n[4] = {size[s->axis[0]], size[s->axis[1]], size[s->axis[2]], 1};
    double patient[3][4];
    assert_ok(volume_new(ret, n, VOXEL_F32, &err), err);
    patient_affine(turned, patient);
    for (size_t i = 0; i < 3; i++) {
        ret->affine[i][3] = patient[i][3];
        for (size_t a = 0; a < 3; a++) {
            double step = patient[i][s->axis[a]];
            ret->affine[i][a] = s->back[a] ? -step : step;
            ret->affine[i][3] += s->back[a] ? step * (double)(n[a] - 1) : 0;
        }
    }
    float *to = ret->voxels;
    for (size_t i = 0; i < A * B * C; i++) {
        const size_t at[3] = {i % n[0], i / n[0] % n[1], i / (n[0] * n[1])};
        size_t p[3];
        of_patient(s, at, p);
        to[i] = lump(p[0], p[1], p[2]);
    }
}

/* The mask of the patient stored so, in the patient's own voxels. */
static void predicted(struct infer *m, const struct stored *s, double turned, const char *settings,
                      uint8_t ret[A * B * C])
{
    struct err err = {0};
    struct volume in, mask;
    struct segment_done done;
    struct predict_settings values;
    store(s, turned, &in);
    assert_ok(predict_settings_read(&m->card, settings, &values, &err), err);
    const struct segment_options how = {.settings = &values, .threads = 1};
    assert_ok(segment_volume(m, &in, &how, &mask, &done, &err), err);
    assert_memory_equal(mask.affine, in.affine, sizeof in.affine);
    assert_int_equal(done.labels, 2);
    for (size_t i = 0; i < A * B * C; i++) {
        const size_t at[3] = {i % in.n[0], i / in.n[0] % in.n[1], i / (in.n[0] * in.n[1])};
        size_t p[3];
        of_patient(s, at, p);
        ret[(p[2] * B + p[1]) * A + p[0]] = ((uint8_t *)mask.voxels)[i];
    }
    predict_settings_fini(&values);
    volume_fini(&in);
    volume_fini(&mask);
}

static struct stored way(size_t k)
{
    static const size_t axes[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                      {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct stored s = {.axis = {axes[k / 8][0], axes[k / 8][1], axes[k / 8][2]}};
    for (size_t a = 0; a < 3; a++) {
        s.back[a] = (k >> a & 1) != 0;
    }
    return s;
}

static size_t differ(const uint8_t *a, const uint8_t *b)
{
    size_t n = 0;
    for (size_t i = 0; i < A * B * C; i++) {
        n += a[i] != b[i];
    }
    return n;
}

static void the_same_anatomy_in_48_ways(void **state)
{
    (void)state;
    struct infer *m = shifting(CARD(LPS, ""));
    for (size_t oblique = 0; oblique < 2; oblique++) {
        uint8_t first[A * B * C], other[A * B * C];
        double turned = oblique ? 0.3 : 0;
        for (size_t k = 0; k < 48; k++) {
            const struct stored s = way(k);
            predicted(m, &s, turned, "{\"overlap\":0.6}", other);
            if (k == 0) {
                memcpy(first, other, sizeof first);
            }
            assert_memory_equal(first, other, sizeof first);
        }
        /* LPS: columns grow to the left, so what a voxel takes is its neighbour at the right */
        for (size_t i = 0; i < A * B * C; i++) {
            size_t x = i % A, y = i / A % B, z = i / (A * B);
            if (x + SHIFT < A && x >= SHIFT) {
                bool right = lump(x + 1, y, z) > 0, border = first[i] != (right ? 1 : 0);
                assert_true(!border || x == 3 || x == 7); /* where a patch begins it sees zeros */
            }
        }
    }
    infer_close(m);
}

/* Another spacing: between voxels, where rounding may decide a few on the border. */
static void another_spacing_in_48_ways(void **state)
{
    (void)state;
    struct infer *m = shifting(CARD(LPS "\"spacing\":[1.1,1.3,1.7],", ""));
    uint8_t first[A * B * C], other[A * B * C];
    size_t filled = 0;
    for (size_t k = 0; k < 48; k++) {
        const struct stored s = way(k);
        predicted(m, &s, 0.3, "{\"overlap\":0.5}", other);
        if (k == 0) {
            memcpy(first, other, sizeof first);
        }
        assert_true(differ(first, other) <= 2);
    }
    for (size_t i = 0; i < A * B * C; i++) {
        filled += first[i];
    }
    assert_true(filled > 40 && filled < 120);
    infer_close(m);
}

/* ---- settings ---- */

/* Slices outside the range are background; filters come from the card and from the settings. */
static void settings_do_what_they_say(void **state)
{
    (void)state;
    const struct stored plain = way(0);
    struct infer *m = shifting(CARD("", ""));
    uint8_t all[A * B * C], some[A * B * C];
    predicted(m, &plain, 0, "", all);
    predicted(m, &plain, 0, "{\"slice_first\":2,\"slice_last\":3}", some);
    for (size_t i = 0; i < A * B * C; i++) {
        size_t z = i / (A * B);
        assert_int_equal(some[i], z == 2 || z == 3 ? all[i] : 0);
    }
    predicted(m, &plain, 0, "{\"min_voxels\":1000}", some);
    assert_int_equal(differ(some, (uint8_t[A * B * C]){0}), 0);
    predicted(m, &plain, 0, "{\"threshold\":60}", some);
    assert_int_equal(differ(some, (uint8_t[A * B * C]){0}), 0);
    predicted(m, &plain, 0, "{\"labels\":\"x\",\"threshold\":40,\"largest_only\":true}", some);
    assert_int_equal(differ(some, all), 0);
    infer_close(m);
}

static void wrong_settings_are_one_line(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"[]", "must be a JSON object"},
        {"{", "settings"},
        {"{\"overlapp\":0.5}", "there is no 'overlapp'; there are: overlap"},
        {"{\"overlap\":1}", "overlap is 1, and must be a number from 0 to 0.9"},
        {"{\"overlap\":\"much\"}", "overlap is no number"},
        {"{\"batch_size\":1.5}", "whole number from 1 to 1024"},
        {"{\"slice_first\":-1}", "slice_first is -1"},
        {"{\"slice_first\":5,\"slice_last\":3}", "slice_last is 3, before slice_first 5"},
        {"{\"labels\":\"x, y\"}", "model tiny has no label 'y'; it has x"},
        {"{\"labels\":3}", "must be names of labels"},
        {"{\"largest_only\":[1]}", "no list of names"},
    };
    struct infer *m = shifting(CARD("", ""));
    struct predict_settings s;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct err err = {0};
        assert_false(predict_settings_read(&m->card, wrong[i][0], &s, &err));
        if (strstr(err.text, wrong[i][1]) == NULL) {
            fail_msg("%s: %s", wrong[i][0], err.text);
        }
    }
    struct err err = {0};
    assert_ok(predict_settings_read(&m->card, "", &s, &err), err);
    assert_true(s.overlap == 0.5 && s.batch == 1 && s.last == SIZE_MAX && s.keep[1]);
    assert_false(s.threshold_set || s.largest[1]);
    const struct volume three = {.n = {4, 4, 3, 1}};
    struct volume view;
    s.first = 3;
    assert_false(predict_slices(&three, &s, &view, &err));
    assert_non_null(strstr(err.text, "slice_first is 3, and the series has slices 0 to 2"));
    predict_settings_fini(&s);
    infer_close(m);
}

int main(void)
{
    int status;
    ort = ort_of_tests(&status);
    if (!ort) {
        return status;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_anatomy_in_48_ways),
        cmocka_unit_test(another_spacing_in_48_ways),
        cmocka_unit_test(settings_do_what_they_say),
        cmocka_unit_test(wrong_settings_are_one_line),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ort_close(ort);
    return failed;
}
