/* NORA's selectors: wildcards against SQLite's own LIKE, subject and file selectors, references
 * (REQUIREMENTS Q3-Q6, L2-L4, L8). */
#include "catalog-fixture.h"

#include "catalog/pattern.h"

/* --- wildcards (L3): what SQLite says of 10,000 random patterns and names */

static uint32_t dice(uint32_t *seed, uint32_t sides)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % sides;
}

static const char *const pieces[] = {"a", "A", "b", "Z", "z",  "_", "%", "*", ".", "-", "1", "\\",
                                     " ", "ä", "Ä", "ß", "日", "😀", "É", "[", "^", "@", "`", "{"};
#define N_PIECES (sizeof pieces / sizeof *pieces)

/* A pattern in our writing and in LIKE's with ESCAPE '\'; perhaps made from the name, so that about
 * half of them match. */
static void random_pair(uint32_t *seed, struct str *name, struct str *ours, struct str *like)
{
    uint32_t n = dice(seed, 9);
    for (uint32_t i = 0; i < n; i++) {
        const char *piece = pieces[dice(seed, i % 3 ? N_PIECES : 4)];
        uint32_t how = dice(seed, 10);
        str_add(name, piece);
        if (how == 0) {
            str_add(ours, "*");
            str_add(like, "%");
        } else if (how == 1) {
            str_add(ours, "_");
            str_add(like, "_");
        } else if (how == 2) {
            const char *other = pieces[dice(seed, N_PIECES)];
            str_addf(ours, "\\%s", other);
            str_addf(like, "\\%s", other);
        } else if (how == 3) {
            str_add(ours, "**_");
            str_add(like, "%%_");
        } else {
            bool special = strchr("*_\\%", *piece) != NULL;
            str_addf(ours, "%s%s", special && *piece != '%' ? "\\" : "", piece);
            str_addf(like, "%s%s", special && *piece != '*' ? "\\" : "", piece);
        }
    }
}

static void t_like(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    uint32_t seed = 20260101;
    int matched = 0;
    for (int i = 0; i < 10000; i++) {
        struct str name = STR_INIT, ours = STR_INIT, like = STR_INIT;
        int64_t want = 0;
        random_pair(&seed, &name, &ours, &like);
        assert_ok(store_int(f->s, 0, &want, &f->err, "SELECT ?1 LIKE ?2 ESCAPE '\\'", "ss",
                            str_text(&name), str_text(&like)),
                  f->err);
        if (pattern_match(str_text(&ours), str_text(&name)) != (want != 0)) {
            fail_msg("pattern '%s', name '%s': LIKE '%s' says %d", str_text(&ours), str_text(&name),
                     str_text(&like), (int)want);
        }
        matched += want != 0;
        str_fini(&name);
        str_fini(&ours);
        str_fini(&like);
    }
    assert_true(matched > 2000 && matched < 8000);
    close_fixture(f);
}

static void t_wildcards(void **state)
{
    (void)state;
    assert_true(pattern_match("s0__.nii", "s003.nii"));
    assert_false(pattern_match("s0__.nii", "s03.nii"));
    assert_true(pattern_match("t1*", "T1_mpr/deep"));
    assert_true(pattern_match("100%", "100%"));
    assert_false(pattern_match("100%", "1000"));
    assert_true(pattern_match("a\\_b", "a_b"));
    assert_false(pattern_match("a\\_b", "axb"));
    assert_true(pattern_match("_", "ä"));
    assert_false(pattern_match("ä", "Ä")); /* ASCII letters only */
    assert_true(pattern_match("*", ""));
    assert_false(pattern_match("a\\", "a")); /* as LIKE has it */
    assert_true(pattern_wild("a_"));
    assert_false(pattern_wild("a\\_"));
    assert_true(pattern_tagged("/qc_ok/b/", "qc_ok"));
    assert_false(pattern_tagged("/qc_ok/b/", "qc"));
    assert_false(pattern_tagged("/qc_ok/b/", ""));
}

/* --- a small cohort: P1 (S1, S2, S3), P_1 (S1), PA1 (S1), ANALYSIS (MNI), sub-01 (one study) */

static int64_t add_item(struct fixture *f, const char *level, const char *name, const char *tags)
{
    assert_ok(store_exec(f->s, &f->err,
                         "INSERT INTO item(project_id,level,name,tags,added_us,changed_us) "
                         "VALUES(?1,?2,?3,?4,0,0)",
                         "isss", f->p.id, level, name, tags),
              f->err);
    return store_last_id(f->s);
}

static int64_t add_study(struct fixture *f, int64_t subject, const char *folder, const char *sid,
                         const char *date, const char *tags)
{
    int64_t id = add_item(f, "study", folder, tags);
    assert_ok(store_exec(f->s, &f->err,
                         "INSERT INTO study(item_id,subject_id,sid,date) VALUES(?1,?2,?3,?4)",
                         "iiss", id, subject, sid, date),
              f->err);
    return id;
}

static void add_file(struct fixture *f, int64_t study, const char *place, const char *sub,
                     const char *name, const char *tags)
{
    assert_ok(store_exec(f->s, &f->err,
                         "INSERT INTO file(study_id,place,sub,name,tags) VALUES(?1,?2,?3,?4,?5)",
                         "issss", study, place, sub, name, tags),
              f->err);
}

static struct fixture *open_cohort(void)
{
    struct fixture *f = open_fixture();
    assert_ok(store_exec(f->s, &f->err, "UPDATE project SET layout='bids'", ""), f->err);
    int64_t p1 = add_item(f, "subject", "P1", "/training/");
    int64_t p_1 = add_item(f, "subject", "P_1", "/");
    int64_t pa1 = add_item(f, "subject", "PA1", "/old/");
    int64_t mni = add_item(f, "subject", "ANALYSIS", "/");
    int64_t bids = add_item(f, "subject", "sub-01", "/");
    int64_t odd =
        add_item(f, "subject", "#a\\_b#c", "/"); /* names may hold all of the grammar's signs */
    (void)add_study(f, odd, "#a\\_b#c/#d", "#d", "", "/");
    int64_t s1 = add_study(f, p1, "P1/S1", "S1", "2021-05-01", "/baseline/");
    int64_t s2 = add_study(f, p1, "P1/S2", "S2", "2020-05-01", "/");
    (void)add_study(f, p1, "P1/S3", "S3", "2022-05-01", "/qc_ok/");
    (void)add_study(f, p_1, "P_1/S1", "S1", "", "/");
    (void)add_study(f, pa1, "PA1/S1", "S1", "", "/qc_ok/");
    int64_t m = add_study(f, mni, "ANALYSIS/MNI", "MNI", "", "/");
    int64_t b = add_study(f, bids, "sub-01", "", "", "/");
    add_file(f, s1, "", "t1_mpr", "s003.nii", "/");
    add_file(f, s1, "", "t1_mpr", "s002.nii", "/mask/t1/");
    add_file(f, s1, "", "t1_mpr", "s1.nii", "/");
    add_file(f, s1, "", "", "T1.nii.gz", "/");
    add_file(f, s1, "", "my notes", "a b.txt", "/");
    add_file(f, s1, "", "", "lesion_anna.reading", "/");
    add_file(f, s2, "", "T1w", "s001.nii", "/mask/");
    add_file(f, m, "", "", "template.nii", "/");
    add_file(f, b, "", "anat", "x_T1w.nii", "/");
    add_file(f, b, "derivatives/prep", "anat", "x_desc_T1w.nii", "/");
    add_file(f, b, "derivatives/prep", "masks", "brain.nii", "/mask/");
    assert_ok(store_exec(f->s, &f->err,
                         "INSERT INTO file(study_id,sub,name,gone) VALUES(?1,'t1_mpr','s009.nii',"
                         "1)",
                         "i", s1),
              f->err);
    return f;
}

/* The folders of studies, parted by blanks. */
static char *folders(struct fixture *f, int64_t *ids, size_t n)
{
    struct str out = STR_INIT;
    for (size_t i = 0; i < n; i++) {
        char *name = NULL;
        assert_ok(
            store_text(f->s, &name, &f->err, "SELECT name FROM item WHERE id=?1", "i", ids[i]),
            f->err);
        str_addf(&out, "%s%s", i ? " " : "", name);
        mem_free(name);
    }
    mem_free(ids);
    return str_take(&out, &f->err);
}

static void studies(struct fixture *f, const char *selector, const char *want)
{
    int64_t *ids = NULL;
    size_t n = 0;
    assert_ok(pattern_studies(f->s, f->p.id, selector, &ids, &n, &f->err), f->err);
    char *got = folders(f, ids, n);
    assert_string_equal(got, want);
    mem_free(got);
}

static void t_subjects(void **state) /* Q3, Q6 */
{
    (void)state;
    struct fixture *f = open_cohort();
    studies(f, "*", "#a\\_b#c/#d ANALYSIS/MNI P1/S2 P1/S1 P1/S3 PA1/S1 P_1/S1 sub-01");
    studies(f, "P1", "P1/S2 P1/S1 P1/S3");
    studies(f, "p1", "P1/S2 P1/S1 P1/S3");
    studies(f, "P*", "P1/S2 P1/S1 P1/S3 PA1/S1 P_1/S1");
    studies(f, "P_1", "P_1/S1"); /* is there literally */
    studies(f, "P_1*", "PA1/S1 P_1/S1");
    studies(f, "P\\_1*", "P_1/S1");
    studies(f, "P\\_1", "P_1/S1");
    studies(f, "P\\_1#LATEST", "P_1/S1");
    studies(f, "P1#S2", "P1/S2");
    studies(f, "P1#S*", "P1/S2 P1/S1 P1/S3");
    studies(f, "#S1", "P1/S1 PA1/S1 P_1/S1");
    studies(f, "P1#LATEST", "P1/S3");
    studies(f, "P1#LATEST1", "P1/S1");
    studies(f, "P1#OLDEST", "P1/S2");
    studies(f, "P1#OLDEST2", "P1/S3");
    studies(f, "P1#OLDEST3", "");
    studies(f, "P*#LATEST", "P1/S3 PA1/S1 P_1/S1");
    studies(f, "stag:qc_ok", "P1/S3 PA1/S1");
    studies(f, "stag:qc", "");
    studies(f, "notstag:qc_ok", "#a\\_b#c/#d ANALYSIS/MNI P1/S2 P1/S1 P_1/S1 sub-01");
    studies(f, "ptag:training", "P1/S2 P1/S1 P1/S3");
    studies(f, "tag:old", "PA1/S1");
    studies(f, "notptag:training", "#a\\_b#c/#d ANALYSIS/MNI PA1/S1 P_1/S1 sub-01");
    studies(f, "#tag:qc_ok", "P1/S3 PA1/S1");
    studies(f, "P1#tag:qc_ok", "P1/S3");
    studies(f, "PIDLIST:PA1, sub-01", "PA1/S1 sub-01");
    studies(f, "PSIDLIST:P1#S1,P_1#S1", "P1/S1 P_1/S1");
    studies(f, "sub-01", "sub-01");
    studies(f, "sub-01#", "sub-01");
    studies(f, "#a\\_b#c", "#a\\_b#c/#d");
    studies(f, "#a\\_b#c##d", "#a\\_b#c/#d");
    studies(f, "nobody", "");
    assert_false(pattern_check_subject("SQL:1=1", &f->err));
    assert_non_null(strstr(f->err.text, "SQL:"));
    assert_false(pattern_check_subject("", &f->err));
    assert_false(pattern_check_subject("stag:", &f->err));
    assert_false(pattern_check_subject("P1#tag:", &f->err));
    close_fixture(f);
}

struct names {
    struct str text;
    size_t stop;
};

static bool note(void *arg, const struct pattern_file *file, struct err *err)
{
    struct names *n = arg;
    (void)err;
    if (n->stop && !--n->stop) {
        return false;
    }
    str_addf(&n->text, "%s%s%s%s%s%s", n->text.len ? " " : "", file->place, *file->place ? ":" : "",
             file->sub, *file->sub ? "/" : "", file->id ? file->name : "[info]");
    return true;
}

static void files(struct fixture *f, const char *who, const char *what, const char *want)
{
    struct names got = {.text = STR_INIT};
    int64_t *ids = NULL;
    size_t n = 0;
    assert_ok(pattern_studies(f->s, f->p.id, who, &ids, &n, &f->err), f->err);
    assert_ok(pattern_files(f->s, f->p.id, ids, n, what, note, &got, &f->err), f->err);
    assert_string_equal(str_text(&got.text), want);
    str_fini(&got.text);
    mem_free(ids);
}

static void t_files(void **state) /* Q4, Q5, Q6, L2 */
{
    (void)state;
    struct fixture *f = open_cohort();
    char *path = mem_printf(&f->err, "ABS:%s/P1/S2/T1w/s001.nii", f->p.root);
    char *derived = mem_printf(&f->err, "%s/derivatives/prep/sub-01/masks/brain.nii", f->p.root);
    files(f, "P1#S1", "t1*/s0__.nii", "t1_mpr/s002.nii t1_mpr/s003.nii");
    files(f, "P1", "t1*/s0__.nii", "T1w/s001.nii t1_mpr/s002.nii t1_mpr/s003.nii");
    files(f, "P1#S1", "t1.nii.gz", "T1.nii.gz");
    files(f, "P1#S1", "s002.nii", ""); /* a name alone lies in the study's own folder */
    files(f, "P1#S1", "*/*.nii*", "T1.nii.gz t1_mpr/s002.nii t1_mpr/s003.nii t1_mpr/s1.nii");
    files(f, "P1#S1", "t1_mpr/", "t1_mpr/s002.nii t1_mpr/s003.nii t1_mpr/s1.nii");
    files(f, "P1#S1", "t1*/s003.nii T1.nii.gz t1*/s0__.nii",
          "T1.nii.gz t1_mpr/s002.nii t1_mpr/s003.nii");
    files(f, "P1#S1", "\"my notes/a b.txt\"", "my notes/a b.txt");
    files(f, "P1#S1", "'my notes'/\"a b.txt\"", "my notes/a b.txt");
    files(f, "P1#S1", "my\\ notes/*", "my notes/a b.txt");
    files(f, "P1", "tag:mask", "T1w/s001.nii t1_mpr/s002.nii");
    files(f, "*", "ftag:mask s009.nii tag:mas",
          "T1w/s001.nii t1_mpr/s002.nii derivatives/prep:masks/brain.nii");
    files(f, "P1#S1", path, "T1w/s001.nii");
    files(f, "P1#S2", path, "T1w/s001.nii");
    files(f, "*", derived, "derivatives/prep:masks/brain.nii");
    files(f, "*", "ABS:/nowhere/x.nii", "");
    files(f, "P1", "reading:lesion", "lesion_anna.reading");
    files(f, "P1#S1", "[info]", "[info]");
    files(f, "P1#S1", "t1*/*.nii SORTDESC", "t1_mpr/s1.nii t1_mpr/s003.nii t1_mpr/s002.nii");
    files(f, "P1#S1", "t1*/*.nii NTH(1)", "t1_mpr/s002.nii");
    files(f, "P1#S1", "t1*/*.nii NTH(-1)", "t1_mpr/s1.nii");
    files(f, "P1#S1", "t1*/*.nii SORTDESC NTH(1)", "t1_mpr/s1.nii");
    files(f, "P1#S1", "t1*/*.nii SORTDESC NTH(-1)", "t1_mpr/s002.nii");
    files(f, "P1#S1", "t1*/*.nii SORT NTH(4)", "");
    files(f, "P1", "t1*/*.nii NTH(1)", "T1w/s001.nii t1_mpr/s002.nii");
    /* the data first, then what was derived from them */
    files(f, "sub-01", "anat/*_T1w.nii", "anat/x_T1w.nii");
    files(f, "sub-01", "masks/*.nii", "derivatives/prep:masks/brain.nii");
    files(f, "sub-01", "derivatives/prep/anat/*", "derivatives/prep:anat/x_desc_T1w.nii");
    files(f, "sub-01", "derivatives/*/*",
          "derivatives/prep:anat/x_desc_T1w.nii derivatives/prep:masks/brain.nii");
    assert_false(pattern_check_files("a NTH(0)", &f->err));
    assert_false(pattern_check_files("NTH(1)", &f->err));
    assert_false(pattern_check_files("\"a b", &f->err));
    assert_false(pattern_check_files("ABS:a", &f->err));
    assert_false(pattern_check_files("tag:", &f->err));
    assert_false(pattern_check_files("SQL:x", &f->err));
    assert_false(pattern_check_files("reading:x,1=1", &f->err));
    mem_free(path);
    mem_free(derived);
    close_fixture(f);
}

static void t_stop(void **state)
{
    (void)state;
    struct fixture *f = open_cohort();
    struct names got = {.text = STR_INIT, .stop = 2};
    int64_t *ids = NULL;
    size_t n = 0;
    assert_ok(pattern_studies(f->s, f->p.id, "*", &ids, &n, &f->err), f->err);
    assert_ok(pattern_files(f->s, f->p.id, ids, n, "*/*.nii", note, &got, &f->err), f->err);
    assert_string_equal(str_text(&got.text), "template.nii");
    str_fini(&got.text);
    mem_free(ids);
    close_fixture(f);
}

static void reference(struct fixture *f, const char *item, const char *of, const char *want)
{
    int64_t *ids = NULL;
    size_t n = 0;
    assert_ok(pattern_reference(f->s, f->p.id, id_of(f, item), of, &ids, &n, &f->err), f->err);
    char *got = folders(f, ids, n);
    assert_string_equal(got, want);
    mem_free(got);
}

static void t_references(void **state) /* L4, L8 */
{
    (void)state;
    struct fixture *f = open_cohort();
    static const char *const self[] = {"", "STUDY", "[selection]"};
    for (size_t i = 0; i < 3; i++) {
        reference(f, "P1/S1", self[i], "P1/S1");
        reference(f, "P1", self[i], "P1/S2 P1/S1 P1/S3");
    }
    reference(f, "P1/S1", NULL, "P1/S1");
    reference(f, "P1/S1", "SUBJECT", "P1/S2 P1/S1 P1/S3");
    reference(f, "P_1/S1", "Patient", "P_1/S1");
    reference(f, "P1/S1", "LATEST", "P1/S3");
    reference(f, "P1/S1", "OLDEST1", "P1/S1");
    reference(f, "P1/S1", "#tag:qc_ok", "P1/S3");
    reference(f, "P1/S1", "#S2", "P1/S2");
    reference(f, "P1/S1", "ANALYSIS#MNI", "ANALYSIS/MNI");
    reference(f, "P1/S1", "[selectionpatient]#OLDEST", "P1/S2");
    reference(f, "P_1/S1", "[selectionpatient]#S1", "P_1/S1");
    close_fixture(f);
}

static void t_words(void **state)
{
    (void)state;
    struct err err = {0};
    struct str out = STR_INIT;
    char **words = NULL;
    size_t n = 0;
    pattern_add_path(&out, "/a/x.nii");
    pattern_add_path(&out, "/a b/\"q\\'.nii");
    assert_ok(pattern_words(str_text(&out), &words, &n, &err), err);
    assert_int_equal(n, 2);
    assert_string_equal(words[0], "ABS:/a/x.nii");
    assert_string_equal(words[1], "ABS:/a b/\\\"q\\\\'.nii");
    pattern_words_free(words, n);
    str_fini(&out);
    assert_ok(pattern_words(" \t", &words, &n, &err), err);
    assert_int_equal(n, 0);
    pattern_words_free(words, n);
}

/* Many studies, few with a match: what an index says of them is what walking them finds. */
static void t_rare(void **state)
{
    (void)state;
    struct fixture *f = open_fixture();
    static const char *const what[] = {"RARE/x_7*.nii",    "*/*odd.nii",         "r*/x_70_.nii",
                                       "tag:odd",          "*/x_7*.nii tag:odd", "reading:form",
                                       "common.nii NTH(1)"};
    static const size_t want[] = {40, 3, 10, 4, 44, 2, 800};
    assert_ok(store_begin(f->s, &f->err), f->err);
    for (int i = 0; i < 800; i++) {
        char name[40], folder[40];
        (void)snprintf(name, sizeof name, "P%03d", i);
        (void)snprintf(folder, sizeof folder, "P%03d/S", i);
        int64_t study = add_study(f, add_item(f, "subject", name, "/"), folder, "S", "", "/");
        add_file(f, study, "", "", "common.nii", i % 200 == 133 ? "/a/odd/" : "/a/");
        if (i >= 400 && i < 440) {
            (void)snprintf(name, sizeof name, "x_7%02d.nii", i - 400);
            add_file(f, study, "", "Rare", name, "/");
        }
        if (i % 250 == 249) {
            add_file(f, study, "", "deep/er", "so_odd.nii", "/");
        }
        if (i % 300 == 299) {
            add_file(f, study, "", "", "form_me.reading", "/");
        }
    }
    assert_ok(store_commit(f->s, &f->err), f->err);
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        struct names got = {.text = STR_INIT};
        int64_t *ids = NULL;
        size_t n = 0, found = 0;
        assert_ok(pattern_studies(f->s, f->p.id, "*", &ids, &n, &f->err), f->err);
        assert_ok(pattern_files(f->s, f->p.id, ids, n, what[i], note, &got, &f->err), f->err);
        for (const char *p = str_text(&got.text); *p; p++) {
            found += *p == ' ' || p == got.text.buf;
        }
        if (found != want[i]) {
            fail_msg("%s: %zu found, %zu are there", what[i], found, want[i]);
        }
        str_fini(&got.text);
        mem_free(ids);
    }
    close_fixture(f);
}

static bool every_step(void *arg, struct err *err)
{
    struct fixture *f = arg;
    struct names got = {.text = STR_INIT};
    int64_t *ids = NULL;
    size_t n = 0;
    struct err said = {0};
    bool ok = pattern_studies(f->s, f->p.id, "P*#LATEST", &ids, &n, &said) &&
        pattern_files(f->s, f->p.id, ids, n, "\"t1*\"/*.nii tag:mask ABS:/x SORTDESC", note, &got,
                      &said) &&
        str_ok(&got.text, &said);
    str_fini(&got.text);
    mem_free(ids);
    *err = said;
    return ok;
}

static void t_memory(void **state)
{
    (void)state;
    struct fixture *f = open_cohort();
    test_every_failure(every_step, f);
    close_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_like),  cmocka_unit_test(t_wildcards), cmocka_unit_test(t_subjects),
        cmocka_unit_test(t_files), cmocka_unit_test(t_stop),      cmocka_unit_test(t_references),
        cmocka_unit_test(t_words), cmocka_unit_test(t_rare),      cmocka_unit_test(t_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
