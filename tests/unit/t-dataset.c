/* catalog/dataset*: data sets as rows (REQUIREMENTS W3, W13; DESIGN 1): names, stems, what a scan
 * applies, sharing, removal. */
#include "catalog-fixture.h"

#include "catalog/dataset.h"

static int64_t number(struct fixture *f, const char *sql)
{
    int64_t n = -1;
    assert_ok(store_int(f->s, -1, &n, &f->err, sql, ""), f->err);
    return n;
}

static bool add(struct fixture *f, const char *name, const char *modality, int64_t *ret)
{
    json_t *args = json_pack("{s:I, s:s, s:[s], s:s}", "project", (json_int_t)f->p.id, "name", name,
                             "places", ".", "modality", modality);
    bool ok = dataset_add(f->s, args, ret, &f->err);
    json_decref(args);
    return ok;
}

static void apply(struct fixture *f, int64_t dataset, const char *text, int fresh, int changed)
{
    json_t *args = json_parse(text, strlen(text), "test", &f->err), *counts = json_object();
    assert_ok(args != NULL, f->err);
    assert_ok(json_put(args, "dataset", json_integer(dataset), &f->err), f->err);
    assert_ok(dataset_apply(f->s, args, counts, &f->err), f->err);
    assert_int_equal(json_get_int(counts, "new", -1), fresh);
    assert_int_equal(json_get_int(counts, "changed", -1), changed);
    json_decref(counts);
    json_decref(args);
}

#define NIFTI(path) "{\"kind\":\"nifti\",\"path\":\"" path "\",\"size\":9,\"mtime_ns\":1}"
#define DICOM(path, uid, number, many)                                                          \
    "{\"kind\":\"dicom\",\"path\":\"" path "\",\"uid\":\"" uid "\",\"number\":" #number         \
    ",\"description\":\"T1  MPRAGE (sag)\",\"many\":" #many ",\"modality\":\"MR\",\"spacing\":" \
    "[1,1,2.5],\"slices\":30}"

static void t_names(void **state)
{
    struct fixture *f = open_fixture();
    int64_t id = 0, other = 0;
    (void)state;
    assert_ok(add(f, "Chests", "CT", &id), f->err);
    assert_false(add(f, "chests", "", &other));
    assert_int_equal(f->err.code, ERR_EXISTS);
    assert_false(add(f, "a/b", "", &other));
    assert_int_equal(f->err.code, ERR_USAGE);
    assert_false(add(f, "id:3", "", &other));
    assert_false(add(f, "", "", &other));
    assert_false(add(f, "other", "ct; DROP", &other));
    assert_ok(dataset_find(f->s, "CHESTS", &other, NULL, &f->err), f->err);
    assert_int_equal(other, id);
    assert_ok(dataset_find(f->s, "id:1", &other, NULL, &f->err), f->err);
    assert_false(dataset_find(f->s, "heads", &other, NULL, &f->err));
    assert_int_equal(f->err.code, ERR_NOTHING);
    assert_non_null(strstr(f->err.text, "Chests"));
    close_fixture(f);
}

static void t_stems_are_places_of_their_own(void **state)
{
    struct fixture *f = open_fixture();
    int64_t id = 0;
    (void)state;
    assert_ok(add(f, "x", "", &id), f->err);
    apply(f, id,
          "{\"series\":[" NIFTI("p/a.nii.gz") "," NIFTI("p/a.nii") "," DICOM(
              "s.zip", "1.2", 3, true) "," DICOM("s.zip", "1.3", 4,
                                                 true) "," DICOM("one.zip", "1.4", 1,
                                                                 false) "," DICOM(".", "1.5", 7,
                                                                                  false) "]}",
          6, 0);
    json_t *rows = store_rows(f->s, &f->err, "SELECT stem FROM series ORDER BY item_id", "");
    static const char *const want[] = {
        "p/a", "p/a-", "s/003-t1-mprage-sag", "s/004-t1-mprage-sag", "one", "007-t1-mprage-sag"};
    assert_int_equal(json_array_size(rows), 6);
    for (size_t i = 0; i < 6; i++) {
        const char *stem = json_get_text(json_array_get(rows, i), "stem", "");
        assert_true(!strncmp(stem, want[i], strlen(want[i])) && (i == 1 || !strcmp(stem, want[i])));
    }
    json_decref(rows);
    /* what is read again keeps its place, even with another description */
    apply(f, id,
          "{\"series\":[{\"kind\":\"dicom\",\"path\":\"s.zip\",\"uid\":\"1.2\",\"number\":9,"
          "\"many\":true}]}",
          0, 1);
    assert_int_equal(
        number(f, "SELECT count(*) FROM series WHERE stem='s/003-t1-mprage-sag' AND number=9"), 1);
    assert_int_equal(
        number(f, "SELECT count(*) FROM item WHERE level='series' AND name LIKE 's.zip#%'"), 2);
    close_fixture(f);
}

static void t_modality_of_those_that_do_not_say_it(void **state)
{
    struct fixture *f = open_fixture();
    int64_t id = 0;
    json_t *args;
    (void)state;
    assert_ok(add(f, "x", "CT", &id), f->err);
    apply(f, id, "{\"series\":[" NIFTI("a.nii") "," DICOM("b", "1.2", 1, false) "],\"done\":true}",
          2, 0);
    assert_int_equal(number(f, "SELECT count(*) FROM series WHERE modality='CT' AND said=0"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM series WHERE modality='MR' AND said=1"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM dataset WHERE scanned_us>0"), 1);
    args = json_pack("{s:I, s:s, s:s}", "dataset", (json_int_t)id, "modality", "PT", "name", "X");
    assert_ok(dataset_change(f->s, args, &f->err), f->err);
    json_decref(args);
    assert_int_equal(number(f, "SELECT count(*) FROM series WHERE modality='PT'"), 1);
    /* read again: it still does not say it */
    apply(f, id, "{\"series\":[" NIFTI("a.nii") "]}", 0, 1);
    assert_int_equal(number(f, "SELECT count(*) FROM series WHERE modality='PT'"), 1);
    close_fixture(f);
}

static void t_lost_kept_and_shared(void **state)
{
    struct fixture *f = open_fixture();
    int64_t one = 0, two = 0;
    (void)state;
    assert_ok(add(f, "one", "", &one), f->err);
    assert_ok(add(f, "two", "CT", &two), f->err);
    apply(f, one, "{\"series\":[" NIFTI("a.nii") "," NIFTI("b.nii") "]}", 2, 0);
    apply(f, two, "{\"keep\":[1]}", 0, 0);
    assert_int_equal(number(f, "SELECT count(*) FROM dataset_item"), 3);
    assert_int_equal(number(f, "SELECT count(*) FROM series WHERE modality='CT'"), 1);
    apply(f, one, "{\"gone\":[1]}", 0, 0);
    assert_int_equal(number(f, "SELECT gone FROM item WHERE id=1"), 1);
    apply(f, two, "{\"keep\":[1]}", 0, 0);
    assert_int_equal(number(f, "SELECT gone FROM item WHERE id=1"), 0);
    /* what was worked on stays when its last data set goes */
    assert_ok(store_exec(f->s, &f->err,
                         "INSERT INTO annotation(item_id,version,state,t_us) VALUES(1,1,'draft',1)",
                         ""),
              f->err);
    assert_ok(dataset_remove(f->s, one, &f->err), f->err);
    assert_int_equal(number(f, "SELECT count(*) FROM item WHERE level='series'"), 1);
    assert_ok(dataset_remove(f->s, two, &f->err), f->err);
    assert_int_equal(number(f, "SELECT count(*) FROM series"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM dataset"), 0);
    assert_false(dataset_remove(f->s, two, &f->err));
    assert_int_equal(f->err.code, ERR_NOTHING);
    close_fixture(f);
}

static void t_paths_stay_in_the_project(void **state)
{
    struct fixture *f = open_fixture();
    static const char *const bad[] = {"/etc/passwd", "../x.nii", "a/../../x.nii", "a/..", ""};
    int64_t id = 0;
    (void)state;
    assert_ok(add(f, "x", "", &id), f->err);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *args = json_pack("{s:I, s:[{s:s, s:s}]}", "dataset", (json_int_t)id, "series",
                                 "kind", "nifti", "path", bad[i]),
               *counts = json_object();
        assert_false(dataset_apply(f->s, args, counts, &f->err));
        json_decref(counts);
        json_decref(args);
    }
    close_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_names),
        cmocka_unit_test(t_stems_are_places_of_their_own),
        cmocka_unit_test(t_modality_of_those_that_do_not_say_it),
        cmocka_unit_test(t_lost_kept_and_shared),
        cmocka_unit_test(t_paths_stay_in_the_project),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
