/* codec/ini: what is read, what is refused with its line, and that a change keeps everything else.
 */
#include "test.h"

#include "codec/ini.h"

struct seen {
    struct str all;
    const char *refuse;
};

static bool collect(void *arg, const char *key, const char *value, struct err *err)
{
    struct seen *seen = arg;
    str_addf(&seen->all, "%s=<%s>\n", key, value);
    return !str_equal(key, seen->refuse) || err_set(err, ERR_USAGE, "no %s here", key);
}

static bool parse(const char *text, struct seen *seen, struct err *err)
{
    return ini_parse(text, strlen(text), "config.ini", collect, seen, err);
}

static void t_keys_sections_comments(void **state)
{
    struct seen seen = {.all = STR_INIT};
    struct err err = {0};
    (void)state;
    assert_ok(parse("# comment\n; another\n\n slots = 3 \r\nnote=\" a b \"\nempty "
                    "=\n[tomolog]\nurl = http://x/?a=b\n",
                    &seen, &err),
              err);
    assert_string_equal(str_text(&seen.all),
                        "slots=<3>\nnote=< a b >\nempty=<>\ntomolog.url=<http://x/?a=b>\n");
    str_fini(&seen.all);
}

static void t_errors_have_file_and_line(void **state)
{
    static const char *const bad[] = {"a = 1\nwhat\n", "a = 1\n= 2\n", "a = 1\n[open\n",
                                      "a = 1\n[]\n", "a = 1\nb = 2"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct seen seen = {.all = STR_INIT, .refuse = "b"};
        struct err err = {0};
        assert_false(parse(bad[i], &seen, &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_true(str_starts(err.text, "config.ini:2: "));
        str_fini(&seen.all);
    }
}

static void change(const char *text, const char *key, const char *value, const char *want)
{
    struct err err = {0};
    char *changed = ini_with(text, key, value, &err);
    assert_non_null(changed);
    assert_string_equal(changed, want);
    mem_free(changed);
}

static void t_changes_keep_the_rest(void **state)
{
    (void)state;
    change("", "slots", "2", "slots = 2\n");
    change("# mine\nslots = 1\n", "slots", "2", "# mine\nslots = 2\n");
    change("# mine\nslots = 1\ngpus = none\n", "slots", NULL, "# mine\ngpus = none\n");
    change("gpus = none", "slots", "2", "gpus = none\nslots = 2\n");
    change("[tomolog]\nurl = a\n", "slots", "2", "slots = 2\n[tomolog]\nurl = a\n");
    change("slots = 1\n", "tomolog.url", "b", "slots = 1\n\n[tomolog]\nurl = b\n");
    change("[tomolog]\nurl = a\n\n[other]\nx = 1\n", "tomolog.note", "n",
           "[tomolog]\nurl = a\nnote = n\n\n[other]\nx = 1\n");
    change("", "setup", " two blanks ", "setup = \" two blanks \"\n");
}

static bool grow(void *arg, struct err *err)
{
    char *text = ini_with("a = 1\n[s]\nb = 2\n", "s.c", "3", err);
    (void)arg;
    mem_free(text);
    return text != NULL;
}

static void t_out_of_memory(void **state)
{
    (void)state;
    test_every_failure(grow, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_keys_sections_comments),
        cmocka_unit_test(t_errors_have_file_and_line),
        cmocka_unit_test(t_changes_keep_the_rest),
        cmocka_unit_test(t_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
