/* UTF-8 as it comes from the world: told from what is not, and made harmless. */
#ifndef GANTRY_CODEC_UTF8_H
#define GANTRY_CODEC_UTF8_H

#include <stddef.h>

struct str;

/* Bytes of the well-formed sequence (RFC 3629) at `at`, which ends in NUL; 0 when it is not one. */
size_t utf8_length(const unsigned char *at);

/* Append `text` so that XML, JSON and fonts can hold it: bytes that are not UTF-8 become U+FFFD,
 * control characters but tab and newline become blanks; at most `limit` UTF-16 units. */
void utf8_clean(struct str *out, const char *text, size_t limit);

#endif
