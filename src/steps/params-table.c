/*
 * The table of parameters. Ranges: min > max means that there are none. What tomocupy knows and we
 * do not build yet stands here too, so that it is refused by name and not as a typing error.
 */
#include "steps/params.h"
#include <string.h>
#include "base/mem.h"
#include "steps/step.h"

#define ALL (STEP_TRY | STEP_COR | STEP_FULL)
#define RECON (STEP_TRY | STEP_FULL)
#define SEARCH (STEP_TRY | STEP_COR)
#define ANY 1, 0 /* no limits */
#define CHOICES(all, built) all, built, ANY
#define FREE NULL, NULL
#define QUIET(name)                                        \
    {                                                      \
        name, PARAM_TEXT, PARAM_QUIET, 0, NULL, FREE, ANY, \
            "belongs to a method that is not built yet"    \
    }
#define NOTED(name)                                        \
    {                                                      \
        name, PARAM_TEXT, PARAM_NOTED, 0, NULL, FREE, ANY, \
            "accepted; sizes and threads are chosen here"  \
    }

const struct param param_table[] = {
    {"rotation_axis", PARAM_NUMBER, PARAM_BUILT, RECON, NULL, FREE, ANY,
     "rotation axis: column of pixel centres, from 0, on the full detector; negative = not given"},
    {"rotation_axis_auto", PARAM_CHOICE, PARAM_BUILT, RECON, "manual", CHOICES("manual|auto", NULL),
     "manual = use rotation_axis, auto = find the axis first"},
    {"rotation_axis_method", PARAM_CHOICE, PARAM_BUILT, ALL, "auto",
     CHOICES("auto|vo|pc|sift|entropy|ai", "auto|vo|pc|entropy|ai"),
     "how the axis is found: vo (Vo 2014), pc (phase correlation), entropy (sharpness of trial "
     "slices), ai (a model looks at try "
     "slices; "
     "wants ONNX Runtime), auto (vo and pc, by agreement; where they differ also ai, if it is "
     "there)"},
    {"cor_model", PARAM_TEXT, PARAM_BUILT, ALL, "cor-gantry", FREE, ANY,
     "model that ai and auto ask: a name, or a model's folder"},
    {"seed", PARAM_NUMBER, PARAM_BUILT, SEARCH, NULL, FREE, ANY,
     "axis to search around; none = anywhere"},
    {"center_search_width", PARAM_NUMBER, PARAM_BUILT, ALL, "50", FREE, 0, 100000,
     "search +- so many pixels"},
    {"center_search_step", PARAM_NUMBER, PARAM_BUILT, ALL, "0.5", FREE, 0.01, 1000,
     "pixels between trial centres"},
    {"nsino", PARAM_TEXT, PARAM_BUILT, ALL, "0.5", FREE, ANY,
     "slices to try: fraction of the rows (0 top, 1 bottom), or rows when above 1; one or a list "
     "[0,0.9]"},
    {"reconstruction_algorithm", PARAM_CHOICE, PARAM_BUILT, ALL, "fourierrec",
     CHOICES("fourierrec|linerec|lprec", "fourierrec|linerec"),
     "fourierrec (fast), linerec (plain back-projection)"},
    {"fbp_filter", PARAM_CHOICE, PARAM_BUILT, ALL, "parzen",
     CHOICES("parzen|ramp|shepp|hann|hamming|cosine|cosine2|butterworth|none", NULL), "filter"},
    {"binning", PARAM_INTEGER, PARAM_BUILT, ALL, "0", FREE, 0, 3,
     "bin by 2^binning in rows and columns"},
    {"start_row", PARAM_INTEGER, PARAM_BUILT, ALL, "0", FREE, 0, 1e9, "first detector row"},
    {"end_row", PARAM_INTEGER, PARAM_BUILT, ALL, "-1", FREE, -1, 1e9,
     "row behind the last; -1 = all"},
    {"start_proj", PARAM_INTEGER, PARAM_BUILT, ALL, "0", FREE, 0, 1e9, "first projection"},
    {"end_proj", PARAM_INTEGER, PARAM_BUILT, ALL, "-1", FREE, -1, 1e9,
     "projection behind the last; -1 = all"},
    {"start_column", PARAM_INTEGER, PARAM_BUILT, ALL, "0", FREE, 0, 1e9, "first detector column"},
    {"end_column", PARAM_INTEGER, PARAM_BUILT, ALL, "-1", FREE, -1, 1e9,
     "column behind the last; -1 = all"},
    {"blocked_views", PARAM_TEXT, PARAM_BUILT, ALL, "none", FREE, ANY,
     "angles to leave out, radians: [st,end] or a list of such pairs"},
    {"minus_log", PARAM_LOGICAL, PARAM_BUILT, ALL, "True", FREE, ANY,
     "take minus the logarithm (True, False)"},
    {"save_format", PARAM_CHOICE, PARAM_BUILT, STEP_FULL, "tiff",
     CHOICES("tiff|h5|h5nolinks|h5sino|zarr", "tiff|h5"), "tiff = one file a slice, h5 = one file"},
    {"keep_try", PARAM_TEXT, PARAM_BUILT, STEP_COR, "21", FREE, ANY,
     "try slices that are kept around the centre, or all"},
    {"dtype", PARAM_CHOICE, PARAM_NOT_YET, RECON, "float32", CHOICES("float32|float16", "float32"),
     "type of slices"},
    {"file_type", PARAM_CHOICE, PARAM_NOT_YET, ALL, "standard",
     CHOICES("standard|double_fov", "standard"),
     "standard, or a 360 degree scan with the axis at the side"},
    {"flat_linear", PARAM_LOGICAL, PARAM_NOT_YET, 0, "False", FREE, ANY,
     "interpolate between flat fields"},
    {"dezinger", PARAM_INTEGER, PARAM_NOT_YET, 0, "0", FREE, 0, 100,
     "radius of the outlier filter"},
    {"remove_stripe_method", PARAM_CHOICE, PARAM_NOT_YET, 0, "none",
     CHOICES("none|fw|ti|vo-all", "none"), "ring removal"},
    {"retrieve_phase_method", PARAM_CHOICE, PARAM_NOT_YET, 0, "none",
     CHOICES("none|paganin|Gpaganin", "none"), "phase retrieval"},
    {"beam_hardening_method", PARAM_CHOICE, PARAM_NOT_YET, 0, "none",
     CHOICES("none|standard", "none"), "beam hardening correction"},
    {"rotate_proj_angle", PARAM_NUMBER, PARAM_NOT_YET, 0, "0", FREE, -360, 360,
     "turn projections, degrees"},
    {"lamino_angle", PARAM_NUMBER, PARAM_NOT_YET, 0, "0", FREE, -90, 90,
     "pitch of a laminography stage, degrees"},
    QUIET("rotation_axis_pairs"),
    QUIET("dezinger_threshold"),
    QUIET("fw_sigma"),
    QUIET("fw_filter"),
    QUIET("fw_level"),
    QUIET("fw_pad"),
    QUIET("ti_beta"),
    QUIET("ti_mask"),
    QUIET("vo_all_snr"),
    QUIET("vo_all_la_size"),
    QUIET("vo_all_sm_size"),
    QUIET("vo_all_dim"),
    QUIET("energy"),
    QUIET("propagation_distance"),
    QUIET("pixel_size"),
    QUIET("retrieve_phase_alpha"),
    QUIET("retrieve_phase_delta_beta"),
    QUIET("retrieve_phase_W"),
    QUIET("retrieve_phase_pad"),
    QUIET("rotate_proj_order"),
    QUIET("lamino_search_width"),
    QUIET("lamino_search_step"),
    QUIET("rotation_axis_sift_threshold"),
    NOTED("nsino_per_chunk"),
    NOTED("nproj_per_chunk"),
    NOTED("max_read_threads"),
    NOTED("max_write_threads"),
    NOTED("read_threads"),
    NOTED("write_threads"),
    NOTED("logs_home"),
    NOTED("verbose"),
    NOTED("config_update"),
    NOTED("pre_processing"),
    {NULL, PARAM_TEXT, PARAM_BUILT, 0, NULL, FREE, ANY, NULL},
};

const char *const param_forms[][2] = {
    {"nsino", "rows"},
    {"blocked_views", "intervals"},
    {"keep_try", "count-or-all"},
    {"minus_log", "logical"},
    {NULL, NULL},
};

const char *const param_order[][2] = {
    {"start_row", "end_row"},
    {"start_proj", "end_proj"},
    {"start_column", "end_column"},
    {NULL, NULL},
};

const struct param *param_find(const char *name)
{
    for (const struct param *p = param_table; p->name != NULL; p++) {
        size_t i = 0;

        while (p->name[i] != '\0' &&
               (p->name[i] == name[i] || (p->name[i] == '_' && name[i] == '-'))) {
            i++;
        }
        if (p->name[i] == '\0' && name[i] == '\0') {
            return p;
        }
    }
    return NULL;
}
