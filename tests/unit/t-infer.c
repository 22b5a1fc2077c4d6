/* REQUIREMENTS R1 (models), DESIGN 7: ONNX Runtime by its table, on tiny models that are written
 * here. Skipped where the library is not (./setup fetches it). */
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>
#include "infer/keep.h"
#include "infer/ort-api.h"
#include "onnx-folder.h"

static struct ort *ort;

static struct ort_session *session_of(const struct str *model, const struct ort_options *options,
                                      struct err *err)
{
    return ort_load(ort, model->buf, model->len, "tiny", options, err);
}

static void names_shapes_and_values(void **state)
{
    (void)state;
    struct err err = {0};
    struct str model = STR_INIT;
    const struct ort_options options = {.threads = 2};
    onnx_two_classes(&model, -1, 2, 3);
    struct ort_session *s = session_of(&model, &options, &err);
    if (!s) {
        fail_msg("%s", err.text);
    }
    size_t n;
    const struct ort_port *in = ort_inputs(s, &n);
    assert_int_equal(n, 1);
    assert_string_equal(in->name, "x");
    char shape[60];
    ort_shape_words(in->n, in->rank, shape, sizeof shape);
    assert_string_equal(shape, "1 x 1 x any x 2 x 3");
    assert_string_equal(ort_outputs(s, &n)->name, "y");
    assert_string_equal(ort_device(s), "CPU");
    float x[12];
    for (int i = 0; i < 12; i++) {
        x[i] = (float)i;
    }
    struct ort_tensor tensor = {5, {1, 1, 2, 2, 3}, x}, out;
    assert_ok(ort_run(s, &tensor, 1, &out, 1, &err), err);
    assert_int_equal(out.rank, 5);
    assert_int_equal(ort_count(&out), 24);
    for (int i = 0; i < 12; i++) {
        assert_true(out.values[i] == -x[i] && out.values[12 + i] == x[i]);
    }
    tensor.n[4] = 4;
    assert_false(ort_run(s, &tensor, 1, &out, 1, &err));
    assert_string_equal(
        err.text, "tiny: input 'x' takes 1 x 1 x any x 2 x 3, and was given 1 x 1 x 2 x 2 x 4");
    tensor.rank = 4;
    assert_false(ort_run(s, &tensor, 1, &out, 1, &err));
    assert_false(ort_run(s, &tensor, 0, &out, 1, &err));
    ort_unload(s);
    str_fini(&model);
}

static void other_number_types_come_as_float(void **state)
{
    (void)state;
    static const int types[] = {ORT_U8, ORT_I8, ORT_I32, ORT_I64, ORT_F16, ORT_F64};
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        struct err err = {0};
        struct str model = STR_INIT;
        struct onnx o = {STR_INIT};
        const int64_t n[] = {3}, to = types[k];
        onnx_input(&o, "x", ORT_F32, n, 1);
        onnx_node(&o, "Cast", "x", NULL, "y", "to", &to, 1, false);
        onnx_output(&o, "y", types[k], n, 1);
        onnx_bytes(&o, &model);
        struct ort_session *s = session_of(&model, &(struct ort_options){0}, &err);
        if (!s) {
            fail_msg("%s", err.text);
        }
        const float x[] = {0, 2, 100};
        struct ort_tensor in = {1, {3}, x}, out;
        assert_ok(ort_run(s, &in, 1, &out, 1, &err), err);
        for (int i = 0; i < 3; i++) {
            assert_true(out.values[i] == x[i]);
        }
        ort_unload(s);
        str_fini(&model);
    }
}

static void what_is_no_model_is_one_line(void **state)
{
    (void)state;
    struct err err = {0};
    struct str model = STR_INIT;
    onnx_two_classes(&model, 2, 2, 2);
    model.len /= 2;
    assert_null(session_of(&model, &(struct ort_options){0}, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "tiny: "));
    assert_null(strchr(err.text, '\n'));
    assert_null(ort_load(ort, "no model", 8, "words", &(struct ort_options){0}, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    str_fini(&model);
}

/* A chain of products of square matrices: long enough that nobody sees its end. */
static void long_chain(struct str *ret, int64_t size, int links)
{
    struct onnx o = {STR_INIT};
    const int64_t n[] = {size, size};
    char from[16] = "x", to[16];
    onnx_input(&o, "x", ORT_F32, n, 2);
    for (int i = 0; i < links; i++) {
        (void)snprintf(to, sizeof to, i + 1 < links ? "t%d" : "y", i);
        onnx_node(&o, "MatMul", from, "x", to, NULL, NULL, 0, false);
        memcpy(from, to, sizeof from);
    }
    onnx_output(&o, "y", ORT_F32, n, 2);
    onnx_bytes(&o, ret);
}

static volatile sig_atomic_t stop;

static void *ask_to_stop(void *arg)
{
    (void)arg;
    (void)usleep(50000);
    stop = 1;
    return NULL;
}

static void a_run_can_be_stopped(void **state)
{
    (void)state;
    struct err err = {0};
    struct str model = STR_INIT;
    pthread_t thread;
    long_chain(&model, 600, 4000);
    struct ort_session *s = session_of(&model, &(struct ort_options){.stop = &stop}, &err);
    if (!s) {
        fail_msg("%s", err.text);
    }
    float *x = mem_array(600 * 600, sizeof *x, &err);
    struct ort_tensor in = {2, {600, 600}, x}, out;
    assert_int_equal(pthread_create(&thread, NULL, ask_to_stop, NULL), 0);
    assert_false(ort_run(s, &in, 1, &out, 1, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(ort_run(s, &in, 1, &out, 1, &err)); /* still asked to */
    assert_int_equal(err.code, ERR_CANCELLED);
    mem_free(x);
    ort_unload(s);
    str_fini(&model);
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* The library keeps a few bytes of its own; ours are still found. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libonnxruntime";
}

static void memory_is_limited(void **state)
{
    (void)state;
    if (SANITIZED) {
        skip(); /* its operator new ends the program where the library expects an exception */
    }
    struct err err = {0};
    struct str model = STR_INIT;
    long_chain(&model, 1024, 3); /* 4 MiB a matrix */
    struct ort *small = ort_open(&err);
    if (!small) {
        fail_msg("%s", err.text);
    }
    assert_ok(ort_limit(small, (int64_t)3 << 20, &err), err);
    struct ort_session *s =
        ort_load(small, model.buf, model.len, "chain", &(struct ort_options){0}, &err);
    float *x = mem_array(1024 * 1024, sizeof *x, &err);
    struct ort_tensor in = {2, {1024, 1024}, x}, out;
    if (s) {
        assert_false(ort_run(s, &in, 1, &out, 1, &err));
    }
    assert_int_equal(err.code, ERR_NOMEM);
    assert_non_null(strstr(err.text, "granted: 3.1 MB"));
    assert_ok(ort_limit(small, (int64_t)64 << 20, &err), err);
    assert_non_null(s);
    assert_ok(ort_run(s, &in, 1, &out, 1, &err), err);
    ort_unload(s);
    ort_close(small);
    mem_free(x);
    str_fini(&model);
}

static void cuda_says_why_not(void **state)
{
    (void)state;
    struct err err = {0};
    struct str model = STR_INIT;
    char *providers = ort_providers(ort, &err);
    assert_non_null(strstr(providers, "CPU"));
    mem_free(providers);
    if (ort_cuda(ort, 0, &err)) {
        skip(); /* a machine with everything CUDA needs */
    }
    assert_true(err.text[0] && !strchr(err.text, '\n'));
    onnx_two_classes(&model, 2, 2, 2);
    struct ort_session *s = session_of(&model, &(struct ort_options){.gpu = true}, &err);
    assert_non_null(s);
    assert_string_equal(ort_device(s), "CPU");
    assert_true(ort_fallback(s)[0] != '\0');
    ort_unload(s);
    str_fini(&model);
}

#define BAG_CARD                                                                            \
    CARD_HEAD "\"task\":\"classification\",\"input\":{\"modality\":\"CT\",\"patch\":[3,2]," \
              "\"slices\":4,\"channels\":1},\"output\":{\"labels\":[\"x\"],\"activation\":" \
              "\"sigmoid\"}"
#define SEG_CARD(patch)                                                                            \
    CARD_HEAD "\"task\":\"segmentation\",\"input\":{\"modality\":\"CT\"," patch "\"channels\":1}," \
              "\"output\":{\"labels\":[\"background\",\"x\"],\"activation\":\"softmax\"}"

static void a_bag_gives_score_and_attention(void **state)
{
    (void)state;
    struct err err = {0};
    struct str model = STR_INIT;
    struct ort_tensor out;
    double seconds;
    onnx_bag(&model, 4, 2, 3);
    struct infer *m = opened(ort, &model, BAG_CARD, &err);
    if (!m) {
        fail_msg("%s", err.text);
    }
    assert_ok(infer_try(m, &out, &seconds, &err), err);
    float bag[24], attention[4];
    for (int i = 0; i < 24; i++) {
        bag[i] = (float)(i / 6); /* 0, 1, 2, 3 in its slices */
    }
    struct infer_bag_result r;
    assert_ok(infer_bag(m, bag, &r, attention, &err), err);
    assert_int_equal(r.classes, 1);
    assert_true(fabsf(r.logits[0] - 1.5f) < 1e-6f);
    assert_true(fabs(r.scores[0] - 1 / (1 + exp(-1.5))) < 1e-6);
    assert_true(r.attention && attention[0] == 0 && attention[3] == 3);
    bag[5] = NAN;
    assert_false(infer_bag(m, bag, &r, NULL, &err));
    infer_close(m);
    str_fini(&model);
}

static void card_and_file_must_agree(void **state)
{
    (void)state;
    struct err err = {0};
    struct str model = STR_INIT;
    struct ort_tensor out;
    double seconds;
    onnx_bag(&model, 5, 2, 3);
    struct infer *m = opened(ort, &model, BAG_CARD, &err);
    assert_non_null(m);
    assert_false(infer_try(m, &out, &seconds, &err));
    assert_non_null(
        strstr(err.text, "model.onnx takes 1 x 5 x 1 x 2 x 3, which 1 x 4 x 1 x 2 x 3"));
    infer_close(m);
    str_clear(&model);
    onnx_two_classes(&model, -1, -1, -1);
    m = opened(ort, &model, SEG_CARD(""), &err);
    assert_non_null(m);
    assert_false(infer_try(m, &out, &seconds, &err));
    assert_non_null(strstr(err.text, "must say input.patch"));
    infer_close(m);
    str_fini(&model);
}

static bool count(void *arg, double fraction, struct err *err)
{
    size_t *left = arg;
    assert_true(fraction > 0 && fraction <= 1);
    return --*left > 0 || err_set(err, ERR_CANCELLED, "enough");
}

#define DETECTOR_CARD(activation)                                                        \
    CARD_HEAD "\"task\":\"detection\",\"input\":{\"modality\":\"CT\",\"patch\":[3,2,2]," \
              "\"channels\":1},\"output\":{\"activation\":\"" activation "\"}"

/* A score a patch (DESIGN 10): where they begin, which are left out, what is no number, an end. */
static void patches_have_scores(void **state)
{
    (void)state;
    struct err err = {0};
    struct str model = STR_INIT;
    struct onnx o = {STR_INIT};
    const int64_t shape[] = {1, 1, 2, 2, 3}, one[] = {1, 1, 1, 1, 1}, axes[] = {1, 2, 3, 4};
    onnx_input(&o, "x", ORT_F32, shape, 5);
    onnx_node(&o, "ReduceMax", "x", NULL, "y", "axes", axes, 4, true);
    onnx_output(&o, "y", ORT_F32, one, 5);
    onnx_bytes(&o, &model);
    struct infer *m = opened(ort, &model, DETECTOR_CARD("none"), &err);
    assert_non_null(m);
    assert_true(m->card.threshold == 0.25);
    const size_t n[3] = {7, 2, 4};
    float volume[7 * 2 * 4] = {0};
    volume[(3 * 2 + 1) * 7 + 6] = 2; /* the last voxel */
    volume[0] = 1;
    struct infer_patches how = {.stride = 2, .least = 0};
    struct infer_patch *patch;
    size_t found, left = 2;
    assert_ok(infer_patches(m, volume, n, &how, &patch, &found, &err), err);
    assert_int_equal(found, 3 * 2); /* columns 0, 2, 4; slices 0, 2 */
    assert_true(patch[0].score == 1 && patch[1].score == 0 && patch[5].score == 2);
    assert_true(patch[5].at[0] == 4 && patch[5].at[2] == 2);
    mem_free(patch);
    how = (struct infer_patches){.stride = 3, .least = 2};
    assert_ok(infer_patches(m, volume, n, &how, &patch, &found, &err), err);
    assert_true(found == 1 && patch[0].at[0] == 4 && patch[0].at[2] == 2); /* at the end */
    mem_free(patch);
    how.least = -1;
    assert_false(infer_patches(m, (const float[]){NAN, NAN}, (const size_t[]){2, 1, 1}, &how,
                               &patch, &found, &err));
    assert_non_null(strstr(err.text, "no number"));
    how = (struct infer_patches){.stride = 2, .progress = count, .arg = &left};
    assert_false(infer_patches(m, volume, n, &how, &patch, &found, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    infer_close(m);
    str_fini(&model);
}

static void values_are_scaled(void **state)
{
    (void)state;
    struct model_card card = {.windowed = true, .window = {-1000, 400}, .scaling = MODEL_WINDOW};
    float v[] = {-2000, -1000, -300, 400, 3000, NAN};
    infer_scale(&card, v, 6);
    assert_true(v[0] == 0 && v[1] == 0 && fabsf(v[2] - 0.5f) < 1e-6f && v[3] == 1 && v[4] == 1 &&
                v[5] == 0);
    float z[] = {1, 3, 1, 3}, same[] = {7, 7};
    card = (struct model_card){.scaling = MODEL_ZSCORE};
    infer_scale(&card, z, 4);
    assert_true(z[0] == -1 && z[1] == 1);
    infer_scale(&card, same, 2);
    assert_true(same[0] == 0 && same[1] == 0);
    card.scaling = MODEL_UNIT;
    float u[] = {2, 4, 3};
    infer_scale(&card, u, 3);
    assert_true(u[0] == 0 && u[1] == 1 && u[2] == 0.5f);
}

#define MEM ((int64_t)64 << 20)

/* Opened for `mem` bytes and done with: was it there already? */
static bool again(struct keep *keep, const char *folder, unsigned threads, int64_t mem)
{
    struct err err = {0};
    struct keep_model m;
    assert_ok(keep_open(keep, folder, &(struct ort_options){.threads = threads}, mem, "", &m, &err),
              err);
    assert_non_null(m.infer);
    bool there = m.again;
    keep_close(keep, &m);
    assert_null(m.infer);
    return there;
}

/* Put into the folder as it is done by hand: written aside and renamed. */
static void replace(const char *folder, const struct str *model, const char *card)
{
    struct err err = {0};
    char *other = folder_of(model, card);
    const char *const names[] = {"model.onnx", "model.json"};
    for (size_t i = 0; i < 2; i++) {
        char *from = mem_printf(&err, "%s/%s", other, names[i]),
             *to = mem_printf(&err, "%s/%s", folder, names[i]);
        assert_int_equal(rename(from, to), 0);
        mem_free(from);
        mem_free(to);
    }
    assert_ok(file_remove_tree(other, &err), err);
    mem_free(other);
}

/* DESIGN 8: a model is loaded once. */
static void two_models_are_kept(void **state)
{
    (void)state;
    struct err err = {0};
    struct str bag = STR_INIT;
    onnx_bag(&bag, 4, 2, 3);
    char *one = folder_of(&bag, BAG_CARD), *two = folder_of(&bag, BAG_CARD),
         *three = folder_of(&bag, BAG_CARD);
    struct keep *keep = keep_new(&err);
    assert_false(again(NULL, one, 1, MEM));
    assert_false(again(keep, one, 1, MEM));
    assert_true(again(keep, one, 1, MEM));
    assert_false(again(keep, one, 2, MEM)); /* other threads, another limit */
    assert_false(again(keep, one, 2, 2 * MEM));
    assert_false(again(keep, two, 2, 2 * MEM)); /* a second model beside it */
    assert_true(again(keep, one, 2, 2 * MEM));
    assert_true(again(keep, two, 2, 2 * MEM));
    assert_false(again(keep, three, 2, 2 * MEM)); /* a third in the place of the first */
    assert_true(again(keep, two, 2, 2 * MEM));
    assert_false(again(keep, one, 2, 2 * MEM));
    replace(one, &bag, BAG_CARD);
    assert_false(again(keep, one, 2, 2 * MEM));

    struct keep_model a, b;
    const struct ort_options options = {.threads = 2};
    assert_ok(keep_open(keep, one, &options, 2 * MEM, "", &a, &err), err);
    assert_ok(keep_open(keep, one, &options, 2 * MEM, "", &b, &err), err);
    assert_true(a.again && !b.again && a.infer != b.infer); /* the kept one has its user */
    keep_close(keep, &b);
    keep_close(keep, &a);
    assert_true(again(keep, one, 2, 2 * MEM));

    char *path = mem_printf(&err, "%s/model.onnx", one);
    assert_ok(file_write(path, "none", 4, false, &err), err);
    assert_false(keep_open(keep, one, &options, 2 * MEM, "", &a, &err));
    mem_free(path);
    assert_false(again(keep, two, 2, 2 * MEM));
    keep_free(keep);
    keep_free(NULL);
    assert_ok(file_remove_tree(one, &err), err);
    assert_ok(file_remove_tree(two, &err), err);
    assert_ok(file_remove_tree(three, &err), err);
    mem_free(three);
    mem_free(one);
    mem_free(two);
    str_fini(&bag);
}

static void a_library_that_is_none_is_named(void **state)
{
    (void)state;
    struct err err = {0};
    char *saved = mem_strdup(getenv("GANTRY_ORT"), &err), *folder = test_folder("ort"),
         *file = mem_printf(&err, "%s/libonnxruntime.so.1", folder);
    assert_int_equal(setenv("GANTRY_ORT", "/nonexistent/x.so", 1), 0);
    assert_null(ort_open(&err));
    assert_string_equal(err.text, "GANTRY_ORT=/nonexistent/x.so: there is no such file");
    assert_int_equal(err.code, ERR_NOTHING);
    assert_int_equal(setenv("GANTRY_ORT", folder, 1), 0);
    assert_null(ort_open(&err));
    assert_non_null(strstr(err.text, "there is no libonnxruntime.so.1"));
    assert_ok(file_put(file, "text", 4, &err), err);
    assert_null(ort_open(&err));
    assert_non_null(strstr(err.text, "does not load"));
    assert_int_equal(setenv("GANTRY_ORT", "/lib/x86_64-linux-gnu/libm.so.6", 1), 0);
    if (file_exists("/lib/x86_64-linux-gnu/libm.so.6")) {
        assert_null(ort_open(&err));
        assert_non_null(strstr(err.text, "is no ONNX Runtime"));
    }
    assert_int_equal(setenv("GANTRY_ORT", saved, 1), 0);
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(file);
    mem_free(folder);
    mem_free(saved);
}

int main(void)
{
    int status;
    ort = ort_of_tests(&status);
    if (!ort) {
        return status;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_shapes_and_values),
        cmocka_unit_test(other_number_types_come_as_float),
        cmocka_unit_test(what_is_no_model_is_one_line),
        cmocka_unit_test(a_run_can_be_stopped),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(cuda_says_why_not),
        cmocka_unit_test(a_bag_gives_score_and_attention),
        cmocka_unit_test(card_and_file_must_agree),
        cmocka_unit_test(patches_have_scores),
        cmocka_unit_test(values_are_scaled),
        cmocka_unit_test(two_models_are_kept),
        cmocka_unit_test(a_library_that_is_none_is_named),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ort_close(ort);
    return failed;
}
