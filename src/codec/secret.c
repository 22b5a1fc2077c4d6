/* libsodium behind the house's names. */
#include "codec/secret.h"

#include <sodium.h>
#include <string.h>
#include "base/mem.h"

#define TOKEN_BYTES 32

/* OWASP asks for at least 19 MiB and two passes of argon2id; libsodium's "interactive" is 64 MiB
 * and two. */
#define OPS crypto_pwhash_OPSLIMIT_INTERACTIVE
#define MEMORY crypto_pwhash_MEMLIMIT_INTERACTIVE

const char secret_nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$"
                             "bm8gcGFzc3dvcmQgaGFzIA$"
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

bool secret_token(char ret_hex[SECRET_HEX], struct err *err)
{
    unsigned char bytes[TOKEN_BYTES];
    if (sodium_init() < 0) {
        return err_set(err, ERR_FAILED, "the system gives no random numbers");
    }
    randombytes_buf(bytes, sizeof bytes);
    (void)sodium_bin2hex(ret_hex, SECRET_HEX, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    return true;
}

void secret_digest(const char *key, const char *text, char ret_hex[SECRET_HEX])
{
    unsigned char hash[TOKEN_BYTES], short_key[TOKEN_BYTES];
    if (key) {
        (void)crypto_generichash(short_key, sizeof short_key, (const unsigned char *)key,
                                 strlen(key), NULL, 0);
    }
    (void)crypto_generichash(hash, sizeof hash, (const unsigned char *)text, strlen(text),
                             key ? short_key : NULL, key ? sizeof short_key : 0);
    (void)sodium_bin2hex(ret_hex, SECRET_HEX, hash, sizeof hash);
}

bool secret_equal(const char *a, const char *b)
{
    size_t n = strlen(a);
    return n == strlen(b) && sodium_memcmp(a, b, n) == 0;
}

void secret_wipe(void *block, size_t size)
{
    if (block) {
        sodium_memzero(block, size);
    }
}

bool secret_hash_password(const char *password, char ret[SECRET_PASSWORD], struct err *err)
{
    if (sodium_init() < 0) {
        return err_set(err, ERR_FAILED, "the system gives no random numbers");
    }
    return crypto_pwhash_str(ret, password, strlen(password), OPS, MEMORY) == 0 ||
        err_set(err, ERR_NOMEM, "no memory to hash a password (64 MiB are needed)");
}

bool secret_check_password(const char *hash, const char *password)
{
    return sodium_init() >= 0 && crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}
