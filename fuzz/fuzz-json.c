/* codec/json: any bytes are parsed or refused with one line; what was parsed is written and read
 * back the same. */
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    json_t *value = json_parse((const char *)data, size, "input", &err);
    if (!value) {
        return 0;
    }
    char *text = json_text(value, &err);
    json_t *again = text ? json_parse(text, strlen(text), "written", &err) : NULL;
    if (!again || !json_equal(value, again)) {
        abort();
    }
    json_decref(again);
    json_decref(value);
    mem_free(text);
    return 0;
}
