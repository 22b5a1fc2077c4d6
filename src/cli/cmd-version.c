/* `gantry version`, the same as `gantry --version`. */
#include "cli/command.h"

static bool run(struct cli *c, struct err *err)
{
    if (!c->json) {
        cli_print(c, "gantry %s\n", GANTRY_VERSION);
        return true;
    }
    json_t *doc = json_pack("{s:s}", "version", GANTRY_VERSION);
    bool ok = doc ? cli_json(c, doc, err) : err_set(err, ERR_NOMEM, "out of memory");
    json_decref(doc);
    return ok;
}

const struct command command_version = {
    .name = "version",
    .group = GROUP_SETUP,
    .summary = "The version of this program",
    .usage = "",
    .no_home = true,
    .run = run,
};
