/* report/task-list, runs and causes: what the jobs page shows (N2-N4, N8, J3), against SQLite's own
 * answers. */
#include "test.h"

#include "model/state.h"
#include "os/file.h"
#include "report/causes.h"
#include "report/runs.h"
#include "report/task-list.h"

#define ALL ((1u << TASK_STATES) - 1)

static void run_sql(struct store *s, const char *sql)
{
    struct err err = {0};
    assert_ok(store_exec(s, &err, sql, ""), err);
}

/* Two projects, three runs, sixty tasks in every state. */
static struct store *make_store(const char *home)
{
    struct err err = {0};
    struct store *s = store_open(home, STORE_WRITE, &err);
    assert_non_null(s);
    run_sql(s,
            "INSERT INTO project(id,name,root,rec,attempts,created_us) VALUES"
            "(1,'p','/d','/d_rec','/nowhere',0),(2,'q','/e','/e_rec','/nowhere',0)");
    run_sql(s,
            "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<20) INSERT "
            "INTO item(id,project_id,level,name,added_us,changed_us) SELECT i,1+(i>15),'scan',"
            "'Scan_'||i||'.h5',0,0 FROM c");
    run_sql(s,
            "INSERT INTO run(id,project_id,name,batch,user,state,created_us,ended_us) VALUES"
            "(1,1,'old','{}','anna','finished',1000000,9000000),(2,1,'new','{}','ben','active',"
            "2000000,NULL),(3,2,'other','{}','anna','active',3000000,NULL)");
    run_sql(s,
            "INSERT INTO cause(id,code,signature,example,first_us) VALUES(4,'timeout','sig','it "
            "hung',0)");
    run_sql(s,
            "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<59) INSERT "
            "INTO task(id,run_id,item_id,job,job_id,tool,state,attempts,message,cause_id,"
            "started_us,ended_us) SELECT i+1,1+i/25,CASE WHEN i<50 THEN 1+i%15 ELSE 16+i%5 END,0,"
            "CASE WHEN i%2 THEN 'full' ELSE 'try' END,'recon.'||(i%3),i%11,1,"
            "CASE WHEN i%11=7 THEN 'it Hung' ELSE '' END,CASE WHEN i%11=7 THEN 4 END,"
            "i*1000000,i*2000000 FROM c");
    return s;
}

static void expect(struct store *s, const struct task_query *q, const char *sql)
{
    struct err err = {0};
    json_t *answer = task_list(s, q, &err), *want = store_rows(s, &err, sql, "");
    assert_non_null(answer);
    assert_non_null(want);
    const json_t *rows = json_object_get(answer, "tasks");
    assert_int_equal(json_get_int(answer, "total", -1), json_array_size(want));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        assert_int_equal(json_get_int(json_array_get(rows, i), "id", 0),
                         json_get_int(json_array_get(want, (size_t)q->offset + i), "id", 0));
    }
    int64_t left = (int64_t)json_array_size(want) - q->offset;
    assert_int_equal(json_array_size(rows), left < 0 ? 0 : left < q->limit ? left : q->limit);
    json_decref(answer);
    json_decref(want);
}

#define ANY                                                                \
    {                                                                      \
        .states = ALL, .tool = "", .text = "", .sort = "id", .limit = 1000 \
    }
#define FROM "SELECT t.id FROM task t JOIN run r ON r.id=t.run_id JOIN item i ON i.id=t.item_id "

static void t_lists(void **state)
{
    struct err err = {0};
    char *home = test_folder("task-list");
    struct store *s = make_store(home);
    struct task_query q = ANY;
    (void)state;
    expect(s, &q, FROM "ORDER BY t.id");
    q.open = true; /* errors stay in sight, what is over does not */
    expect(s, &q, FROM "WHERE t.state NOT IN (5,6,8) ORDER BY t.id");
    q.project = 1;
    expect(s, &q, FROM "WHERE t.state NOT IN (5,6,8) AND r.project_id=1 ORDER BY t.id");
    q.project = 0;
    /* N10: what was cleared is out of sight too, unless all is asked for */
    run_sql(s, "UPDATE task SET cleared=1 WHERE state=7 AND id<40");
    expect(s, &q, FROM "WHERE t.state NOT IN (5,6,8) AND t.cleared=0 ORDER BY t.id");
    q.run = 2;
    expect(s, &q, FROM "WHERE t.run_id=2 AND t.state NOT IN (5,6,8) AND t.cleared=0 ORDER BY t.id");
    q.open = false;
    expect(s, &q, FROM "WHERE t.run_id=2 ORDER BY t.id");
    q.run = 0;
    q.open = true;
    run_sql(s, "UPDATE task SET cleared=0");
    q.within = "[2]";
    expect(s, &q, FROM "WHERE t.state NOT IN (5,6,8) AND r.project_id=2 ORDER BY t.id");
    q = (struct task_query)ANY;
    q.run = 2;
    q.sort = "name";
    q.descending = true;
    expect(s, &q, FROM "WHERE t.run_id=2 ORDER BY i.name DESC,t.id DESC");
    q.offset = 20;
    q.limit = 3;
    expect(s, &q, FROM "WHERE t.run_id=2 ORDER BY i.name DESC,t.id DESC");
    q = (struct task_query)ANY;
    q.item = 3;
    q.states = 1u << TASK_FAILED | 1u << TASK_DONE;
    expect(s, &q, FROM "WHERE t.item_id=3 AND t.state IN (5,7) ORDER BY t.id");
    q = (struct task_query)ANY;
    q.tool = "recon.1";
    q.sort = "seconds";
    expect(s, &q, FROM "WHERE t.tool='recon.1' ORDER BY t.ended_us-t.started_us,t.id");
    q = (struct task_query)ANY;
    q.text = "scan_1";
    q.sort = "owner";
    expect(s, &q, FROM "WHERE i.name LIKE '%scan\\_1%' ESCAPE '\\' ORDER BY r.user,t.id");
    q.text = "hung";
    q.sort = "id";
    expect(s, &q, FROM "WHERE t.message<>'' ORDER BY t.id");
    assert_true(task_list_sorts("started") && !task_list_sorts("colour"));
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_runs(void **state)
{
    struct err err = {0};
    char *home = test_folder("task-list");
    struct store *s = make_store(home);
    json_t *rows = runs_rows(s, 0, 0, NULL, 10, &err);
    (void)state;
    assert_non_null(rows);
    assert_int_equal(json_array_size(rows), 3);
    /* living ones first */
    const json_t *first = json_array_get(rows, 0), *last = json_array_get(rows, 2);
    assert_int_equal(json_get_int(first, "id", 0), 3);
    assert_int_equal(json_get_int(last, "id", 0), 1);
    const json_t *counts = json_object_get(last, "counts");
    assert_int_equal(json_get_int(counts, "waiting", 0), 3);
    assert_true(json_get_double(last, "progress", 0) == 0.4);
    assert_true(json_get_double(first, "rate", 0) > 0);
    json_decref(rows);
    rows = runs_rows(s, 0, 0, "[1]", 10, &err);
    assert_int_equal(json_array_size(rows), 2);
    json_decref(rows);
    rows = runs_rows(s, 2, 0, "[1]", 10, &err);
    assert_int_equal(json_array_size(rows), 0);
    json_decref(rows);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_causes(void **state)
{
    struct err err = {0};
    char *home = test_folder("task-list");
    struct store *s = make_store(home);
    json_t *rows = causes_rows(s, 0, 0, NULL, &err);
    (void)state;
    assert_non_null(rows);
    assert_int_equal(json_array_size(rows), 1);
    const json_t *row = json_array_get(rows, 0);
    assert_string_equal(json_get_text(row, "signature", ""), "sig");
    int64_t failed = json_get_int(row, "count", 0);
    assert_int_equal(json_array_size(json_object_get(row, "tasks")), failed);
    assert_int_equal(json_array_size(json_object_get(row, "item_ids")), failed);
    json_decref(rows);
    rows = causes_rows(s, 0, 0, "[2]", &err); /* only what he may see */
    assert_non_null(rows);
    row = json_array_get(rows, 0);
    assert_true(json_get_int(row, "count", 0) < failed);
    assert_int_equal(json_array_size(json_object_get(row, "runs")), 1);
    json_decref(rows);
    run_sql(s, "UPDATE task SET cleared=1 WHERE id=(SELECT min(id) FROM task WHERE state=7)");
    rows = causes_rows(s, 0, 0, NULL, &err); /* N10: dealt with */
    assert_non_null(rows);
    assert_int_equal(json_get_int(json_array_get(rows, 0), "count", 0), failed - 1);
    json_decref(rows);
    run_sql(s, "UPDATE task SET cleared=1 WHERE state=7");
    rows = causes_rows(s, 0, 0, NULL, &err);
    assert_non_null(rows);
    assert_int_equal(json_array_size(rows), 0);
    json_decref(rows);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_lists), cmocka_unit_test(t_runs),
                                       cmocka_unit_test(t_causes)};
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
