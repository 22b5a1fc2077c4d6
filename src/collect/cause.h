/* Failures grouped by cause: the same signature is the same cause, whatever paths, numbers and
 * names it holds. */
#ifndef GANTRY_COLLECT_CAUSE_H
#define GANTRY_COLLECT_CAUSE_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

/* The message without quoted text, paths, numbers and hexadecimal ids (each becomes one '*'). */
void cause_signature(const char *message, char *out, size_t size);
/* Id of the cause of (code, message), made when new. */
bool cause_of(struct store *s, const char *code, const char *message, int64_t *ret_id,
              struct err *err) CHECK_RESULT;

#endif
