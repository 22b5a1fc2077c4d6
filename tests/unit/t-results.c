/* report/results: one row an item, the run's own centre, outputs of cached work, and the three
 * layouts. */
#include "test.h"

#include <math.h>
#include "os/file.h"
#include "report/results.h"

/* A home with one project, three scans and a run of two jobs: done, cached, failed. */
static struct store *make_store(const char *home)
{
    struct err err = {0};
    struct store *s = store_open(home, STORE_WRITE, &err);
    assert_non_null(s);
    assert_ok(store_exec(s, &err,
                         "INSERT INTO project(id, name, root, rec, attempts, created_us)"
                         " VALUES(1, 'p', '/d', '/d_rec', '/d/.gantry', 0)",
                         ""),
              err);
    assert_ok(
        store_exec(s, &err,
                   "INSERT INTO item(id, project_id, level, name, series, idx, cor, cor_source, "
                   "status, added_us,"
                   " changed_us) VALUES (1, 1, 'scan', 's_10.h5', 's', 10, 24.5, 'manual', 'Done "
                   "full', 0, 0),"
                   " (2, 1, 'scan', 's_2.h5', 's', 2, NULL, NULL, 'Done full', 0, 0),"
                   " (3, 1, 'scan', 'b \"x\", y.h5', 'b', 0, NULL, NULL, 'Infer failed', 0, 0),"
                   " (4, 1, 'scan', 's_30.h5', 's', 30, NULL, NULL, 'Skipped (small)', 0, 0),"
                   " (5, 1, 'scan', 's_31.h5', 's', 31, NULL, NULL, 'Ready', 0, 0)",
                   ""),
        err);
    assert_ok(store_exec(s, &err,
                         "INSERT INTO run(id, project_id, name, batch, options, created_us) VALUES"
                         " (1, 1, 'old', '{}', '{}', 0), (2, 1, 'b', '{}',"
                         " '{\"skipped\":[{\"name\":\"s_30.h5\",\"reason\":\"60 of 180\"}]}', 0)",
                         ""),
              err);
    assert_ok(
        store_exec(
            s, &err,
            "INSERT INTO task(id, run_id, item_id, job, job_id, tool, state, started_us, ended_us, "
            "message,"
            " result, cached_from) VALUES"
            " (1, 1, 2, 1, 'full', 'recon.full', 5, 0, 1000000, '', '{}', NULL),"
            " (2, 2, 1, 0, 'infer', 'recon.cor', 5, 0, 1500000, '',"
            "  '{\"values\":{\"cor\":23.75,\"confidence\":0.9,\"cor_source\":\"vo\"}}', NULL),"
            " (3, 2, 1, 1, 'full', 'recon.full', 5, 0, 2000000, '', '{}', NULL),"
            " (4, 2, 2, 0, 'infer', 'recon.cor', 5, 0, 500000, '', "
            "'{\"cor\":20.25,\"warning\":\"dim\"}', NULL),"
            " (5, 2, 2, 1, 'full', 'recon.full', 6, 0, 0, '', '{}', 1),"
            " (6, 2, 3, 0, 'infer', 'recon.cor', 7, 0, 0, 'theta is short', '{}', NULL),"
            " (7, 2, 3, 1, 'full', 'recon.full', 9, NULL, NULL, '', '{}', NULL)",
            ""),
        err);
    assert_ok(store_exec(s, &err,
                         "INSERT INTO output(task_id, name, path, kind, size, mtime_ns) VALUES"
                         " (1, 'volume', '/d_rec/s_2_rec', 'folder', 1, 1),"
                         " (3, 'volume', '/d_rec/s_10_rec', 'folder', 1, 1)",
                         ""),
              err);
    return s;
}

static const json_t *at(const json_t *rows, size_t i)
{
    return json_array_get(rows, i);
}

static void t_rows(void **state)
{
    struct err err = {0};
    char *home = test_folder("results");
    struct store *s = make_store(home);
    json_t *columns = results_columns(s, 2, &err), *rows = results_rows(s, 2, &err);
    (void)state;
    assert_non_null(columns);
    assert_non_null(rows);
    assert_int_equal(json_array_size(columns), 15);
    assert_string_equal(json_string_value(json_array_get(columns, 7)), "infer");
    assert_string_equal(json_string_value(json_array_get(columns, 10)), "full_seconds");
    /* by series, then by index as a number */
    assert_int_equal(json_array_size(rows), 4);
    assert_string_equal(json_get_text(at(rows, 1), "name", ""), "s_2.h5");
    assert_string_equal(json_get_text(at(rows, 2), "name", ""), "s_10.h5");
    /* what the launch skipped stays visible; what was not selected does not */
    assert_string_equal(json_get_text(at(rows, 3), "name", ""), "s_30.h5");
    assert_string_equal(json_get_text(at(rows, 3), "error", ""), "60 of 180");
    assert_string_equal(json_get_text(at(rows, 1), "warning", ""), "dim");
    assert_null(json_object_get(at(rows, 3), "infer"));
    /* what the run found beats what the row had */
    assert_true(json_get_double(at(rows, 2), "cor", NAN) == 23.75);
    assert_string_equal(json_get_text(at(rows, 2), "cor_source", ""), "vo");
    assert_true(json_get_double(at(rows, 2), "full_seconds", NAN) == 2.0);
    assert_true(json_get_double(at(rows, 1), "cor", NAN) == 20.25);
    /* cached work has the outputs of the task that did it */
    assert_string_equal(json_get_text(at(rows, 1), "full", ""), "cached");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(at(rows, 1), "outputs"), 0)),
        "/d_rec/s_2_rec");
    /* a failure keeps its row */
    assert_string_equal(json_get_text(at(rows, 0), "infer", ""), "failed");
    assert_string_equal(json_get_text(at(rows, 0), "full", ""), "blocked");
    assert_string_equal(json_get_text(at(rows, 0), "error", ""), "theta is short");
    assert_true(json_is_null(json_object_get(at(rows, 0), "cor")));
    json_decref(rows);
    json_decref(columns);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_layouts(void **state)
{
    struct err err = {0};
    char *home = test_folder("results");
    struct store *s = make_store(home);
    json_t *columns = results_columns(s, 2, &err), *rows = results_rows(s, 2, &err);
    char *csv = results_csv(columns, rows, &err);
    json_t *table = results_table(columns, rows, &err);
    (void)state;
    assert_non_null(csv);
    assert_true(str_starts(
        csv,
        "name,series,index,status,cor,cor_source,confidence,infer,infer_seconds,full,full_seconds,"
        "outputs,error,warning,path\n\"b \"\"x\"\", y.h5\",b,0,Infer failed,,,,failed,"));
    assert_non_null(strstr(
        csv,
        "\ns_10.h5,s,10,Done full,23.75,vo,0.9,done,1.5,done,2,/d_rec/s_10_rec,,,/d/s_10.h5\n"));
    assert_non_null(table);
    const json_t *line = at(json_object_get(table, "rows"), 2);
    assert_int_equal(json_array_size(line), 15);
    assert_true(json_is_number(json_array_get(line, 4)));
    assert_string_equal(json_string_value(json_array_get(line, 11)), "/d_rec/s_10_rec");
    json_decref(table);
    mem_free(csv);
    json_decref(rows);
    json_decref(columns);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

/* "results -o volumes.tsv" of a run over studies: who, the participants' attributes, every value.
 */
static void t_cohort(void **state)
{
    struct err err = {0};
    char *home = test_folder("results");
    struct store *s = store_open(home, STORE_WRITE, &err);
    (void)state;
    assert_non_null(s);
    static const char *const sql[] = {
        "INSERT INTO project(id,name,root,rec,attempts,created_us) "
        "VALUES(1,'p','/d','/d_rec','/a',0)",
        "INSERT INTO item(id,project_id,level,name,status,attrs,added_us,changed_us) VALUES"
        "(1,1,'subject','P1','Ready','{\"age\":40,\"status\":\"patient\"}',0,0),"
        "(2,1,'study','P1/S1','Done','{}',0,0),(3,1,'study','P1/S2','Failed','{\"age\":41}',0,0)",
        "INSERT INTO study(item_id,subject_id,sid,date) "
        "VALUES(2,1,'S1','2024-01-01'),(3,1,'S2','')",
        "INSERT INTO run(id,project_id,name,batch,created_us) VALUES(1,1,'b','{}',0)",
        "INSERT INTO task(id,run_id,item_id,job,job_id,tool,state,message,result,cached_from) "
        "VALUES"
        "(1,1,2,0,'stats','t',5,'','{\"values\":{\"volume_ml\":12.5,\"gm\":{\"mean\":3},"
        "\"list\":[1]}}',NULL),(2,1,3,0,'stats','t',7,'no\tmask','{}',NULL),"
        "(3,1,2,1,'say','t',6,'','{}',1)"};
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
        assert_ok(store_exec(s, &err, sql[i], ""), err);
    }
    json_t *columns = results_columns(s, 1, &err), *rows = results_rows(s, 1, &err);
    assert_non_null(columns);
    assert_non_null(rows);
    char *tsv = results_tsv(columns, rows, &err);
    assert_non_null(tsv);
    assert_string_equal(
        tsv,
        "PID\tSID\tdate\tage\tsubject.status\tstatus\tstats\tstats_seconds\tsay\tsay_seconds\t"
        "stats.volume_ml\tstats.gm.mean\tsay.volume_ml\tsay.gm.mean\toutputs\terror\twarning\t"
        "path\n"
        "P1\tS1\t2024-01-01\t40\tpatient\tDone\tdone\t\tcached\t\t12.5\t3\t12.5\t3\t\t\t\t/d/"
        "P1/S1\n"
        "P1\tS2\t\t41\tpatient\tFailed\tfailed\t\t\t\t\t\t\t\t\tno mask\t\t/d/P1/S2\n");
    mem_free(tsv);
    json_decref(columns);
    json_decref(rows);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_rows),
        cmocka_unit_test(t_layouts),
        cmocka_unit_test(t_cohort),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
