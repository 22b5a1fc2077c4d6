/* catalog/cohort*: what a scan found becomes rows (REQUIREMENTS J6, Q6, L6), and nothing when
 * nothing changed; tags in their domains; attributes. */
#include "catalog-fixture.h"

#include <unistd.h>
#include "catalog/cohort-attrs.h"
#include "catalog/cohort-scan.h"
#include "catalog/cohort-table.h"
#include "catalog/cohort.h"

static struct fixture *cohort_fixture(const char *layout)
{
    struct fixture *f = open_fixture();
    assert_ok(store_exec(f->s, &f->err, "UPDATE project SET layout=?1", "s", layout), f->err);
    project_fini(&f->p);
    assert_ok(project_by_id(f->s, 1, &f->p, &f->err), f->err);
    return f;
}

static int64_t number(struct fixture *f, const char *sql, const char *name)
{
    int64_t value = -1;
    assert_ok(store_int(f->s, -1, &value, &f->err, sql, "s", name), f->err);
    return value;
}

struct given {
    const char *name, *pid, *sid;
    struct found_file files[4];
};

/* One scan over these studies (up to an empty name), applied; how many pieces it took. */
static size_t scan(struct fixture *f, struct given *given, struct cohort_scan_report *ret)
{
    struct found_list none = {0};
    size_t pieces = 0;
    json_t *warnings = json_array(), *piece = NULL;
    struct cohort_scan *c = cohort_scan_begin(f->s, &f->p, warnings, &f->err);
    assert_ok(c != NULL, f->err);
    for (; given->name; given++) {
        struct found_study study = {.name = given->name,
                                    .pid = given->pid,
                                    .sid = given->sid,
                                    .files = given->files,
                                    .stirred_ns = 1000};
        while (study.n < 4 && given->files[study.n].name) {
            study.n++;
        }
        assert_ok(cohort_scan_study(c, &study, &f->err), f->err);
    }
    assert_ok(cohort_scan_finish(c, &none, &f->err), f->err);
    for (;;) {
        assert_ok(cohort_scan_piece(c, &piece, &f->err), f->err);
        if (!piece) {
            break;
        }
        assert_ok(cohort_apply(f->s, piece, &f->err), f->err);
        json_decref(piece);
        pieces++;
    }
    cohort_scan_report(c, ret);
    cohort_scan_end(c);
    assert_int_equal(json_array_size(warnings), 0);
    json_decref(warnings);
    return pieces;
}

#define FILE_OF(sub, name, size) \
    {                            \
        "", sub, name, size, 5   \
    }

static void t_a_scan_makes_rows_once(void **state)
{
    struct cohort_scan_report r;
    struct given given[] = {
        {"P1/S1", "P1", "S1", {FILE_OF("", "a b", 1), FILE_OF("x/y", "c//", 2)}},
        {"P1/20240512", "P1", "20240512", {FILE_OF("", "a", 1)}},
        {NULL, NULL, NULL, {{0}}},
    };
    (void)state;
    given[0].files[1].name = "c\nd"; /* any name but one with a slash */
    struct fixture *f = cohort_fixture("{subject}/{study}");
    assert_int_equal(scan(f, given, &r), 1);
    assert_int_equal(r.subjects, 1);
    assert_int_equal(r.studies, 2);
    assert_int_equal(r.new_studies, 2);
    assert_int_equal(r.added, 3);
    assert_int_equal(number(f, "SELECT count(*) FROM file WHERE name=?1 AND sub='x/y'", "c\nd"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM study WHERE date=?1", "2024-05-12"), 1);
    assert_int_equal(number(f, "SELECT files FROM study WHERE sid=?1", "S1"), 2);
    assert_int_equal(scan(f, given, &r), 0); /* nothing changed: nothing is written */
    assert_int_equal(r.files, 3);
    assert_int_equal(r.added + r.changed + r.gone, 0);
    given[0].files[0].size = 9;
    given[0].files[1].name = NULL;
    assert_int_equal(scan(f, given, &r), 1);
    assert_int_equal(r.changed, 1);
    assert_int_equal(r.gone, 1);
    assert_int_equal(number(f, "SELECT files FROM study WHERE sid=?1", "S1"), 1);
    close_fixture(f);
}

static void t_gone_and_back(void **state)
{
    struct cohort_scan_report r;
    struct given both[] = {{"P1/S1", "P1", "S1", {FILE_OF("", "a", 1)}},
                           {"P2/S1", "P2", "S1", {FILE_OF("", "a", 1)}},
                           {NULL, NULL, NULL, {{0}}}};
    struct given one[] = {{"P2/S1", "P2", "S1", {FILE_OF("", "a", 1)}}, {NULL, NULL, NULL, {{0}}}};
    (void)state;
    struct fixture *f = cohort_fixture("{subject}/{study}");
    (void)scan(f, both, &r);
    assert_ok(store_exec(f->s, &f->err, "UPDATE file SET tags='/keep/'", ""), f->err);
    (void)scan(f, one, &r);
    assert_int_equal(r.gone_studies, 1);
    assert_int_equal(number(f, "SELECT sum(gone) FROM item WHERE name LIKE ?1", "P1%"), 2);
    assert_int_equal(number(f, "SELECT sum(gone) FROM file WHERE name=?1", "a"), 1);
    (void)scan(f, both, &r);
    assert_int_equal(r.new_studies, 1);
    assert_int_equal(number(f, "SELECT sum(gone) FROM item WHERE name LIKE ?1", "P%"), 0);
    assert_int_equal(number(f, "SELECT count(*) FROM file WHERE gone=0 AND tags=?1", "/keep/"), 2);
    close_fixture(f);
}

/* More files in one study than an operation takes. */
static void t_a_large_study_comes_in_pieces(void **state)
{
    enum { MANY = 9001 };
    struct found_list none = {0};
    (void)state;
    struct fixture *f = cohort_fixture("{subject}");
    struct found_file *files = mem_array(MANY, sizeof *files, &f->err);
    char(*names)[8] = mem_array(MANY, sizeof *names, &f->err);
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%05zu", i);
        files[i] = (struct found_file){"", "", names[i], 1, 1};
    }
    struct found_study study = {
        .name = "big", .pid = "big", .sid = "", .files = files, .n = MANY, .stirred_ns = 1};
    json_t *warnings = json_array(), *piece = NULL;
    struct cohort_scan *c = cohort_scan_begin(f->s, &f->p, warnings, &f->err);
    assert_ok(c && cohort_scan_study(c, &study, &f->err), f->err);
    assert_ok(cohort_scan_finish(c, &none, &f->err), f->err);
    size_t pieces = 0;
    while (cohort_scan_piece(c, &piece, &f->err) && piece) {
        assert_ok(cohort_apply(f->s, piece, &f->err), f->err);
        json_decref(piece);
        pieces++;
    }
    assert_int_equal(pieces, 3);
    assert_int_equal(number(f, "SELECT files FROM study WHERE sid=?1", ""), MANY);
    cohort_scan_end(c);
    json_decref(warnings);
    mem_free(names);
    mem_free(files);
    close_fixture(f);
}

static void t_what_no_scan_found_is_refused(void **state)
{
    static const char *const wrong[] = {
        "{\"project\":1,\"studies\":[{\"name\":\"\",\"pid\":\"x\"}]}",
        "{\"project\":1,\"studies\":[{\"name\":\"/a\",\"pid\":\"x\"}]}",
        "{\"project\":1,\"studies\":[{\"name\":\"a\"}]}",
        "{\"project\":1,\"studies\":[{\"name\":\"a\",\"pid\":\"a\",\"files\":[\"1 2 \"]}]}",
        "{\"project\":1,\"studies\":[{\"name\":\"a\",\"pid\":\"a\",\"files\":[\"1 2 ////\"]}]}",
        "{\"project\":1,\"studies\":[{\"name\":\"a\",\"pid\":\"a\",\"files\":[\"1 2 ////b/c\"]}]}",
        "{\"project\":1,\"studies\":[{\"name\":\"a\",\"pid\":\"a\",\"files\":[7]}]}",
    };
    (void)state;
    struct fixture *f = cohort_fixture("{subject}");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *args = json_parse(wrong[i], strlen(wrong[i]), "test", &f->err);
        assert_ok(args != NULL, f->err);
        assert_false(cohort_apply(f->s, args, &f->err));
        assert_int_equal(f->err.code, ERR_USAGE);
        json_decref(args);
    }
    close_fixture(f);
}

static bool tag(struct fixture *f, const char *text, int64_t *changed)
{
    json_t *args = json_parse(text, strlen(text), "test", &f->err);
    assert_ok(args != NULL, f->err);
    bool ok = cohort_tag(f->s, args, changed, &f->err);
    json_decref(args);
    return ok;
}

/* Q6: exact members of /a/b/, in three domains. */
static void t_tags_are_exact_members_in_three_domains(void **state)
{
    struct cohort_scan_report r;
    struct given given[] = {{"P1/S1", "P1", "S1", {FILE_OF("", "a", 1)}},
                            {NULL, NULL, NULL, {{0}}}};
    int64_t n = 0;
    (void)state;
    struct fixture *f = cohort_fixture("{subject}/{study}");
    (void)scan(f, given, &r); /* item 1 the subject, item 2 the study, file 1 */
    assert_ok(
        tag(f, "{\"project\":1,\"domain\":\"file\",\"ids\":[1],\"tags\":[\"mask\",\"ma\"]}", &n),
        f->err);
    assert_int_equal(n, 1);
    assert_ok(
        tag(f, "{\"project\":1,\"domain\":\"file\",\"ids\":[1],\"tag\":\"ma\",\"add\":false}", &n),
        f->err);
    assert_int_equal(number(f, "SELECT count(*) FROM file WHERE tags=?1", "/mask/"), 1);
    assert_ok(tag(f, "{\"project\":1,\"domain\":\"study\",\"items\":[2],\"tag\":\"mask\"}", &n),
              f->err);
    assert_ok(tag(f, "{\"project\":1,\"domain\":\"subject\",\"ids\":[1],\"tag\":\"old\"}", &n),
              f->err);
    assert_int_equal(number(f, "SELECT count(*) FROM item WHERE tags=?1", "/mask/"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM item WHERE tags=?1", "/old/"), 1);
    assert_ok(tag(f, "{\"project\":1,\"domain\":\"study\",\"items\":[2],\"tag\":\"mask\"}", &n),
              f->err);
    assert_int_equal(n, 0); /* it has it */
    assert_false(tag(f, "{\"project\":1,\"domain\":\"study\",\"ids\":[1],\"tag\":\"x\"}", &n));
    assert_int_equal(f->err.code, ERR_NOTHING); /* a subject is no study */
    assert_false(tag(f, "{\"project\":2,\"domain\":\"file\",\"ids\":[1],\"tag\":\"x\"}", &n));
    assert_false(tag(f, "{\"project\":1,\"domain\":\"file\",\"ids\":[1],\"tag\":\"a/b\"}", &n));
    assert_int_equal(f->err.code, ERR_USAGE);
    assert_false(tag(f, "{\"project\":1,\"domain\":\"room\",\"ids\":[1],\"tag\":\"a\"}", &n));
    assert_false(tag(f, "{\"project\":1,\"domain\":\"file\",\"ids\":[],\"tag\":\"a\"}", &n));
    close_fixture(f);
}

/* L6, L9: an output of a task is a file of its study at once, with its tag. */
static void t_an_output_becomes_a_file(void **state)
{
    struct cohort_scan_report r;
    struct given given[] = {{"P1/S1", "P1", "S1", {FILE_OF("", "a", 1)}},
                            {NULL, NULL, NULL, {{0}}}};
    int64_t id = 0, again = 0;
    (void)state;
    struct fixture *f = cohort_fixture("{subject}/{study}");
    (void)scan(f, given, &r);
    char *folder = cohort_out_folder(f->s, 2, "batch", &f->err);
    char *want = mem_printf(&f->err, "%s/P1/S1", f->p.root);
    assert_string_equal(folder, want);
    char *deep = mem_printf(&f->err, "%s/masks/x", folder);
    char *path = mem_printf(&f->err, "%s/brain.nii", deep);
    char *stray = mem_printf(&f->err, "%s/P1/brain.nii", f->p.root);
    assert_ok(file_mkdirs(deep, 0755, &f->err) && file_put(path, "x", 1, &f->err) &&
                  file_put(stray, "x", 1, &f->err),
              f->err);
    assert_ok(cohort_take(f->s, 1, path, "mask,brain", &id, &f->err), f->err);
    assert_true(id > 0);
    assert_int_equal(
        number(f, "SELECT count(*) FROM file WHERE sub='masks/x' AND tags=?1", "/mask/brain/"), 1);
    assert_ok(cohort_find(f->s, 1, path, &again, &f->err), f->err);
    assert_int_equal(again, id);
    assert_ok(cohort_take(f->s, 1, stray, NULL, &id, &f->err), f->err);
    assert_int_equal(id, 0); /* in no study */
    char *away = mem_printf(&f->err, "%s/../../brain.nii", folder);
    assert_ok(cohort_promise(f->s, 1, away, NULL, &id, &f->err), f->err);
    assert_int_equal(id, 0); /* nor is this one, whatever it begins with */
    mem_free(away);
    json_t *names = cohort_names(f->s, 2, &f->err);
    assert_string_equal(json_get_text(names, "psid", ""), "P1#S1");
    json_decref(names);
    mem_free(stray);
    mem_free(path);
    mem_free(deep);
    mem_free(want);
    mem_free(folder);
    close_fixture(f);
}

static void t_outputs_of_bids_go_to_derivatives(void **state)
{
    struct cohort_scan_report r;
    struct given given[] = {{"sub-1/ses-1", "sub-1", "ses-1", {FILE_OF("anat", "a", 1)}},
                            {NULL, NULL, NULL, {{0}}}};
    int64_t id = 0;
    (void)state;
    struct fixture *f = cohort_fixture("bids");
    (void)scan(f, given, &r);
    char *folder = cohort_out_folder(f->s, 2, "qa", &f->err);
    char *path = mem_printf(&f->err, "%s/m.nii", folder);
    assert_ok(file_mkdirs(folder, 0755, &f->err) && file_put(path, "x", 1, &f->err), f->err);
    assert_ok(cohort_take(f->s, 1, path, NULL, &id, &f->err), f->err);
    assert_int_equal(
        number(f, "SELECT count(*) FROM file WHERE name='m.nii' AND place=?1", "derivatives/qa"),
        1);
    mem_free(path);
    mem_free(folder);
    folder = cohort_out_folder(f->s, 1, "qa", &f->err);
    assert_true(str_ends(folder, "/derivatives/qa/sub-1/ses-1"));
    mem_free(folder);
    close_fixture(f);
}

static void table(const char *text, const char *want)
{
    struct err err = {0};
    json_t *t = cohort_table_parse(text, strlen(text), "t.tsv", "id", &err);
    char *line = t ? json_text(t, &err) : NULL;
    assert_string_equal(line ? line : err.text, want);
    mem_free(line);
    json_decref(t);
}

static void t_tables_become_attributes(void **state)
{
    (void)state;
    table("id\tage\tsex\na\t23\tF\nb\tn/a\t\n", "{\"a\":{\"age\":23,\"sex\":\"F\"},\"b\":{}}");
    table("age,id\n1.5,a\n2,a\n", "{\"a\":{\"age\":1.5}}"); /* the first one stays */
    table("id\tcode\na\t007\nb\t1e3\nc\t 5\nd\t12345678901234567890\n",
          "{\"a\":{\"code\":\"007\"},\"b\":{\"code\":1000.0},\"c\":{\"code\":\" 5\"},"
          "\"d\":{\"code\":\"12345678901234567890\"}}");
    table("name\tage\na\t1\n", "t.tsv has no column 'id'");
    table("", "t.tsv has no column 'id'");
    table("id\tx\n\"a\t1\n", "t.tsv, line 2: a quote is never closed");
    table("id\tx\n\xff\t1\n", "t.tsv: a name in the column of ids is not valid UTF-8");
}

static void t_imported_attributes_are_laid_over(void **state)
{
    static const char rows[] =
        "{\"project\":1,\"rows\":[{\"subject\":\"1\",\"age\":30,\"sex\":\"F\"},"
        "{\"subject\":\"sub-1\",\"study\":\"1\",\"weight\":70},"
        "{\"subject\":\"sub-1\",\"sex\":null},{\"subject\":\"nobody\",\"age\":1}]}";
    struct cohort_scan_report r;
    struct cohort_attrs a = {.unknown = NULL};
    struct given given[] = {{"sub-1/ses-1", "sub-1", "ses-1", {FILE_OF("", "a", 1)}},
                            {NULL, NULL, NULL, {{0}}}};
    (void)state;
    struct fixture *f = cohort_fixture("bids");
    (void)scan(f, given, &r);
    json_t *args = json_parse(rows, sizeof rows - 1, "test", &f->err);
    assert_ok(args && cohort_attrs_import(f->s, args, &a, &f->err), f->err);
    assert_int_equal(a.subjects, 2);
    assert_int_equal(a.studies, 1);
    assert_int_equal(a.n_unknown, 1);
    assert_int_equal(number(f, "SELECT count(*) FROM item WHERE attrs=?1", "{\"age\":30}"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM item WHERE attrs=?1", "{\"weight\":70}"), 1);
    json_t *list = cohort_attrs_list(f->s, 1, &f->err);
    assert_int_equal(json_array_size(list), 2);
    json_decref(list);
    json_decref(a.unknown);
    json_decref(args);
    close_fixture(f);
}

int main(void)
{
    json_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_a_scan_makes_rows_once),
        cmocka_unit_test(t_gone_and_back),
        cmocka_unit_test(t_a_large_study_comes_in_pieces),
        cmocka_unit_test(t_what_no_scan_found_is_refused),
        cmocka_unit_test(t_tags_are_exact_members_in_three_domains),
        cmocka_unit_test(t_an_output_becomes_a_file),
        cmocka_unit_test(t_outputs_of_bids_go_to_derivatives),
        cmocka_unit_test(t_tables_become_attributes),
        cmocka_unit_test(t_imported_attributes_are_laid_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
