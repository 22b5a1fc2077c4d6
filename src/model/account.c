/* Names and roles. */
#include "model/account.h"

#include <ctype.h>
#include <string.h>

bool account_check_name(const char *name, struct err *err)
{
    bool good = *name && strlen(name) <= ACCOUNT_NAME_MAX && name[0] != '-';
    for (const char *p = name; good && *p; p++) {
        good = isalnum((unsigned char)*p) || strchr("._-@", *p);
    }
    return good ||
        err_set(err, ERR_USAGE,
                "'%.80s' cannot be an account's name: letters, digits and . _ - @, at most %d",
                name, ACCOUNT_NAME_MAX);
}

int account_rank(const char *role)
{
    static const char *const roles[] = {"viewer", "operator", "admin"};
    for (int i = 0; i < 3; i++) {
        if (!strcmp(role, roles[i])) {
            return i + 1;
        }
    }
    return 0;
}

bool account_check_role(const char *role, struct err *err)
{
    return account_rank(role) > 0 ||
        err_set(err, ERR_USAGE, "'%.80s' is no role: viewer, operator or admin", role);
}
