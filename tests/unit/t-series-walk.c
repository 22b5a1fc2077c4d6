/* discover/series-walk: what may hold image series (REQUIREMENTS W3; DESIGN 1), and what is left
 * out. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "discover/series-walk.h"
#include "os/file.h"

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
    assert_int_equal(write(fd, "xy", 2), 2);
    (void)close(fd);
    mem_free(path);
}

/* "kind path:size ..." of what is found below the places. */
static void finds(const char *root, const char *const *places, size_t n, const char *want,
                  size_t unread)
{
    struct err err;
    struct series_units u;
    struct str got = STR_INIT;
    assert_ok(series_walk(root, places, n, &u, &err), err);
    for (size_t i = 0; i < u.n; i++) {
        str_addf(&got, "%s%s %s:%d", i ? " | " : "", u.list[i].kind, u.list[i].path,
                 (int)u.list[i].size);
        assert_true(u.list[i].mtime_ns > 0);
    }
    assert_string_equal(str_text(&got), want);
    assert_int_equal(u.troubles.n_unread, unread);
    str_fini(&got);
    series_units_fini(&u);
}

static void t_what_is_a_unit(void **state)
{
    static const char *const names[] = {
        "a.nii.gz",       "sub/b.nii",
        "sub/b.json",     "sub/notes.txt",
        "scan/IM1",       "scan/IM2.dcm",
        "scan/more/IM3",  "z/c.zip",
        "z/loose",        "derivatives/seg/m.nii",
        "labelsTr/l.nii", ".gantry/x.nii",
        "old_rec/x.nii",  "h/scan.h5",
        "DICOMDIR",
    };
    static const char *const all[] = {"."},
                             *const some[] = {"sub", "sub/b.nii", "scan/more", "z/c.zip"};
    static const char *const named[] = {"derivatives", "none"};
    char *root = test_folder("series-walk");
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put(root, names[i]);
    }
    finds(root, all, 1,
          "nifti a.nii.gz:2 | folder scan:4 | folder scan/more:2 | nifti sub/b.nii:2 | folder z:2 "
          "| file z/c.zip:2",
          0);
    finds(root, some, 4, "folder scan/more:2 | nifti sub/b.nii:2 | file z/c.zip:2", 0);
    finds(root, named, 2, "nifti derivatives/seg/m.nii:2", 1);
    assert_ok(file_remove_tree(root, &err), err);
    mem_free(root);
}

static void t_links(void **state)
{
    static const char *const all[] = {"."};
    char *root = test_folder("series-links"), *link = NULL;
    struct err err;
    struct series_units u;
    (void)state;
    put(root, "in/a.nii");
    link = mem_printf(&err, "%s/b.nii", root);
    assert_int_equal(symlink("in/a.nii", link), 0);
    mem_free(link);
    link = mem_printf(&err, "%s/c.nii", root);
    assert_int_equal(symlink("/etc/hostname", link), 0);
    mem_free(link);
    link = mem_printf(&err, "%s/loop", root);
    assert_int_equal(symlink(".", link), 0);
    mem_free(link);
    finds(root, all, 1, "nifti b.nii:2 | nifti in/a.nii:2", 0);
    assert_ok(series_walk(root, all, 1, &u, &err), err);
    assert_int_equal(u.troubles.n_left, 1);
    assert_string_equal(u.troubles.left[0].name, "c.nii");
    series_units_fini(&u);
    assert_ok(file_remove_tree(root, &err), err);
    mem_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_what_is_a_unit),
        cmocka_unit_test(t_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
