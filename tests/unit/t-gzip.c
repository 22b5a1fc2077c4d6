/* codec/gzip: what is packed has gzip's frame and shrinks; a failed allocation is an error. */
#include "test.h"

#include <string.h>
#include "codec/gzip.h"

static void t_frame(void **state)
{
    static char text[20000];
    struct err err = {0};
    void *packed = NULL;
    size_t n = 0;
    (void)state;
    memset(text, 'a', sizeof text);
    assert_ok(gzip_pack(text, sizeof text, 1, &packed, &n, &err), err);
    const unsigned char *b = packed;
    assert_true(n > 18 && n < 1000);
    assert_int_equal(b[0], 0x1f);
    assert_int_equal(b[1], 0x8b);
    assert_int_equal(b[2], 8);
    /* RFC 1952: the size stands in the last four bytes */
    assert_int_equal(b[n - 4] | b[n - 3] << 8 | b[n - 2] << 16, (int)sizeof text);
    mem_free(packed);
    assert_ok(gzip_pack("", 0, 9, &packed, &n, &err), err);
    mem_free(packed);
}

static bool pack(void *arg, struct err *err)
{
    void *packed = NULL;
    size_t n;
    bool ok = gzip_pack(arg, 5, 1, &packed, &n, err);
    mem_free(ok ? packed : NULL);
    return ok;
}

static void t_memory(void **state)
{
    (void)state;
    test_every_failure(pack, "hello");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_frame),
        cmocka_unit_test(t_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
