/* The list of scans: what a query costs over many rows, beside the same question asked of SQLite.
 * usage: bench-list [ROWS]   (default 1000000) */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/json.h"
#include "os/file.h"
#include "report/listing.h"

#define REPEATS 15

static void check(bool ok, const struct err *err)
{
    if (!ok) {
        (void)fprintf(stderr, "bench: %s\n", err->text);
        exit(1);
    }
}

static struct store *make_store(const char *home, int64_t rows)
{
    struct err err = {0};
    struct store *s = store_open(home, STORE_WRITE, &err);
    check(s != NULL, &err);
    check(store_begin(s, &err), &err);
    check(store_exec(s, &err,
                     "INSERT INTO project(id,name,root,rec,attempts,created_us)"
                     " VALUES(1,'p','/d','/d_rec','/nowhere',0)",
                     ""),
          &err);
    check(store_exec(
              s, &err,
              "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<?1)"
              "INSERT INTO item(project_id,level,name,kind,series,idx,size,frames,angles,n_rows,"
              "n_columns,dtype,cor,cor_source,cor_confidence,status,auto_skip,tags,added_us,"
              "changed_us) SELECT 1,'scan',printf('%s/sample_%05d.h5',"
              "(CASE i%4 WHEN 0 THEN 'Basalt' WHEN 1 THEN 'wood' WHEN 2 THEN 'bone' ELSE 'shale' "
              "END)||(i/400),i*7919%?1),'hdf5-projections',printf('s%d/sample',i/400),i%400,"
              "1000000000+i*7919%?1*1000,1500,1500,2048,2448,'uint16',"
              "CASE WHEN i%9 THEN 1000+(i*31%9973)/97.0 END,'vo',(i%1000)/1000.0,"
              "CASE WHEN i%50=0 THEN 'Full failed' WHEN i%3=0 THEN 'Full 0-2047' WHEN i%3=1 THEN "
              "'Done try' ELSE 'Ready' END,i%211=0,CASE WHEN i%100=0 THEN '/night/' ELSE '/' END,0,"
              "i*104729%?1 FROM c",
              "i", rows),
          &err);
    check(store_commit(s, &err), &err);
    return s;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct timed {
    double median_ms, worst_ms;
    size_t total;
};

static struct timed time_query(struct listing *l, const struct listing_query *q, bool columns)
{
    struct err err = {0};
    int64_t took[REPEATS];
    struct timed t = {0};
    for (int i = 0; i < REPEATS; i++) {
        struct listing_page page;
        struct str out = STR_INIT;
        int64_t begin = clock_mono_us();
        check(listing_find(l, q, &page, &err), &err);
        check(!columns || listing_columns(l, &page, &out, &err), &err);
        took[i] = clock_mono_us() - begin;
        t.total = page.total;
        str_fini(&out);
        listing_page_fini(&page);
    }
    qsort(took, REPEATS, sizeof *took, by_time);
    t.median_ms = (double)took[REPEATS / 2] / 1e3;
    t.worst_ms = (double)took[REPEATS - 1] / 1e3;
    return t;
}

static double time_sql(struct store *s, const char *sql)
{
    struct err err = {0};
    int64_t begin = clock_mono_us();
    json_t *rows = store_rows(s, &err, sql, "");
    check(rows != NULL, &err);
    json_decref(rows);
    return (double)(clock_mono_us() - begin) / 1e3;
}

#define ON " FROM item WHERE project_id=1 AND level='scan' AND hidden=0 AND gone=0 "

static const struct {
    const char *what;
    struct listing_query q;
    bool columns;
    const char *sql; /* the page, and the count that stands beside it */
    const char *count;
} cases[] = {
    {"all, by series, first 100",
     {.group = GROUP_COUNT, .skipped = -1, .sort = SORT_SERIES, .limit = 100},
     true,
     "SELECT id" ON "ORDER BY series,idx LIMIT 100",
     "SELECT count(*)" ON},
    {"text '_0123', by name",
     {.text = "_0123", .group = GROUP_COUNT, .skipped = -1, .sort = SORT_NAME, .limit = 100},
     true,
     "SELECT id" ON "AND name LIKE '%\\_0123%' ESCAPE '\\' ORDER BY name LIMIT 100",
     "SELECT count(*)" ON "AND name LIKE '%\\_0123%' ESCAPE '\\'"},
    {"failed, by COR downwards",
     {.group = GROUP_FAILED, .skipped = -1, .sort = SORT_COR, .descending = true, .limit = 100},
     true,
     "SELECT id" ON "AND status LIKE '%failed' ORDER BY cor DESC NULLS LAST LIMIT 100",
     "SELECT count(*)" ON "AND status LIKE '%failed'"},
    {"text 'bone' + done, by size",
     {.text = "bone", .group = GROUP_DONE, .skipped = -1, .sort = SORT_SIZE, .limit = 100},
     true,
     "SELECT id" ON "AND name LIKE '%bone%' AND status LIKE 'Full %-%' ORDER BY size LIMIT 100",
     "SELECT count(*)" ON "AND name LIKE '%bone%' AND status LIKE 'Full %-%'"},
    {"tag, by confidence",
     {.tag = "night", .group = GROUP_COUNT, .skipped = -1, .sort = SORT_CONFIDENCE, .limit = 100},
     true,
     "SELECT id" ON "AND instr(tags,'/night/') ORDER BY cor_confidence LIMIT 100",
     "SELECT count(*)" ON "AND instr(tags,'/night/')"},
    {"text 'e' (every row), by change",
     {.text = "e",
      .group = GROUP_COUNT,
      .skipped = -1,
      .sort = SORT_CHANGED,
      .descending = true,
      .limit = 100},
     true,
     "SELECT id" ON "AND name LIKE '%e%' ORDER BY changed_us DESC LIMIT 100",
     "SELECT count(*)" ON "AND name LIKE '%e%'"},
    {"by status, 100 from the middle",
     {.group = GROUP_COUNT, .skipped = -1, .sort = SORT_STATUS, .offset = 500000, .limit = 100},
     true,
     "SELECT id" ON "ORDER BY status LIMIT 100 OFFSET 500000",
     "SELECT count(*)" ON},
    {"columns of 20,000 rows",
     {.group = GROUP_COUNT, .skipped = -1, .sort = SORT_ID, .limit = 20000},
     true,
     NULL,
     NULL},
};

int main(int argc, char **argv)
{
    struct err err = {0};
    int64_t rows = 1000000, longest = 0, steps = 0;
    char home[] = "/tmp/gantry-bench-list-XXXXXX";
    if (argc > 1 && !num_int64(argv[1], &rows)) {
        (void)fprintf(stderr, "usage: bench-list [ROWS]\n");
        return 2;
    }
    json_setup();
    if (!mkdtemp(home)) {
        return 1;
    }
    struct store *s = make_store(home, rows);
    struct listing *l = listing_new(s, 1, &err);
    check(l != NULL, &err);
    int64_t begin = clock_mono_us();
    for (bool done = false; !done; steps++) {
        int64_t at = clock_mono_us();
        check(listing_step(l, &done, &err), &err);
        longest = clock_mono_us() - at > longest ? clock_mono_us() - at : longest;
    }
    (void)printf("%lld rows; read once in %.0f ms, %lld steps of at most %.1f ms; %.0f MB while "
                 "somebody looks\n\n",
                 (long long)rows, (double)(clock_mono_us() - begin) / 1e3, (long long)steps,
                 (double)longest / 1e3, (double)listing_bytes(l) / 1e6);
    (void)printf("%-34s %10s %8s %8s %12s\n", "query (page of 100, counts)", "rows", "ms", "worst",
                 "SQLite ms");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct timed t = time_query(l, &cases[i].q, cases[i].columns);
        (void)printf("%-34s %10zu %8.1f %8.1f", cases[i].what, t.total, t.median_ms, t.worst_ms);
        if (cases[i].sql) {
            (void)printf(" %12.1f", time_sql(s, cases[i].sql) + time_sql(s, cases[i].count));
        }
        (void)printf("\n");
    }
    listing_free(l);
    store_close(s);
    check(file_remove_tree(home, &err), &err);
    return 0;
}
