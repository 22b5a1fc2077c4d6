/* `gantry forget` (REQUIREMENTS I): rows leave the list; nothing on disk is touched. */
#include <inttypes.h>
#include "base/mem.h"
#include "cli/command.h"
#include "cli/rows.h"

#define SHOWN_NAMES 50

static const struct opt options[] = {
    {'y', "yes", OPT_FLAG, NULL, "do not ask", false},
    {0, "study", OPT_FLAG, NULL, "studies, named by subject selectors", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* The list is part of the question, so it goes where the question goes. */
static bool list_names(struct cli *c, const struct rows *rows, struct err *err)
{
    for (size_t i = 0; i < rows->n && i < SHOWN_NAMES; i++) {
        char *name = NULL;
        if (!store_text(c->store, &name, err, "SELECT name FROM item WHERE id=?1", "i",
                        rows->ids[i])) {
            return false;
        }
        char *shown = cli_shown(name ? name : "", err);
        cli_note(c, "  %s", shown ? shown : "");
        mem_free(name);
        mem_free(shown);
    }
    if (rows->n > SHOWN_NAMES) {
        cli_note(c, "  (+%zu more)", rows->n - SHOWN_NAMES);
    }
    return true;
}

static bool run(struct cli *c, struct err *err)
{
    struct rows rows = {.n = 0};
    bool yes = true, ok, studies = cli_has(c, "study");
    json_t *args = NULL, *answer = NULL;
    ok = (studies
              ? rows_open(c, &rows, err) && rows_studies(c, false, c->args, c->n_args, &rows, err)
              : rows_select(c, c->args, c->n_args, SELECT_FILES | SELECT_STUDIES | SELECT_GONE,
                            &rows, err)) &&
        rows_need(&rows, err);
    if (ok && !cli_has(c, "yes")) {
        ok = list_names(c, &rows, err) &&
            cli_confirm(c, &yes, err, "Take %zu %s off the list? Nothing on disk is touched.",
                        rows.n,
                        studies           ? rows.n == 1 ? "study" : "studies"
                            : rows.n == 1 ? "file"
                                          : "files");
    }
    if (ok && yes) {
        args = rows_args(&rows, err);
        ok = args && json_put(args, "hidden", json_true(), err) &&
            (answer = rows_call(c, "item.forget", args, err));
    }
    if (ok && c->json && answer) {
        ok = cli_json(c, answer, err);
    } else if (ok && answer) {
        cli_print(c, "forgot %" PRId64 " (gantry scan --all brings them back)\n",
                  json_get_int(answer, "items", 0));
    } else if (ok) {
        cli_note(c, "nothing was changed");
    }
    json_decref(answer);
    json_decref(args);
    rows_fini(&rows);
    return ok;
}

const struct command command_forget = {
    .name = "forget",
    .group = GROUP_DATA,
    .summary = "Take items off the list (the disk is not touched)",
    .usage = "SELECTOR... [-y]\n--study SUBJECT... [-y]",
    .help = "The files are listed first, and on a terminal you are asked. Forgotten items stay "
            "hidden until gantry scan --all.",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
