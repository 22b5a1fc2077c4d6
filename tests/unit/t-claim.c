/* Claims: who may start an attempt, who lives, and the fence. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "os/claim.h"
#include "os/file.h"
#include "os/proc.h"

static void test_one_may_start(void **state)
{
    struct err err = {0};
    char *dir = test_folder("claim");
    int fd = -1, second = -1;
    (void)state;
    assert_ok(claim_take(dir, &fd, &err), err);
    assert_false(claim_take(dir, &second, &err));
    assert_int_equal(err.code, ERR_EXISTS);
    assert_false(claim_fence(dir, &err)); /* it is locked by the living */
    assert_int_equal(err.code, ERR_EXISTS);
    (void)close(fd);
    assert_ok(file_remove_tree(dir, &err), err);
    mem_free(dir);
}

static void test_a_fence_keeps_everybody_out(void **state)
{
    struct err err = {0};
    char *base = test_folder("fence"), *dir = mem_printf(&err, "%s/not/there", base);
    enum claim_state seen;
    struct claim claim;
    int fd = -1;
    (void)state;
    assert_ok(claim_look(dir, &seen, &claim, &err), err);
    assert_int_equal(seen, CLAIM_NONE);
    assert_ok(claim_fence(dir, &err), err);
    assert_false(claim_take(dir, &fd, &err));
    assert_ok(claim_look(dir, &seen, &claim, &err), err);
    assert_int_equal(seen, CLAIM_DEAD);
    assert_true(claim.fenced);
    assert_ok(file_remove_tree(base, &err), err);
    mem_free(dir);
    mem_free(base);
}

/* A worker that was stopped between making its claim and locking it finds the fence in the file. */
static void test_a_fence_between_making_and_locking(void **state)
{
    struct err err = {0};
    char *dir = test_folder("gap"), *path = mem_printf(&err, "%s/claim", dir);
    int fd = -1;
    (void)state;
    assert_ok(file_put(path, "", 0, &err), err); /* made, not locked, empty */
    assert_ok(claim_fence(dir, &err), err);
    assert_false(claim_take(dir, &fd, &err));
    assert_ok(file_remove_tree(dir, &err), err);
    mem_free(path);
    mem_free(dir);
}

/* The worker is dead, its tool lives: seen by the lock it inherited and by its environment, and
 * killed. */
static void test_the_rest_of_a_dead_worker(void **state)
{
    struct err err = {0};
    char *dir = test_folder("rest");
    char *mark = mem_printf(&err, "GANTRY_ATTEMPT_DIR=%s", dir);
    const char *argv[] = {"sleep", "1000", NULL}, *env[] = {mark, "PATH=/usr/bin:/bin", NULL};
    enum claim_state seen;
    struct claim claim;
    int fd = -1;
    pid_t tool;
    (void)state;
    pid_t worker = fork();
    if (worker == 0) {
        struct proc_spec spec = {.argv = argv,
                                 .env = env,
                                 .in = PROC_NULL,
                                 .out = PROC_NULL,
                                 .errs = PROC_NULL,
                                 .group = true};
        bool ok = claim_take(dir, &fd, &err);
        spec.keep_fd = fd;
        ok = ok && proc_spawn(&spec, &tool, &err) && claim_note_tool(fd, tool, &err);
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
    assert_ok(claim_look(dir, &seen, &claim, &err), err);
    assert_int_equal(seen, CLAIM_TOOL);
    assert_false(claim_fence(dir, &err));
    for (int i = 0; i < 200 && !claim_kill_rest(&claim, dir); i++) {
        (void)usleep(10000);
    }
    assert_ok(claim_look(dir, &seen, &claim, &err), err);
    assert_int_equal(seen, CLAIM_DEAD);
    assert_ok(claim_fence(dir, &err), err);
    assert_ok(file_remove_tree(dir, &err), err);
    mem_free(mark);
    mem_free(dir);
}

/* A pid that was given to another program is not the process of then. */
static void test_identity_is_pid_and_start(void **state)
{
    int64_t start = proc_start_time(getpid());
    (void)state;
    assert_true(start > 0);
    assert_true(proc_alive(getpid(), start));
    assert_false(proc_alive(getpid(), start + 1));
    assert_false(proc_alive(0, start));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_may_start),
        cmocka_unit_test(test_a_fence_keeps_everybody_out),
        cmocka_unit_test(test_a_fence_between_making_and_locking),
        cmocka_unit_test(test_the_rest_of_a_dead_worker),
        cmocka_unit_test(test_identity_is_pid_and_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
