/* report/listing: every filter and order against SQLite's own answer, changes, and the columns
 * (REQUIREMENTS B3, B4, D3, X9, X22). */
#include "test.h"

#include "os/file.h"
#include "report/listing.h"

#define ROWS 3000

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
            " VALUES(1,'p','/d','/d_rec','/nowhere',0),(2,'q','/e','/e_rec','/nowhere',0)");
    /* values repeat, so that ties are everywhere; every 7th row is another project's, every 11th
     * forgotten */
    run_sql(s,
            "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<3000)"
            "INSERT INTO item(id,project_id,level,name,series,idx,size,cor,cor_confidence,status,"
            "auto_skip,enabled,hidden,tags,added_us,changed_us) SELECT i,1+(i%7=0),'scan',"
            "'Day'||(i%5)||'/Scan_'||(i*7919%3000)||'.h5','Day'||(i%5)||'/Scan',i*7919%3000,"
            "i%13*1000,CASE WHEN i%3 THEN (i*31%97)/4.0-5 END,CASE WHEN i%2 THEN (i%10)/10.0 END,"
            "CASE i%6 WHEN 0 THEN 'Ready' WHEN 1 THEN 'Full 0-63' WHEN 2 THEN 'Try failed' WHEN 3 "
            "THEN 'Queued' WHEN 4 THEN 'Skipped (small)' ELSE 'Done try' END,i%6=4,CASE WHEN "
            "i%17=0 THEN 1 WHEN i%19=0 THEN 0 END,i%11=0,CASE WHEN i%4=0 THEN '/good/day/' ELSE "
            "'/' END,0,i%23 FROM c");
    return s;
}

static void ready(struct listing *l)
{
    struct err err = {0};
    bool done = false;
    while (!done) {
        assert_ok(listing_step(l, &done, &err), err);
    }
}

/* The ids of a query that SQLite answers must be the page's. */
static void expect(struct listing *l, struct store *s, const struct listing_query *query,
                   const char *sql)
{
    struct err err = {0};
    struct listing_page page;
    json_t *want = store_rows(s, &err, sql, "");
    assert_non_null(want);
    assert_ok(listing_find(l, query, &page, &err), err);
    assert_int_equal(page.total, json_array_size(want));
    size_t end = query->offset + query->limit;
    end = end < page.total ? end : page.total;
    assert_int_equal(page.n, end > query->offset ? end - query->offset : 0);
    for (size_t i = 0; i < page.n; i++) {
        assert_int_equal(listing_id(l, page.rows[i]),
                         json_get_int(json_array_get(want, query->offset + i), "id", 0));
    }
    listing_page_fini(&page);
    json_decref(want);
}

#define ON "FROM item WHERE project_id=1 AND hidden=0 AND gone=0 AND level='scan' "
#define ANY                                               \
    {                                                     \
        .group = GROUP_COUNT, .skipped = -1, .limit = 100 \
    }

static void t_orders(void **state)
{
    static const struct {
        enum listing_sort sort;
        const char *up, *down;
    } cases[] = {
        {SORT_SERIES, "SELECT id " ON "ORDER BY series,idx,id",
         "SELECT id " ON "ORDER BY series DESC,idx DESC,id DESC"},
        {SORT_NAME, "SELECT id " ON "ORDER BY name", "SELECT id " ON "ORDER BY name DESC"},
        {SORT_INDEX, "SELECT id " ON "ORDER BY idx,id", "SELECT id " ON "ORDER BY idx DESC,id"},
        {SORT_SIZE, "SELECT id " ON "ORDER BY size,id", "SELECT id " ON "ORDER BY size DESC,id"},
        {SORT_COR, "SELECT id " ON "ORDER BY cor NULLS LAST,id",
         "SELECT id " ON "ORDER BY cor DESC NULLS LAST,id"},
        {SORT_CONFIDENCE, "SELECT id " ON "ORDER BY cor_confidence NULLS LAST,id",
         "SELECT id " ON "ORDER BY cor_confidence DESC NULLS LAST,id"},
        {SORT_STATUS, "SELECT id " ON "ORDER BY status,id",
         "SELECT id " ON "ORDER BY status DESC,id"},
        {SORT_CHANGED, "SELECT id " ON "ORDER BY changed_us,id",
         "SELECT id " ON "ORDER BY changed_us DESC,id"},
        {SORT_ID, "SELECT id " ON "ORDER BY id", "SELECT id " ON "ORDER BY id DESC"},
    };
    /* heaped, selected far behind, the end, and behind it */
    static const size_t pages[][2] = {{0, 100},  {30, 7},     {2100, 100},
                                      {0, 5000}, {2300, 500}, {9000, 10}};
    struct err err = {0};
    char *home = test_folder("listing");
    struct store *s = make_store(home);
    struct listing *l = listing_new(s, 1, &err);
    (void)state;
    assert_non_null(l);
    ready(l);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t k = 0; k < sizeof pages / sizeof pages[0]; k++) {
            struct listing_query q = ANY;
            q.sort = cases[i].sort;
            q.offset = pages[k][0];
            q.limit = pages[k][1];
            expect(l, s, &q, cases[i].up);
            q.descending = true;
            expect(l, s, &q, cases[i].down);
        }
    }
    listing_free(l);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_filters(void **state)
{
    static const struct {
        struct listing_query q;
        const char *sql;
    } cases[] = {
        {{"scan_12", GROUP_COUNT, NULL, NULL, NULL, -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND name LIKE '%scan\\_12%' ESCAPE '\\' ORDER BY id"},
        {{"5", GROUP_COUNT, NULL, NULL, NULL, -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND instr(name,'5') ORDER BY id"},
        {{"99.H5", GROUP_COUNT, NULL, NULL, NULL, -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND instr(name,'99.h5') ORDER BY id"},
        {{"h5Day", GROUP_COUNT, NULL, NULL, NULL, -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND 0"}, /* not across two names */
        {{NULL, GROUP_FAILED, NULL, NULL, NULL, -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND status='Try failed' ORDER BY id"},
        {{"7", GROUP_DONE, NULL, NULL, NULL, -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND status='Full 0-63' AND instr(name,'7') ORDER BY id"},
        {{NULL, GROUP_COUNT, "Done try", NULL, NULL, -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND status='Done try' ORDER BY id"},
        {{NULL, GROUP_COUNT, "no such word", NULL, NULL, -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND 0"},
        {{NULL, GROUP_COUNT, NULL, "Day3/Scan", NULL, -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND series='Day3/Scan' ORDER BY id"},
        {{NULL, GROUP_COUNT, NULL, NULL, "day", -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND instr(tags,'/day/') ORDER BY id"},
        {{NULL, GROUP_COUNT, NULL, NULL, "da", -1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND 0"}, /* tags are exact members (Q6) */
        {{NULL, GROUP_COUNT, NULL, NULL, NULL, 1, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND NOT coalesce(enabled,1-auto_skip) ORDER BY id"},
        {{NULL, GROUP_COUNT, NULL, NULL, NULL, 0, SORT_ID, false, 0, 9999},
         "SELECT id " ON "AND coalesce(enabled,1-auto_skip) ORDER BY id"},
    };
    struct err err = {0};
    char *home = test_folder("listing");
    struct store *s = make_store(home);
    struct listing *l = listing_new(s, 1, &err);
    (void)state;
    assert_non_null(l);
    ready(l);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect(l, s, &cases[i].q, cases[i].sql);
    }
    listing_free(l);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

/* Counts stand beside every answer, over what the group filter leaves out too. */
static void t_counts(void **state)
{
    struct err err = {0};
    char *home = test_folder("listing");
    struct store *s = make_store(home);
    struct listing *l = listing_new(s, 1, &err);
    struct listing_query q = ANY;
    struct listing_page page;
    int64_t failed = 0, all = 0;
    (void)state;
    ready(l);
    q.group = GROUP_DONE;
    assert_ok(listing_find(l, &q, &page, &err), err);
    assert_ok(store_int(s, 0, &failed, &err, "SELECT count(*) " ON "AND status='Try failed'", ""),
              err);
    assert_ok(store_int(s, 0, &all, &err, "SELECT count(*) " ON, ""), err);
    assert_int_equal(page.counts[GROUP_FAILED], failed);
    size_t sum = 0;
    for (int g = 0; g < GROUP_COUNT; g++) {
        sum += page.counts[g];
    }
    assert_int_equal(sum, all);
    assert_int_equal(page.total, page.counts[GROUP_DONE]);
    listing_page_fini(&page);
    listing_free(l);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_changes(void **state)
{
    struct err err = {0};
    char *home = test_folder("listing");
    struct store *s = make_store(home);
    struct listing *l = listing_new(s, 1, &err);
    struct listing_query q = ANY;
    bool done;
    (void)state;
    assert_ok(listing_step(l, &done, &err), err); /* changes while it is being read count too */
    run_sql(s, "UPDATE item SET status='Try failed',cor=-99 WHERE id=1");
    listing_touch_item(l, 1);
    ready(l);
    q.sort = SORT_COR;
    expect(l, s, &q, "SELECT id " ON "ORDER BY cor NULLS LAST,id");
    run_sql(s, "UPDATE item SET hidden=1 WHERE id=2");
    run_sql(s, "UPDATE item SET hidden=0 WHERE id=11");
    run_sql(s, "DELETE FROM item WHERE id=3");
    run_sql(s,
            "INSERT INTO item(id,project_id,level,name,series,idx,added_us,changed_us) VALUES"
            "(5000,1,'scan','Aaa_1.h5','Aaa',1,0,0),(5001,1,'file','Aab.txt','',0,0,0),"
            "(5002,2,'scan','Aac.h5','',0,0,0)");
    const int64_t ids[] = {2, 11, 3, 5000, 5001, 5002, 2};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        listing_touch_item(l, ids[i]);
    }
    ready(l);
    q.sort = SORT_NAME;
    expect(l, s, &q, "SELECT id " ON "ORDER BY name");
    q.sort = SORT_SERIES;
    expect(l, s, &q, "SELECT id " ON "ORDER BY series,idx,id");
    q.group = GROUP_FAILED;
    expect(l, s, &q, "SELECT id " ON "AND status='Try failed' ORDER BY series,idx,id");
    run_sql(s, "UPDATE item SET level='scan' WHERE id=5001"); /* a file that became readable */
    listing_touch_item(l, 5001);
    ready(l);
    q = (struct listing_query)ANY;
    q.sort = SORT_ID;
    q.text = "aab";
    expect(l, s, &q, "SELECT id " ON "AND id=5001");
    q.text = NULL;
    q.sort = SORT_NAME;
    expect(l, s, &q, "SELECT id " ON "ORDER BY name");
    listing_free(l);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

/* A row that comes, or changes its series, while the orders are being read has its place in them
 * (B3). */
static void t_changes_while_ordering(void **state)
{
    struct err err = {0};
    bool done = false;
    char *home = test_folder("listing");
    struct store *s = make_store(home);
    (void)state;
    for (int steps = 1; !done; steps++) {
        struct listing *l = listing_new(s, 1, &err);
        assert_non_null(l);
        for (int i = 0; i < steps && !done; i++) {
            assert_ok(listing_step(l, &done, &err), err);
        }
        run_sql(s,
                "INSERT INTO item(project_id,level,name,series,idx,added_us,changed_us) "
                "SELECT 1,'scan','Day0/Scan_'||count(*)||'b.h5','Day0/Scan',5,0,0 FROM item");
        int64_t id = 0;
        assert_ok(store_int(s, 0, &id, &err, "SELECT max(id) FROM item", ""), err);
        listing_touch_item(l, id);
        run_sql(s, "UPDATE item SET series='A' WHERE id=2997");
        listing_touch_item(l, 2997);
        ready(l);
        struct listing_query q = ANY;
        q.limit = 5000;
        q.sort = SORT_NAME;
        expect(l, s, &q, "SELECT id " ON "ORDER BY name");
        q.sort = SORT_SERIES;
        expect(l, s, &q, "SELECT id " ON "ORDER BY series,idx,id");
        run_sql(s, "UPDATE item SET series='Day2/Scan' WHERE id=2997");
        listing_free(l);
    }
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_columns(void **state)
{
    struct err err = {0};
    char *home = test_folder("listing");
    struct store *s = make_store(home);
    struct listing *l = listing_new(s, 1, &err);
    struct listing_query q = ANY;
    struct listing_page page;
    struct str out = STR_INIT;
    (void)state;
    run_sql(s,
            "UPDATE item SET name='a \"b\".h5',status='Running on GPU 1',frames=180,n_rows=8,"
            "n_columns=64,cor=31.5,cor_source='vo',cor_confidence=0.5,params='{\"x\":1}' "
            "WHERE id=1");
    run_sql(s, "INSERT INTO run(id,project_id,name,batch,created_us) VALUES(1,1,'x','{}',0)");
    run_sql(s,
            "INSERT INTO task(id,run_id,item_id,job,job_id,tool,state,attempts) VALUES"
            "(8,1,1,0,'try','t',3,1),(9,1,1,1,'full','t',0,0)");
    run_sql(s, "INSERT INTO attempt(task_id,n,state,slot,gpu) VALUES(8,1,1,0,1)");
    ready(l);
    q.limit = 2;
    q.sort = SORT_ID;
    assert_ok(listing_find(l, &q, &page, &err), err);
    assert_ok(listing_columns(l, &page, &out, &err), err);
    assert_string_equal(
        str_text(&out),
        "{\"id\":[1,2],\"name\":[\"a \\\"b\\\".h5\",\"Day2/Scan_838.h5\"],"
        "\"series\":[\"Day1/Scan\",\"Day2/Scan\"],\"index\":[1919,838],"
        "\"status\":[\"Running on GPU 1\",\"Try failed\"],\"group\":[\"running\",\"failed\"],"
        "\"state\":[\"running\",\"\"],\"cor\":[31.5,10.5],\"cor_source\":[\"vo\",null],"
        "\"confidence\":[0.5,null],\"enabled\":[null,null],\"skipped\":[false,false],"
        "\"auto_skip\":[false,false],\"skip_reason\":[\"\",\"\"],\"size\":[1000,2000],"
        "\"shape\":[[180,8,64],null],\"tags\":[\"/\",\"/\"],\"own\":[true,false],"
        "\"changed_us\":[1,2],\"task\":[8,0],\"place\":[\"GPU 1\",\"\"],\"progress\":[null,null]}");
    /* read in bulk or one by one, it is the same task */
    struct listing *again = listing_new(s, 1, &err);
    ready(again);
    struct str other = STR_INIT;
    assert_ok(listing_columns(again, &page, &other, &err), err);
    assert_string_equal(str_text(&other), str_text(&out));
    str_fini(&other);
    listing_free(again);
    /* another task says most now */
    run_sql(s, "UPDATE task SET state=7 WHERE id=8");
    listing_touch_task(l, 8);
    ready(l);
    str_clear(&out);
    assert_ok(listing_columns(l, &page, &out, &err), err);
    assert_non_null(strstr(str_text(&out), "\"state\":[\"failed\",\"\"]"));
    listing_page_fini(&page);
    str_fini(&out);
    listing_free(l);
    store_close(s);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_orders),
        cmocka_unit_test(t_filters),
        cmocka_unit_test(t_counts),
        cmocka_unit_test(t_changes),
        cmocka_unit_test(t_changes_while_ordering),
        cmocka_unit_test(t_columns),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
