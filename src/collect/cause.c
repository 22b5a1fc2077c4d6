/* Signatures of failures. */
#include "collect/cause.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/str.h"

static size_t skip_quoted(const char *p)
{
    const char *end = strchr(p + 1, *p);
    return end ? (size_t)(end - p) + 1 : strlen(p);
}

/* Length of a word that says which one, not what: a path, a number, an id. 0 = keep it. */
static size_t skip_detail(const char *p, bool at_word)
{
    if (*p == '\'' && (at_word || p[1] == '/')) {
        return skip_quoted(p);
    }
    if (*p == '"') {
        return skip_quoted(p);
    }
    if (at_word && (*p == '/' || (*p == '.' && p[1] == '/'))) {
        return strcspn(p, " \t,;:()'\"");
    }
    size_t word = 0, digits = 0;
    while (isalnum((unsigned char)p[word]) || p[word] == '.' || p[word] == '_') {
        digits += isdigit((unsigned char)p[word]) != 0;
        word++;
    }
    if (at_word && digits > 0) { /* numbers, sample_012, 3f9a... */
        return word;
    }
    return 0;
}

/* "input 'f1' of P01#S1: nothing matches 't1*' (nearest: ...)": which argument and which pattern is
 * the cause; whose it is and what comes near are not. */
static bool missing_input(const char *message, char *out, size_t size)
{
    static const char says[] = ": nothing matches ";
    const char *of = str_starts(message, "input '") ? strstr(message, "' of ") : NULL;
    const char *at = of ? strstr(of, says) : NULL;
    const char *end = at ? strstr(at, " (nearest: ") : NULL;
    if (!at) {
        return false;
    }
    end = end ? end : strstr(at, " (it has no files");
    end = end ? end : at + strlen(at);
    (void)snprintf(out, size, "%.*s%.*s", (int)(of + 1 - message), message, (int)(end - at), at);
    return true;
}

void cause_signature(const char *message, char *out, size_t size)
{
    if (missing_input(message, out, size)) {
        return;
    }
    size_t n = 0;
    bool at_word = true;
    while (*message && n + 2 < size) {
        size_t skip = skip_detail(message, at_word);
        if (skip > 0) {
            if (n == 0 || out[n - 1] != '*') {
                out[n++] = '*';
            }
            message += skip;
            at_word = false;
        } else {
            at_word = !isalnum((unsigned char)*message);
            out[n++] = *message++;
        }
    }
    out[n] = '\0';
}

bool cause_of(struct store *s, const char *code, const char *message, int64_t *ret_id,
              struct err *err)
{
    char signature[480];
    cause_signature(message, signature, sizeof signature);
    return store_exec(s, err,
                      "INSERT INTO cause(code,signature,example,first_us) VALUES(?1,?2,?3,?4) "
                      "ON CONFLICT(code,signature) DO NOTHING",
                      "sssi", code, signature, message, clock_utc_us()) &&
        store_int(s, 0, ret_id, err, "SELECT id FROM cause WHERE code=?1 AND signature=?2", "ss",
                  code, signature);
}
