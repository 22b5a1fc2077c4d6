/* Messages between processes: kept apart, with a descriptor, and what happens at their limits. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "os/pass.h"

static void message_with_a_file(void **state)
{
    (void)state;
    struct err err = {0};
    struct memfile m = MEMFILE_NONE;
    char buffer[64], seen[6] = "";
    int pair[2], fd;
    assert_ok(pass_pair(pair, &err), err);
    assert_int_equal(pass_receive(pair[0], buffer, sizeof buffer, &fd), -1);
    assert_int_equal(errno, EAGAIN);
    assert_ok(memfile_new(6, &m, &err), err);
    memcpy(m.bytes, "slice", 6);
    assert_ok(pass_send(pair[1], "first", 5, m.fd, &err), err);
    assert_ok(pass_send(pair[1], "second", 6, -1, &err), err);
    assert_int_equal(pass_receive(pair[0], buffer, sizeof buffer, &fd), 5);
    assert_string_equal(buffer, "first");
    assert_true(fd >= 0 && fd != m.fd && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    assert_int_equal(pread(fd, seen, 6, 0), 6);
    assert_string_equal(seen, "slice");
    (void)close(fd);
    assert_int_equal(pass_receive(pair[0], buffer, sizeof buffer, &fd), 6);
    assert_int_equal(fd, -1);
    memfile_free(&m);
    memfile_free(&m);
    (void)close(pair[1]);
    assert_int_equal(pass_receive(pair[0], buffer, sizeof buffer, &fd), 0);
    assert_false(pass_send(pair[0], "x", 1, -1, &err));
    assert_int_equal(err.code, ERR_UNREACHABLE);
    (void)close(pair[0]);
}

static void several_descriptors(void **state)
{
    (void)state;
    struct err err = {0};
    char buffer[64];
    int pair[2], fds[3], many[PASS_FDS + 1] = {0};
    size_t n;
    assert_ok(pass_pair(pair, &err), err);
    assert_ok(pass_send_all(pair[1], "three", 5, (const int[]){0, 1, 2}, 3, &err), err);
    assert_int_equal(pass_receive_all(pair[0], buffer, sizeof buffer, fds, 3, &n), 5);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(fds[i] > 2 && (fcntl(fds[i], F_GETFD) & FD_CLOEXEC));
        (void)close(fds[i]);
    }
    int next = fds[0];
    assert_ok(pass_send_all(pair[1], "more", 4, (const int[]){0, 1, 2}, 3, &err), err);
    assert_int_equal(pass_receive(pair[0], buffer, sizeof buffer, &fds[0]), 4);
    assert_int_equal(fds[0], next); /* what was not wanted is closed */
    assert_int_equal(fcntl(next + 1, F_GETFD), -1);
    (void)close(fds[0]);
    assert_false(pass_send_all(pair[1], "x", 1, many, PASS_FDS + 1, &err));
    assert_int_equal(err.code, ERR_BUG);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void too_long(void **state)
{
    (void)state;
    struct err err = {0};
    char buffer[8];
    int pair[2], fd, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_ok(pass_pair(pair, &err), err);
    assert_ok(pass_send(pair[1], "longer than that", 16, null, &err), err);
    assert_int_equal(pass_receive(pair[0], buffer, sizeof buffer, &fd), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(fd, -1);
    (void)close(null);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_with_a_file),
        cmocka_unit_test(several_descriptors),
        cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
