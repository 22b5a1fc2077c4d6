/* catalog/selector: any text is parsed or refused; globs and status words never read past their
 * ends. The input is a selector, a newline, and a name to hold it against. */
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/num.h"
#include "catalog/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct selector selector;
    char *text = mem_strndup((const char *)data, size < 4096 ? size : 4096, &err);
    if (!text) {
        return 0;
    }
    char *newline = strchr(text, '\n');
    const char *name = newline ? newline + 1 : "sample_001.h5";
    if (newline) {
        *newline = '\0';
    }
    if (selector_parse(text, &selector, &err)) {
        if (selector.value < text || selector.value > text + strlen(text)) {
            abort();
        }
        if (selector.kind == SEL_SCAN && !num_ranges_valid(selector.value)) {
            abort();
        }
        (void)selector_status(selector.value, name, "done");
    } else if (err.code != ERR_USAGE) {
        abort();
    }
    (void)selector_glob(text, name);
    mem_free(text);
    return 0;
}
