/* model/group: every word of REQUIREMENTS B4 and every state has its colour class (X22). */
#include "test.h"

#include "model/group.h"

static void t_words(void **state)
{
    static const struct {
        const char *word;
        enum row_group group;
    } cases[] = {
        {"Ready", GROUP_IDLE},
        {"Queued", GROUP_WAITING},
        {"Running", GROUP_RUNNING},
        {"Running on GPU 1", GROUP_RUNNING},
        {"Done try", GROUP_PARTIAL},
        {"Inferred", GROUP_PARTIAL},
        {"Full 0-63", GROUP_DONE},
        {"Done full", GROUP_DONE},
        {"Done", GROUP_DONE},
        {"Try failed", GROUP_FAILED},
        {"Infer failed", GROUP_FAILED},
        {"Full failed", GROUP_FAILED},
        {"Failed", GROUP_FAILED},
        {"Skipped", GROUP_SKIPPED},
        {"Skipped (small)", GROUP_SKIPPED},
        {"Cancelled", GROUP_IDLE},
        {"Uploading", GROUP_RUNNING},
        {"Uploaded", GROUP_DONE},
        {"Upload failed", GROUP_FAILED},
        {"a word of tomorrow", GROUP_IDLE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(group_name(group_of_status(cases[i].word)), group_name(cases[i].group));
    }
}

static void t_names(void **state)
{
    (void)state;
    for (int g = 0; g < GROUP_COUNT; g++) {
        assert_int_equal(group_named(group_name((enum row_group)g)), g);
    }
    assert_int_equal(group_named("green"), GROUP_COUNT);
    assert_int_equal(group_of_state(TASK_FAILED), GROUP_FAILED);
    assert_int_equal(group_of_state(TASK_HELD), GROUP_WAITING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_words), cmocka_unit_test(t_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
