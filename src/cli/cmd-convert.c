/* `gantry convert`: handed over to gantry-imaging, which reads and writes the images. */
#include <errno.h>
#include <unistd.h>
#include "base/mem.h"
#include "cli/command.h"
#include "engine/home.h"

static const struct opt options[] = {
    {'s', "series", OPT_TEXT, "UID|N",
     "which DICOM series: its UID, or its number in the list (gantry info shows it)", false},
    {'f', "force", OPT_FLAG, NULL, "replace OUT (and its side-car) when it exists", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

#define MOST_ARGS 10

static bool run(struct cli *c, struct err *err)
{
    const char *argv[MOST_ARGS] = {NULL, "convert"};
    size_t n = 2;
    char *program = home_imaging(err);
    if (!program) {
        return false;
    }
    argv[0] = program;
    if (cli_has(c, "series")) {
        argv[n++] = "--series";
        argv[n++] = cli_text(c, "series", "");
    }
    if (cli_has(c, "force")) {
        argv[n++] = "--force";
    }
    if (c->json) {
        argv[n++] = "--json";
    }
    argv[n++] = "--"; /* names may begin with a dash */
    argv[n++] = c->args[0];
    argv[n++] = c->args[1];
    (void)execv(program, (char *const *)argv);
    (void)err_errno(err, errno, "starting '%s'", program);
    mem_free(program);
    return false;
}

const struct command command_convert = {
    .name = "convert",
    .group = GROUP_DATA,
    .summary = "A DICOM series (or a NIfTI file) as NIfTI, with a JSON side-car",
    .usage = "IN OUT.nii.gz [--series UID|N] [--force]",
    .help =
        "IN is a DICOM file, a folder, or a ZIP (ZIPs in folders and in ZIPs too; nothing is\n"
        "unpacked to disk), or a NIfTI file (.nii, .nii.gz; NIfTI-1 or -2). OUT ends in .nii.gz\n"
        "or .nii; its folder must exist, and OUT itself must not, unless --force is given.\n"
        "\n"
        "Slices are sorted by their position, never by name; what is missing, doubled, uneven or\n"
        "tilted is said. Voxels keep their type, and columns, rows and slices their order; the\n"
        "affine says where they are (R, A, S in mm). Rescaling is kept as NIfTI's slope and\n"
        "intercept. Beside OUT a DICOM series gets OUT.json, with keys as in BIDS, without name,\n"
        "ID or dates of the patient.\n"
        "\n"
        "  gantry convert study.zip ct.nii.gz              the only series in it, or their list\n"
        "  gantry convert study.zip ct.nii.gz --series 2   the second one of the list\n"
        "  gantry convert scan.nii scan.nii.gz             packed\n",
    .options = options,
    .min_args = 2,
    .max_args = 2,
    .no_home = true,
    .run = run,
};
