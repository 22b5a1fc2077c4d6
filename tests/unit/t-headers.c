/* engine/headers with a reader that crashes: that file is named, the others are read. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "engine/headers.h"
#include "os/file.h"

/* Stands for gantry-imaging: crashes on some names, stops in the middle of a line on others. */
static const char reader[] =
    "#!/bin/bash\n"
    "[ \"$*\" = 'headers --list - --out -' ] || exit 2\n"
    "while IFS= read -r -d '' p; do\n"
    "    case \"$p\" in\n"
    "        *bad*) kill -SEGV $$ ;;\n"
    "        *half*) printf '{\"ok\":tr'; kill -KILL $$ ;;\n"
    "        *odd*) echo 'no JSON'; continue ;;\n"
    "        *quits*) exit 3 ;;\n"
    "    esac\n"
    "    printf '{\"ok\":true,\"kind\":\"hdf5-projections\",\"frames\":%d}\\n' ${#p}\n"
    "done\n";

static json_t *read_all(const char *program, struct found *files, size_t n)
{
    const struct found *list[32];
    struct err err = {0};
    bool done = false;
    size_t read = 0;
    for (size_t i = 0; i < n; i++) {
        list[i] = &files[i];
    }
    struct headers *h = headers_start(program, "/root of it", list, n, &err);
    assert_ok(h != NULL, err);
    for (int turns = 0; !done && turns < 30000; turns++) {
        assert_ok(headers_step(h, &done, &read, &err), err);
        assert_true(read <= n);
        (void)usleep(1000);
    }
    assert_true(done && read == n);
    json_t *rows = headers_take(h, &err);
    assert_ok(rows != NULL, err);
    headers_free(h);
    return rows;
}

static char *fake_reader(const char *folder)
{
    struct err err = {0};
    char *path = mem_printf(&err, "%s/reader", folder);
    assert_ok(file_put(path, reader, strlen(reader), &err), err);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

static void t_a_crash_costs_one_file(void **state)
{
    static const char *const names[] = {"a.h5",      "bad_1.h5", "b c.h5",   "half.h5", "n.nii",
                                        "line\n.h5", "odd.h5",   "quits.h5", "z.h5",    "bad_2.h5"};
    static const char want[] = "+x+x-+xx+x"; /* read, failed, not asked */
    (void)state;
    struct found files[10];
    char *folder = test_folder("headers"), *program = fake_reader(folder);
    for (size_t i = 0; i < 10; i++) {
        files[i] = (struct found){(char *)names[i], strstr(names[i], ".nii") ? "nifti" : "hdf5", 5,
                                  (int64_t)i};
    }
    json_t *rows = read_all(program, files, 10);
    assert_int_equal(json_array_size(rows), 10);
    for (size_t i = 0; i < 10; i++) {
        const json_t *row = json_array_get(rows, i), *header = json_object_get(row, "header");
        assert_string_equal(json_get_text(row, "name", ""), names[i]);
        assert_int_equal(json_get_int(row, "mtime_ns", -1), i);
        assert_int_equal(json_is_object(header), want[i] != '-');
        assert_int_equal(json_get_bool(header, "ok", want[i] == '-'), want[i] != 'x');
        if (want[i] == 'x') {
            assert_true(*json_get_text(header, "reason", ""));
        } else if (want[i] == '+') {
            size_t length = strlen("/root of it/") + strlen(names[i]);
            assert_int_equal(json_get_int(header, "frames", 0), length);
        }
    }
    assert_non_null(
        strstr(json_get_text(json_object_get(json_array_get(rows, 1), "header"), "reason", ""),
               "signal 11"));
    json_decref(rows);
    mem_free(program);
    mem_free(folder);
}

static void t_no_reader_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    struct found file = {(char *)"a.h5", "hdf5", 1, 1};
    const struct found *list[1] = {&file};
    struct headers *h = headers_start("/nonexistent/gantry-imaging", "/", list, 1, &err);
    assert_null(h);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "gantry-imaging"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_a_crash_costs_one_file),
        cmocka_unit_test(t_no_reader_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
