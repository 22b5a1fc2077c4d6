/* codec/ini: any bytes are read or refused; setting a key in what was read gives text that reads
 * back that value. */
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "codec/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    int entries;
    int marks;
};

static bool take(void *arg, const char *key, const char *value, struct err *err)
{
    struct seen *seen = arg;
    (void)err;
    seen->entries++;
    seen->marks += !strcmp(key, "fuzz.key") && !strcmp(value, "a value");
    return strlen(value) < ((size_t)1 << 30);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct seen seen = {0, 0};
    char *text = mem_strndup((const char *)data, size, &err);
    char *changed = NULL;
    if (text && ini_parse((const char *)data, size, "input", take, &seen, &err) &&
        strlen(text) == size) {
        changed = ini_with(text, "fuzz.key", "a value", &err);
        seen.marks = 0;
        if (changed &&
            (!ini_parse(changed, strlen(changed), "changed", take, &seen, &err) ||
             seen.marks == 0)) {
            abort();
        }
    }
    mem_free(changed);
    mem_free(text);
    return 0;
}
