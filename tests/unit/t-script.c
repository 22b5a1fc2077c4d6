/* How values get into Python and MATLAB scripts (REQUIREMENTS M5, M7, M8). */
#include "test.h"

#include <string.h>
#include "worker/script.h"

static void becomes(const char *script, const char *wanted)
{
    struct err err = {0};
    struct str out = STR_INIT;
    json_t *args = json_pack("{s:s, s:s, s:[s,s], s:f, s:i, s:b, s:s, s:[]}", "f1", "/a b/'x\".nii",
                             "p1", "/out", "f2", "/1", "/2", "n1", 2.0, "n2", 3, "b1", 1, "s1",
                             "\xc3\xa9\n\\", "f3"),
           *positional = json_pack("[s,s]", "/first", "/second");
    assert_ok(python_rewrite(script, args, positional, &out, &err), err);
    assert_string_equal(str_text(&out), wanted);
    str_fini(&out);
    json_decref(positional);
    json_decref(args);
}

static void t_python(void **state)
{
    (void)state;
    becomes("open($f1)", "open('/a b/\\'x\".nii')");
    becomes("open(\"$f1\") + '$f1'", "open('/a b/\\'x\".nii') + '/a b/\\'x\".nii'");
    becomes("x = $f2; y = \"$f2\"; z = $f3", "x = ['/1', '/2']; y = ['/1', '/2']; z = []");
    becomes("$n1 + $n2, $b1, \"$s1\"", "2.0 + 3, True, '\\xe9\\x0a\\\\'");
    becomes("'$p1/x.nii'", "'/out' '/x.nii'");
    becomes("f\"{a}/$p1/b\" % $n2", "f\"{a}/\" '/out' f\"/b\" % 3");
    becomes("\"\"\"doc $p1\"\"\"", "\"\"\"doc \"\"\" '/out'");
    becomes("b'$p1', rb'x$p1'", "b'/out', rb'x' b'/out'");
    becomes("'all: $f2'", "'all: ' '/1 /2'");
    becomes("open($1), '$2', $3", "open('/first'), '/second', $3");
    becomes("# $f1 it's\n$n2", "# $f1 it's\n3");
    becomes("'it\\'s $n2' \"\\$n2 \\\\\"", "'it\\'s ' '3' \"\\$n2 \\\\\"");
    becomes("$f1x ${f1} $unknown $ 'open", "$f1x ${f1} $unknown $ 'open");
    becomes("d = {'$p1': \"$n2\"}", "d = {'/out': 3}");
}

static void matlab_is(const char *text, const char *wanted)
{
    struct str out = STR_INIT;
    matlab_text(&out, text);
    assert_string_equal(str_text(&out), wanted);
    str_fini(&out);
}

static void t_matlab(void **state)
{
    (void)state;
    matlab_is("it's %d \"x\"", "'it''s %d \"x\"'");
    matlab_is("", "''");
    matlab_is("a\n\xc3\xa9", "native2unicode(uint8([97 10 195 169]), 'UTF-8')");
    assert_true(script_name("f1"));
    assert_false(script_name("1f"));
    assert_false(script_name("a-b"));
    assert_false(script_name(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_python), cmocka_unit_test(t_matlab)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
