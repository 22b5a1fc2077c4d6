/* Descriptors of tools: any JSON is judged; what is right can be made a command. */
#include <stdint.h>
#include <stdlib.h>
#include "codec/json.h"
#include "plan/command.h"
#include "plan/tool-check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {ERR_NONE, ""};
    json_t *doc = json_parse((const char *)data, size, "tool", &err);
    json_t *said = doc ? tool_check(doc, &err) : NULL, *params = json_object();
    if (doc && !said) {
        abort();
    }
    if (said && json_array_size(said) == 0) {
        const struct tool tool = {.name = "t", .kind = "command", .doc = doc};
        const struct bind in = {
            .item_name = "s", .root = "/d", .rec = "/r", .imaging = "/i", .tool = &tool};
        json_t *words = command_words(&in, params, NULL, &err);
        if (!words) {
            abort();
        }
        json_decref(words);
    }
    json_decref(params);
    json_decref(said);
    json_decref(doc);
    return 0;
}
