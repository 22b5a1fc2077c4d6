/* Filters of masks (issue 6: largest component and smallest size, label by label), colours of
 * labels. */
#include "test.h"

#include "math/label-colour.h"
#include "math/label-filter.h"

#define N 6

static const size_t n[3] = {N, N, 2};

/* Label 1: two parts that touch by a corner (5 voxels), one of 2, one of 1; label 2 between. */
static void draw(uint8_t v[N * N * 2])
{
    static const char *const rows[] = {"11..2.", "..1.2.", "..1...", "......", "11...1", "...2.."};
    memset(v, 0, N * N * 2);
    for (size_t i = 0; i < N * N; i++) {
        char c = rows[i / N][i % N];
        v[i] = c == '.' ? 0 : (uint8_t)(c - '0');
    }
    v[N * N + 3 * N + 3] = 1; /* in the slice above, at the corner of the first part */
}

static size_t count(const uint8_t v[N * N * 2], uint8_t label)
{
    size_t found = 0;
    for (size_t i = 0; i < N * N * 2; i++) {
        found += v[i] == label;
    }
    return found;
}

static void parts_go_and_stay(void **state)
{
    (void)state;
    struct err err = {0};
    uint8_t v[N * N * 2];
    draw(v);
    assert_int_equal(count(v, 1), 8);
    assert_ok(label_filter(v, n, 1, 0, false, &err), err);
    assert_ok(label_filter(v, n, 1, 1, false, &err), err);
    assert_ok(label_filter(v, n, 7, 9, true, &err), err); /* not there */
    assert_int_equal(count(v, 1), 8);
    assert_ok(label_filter(v, n, 1, 2, false, &err), err);
    assert_int_equal(count(v, 1), 7);
    assert_int_equal(v[4 * N + 5], 0);
    assert_ok(label_filter(v, n, 1, 0, true, &err), err);
    assert_int_equal(count(v, 1), 5);
    assert_true(v[0] == 1 && v[2 * N + 2] == 1 && v[N * N + 3 * N + 3] == 1 && v[4 * N] == 0);
    assert_int_equal(count(v, 2), 3); /* another label is left alone */
    assert_ok(label_filter(v, n, 2, 2, true, &err), err);
    assert_true(count(v, 2) == 2 && v[4] == 2);
    assert_ok(label_filter(v, n, 1, 6, true, &err), err); /* nothing is large enough */
    assert_int_equal(count(v, 1), 0);
}

static bool filter(void *arg, struct err *err)
{
    draw(arg);
    return label_filter(arg, n, 1, 2, true, err);
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    uint8_t v[N * N * 2];
    test_every_failure(filter, v);
}

static void colours(void **state)
{
    (void)state;
    uint8_t a[3], b[3];
    char text[LABEL_COLOUR_TEXT];
    for (size_t i = 0; i < 256; i++) {
        label_colour(i, a);
        label_colour_text(a, text);
        assert_true(label_colour_parse(text, b));
        assert_memory_equal(a, b, 3);
        for (size_t k = 0; k < i && i < 40; k++) {
            label_colour(k, b);
            assert_true(memcmp(a, b, 3) != 0);
        }
    }
    label_colour(1, a);
    label_colour_text(a, text);
    assert_string_equal(text, "#4c9be8");
    assert_true(label_colour_parse("#FF00aB", b) && b[0] == 255 && b[1] == 0 && b[2] == 171);
    static const char *const bad[] = {"",        "#12345",  "#1234567", "112233",
                                      "#12 456", "#gggggg", NULL};
    for (size_t i = 0; bad[i]; i++) {
        assert_false(label_colour_parse(bad[i], b));
    }
    assert_false(label_colour_parse(NULL, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_go_and_stay),
        cmocka_unit_test(without_memory_it_says_so),
        cmocka_unit_test(colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
