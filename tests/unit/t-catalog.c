/* The catalog over a store in a scratch home: projects, what a refresh applies, what is judged,
 * CORs in files, Fix COR Outliers. */
#include "catalog-fixture.h"

#include <math.h>
#include <unistd.h>
#include "catalog/cor.h"
#include "catalog/corfile.h"
#include "catalog/diff.h"
#include "catalog/fix.h"
#include "catalog/judge.h"

static void judge(struct fixture *f)
{
    json_t *rows = judge_rows(f->s, &f->p, judge_pct(&f->p, -1), NULL, 0, &f->err);
    assert_ok(rows != NULL, f->err);
    json_t *args = json_pack("{s:I, s:o}", "project", (json_int_t)f->p.id, "rows", rows);
    assert_ok(apply_scan(f->s, args, &f->err), f->err);
    json_decref(args);
}

static char *text_of(struct fixture *f, const char *name, const char *what)
{
    char *text = NULL;
    bool status = !strcmp(what, "status");
    assert_ok(status ? store_text(f->s, &text, &f->err, "SELECT status FROM item WHERE name=?1",
                                  "s", name)
                     : store_text(f->s, &text, &f->err,
                                  "SELECT skip_reason FROM item WHERE name=?1", "s", name),
              f->err);
    return text;
}

static void status_is(struct fixture *f, const char *name, const char *want)
{
    char *status = text_of(f, name, "status");
    assert_string_equal(status, want);
    mem_free(status);
}

static double cor_of(struct fixture *f, const char *name)
{
    json_t *rows = store_rows(f->s, &f->err, "SELECT cor FROM item WHERE name=?1", "s", name);
    double cor = json_get_double(json_array_get(rows, 0), "cor", NAN);
    json_decref(rows);
    return cor;
}

static void set_cor(struct fixture *f, const char *name, double cor, const char *source)
{
    assert_ok(cor_write(f->s, id_of(f, name), cor, source, NAN, 0, 0, NULL, &f->err), f->err);
}

/* --- projects */

static void t_projects(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    struct project p;
    bool found = false, is_new = true;
    char *below = mem_printf(&f->err, "%s/data/sub/deep", f->home);
    char *rec = mem_printf(&f->err, "%s/data_rec/x", f->home);
    char *other = mem_printf(&f->err, "%s/more/data", f->home);
    assert_string_equal(f->p.name, "data");
    assert_true(str_ends(f->p.rec, "/data_rec"));
    assert_true(str_ends(f->p.attempts, "/data/.gantry/attempts"));
    assert_ok(project_of_folder(f->s, below, &p, &found, &f->err), f->err);
    assert_true(found && p.id == f->p.id);
    project_fini(&p);
    assert_ok(project_of_folder(f->s, rec, &p, &found, &f->err), f->err);
    assert_true(found && p.id == f->p.id);
    project_fini(&p);
    assert_ok(project_of_folder(f->s, f->home, &p, &found, &f->err), f->err);
    assert_false(found);
    assert_ok(file_mkdirs(other, 0755, &f->err), f->err);
    assert_ok(project_add(f->s, other, NULL, &p, &is_new, &f->err), f->err);
    assert_true(is_new);
    assert_string_equal(p.name, "data-2");
    project_fini(&p);
    assert_false(project_add(f->s, other, "data", &p, &is_new, &f->err));
    assert_int_equal(f->err.code, ERR_EXISTS);
    assert_ok(project_add(f->s, other, "second", &p, &is_new, &f->err), f->err);
    assert_false(is_new);
    assert_string_equal(p.name, "second");
    project_fini(&p);
    assert_ok(project_by_name(f->s, other, &p, &f->err), f->err);
    project_fini(&p);
    assert_false(project_by_name(f->s, "nobody", &p, &f->err));
    assert_int_equal(f->err.code, ERR_NOTHING);
    assert_non_null(strstr(f->err.text, "data, second"));
    assert_false(project_add(f->s, "/", NULL, &p, &is_new, &f->err));
    assert_int_equal(f->err.code, ERR_USAGE);
    mem_free(below);
    mem_free(rec);
    mem_free(other);
    close_fixture(f);
}

/* --- rows */

static void t_E_X23_judged_and_enabled_by_hand(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    add_scan(f, "s_1.h5", 10, 10);
    add_scan(f, "s_2.h5", 10, 10);
    add_scan(f, "s_3.h5", 4, 4);
    add_scan(f, "s_4.h5", 9, 10);
    apply_text(f,
               "{\"files\":[{\"name\":\"s_5.h5\",\"kind\":\"hdf5\",\"size\":9,\"mtime_ns\":1,"
               "\"header\":{\"ok\":false,\"kind\":\"other\",\"reason\":\"truncated\"}},"
               "{\"name\":\"n.h5\",\"kind\":\"hdf5\",\"size\":9,\"mtime_ns\":1,"
               "\"header\":{\"ok\":true,\"kind\":\"other\",\"reason\":\"no projections\"}}]}");
    judge(f);
    status_is(f, "s_1.h5", "Ready");
    status_is(f, "s_3.h5", "Skipped (small)");
    status_is(f, "s_4.h5", "Skipped (small)");
    status_is(f, "s_5.h5", "Skipped (small)");
    char *why = text_of(f, "s_4.h5", "reason");
    assert_string_equal(why, "9 of 10 projections written");
    mem_free(why);
    why = text_of(f, "s_5.h5", "reason");
    assert_string_equal(why, "truncated");
    mem_free(why);
    int64_t files = 0;
    assert_ok(
        store_int(f->s, 0, &files, &f->err, "SELECT count(*) FROM item WHERE level='file'", ""),
        f->err);
    assert_int_equal(files, 1); /* HDF5 without projections is no scan */
    json_t *set = json_pack("{s:I, s:[I], s:{s:s}}", "project", (json_int_t)f->p.id, "items",
                            (json_int_t)id_of(f, "s_3.h5"), "set", "skip", "no");
    assert_ok(apply_set(f->s, set, &f->err), f->err);
    json_decref(set);
    judge(f);
    status_is(f, "s_3.h5", "Ready"); /* X6 */
    judge(f);
    status_is(f, "s_3.h5", "Ready");
    close_fixture(f);
}

static void t_B6_status_from_disk(void **state)
{
    static const char *const outputs[] = {"s_1_rec/recon_00000.tiff", "s_1_rec/recon_00063.tiff",
                                          "try_center/s_2/recon_slice0001_center12.00.tiff",
                                          "s_3_rec.h5", "sub/t_1_rec/recon_00007.tif"};
    (void)state;
    struct fixture *f = open_fixture();
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        char *path = mem_printf(&f->err, "%s/%s", f->p.rec, outputs[i]);
        char *dir = mem_printf(&f->err, "%s", path);
        *strrchr(dir, '/') = '\0';
        assert_ok(file_mkdirs(dir, 0755, &f->err), f->err);
        assert_ok(file_put(path, "x", 1, &f->err), f->err);
        mem_free(dir);
        mem_free(path);
    }
    add_scan(f, "s_1.h5", 4, 4);
    add_scan(f, "s_2.h5", 4, 4);
    add_scan(f, "s_3.h5", 4, 4);
    add_scan(f, "s_4.h5", 4, 4);
    add_scan(f, "sub/t_1.h5", 4, 4);
    judge(f);
    status_is(f, "s_1.h5", "Full 0-63");
    status_is(f, "s_2.h5", "Done try");
    status_is(f, "s_3.h5", "Done full");
    status_is(f, "s_4.h5", "Ready");
    status_is(f, "sub/t_1.h5", "Full 7-7");
    assert_ok(file_remove_tree(f->p.rec, &f->err), f->err);
    judge(f);
    status_is(f, "s_1.h5", "Ready");
    close_fixture(f);
}

static void t_diff(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    struct diff d;
    add_scan(f, "a.h5", 4, 4); /* size 450, mtime 1 */
    add_scan(f, "b.h5", 4, 4);
    add_scan(f, "c/x.h5", 4, 4);
    add_scan(f, "d.h5", 4, 4);
    struct found files[] = {
        {"a.h5", "hdf5", 450, 1}, {"b.h5", "hdf5", 450, 2}, {"e.h5", "hdf5", 1, 1}};
    char *unread[] = {"c"};
    struct found_list list = {.files = files, .n = 3, .unread = unread, .n_unread = 1};
    assert_ok(diff_make(f->s, f->p.id, &list, &d, &f->err), f->err);
    assert_int_equal(d.n_changed, 2);
    assert_int_equal(d.n_new, 1);
    assert_string_equal(d.changed[0]->name, "b.h5");
    assert_string_equal(d.changed[1]->name, "e.h5");
    assert_int_equal(d.n_gone, 1);
    assert_int_equal(d.gone[0], id_of(f, "d.h5"));
    diff_fini(&d);
    close_fixture(f);
}

static void t_watch_marks_what_arrives(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    int64_t n = 0;
    add_scan(f, "old.h5", 4, 4);
    add_scan(f, "growing.h5", 2, 4);
    assert_ok(store_exec(f->s, &f->err,
                         "INSERT INTO watch(project_id,batch,started_us) VALUES(?1,'',1)", "i",
                         f->p.id),
              f->err);
    add_scan(f, "new.h5", 2, 4);
    add_scan(f, "growing.h5", 3, 4); /* incomplete at the start, and it grows: it counts */
    apply_text(f,
               "{\"files\":[{\"name\":\"old.h5\",\"kind\":\"hdf5\",\"size\":451,\"mtime_ns\":7,"
               "\"header\":{\"ok\":true,\"kind\":\"hdf5-projections\",\"frames\":4,"
               "\"angles\":4,\"logical_bytes\":400}}]}");
    assert_ok(store_int(f->s, 0, &n, &f->err, "SELECT count(*) FROM item WHERE baseline=0", ""),
              f->err);
    assert_int_equal(n, 2);
    assert_ok(store_int(f->s, 0, &n, &f->err, "SELECT baseline FROM item WHERE name='old.h5'", ""),
              f->err);
    assert_int_equal(n, 1);
    close_fixture(f);
}

/* --- CORs */

static void put_file(struct fixture *f, const char *name, const char *text)
{
    char *path = mem_printf(&f->err, "%s/%s", f->p.root, name);
    assert_ok(file_write(path, text, strlen(text), false, &f->err), f->err);
    mem_free(path);
}

static char *get_file(struct fixture *f, const char *name)
{
    char *path = mem_printf(&f->err, "%s/%s", f->p.root, name);
    char *text = file_read(path, 0, NULL, &f->err);
    assert_ok(text != NULL, f->err);
    mem_free(path);
    return text;
}

static void sync_in(struct fixture *f, size_t want)
{
    json_t *warnings = json_array();
    json_t *cors = cor_file_changes(f->s, &f->p, warnings, &f->err);
    assert_ok(cors != NULL, f->err);
    assert_int_equal(json_array_size(cors), want);
    assert_int_equal(json_array_size(warnings), 0);
    json_t *args = json_pack("{s:I, s:o}", "project", (json_int_t)f->p.id, "cors", cors);
    assert_ok(apply_scan(f->s, args, &f->err), f->err);
    json_decref(args);
    json_decref(warnings);
}

/* What a refresh read before a person's change was written is not taken for news after it. */
static void t_C10_a_change_in_between_stays(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    add_scan(f, "s_1.h5", 4, 4);
    put_file(f, "rot_cen.json", "{\"s_1.h5\": 30.5}");
    json_t *warnings = json_array();
    json_t *cors = cor_file_changes(f->s, &f->p, warnings, &f->err);
    assert_int_equal(json_array_size(cors), 1);
    set_cor(f, "s_1.h5", 24.126, "manual");
    assert_ok(cor_mirror(f->s, f->p.id, &f->err), f->err);
    json_t *args = json_pack("{s:I, s:o}", "project", (json_int_t)f->p.id, "cors", cors);
    assert_ok(apply_scan(f->s, args, &f->err), f->err);
    assert_true(cor_of(f, "s_1.h5") == 24.126);
    json_decref(args);
    json_decref(warnings);
    sync_in(f, 0);
    close_fixture(f);
}

static void t_C10_X21_files_are_read_merged_written(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    char *key = mem_printf(&f->err, "%s/s_2.h5", f->p.root);
    char *text = mem_printf(&f->err,
                            "{\"/elsewhere/x.h5\": 7.123456789012345, \"%s\": [30.5, \"note\"], "
                            "\"s_3.h5\": \"31.25\", \"comment\": \"kept\", \"s_4.h5\": \"nan\"}",
                            key);
    add_scan(f, "s_1.h5", 4, 4);
    add_scan(f, "s_2.h5", 4, 4);
    add_scan(f, "s_3.h5", 4, 4);
    add_scan(f, "s_4.h5", 4, 4);
    put_file(f, "rot_cen.json", text);
    sync_in(f, 2);
    assert_true(cor_of(f, "s_2.h5") == 30.5 && cor_of(f, "s_3.h5") == 31.25);
    assert_true(isnan(cor_of(f, "s_4.h5")));
    sync_in(f, 0);
    set_cor(f, "s_1.h5", 24.123456789, "manual");
    set_cor(f, "s_2.h5", 40, "manual");
    set_cor(f, "s_3.h5", 41, "manual");
    assert_ok(cor_mirror(f->s, f->p.id, &f->err), f->err);
    mem_free(text);
    text = get_file(f, "rot_cen.json");
    json_t *now = json_parse(text, strlen(text), "rot_cen.json", &f->err);
    assert_ok(now != NULL, f->err);
    assert_non_null(strstr(text, "7.123456789012345"));
    assert_non_null(strstr(text, ": 24.12\n"));
    assert_string_equal(json_get_text(now, "comment", ""), "kept");
    assert_string_equal(json_get_text(now, "s_3.h5", ""), "41.00");
    json_t *list = json_object_get(now, key);
    assert_true(json_number_value(json_array_get(list, 0)) == 40);
    assert_string_equal(json_string_value(json_array_get(list, 1)), "note");
    json_decref(now);
    sync_in(f, 0); /* what we wrote ourselves is no news, and the double stays */
    assert_true(cor_of(f, "s_1.h5") == 24.123456789);
    set_cor(f, "s_1.h5", NAN, "manual");
    assert_ok(cor_mirror(f->s, f->p.id, &f->err), f->err);
    mem_free(text);
    text = get_file(f, "rot_cen.json");
    assert_null(strstr(text, "s_1.h5"));
    mem_free(text);
    mem_free(key);
    close_fixture(f);
}

static void t_C10_csv_comes_first(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    add_scan(f, "s_1.h5", 4, 4);
    add_scan(f, "s_2.h5", 4, 4);
    put_file(f, "rot_cen.json", "{\"s_1.h5\": 20}");
    put_file(f, "batch_cor_values.csv", "Filename,COR,Note\r\ns_1.h5,21.50,\"a,b\"\r\nx.h5,1,\r\n");
    sync_in(f, 1);
    assert_true(cor_of(f, "s_1.h5") == 21.5);
    set_cor(f, "s_2.h5", 22.257, "vo");
    assert_ok(cor_mirror(f->s, f->p.id, &f->err), f->err);
    char *text = get_file(f, "batch_cor_values.csv");
    assert_string_equal(text, "Filename,COR,Note\ns_1.h5,21.50,\"a,b\"\nx.h5,1,\ns_2.h5,22.26,\n");
    mem_free(text);
    text = get_file(f, "rot_cen.json");
    assert_non_null(strstr(text, "21.5")); /* where the CSV rules, the JSON follows */
    mem_free(text);
    /* somebody edits the CSV */
    put_file(f, "batch_cor_values.csv", "Filename,COR\ns_1.h5,30\ns_2.h5,22.26\n");
    sync_in(f, 1);
    assert_true(cor_of(f, "s_1.h5") == 30);
    /* both sides change: the catalog's value stays */
    set_cor(f, "s_1.h5", 50, "manual");
    put_file(f, "batch_cor_values.csv", "Filename,COR\ns_1.h5,60\ns_2.h5,22.26\n");
    sync_in(f, 0);
    assert_ok(cor_mirror(f->s, f->p.id, &f->err), f->err);
    text = get_file(f, "batch_cor_values.csv");
    assert_non_null(strstr(text, "s_1.h5,50.00\n"));
    mem_free(text);
    close_fixture(f);
}

static void t_broken_files_are_left_alone(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    add_scan(f, "s_1.h5", 4, 4);
    put_file(f, "rot_cen.json", "{ not json");
    json_t *warnings = json_array();
    json_t *cors = cor_file_changes(f->s, &f->p, warnings, &f->err);
    assert_ok(cors != NULL, f->err);
    assert_int_equal(json_array_size(warnings), 1);
    assert_non_null(strstr(json_string_value(json_array_get(warnings, 0)), "rot_cen.json"));
    json_decref(cors);
    json_decref(warnings);
    set_cor(f, "s_1.h5", 5, "manual");
    assert_false(cor_mirror(f->s, f->p.id, &f->err));
    assert_int_equal(f->err.code, ERR_FORMAT);
    char *text = get_file(f, "rot_cen.json");
    assert_string_equal(text, "{ not json");
    mem_free(text);
    close_fixture(f);
}

static void t_C1_C8_effective_and_seed(void **state)
{
    enum cor_from from;
    char shown[64];
    double v;
    (void)state;
    assert_true(cor_effective(1, 2, &from) == 1 && from == COR_FROM_ROW);
    assert_true(cor_effective(NAN, 2, &from) == 2 && from == COR_FROM_TOP_BAR);
    assert_true(cor_effective(INFINITY, 2, &from) == 2);
    assert_true(isnan(cor_effective(NAN, NAN, &from)) && from == COR_FROM_NONE);
    assert_true(cor_seed(1, 3, 2, &from) == 1);
    assert_true(cor_seed(NAN, 3, 2, &from) == 3 && from == COR_FROM_SERIES);
    assert_true(cor_seed(NAN, NAN, 2, &from) == 2 && from == COR_FROM_TOP_BAR);
    assert_true(isnan(cor_seed(NAN, NAN, NAN, &from)));
    cor_show_from(1024.3, COR_FROM_TOP_BAR, shown, sizeof shown);
    assert_string_equal(shown, "1024.30 (top bar)");
    assert_false(cor_parse("nan", &v) || cor_parse("inf", &v) || cor_parse("12,5", &v));
    struct fixture *f = open_fixture();
    int64_t donors = 0;
    add_scan(f, "s_1.h5", 4, 4);
    add_scan(f, "s_2.h5", 4, 4);
    add_scan(f, "t_1.h5", 4, 4);
    assert_ok(cor_series_mean(f->s, f->p.id, "s", &v, &donors, &f->err), f->err);
    assert_true(isnan(v) && donors == 0);
    set_cor(f, "s_1.h5", 10, "manual");
    set_cor(f, "s_2.h5", 20, "vo");
    assert_ok(cor_series_mean(f->s, f->p.id, "s", &v, &donors, &f->err), f->err);
    assert_true(v == 15 && donors == 2);
    close_fixture(f);
}

static int64_t events(struct fixture *f)
{
    int64_t n = 0;
    assert_ok(store_int(f->s, 0, &n, &f->err, "SELECT count(*) FROM event WHERE kind='cor'", ""),
              f->err);
    return n;
}

static void t_F_over_the_store(void **state)
{
    static const double cors[] = {100, 900, 101, NAN, 130, 99};
    (void)state;
    struct fixture *f = open_fixture();
    int64_t ids[6];
    for (int i = 0; i < 6; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "s_%d.h5", i + 1);
        add_scan(f, name, 4, 4);
        ids[i] = id_of(f, name);
        if (!isnan(cors[i])) {
            set_cor(f, name, cors[i], "manual");
        }
    }
    int64_t before = events(f);
    json_t *report = fix_report(f->s, f->p.id, ids, 6, 50, &f->err);
    assert_ok(report != NULL, f->err);
    assert_int_equal(json_array_size(json_object_get(report, "replaced")), 2);
    assert_int_equal(json_array_size(json_object_get(report, "filled")), 1);
    assert_ok(fix_apply(f->s, report, &f->err), f->err);
    json_decref(report);
    assert_true(cor_of(f, "s_2.h5") == 100.5);
    assert_int_equal(events(f), before + 3); /* the old values are in the event table */
    report = fix_report(f->s, f->p.id, ids, 6, 50, &f->err); /* F13 */
    assert_ok(report != NULL, f->err);
    assert_int_equal(json_array_size(json_object_get(report, "replaced")), 0);
    assert_int_equal(json_array_size(json_object_get(report, "filled")), 0);
    json_decref(report);
    close_fixture(f);
}

/* --- memory runs out */

static void fill_table(struct fixture *f)
{
    add_scan(f, "s_1.h5", 10, 10);
    add_scan(f, "s_2.h5", 10, 10);
    add_scan(f, "s_3.h5", 4, 10);
    set_cor(f, "s_1.h5", 10, "manual");
    put_file(f, "rot_cen.json", "{\"s_2.h5\": 20, \"x\": [1, \"a\"]}");
    put_file(f, "batch_cor_values.csv", "Filename,COR\ns_2.h5,21\n");
}

static bool read_everything(void *arg, struct err *err)
{
    struct fixture *f = arg;
    struct project p = {0};
    bool found;
    int64_t ids[3] = {1, 2, 3};
    json_t *warnings = NULL, *rows = NULL, *cors = NULL, *report = NULL;
    bool ok = project_of_folder(f->s, f->p.root, &p, &found, err) &&
        (rows = judge_rows(f->s, &p, 50, ids, 3, err)) &&
        ((warnings = json_array()) || err_set(err, ERR_NOMEM, "out of memory")) &&
        (cors = cor_file_changes(f->s, &p, warnings, err)) &&
        (report = fix_report(f->s, p.id, ids, 3, 50, err));
    project_fini(&p);
    json_decref(warnings);
    json_decref(rows);
    json_decref(cors);
    json_decref(report);
    return ok;
}

static bool write_everything(void *arg, struct err *err)
{
    struct fixture *f = arg;
    json_t *args = json_pack("{s:I, s:[{s:s, s:s, s:i, s:i, s:{s:b, s:s, s:i, s:i}}]}", "project",
                             (json_int_t)f->p.id, "files", "name", "n_1.h5", "kind", "hdf5", "size",
                             1, "mtime_ns", 1, "header", "ok", 1, "kind", "hdf5-projections",
                             "frames", 2, "angles", 2);
    bool ok = (args || err_set(err, ERR_NOMEM, "out of memory")) && store_begin(f->s, err) &&
        apply_scan(f->s, args, err) && cor_write(f->s, 1, 33, "manual", NAN, 0, 0, "why", err);
    store_rollback(f->s);
    json_decref(args);
    return ok;
}

/* Our own allocations; jansson's stay out of it, because it takes some failures for syntax errors
 * and does without others. */
static void t_every_failed_allocation(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    fill_table(f);
    test_every_failure(read_everything, f);
    test_every_failure(write_everything, f);
    close_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_projects),
        cmocka_unit_test(t_E_X23_judged_and_enabled_by_hand),
        cmocka_unit_test(t_B6_status_from_disk),
        cmocka_unit_test(t_diff),
        cmocka_unit_test(t_watch_marks_what_arrives),
        cmocka_unit_test(t_C10_a_change_in_between_stays),
        cmocka_unit_test(t_C10_X21_files_are_read_merged_written),
        cmocka_unit_test(t_C10_csv_comes_first),
        cmocka_unit_test(t_broken_files_are_left_alone),
        cmocka_unit_test(t_C1_C8_effective_and_seed),
        cmocka_unit_test(t_F_over_the_store),
        cmocka_unit_test(t_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
