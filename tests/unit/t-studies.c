/* report/studies and report/jobs: the table of subjects and studies (K1, N5, Q6). */
#include "test.h"

#include "os/file.h"
#include "report/live.h"
#include "report/studies.h"

static void run_sql(struct store *s, const char *sql)
{
    struct err err = {0};
    assert_ok(store_exec(s, &err, sql, ""), err);
}

static struct store *make_store(const char *home)
{
    struct err err = {0};
    struct store *s = store_open(home, STORE_WRITE, &err);
    assert_non_null(s);
    run_sql(s,
            "INSERT INTO project(id,name,root,rec,attempts,created_us)"
            " VALUES(1,'p','/d','/d_rec','/nowhere',0)");
    run_sql(s,
            "INSERT INTO item(id,project_id,level,name,status,tags,attrs,gone,added_us,changed_us)"
            " VALUES (1,1,'subject','P01','Ready','/old/','{\"age\":40,\"sex\":\"F\"}',0,0,0),"
            "(2,1,'study','P01/S1','Done','/a/b/','{\"age\":41}',0,0,0),"
            "(3,1,'study','P01/S2','Ready','/','{}',0,0,0),"
            "(4,1,'subject','P00','Ready','/','{}',0,0,0),"
            "(5,1,'study','P00','Ready','/','{}',0,0,0),"
            "(6,1,'study','P01/S3','Ready','/','{}',1,0,0)");
    run_sql(
        s,
        "INSERT INTO study(item_id,subject_id,sid,date,sdesc,files) VALUES(2,1,'S1','2024-05-01',"
        "'head',3),(3,1,'S2','2023-01-01','',0),(5,4,'','','',0),(6,1,'S3','','',0)");
    run_sql(s,
            "INSERT INTO file(id,study_id,place,sub,name,size,tags,gone) VALUES"
            "(1,2,'','t1','a.nii',10,'/mask/',0),(2,2,'','','b.nii',5,'/',0),"
            "(3,2,'derivatives/x','','c.nii',5,'/mask/best/',0),(4,2,'','','d.nii',5,'/',1)");
    run_sql(s,
            "INSERT INTO run(id,project_id,name,batch,created_us) VALUES(1,1,'x','{}',0),"
            "(2,1,'x','{}',0),(3,1,'y','{}',0)");
    /* study 2: job m of x failed and was made good, n of x waits, m of y failed; study 3: cleared
     */
    run_sql(s,
            "INSERT INTO task(id,run_id,item_id,job,job_id,tool,state,cleared) VALUES"
            "(1,1,2,0,'m','t',7,0),(2,1,3,0,'m','t',7,1),(3,2,2,0,'m','t',5,0),"
            "(4,2,2,1,'n','t',0,0),(5,3,2,0,'m','t',7,0)");
    return s;
}

static json_t *ask(struct store *s, struct studies_query q)
{
    struct err err = {0};
    struct str out = STR_INIT;
    q.project = 1;
    q.limit = q.limit ? q.limit : 100;
    str_addc(&out, '{');
    assert_ok(studies_write(s, &q, &out, &err), err);
    str_addc(&out, '}');
    json_t *doc = json_parse(out.buf, out.len, "answer", &err);
    assert_non_null(doc);
    str_fini(&out);
    return doc;
}

static void same(const json_t *value, const char *text)
{
    struct err err = {0};
    char *is = json_text(value, &err);
    assert_non_null(is);
    assert_string_equal(is, text);
    mem_free(is);
}

/* By subject and date; what is gone is not there; a subject's attributes show at its studies. */
static void t_columns(void **state)
{
    struct err err = {0};
    char *home = test_folder("studies");
    struct store *s = make_store(home);
    (void)state;
    json_t *doc = ask(s, (struct studies_query){.shape = STUDIES_COLUMNS});
    json_t *c = json_object_get(doc, "columns");
    same(json_object_get(doc, "total"), "3");
    same(json_object_get(c, "psid"), "[\"P00#\",\"P01#S2\",\"P01#S1\"]");
    same(json_object_get(c, "tags"), "[\"/\",\"/\",\"/a/b/\"]");
    same(json_object_get(c, "subject_tags"), "[\"/\",\"/old/\",\"/old/\"]");
    same(json_object_get(c, "files"), "[0,0,3]");
    same(json_object_get(c, "attrs"), "[{},{\"age\":40,\"sex\":\"F\"},{\"age\":41,\"sex\":\"F\"}]");
    /* N5: of each job its newest task; what was made good or cleared is no failure */
    same(json_object_get(c, "q"), "[0,0,1]");
    same(json_object_get(c, "e"), "[0,0,1]");
    same(json_object_get(c, "d"), "[0,0,1]");
    same(json_object_get(c, "task"), "[0,2,5]");
    json_decref(doc);
    doc = ask(s, (struct studies_query){.subjects = true, .shape = STUDIES_COLUMNS});
    c = json_object_get(doc, "columns");
    same(json_object_get(c, "psid"), "[\"P00\",\"P01\"]");
    same(json_object_get(c, "files"), "[0,3]");
    json_decref(doc);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_filter_and_order(void **state)
{
    struct err err = {0};
    char *home = test_folder("studies");
    struct store *s = make_store(home);
    json_t *in = json_pack("[i,i]", 2, 5);
    (void)state;
    json_t *doc =
        ask(s,
            (struct studies_query){
                .in = in, .shape = STUDIES_IDS, .sort = STUDIES_BY_FILES, .descending = true});
    same(doc, "{\"ids\":[2,5],\"total\":2}");
    json_decref(doc);
    doc = ask(s, (struct studies_query){.offset = 1, .limit = 1});
    same(json_object_get(doc, "total"), "3");
    const json_t *row = json_array_get(json_object_get(doc, "items"), 0);
    same(json_object_get(row, "id"), "3");
    same(json_object_get(row, "subject_tags"), "[\"old\"]");
    same(json_object_get(row, "jobs"), "{\"d\":0,\"e\":0,\"q\":0,\"r\":0}");
    json_decref(doc);
    assert_int_equal(studies_sort_named("date"), STUDIES_BY_DATE);
    assert_int_equal(studies_sort_named("colour"), STUDIES_SORTS);
    json_decref(in);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_one(void **state)
{
    struct err err = {0};
    char *home = test_folder("studies");
    struct store *s = make_store(home);
    (void)state;
    json_t *row = studies_show(s, 2, 2, &err);
    assert_non_null(row);
    same(json_object_get(row, "files_total"), "3");
    const json_t *files = json_object_get(row, "files");
    assert_int_equal(json_array_size(files), 2);
    same(json_object_get(json_array_get(files, 1), "path"), "\"P01/S1/t1/a.nii\"");
    same(json_object_get(json_array_get(files, 1), "tags"), "[\"mask\"]");
    json_decref(row);
    row = studies_show(s, 1, 100, &err);
    same(json_object_get(json_array_get(json_object_get(row, "files"), 2), "path"),
         "\"derivatives/x/P01/S1/c.nii\"");
    json_decref(row);
    assert_null(studies_show(s, 99, 1, &err));
    assert_int_equal(err.code, ERR_NOTHING);
    json_t *tags = studies_tags(s, 1, "file", &err);
    same(tags, "[{\"files\":1,\"tag\":\"best\"},{\"files\":2,\"tag\":\"mask\"}]");
    json_decref(tags);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

/* The event row of a study says its level and its jobs besides. */
static void t_live(void **state)
{
    struct err err = {0};
    char *home = test_folder("studies");
    struct store *s = make_store(home);
    const int64_t ids[] = {2, 6};
    struct live_row rows[2];
    struct str out = STR_INIT;
    (void)state;
    assert_ok(live_items(s, ids, 2, &out, rows, &err), err);
    assert_string_equal(str_text(&out),
                        "[2,\"Done\",\"done\",\"failed\",null,null,null,null,null,false,\"\",5,"
                        "\"study\",1,0,1,1,3,\"/a/b/\"]");
    assert_true(rows[1].gone);
    str_fini(&out);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_columns),
                                       cmocka_unit_test(t_filter_and_order),
                                       cmocka_unit_test(t_one), cmocka_unit_test(t_live)};
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
