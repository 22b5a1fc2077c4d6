/* model/account: names and roles. */
#include "test.h"

#include <string.h>

#include "model/account.h"

static void t_names(void **state)
{
    static const char *const good[] = {"a", "anna", "anna.b@lab.org", "X-1", "0", "_x"};
    static const char *const bad[] = {"",    "-a",       "a b", "a/b", "a\n",
                                      "a;b", "\xc3\xa4", "a:b", "a\"b"};
    struct err err = {0};
    char longest[ACCOUNT_NAME_MAX + 2];
    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(account_check_name(good[i], &err), err);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(account_check_name(bad[i], &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
    assert_false(account_check_name(longest, &err));
}

static void t_roles(void **state)
{
    struct err err = {0};
    (void)state;
    assert_int_equal(account_rank("viewer"), 1);
    assert_int_equal(account_rank("operator"), 2);
    assert_int_equal(account_rank("admin"), 3);
    assert_int_equal(account_rank("Admin"), 0);
    assert_ok(account_check_role("admin", &err), err);
    assert_false(account_check_role("root", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_names), cmocka_unit_test(t_roles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
