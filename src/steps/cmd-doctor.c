/* gantry-imaging doctor: what the imaging libraries can do here, as rows for `gantry doctor`. */
#include <stdio.h>
#include "base/mem.h"
#include "codec/json.h"
#include "image/hdf5-scan.h"
#include "math/recon.h"
#include "steps/command.h"

extern const struct command command_word_doctor;

static bool add(json_t *rows, const char *what, bool ok, const char *found, const char *fix)
{
    json_t *row =
        json_pack("{s:s, s:b, s:s, s:s}", "what", what, "ok", ok, "found", found, "fix", fix);

    return row != NULL && json_array_append_new(rows, row) == 0;
}

static bool add_plugins(json_t *rows)
{
    const char *name;
    bool here;
    int id;

    for (size_t i = 0; (name = hdf5_plugin(i, &id, &here)) != NULL; i++) {
        char what[64];
        char fix[160] = "";

        snprintf(what, sizeof(what), "HDF5 filter %d (%s)", id, name);
        if (!here) {
            snprintf(fix, sizeof(fix),
                     "install hdf5-filter-plugin, hdf5-filter-plugin-blosc-serial and bitshuffle, "
                     "or set "
                     "HDF5_PLUGIN_PATH");
        }
        if (!add(rows, what, here,
                 here ? "loads" : "not found: scans compressed with it cannot be read", fix)) {
            return false;
        }
    }
    return true;
}

static const char *best_isa(void)
{
    return recon_isa_here(RECON_ISA_AVX512) ? "avx512"
        : recon_isa_here(RECON_ISA_AVX2)    ? "avx2"
                                            : "plain";
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    json_t *rows = json_array();
    char version[32];
    char *text = NULL;

    (void)argv;
    if (argc != 0) {
        json_decref(rows);
        err_set(&err, ERR_USAGE, "usage: gantry-imaging doctor");
        return command_fail(&err);
    }
    if (rows != NULL && add(rows, "HDF5", true, hdf5_version(version, sizeof(version)), "") &&
        add_plugins(rows) && add(rows, "reconstruction", true, best_isa(), "")) {
        text = json_pretty(rows, &err);
    } else {
        err_set(&err, ERR_NOMEM, "out of memory");
    }
    json_decref(rows);
    if (text == NULL) {
        return command_fail(&err);
    }
    puts(text);
    mem_free(text);
    return 0;
}

const struct command command_word_doctor = {
    .name = "doctor",
    .usage = "",
    .help = "what the imaging libraries can do here, as JSON",
    .run = run,
};
