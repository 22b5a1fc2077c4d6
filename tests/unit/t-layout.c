/* model/layout: which folders are subjects and studies (REQUIREMENTS J2, J6), and the day in a
 * name. */
#include "test.h"

#include <string.h>
#include "model/layout.h"

/* "pid|sid" of a path's folders under a layout; "-" when one of them does not answer to it. */
static void reads(const char *layout, const char *folders, const char *want)
{
    struct err err = {0};
    struct layout l;
    struct layout_names names = {.pid = ""};
    char parts[512], got[1100] = "-";
    assert_ok(layout_parse(layout, &l, &err), err);
    (void)snprintf(parts, sizeof parts, "%s", folders);
    bool fits = true;
    size_t level = 0;
    for (char *p = parts; fits && p; level++) {
        char *slash = strchr(p, '/');
        if (slash) {
            *slash = '\0';
        }
        fits = level < l.n && layout_level(&l, level, p, &names);
        p = slash ? slash + 1 : NULL;
    }
    if (fits && level == l.n) {
        (void)snprintf(got, sizeof got, "%s|%s", names.pid, names.sid);
    }
    assert_string_equal(got, want);
}

static void t_patterns_name_subjects_and_studies(void **state)
{
    (void)state;
    reads("{subject}/{study}", "P01/S1", "P01|S1");
    reads("{subject}/{study}", "M\xc3\xbcller \xd0\x90/2024-05-12",
          "M\xc3\xbcller \xd0\x90|2024-05-12");
    reads("{subject}", "case01", "case01|");
    reads("raw/{subject}/ses-{study}", "raw/P01/ses-2", "P01|2");
    reads("raw/{subject}/ses-{study}", "raw/P01/visit2", "-");
    reads("raw/{subject}/ses-{study}", "other/P01/ses-2", "-");
    reads("*/{subject}/{study}", "site A/P01/S1", "P01|S1");
    reads("{subject}_{study}", "P01_2024_05", "P01|2024_05");
    reads("{subject}_{study}", "P01", "-");
    reads("{subject}_{study}", "_S1", "-"); /* a subject has a name */
    reads("p{subject}x/{study}", "p12x/S", "12|S");
    reads("p{subject}x/{study}", "p12/S", "-");
    reads("{study}/{subject}", "S1/P01", "P01|S1");
    reads("{subject}/{study}", "100%_x/{a}", "100%_x|{a}"); /* names are never patterns */
}

static void refused(const char *layout, const char *says)
{
    struct err err = {0};
    struct layout l;
    assert_false(layout_parse(layout, &l, &err));
    assert_int_equal(err.code, ERR_USAGE);
    if (!strstr(err.text, says)) {
        fail_msg("'%s': %s", layout, err.text);
    }
}

static void t_what_is_no_layout_is_said(void **state)
{
    char many[300];
    (void)state;
    refused("", "not understood");
    refused("folders", "{subject} once");
    refused("{study}", "{subject} once");
    refused("{subject}/{subject}", "{subject} once");
    refused("{subject}/{sid}", "{subject} once");
    refused("/{subject}/{study}", "without a slash");
    refused("{subject}//{study}", "empty");
    refused("{subject}/", "empty");
    refused("../{subject}", "hidden");
    refused("{subject}{study}", "where the subject ends");
    refused("{subject}/raw", "does not end in");
    refused("a/b/c/d/e/f/g/h/{subject}", "more than 8");
    memset(many, 'a', sizeof many);
    many[sizeof many - 1] = '\0';
    refused(many, "too long");
}

static void day(const char *name, const char *want)
{
    char got[11];
    layout_date(name, got);
    assert_string_equal(got, want);
}

/* J6: LATEST and OLDEST go by it. */
static void t_the_day_in_a_name(void **state)
{
    (void)state;
    day("20240512", "2024-05-12");
    day("2024-05-12", "2024-05-12");
    day("2024_05_12", "2024-05-12");
    day("2024.05.12", "2024-05-12");
    day("MR_20240512_head", "2024-05-12");
    day("ses-19991231T1030", "1999-12-31");
    day("S1", "");
    day("", "");
    day("20241312", "");  /* no month 13 */
    day("20240500", "");  /* no day 0 */
    day("120240512", ""); /* a longer number */
    day("202405123", "");
    day("2024-05_12", ""); /* two ways of writing */
    day("18000101", "");
    day("20240512-20240601", ""); /* which? */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_patterns_name_subjects_and_studies),
        cmocka_unit_test(t_what_is_no_layout_is_said),
        cmocka_unit_test(t_the_day_in_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
