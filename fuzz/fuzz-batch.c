/* plan/batch: any JSON is taken for a batch or refused with one line, against the tools that ship.
 */
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "codec/json.h"
#include "plan/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tools *shipped(void)
{
    struct err err = {0};
    const char *source = getenv("GANTRY_SOURCE");
    char *folder = mem_printf(&err, "%s/share/tools", source ? source : ".");
    const char *const folders[] = {folder, NULL};
    struct tools *tools = tools_load(folders, &err);
    if (!tools) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    mem_free(folder);
    return tools;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tools *tools; /* read once; lives as long as the process */
    struct err err = {0};
    tools = tools ? tools : shipped();
    json_t *batch = json_parse((const char *)data, size, "input", &err);
    if (batch && batch_check(batch, tools, &err)) {
        json_t *phases = json_pack("[s]", "full");
        json_t *cut = batch_phases(batch, phases, tools, &err);
        if (cut && !batch_check(cut, tools, &err)) {
            abort();
        }
        if (!batch_check_params(batch, json_object_get(batch, "options"), tools, &err) &&
            err.text[0] == '\0') {
            abort();
        }
        json_decref(cut);
        json_decref(phases);
    }
    json_decref(batch);
    return 0;
}
