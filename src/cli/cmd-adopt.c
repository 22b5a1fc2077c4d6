/* `gantry adopt`: outputs that are already there are taken as done. */
#include <inttypes.h>
#include "base/str.h"
#include "cli/command.h"
#include "cli/pick.h"
#include "cli/saved.h"
#include "os/file.h"

static const struct opt options[] = {
    {0, "batch", OPT_TEXT, "BATCH",
     "whose outputs they are, by name or file (default tomo-ai-reco)", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static json_t *batch_of(struct cli *c, struct err *err)
{
    const char *name = cli_text(c, "batch", "tomo-ai-reco");
    return str_ends(name, ".json") && file_exists(name) ? saved_file(name, err)
                                                        : saved_batch_find(c, name, err);
}

static bool run(struct cli *c, struct err *err)
{
    struct pick pick = {.ids = NULL};
    json_t *args = json_object(), *answer = NULL, *batch = batch_of(c, err);
    bool ok = args && batch &&
        pick_items(c, NULL, c->args, c->n_args, json_get_text(batch, "level", "scan"), &pick, err);
    ok = ok && json_put(args, "project", json_integer(pick.project.id), err) &&
        json_put(args, "items", json_incref(pick.ids), err) &&
        json_put(args, "batch", json_incref(batch), err);
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
    json_decref(batch);
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
            "that a run skips them as cached. A batch over studies takes subject selectors: gantry "
            "adopt --batch masks 'P01#S1'.",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
