/* Digests through libsodium, as lower-case hex: BLAKE2b for our own data, SHA-256 where others must
 * be able to check. */
#ifndef GANTRY_CODEC_DIGEST_H
#define GANTRY_CODEC_DIGEST_H

#include <stddef.h>
#include "base/err.h"

#define DIGEST_HEX 33 /* 16 bytes as hex + NUL */

/* Digest of a text, 128 bits: enough to tell versions of our own data apart. */
void digest_text(const char *text, size_t length, char ret_hex[DIGEST_HEX]);
/* Digest of a file's content. */
bool digest_file(const char *path, char ret_hex[DIGEST_HEX], struct err *err) CHECK_RESULT;

#define DIGEST_SHA256_HEX 65
void digest_sha256(const void *bytes, size_t length, char ret_hex[DIGEST_SHA256_HEX]);
bool digest_sha256_file(const char *path, char ret_hex[DIGEST_SHA256_HEX],
                        struct err *err) CHECK_RESULT;

#endif
