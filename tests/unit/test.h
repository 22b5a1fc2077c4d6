/*
 * What every unit test needs: cmocka with the headers it wants, a scratch folder, and the loop that
 * lets the n-th allocation fail. A test includes this header first.
 */
#ifndef GANTRY_TEST_H
#define GANTRY_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/mem.h"
#include "base/str.h"

#define assert_ok(call, err)                              \
    do {                                                  \
        if (!(call)) {                                    \
            fail_msg("%s failed: %s", #call, (err).text); \
        }                                                 \
    } while (0)

/* A new empty folder below the build; the caller frees the name. It stays when the test fails, and
 * is small. */
static inline char *test_folder(const char *word)
{
    struct err err = {0};
    const char *base = getenv("GANTRY_TMP");
    char *path = mem_printf(&err, "%s/tmp-%s-XXXXXX", base ? base : "/tmp", word);
    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    return path;
}

/* Calls `attempt` with the first, second, third... allocation failing until one run needs no
 * further one. Each failing run must return false and say ERR_NOMEM; the last one must succeed.
 * Leaks are the sanitizer's to find. */
static inline void test_every_failure(bool (*attempt)(void *arg, struct err *err), void *arg)
{
    for (size_t n = 1; n < 10000; n++) {
        struct err err = {0};
        (void)mem_fail_at(n);
        bool ok = attempt(arg, &err);
        size_t made = mem_fail_at(0);
        if (made < n) {
            assert_ok(ok, err);
            return;
        }
        if (ok) {
            fail_msg("allocation %zu failed and nobody noticed", n);
        }
        if (err.code != ERR_NOMEM) {
            fail_msg("allocation %zu failed with '%s' (%s)", n, err.text, err_name(err.code));
        }
    }
    fail_msg("needs more than 10,000 allocations");
}

#endif
