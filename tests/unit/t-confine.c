/* os/confine: no path leads out of its root (issue 3: `..`, links out of the root, other
 * projects). */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "os/confine.h"
#include "os/file.h"

static char *base, *root, *other;

static char *at(const char *folder, const char *name)
{
    struct err err = {0};
    char *path = mem_printf(&err, "%s/%s", folder, name);
    assert_non_null(path);
    return path;
}

static void put(const char *folder, const char *name, const char *text)
{
    struct err err = {0};
    char *path = at(folder, name);
    assert_ok(file_put(path, text, strlen(text), &err), err);
    mem_free(path);
}

static void point(const char *target, const char *folder, const char *name)
{
    char *path = at(folder, name);
    assert_int_equal(symlink(target, path), 0);
    mem_free(path);
}

static int set_up(void **state)
{
    struct err err = {0};
    char real[4096];
    char *folder = test_folder("confine");
    (void)state;
    assert_non_null(realpath(folder, real));
    mem_free(folder);
    base = mem_strdup(real, &err);
    root = at(base, "data");
    other = at(base, "data_other"); /* its name begins like the root's */
    char *sub = at(root, "sub");
    assert_ok(file_mkdirs(sub, 0755, &err) && file_mkdirs(other, 0755, &err), err);
    put(root, "a.h5", "inside");
    put(other, "secret", "outside");
    put(base, "secret", "outside");
    point("../secret", root, "up");
    point("/etc/passwd", root, "away");
    point("../data_other", root, "folder-out");
    point("a.h5", root, "fine");
    point("../a.h5", sub, "fine-too");
    point("loop", root, "loop");
    point(root, base, "alias");
    char *fifo = at(root, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    mem_free(fifo);
    char *whole = at(root, "a.h5");
    point(whole, sub, "whole"); /* absolute, yet inside */
    mem_free(whole);
    mem_free(sub);
    return 0;
}

static int tear_down(void **state)
{
    struct err err = {0};
    (void)state;
    assert_ok(file_remove_tree(base, &err), err);
    mem_free(base);
    mem_free(root);
    mem_free(other);
    return 0;
}

static void opens(const char *name)
{
    struct err err = {0};
    char text[16] = "";
    int fd = -1;
    if (!confine_open(root, name, &fd, &err)) {
        fail_msg("'%s': %s", name, err.text);
    }
    assert_int_equal(read(fd, text, sizeof text - 1), 6);
    assert_string_equal(text, "inside");
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(close(fd), 0);
}

static void refuses(const char *name, enum err_code code)
{
    struct err err = {0};
    int fd = -1;
    if (confine_open(root, name, &fd, &err)) {
        fail_msg("'%s' was opened", name);
    }
    if (err.code != code) {
        fail_msg("'%s': %s (%s)", name, err.text, err_name(err.code));
    }
    assert_int_equal(fd, -1);
}

static void t_inside(void **state)
{
    char *whole = at(root, "a.h5");
    (void)state;
    opens("a.h5");
    opens("./sub/../a.h5");
    opens("fine");
    opens("sub/fine-too");
    opens("sub/whole");
    opens(whole);
    mem_free(whole);
}

static void t_outside(void **state)
{
    char *beside = at(other, "secret");
    (void)state;
    refuses("..", ERR_PERM);
    refuses("../secret", ERR_PERM);
    refuses("sub/../../secret", ERR_PERM);
    refuses("/etc/passwd", ERR_PERM);
    refuses(beside, ERR_PERM);
    refuses("up", ERR_PERM);
    refuses("away", ERR_PERM);
    refuses("folder-out/secret", ERR_PERM);
    refuses("loop", ERR_PERM);
    refuses("fifo", ERR_PERM); /* and does not wait for a writer */
    refuses("none", ERR_NOTHING);
    refuses("a.h5/b", ERR_NOTHING);
    mem_free(beside);
}

static void t_any_of_several_roots(void **state)
{
    const char *roots[] = {root, other};
    struct err err = {0};
    int fd = -1;
    char *beside = at(other, "secret"), *up = at(base, "secret");
    (void)state;
    assert_ok(confine_open_any(roots, 2, beside, &fd, &err), err);
    assert_int_equal(close(fd), 0);
    assert_false(confine_open_any(roots, 1, beside, &fd, &err));
    assert_int_equal(err.code, ERR_PERM);
    assert_false(confine_open_any(roots, 2, up, &fd, &err));
    mem_free(beside);
    mem_free(up);
}

static void t_folders_below_roots(void **state)
{
    char *alias = at(base, "alias"), *sub = at(base, "alias/sub"), *want = at(root, "sub"),
         *out = at(root, "folder-out"), *none = at(root, "none"), *hidden = at(base, "nothing");
    const char *roots[] = {"/nowhere", alias};
    struct err err = {0};
    (void)state;
    char *real = confine_path(roots, 2, sub, &err);
    assert_ok(real != NULL, err);
    assert_string_equal(real, want);
    mem_free(real);
    real = confine_path(roots, 2, want, &err); /* by its real name too */
    assert_ok(real != NULL, err);
    mem_free(real);
    assert_null(confine_path(roots, 2, out, &err));
    assert_int_equal(err.code, ERR_PERM);
    assert_null(confine_path(roots, 2, none, &err));
    assert_int_equal(err.code, ERR_NOTHING);
    /* outside there is no telling what exists */
    assert_null(confine_path(roots, 2, hidden, &err));
    assert_int_equal(err.code, ERR_PERM);
    assert_null(confine_path(roots, 2, other, &err));
    assert_int_equal(err.code, ERR_PERM);
    assert_null(confine_path(roots, 2, "relative", &err));
    assert_int_equal(err.code, ERR_USAGE);
    mem_free(alias);
    mem_free(sub);
    mem_free(want);
    mem_free(out);
    mem_free(none);
    mem_free(hidden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_inside),
        cmocka_unit_test(t_outside),
        cmocka_unit_test(t_any_of_several_roots),
        cmocka_unit_test(t_folders_below_roots),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
