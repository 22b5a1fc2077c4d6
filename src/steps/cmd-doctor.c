/* gantry-imaging doctor: what the imaging libraries can do here, as rows for `gantry doctor`. */
#include <stdio.h>
#include <unistd.h>
#include "base/mem.h"
#include "codec/json.h"
#include "image/dicom-codec.h"
#include "image/hdf5-scan.h"
#include "infer/ort.h"
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

/* Uncompressed DICOM is read without it. */
static bool add_dicom(json_t *rows)
{
    struct err why = {ERR_NONE, ""};
    bool here = dicom_codec_open(&why);

    return add(rows, "compressed DICOM", here, here ? "GDCM loads" : why.text,
               here ? "" : "install libgdcm3.0; keep gantry-dicom.so beside gantry-imaging");
}

/* Which runtime models have, and whether it can use a GPU. A machine without any is no complaint.
 */
static bool add_cuda(json_t *rows, struct ort *ort)
{
    struct err why = {ERR_NONE, ""};
    char found[560];

    if (access("/dev/nvidiactl", F_OK) != 0) {
        return add(rows, "models on GPU", true, "no NVIDIA GPU here: models run on the CPU", "");
    }
    if (ort_cuda(ort, 0, &why)) {
        return add(rows, "models on GPU", true, "CUDA loads", "");
    }
    snprintf(found, sizeof(found), "models run on the CPU: %s", why.text);
    return add(rows, "models on GPU", false, found,
               "set GANTRY_ORT to an ONNX Runtime built for CUDA, with CUDA and cuDNN installed");
}

static bool add_inference(json_t *rows)
{
    struct err err = {ERR_NONE, ""};
    struct ort *ort = ort_open(&err);
    char found[560];
    char *providers;
    bool good;

    if (ort == NULL) {
        return add(rows, "ONNX Runtime", false, err.text,
                   "./setup fetches it; only models need it");
    }
    providers = ort_providers(ort, &err);
    snprintf(found, sizeof(found), "%s (%s) in %s", ort_version(ort),
             providers != NULL ? providers : "providers unknown", ort_path(ort));
    mem_free(providers);
    good = add(rows, "ONNX Runtime", true, found, "") && add_cuda(rows, ort);
    ort_close(ort);
    return good;
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
        add_plugins(rows) && add_dicom(rows) && add(rows, "reconstruction", true, best_isa(), "") &&
        add_inference(rows)) {
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
