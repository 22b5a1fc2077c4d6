/* steps/look-request: any bytes are a request or refused with one line; what is taken names paths
 * that do not climb. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "steps/look-request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct look_request q;
    struct err err = {0};
    if (look_request_parse((const char *)data, size, &q, &err)) {
        if (q.kind != LOOK_FILE && (strstr(q.name, "/../") || q.root[0] != '/')) {
            abort();
        }
    } else if (err.text[0] == '\0') {
        abort();
    }
    look_request_fini(&q);
    return 0;
}
