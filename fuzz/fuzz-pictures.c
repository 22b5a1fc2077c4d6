/* PNG and Excel: any bytes as a file to be checked, and as text to be made fit for one. */
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "codec/png-file.h"
#include "codec/utf8.h"
#include "codec/xlsx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct str text = STR_INIT, clean = STR_INIT;
    bool whole = png_check_bytes("fuzz", data, size, &err);
    whole = xlsx_check_bytes("fuzz", data, size, &err) || whole;
    (void)whole;
    str_addn(&text, (const char *)data, size);
    utf8_clean(&clean, str_text(&text), 1000);
    for (const unsigned char *at = (const unsigned char *)str_text(&clean); *at != '\0';) {
        size_t n = utf8_length(at);
        if (n == 0) {
            __builtin_trap(); /* cleaned text must be UTF-8 */
        }
        at += n;
    }
    str_fini(&text);
    str_fini(&clean);
    return 0;
}
