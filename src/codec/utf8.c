/* Well-formed UTF-8 by the table of RFC 3629, section 4. */
#include "codec/utf8.h"
#include "base/str.h"

size_t utf8_length(const unsigned char *at)
{
    size_t n = at[0] < 0x80                       ? 1
        : (at[0] & 0xE0) == 0xC0 && at[0] >= 0xC2 ? 2
        : (at[0] & 0xF0) == 0xE0                  ? 3
        : (at[0] & 0xF8) == 0xF0 && at[0] <= 0xF4 ? 4
                                                  : 0;

    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if ((n == 3 && at[0] == 0xE0 && at[1] < 0xA0) || (n == 3 && at[0] == 0xED && at[1] >= 0xA0) ||
        (n == 4 && at[0] == 0xF0 && at[1] < 0x90) || (n == 4 && at[0] == 0xF4 && at[1] >= 0x90)) {
        return 0;
    }
    return n;
}

void utf8_clean(struct str *out, const char *text, size_t limit)
{
    const unsigned char *at = (const unsigned char *)text;

    for (size_t characters = 0; *at != '\0' && characters < limit; characters++) {
        size_t n = utf8_length(at);

        if (n == 0) {
            str_add(out, "\xEF\xBF\xBD");
            at++;
        } else if (n == 1 && *at < 0x20 && *at != '\t' && *at != '\n') {
            str_addc(out, ' ');
            at++;
        } else {
            str_addn(out, (const char *)at, n);
            at += n;
            characters += n == 4 ? 1 : 0; /* Excel counts UTF-16 units */
        }
    }
}
