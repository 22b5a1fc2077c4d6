/* The audit log: rows are collected and written together a moment later, so that a thousand writes
 * do not cost a thousand commits. What cannot be written now is kept and tried again. */
#ifndef GANTRY_API_AUDIT_H
#define GANTRY_API_AUDIT_H

#include "api/route.h"
#include "base/err.h"

struct audit;

struct audit *audit_new(struct api *api, struct err *err) CHECK_RESULT;
/* Writes what is left. NULL is fine. */
void audit_free(struct audit *a);
/* `outcome`: "ok", or the name of an error. `project` 0 = none. */
void audit_note(struct audit *a, const struct who *who, const char *what, const char *outcome,
                int64_t project, const char *detail);
/* Write now: before the log is read. */
void audit_flush(struct audit *a);
/* What a body asked for, shortened, without passwords. Caller frees; NULL when memory is out. */
char *audit_detail(const json_t *body);

#endif
