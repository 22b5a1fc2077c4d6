/* plan/command: any command-line of a descriptor is cut into words or refused with one line; what
 * passes the check before a run can be filled. */
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "codec/json.h"
#include "plan/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    json_t *doc = json_pack("{s:s%, s:[{s:s, s:s, s:s}, {s:s, s:s}]}", "command-line",
                            (const char *)data, size, "inputs", "id", "f", "value-key", "[F]",
                            "command-line-flag", "--in", "id", "l", "value-key", "[L]");
    json_t *params = json_pack("{s:s, s:[s, s]}", "f", "a [L]", "l", "x", "y");
    const struct tool tool = {.name = "t", .kind = "command", .doc = doc};
    const struct bind in = {
        .item_name = "s.h5", .root = "/d", .rec = "/r", .imaging = "/i", .tool = &tool};
    if (doc && params) { /* else not UTF-8: no descriptor has that */
        bool fine = command_check(&tool, &err);
        json_t *words = command_words(&in, params, NULL, &err);
        if (fine != (words != NULL) || (!fine && err.text[0] == '\0')) {
            abort();
        }
        json_decref(words);
    }
    json_decref(params);
    json_decref(doc);
    return 0;
}
