/*
 * Passwords and tokens, by libsodium: argon2id hashes of passwords, random tokens, keyed digests,
 * comparison in constant time. Hashing or checking a password takes a tenth of a second and 64 MiB
 * on purpose, so the engine never does it in its own process.
 */
#ifndef GANTRY_CODEC_SECRET_H
#define GANTRY_CODEC_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

#define SECRET_HEX 65       /* 32 bytes as hex + NUL */
#define SECRET_PASSWORD 129 /* libsodium's string form + NUL, with room */

/* 32 random bytes from the kernel. */
bool secret_token(char ret_hex[SECRET_HEX], struct err *err) CHECK_RESULT;
/* BLAKE2b-256 of `text`, keyed with `key` (NULL: unkeyed; any length). */
void secret_digest(const char *key, const char *text, char ret_hex[SECRET_HEX]);
/* Equal? The time taken tells nothing but their lengths. */
bool secret_equal(const char *a, const char *b);
/* Overwrite what is no longer needed. */
void secret_wipe(void *block, size_t size);

/* "$argon2id$..." of a password. */
bool secret_hash_password(const char *password, char ret[SECRET_PASSWORD],
                          struct err *err) CHECK_RESULT;
/* Is it the password of that hash? False for a text that is no hash at all. */
bool secret_check_password(const char *hash, const char *password);
/* A hash that no password has: checked for names that do not exist, so that both take as long. */
extern const char secret_nobody[];

#endif
