/*
 * Parameters of the reconstruction steps: one table of name, type, default, choices and help, and
 * the struct they become. Names and defaults are tomocupy's flags with underscores. The table gives
 * the reader of job.json, the flags of `gantry recon`, the reader of a tomocupy configuration and
 * the tool descriptors.
 *
 * Order of calls: collect a JSON object (job.json's params, or params_set() for each flag), then
 * params_read().
 */
#ifndef GANTRY_STEPS_PARAMS_H
#define GANTRY_STEPS_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "math/recon.h"
#include "model/values.h"

enum param_type { PARAM_NUMBER, PARAM_INTEGER, PARAM_TEXT, PARAM_CHOICE, PARAM_LOGICAL };

/* BUILT: works. NOTED: accepted, has no meaning here and is said so. NOT_YET: refused by name
 * unless it keeps its default. QUIET: belongs to a NOT_YET one (its sigma, level, ...): accepted,
 * of no effect while that is off. */
enum param_state { PARAM_BUILT, PARAM_NOTED, PARAM_NOT_YET, PARAM_QUIET };

struct param {
    const char *name;
    enum param_type type;
    enum param_state state;
    unsigned families;    /* enum step_family, or-ed; 0 = `gantry recon` only */
    const char *fallback; /* default as text; NULL = none */
    const char *choices;  /* "a|b|c"; NULL = free. In `built`: those that work, NULL = all */
    const char *built;
    double min, max; /* of numbers; min > max = no limits */
    const char *help;
};

extern const struct param param_table[]; /* ends at name NULL */

/* The form (model/values.h) of those that are text with a form; ends at NULL. */
extern const char *const param_forms[][2];
/* Pairs of which the first must lie before the second; ends at NULL. */
extern const char *const param_order[][2];

/* The row of a name (dashes count as underscores); NULL when there is none. */
const struct param *param_find(const char *name);

#define PARAMS_MAX_NSINO VALUES_MAX
#define PARAMS_MAX_BLOCKED (VALUES_MAX / 2)

enum axis_method { AXIS_AUTO, AXIS_VO, AXIS_PC, AXIS_ENTROPY, AXIS_AI };
/* "auto", "vo", "pc", "entropy", "ai". */
const char *axis_method_word(enum axis_method method);

struct recon_params {
    double axis;    /* rotation_axis, full detector; NaN = not given */
    bool axis_auto; /* rotation_axis_auto = auto */
    enum axis_method method;
    const char *model; /* that method ai asks; points into the parameters */
    double seed;       /* where a search starts; NaN = anywhere */
    double search_width, search_step;
    double nsino[PARAMS_MAX_NSINO]; /* fraction 0..1 of the rows, or a row when > 1 */
    size_t nsinos;
    enum recon_algorithm algorithm;
    enum filter_kind filter;
    unsigned binning;
    int64_t start_row, end_row, start_proj, end_proj, start_column, end_column; /* end -1 = last */
    double blocked_rad[PARAMS_MAX_BLOCKED][2];
    size_t blocked;
    bool minus_log;
    bool hdf5;        /* save_format = h5 */
    int64_t keep_try; /* try slices that stay around the centre; -1 = all */
};

/* Put one parameter given as text (a flag, a line of a configuration) into `params`; ERR_USAGE when
 * there is no such parameter. A parameter that is NOTED is not stored: *ret_noted (may be NULL)
 * tells. */
bool params_set(json_t *params, const char *name, const char *text, bool *ret_noted,
                struct err *err) CHECK_RESULT;

/* Check and convert; missing ones get their defaults. ERR_USAGE: unknown name, not a number, out of
 * range, not a choice. ERR_UNSUPPORTED: what is not built yet, by its name. */
bool params_read(const json_t *params, struct recon_params *ret_params,
                 struct err *err) CHECK_RESULT;

#endif
