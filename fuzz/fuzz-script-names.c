/* Names of arguments out of a script: each once, each of the form that the rule says. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/mem.h"
#include "plan/script-names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {ERR_NONE, ""};
    char *text = mem_strndup((const char *)data, size, &err);
    json_t *names = text ? script_names(text, &err) : NULL;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        assert(strchr("fopsn", name[0]) && strspn(name + 1, "0123456789") == strlen(name + 1));
        for (size_t k = 0; k < i; k++) {
            assert(strcmp(json_string_value(json_array_get(names, k)), name) != 0);
        }
    }
    json_decref(names);
    mem_free(text);
    return 0;
}
