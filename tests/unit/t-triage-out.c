/* cli: rows of gantry predict as files hold them (U2-U9), its manifest (X19), its lines (T, R11),
 * its result file (R7, R10, U10). */
#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/triage-console.h"
#include "cli/triage-out.h"
#include "cli/triage-truth.h"
#include "cli/triage-rows.h"
#include "os/file.h"

static struct triage_row good_row(const char *name, double probability, int pathology)
{
    json_t *values = json_pack(
        "{s:s, s:s, s:f, s:i, s:s, s:s, s:s, s:s, s:f, s:f, s:f}", "study_uid", "1.2", "series_uid",
        "1.2.3", "probability", probability, "pathology", pathology, "type", "chest_abnormality",
        "localization", "160,480,64,480,0,64", "reason", "z' > 0.47", "method", "hybrid_cnn_ksl",
        "p_cnn", 0.2431, "z", 0.2237, "verdict_confidence", 1.0);
    assert_non_null(values);
    return (struct triage_row){.name = mem_strdup(name, NULL),
                               .state = TRIAGE_SUCCESS,
                               .truth = -1,
                               .seconds = 55.16,
                               .values = values};
}

static struct triage_row bad_row(const char *name, const char *reason)
{
    return (struct triage_row){.name = mem_strdup(name, NULL),
                               .state = TRIAGE_FAILURE,
                               .truth = -1,
                               .seconds = 0.04,
                               .reason = mem_strdup(reason, NULL)};
}

static struct triage_rows three_rows(void)
{
    struct triage_rows rows = {.n = 3, .finished = 2};
    rows.row = mem_zero(3 * sizeof *rows.row, NULL);
    assert_non_null(rows.row);
    rows.row[0] = good_row("a.zip", 0.22174, 0);
    rows.row[1] = bad_row("b.zip", "corrupted_data: cut, \"half\"");
    rows.row[2] = (struct triage_row){.name = mem_strdup("c.zip", NULL), .truth = -1};
    return rows;
}

/* U2-U8, X17: columns and their order, decimals, quotes; what is not finished is not in it. */
static void t_csv(void **state)
{
    struct err err = {0};
    struct triage_rows rows = three_rows();
    char *text = triage_rows_csv(&rows, &err);
    (void)state;
    assert_non_null(text);
    assert_string_equal(
        text,
        "path_to_study,study_uid,series_uid,probability_of_pathology,pathology,processing_status,"
        "time_of_processing,most_dangerous_pathology_type,pathology_localization,error,reason\n"
        "a.zip,1.2,1.2.3,0.222,0,SUCCESS,55.2,chest_abnormality,\"160,480,64,480,0,64\",,z' > "
        "0.47\n"
        "b.zip,,,,,FAILURE,0.0,,,\"corrupted_data: cut, \"\"half\"\"\",\n");
    mem_free(text);
    triage_rows_fini(&rows);
}

/* U9: the workbook's numbers are those of the CSV, its UIDs are text. */
static void t_table(void **state)
{
    struct err err = {0};
    struct triage_rows rows = three_rows();
    json_t *table = triage_rows_table(&rows, &err), *list;
    (void)state;
    assert_non_null(table);
    list = json_object_get(table, "rows");
    assert_int_equal(json_array_size(list), 2);
    const json_t *first = json_array_get(list, 0);
    assert_true(json_is_string(json_array_get(first, 1)));
    assert_true(json_real_value(json_array_get(first, 3)) == 0.222);
    assert_true(json_is_integer(json_array_get(first, 4)));
    assert_true(json_real_value(json_array_get(first, 6)) == 55.2);
    assert_true(json_is_null(json_array_get(json_array_get(list, 1), 3)));
    json_decref(table);
    triage_rows_fini(&rows);
}

/* `expected`: of the three rows, '-' = not known. */
static void truth_is(const char *text, const char *expected, size_t unknown)
{
    struct err err = {0};
    struct triage_rows rows = three_rows();
    struct triage_truth truth;
    char *folder = test_folder("truth"), *path = mem_printf(&err, "%s/truth.csv", folder);
    assert_ok(file_write(path, text, strlen(text), false, &err), err);
    assert_ok(triage_truth_read(path, &truth, &err), err);
    assert_int_equal(triage_truth_put(&truth, &rows), unknown);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rows.row[i].truth, expected[i] == '-' ? -1 : expected[i] - '0');
    }
    triage_truth_fini(&truth);
    triage_rows_fini(&rows);
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(path);
    mem_free(folder);
}

static void truth_is_refused(const char *text, const char *words)
{
    struct err err = {0};
    struct triage_truth truth;
    char *folder = test_folder("truth"), *path = mem_printf(&err, "%s/truth.csv", folder);
    assert_ok(file_write(path, text, strlen(text), false, &err), err);
    assert_false(triage_truth_read(path, &truth, &err));
    assert_int_equal(err.code, ERR_USAGE);
    if (!strstr(err.text, words)) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(path);
    mem_free(folder);
}

/* X19: with and without a heading, with and without ".zip", in words and in numbers, and what
 * spreadsheets make of it. */
/* X19: studies of one name in several folders have labels of their own. */
static void t_truth_of_folders(void **state)
{
    (void)state;
    struct triage_row row[] = {{.name = "1/a.zip"}, {.name = "2/a.zip"}, {.name = "a.zip"}};
    struct triage_rows rows = {.row = row, .n = 3};
    struct {
        const char *file[3], *expected;
        size_t unknown;
    } cases[] = {{{"1/a.zip", "2/a.zip", "a.zip"}, "101", 0},
                 {{"/data/1/a.zip", "/data/2/a.zip", "/data/a.zip"}, "101", 0},
                 {{"1/a.zip", "3/2/a.zip", "b/a.zip"}, "101", 0},
                 {{"1/a.zip", "2/b.zip", "a.zip.zip"}, "1--", 2}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct triage_label label[3];
        const struct triage_truth truth = {label, 3};
        for (size_t i = 0; i < 3; i++) {
            label[i] = (struct triage_label){(char *)(uintptr_t)cases[k].file[i], i != 1, i + 1};
            row[i].truth = -1;
        }
        assert_int_equal(triage_truth_put(&truth, &rows), cases[k].unknown);
        for (size_t i = 0; i < 3; i++) {
            char c = cases[k].expected[i];
            assert_int_equal(row[i].truth, c == '-' ? -1 : c - '0');
        }
    }
    /* without folders: wherever it lies */
    struct triage_label one = {(char *)(uintptr_t) "a", 0, 1};
    assert_int_equal(triage_truth_put(&(struct triage_truth){&one, 1}, &rows), 0);
    assert_true(row[0].truth == 0 && row[1].truth == 0 && row[2].truth == 0);
}

static void t_truth(void **state)
{
    (void)state;
    truth_is("file,label\r\na.zip,1\r\nb,NORMAL\r\nx.zip,0\r\n", "10-", 1);
    truth_is("/data/c.zip,pathology\n", "--1", 0);
    truth_is("a;0\nb.zip;1\n", "01-", 0);
    truth_is("\xEF\xBB\xBFlabel\tpath\n1\ta.zip\n0\tb\n", "10-", 0);
    truth_is("path_to_study,study_uid,pathology\na.zip,1.2,0\nb.zip,1.3,1\n", "01-", 0);
    truth_is("study;diagnosis;who\n\"a.zip\";yes;NN\n", "1--", 0);
    truth_is("a.zip,1\na.zip,1\n", "1--", 0);
    truth_is_refused("a.zip,1\nb.zip,perhaps\n", "row 2: 'perhaps' is no label");
    truth_is_refused("a.zip,2\nb.zip,1\n", "row 1: '2' is no label");
    truth_is_refused("name\na\nb\n", "row 1 has no label");
    truth_is_refused("file,label\na\n", "row 2 has no label");
    truth_is_refused("", "there are no labels in");
    truth_is_refused("file,label\n", "there are no labels in");
    truth_is_refused("b,1\na.zip,0\nb,0\n", "says both 0 and 1 of 'b' (rows 1 and 3)");
    truth_is_refused("a.zip,0\n\xff\xfe,1\n", "no UTF-8 text");
    truth_is_refused("\"a.zip,0\n", "a quote is never closed");
}

/* Every ZIP has its row, also those that cannot be items. */
static void t_left_out(void **state)
{
    struct err err = {0};
    struct triage_rows rows = three_rows();
    struct left_out left[] = {{(char *)"b\\xff.zip", "dicom-zip", "its name", false},
                              {(char *)"link.h5", "hdf5", "a link", true},
                              {(char *)"folder", NULL, "a link to a folder", true},
                              {(char *)"aa.zip", "dicom-zip", "a link", true}};
    const struct found_list found = {.left = left, .n_left = 4};
    size_t finished = rows.finished;
    (void)state;
    assert_ok(triage_rows_leave_out(&rows, &found, &err), err);
    assert_int_equal(rows.n, 5);
    assert_int_equal(rows.finished, finished + 2);
    const char *const names[] = {"a.zip", "aa.zip", "b.zip", "b\\xff.zip", "c.zip"};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(rows.row[i].name, names[i]);
    }
    assert_true(rows.row[1].damaged && rows.row[1].state == TRIAGE_FAILURE);
    assert_string_equal(rows.row[1].reason, "a link");
    triage_rows_fini(&rows);
}

/* What `say` prints on standard output. Caller frees. */
static char *printed(void (*say)(const struct console *con, const void *arg),
                     const struct console *con, const void *arg)
{
    struct err err = {0};
    char path[] = "/tmp/gantry-console-XXXXXX";
    int file = mkstemp(path), saved = dup(STDOUT_FILENO);
    assert_true(file >= 0 && saved >= 0);
    (void)fflush(stdout);
    assert_true(dup2(file, STDOUT_FILENO) >= 0);
    say(con, arg);
    (void)fflush(stdout);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    char *text = file_read(path, 0, NULL, &err);
    (void)close(file);
    (void)close(saved);
    (void)unlink(path);
    assert_non_null(text);
    return text;
}

static void say_case(const struct console *con, const void *arg)
{
    console_case(con, arg, 1, 3);
}

static void say_summary(const struct console *con, const void *arg)
{
    console_summary(con, arg, &(struct console_times){172.5, 1});
}

/* T2-T5 to the letter, with the guide's own numbers. */
static void t_case(void **state)
{
    struct cli c = {0};
    json_t *models = json_pack("{s:{s:s}}", "classifier", "name", "COVID19");
    struct console con = {.c = &c, .models = models};
    struct triage_row row = good_row("norma_anon.zip", 0.2217, 0);
    (void)state;
    row.truth = 0;
    char *text = printed(say_case, &con, &row);
    assert_string_equal(text,
                        "============================================================\n"
                        "[1/3] Processing: norma_anon.zip\n"
                        "============================================================\n"
                        "\n"
                        "🔍 Testing case: norma_anon\n"
                        "  ✅ Ground truth: 0 (NORMAL)\n"
                        "  🔍 Validating input data...\n"
                        "     ✅ Valid chest CT (confidence: 1.000)\n"
                        "  🧠 Running COVID19 triage...\n"
                        "    ✅ Final pathology probability: 0.2431\n"
                        "  🧬 Running KSL Z-profile analysis...\n"
                        "    📊 Z-profile score: 0.2237\n"
                        "  🏥 Performing enhanced medical aggregation...\n"
                        "    🎯 Decision: 0 (NORMAL)\n"
                        "\n"
                        "  ==================================================\n"
                        "  📋 FINAL RESULT:\n"
                        "     Prediction: 0 (NORMAL)\n"
                        "     Probability: 0.2217\n"
                        "     Method: hybrid_cnn_ksl\n"
                        "     Ground truth: 0 (NORMAL)\n"
                        "     ✅ CORRECT\n"
                        "  ==================================================\n"
                        "✅ Completed in 55.2s\n"
                        "   Pathology: 0 (prob: 0.222)\n"
                        "\n");
    mem_free(text);
    mem_free(row.name);
    json_decref(row.values);
    json_decref(models);
}

/* R11: a full GPU is named as the guide names it, with its remedy. */
static void t_cuda(void **state)
{
    struct cli c = {0};
    struct console con = {.c = &c};
    struct triage_row row = bad_row("a.zip", "classifier x: CUDA failure 2: out of memory");
    (void)state;
    char *text = printed(say_case, &con, &row);
    assert_non_null(strstr(text, "\n❌ CUDA out of memory\n   Try again with --workers 1\n"));
    mem_free(text);
    mem_free(row.name);
    mem_free(row.reason);
}

/* T6, T7, T9, T10: the guide's summary to the letter; every value at column 18. */
static void t_summary(void **state)
{
    struct cli c = {0};
    struct console con = {.c = &c};
    struct triage_row row[3] = {good_row("a.zip", 0.222, 0), good_row("b.zip", 0.993, 1),
                                good_row("c.zip", 0.6, 1)};
    struct triage_rows rows = {.row = row, .n = 3, .finished = 3};
    (void)state;
    char *text = printed(say_summary, &con, &rows);
    assert_string_equal(text,
                        "============================================================\n"
                        "📊 BATCH PROCESSING SUMMARY\n"
                        "============================================================\n"
                        "Total files:     3\n"
                        "Successful:      3\n"
                        "Failed:          0\n"
                        "Total time:      172.5s (2.9 min)\n"
                        "Average/file:    57.5s\n"
                        "\n"
                        "📈 Results:\n"
                        "   Normal:       1 (33.3%)\n"
                        "   Pathology:    2 (66.7%)\n"
                        "\n");
    mem_free(text);
    for (size_t i = 0; i < 3; i++) {
        mem_free(row[i].name);
        json_decref(row[i].values);
    }
}

/* R7, R10, R13, U10: the name, the folder, what cannot be written, the journal. */
static void t_file(void **state)
{
    struct err err = {0};
    char *folder = test_folder("out"), *denied = NULL;
    char *wanted = mem_printf(&err, "%s/new/deep/r.csv", folder), *text;
    struct triage_out out;
    struct triage_rows rows = three_rows();
    (void)state;
    assert_ok(triage_out_open(wanted, "/nowhere", &out, &denied, &err), err);
    assert_true(out.csv && file_is_folder(out.folder) && !file_exists(out.path));
    assert_ok(triage_out_row(&out, &rows.row[0], &err), err);
    assert_ok(triage_out_turn(&out, &rows, &err), err);
    assert_true(file_exists(out.path) && file_exists(out.journal));
    assert_ok(triage_out_row(&out, &rows.row[1], &err), err);
    assert_ok(triage_out_turn(&out, &rows, &err), err); /* too soon: nothing is written */
    text = file_read(out.journal, 0, NULL, &err);
    assert_non_null(text);
    assert_non_null(strstr(text, "\nb.zip,"));
    mem_free(text);
    assert_ok(triage_out_finish(&out, &rows, true, &err), err);
    assert_false(file_exists(out.journal));
    triage_out_close(&out);
    mem_free(wanted);
    wanted = mem_printf(&err, "%s/new/deep/r.csv/below.csv", folder);
    assert_false(triage_out_open(wanted, "/nowhere", &out, &denied, &err));
    assert_string_equal(denied, wanted);
    mem_free(denied);
    assert_false(triage_out_open("r.txt", "/nowhere", &out, &denied, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_null(denied);
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(wanted);
    mem_free(folder);
    triage_rows_fini(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_csv),      cmocka_unit_test(t_table),
        cmocka_unit_test(t_truth),    cmocka_unit_test(t_truth_of_folders),
        cmocka_unit_test(t_left_out), cmocka_unit_test(t_case),
        cmocka_unit_test(t_cuda),     cmocka_unit_test(t_summary),
        cmocka_unit_test(t_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
