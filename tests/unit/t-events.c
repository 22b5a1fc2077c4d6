/* api/ring, api/dirty: what the stream of events is made of (DESIGN 8: a client that reconnects
 * misses nothing). */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include "api/dirty.h"
#include "api/ring.h"

static int64_t add(struct ring *r, const char *text)
{
    struct err err = {0};
    char *copy = mem_strdup(text, &err);
    assert_non_null(copy);
    return ring_add(r, 1, copy, strlen(text));
}

static void t_ring_keeps_what_fits(void **state)
{
    struct err err = {0};
    char text[16];
    (void)state;
    struct ring *r = ring_new(1000, &err);
    assert_non_null(r);
    assert_null(ring_get(r, 1));
    for (int i = 1; i <= 500; i++) {
        (void)snprintf(text, sizeof text, "%09d.", i);
        assert_int_equal(add(r, text), i);
    }
    assert_int_equal(ring_next(r), 501);
    assert_int_equal(ring_first(r), 401); /* 100 of 10 bytes */
    for (int64_t i = 401; i <= 500; i++) {
        (void)snprintf(text, sizeof text, "%09d.", (int)i);
        assert_memory_equal(ring_get(r, i)->text, text, 10);
        assert_int_equal(ring_behind(r, i), (501 - i) * 10);
    }
    assert_null(ring_get(r, 400));
    assert_null(ring_get(r, 501));
    assert_int_equal(ring_behind(r, 501), 0);
    assert_int_equal(ring_behind(r, 3), 1000);
    ring_free(r);
}

/* The packed form counts, is kept with its event and goes with it. */
static void t_packed_form_is_kept(void **state)
{
    struct err err = {0};
    (void)state;
    struct ring *r = ring_new(25, &err);
    assert_ok(r, err);
    int64_t first = add(r, "0123456789");
    char *packed = mem_strdup("0123", &err);
    assert_ok(packed, err);
    ring_pack(r, first, packed, 4);
    (void)add(r, "0123456789");
    assert_ptr_equal(ring_get(r, first)->packed, packed);
    assert_int_equal(ring_get(r, first)->packed_length, 4);
    assert_int_equal(ring_behind(r, first), 20); /* of text, whoever reads what */
    int64_t last = add(r, "01");
    assert_null(ring_get(r, first));
    assert_null(ring_get(r, last)->packed);
    ring_free(r);
}

static void t_dropped_ring_knows_no_old_place(void **state)
{
    struct err err = {0};
    (void)state;
    struct ring *r = ring_new(1000, &err);
    assert_non_null(r);
    (void)add(r, "a");
    int64_t next = ring_next(r);
    ring_drop(r);
    assert_true(ring_first(r) > next);
    assert_int_equal(add(r, "b"), next + 1);
    ring_free(r);
}

static void t_lost_memory_drops_the_ring(void **state)
{
    struct err err = {0};
    (void)state;
    struct ring *r = ring_new(100000, &err);
    assert_non_null(r);
    for (int i = 0; i < 64; i++) {
        (void)add(r, "x");
    }
    char *copy = mem_strdup("y", &err);
    (void)mem_fail_at(1);
    (void)ring_add(r, 1, copy, 1); /* must grow, and cannot */
    (void)mem_fail_at(0);
    assert_null(ring_get(r, 64));
    assert_int_equal(ring_first(r), ring_next(r));
    assert_true(ring_get(r, add(r, "z")) != NULL);
    ring_free(r);
}

static void t_dirty(void **state)
{
    static struct dirty d;
    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        for (int64_t i = 0; i < DIRTY_MOST; i++) {
            dirty_add(&d, i * 1000003);
            dirty_add(&d, i * 1000003);
        }
        assert_int_equal(d.n, DIRTY_MOST);
        assert_false(d.overflow);
        assert_int_equal(d.ids[7], 7 * 1000003);
        dirty_add(&d, 5 * 1000003);
        assert_false(d.overflow);
        dirty_add(&d, -1);
        assert_true(d.overflow);
        dirty_clear(&d);
        assert_int_equal(d.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_ring_keeps_what_fits),
        cmocka_unit_test(t_packed_form_is_kept),
        cmocka_unit_test(t_dropped_ring_knows_no_old_place),
        cmocka_unit_test(t_lost_memory_drops_the_ring),
        cmocka_unit_test(t_dirty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
