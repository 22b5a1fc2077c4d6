/* api/limit: buckets, growing waits, and tables that cannot be filled up (issue 3: rate limits).
 * Time is an argument: nothing here waits. */
#include "test.h"

#include <stdio.h>
#include "api/limit.h"

#define S 1000000

static void t_buckets(void **state)
{
    struct err err = {0};
    struct limits *l = limits_new(&err);
    int wait = 0;
    (void)state;
    assert_ok(l != NULL, err);
    for (int i = 0; i < 20; i++) {
        assert_true(limits_take(l, "1.2.3.4", 10, 20, S, &wait));
    }
    assert_false(limits_take(l, "1.2.3.4", 10, 20, S, &wait));
    assert_int_equal(wait, 1);
    assert_true(limits_take(l, "1.2.3.5", 10, 20, S, &wait)); /* of others it is not the fault */
    assert_true(limits_take(l, "1.2.3.4", 10, 20, 2 * S, &wait));
    for (int i = 0; i < 9; i++) {
        assert_true(limits_take(l, "1.2.3.4", 10, 20, 2 * S, &wait));
    }
    assert_false(limits_take(l, "1.2.3.4", 10, 20, 2 * S, &wait)); /* ten a second, no more */
    limits_free(l);
}

static void t_waits_double(void **state)
{
    struct err err = {0};
    struct limits *l = limits_new(&err);
    static const int waits[] = {0, 0, 2, 3, 5, 9, 11, 11};
    int64_t now = S;
    (void)state;
    assert_ok(l != NULL, err);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(limits_wait(l, "name anna", now), 0);
        limits_tried(l, "name anna", 3, 10, now);
        assert_int_equal(limits_wait(l, "name ANNA", now), waits[i]);
        now += 12 * S;
    }
    limits_forgive(l, "name Anna");
    assert_int_equal(limits_wait(l, "name anna", now), 0);
    limits_tried(l, "name anna", 3, 10, now);
    assert_int_equal(limits_wait(l, "name anna", now), 0);
    limits_free(l);
}

static void t_many_keys_take_no_more_room(void **state)
{
    struct err err = {0};
    struct limits *l = limits_new(&err);
    char key[40];
    int wait, known = 0;
    (void)state;
    assert_ok(l != NULL, err);
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(key, sizeof key, "ip 10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        limits_tried(l, key, 0, 900, S + i);
        assert_true(limits_take(l, key, 1, 5, S + i, &wait));
    }
    for (int i = 99000; i < 100000; i++) { /* the newest are still known */
        (void)snprintf(key, sizeof key, "ip 10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        known += limits_wait(l, key, S + i) > 0;
    }
    assert_true(known > 900);
    limits_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_buckets),
        cmocka_unit_test(t_waits_double),
        cmocka_unit_test(t_many_keys_take_no_more_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
