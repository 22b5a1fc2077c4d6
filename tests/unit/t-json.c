/* codec/json: text and numbers written straight out read back as they were. */
#include "test.h"

#include <math.h>
#include "codec/json.h"

static void t_numbers(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.5, "-0.5"},
        {1024.25, "1024.25"},
        {0.05, "0.05"},
        {100, "100"},
        {0.1, "0.1"},
        {1e21, "1e+21"},
        {-7, "-7"},
        {0.000001, "0.000001"},
        {1023.456789, "1023.456789"},
        {NAN, "null"},
        {INFINITY, "null"},
        {0.3333333333333333, "0.33333333333333331"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str out = STR_INIT;
        json_add_real(&out, cases[i].value);
        assert_string_equal(str_text(&out), cases[i].text);
        str_fini(&out);
    }
    /* whatever it is, it comes back the same */
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value = i % 2 ? (double)(bits % 100000000) / 10000 - 1000 : 0;
        if (i % 2 == 0) {
            memcpy(&value, &bits, sizeof value);
        }
        if (isfinite(value)) {
            struct str out = STR_INIT;
            json_add_real(&out, value);
            assert_true(strtod(str_text(&out), NULL) == value);
            str_fini(&out);
        }
    }
}

static void t_texts(void **state)
{
    static const char *const cases[][2] = {
        {"plain", "\"plain\""},
        {"", "\"\""},
        {"a\"b\\c\n\t\x01", "\"a\\\"b\\\\c\\u000a\\u0009\\u0001\""},
        {"试 ü 🙂", "\"试 ü 🙂\""},
        {"bad \xff\xc0\x80 end", "\"bad \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD end\""},
        {"cut \xe8\xaf", "\"cut \xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str out = STR_INIT;
        json_add_text(&out, cases[i][0]);
        assert_string_equal(str_text(&out), cases[i][1]);
        json_t *back = json_loads(str_text(&out), JSON_DECODE_ANY, NULL);
        assert_non_null(back);
        json_decref(back);
        str_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_numbers), cmocka_unit_test(t_texts)};
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
