/* discover/cohort-walk: whose file is it (REQUIREMENTS J2, J6), and what is left out. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "discover/cohort-walk.h"
#include "discover/walk.h"

static void put(const char *root, const char *name)
{
    struct err err;
    char *path = mem_printf(&err, "%s/%s", root, name);
    assert_non_null(path);
    for (char *p = strchr(path + strlen(root) + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void)mkdir(path, 0755);
        *p = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
    mem_free(path);
}

static void put_all(const char *root, const char *const *names)
{
    for (; *names; names++) {
        put(root, *names);
    }
}

/* "pid#sid name: place,sub,name place,sub,name; ..." of everything that is found. */
static void finds(const char *root, const char *layout, const char *want, const char *items)
{
    struct err err = {0};
    struct layout l;
    struct found_list list = {0};
    struct str got = STR_INIT, others = STR_INIT;
    assert_ok(layout_parse(layout, &l, &err), err);
    struct cohort_walk *w = cohort_walk_begin(root, &l, &list, &err);
    assert_ok(w != NULL, err);
    const struct found_study *f = NULL;
    for (;;) {
        assert_ok(cohort_walk_next(w, &f, &err), err);
        if (!f) {
            break;
        }
        str_addf(&got, "%s%s#%s %s:", got.len ? "; " : "", f->pid, f->sid, f->name);
        for (size_t i = 0; i < f->n; i++) {
            str_addf(&got, " %s,%s,%s", f->files[i].place, f->files[i].sub, f->files[i].name);
            assert_int_equal(f->files[i].size, 1);
        }
        assert_true(f->stirred_ns > 0);
    }
    for (size_t i = 0; i < list.n; i++) {
        str_addf(&others, "%s%s", i ? "|" : "", list.files[i].name);
    }
    assert_string_equal(str_text(&got), want);
    assert_string_equal(str_text(&others), items);
    cohort_walk_end(w);
    found_list_fini(&list);
    str_fini(&got);
    str_fini(&others);
}

static void t_every_file_belongs_to_a_study(void **state)
{
    static const char *const names[] = {"P02/S1/T1w.nii.gz",
                                        "P01/S2/anat/deep/x.nii",
                                        "P01/S2/notes.txt",
                                        "P01/S1/.hidden",
                                        "P01/S1/a.nii.prov.json",
                                        "P01/S1/a.nii",
                                        "P01/S1/out_rec/b.nii",
                                        "P01/S1/try_center/c.nii",
                                        "P01/stray.nii",
                                        "P01/note.txt",
                                        "README",
                                        "P01/S1/scan.h5",
                                        "top.h5",
                                        "P03/S1/.gantry-1/half.nii",
                                        NULL};
    (void)state;
    char *root = test_folder("cohort");
    put_all(root, names);
    finds(root, "{subject}/{study}",
          "P01#S1 P01/S1: ,,a.nii ,,scan.h5; P01#S2 P01/S2: ,,notes.txt ,anat/deep,x.nii; "
          "P02#S1 P02/S1: ,,T1w.nii.gz; P03#S1 P03/S1:",
          "P01/S1/scan.h5|top.h5");
    /* one study a subject: what was a study is a subfolder */
    finds(root, "{subject}",
          "P01# P01: ,,note.txt ,,stray.nii ,S1,a.nii ,S1,scan.h5 ,S2,notes.txt "
          ",S2/anat/deep,x.nii; P02# P02: ,S1,T1w.nii.gz; P03# P03:",
          "P01/S1/scan.h5|top.h5");
    mem_free(root);
}

static void t_bids_has_sessions_or_none_and_derivatives(void **state)
{
    static const char *const names[] = {"dataset_description.json",
                                        "sub-01/ses-1/anat/sub-01_T1w.nii.gz",
                                        "sub-01/ses-2/anat/sub-01_T1w.nii.gz",
                                        "sub-01/sub-01_sessions.tsv",
                                        "sub-02/anat/sub-02_T1w.nii.gz",
                                        "derivatives/qa/sub-01/ses-1/anat/mask.nii.gz",
                                        "derivatives/qa/sub-02/mask.nii.gz",
                                        "derivatives/fs/sub-02/mask.nii.gz",
                                        "derivatives/qa/sub-99/mask.nii.gz",
                                        "derivatives/qa/dataset_description.json",
                                        "sourcedata/sub-01/raw.zip",
                                        "code/x.nii",
                                        NULL};
    (void)state;
    char *root = test_folder("bids");
    put_all(root, names);
    finds(root, "bids",
          "sub-01#ses-1 sub-01/ses-1: derivatives/qa,anat,mask.nii.gz ,anat,sub-01_T1w.nii.gz; "
          "sub-01#ses-2 sub-01/ses-2: ,anat,sub-01_T1w.nii.gz; "
          "sub-02# sub-02: derivatives/fs,,mask.nii.gz derivatives/qa,,mask.nii.gz "
          ",anat,sub-02_T1w.nii.gz",
          "sourcedata/sub-01/raw.zip");
    mem_free(root);
}

/* A link counts as a file when it stays inside; names that are no text and folders that nobody may
 * read are said. */
static void t_odd_entries_are_said(void **state)
{
    struct err err = {0};
    struct layout l;
    struct found_list list = {0};
    const struct found_study *f = NULL;
    const char *example = "";
    (void)state;
    char *root = test_folder("odd");
    put(root, "P01/S1/a.nii");
    put(root, "P01/S1/shut/b.nii");
    put(root, "P01/\xff/c.nii");
    put(root, "P01/S2"); /* a file where a study should be */
    put(root, "P01/x.nii");
    char *link = mem_printf(&err, "%s/P01/S1/in.nii", root);
    char *out = mem_printf(&err, "%s/P01/S1/out.nii", root);
    char *shut = mem_printf(&err, "%s/P01/S1/shut", root);
    assert_int_equal(symlink("a.nii", link), 0);
    assert_int_equal(symlink("/etc/passwd", out), 0);
    assert_int_equal(chmod(shut, 0), 0);
    assert_ok(layout_parse("{subject}/{study}", &l, &err), err);
    struct cohort_walk *w = cohort_walk_begin(root, &l, &list, &err);
    assert_ok(w && cohort_walk_next(w, &f, &err), err);
    if (!f) {
        fail_msg("no study was found");
        return;
    }
    bool root_reads_all = geteuid() == 0;
    assert_int_equal(f->n, root_reads_all ? 3 : 2);
    assert_int_equal(f->unread, !root_reads_all);
    assert_string_equal(f->files[1].name, "in.nii");
    assert_ok(cohort_walk_next(w, &f, &err), err);
    assert_null(f);
    assert_int_equal(list.bad_names, 1);
    assert_int_equal(list.n_left, 2);
    assert_int_equal(cohort_walk_strays(w, &example), 1);
    assert_string_equal(example, "P01/x.nii");
    assert_int_equal(chmod(shut, 0755), 0);
    cohort_walk_end(w);
    found_list_fini(&list);
    mem_free(shut);
    mem_free(out);
    mem_free(link);
    mem_free(root);
}

static void guessed(const char *const *names, const char *want)
{
    struct err err = {0};
    struct found_list list;
    char *root = test_folder("guess");
    put_all(root, names);
    assert_ok(walk_folder(root, &list, &err), err);
    assert_string_equal(cohort_guess(root, &list), want);
    found_list_fini(&list);
    mem_free(root);
}

static void t_auto_looks_where_the_images_lie(void **state)
{
    (void)state;
    guessed((const char *const[]){"a.h5", "b/c.h5", "mask.nii.gz", NULL}, "scans");
    guessed((const char *const[]){"P1/S1/T1.nii", "P1/x.nii", NULL}, "{subject}/{study}");
    guessed((const char *const[]){"P1/S1/a/b/T1.nii", NULL}, "{subject}/{study}");
    guessed((const char *const[]){"P1/T1.nii", NULL}, "{subject}");
    guessed((const char *const[]){"sub-1/anat/T1.nii.gz", NULL}, "bids");
    guessed((const char *const[]){"dataset_description.json", "P1/S1/T1.nii.gz", NULL}, "bids");
    guessed((const char *const[]){"dataset_description.json", "a.h5", NULL}, "scans");
    guessed((const char *const[]){NULL}, "scans");
}

static bool walk_all(void *arg, struct err *err)
{
    struct layout l;
    struct found_list list = {0};
    const struct found_study *f = NULL;
    if (!layout_parse("bids", &l, err)) {
        return false;
    }
    struct cohort_walk *w = cohort_walk_begin(arg, &l, &list, err);
    bool ok = w != NULL;
    do {
        ok = ok && cohort_walk_next(w, &f, err);
    } while (ok && f);
    cohort_walk_end(w);
    found_list_fini(&list);
    return ok;
}

static void t_no_memory_is_an_error(void **state)
{
    (void)state;
    char *root = test_folder("memory");
    put(root, "sub-01/ses-1/anat/a.nii");
    put(root, "sub-02/b.zip");
    put(root, "derivatives/x/sub-02/c.nii");
    test_every_failure(walk_all, root);
    mem_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_every_file_belongs_to_a_study),
        cmocka_unit_test(t_bids_has_sessions_or_none_and_derivatives),
        cmocka_unit_test(t_odd_entries_are_said),
        cmocka_unit_test(t_auto_looks_where_the_images_lie),
        cmocka_unit_test(t_no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
