/* BLAKE2b and SHA-256. */
#include "codec/digest.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include "base/mem.h"

#define DIGEST_BYTES 16

void digest_text(const char *text, size_t length, char ret_hex[DIGEST_HEX])
{
    unsigned char hash[DIGEST_BYTES];
    (void)crypto_generichash(hash, sizeof hash, (const unsigned char *)text, length, NULL, 0);
    (void)sodium_bin2hex(ret_hex, DIGEST_HEX, hash, sizeof hash);
}

bool digest_file(const char *path, char ret_hex[DIGEST_HEX], struct err *err)
{
    unsigned char hash[DIGEST_BYTES], block[65536];
    crypto_generichash_state state;
    FILE *f = fopen(path, "re");
    if (!f) {
        return err_errno(err, errno, "cannot read '%s'", path);
    }
    (void)crypto_generichash_init(&state, NULL, 0, sizeof hash);
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        (void)crypto_generichash_update(&state, block, n);
    }
    bool ok = !ferror(f) || err_errno(err, errno, "cannot read '%s'", path);
    (void)fclose(f);
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    (void)sodium_bin2hex(ret_hex, DIGEST_HEX, hash, sizeof hash);
    return ok;
}

void digest_sha256(const void *bytes, size_t length, char ret_hex[DIGEST_SHA256_HEX])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(hash, bytes, length);
    (void)sodium_bin2hex(ret_hex, DIGEST_SHA256_HEX, hash, sizeof hash);
}

bool digest_sha256_file(const char *path, char ret_hex[DIGEST_SHA256_HEX], struct err *err)
{
    unsigned char hash[crypto_hash_sha256_BYTES], block[65536];
    crypto_hash_sha256_state state;
    FILE *f = fopen(path, "re");
    if (!f) {
        return err_errno(err, errno, "cannot read '%s'", path);
    }
    (void)crypto_hash_sha256_init(&state);
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        (void)crypto_hash_sha256_update(&state, block, n);
    }
    bool ok = !ferror(f) || err_errno(err, errno, "cannot read '%s'", path);
    (void)fclose(f);
    (void)crypto_hash_sha256_final(&state, hash);
    (void)sodium_bin2hex(ret_hex, DIGEST_SHA256_HEX, hash, sizeof hash);
    return ok;
}
