/* Accounts of the server: how they may be called, and their roles. */
#ifndef GANTRY_MODEL_ACCOUNT_H
#define GANTRY_MODEL_ACCOUNT_H

#include <stdbool.h>
#include "base/err.h"

#define ACCOUNT_NAME_MAX 63

/* Letters, digits and . _ - @ only: a name goes into headers, logs and command lines. ERR_USAGE
 * says so. */
bool account_check_name(const char *name, struct err *err) CHECK_RESULT;
/* "viewer", "operator" or "admin". */
bool account_check_role(const char *role, struct err *err) CHECK_RESULT;
/* 1 viewer, 2 operator, 3 admin; 0 for anything else. */
int account_rank(const char *role);

#endif
