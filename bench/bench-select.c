/* Selectors over a cohort: what the first page costs, and all of it.
 * usage: bench-select [STUDIES [FILES_A_STUDY]]   (default 10000 100) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "catalog/pattern.h"
#include "codec/json.h"
#include "os/file.h"

#define REPEATS 7
#define PAGE 100

static void check(bool ok, const struct err *err)
{
    if (!ok) {
        (void)fprintf(stderr, "bench: %s\n", err->text);
        exit(1);
    }
}

static void fill_studies(struct store *s, int64_t studies)
{
    struct err err = {0};
    check(store_exec(s, &err,
                     "INSERT INTO project(id,name,root,rec,attempts,created_us)"
                     " VALUES(1,'p','/d','/d_rec','/nowhere',0)",
                     ""),
          &err);
    check(store_exec(s, &err,
                     "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<?1/2)"
                     "INSERT INTO item(id,project_id,level,name,tags,added_us,changed_us) "
                     "SELECT i,1,'subject',printf('P%05d',i),CASE WHEN i%4 THEN '/' ELSE "
                     "'/training/' END,0,0 FROM c",
                     "i", studies),
          &err);
    check(store_exec(s, &err,
                     "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<?1)"
                     "INSERT INTO item(id,project_id,level,name,tags,added_us,changed_us) "
                     "SELECT 1000000+i,1,'study',printf('P%05d/S%d',(i+1)/2,i%2),CASE WHEN i%10 "
                     "THEN '/' ELSE '/qc_ok/' END,0,0 FROM c",
                     "i", studies),
          &err);
    check(store_exec(s, &err,
                     "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<?1)"
                     "INSERT INTO study(item_id,subject_id,sid,date) "
                     "SELECT 1000000+i,(i+1)/2,printf('S%d',i%2),printf('20%02d-01-01',i%30) "
                     "FROM c",
                     "i", studies),
          &err);
}

/* Every study has the same folders and names, but for one mask named after it; a few of the last
 * studies have a name, a folder and a tag that no other has. */
static void fill_files(struct store *s, int64_t studies, int64_t files)
{
    struct err err = {0};
    check(store_exec(
              s, &err,
              "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<?1*?2-1)"
              "INSERT INTO file(study_id,sub,name,size,tags) SELECT 1000001+i/?2,"
              "CASE WHEN i%?2=1 AND i/?2>=?1-8 THEN 'odd_scan' ELSE CASE i%5 WHEN 0 THEN 't1_mpr' "
              "WHEN 1 THEN 't2_tse' WHEN 2 THEN 'dwi/raw' WHEN 3 THEN 'META' ELSE 'ROIS' END END,"
              "CASE WHEN i%?2=?2-1 THEN printf('mask_%05d.nii.gz',i/?2) "
              "WHEN i%?2=4 AND i/?2>=?1-8 THEN 'lesion.nii.gz' "
              "ELSE printf('s%03d.nii',i%?2) END,100000+i%1000,"
              "CASE WHEN i%?2=?2-1 THEN '/mask/' WHEN i%?2=9 AND i/?2>=?1-8 THEN '/odd/' "
              "ELSE '/' END FROM c",
              "ii", studies, files),
          &err);
}

struct page {
    size_t n, most;
};

static bool count(void *arg, const struct pattern_file *file, struct err *err)
{
    struct page *p = arg;
    (void)file;
    (void)err;
    return ++p->n < p->most;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Milliseconds of the whole question: who, and which files. */
static int64_t ask(struct store *s, const char *who, const char *what, struct page *page)
{
    struct err err = {0};
    int64_t begin = clock_mono_us(), *ids = NULL;
    size_t n = 0;
    check(pattern_studies(s, 1, who, &ids, &n, &err) &&
              pattern_files(s, 1, ids, n, what, count, page, &err),
          &err);
    mem_free(ids);
    return clock_mono_us() - begin;
}

static const struct {
    const char *who, *what;
} cases[] = {
    {"*", "t1*/s0__.nii"},
    {"*", "ROIS/mask*.nii.gz"},
    {"*", "*/lesion*"},
    {"*", "ROIS/_esion.nii.gz"},
    {"*", "odd*/s0__.nii"},
    {"*", "*/nothing*"},
    {"*", "*/*nothing"},
    {"*", "t1*/*.nii NTH(-1)"},
    {"*", "tag:mask"},
    {"*", "tag:odd"},
    {"P0*#LATEST", "META/*"},
    {"stag:qc_ok", "*/lesion*"},
    {"ptag:training", "tag:odd"},
    {"P04999", "*/s0__.nii"},
};

int main(int argc, char **argv)
{
    struct err err = {0};
    int64_t studies = 10000, files = 100;
    char home[] = "/tmp/gantry-bench-select-XXXXXX";
    if ((argc > 1 && !num_int64(argv[1], &studies)) || (argc > 2 && !num_int64(argv[2], &files)) ||
        studies < 20 || files < 20) {
        (void)fprintf(stderr, "usage: bench-select [STUDIES [FILES_A_STUDY]]\n");
        return 2;
    }
    json_setup();
    if (!mkdtemp(home)) {
        return 1;
    }
    struct store *s = store_open(home, STORE_WRITE, &err);
    check(s != NULL && store_begin(s, &err), &err);
    fill_studies(s, studies);
    fill_files(s, studies, files);
    check(store_commit(s, &err), &err);
    store_close(s);
    s = store_open(home, STORE_READ, &err);
    check(s != NULL, &err);
    (void)printf("%" PRId64 " files in %" PRId64 " studies\n\n%-14s %-20s %9s %8s %8s %8s\n",
                 studies * files, studies, "subjects", "files", "found", "first ms", "worst",
                 "all ms");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t took[REPEATS];
        struct page all = {0, SIZE_MAX};
        for (int k = 0; k < REPEATS; k++) {
            struct page page = {0, PAGE};
            took[k] = ask(s, cases[i].who, cases[i].what, &page);
        }
        qsort(took, REPEATS, sizeof *took, by_time);
        int64_t whole = ask(s, cases[i].who, cases[i].what, &all);
        (void)printf("%-14s %-20s %9zu %8.1f %8.1f %8.1f\n", cases[i].who, cases[i].what, all.n,
                     (double)took[REPEATS / 2] / 1e3, (double)took[REPEATS - 1] / 1e3,
                     (double)whole / 1e3);
    }
    store_close(s);
    check(file_remove_tree(home, &err), &err);
    return 0;
}
