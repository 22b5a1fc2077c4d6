/* cli: files of attempts, loose and packed; names of items; tables as they are printed. */
#include "test.h"

#include <unistd.h>
#include "base/path.h"
#include "cli/resolve.h"
#include "cli/tasks.h"
#include "os/file.h"

static void put(const char *folder, const char *name, const char *text)
{
    struct err err = {0};
    char *path = path_join(folder, name, &err), *parent = path_dir(path, &err);
    assert_ok(file_mkdirs(parent, 0777, &err), err);
    assert_ok(file_put(path, text, strlen(text), &err), err);
    mem_free(parent);
    mem_free(path);
}

static void expect(const char *attempts, int64_t task, int64_t n, const char *name,
                   const char *want)
{
    struct err err = {0};
    char *text = NULL;
    size_t length = 9;
    assert_ok(tasks_file(attempts, 7, task, n, name, &text, &length, &err), err);
    if (!want) {
        assert_null(text);
        assert_int_equal(length, 0);
        return;
    }
    assert_non_null(text);
    assert_string_equal(text, want);
    assert_int_equal(length, strlen(want));
    mem_free(text);
}

static void t_loose_and_packed(void **state)
{
    struct err err = {0};
    char *attempts = test_folder("tasks");
    (void)state;
    put(attempts, "7/45.1/log", "loose\n");
    put(attempts, "7/logs.pack", "onetwothreefour");
    put(attempts, "7/logs.idx",
        "46.1\tlog\t0\t3\n46.1\tjob.json\t3\t3\n46.1\tlog\t6\t5\n146.1\tlog\t0\t1\n47."
        "1\tlog\t11\t99\n48.1\tlog\t-4\t3\n"
        "49.1\tlog\tx\n50.1\tlog\t0\t3");
    expect(attempts, 45, 1, "log", "loose\n");
    expect(attempts, 45, 2, "log", NULL);
    expect(attempts, 46, 1, "log", "three"); /* packed twice: the last line wins */
    expect(attempts, 46, 1, "job.json", "two");
    expect(attempts, 146, 1, "log", "o");
    expect(attempts, 48, 1, "log", NULL); /* not believed */
    expect(attempts, 49, 1, "log", NULL);
    expect(attempts, 50, 1, "log", NULL); /* a line still being written */
    char *text = NULL;
    size_t length = 0;
    assert_false(tasks_file(attempts, 7, 47, 1, "log", &text, &length, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_ok(file_remove_tree(attempts, &err), err);
    mem_free(attempts);
}

static void t_labels(void **state)
{
    static const char *const cases[][2] = {{"s_001.h5", "s_001"},
                                           {"sub/s.1.h5", "sub/s.1"},
                                           {"plain", "plain"},
                                           {".h5", ".h5"},
                                           {"a.d/.h5", "a.d/.h5"}};
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *label = resolve_label(cases[i][0], &err);
        assert_string_equal(label, cases[i][1]);
        mem_free(label);
    }
}

/* What cli_table prints of these rows. */
static char *printed(struct cli *c, const char *rows, const struct column *columns)
{
    struct err err = {0};
    char *folder = test_folder("table"), *path = path_join(folder, "out", &err);
    json_t *list = json_parse(rows, strlen(rows), "rows", &err);
    size_t length;
    assert_non_null(list);
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    assert_non_null(freopen(path, "w", stdout));
    bool ok = cli_table(c, list, columns, &err);
    (void)fflush(stdout);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    (void)close(saved);
    assert_ok(ok, err);
    char *text = file_read(path, 0, &length, &err);
    assert_non_null(text);
    json_decref(list);
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(path);
    mem_free(folder);
    return text;
}

static void t_tables(void **state)
{
    static const struct column columns[] = {
        {"File", "name", CELL_TEXT}, {"COR", "cor", CELL_COR}, {"Size", "size", CELL_BYTES},
        {"Jobs", "jobs", CELL_TEXT}, {NULL, NULL, CELL_TEXT},
    };
    struct cli c = {.columns = 0};
    (void)state;
    char *text = printed(
        &c,
        "[{\"name\":\"试_1\",\"cor\":1024.304,\"size\":1200000000,\"jobs\":[\"try\",\"full\"]},"
        "{\"name\":\"new\\nline\",\"cor\":null,\"size\":0},{\"cor\":7}]",
        columns);
    assert_string_equal(text,
                        "File           COR    Size  Jobs\n"
                        "试_1       1024.30  1.2 GB  try, full\n"
                        "new\\nline              0 B\n"
                        "              7.00\n");
    mem_free(text);
    c.terminal = true;
    c.columns = 30;
    text = printed(
        &c, "[{\"name\":\"a_very_long_name_indeed.h5\",\"cor\":1,\"size\":5,\"jobs\":\"x\"}]",
        columns);
    assert_non_null(strstr(text, "a_very_long"));
    assert_non_null(strstr(text, "…"));
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_loose_and_packed),
        cmocka_unit_test(t_labels),
        cmocka_unit_test(t_tables),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
