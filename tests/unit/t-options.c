/* model/options: every default passes its own check, ranges hold, config.ini is read and written.
 */
#include "test.h"

#include "base/path.h"
#include "model/options.h"
#include "os/file.h"

static void write_config(const char *home, const char *text)
{
    struct err err = {0};
    char *path = path_join(home, "config.ini", &err);
    assert_ok(file_write(path, text, strlen(text), false, &err), err);
    mem_free(path);
}

static void t_defaults(void **state)
{
    struct err err = {0};
    char *home = test_folder("options");
    struct options *o = options_load(home, &err);
    (void)state;
    assert_non_null(o);
    for (const struct option_info *i = option_table; i->key; i++) {
        assert_ok(option_check(i, i->fallback, &err), err);
        assert_string_equal(options_text(o, i->key), i->fallback);
        assert_false(options_given(o, i->key));
        assert_true(strlen(i->help) > 10);
    }
    assert_int_equal(options_int(o, "slots"), 0);
    assert_true(options_number(o, "undersized_percent") == 50);
    assert_true(options_number(o, "watch_poll") == 10);
    assert_true(options_int(o, "mem_reserve") == (int64_t)1 << 30);
    assert_false(options_bool(o, "overwrite"));
    assert_string_equal(options_text(o, "no_such"), "");
    options_free(o);
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

static void t_values_and_ranges(void **state)
{
    static const struct {
        const char *key, *value;
        bool good;
    } cases[] = {
        {"slots", "3", true},
        {"slots", "-1", false},
        {"slots", "many", false},
        {"slots", "1.5", false},
        {"timeout", "10m", true},
        {"timeout", "soon", false},
        {"mem_reserve", "2G", true},
        {"mem_reserve", "-1", false},
        {"undersized_percent", "0", true},
        {"undersized_percent", "100", true},
        {"undersized_percent", "101", false},
        {"undersized_percent", "nan", false},
        {"overwrite", "yes", true},
        {"overwrite", "perhaps", false},
        {"gpus", "0,1", true},
        {"attempts_dir", "a\nb", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        const struct option_info *info = option_find(cases[i].key, &err);
        assert_non_null(info);
        assert_true(option_check(info, cases[i].value, &err) == cases[i].good);
        assert_true(cases[i].good || (err.code == ERR_USAGE && strstr(err.text, cases[i].key)));
    }
}

static void t_file(void **state)
{
    struct err err = {0};
    char *home = test_folder("options");
    (void)state;
    assert_ok(options_save(home, "slots", "3", &err), err);
    assert_ok(options_save(home, "attempts_dir", "/x y", &err), err);
    struct options *o = options_load(home, &err);
    assert_non_null(o);
    assert_int_equal(options_int(o, "slots"), 3);
    assert_string_equal(options_text(o, "attempts_dir"), "/x y");
    assert_true(options_given(o, "slots"));
    options_free(o);
    assert_false(options_save(home, "slots", "many", &err));
    assert_false(options_save(home, "slot", "1", &err));
    assert_non_null(strstr(err.text, "'slots'"));
    write_config(home, "slots = 2\nnonsense = 1\n");
    assert_null(options_load(home, &err));
    assert_non_null(strstr(err.text, "config.ini:2: "));
    assert_non_null(strstr(err.text, "nonsense"));
    write_config(home, "slots = 2\n\nslots = 3\n");
    assert_null(options_load(home, &err));
    assert_non_null(strstr(err.text, "config.ini:3: "));
    assert_ok(file_remove_tree(home, &err), err);
    mem_free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_defaults),
        cmocka_unit_test(t_values_and_ranges),
        cmocka_unit_test(t_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
