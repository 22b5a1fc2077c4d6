/* Which arguments a script names (REQUIREMENTS M3, M4). */
#include "test.h"

#include <string.h>
#include "plan/script-names.h"

static void names_are(const char *script, const char *wanted)
{
    struct err err = {0};
    struct str said = STR_INIT;
    json_t *names = script_names(script, &err);
    assert_non_null(names);
    for (size_t i = 0; i < json_array_size(names); i++) {
        str_addf(&said, "%s%s", i ? " " : "", json_string_value(json_array_get(names, i)));
    }
    assert_string_equal(str_text(&said), wanted);
    str_fini(&said);
    json_decref(names);
}

static void t_names(void **state)
{
    (void)state;
    names_are("fslmaths $f1 -thr $n1 -bin ${o1}", "f1 n1 o1");
    names_are("$f1 $f1 $f10 $f01 $f100 $f $f0", "f1");
    names_are("cp $p1/$s2.nii $n3 $p $s $n", "p1 s2 n3");
    names_are("echo \\$f1 '$f2' # $f3\n#$f4\na#$f5", "f2 f5");
    names_are("s1=1; for n1 in 1 2; do echo $s1 $n1 $p1; done", "p1");
    names_are("read p1\nlocal s1=2\necho $p1 $s1 $s2 ${s3}", "s2 s3");
    names_are("$f1x $f_1 $foo f1 $", "");
    names_are("s1+=x; $s1 $ns1 ${n1%.nii} $o2=", "n1 o2");
    names_are("", "");
}

static void t_check(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *job = json_pack("{s:s, s:{s:s, s:{s:s}, s:{s:s}, s:s, s:s}}", "id", "j", "args",
                            "script", "cat $1 $f3 $image", "f1", "FILE", "a", "o1", "OUT", "b",
                            "s1", "x", "image", "y"),
           *lines = json_array(), *none = json_object();
    struct tool tool = {.name = "script.bash", .kind = "script", .gantry = none};
    assert_ok(script_names_check(job, &tool, lines, &err), err);
    assert_int_equal(json_array_size(lines), 3);
    assert_string_equal(json_string_value(json_array_get(lines, 0)),
                        "the script uses $f3, which is no argument of the job");
    json_decref(lines);
    json_decref(none);
    json_decref(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_names), cmocka_unit_test(t_check)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
