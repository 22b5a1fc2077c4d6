/* Commands of external tools: cutting, value-keys, flags, lists, places; values are never read
 * again. */
#include "test.h"

#include "plan/command.h"

static const char inputs[] =
    "[{\"id\":\"file\",\"type\":\"File\",\"value-key\":\"[F]\",\"command-line-flag\":\"--in\"},"
    "{\"id\":\"n\",\"type\":\"Number\",\"value-key\":\"[N]\",\"command-line-flag\":\"-n\","
    "\"command-line-flag-separator\":\"=\"},"
    "{\"id\":\"fast\",\"type\":\"Flag\",\"value-key\":\"[FAST]\",\"command-line-flag\":\"--fast\"},"
    "{\"id\":\"list\",\"type\":\"String\",\"list\":true,\"value-key\":\"[L]\"},"
    "{\"id\":\"joined\",\"type\":\"String\",\"list\":true,\"value-key\":\"[J]\","
    "\"list-separator\":\",\"}]";

/* The words of a command-line, parted by '|'; NULL on failure. */
static char *words_of(const char *line, const char *params, struct err *ret_err)
{
    struct err err = {0};
    json_t *list = json_loads(inputs, 0, NULL), *given = json_loads(params, 0, NULL);
    json_t *args = json_pack("{s:s}", "file", "/data/a b.h5"), *word;
    const struct tool tool = {.name = "t",
                              .kind = "command",
                              .doc = json_pack("{s:s, s:o}", "command-line", line, "inputs", list)};
    const struct bind in = {.item_name = "sub/s {rec}.h5",
                            .root = "/data/p q",
                            .rec = "/data/p q_rec",
                            .imaging = "/opt/gantry-imaging",
                            .tool = &tool};
    struct str out = STR_INIT;
    size_t i;
    json_t *words = command_words(&in, given, args, ret_err);
    json_array_foreach(words, i, word)
    {
        str_addf(&out, "%s%s", i ? "|" : "", json_string_value(word));
    }
    char *text = words ? str_take(&out, &err) : NULL;
    str_fini(&out);
    json_decref(words);
    json_decref(given);
    json_decref(args);
    json_decref(tool.doc);
    return text;
}

static void t_words(void **state)
{
    static const struct {
        const char *line, *params, *words;
    } cases[] = {
        {"run [F]  [N]\t[FAST]", "{}", "run|--in|/data/a b.h5"},
        {"run [N] [FAST]", "{\"n\":-0.00001,\"fast\":true}", "run|-n=-0.00001|--fast"},
        {"run [FAST] [L]", "{\"fast\":false,\"list\":[]}", "run"},
        {"run [L] [J] x[J]y", "{\"list\":[\"a b\",\"$(c)\"],\"joined\":[\"1\",\"2\"]}",
         "run|a b|$(c)|1,2|x1,2y"},
        {"run 'a [F]' \"b'c\" ''", "{}", "run|a /data/a b.h5|b'c|"},
        {"gantry-imaging x {rec}/{name}_rec {item} {project} {odd}", "{}",
         "/opt/gantry-imaging|x|/data/p q_rec/sub/s {rec}_rec|sub/s {rec}.h5|/data/p q|{odd}"},
        {"run [L]", "{\"list\":\"[F] {rec} ; rm\"}", "run|[F] {rec} ; rm"},
        /* a shell's line: bash gets the values as arguments, and never reads into them */
        {"cd /x && run [F] [N] [FAST] > log", "{\"n\":2}",
         "bash|-c|cd /x && run \"${@:1:2}\" \"${@:3:1}\"  > log|bash|--in|/data/a b.h5|-n=2"},
        {"echo \"a [J] b\" 'c [J]' d[J] $X", "{\"joined\":[\"$(c)\",\"'\"]}",
         "bash|-c|echo \"a ${@:1:1} b\" 'c '\"${@:2:1}\"'' d\"${@:3:1}\" "
         "$X|bash|$(c),'|$(c),'|$(c),'"},
    };
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *words = words_of(cases[i].line, cases[i].params, &err);
        assert_ok(words != NULL, err);
        assert_string_equal(words, cases[i].words);
        mem_free(words);
    }
}

static void t_refused(void **state)
{
    static const char *const bad[] = {"", "   ", "a 'b", "a | 'b", "\"a $X"};
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(words_of(bad[i], "{}", &err));
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_words),
        cmocka_unit_test(t_refused),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
