/* cli/dataset-read with a reader that crashes (REQUIREMENTS W3; DESIGN 2.5): that path has a row
 * that says so, the others are read. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "cli/dataset-scan.h"
#include "os/file.h"

/* Stands for gantry-imaging: crashes on some names, stops in the middle of a line on others. */
static const char reader[] =
    "#!/bin/bash\n"
    "[ \"$*\" = 'series --list -' ] || exit 2\n"
    "while IFS= read -r -d '' p; do\n"
    "    n=1\n"
    "    case \"$p\" in\n"
    "        *bad*) kill -SEGV $$ ;;\n"
    "        *half*) echo '{\"kind\":\"dicom\"}'; printf '{\"kind\":\"di'; kill -KILL $$ ;;\n"
    "        *odd*) echo 'no JSON' ;;\n"
    "        *quits*) exit 3 ;;\n"
    "        *two*) echo '{\"kind\":\"dicom\",\"uid\":\"1\"}'; echo "
    "'{\"kind\":\"dicom\",\"uid\":\"2\"}' ;;\n"
    "        *none*) echo '{\"kind\":\"dicom\",\"nothing\":true,\"problem\":\"no DICOM\"}' ;;\n"
    "        *) echo '{\"kind\":\"nifti\",\"slices\":5}' ;;\n"
    "    esac\n"
    "    echo '{\"done\":1}'\n"
    "done\n";

static void tell(void *arg, size_t done)
{
    *(size_t *)arg = done;
}

static void t_a_crash_costs_one_path(void **state)
{
    static const struct series_unit units[] = {
        {(char *)"a.nii", "nifti", 7, 8},    {(char *)"bad.nii", "nifti", 1, 2},
        {(char *)"half", "folder", 1, 2},    {(char *)"odd", "folder", 1, 2},
        {(char *)"quits.zip", "file", 1, 2}, {(char *)"two.zip", "file", 1, 2},
        {(char *)"none.zip", "file", 1, 2},  {(char *)"z.nii", "nifti", 1, 2},
        {(char *)"bad2.nii", "nifti", 1, 2},
    };
    static const char *const want[] = {
        "a.nii 7 -",
        "bad.nii 1 the reader: it crashed (signal 11): the file is damaged",
        "half 1 the reader: it crashed (signal 9): the file is damaged",
        "odd 1 the reader: its answer cannot be understood",
        "quits.zip 1 the reader: it gave up (exit 3)",
        "two.zip 1 -",
        "two.zip 1 -",
        "z.nii 1 -",
        "bad2.nii 1 the reader: it crashed (signal 11): the file is damaged",
    };
    const struct series_unit *list[9];
    char *folder = test_folder("read");
    size_t seen = 99, n = sizeof units / sizeof *units;
    struct err err = {0};
    (void)state;
    char *path = mem_printf(&err, "%s/reader", folder);
    assert_ok(file_put(path, reader, strlen(reader), &err), err);
    assert_int_equal(chmod(path, 0755), 0);
    for (size_t i = 0; i < n; i++) {
        list[i] = &units[i];
    }
    json_t *rows = dataset_read(path, "/root of it", list, n, tell, &seen, &err), *row;
    assert_ok(rows != NULL, err);
    assert_int_equal(json_array_size(rows), sizeof want / sizeof *want);
    size_t i;
    json_array_foreach(rows, i, row)
    {
        char got[200];
        (void)snprintf(got, sizeof got, "%s %d %s", json_get_text(row, "path", ""),
                       (int)json_get_int(row, "size", 0), json_get_text(row, "problem", "-"));
        assert_string_equal(got, want[i]);
        assert_int_equal(json_get_bool(row, "many", false), strstr(got, "two.zip") != NULL);
    }
    json_decref(rows);
    rows = dataset_read("/bin/false", "/root of it", list, 1, tell, &seen, &err);
    assert_int_equal(json_array_size(rows), 1);
    json_decref(rows);
    assert_null(dataset_read("/no/such/program", "/root of it", list, 1, tell, &seen, &err));
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(path);
    mem_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_a_crash_costs_one_path),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
