/* `gantry recon`: handed over to gantry-imaging, flags and all. */
#include <errno.h>
#include <unistd.h>
#include "base/mem.h"
#include "cli/command.h"
#include "engine/home.h"

static bool run(struct cli *c, struct err *err)
{
    char *program = home_imaging(err);
    const char **argv = program ? mem_array((size_t)c->argc + 3, sizeof *argv, err) : NULL;
    if (argv) {
        argv[0] = program;
        argv[1] = "recon";
        for (int i = 0; i < c->argc; i++) {
            argv[i + 2] = c->argv[i];
        }
        (void)execv(program, (char *const *)argv);
        (void)err_errno(err, errno, "starting '%s'", program);
    }
    mem_free(argv);
    mem_free(program);
    return false;
}

const struct command command_recon = {
    .name = "recon",
    .group = GROUP_RESULTS,
    .summary = "Reconstruct one scan; no project needed, flags as in tomocupy",
    .usage = "--file-name FILE --reconstruction-type try|full --rotation-axis X [flags]",
    .help =
        "Flag names and defaults are those of tomocupy recon; gantry recon --help lists them all.",
    .max_args = -1,
    .raw = true,
    .no_home = true,
    .run = run,
};
