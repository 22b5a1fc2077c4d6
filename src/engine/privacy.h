/*
 * How PatientIDs are stored (the option `privacy`): as they are, or as a digest keyed with a secret
 * of this home, which still tells patients apart and tells nobody who they are. `auto` means hash
 * once there are accounts. The key is <home>/privacy.key, made when it is first needed; without it
 * the digests of later scans would be others.
 */
#ifndef GANTRY_ENGINE_PRIVACY_H
#define GANTRY_ENGINE_PRIVACY_H

#include <stdbool.h>
#include "base/err.h"
#include "codec/secret.h"
#include "store/store.h"

struct privacy {
    bool hash;
    char key[SECRET_HEX];
};

#define PRIVACY_MARK "P-"
#define PRIVACY_TEXT 15 /* the mark, 12 hex digits, NUL */

bool privacy_load(const char *home, struct store *s, struct privacy *ret,
                  struct err *err) CHECK_RESULT;
/* The digest of a PatientID that is not "". */
void privacy_digest(const struct privacy *p, const char *patient, char ret[PRIVACY_TEXT]);
/* Is the text such a digest? */
bool privacy_is_digest(const char *text);

#endif
