/* Errors as values: formatting, wrapping, and the lookups in the table of codes. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"

struct code_row {
    const char *name;
    int exit_status;
    int http;
    bool retry;
};

#define ERR_CODE_ROW(code, name, exit_status, http, retry) {name, exit_status, http, retry},
static const struct code_row code_table[] = {ERR_CODES(ERR_CODE_ROW)};
#undef ERR_CODE_ROW

/* One error is one line of UTF-8: names of files and words of programs may hold anything, and JSON
 * carries the message. */
static void one_line(char *text)
{
    str_utf8_mend(text);
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }
}

bool(err_set)(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list ap;
    err->code = code;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    one_line(err->text);
    return false;
}

bool(err_errno)(struct err *err, int errno_value, const char *fmt, ...)
{
    char context[360];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    enum err_code code = ERR_IO;
    if (errno_value == EACCES || errno_value == EPERM || errno_value == EROFS) {
        code = ERR_PERM;
    } else if (errno_value == ENOSPC || errno_value == EDQUOT) {
        code = ERR_DISKFULL;
    } else if (errno_value == ENOMEM) {
        code = ERR_NOMEM;
    }
    str_utf8_mend(context); /* its end may be cut */
    return err_set(err, code, "%s: %s", context, strerror(errno_value));
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    char context[sizeof err->text];
    char both[2 * sizeof err->text + 4];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    str_utf8_mend(context); /* its end may be cut */
    (void)snprintf(both, sizeof both, "%s: %s", context, err->text);
    return err_set(err, err->code, "%s", both);
}

struct err *err_ignore(const char *why)
{
    static _Thread_local struct err scratch;
    (void)why;
    scratch.code = ERR_NONE;
    return &scratch;
}

static const struct code_row *row_of(enum err_code code)
{
    return &code_table[(unsigned)code < ERR_CODE_COUNT ? code : ERR_BUG];
}

const char *err_name(enum err_code code)
{
    return row_of(code)->name;
}

int err_exit_status(enum err_code code)
{
    return row_of(code)->exit_status;
}

int err_http_status(enum err_code code)
{
    return row_of(code)->http;
}

bool err_retry_helps(enum err_code code)
{
    return row_of(code)->retry;
}

enum err_code err_code_of(const char *name)
{
    for (int i = 0; name && i < ERR_CODE_COUNT; i++) {
        if (!strcmp(code_table[i].name, name)) {
            return (enum err_code)i;
        }
    }
    return ERR_FAILED;
}
