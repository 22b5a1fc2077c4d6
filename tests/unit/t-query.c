/* api/query: the small grammars of HTTP (issue 3: malformed HTTP; DESIGN 8). */
#include "test.h"

#include <string.h>
#include "api/query.h"

static void t_decode(void **state)
{
    static const struct {
        const char *text, *value;
    } good[] = {{"", ""},         {"a+b", "a b"},    {"%41%2f%2F", "A//"}, {"%c3%a9", "\xc3\xa9"},
                {"a%20b", "a b"}, {"100%25", "100%"}};
    static const char *const bad[] = {"%", "%4", "%zz", "%00", "%ff", "a%", "%c3"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct err err = {0};
        char *value = NULL;
        assert_ok(query_decode(good[i].text, strlen(good[i].text), true, &value, &err), err);
        assert_string_equal(value, good[i].value);
        mem_free(value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        char *value = NULL;
        assert_false(query_decode(bad[i], strlen(bad[i]), true, &value, &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
}

static void t_fields(void **state)
{
    struct err err = {0};
    struct query_fields q;
    (void)state;
    assert_ok(query_parse("text=a%26b&limit=10&&flag&empty=", &q, &err), err);
    assert_int_equal(q.n, 4);
    assert_string_equal(query_value(&q, "text"), "a&b");
    assert_string_equal(query_value(&q, "limit"), "10");
    assert_string_equal(query_value(&q, "flag"), "");
    assert_string_equal(query_value(&q, "empty"), "");
    assert_null(query_value(&q, "none"));
    query_fini(&q);
    assert_false(query_parse("a=1&a=2", &q, &err));
    assert_non_null(strstr(err.text, "'a' is given twice"));
    struct str many = STR_INIT;
    for (int i = 0; i <= QUERY_FIELDS; i++) {
        str_addf(&many, "f%d=1&", i);
    }
    assert_false(query_parse(str_text(&many), &q, &err));
    str_fini(&many);
}

static void t_match(void **state)
{
    char *parts[4] = {NULL};
    size_t n = 9;
    (void)state;
    assert_true(query_match("/api/v1/items", "/api/v1/items", parts, 4, &n));
    assert_int_equal(n, 0);
    assert_true(query_match("/a/{x}/b/{y}", "/a/1/b/t%20w", parts, 4, &n));
    assert_int_equal(n, 2);
    assert_string_equal(parts[0], "1");
    assert_string_equal(parts[1], "t w");
    query_match_fini(parts, n);
    assert_true(query_match("/a/{x}", "/a/b%2Fc", parts, 4, &n)); /* an escaped slash is a value */
    assert_string_equal(parts[0], "b/c");
    query_match_fini(parts, n);
    static const char *const bad[] = {"/a/1",       "/a/1/b/",    "/a//b/2", "/a/1/b/2/",
                                      "/a/1/b/2/c", "/a/%zz/b/2", "",        "/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(query_match("/a/{x}/b/{y}", bad[i], parts, 4, &n));
        assert_null(parts[0]);
    }
    assert_false(query_match("/{a}/{b}", "/1/2", parts, 1, &n)); /* more than there is room for */
    assert_null(parts[0]);
}

static void t_range(void **state)
{
    static const struct {
        const char *text;
        enum range kind;
        int64_t first, n;
    } cases[] = {
        {"bytes=0-499", RANGE_PART, 0, 500},
        {"bytes=500-", RANGE_PART, 500, 500},
        {"bytes=-10", RANGE_PART, 990, 10},
        {"bytes=-5000", RANGE_PART, 0, 1000},
        {"bytes=999-2000", RANGE_PART, 999, 1},
        {"bytes=1000-", RANGE_OUTSIDE, 0, 0},
        {"bytes=-0", RANGE_OUTSIDE, 0, 0},
        {"bytes=5-4", RANGE_NONE, 0, 0},
        {"bytes=0-1,5-6", RANGE_NONE, 0, 0},
        {"bytes=", RANGE_NONE, 0, 0},
        {"bytes=-", RANGE_NONE, 0, 0},
        {"lines=1-2", RANGE_NONE, 0, 0},
        {"bytes=a-b", RANGE_NONE, 0, 0},
        {"bytes=99999999999999999999-", RANGE_NONE, 0, 0},
        {NULL, RANGE_NONE, 0, 0},
        {"", RANGE_NONE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t first = 0, n = 0;
        assert_int_equal(query_range(cases[i].text, 1000, &first, &n), cases[i].kind);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(n, cases[i].n);
    }
}

static void t_negotiation(void **state)
{
    (void)state;
    assert_true(query_etag_matches("\"a\", W/\"b\"", "b"));
    assert_true(query_etag_matches("*", "anything"));
    assert_false(query_etag_matches("\"ab\"", "a"));
    assert_false(query_etag_matches("b", "b"));
    assert_false(query_etag_matches("\"a", "b"));
    assert_false(query_etag_matches(NULL, "b"));
    assert_true(query_takes_gzip("deflate, GZIP;q=0.1, br"));
    assert_false(query_takes_gzip("gzip;q=0"));
    assert_false(query_takes_gzip("gzip; q=0.000"));
    assert_false(query_takes_gzip("xgzip, gzipx"));
    assert_false(query_takes_gzip(NULL));
}

static void t_cookie(void **state)
{
    struct err err = {0};
    (void)state;
    char *value = query_cookie("a=1; session=x=y ; b=2", "session", &err);
    assert_string_equal(value, "x=y ");
    mem_free(value);
    assert_null(query_cookie("xsession=1", "session", &err));
    assert_null(query_cookie("session", "session", &err));
    assert_null(query_cookie(NULL, "session", &err));
}

static void t_listen(void **state)
{
    static const struct {
        const char *text, *host;
        int port;
    } good[] = {{"127.0.0.1:8420", "127.0.0.1", 8420},
                {"[::1]:0", "::1", 0},
                {":80", "", 80},
                {"8420", "127.0.0.1", 8420},
                {"tomo4:65535", "tomo4", 65535}};
    static const char *const bad[] = {"", ":", "127.0.0.1", "a:b", "a:-1", "a:65536", "a:1x"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct err err = {0};
        char host[64];
        int port = -1;
        assert_ok(query_listen(good[i].text, host, &port, &err), err);
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        char host[64];
        int port;
        assert_false(query_listen(bad[i], host, &port, &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
}

static bool parse_twice(void *arg, struct err *err)
{
    struct query_fields q;
    (void)arg;
    if (!query_parse("a=1&b=%20&c", &q, err)) {
        return false;
    }
    query_fini(&q);
    return true;
}

static void t_memory(void **state)
{
    (void)state;
    test_every_failure(parse_twice, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_decode), cmocka_unit_test(t_fields),      cmocka_unit_test(t_match),
        cmocka_unit_test(t_range),  cmocka_unit_test(t_negotiation), cmocka_unit_test(t_cookie),
        cmocka_unit_test(t_listen), cmocka_unit_test(t_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
