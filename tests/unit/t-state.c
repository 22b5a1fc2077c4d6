/* The table of allowed changes of a task's state. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include "model/state.h"

static void test_names(void **state)
{
    (void)state;
    for (int s = 0; s < TASK_STATES; s++) {
        assert_int_equal(task_state_of(task_state_name((enum task_state)s)), s);
    }
    assert_int_equal(task_state_of("gone"), TASK_STATES);
}

static void test_what_may_follow_what(void **state)
{
    (void)state;
    assert_true(task_state_allows(TASK_READY, TASK_RUNNING));
    assert_true(task_state_allows(TASK_RUNNING, TASK_DONE));
    assert_true(task_state_allows(TASK_RUNNING, TASK_READY)); /* lost, out of memory, interrupted */
    assert_true(task_state_allows(TASK_FAILED, TASK_READY));  /* a retry */
    assert_false(
        task_state_allows(TASK_DONE, TASK_RUNNING)); /* finished work never just runs again */
    assert_false(task_state_allows(TASK_WAITING, TASK_RUNNING));
    assert_false(task_state_allows(TASK_HELD, TASK_RUNNING));
    assert_false(task_state_allows(TASK_STATES, TASK_DONE));
}

static void test_final_states_only_go_back_to_the_queue(void **state)
{
    (void)state;
    for (int from = 0; from < TASK_STATES; from++) {
        for (int to = 0; task_state_final((enum task_state)from) && to < TASK_STATES; to++) {
            if (task_state_allows((enum task_state)from, (enum task_state)to)) {
                assert_true(to == TASK_READY || to == TASK_WAITING || to == TASK_DONE ||
                            to == TASK_CANCELLED);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_may_follow_what),
        cmocka_unit_test(test_final_states_only_go_back_to_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
