/* base/err: one line, whole UTF-8, context in front, codes and their exit statuses. */
#include "test.h"

#include <errno.h>
#include "base/err.h"

static void t_set_keeps_one_line(void **state)
{
    struct err err = {0};
    (void)state;
    assert_false(err_set(&err, ERR_FORMAT, "'%s' is cut", "a\nb\tc"));
    assert_string_equal(err.text, "'a?b?c' is cut");
    assert_int_equal(err.code, ERR_FORMAT);
}

static void t_wrap_goes_from_general_to_exact(void **state)
{
    struct err err = {0};
    (void)state;
    (void)err_set(&err, ERR_FORMAT, "expected 348 bytes, file has 212");
    assert_false(err_wrap(&err, "reading '%s'", "a.nii"));
    assert_string_equal(err.text, "reading 'a.nii': expected 348 bytes, file has 212");
    assert_int_equal(err.code, ERR_FORMAT);
}

/* Does the text end with a whole character (of the letters used here)? */
static bool ends_whole(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && text[n - 1] != '\xd0';
}

static void t_long_text_is_cut_between_characters(void **state)
{
    struct err err = {0};
    char name[sizeof err.text + 10];
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(name, 'x', shift);
        for (size_t i = shift; i + 1 < sizeof name; i += 2) {
            memcpy(name + i, "\xd0\xb9", 2); /* a Cyrillic letter of two bytes */
        }
        name[sizeof name - 1] = '\0';
        (void)err_set(&err, ERR_IO, "%s", name);
        assert_true(ends_whole(err.text));
        (void)err_wrap(&err, "%s", name);
        assert_true(ends_whole(err.text));
    }
}

/* Messages go into JSON, which holds UTF-8 only; words of programs and names of files may be
 * anything.
 */
static void t_a_message_is_utf8(void **state)
{
    struct err err = {0};
    (void)state;
    (void)err_set(&err, ERR_FAILED, "exit 3: caf%s ferm%s", "\xE9", "\xD0\xB9");
    assert_string_equal(err.text, "exit 3: caf? ferm\xD0\xB9");
    (void)err_wrap(&err, "%s", "\xFF\xD0");
    assert_string_equal(err.text, "?: exit 3: caf? ferm\xD0\xB9");
}

static void t_errno_gives_the_code(void **state)
{
    static const struct {
        int number;
        enum err_code code;
    } want[] = {{EACCES, ERR_PERM},     {EROFS, ERR_PERM},   {ENOSPC, ERR_DISKFULL},
                {EDQUOT, ERR_DISKFULL}, {ENOMEM, ERR_NOMEM}, {ENOENT, ERR_IO}};
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct err err = {0};
        assert_false(err_errno(&err, want[i].number, "cannot open '%s'", "x"));
        assert_int_equal(err.code, want[i].code);
        assert_non_null(strstr(err.text, "cannot open 'x': "));
    }
}

static void t_names_lead_back_to_codes(void **state)
{
    (void)state;
    for (int code = 0; code < ERR_CODE_COUNT; code++) {
        assert_int_equal(err_code_of(err_name((enum err_code)code)), code);
    }
    assert_int_equal(err_code_of("no such name"), ERR_FAILED);
    assert_int_equal(err_code_of(NULL), ERR_FAILED);
}

static void t_exit_statuses_are_as_documented(void **state)
{
    (void)state;
    assert_int_equal(err_exit_status(ERR_NONE), 0);
    assert_int_equal(err_exit_status(ERR_FAILED), 1);
    assert_int_equal(err_exit_status(ERR_USAGE), 2);
    assert_int_equal(err_exit_status(ERR_NOTHING), 3);
    assert_int_equal(err_exit_status(ERR_DISKFULL), 4);
    assert_int_equal(err_exit_status(ERR_PERM), 4);
    assert_int_equal(err_exit_status(ERR_UNREACHABLE), 5);
    assert_int_equal(err_exit_status(ERR_CANCELLED), 130);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_set_keeps_one_line),
        cmocka_unit_test(t_wrap_goes_from_general_to_exact),
        cmocka_unit_test(t_long_text_is_cut_between_characters),
        cmocka_unit_test(t_a_message_is_utf8),
        cmocka_unit_test(t_errno_gives_the_code),
        cmocka_unit_test(t_names_lead_back_to_codes),
        cmocka_unit_test(t_exit_statuses_are_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
