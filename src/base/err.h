/*
 * Errors are values. A function that can fail returns bool (or a pointer that is NULL on failure),
 * takes `struct err *` last, and fills it when it fails. The lowest layer says what happened; each
 * layer above may put context in front with err_wrap(), so that a person reads one line from the
 * general to the exact.
 */
#ifndef GANTRY_BASE_ERR_H
#define GANTRY_BASE_ERR_H

#include <stdbool.h>
#include "base/err-codes.h"

#define ERR_CODE_ENUM(code, name, exit_status, http, retry) code,
enum err_code { ERR_CODES(ERR_CODE_ENUM) ERR_CODE_COUNT };
#undef ERR_CODE_ENUM

struct err {
    enum err_code code;
    char text[480];
};

#define CHECK_RESULT __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Set code and text; always returns false, so that `return err_set(...)` reads well. Control
 * characters in the text are replaced by '?', so one error is always one line. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same with ": <strerror>" appended; the code follows errno (EACCES -> ERR_PERM, ENOSPC ->
 * ERR_DISKFULL, ENOMEM -> ERR_NOMEM, else ERR_IO). */
bool err_errno(struct err *err, int errno_value, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put "<context>: " in front of the text. Always returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

#ifdef __clang_analyzer__ /* it does not see from a call that they return false */
static inline bool err_false(bool set)
{
    (void)set;
    return false;
}
#define err_set(...) err_false((err_set)(__VA_ARGS__))
#define err_errno(...) err_false((err_errno)(__VA_ARGS__))
#endif

/* A broken invariant of our own: ERR_BUG with file and line. */
#define err_bug(err, what) \
    err_set((err), ERR_BUG, "%s:%d: %s (please report this)", __FILE__, __LINE__, (what))

/* A place for an error that is ignored on purpose; `why` documents it at the call. */
struct err *err_ignore(const char *why);

/* Wraps a call whose failure is ignored on purpose: err_waive(f(..., err_ignore("why"))). */
static inline void err_waive(bool ok)
{
    (void)ok;
}

const char *err_name(enum err_code code);
int err_exit_status(enum err_code code);
int err_http_status(enum err_code code);
bool err_retry_helps(enum err_code code);
/* Code of a name such as "bad-data"; ERR_FAILED when unknown. */
enum err_code err_code_of(const char *name);

#endif
