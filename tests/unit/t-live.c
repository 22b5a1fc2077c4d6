/* report/live: the rows of the event stream (B4, N8, X22). */
#include "test.h"

#include "os/file.h"
#include "report/live.h"

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
            "INSERT INTO item(id,project_id,level,name,cor,cor_source,cor_confidence,status,"
            "auto_skip,enabled,hidden,added_us,changed_us) VALUES"
            "(1,1,'scan','a.h5',24.5,'vo',0.25,'Running on GPU 1',0,NULL,0,0,0),"
            "(2,1,'scan','b.h5',NULL,NULL,NULL,'Skipped (small)',1,NULL,0,0,0),"
            "(3,1,'scan','c.h5',NULL,NULL,NULL,'Try failed',0,1,0,0,0),"
            "(4,1,'scan','d.h5',NULL,NULL,NULL,'Ready',0,NULL,1,0,0)");
    run_sql(s,
            "INSERT INTO run(id,project_id,name,batch,created_us) VALUES(1,1,'x','{}',0),"
            "(2,1,'x','{}',0)");
    run_sql(s,
            "INSERT INTO task(id,run_id,item_id,job,job_id,tool,state,attempts,message) VALUES"
            "(1,1,1,0,'try','t',7,1,'old'),(2,2,1,0,'try','t',3,2,''),"
            "(3,2,1,1,'full','t',0,0,''),(4,2,3,0,'try','t',7,1,'no \"theta\"'),"
            "(5,2,3,1,'full','t',9,0,'try was not done')");
    run_sql(s, "INSERT INTO attempt(task_id,n,state,slot,gpu) VALUES(2,1,2,0,-1),(2,2,1,0,1)");
    return s;
}

static void t_items(void **state)
{
    struct err err = {0};
    char *home = test_folder("live");
    struct store *s = make_store(home);
    const int64_t ids[] = {1, 2, 3, 4, 99};
    struct live_row rows[5];
    struct str out = STR_INIT;
    (void)state;
    assert_ok(live_items(s, ids, 5, &out, rows, &err), err);
    /* what runs in the newest run, not what failed in an old one */
    assert_string_equal(
        str_text(&out),
        "[1,\"Running on GPU 1\",\"running\",\"running\",null,24.5,\"vo\",0.25,null,false,\"GPU "
        "1\",2]"
        "[2,\"Skipped (small)\",\"skipped\",\"\",null,null,null,null,null,true,\"\",0]"
        "[3,\"Try failed\",\"failed\",\"failed\",null,null,null,null,true,false,\"\",4]");
    assert_false(rows[0].gone);
    assert_int_equal(rows[1].at, rows[0].length);
    assert_int_equal(rows[2].project, 1);
    assert_true(rows[3].gone); /* forgotten (I2) */
    assert_int_equal(rows[3].project, 1);
    assert_true(rows[4].gone && rows[4].project == 0);
    str_fini(&out);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_tasks(void **state)
{
    struct err err = {0};
    char *home = test_folder("live");
    struct store *s = make_store(home);
    const int64_t ids[] = {2, 4, 77};
    struct live_row rows[3];
    struct str out = STR_INIT;
    (void)state;
    assert_ok(store_exec(s, &err, "UPDATE task SET cleared=1 WHERE id=4", ""), err);
    assert_ok(live_tasks(s, ids, 3, &out, rows, &err), err);
    assert_string_equal(str_text(&out),
                        "[2,2,1,\"try\",\"running\",null,\"GPU 1\",\"\",false]"
                        "[4,2,3,\"try\",\"failed\",null,\"\",\"no \\\"theta\\\"\",true]");
    assert_true(rows[2].gone);
    str_fini(&out);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_items), cmocka_unit_test(t_tasks)};
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
