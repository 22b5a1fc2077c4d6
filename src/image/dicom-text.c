/* iconv knows the sets; only their names are DICOM's own (PS3.3, C.12.1.1.2). */
#include "image/dicom-text.h"
#include <iconv.h>
#include <stdbool.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"

/* gcc's analyzer takes the -1 of an iconv_open() that failed for a block of memory. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

#define ROOM 512u

static const struct {
    const char *dicom, *iconv;
} sets[] = {
    {"192", "UTF-8"},      {"100", "ISO-8859-1"}, {"101", "ISO-8859-2"},  {"109", "ISO-8859-3"},
    {"110", "ISO-8859-4"}, {"144", "ISO-8859-5"}, {"127", "ISO-8859-6"},  {"126", "ISO-8859-7"},
    {"138", "ISO-8859-8"}, {"148", "ISO-8859-9"}, {"203", "ISO-8859-15"}, {"13", "SHIFT_JIS"},
    {"166", "TIS-620"},
};

/* "ISO_IR 144", "ISO 2022 IR 144", "\ISO 2022 IR 144", "GB18030": the last one named counts. */
static const char *iconv_name(const char *charset)
{
    const char *last = strrchr(charset, '\\');
    last = last ? last + 1 : charset;
    const char *number = strrchr(last, ' ');
    for (size_t i = 0; number && i < sizeof sets / sizeof *sets; i++) {
        if (strcmp(number + 1, sets[i].dicom) == 0) {
            return sets[i].iconv;
        }
    }
    return strcmp(last, "GB18030") == 0 || strcmp(last, "GBK") == 0 ? last : NULL;
}

static bool plain(const char *text)
{
    while (*text >= ' ' && *text < 0x7f) {
        text++;
    }
    return *text == '\0';
}

static void only_plain(char *text)
{
    for (; *text != '\0'; text++) {
        if (!(*text >= ' ' && *text < 0x7f)) {
            *text = '?';
        }
    }
}

/* As much of `text` as is understood into `out`; what is not, as '?'. */
static void convert(iconv_t cd, char *text, char *out, size_t room)
{
    char *in_at = text, *out_at = out;
    size_t in_left = strlen(text), out_left = room - 1;
    while (in_left > 0 && iconv(cd, &in_at, &in_left, &out_at, &out_left) == (size_t)-1 &&
           out_left > 1 && in_left > 0) {
        *out_at++ = '?';
        out_left--;
        in_at++;
        in_left--;
    }
    *out_at = '\0';
}

/* False when iconv does not know the set. */
static bool converted(const char *set, char *text, char *out, size_t room)
{
    iconv_t cd = iconv_open("UTF-8", set);
    if (cd != (iconv_t)-1) {
        convert(cd, text, out, room);
        (void)iconv_close(cd);
        return true;
    }
    return false;
}

void dicom_text_utf8(const char *charset, char *text, size_t room)
{
    char out[ROOM] = "";
    const char *name = iconv_name(charset);
    if (plain(text) || (str_utf8(text) && (!name || strcmp(name, "UTF-8") == 0))) {
        return;
    }
    if (!converted(name ? name : "CP1251", text, out, sizeof out)) {
        only_plain(text);
        return;
    }
    size_t n = strlen(out), all = n;
    n = n < room ? n : room - 1;
    /* never cut inside of a character */
    while (n < all && n > 0 && ((unsigned char)out[n] & 0xc0) == 0x80) {
        n--;
    }
    memcpy(text, out, n);
    text[n] = '\0';
}
