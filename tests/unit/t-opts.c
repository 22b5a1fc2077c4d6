/* cli: options of a command line, suggestions, widths and escapes of text. */
#include "test.h"

#include "cli/command.h"
#include "cli/opts.h"

static const struct opt options[] = {
    {'f', "follow", OPT_FLAG, NULL, "", false}, {'n', "slots", OPT_INT, "N", "", false},
    {0, "cor", OPT_NUMBER, "X", "", false},     {0, "timeout", OPT_SECONDS, "T", "", false},
    {0, "mem", OPT_BYTES, "B", "", false},      {'s', "set", OPT_TEXT, "K=V", "", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};
static const struct command command = {.name = "test", .options = options};

static bool parse(struct cli *c, char **words, struct err *err)
{
    int n = 0;
    *c = (struct cli){.command = &command};
    while (words[n]) {
        n++;
    }
    return opts_parse(c, n, words, err);
}

static void t_all_forms(void **state)
{
    struct cli c;
    struct err err = {0};
    char *words[] = {"a",         "-f",  "--slots=3", "--cor", "-5.5", "-sx=1", "-s",      "y=2",
                     "--timeout", "10m", "--mem",     "2k",    "-7",   "--",    "--slots", NULL};
    (void)state;
    assert_ok(parse(&c, words, &err), err);
    assert_true(cli_has(&c, "follow"));
    assert_int_equal(cli_int(&c, "slots", 0), 3);
    assert_true(cli_number(&c, "cor", 0) == -5.5);
    assert_true(cli_number(&c, "timeout", 0) == 600);
    assert_int_equal(cli_int(&c, "mem", 0), 2048);
    assert_int_equal(cli_count(&c, "set"), 2);
    assert_string_equal(cli_nth(&c, "set", 0), "x=1");
    assert_string_equal(cli_text(&c, "set", ""), "y=2");
    assert_false(cli_has(&c, "json"));
    assert_int_equal(c.n_args, 3);
    assert_string_equal(c.args[1], "-7");
    assert_string_equal(c.args[2], "--slots");
    opts_free(&c);
}

static void t_clusters_and_last_one_wins(void **state)
{
    struct cli c;
    struct err err = {0};
    char *words[] = {"-ffn4", "--slots", "5", NULL};
    (void)state;
    assert_ok(parse(&c, words, &err), err);
    assert_int_equal(cli_count(&c, "follow"), 2);
    assert_int_equal(cli_int(&c, "slots", 0), 5);
    opts_free(&c);
}

static void t_refused(void **state)
{
    static char *bad[][3] = {
        {"--folow", NULL, NULL}, {"--slots", NULL, NULL},     {"--slots", "many", NULL},
        {"--cor", "nan", NULL},  {"--follow=1", NULL, NULL},  {"-x", NULL, NULL},
        {"-n", NULL, NULL},      {"--timeout", "soon", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cli c;
        struct err err = {0};
        assert_false(parse(&c, bad[i], &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_true(i != 0 || strstr(err.text, "--follow"));
        opts_free(&c);
    }
}

static bool parse_some(void *arg, struct err *err)
{
    struct cli c;
    char *words[] = {"a", "--slots", "3", NULL};
    (void)arg;
    bool ok = parse(&c, words, err);
    opts_free(&c);
    return ok;
}

static void t_out_of_memory(void **state)
{
    (void)state;
    test_every_failure(parse_some, NULL);
}

static void t_subcommands(void **state)
{
    static const char *const subs[] = {"ls", "show", "save", NULL};
    struct cli c;
    struct err err = {0};
    char *words[] = {"show", "x", NULL}, *slip[] = {"shwo", NULL}, *none[] = {NULL};
    (void)state;
    assert_ok(parse(&c, words, &err), err);
    assert_string_equal(cli_sub(&c, subs, NULL, &err), "show");
    assert_int_equal(c.n_args, 1);
    assert_string_equal(c.args[0], "x");
    opts_free(&c);
    assert_ok(parse(&c, slip, &err), err);
    assert_null(cli_sub(&c, subs, "ls", &err));
    assert_non_null(strstr(err.text, "'show'"));
    opts_free(&c);
    assert_ok(parse(&c, none, &err), err);
    assert_string_equal(cli_sub(&c, subs, "ls", &err), "ls");
    assert_null(cli_sub(&c, subs, NULL, &err));
    opts_free(&c);
}

static void t_pairs(void **state)
{
    struct cli c;
    struct err err = {0};
    char *words[] = {"n=3", "x=1.5", "t=word", "l=[1,2]", "b=true", "e=", NULL},
         *wrong[] = {"n", NULL};
    (void)state;
    assert_ok(parse(&c, words, &err), err);
    json_t *all = cli_pairs(&c, c.args, c.n_args, &err);
    assert_non_null(all);
    assert_int_equal(json_get_int(all, "n", 0), 3);
    assert_true(json_get_double(all, "x", 0) == 1.5);
    assert_string_equal(json_get_text(all, "t", ""), "word");
    assert_int_equal(json_array_size(json_object_get(all, "l")), 2);
    assert_true(json_get_bool(all, "b", false));
    assert_string_equal(json_get_text(all, "e", "-"), "");
    json_decref(all);
    assert_null(cli_pairs(&c, wrong, 1, &err));
    assert_int_equal(err.code, ERR_USAGE);
    opts_free(&c);
}

static void t_nearest(void **state)
{
    static const char *const words[] = {"status", "scan", "suspend", "set", NULL};
    (void)state;
    assert_string_equal(cli_nearest("statsu", words), "status");
    assert_string_equal(cli_nearest("susp", words), "suspend");
    assert_string_equal(cli_nearest("scna", words), "scan");
    assert_null(cli_nearest("reconstruct", words));
    assert_null(cli_nearest("", words));
}

static void t_widths(void **state)
{
    (void)state;
    assert_int_equal(cli_width(""), 0);
    assert_int_equal(cli_width("abc"), 3);
    assert_int_equal(cli_width("образец"), 7);
    assert_int_equal(cli_width("試料"), 4);
    assert_int_equal(cli_width("e\xCC\x81"), 1); /* e and a combining acute */
    assert_int_equal(cli_width("\xff\xfe"), 2);  /* broken bytes count one each */
}

static void shown(const char *text, const char *want)
{
    struct err err = {0};
    char *is = cli_shown(text, &err);
    assert_non_null(is);
    assert_string_equal(is, want);
    mem_free(is);
}

static void t_text_cannot_harm_a_terminal(void **state)
{
    (void)state;
    shown("плохое имя.h5", "плохое имя.h5");
    shown("a\nb\tc", "a\\nb\\tc");
    shown("\033[31m", "\\x1b[31m");
    shown("\xff", "\\xff");
    shown("a\xC2\x9B", "a\\u009b");
    shown("a\xE2\x80\xAEh", "a\\u202eh"); /* right-to-left override */
    shown("\xC0\xAF", "\\xc0\\xaf");      /* an overlong slash */
    shown("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_all_forms),
        cmocka_unit_test(t_clusters_and_last_one_wins),
        cmocka_unit_test(t_refused),
        cmocka_unit_test(t_out_of_memory),
        cmocka_unit_test(t_subcommands),
        cmocka_unit_test(t_pairs),
        cmocka_unit_test(t_nearest),
        cmocka_unit_test(t_widths),
        cmocka_unit_test(t_text_cannot_harm_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
