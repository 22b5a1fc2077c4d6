/* codec/secret and model/account: tokens differ, hashes are argon2id and judge passwords rightly,
 * names are what may stand in a header. REQUIREMENTS: accounts (DESIGN 8). */
#include "test.h"

#include <string.h>
#include "codec/secret.h"

static void t_tokens_differ(void **state)
{
    char a[SECRET_HEX], b[SECRET_HEX];
    struct err err = {0};
    (void)state;
    assert_ok(secret_token(a, &err) && secret_token(b, &err), err);
    assert_int_equal(strlen(a), 64);
    assert_string_not_equal(a, b);
    assert_true(secret_equal(a, a));
    assert_false(secret_equal(a, b));
    assert_false(secret_equal(a, ""));
}

static void t_digest_depends_on_key_and_text(void **state)
{
    char a[SECRET_HEX], b[SECRET_HEX];
    (void)state;
    secret_digest(NULL, "x", a);
    secret_digest("k", "x", b);
    assert_string_not_equal(a, b);
    secret_digest("k", "x", a);
    assert_string_equal(a, b);
    secret_digest("k", "y", a);
    assert_string_not_equal(a, b);
}

static void t_passwords(void **state)
{
    char hash[SECRET_PASSWORD], again[SECRET_PASSWORD];
    struct err err = {0};
    (void)state;
    assert_ok(secret_hash_password("correct horse", hash, &err), err);
    assert_ok(secret_hash_password("correct horse", again, &err), err);
    assert_true(str_starts(hash, "$argon2id$v=19$m=65536,t=2,p=1$"));
    assert_string_not_equal(hash, again); /* salted */
    assert_true(secret_check_password(hash, "correct horse"));
    assert_false(secret_check_password(hash, "correct hors"));
    assert_false(secret_check_password(hash, ""));
    assert_false(secret_check_password("", "correct horse"));
    assert_false(secret_check_password("no hash", "correct horse"));
    /* what a name that does not exist is checked against: a real hash with the same cost */
    assert_int_equal(strlen(secret_nobody), strlen(hash));
    assert_memory_equal(secret_nobody, hash, strlen("$argon2id$v=19$m=65536,t=2,p=1$"));
    assert_false(secret_check_password(secret_nobody, "correct horse"));
}

static void t_wipe(void **state)
{
    char text[] = "secret";
    (void)state;
    secret_wipe(text, sizeof text);
    assert_memory_equal(text, "\0\0\0\0\0\0", 7);
    secret_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_tokens_differ),
        cmocka_unit_test(t_digest_depends_on_key_and_text),
        cmocka_unit_test(t_passwords),
        cmocka_unit_test(t_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
