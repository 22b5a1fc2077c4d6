/* base/num: no text is read past its end, and what is taken for a number is finite. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/num.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    char *text = mem_strndup((const char *)data, size, &err);
    double number = 0;
    int64_t whole = 0;
    if (!text) {
        return 0;
    }
    if ((num_double(text, &number) || num_seconds(text, &number)) && !isfinite(number)) {
        abort();
    }
    if (num_bytes(text, &whole) && whole < 0) {
        abort();
    }
    (void)num_int64(text, &whole);
    if (num_ranges_contain(text, whole) && !num_ranges_valid(text)) {
        abort();
    }
    mem_free(text);
    return 0;
}
