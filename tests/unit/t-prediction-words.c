/* report/prediction-words: statuses, progress and the line before Submit (REQUIREMENTS W3, W6, W7,
 * X24). */
#include "test.h"

#include <string.h>
#include "base/mem.h"
#include "model/state.h"
#include "report/prediction-words.h"

struct tasks {
    int ready, running, done, cached, failed, cancelled;
    bool active;
};

static struct prediction_counts counts(struct tasks t)
{
    struct prediction_counts c = {.active = t.active};
    prediction_count(&c, TASK_READY, t.ready);
    prediction_count(&c, TASK_RUNNING, t.running);
    prediction_count(&c, TASK_DONE, t.done);
    prediction_count(&c, TASK_CACHED, t.cached);
    prediction_count(&c, TASK_FAILED, t.failed);
    prediction_count(&c, TASK_CANCELLED, t.cancelled);
    return c;
}

static void says(struct tasks t, const char *state, const char *group, int progress)
{
    struct prediction_counts c = counts(t);
    char text[60];
    prediction_state(&c, text, sizeof text);
    assert_string_equal(text, state);
    assert_string_equal(prediction_group(&c), group);
    assert_int_equal(prediction_progress(&c), progress);
}

static void t_statuses(void **state)
{
    (void)state;
    says((struct tasks){.ready = 4, .active = true}, "Queued", "waiting", 0);
    says((struct tasks){.ready = 3, .running = 1, .active = true}, "In Progress", "running", 0);
    says((struct tasks){.ready = 3, .cached = 1, .active = true}, "In Progress", "running", 25);
    says((struct tasks){.done = 3, .cached = 1}, "Completed", "done", 100);
    says((struct tasks){.done = 998, .failed = 2}, "Failed (2 of 1000)", "failed", 100);
    says((struct tasks){.failed = 1}, "Failed (1 of 1)", "failed", 100);
    says((struct tasks){.done = 1, .cancelled = 2}, "Cancelled", "cancelled", 100);
    says((struct tasks){.done = 1, .failed = 1, .cancelled = 2}, "Cancelled", "cancelled", 100);
    says((struct tasks){.done = 0}, "Completed", "done", 0);
}

/* W7: 100 only at the end, however close. */
static void t_progress_is_rounded_down(void **state)
{
    (void)state;
    says((struct tasks){.running = 1, .done = 999, .active = true}, "In Progress", "running", 99);
    says((struct tasks){.running = 1, .done = 99999, .active = true}, "In Progress", "running", 99);
    says((struct tasks){.ready = 2, .done = 1, .active = true}, "In Progress", "running", 33);
    says((struct tasks){.ready = 1, .done = 1, .failed = 1, .active = true}, "In Progress",
         "running", 66);
}

/* Each state of a task belongs somewhere, and a series' word is one of the table's. */
static void t_every_state_has_a_word(void **state)
{
    (void)state;
    for (int s = 0; s < TASK_STATES; s++) {
        struct prediction_counts c = {.total = 0};
        prediction_count(&c, s, 3);
        assert_int_equal(c.total, 3);
        assert_int_equal(c.waiting + c.running + c.good + c.failed + c.cancelled, 3);
        assert_true(strlen(prediction_series_word(s)) > 0);
        assert_non_null(
            strstr("waiting running done failed cancelled", prediction_series_group(s)));
    }
    assert_string_equal(prediction_series_group(TASK_READY), "waiting");
    assert_string_equal(prediction_series_group(TASK_RUNNING), "running");
    assert_string_equal(prediction_series_word(TASK_CACHED), "Completed");
    assert_string_equal(prediction_series_group(TASK_BLOCKED), "failed");
}

static void line(int64_t total, const char *misfits, double seconds, int slots, const char *want)
{
    struct err err = {0};
    json_t *list = json_loads(misfits, 0, NULL);
    char *text = prediction_line(total, list, seconds, slots, &err);
    assert_ok(text != NULL, err);
    assert_string_equal(text, want);
    mem_free(text);
    json_decref(list);
}

static void t_the_line(void **state)
{
    (void)state;
    line(1000, "[{\"reason\":\"2 MR\",\"n\":2},{\"reason\":\"1 with 12 slices\",\"n\":1}]", 7800, 2,
         "1,000 series, 3 do not fit (2 MR, 1 with 12 slices), about 2 h 10 min on 2 slots");
    line(1, "[]", 40, 1, "1 series, about 40 s on 1 slot");
    line(1234567, "[]", -1, 2, "1,234,567 series");
    line(4, "[{\"reason\":\"1 MR\",\"n\":1}]", -1, 2, "4 series, 1 does not fit (1 MR)");
    line(2, "[{\"reason\":\"2 MR\",\"n\":2}]", 60, 2, "2 series, 2 do not fit (2 MR)");
}

static void span(double seconds, const char *want)
{
    char text[40];
    prediction_span(seconds, text, sizeof text);
    assert_string_equal(text, want);
}

static void t_spans(void **state)
{
    (void)state;
    span(0, "1 s");
    span(0.2, "1 s");
    span(89, "89 s");
    span(90, "2 min");
    span(3569, "59 min");
    span(3570, "1 h 0 min");
    span(7800, "2 h 10 min");
    span(360000, "100 h 0 min");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_statuses),
                                       cmocka_unit_test(t_progress_is_rounded_down),
                                       cmocka_unit_test(t_every_state_has_a_word),
                                       cmocka_unit_test(t_the_line), cmocka_unit_test(t_spans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
