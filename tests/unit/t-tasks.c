/* cli: names of items; tables as they are printed. */
#include "test.h"

#include <unistd.h>
#include "base/path.h"
#include "cli/command.h"
#include "os/file.h"

static void t_labels(void **state)
{
    static const char *const cases[][2] = {{"s_001.h5", "s_001"},
                                           {"sub/s.1.h5", "sub/s.1"},
                                           {"plain", "plain"},
                                           {"a/case.zip#49e149bc", "a/case.zip#49e149bc"},
                                           {"a/loose#49e149bc", "a/loose#49e149bc"},
                                           {".h5", ".h5"},
                                           {"a.d/.h5", "a.d/.h5"}};
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *label = path_label(cases[i][0], &err);
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
        cmocka_unit_test(t_labels),
        cmocka_unit_test(t_tables),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
