/* cli/dataset-who: patients and days from where a file lies (REQUIREMENTS W13). */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "cli/dataset-scan.h"
#include "os/file.h"

static struct err err;

/* patient and day of `path`; "-" = none */
static void is(const char *root, const char *layout, const char *place, const char *path,
               const char *want)
{
    json_t *row = json_pack("{s:s}", "path", path);
    char got[200];
    assert_ok(dataset_who(row, root, layout, place, &err), err);
    (void)snprintf(got, sizeof got, "%s %s", json_get_text(row, "patient", "-"),
                   json_get_text(row, "date", "-"));
    assert_string_equal(got, want);
    json_decref(row);
}

static void t_from_the_folders(void **state)
{
    (void)state;
    is("/d", "scans", ".", "p01/2023-01-10/ct.nii.gz", "p01 2023-01-10");
    is("/d", "scans", ".", "site/p01/20230110_ct/s/ct.nii.gz", "p01 2023-01-10");
    is("/d", "scans", ".", "p01/baseline/ct.nii", "p01 -");
    is("/d", "scans", "study", "study/p01/baseline/ct.nii", "p01 -");
    is("/d", "scans", ".", "imagesTr/case7.nii.gz", "- -");
    is("/d", "scans", ".", "ct_2024.05.12.nii.gz", "- 2024-05-12");
    is("/d", "{subject}_{study}", ".", "anna_7/t1.nii", "anna -");
    is("/d", "scans", ".", ".", "- -");
    is("/d", "scans", ".", "a/b/c/d/e/f/g/h/i/j/k.nii", "a -");
}

static void t_headers_come_first(void **state)
{
    json_t *row = json_pack("{s:s, s:s, s:s}", "path", "p01/2023-01-10/x.zip", "patient", "ID7",
                            "date", "2020-02-02");
    (void)state;
    assert_ok(dataset_who(row, "/d", "scans", ".", &err), err);
    assert_string_equal(json_get_text(row, "patient", ""), "ID7");
    assert_string_equal(json_get_text(row, "date", ""), "2020-02-02");
    json_decref(row);
}

static void write_text(const char *root, const char *name, const char *text)
{
    char *path = mem_printf(&err, "%s/%s", root, name);
    assert_ok(file_put(path, text, strlen(text), &err), err);
    mem_free(path);
}

static void t_bids(void **state)
{
    char *root = test_folder("who"), *path = NULL;
    (void)state;
    path = mem_printf(&err, "%s/sub-01/ses-a/anat", root);
    assert_ok(file_mkdirs(path, 0755, &err), err);
    mem_free(path);
    path = mem_printf(&err, "%s/sub-02/anat", root);
    assert_ok(file_mkdirs(path, 0755, &err), err);
    mem_free(path);
    write_text(root, "sub-01/ses-a/sub-01_ses-a_scans.tsv",
               "filename\tacq_time\nanat/x.nii.gz\t1999-12-31T23:59:00\nanat/y.nii.gz\tn/a\n");
    write_text(root, "sub-02/sub-02_scans.tsv",
               "acq_time\tfilename\n\"2001-01-01\"\tanat/x.nii\nbroken \"line\n");
    is(root, "bids", ".", "sub-01/ses-a/anat/x.nii.gz", "sub-01 1999-12-31");
    is(root, "bids", ".", "sub-01/ses-a/anat/y.nii.gz", "sub-01 -");
    is(root, "bids", ".", "sub-01/ses-b/anat/x.nii.gz", "sub-01 -");
    is(root, "bids", ".", "sub-02/anat/x.nii", "sub-02 2001-01-01");
    is(root, "bids", ".", "sub-03/x.nii", "sub-03 -");
    assert_ok(file_remove_tree(root, &err), err);
    mem_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_from_the_folders),
        cmocka_unit_test(t_headers_come_first),
        cmocka_unit_test(t_bids),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
