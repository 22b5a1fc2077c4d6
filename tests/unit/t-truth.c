/* Which mask or label belongs to which series (W8: validations on the results). */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include "base/path.h"
#include "model/truth.h"
#include "os/file.h"

static void put(const char *folder, const char *name)
{
    struct err err = {ERR_NONE, ""};
    char *path = path_join(folder, name, &err), *parent = path_dir(path, &err);
    assert_ok(file_mkdirs(parent, 0777, &err), err);
    assert_ok(file_put(path, "x", 1, &err), err);
    mem_free(parent);
    mem_free(path);
}

/* What is found for a series, relative to the folder; or the reason. */
static const char *find(struct truth *t, const char *folder, struct truth_key key)
{
    static char why[TRUTH_WHY];
    const char *found = truth_find(t, &key, why);
    return !found ? why : folder ? found + strlen(folder) + 1 : found;
}

#define assert_found(t, folder, wanted, ...) \
    assert_string_equal(find(t, folder, (struct truth_key){__VA_ARGS__}), wanted)

static void folders(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    static const char *const files[] = {"p1/day/ct.nii.gz",
                                        "p2_day_ct_seg.nii",
                                        "case_7.nii.gz",
                                        "1.2.840.nii.gz",
                                        "deep/er/lung.nii",
                                        "x/mask.nii.gz",
                                        "twice/a/two.nii.gz",
                                        "twice/b/two.nii.gz",
                                        "own.nii.gz",
                                        "own_mask.NII.GZ",
                                        "notes.txt",
                                        ".hidden.nii",
                                        NULL};
    /* path, stem, uid, own */
    static const struct truth_key series[] = {
        {1, "p1/day/ct.nii.gz", "p1/day/ct", "", "/d/1"},
        {2, "p2/day/ct.nii.gz", "p2/day/ct", "", "/d/2"},
        {3, "case_7_0000.nii.gz", "case_7_0000", "", "/d/3"},
        {4, "scans/a.zip", "scans/a-1", "1.2.840", "/d/4"},
        {5, "s/lung.nii.gz", "s/lung", "", "/d/5"},
        {6, "x.nii", "x", "", "/d/6"},
        {7, "s/two.nii.gz", "s/two", "", "/d/7"},
        {8, "nothing.nii", "nothing", "", "/d/8"},
        {9, "p3/day/ct.nii.gz", "p3/day/ct", "", "/d/9"},
        {10, "z/own.nii.gz", "z/own", "", NULL},
    };
    static const char *const wanted[] = {"p1/day/ct.nii.gz",
                                         "p2_day_ct_seg.nii",
                                         "case_7.nii.gz",
                                         "1.2.840.nii.gz",
                                         "deep/er/lung.nii",
                                         "x/mask.nii.gz",
                                         "several masks have the name two",
                                         "no mask for it",
                                         "no mask for it",
                                         "own.nii.gz"};
    char *folder = test_folder("truth");
    for (size_t i = 0; files[i]; i++) {
        put(folder, files[i]);
    }
    struct truth *t = truth_open(folder, &err);
    assert_non_null(t);
    assert_false(truth_is_table(t));
    assert_int_equal(truth_count(t), 10);
    for (size_t i = 0; i < 10; i++) {
        assert_ok(truth_note(t, &series[i], &err), err);
    }
    for (size_t i = 0; i < 10; i++) {
        assert_string_equal(find(t, folder, series[i]), wanted[i]);
    }
    /* the image itself beside its mask */
    char *own = path_join(folder, "own.nii.gz", &err);
    assert_found(t, folder, "own_mask.NII.GZ", 11, "own.nii.gz", "own", "", own);
    mem_free(own);
    truth_free(t);
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(folder);
}

static struct truth *table(const char *text, struct err *err)
{
    return truth_parse(text, strlen(text), "labels.csv", err);
}

static void tables(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    struct truth *t = table("Label;age;File;id\n"
                            "yes;50;./a/ct.nii.gz;\n"
                            "no;40;b.zip;\n"
                            ";30;c;\n"
                            "no;20;;17\n"
                            "yes;1;d;\nno;1;d;\nno;1;e;\nno;2;e;\n",
                            &err);
    assert_non_null(t);
    assert_true(truth_is_table(t));
    static const struct truth_key one = {1, "a/ct.nii.gz", "a/ct", "", NULL};
    assert_ok(truth_note(t, &one, &err), err);
    assert_found(t, NULL, "yes", 1, "a/ct.nii.gz", "a/ct", "", NULL);
    assert_found(t, NULL, "no", 2, "z/b.zip", "z/b-1", "1.2", NULL);
    assert_found(t, NULL, "no row of the table is about it", 3, "c.nii", "c", "", NULL);
    assert_found(t, NULL, "no", 17, "q.nii", "q", "", NULL);
    assert_found(t, NULL, "rows 6 and 7 of the table contradict each other", 4, "d", "d", "", NULL);
    assert_found(t, NULL, "no", 5, "e.nii", "e", "", NULL);
    truth_free(t);
    t = table("a,1\nb.nii,0\n", &err); /* without a heading */
    assert_non_null(t);
    assert_int_equal(truth_count(t), 2);
    assert_found(t, NULL, "0", 1, "x/b.nii.gz", "x/b", "", NULL);
    truth_free(t);
    static const char *const bad[] = {"", "name,label\n", "\"open", "one\ntwo\n", NULL};
    for (size_t i = 0; bad[i]; i++) {
        assert_null(table(bad[i], &err));
        assert_true(err.text[0] != '\0');
    }
}

static bool everything(void *arg, struct err *err)
{
    static const struct truth_key key = {1, "a/ct.nii.gz", "a/ct", "", NULL};
    struct truth *t = arg ? truth_open(arg, err) : table("name,label\na,1\n", err);
    bool ok = t && truth_note(t, &key, err);
    truth_free(t);
    return ok;
}

static void without_memory(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    char *folder = test_folder("truth-memory");
    put(folder, "deep/a.nii.gz");
    test_every_failure(everything, NULL);
    test_every_failure(everything, folder);
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders),
        cmocka_unit_test(tables),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
