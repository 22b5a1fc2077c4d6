/* `gantry adopt`: outputs that are already there are taken as done. */
#include <inttypes.h>
#include "cli/command.h"
#include "cli/pick.h"

static const struct opt options[] = {
    {0, "batch", OPT_TEXT, "BATCH", "whose outputs they are (default tomo-ai-reco)", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool run(struct cli *c, struct err *err)
{
    struct pick pick = {.ids = NULL};
    json_t *args = json_object(), *answer = NULL;
    bool ok = args && pick_items(c, NULL, c->args, c->n_args, "scan", &pick, err);
    ok = ok && json_put(args, "project", json_integer(pick.project.id), err) &&
        json_put(args, "items", json_incref(pick.ids), err) &&
        (!cli_has(c, "batch") ||
         json_put(args, "batch", json_string(cli_text(c, "batch", "")), err));
    cli_store_close(c);
    answer = ok ? cli_call(c, "item.adopt", args, err) : NULL;
    ok = answer != NULL;
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        cli_print(c, "adopted: %" PRId64 "\n", json_get_int(answer, "adopted", 0));
    }
    json_decref(answer);
    json_decref(args);
    pick_fini(&pick);
    return ok;
}

const struct command command_adopt = {
    .name = "adopt",
    .group = GROUP_RESULTS,
    .summary = "Take outputs that are already there as done",
    .usage = "SELECTOR... [--batch BATCH]",
    .help = "For outputs that Gantry did not make, or that were put back from a backup: they are "
            "checked and recorded, so\n"
            "that a run skips them as cached.",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
