/* api/head: the headers by which requests are judged (issue 3: DNS rebinding, trusted proxy). */
#include "test.h"

#include "api/head.h"

static void t_authority(void **state)
{
    static const struct {
        const char *text, *host;
        int port;
    } good[] = {
        {"localhost:8420", "localhost", 8420},
        {"Tomo4", "tomo4", -1},
        {"127.0.0.1:80", "127.0.0.1", 80},
        {"[::1]:8420", "::1", 8420},
        {"[2001:DB8::1]", "2001:db8::1", -1},
        {"tomo4.example.org.", "tomo4.example.org", -1},
        {"a_b-c:0", "a_b-c", 0},
    };
    static const char *const bad[] = {
        "",      ":80", "a:",      "a:b",  "a:80:80", "a b",       "a/b",      "[::1",
        "[]:80", "[g]", "a:65536", "a:-1", "a:+80",   "u@host:80", "\xc3\xa4", "a:080000"};
    char host[HEAD_HOST];
    int port;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(head_authority(good[i].text, host, &port));
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (head_authority(bad[i], host, &port)) {
            fail_msg("'%s' was taken as %s port %d", bad[i], host, port);
        }
    }
}

static void t_too_long_a_host(void **state)
{
    char text[600], host[HEAD_HOST];
    int port;
    (void)state;
    memset(text, 'a', sizeof text);
    text[599] = '\0';
    assert_false(head_authority(text, host, &port));
    text[HEAD_HOST - 1] = '\0';
    assert_true(head_authority(text, host, &port));
}

static void t_origin(void **state)
{
    char host[HEAD_HOST];
    int port;
    (void)state;
    assert_true(head_origin("http://Tomo4:8420", host, &port) && port == 8420);
    assert_string_equal(host, "tomo4");
    assert_true(head_origin("https://tomo4", host, &port) && port == 443);
    assert_true(head_origin("http://tomo4", host, &port) && port == 80);
    assert_false(head_origin("null", host, &port));
    assert_false(head_origin("file://x", host, &port));
    assert_false(head_origin("http://", host, &port));
}

static void t_local_names(void **state)
{
    static const char *const local[] = {"localhost", "x.localhost", "127.0.0.1",
                                        "127.9.9.9", "::1",         "0:0:0:0:0:0:0:1"};
    static const char *const foreign[] = {
        "localhost.evil.com", "127.0.0.1.evil.com", "evil", "128.0.0.1", "::2", "0.0.0.0",
        "xlocalhost"};
    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        assert_true(head_is_local(local[i]));
    }
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        assert_false(head_is_local(foreign[i]));
    }
    assert_true(head_listed("a.org, Tomo.Example.org", "tomo.example.org"));
    assert_false(head_listed("a.org, tomo.example.org", "example.org"));
    assert_false(head_listed("", ""));
}

static void t_nets(void **state)
{
    struct nets nets;
    struct err err = {0};
    char ip[64];
    (void)state;
    assert_ok(nets_parse("10.0.0.5, 10.1.0.0/16 ::1,2001:db8::/33", &nets, &err), err);
    assert_int_equal(nets.n, 4);
    assert_true(nets_have(&nets, "10.0.0.5") && nets_have(&nets, "::ffff:10.0.0.5"));
    assert_true(nets_have(&nets, "10.1.255.255") && nets_have(&nets, "::1"));
    assert_true(nets_have(&nets, "2001:db8:7fff::1"));
    assert_false(nets_have(&nets, "2001:db8:8000::1"));
    assert_false(nets_have(&nets, "10.0.0.6") || nets_have(&nets, "10.2.0.0"));
    assert_false(nets_have(&nets, "") || nets_have(&nets, "localhost"));
    assert_false(nets_parse("10.0.0.5/33", &nets, &err) || nets_parse("tomo4", &nets, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_ok(nets_parse("", &nets, &err), err);
    assert_false(nets_have(&nets, "127.0.0.1"));
    assert_true(head_address("::ffff:1.2.3.4", ip));
    assert_string_equal(ip, "1.2.3.4");
}

static void t_forwarded(void **state)
{
    struct nets nets;
    struct err err = {0};
    char ip[64];
    (void)state;
    assert_ok(nets_parse("127.0.0.1, 10.0.0.1", &nets, &err), err);
    assert_true(head_forwarded("192.168.1.7", &nets, ip));
    assert_string_equal(ip, "192.168.1.7");
    /* what a client wrote itself stands further left, and does not count */
    assert_true(head_forwarded("6.6.6.6, 192.168.1.7 , 10.0.0.1", &nets, ip));
    assert_string_equal(ip, "192.168.1.7");
    assert_false(head_forwarded("", &nets, ip));
    assert_false(head_forwarded("6.6.6.6, unknown", &nets, ip));
    assert_false(head_forwarded("127.0.0.1", &nets, ip));
}

static void t_neighbourhood(void **state)
{
    char key[64];
    (void)state;
    head_neighbourhood("1.2.3.4", key);
    assert_string_equal(key, "1.2.3.4");
    head_neighbourhood("2001:db8:1:2:3:4:5:6", key);
    assert_string_equal(key, "2001:db8:1:2::");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_authority),     cmocka_unit_test(t_too_long_a_host),
        cmocka_unit_test(t_origin),        cmocka_unit_test(t_local_names),
        cmocka_unit_test(t_nets),          cmocka_unit_test(t_forwarded),
        cmocka_unit_test(t_neighbourhood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
