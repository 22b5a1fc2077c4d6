/* The one table of error codes: code, name, exit status, HTTP status, "does trying again help?".
 * The retry column is what the queue obeys; exit statuses are documented in README.md and stable.
 */
#ifndef GANTRY_BASE_ERR_CODES_H
#define GANTRY_BASE_ERR_CODES_H

#define ERR_CODES(X)                                   \
    X(ERR_NONE, "none", 0, 200, false)                 \
    X(ERR_FAILED, "failed", 1, 500, false)             \
    X(ERR_FORMAT, "bad-data", 1, 422, false)           \
    X(ERR_NOMEM, "out-of-memory", 1, 503, true)        \
    X(ERR_TIMEOUT, "timeout", 1, 504, false)           \
    X(ERR_EXISTS, "exists", 1, 409, false)             \
    X(ERR_BUG, "bug", 1, 500, false)                   \
    X(ERR_USAGE, "usage", 2, 400, false)               \
    X(ERR_UNSUPPORTED, "not-built-yet", 2, 501, false) \
    X(ERR_NOTHING, "nothing-to-do", 3, 404, false)     \
    X(ERR_IO, "cannot-read-or-write", 4, 500, true)    \
    X(ERR_PERM, "permission", 4, 403, false)           \
    X(ERR_DISKFULL, "disk-full", 4, 507, true)         \
    X(ERR_UNREACHABLE, "unreachable", 5, 503, true)    \
    X(ERR_CANCELLED, "interrupted", 130, 499, true)

#endif
