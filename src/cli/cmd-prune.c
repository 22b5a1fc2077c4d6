/* `gantry prune`: folders and logs of old attempts away. What the catalog and the runs know stays.
 */
#include <inttypes.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "os/file.h"

static const struct opt options[] = {
    {0, "older", OPT_SECONDS, "TIME", "of runs that ended longer ago than this, such as 30d",
     false},
    {0, "dry-run", OPT_FLAG, NULL, "only say what would go", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

struct total {
    int64_t runs, bytes;
};

static bool prune_run(struct cli *c, const char *attempts, int64_t run, struct total *total,
                      struct err *err)
{
    struct file_measure size = {0};
    char *folder = mem_printf(err, "%s/%" PRId64, attempts, run);
    bool ok = folder != NULL;
    if (ok && file_is_folder(folder)) {
        ok = file_measure(folder, &size, err) &&
            (cli_has(c, "dry-run") || file_remove_tree(folder, err));
        total->runs++;
        total->bytes += size.size;
    }
    mem_free(folder);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0;
    struct total total = {0};
    char bytes[32];
    if (!cli_has(c, "older")) {
        return cli_usage(c, err, "say how old: gantry prune --older 30d");
    }
    int64_t before = clock_utc_us() - (int64_t)(cli_number(c, "older", 0) * 1e6);
    json_t *rows = NULL;
    bool ok = resolve_project_id(c, &project, err) && cli_store(c, err);
    rows = ok
        ? store_rows(c->store, err,
                     "SELECT r.id, coalesce(r.attempts, p.attempts) AS attempts FROM run r JOIN "
                     "project p ON p.id = r.project_id"
                     " WHERE r.state <> 'active' AND r.ended_us < ?1 AND (?2 = 0 OR p.id = ?2) "
                     "ORDER BY r.id",
                     "ii", before, project)
        : NULL;
    ok = rows != NULL;
    for (size_t i = 0; ok && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        ok = prune_run(c, json_get_text(row, "attempts", ""), json_get_int(row, "id", 0), &total,
                       err);
    }
    json_decref(rows);
    if (ok) {
        num_show_bytes(total.bytes, bytes, sizeof bytes);
        cli_print(c, "%s attempts of %" PRId64 " runs, %s\n",
                  cli_has(c, "dry-run") ? "would remove" : "removed", total.runs, bytes);
    }
    return ok;
}

const struct command command_prune = {
    .name = "prune",
    .group = GROUP_SETUP,
    .summary = "Remove folders and logs of old attempts",
    .usage = "--older TIME [--dry-run]",
    .help = "Of runs that have ended, in this project (outside of a project: in all). Outputs, "
            "results and what was said of\n"
            "each task stay; its log and its job.json go.",
    .options = options,
    .max_args = 0,
    .run = run,
};
