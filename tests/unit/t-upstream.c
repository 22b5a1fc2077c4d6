/* api/upstream: the head of what a notebook answers (REQUIREMENTS O1: it is passed on as it is
 * meant). */
#include "test.h"

#include "api/upstream.h"

static enum upstream_state parse(const char *text, size_t n, struct upstream_head *ret)
{
    static char buf[2 * UPSTREAM_HEAD_MAX];
    assert_true(n <= sizeof buf);
    memcpy(buf, text, n);
    return upstream_parse(buf, n, ret);
}

static void t_comes_in_pieces(void **state)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Type:text/html \r\ncontent-length:  12\r\n"
        "Empty:\r\n\r\nhello\r\n\r\nworld";
    struct upstream_head head;
    size_t whole = sizeof text - 1 - strlen("hello\r\n\r\nworld");
    (void)state;
    for (size_t n = 0; n < whole; n++) {
        assert_int_equal(parse(text, n, &head), UPSTREAM_MORE);
    }
    for (size_t n = whole; n < sizeof text; n++) {
        assert_int_equal(parse(text, n, &head), UPSTREAM_WHOLE);
        assert_int_equal(head.status, 200);
        assert_int_equal(head.bytes, whole);
        assert_int_equal(head.length, 12);
        assert_string_equal(upstream_get(&head, "content-TYPE"), "text/html");
        assert_string_equal(upstream_get(&head, "Empty"), "");
        assert_null(upstream_get(&head, "Location"));
    }
}

static void t_without_length(void **state)
{
    static const char text[] = "HTTP/1.0 304 Not Modified\r\n\r\n";
    struct upstream_head head;
    (void)state;
    assert_int_equal(parse(text, sizeof text - 1, &head), UPSTREAM_WHOLE);
    assert_int_equal(head.status, 304);
    assert_int_equal(head.length, -1);
    assert_int_equal(head.n, 0);
}

static void t_bad(void **state)
{
    static const char *const bad[] = {
        "\r\n\r\n",
        "SSH-2.0\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 099 Odd\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: nameless\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
    };
    struct upstream_head head;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse(bad[i], strlen(bad[i]), &head), UPSTREAM_BAD);
    }
    assert_int_equal(parse("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 25, &head), UPSTREAM_BAD);
}

static void t_too_much(void **state)
{
    static char text[UPSTREAM_HEAD_MAX + 8];
    struct upstream_head head;
    size_t n = strlen("HTTP/1.1 200 OK\r\n");
    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(parse(text, UPSTREAM_HEAD_MAX - 1, &head), UPSTREAM_MORE);
    assert_int_equal(parse(text, sizeof text, &head), UPSTREAM_BAD);
    memcpy(text, "HTTP/1.1 200 OK\r\n", n);
    for (size_t i = 0; i <= UPSTREAM_HEADERS; i++, n += 6) {
        memcpy(text + n, "a: b\r\n", 6);
    }
    memcpy(text + n, "\r\n", 2);
    assert_int_equal(parse(text, n + 2, &head), UPSTREAM_BAD);
    memmove(text + n - 6, "\r\n", 2);
    assert_int_equal(parse(text, n - 4, &head), UPSTREAM_WHOLE);
    assert_int_equal(head.n, UPSTREAM_HEADERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_comes_in_pieces),
        cmocka_unit_test(t_without_length),
        cmocka_unit_test(t_bad),
        cmocka_unit_test(t_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
