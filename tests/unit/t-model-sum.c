/* What a model is at this moment (DESIGN 11, Fingerprint): the digest follows the cards on the
 * disk, a model that shadows another, a detector; a word that means nothing gives none. */
#include "test.h"

#include <string.h>
#include "model/model-sum.h"
#include "os/file.h"

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
    char *home;
    struct model_sums *sums;
};

static void put_card(const struct fixture *f, const char *folder, const char *version,
                     const char *detector)
{
    struct err err = {0};
    char *path = mem_printf(&err, "%s/models/%s", f->home, folder),
         *card = mem_printf(&err, "%s/models/%s/model.json", f->home, folder),
         *onnx = mem_printf(&err, "%s/models/%s/model.onnx", f->home, folder);
    char *text = mem_printf(
        &err,
        "{\"gantry\":1,\"name\":\"m\",\"version\":\"%s\",\"task\":\"classification\",\"input\":"
        "{\"modality\":\"CT\",\"channels\":1,\"slices\":4},\"output\":{\"activation\":\"none\"},"
        "\"licence\":\"MIT\",\"source\":\"x\",%s\"checksum\":\"sha256:" SUM "\"}",
        version, detector);
    assert_ok(file_mkdirs(path, 0755, &err), err);
    assert_ok(file_put(card, text, strlen(text), &err), err);
    assert_ok(file_put(onnx, "bytes", 5, &err), err);
    mem_free(onnx);
    mem_free(path);
    mem_free(card);
    mem_free(text);
}

static void ask(const struct fixture *f, const char *word, char ret[DIGEST_HEX])
{
    struct err err = {0};
    assert_ok(model_sum(f->sums, word, ret, &err), err);
}

static int setup(void **state)
{
    struct err err = {0};
    struct fixture *f = mem_zero(sizeof *f, &err);
    f->home = test_folder("model-sum");
    f->sums = model_sums_new(f->home, &err);
    assert_non_null(f->sums);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    model_sums_free(f->sums);
    assert_ok(file_remove_tree(f->home, &err), err);
    mem_free(f->home);
    mem_free(f);
    return 0;
}

static void it_follows_the_card(void **state)
{
    const struct fixture *f = *state;
    char none[DIGEST_HEX], one[DIGEST_HEX], again[DIGEST_HEX], two[DIGEST_HEX], first[DIGEST_HEX];
    ask(f, "none", none);
    assert_string_equal(none, "");
    ask(f, "m", none);
    assert_string_equal(none, ""); /* not there yet */
    put_card(f, "m", "1", "");
    ask(f, "m", one);
    ask(f, "m", again);
    ask(f, "", first);
    assert_true(one[0] && !strcmp(one, again) && !strcmp(one, first));
    put_card(f, "m", "1.5", "");
    ask(f, "m", two);
    ask(f, "", first);
    assert_true(strcmp(one, two) != 0 && !strcmp(two, first));
    put_card(f, "m", "1", "");
    ask(f, "m", again);
    assert_string_equal(one, again); /* what was there before is the same model */
    put_card(f, "a", "1.55", "");
    ask(f, "", first); /* another one is taken when none is named */
    assert_string_not_equal(first, one);
    ask(f, "../m", again);
    assert_string_equal(again, "");
}

static void a_detector_is_part_of_it(void **state)
{
    const struct fixture *f = *state;
    char alone[DIGEST_HEX], with[DIGEST_HEX], other[DIGEST_HEX];
    put_card(f, "m", "1", "");
    ask(f, "m", alone);
    put_card(f, "m", "1", "\"detector\":\"nodules\",");
    ask(f, "m", with);
    assert_string_equal(with, ""); /* it names one that is not there */
    put_card(f, "m/nodules", "1", "");
    ask(f, "m", with);
    put_card(f, "m/nodules", "1.5", "");
    ask(f, "m", other);
    assert_true(with[0] && strcmp(with, alone) != 0 && strcmp(with, other) != 0);
}

static void many_words_take_turns(void **state)
{
    const struct fixture *f = *state;
    char word[8], sum[DIGEST_HEX], first[DIGEST_HEX];
    put_card(f, "m", "1", "");
    ask(f, "m", first);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20; i++) {
            (void)snprintf(word, sizeof word, "w%d", i);
            ask(f, word, sum);
            assert_string_equal(sum, "");
        }
        ask(f, "m", sum);
        assert_string_equal(sum, first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_follows_the_card, setup, teardown),
        cmocka_unit_test_setup_teardown(a_detector_is_part_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(many_words_take_turns, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
