/* catalog/series-select: which series a word means (REQUIREMENTS W3 "Select Series", W13). */
#include "test.h"

#include <string.h>
#include "catalog/series-select.h"

static const struct series_names one = {
    17, "ct/p01.zip#3f2a", "ct/p01.zip", "ct/p01/thorax-3f2a", "P 01", "CT", "2024-02-11", "1.2.3"};

static void t_what_means_it(void **state)
{
    (void)state;
    static const char *const hits[] = {
        "ct/p01.zip#3f2a",
        "ct/p01.zip",
        "p01.zip",
        "ct/p01/thorax-3f2a",
        "thorax-3f2a",
        "ct/*",
        "*.zip",
        "id:17",
        "patient:P 01",
        "patient:p*",
        "modality:ct",
        "date:2024*",
        "uid:1.2.3",
        "thorax*",
        "date:2024-02-1[0-9]",
    };
    static const char *const misses[] = {
        "p01", "P 01", "id:1", "patient:01", "modality:MR", "date:2023*", "uid:1.2", "ct", "1.2.3",
    };
    struct err err = {0};
    for (size_t i = 0; i < sizeof hits / sizeof *hits; i++) {
        assert_ok(series_word_check(hits[i], &err), err);
        if (!series_word_matches(hits[i], &one)) {
            fail_msg("%s is not met", hits[i]);
        }
    }
    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++) {
        if (series_word_matches(misses[i], &one)) {
            fail_msg("%s is met", misses[i]);
        }
    }
    const struct series_names unknown = {3, "a.nii", "a.nii", "a", "", "", "", ""};
    assert_false(series_word_matches("patient:*", &unknown));
    assert_true(series_word_matches("*", &unknown));
}

static void t_what_cannot_be_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "id:", "id:x", "id:0", "id:-3", "patient:", "date:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        assert_false(series_word_check(bad[i], &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_what_means_it),
        cmocka_unit_test(t_what_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
