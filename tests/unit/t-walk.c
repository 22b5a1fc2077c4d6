/* discover/walk: what is input and what never is. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "discover/walk.h"

static void put(const char *root, const char *name)
{
    struct err err;
    char *path = mem_printf(&err, "%s/%s", root, name);
    assert_non_null(path);
    for (char *p = strchr(path + strlen(root) + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void)mkdir(path, 0755);
        *p = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
    mem_free(path);
}

static void walked(const char *root, const char *want)
{
    struct err err = {0};
    struct found_list list;
    struct str names = STR_INIT;
    assert_ok(walk_folder(root, &list, &err), err);
    for (size_t i = 0; i < list.n; i++) {
        str_addf(&names, "%s%s", i ? "|" : "", list.files[i].name);
        assert_int_equal(list.files[i].size, 1);
        assert_true(list.files[i].mtime_ns > 0);
    }
    assert_string_equal(str_text(&names), want);
    str_fini(&names);
    found_list_fini(&list);
}

static void t_own_outputs_are_never_input(void **state)
{
    static const char *const ours[] = {
        "a_rec/x.h5",   "try_center/a/x.h5",    "a_rec.h5",      "a.h5.prov.json",
        ".gantry/x.h5", ".gantry-12/x.h5",      ".hidden.h5",    "rot_cen.json",
        "notes.txt",    "batch_cor_values.csv", "sub/b_rec/y.h5"};
    (void)state;
    char *root = test_folder("walk");
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        put(root, ours[i]);
    }
    walked(root, "");
    put(root, "s_2.h5");
    put(root, "s_10.HDF5");
    put(root, "sub/deep/s_1.nxs");
    put(root, "t1.nii.gz");
    walked(root, "s_10.HDF5|s_2.h5|sub/deep/s_1.nxs|t1.nii.gz");
    mem_free(root);
}

static void t_odd_names(void **state)
{
    (void)state;
    char *root = test_folder("walk");
    put(root, "with blank 'and\" quotes.h5");
    put(root, "line\nend.h5");
    put(root, "образец_05.h5");
    walked(root, "line\nend.h5|with blank 'and\" quotes.h5|образец_05.h5");
    put(root, "bad\xff.h5");
    put(root, "bad\xc0\xaf.h5");
    struct err err = {0};
    struct found_list list;
    assert_ok(walk_folder(root, &list, &err), err);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.bad_names, 2);
    assert_non_null(strstr(list.bad_example, "bad\\x"));
    assert_int_equal(list.n_left, 2);
    assert_true(!list.left[0].link && !strcmp(list.left[0].kind, "hdf5"));
    found_list_fini(&list);
    mem_free(root);
}

static void t_links_never_lead_out(void **state)
{
    (void)state;
    char *root = test_folder("walk"), *other = test_folder("walk");
    struct err err;
    put(root, "real/s_1.h5");
    put(other, "elsewhere.h5");
    const char *const links[][2] = {{"s_1.h5", "inside.h5"}, {".", "loop"}, {"gone.h5", "dead.h5"}};
    for (size_t i = 0; i < 3; i++) {
        char *path = mem_printf(&err, "%s/real/%s", root, links[i][1]);
        assert_int_equal(symlink(links[i][0], path), 0);
        mem_free(path);
    }
    char *target = mem_printf(&err, "%s/elsewhere.h5", other);
    char *out = mem_printf(&err, "%s/out.h5", root), *dir = mem_printf(&err, "%s/outdir", root);
    assert_int_equal(symlink(target, out), 0);
    assert_int_equal(symlink(other, dir), 0);
    walked(root, "real/inside.h5|real/s_1.h5");
    struct found_list list;
    assert_ok(walk_folder(root, &list, &err), err);
    assert_int_equal(list.n_left, 3); /* none is passed over in silence; "loop" hides nothing */
    for (size_t i = 0; i < list.n_left; i++) {
        const struct left_out *left = &list.left[i];
        bool folder = !strcmp(left->name, "outdir");
        assert_true(
            left->link &&
            (folder || !strcmp(left->name, "out.h5") || !strcmp(left->name, "real/dead.h5")));
        assert_true(folder == (left->kind == NULL));
        assert_non_null(strstr(left->why, folder ? "not followed" : "leads out"));
    }
    found_list_fini(&list);
    mem_free(target);
    mem_free(out);
    mem_free(dir);
    mem_free(root);
    mem_free(other);
}

static void t_unreadable_folders_are_named(void **state)
{
    (void)state;
    char *root = test_folder("walk");
    struct err err = {0};
    struct found_list list;
    put(root, "open/a.h5");
    put(root, "shut/b.h5");
    char *shut = mem_printf(&err, "%s/shut", root);
    assert_int_equal(chmod(shut, 0), 0);
    assert_ok(walk_folder(root, &list, &err), err);
    if (geteuid() != 0) { /* root reads everything */
        assert_int_equal(list.n, 1);
        assert_int_equal(list.n_unread, 1);
        assert_string_equal(list.unread[0], "shut");
    }
    found_list_fini(&list);
    assert_int_equal(chmod(shut, 0755), 0);
    mem_free(shut);
    char *missing = mem_printf(&err, "%s/none", root);
    assert_false(walk_folder(missing, &list, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "none"));
    mem_free(missing);
    mem_free(root);
}

static bool attempt(void *arg, struct err *err)
{
    struct found_list list;
    if (!walk_folder(arg, &list, err)) {
        return false;
    }
    found_list_fini(&list);
    return true;
}

static void t_every_failed_allocation(void **state)
{
    (void)state;
    char *root = test_folder("walk");
    put(root, "a/b/s_1.h5");
    put(root, "a/s_2.h5");
    test_every_failure(attempt, root);
    mem_free(root);
}

static void t_utf8(void **state)
{
    (void)state;
    assert_true(str_utf8("plain Ж 中 \xF0\x9F\x94\xA7"));
    assert_false(str_utf8("\x80"));
    assert_false(str_utf8("\xC3"));
    assert_false(str_utf8("\xE0\x80\x80"));
    assert_false(str_utf8("\xED\xA0\x80"));
    assert_false(str_utf8("\xF4\x90\x80\x80"));
    assert_false(str_utf8("\xF0\x9F\x94"));
}

static void t_utf8_is_mended(void **state)
{
    (void)state;
    static const char *const from[] = {"plain Ж 中 \xF0\x9F\x94\xA7",
                                       "caf\xE9 au lait",
                                       "cut \xD0)",
                                       "\xE2\x82 cut",
                                       "end \xE2\x82",
                                       "end \xD0",
                                       "\xED\xA0\x80",
                                       "\xFF",
                                       ""};
    static const char *const to[] = {"plain Ж 中 \xF0\x9F\x94\xA7",
                                     "caf? au lait",
                                     "cut ?)",
                                     "?? cut",
                                     "end ",
                                     "end ",
                                     "???",
                                     "?",
                                     ""};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "%s", from[i]);
        str_utf8_mend(text);
        assert_string_equal(text, to[i]);
        assert_true(str_utf8(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_own_outputs_are_never_input),
        cmocka_unit_test(t_odd_names),
        cmocka_unit_test(t_links_never_lead_out),
        cmocka_unit_test(t_unreadable_folders_are_named),
        cmocka_unit_test(t_every_failed_allocation),
        cmocka_unit_test(t_utf8),
        cmocka_unit_test(t_utf8_is_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
