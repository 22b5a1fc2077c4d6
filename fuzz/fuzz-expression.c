/* Formulas of image.math: any text; what is taken is worked out. */
#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "math/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const double one[2] = {1.5, -2}, two[2] = {0, 3};
    const double *const input[] = {one, two};
    struct err err = {ERR_NONE, ""};
    double ret[2];
    char *text = mem_strndup((const char *)data, size, &err);
    struct expression *e = text ? expression_new(text, 2, &err) : NULL;
    if (e) {
        (void)expression_is_mask(e);
        expression_run(e, input, 2, ret);
        expression_free(e);
    }
    mem_free(text);
    return 0;
}
