/* model/layout: any text is a layout or is refused, any name is matched within bounds. The input is
 * a layout, a newline, and folders' names parted by slashes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct layout layout;
    struct layout_names names = {.pid = ""};
    char day[11];
    char *text = mem_strndup((const char *)data, size < 4096 ? size : 4096, &err);
    if (!text) {
        return 0;
    }
    char *rest = strchr(text, '\n');
    if (rest) {
        *rest++ = '\0';
    }
    layout_date(rest ? rest : text, day);
    if (strlen(day) != 0 && strlen(day) != 10) {
        abort();
    }
    if (!layout_parse(text, &layout, &err)) {
        if (err.code != ERR_USAGE) {
            abort();
        }
    } else if (layout.kind == LAYOUT_KIND_PATTERN) {
        for (size_t level = 0; rest && level < layout.n; level++) {
            char *slash = strchr(rest, '/');
            if (slash) {
                *slash = '\0';
            }
            if (layout_level(&layout, level, rest, &names) &&
                strlen(names.pid) + strlen(names.sid) > strlen(rest) + sizeof names) {
                abort();
            }
            rest = slash ? slash + 1 : NULL;
        }
    }
    mem_free(text);
    return 0;
}
