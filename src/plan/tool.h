/*
 * Tools as the engine sees them: Boutiques 0.5 descriptors, one JSON file each (share/tools/,
 * HOME/tools/, the project's .gantry/tools/; later ones win by name), with Gantry's own facts under
 * custom.gantry: kind "step" (built in, run by gantry-imaging), "script" (language bash, python or
 * matlab), "bids-app" (bids-app.h), "noop"; otherwise
 * an external command, whose command-line becomes words (command.h); version, level, phase, stall
 * (s), resources, word {running,done,failed}, options {input: option of config.ini that fills it},
 * models {input that names a model: {parameter: value} with which alone it is used} (model-sum.h),
 * program (the input that names a program which must be there), reads {from: phase, any: [paths]}
 * (what that phase made, if it is there),
 * folders {input: true} (inputs that name a folder for outputs, not a file),
 * outputs [{id,kind,path,pattern,when}], bind {parameter: "cor" | "cor-seed"}, touches
 * [{id,path,pattern}], writes {bytes, mem} formulas by name (estimate.h); for the check of
 * parameters at launch forms {parameter: form of model/values.h}, order [[first, last], ...], and
 * later {parameter: {help, off | choices}}: what the site's users know and is not built yet.
 */
#ifndef GANTRY_PLAN_TOOL_H
#define GANTRY_PLAN_TOOL_H

#include <stdbool.h>
#include "base/err.h"
#include "codec/json.h"

struct tool {
    const char *name;
    json_t *doc;          /* the descriptor */
    const json_t *gantry; /* its custom.gantry, an empty object when absent */
    const char *kind;     /* step, script, noop, command */
    char version[40];     /* a step's number, else a digest of the descriptor */
};

struct tools;

/* Read every descriptor of the folders (NULL-terminated list; missing folders are fine). A broken
 * file is an error that names it. */
struct tools *tools_load(const char *const *folders, struct err *err) CHECK_RESULT;
void tools_free(struct tools *t);
/* NULL when there is none of that name. */
const struct tool *tools_find(const struct tools *t, const char *name);
size_t tools_count(const struct tools *t);
const struct tool *tools_at(const struct tools *t, size_t i);

/* The input of that id, NULL when the tool has none. */
const json_t *tool_input(const struct tool *t, const char *id);
/* "file" or "folder" for an input that says where an output goes (an OUT or PATHOUT argument): a
 * path-template begins with its value-key. NULL for others. */
const char *tool_place(const struct tool *t, const json_t *input);
/* Are the parameters as `when` says, such as {"save_format": "h5"}, or {"method": ["ai", "auto"]}
 * for any of several? NULL and {} are always met. */
bool tool_applies(const json_t *when, const json_t *params);
/* Is a model asked under these parameters? */
bool tool_asks_model(const struct tool *t, const json_t *params);
/* Is it known by name, though not built yet? Then ERR_UNSUPPORTED, unless the value turns it off.
 */
bool tool_check_later(const struct tool *t, const char *id, const json_t *value, bool *ret_known,
                      struct err *err) CHECK_RESULT;
/* Pairs of parameters that must be in order; what is not given has its default. */
bool tool_check_order(const struct tool *t, const json_t *params, struct err *err) CHECK_RESULT;
/* Check one value against the input's type, form, choices and range; the message has the parameter,
 * the value and what it may be. Scripts take anything. */
bool tool_check_value(const struct tool *t, const char *id, const json_t *value,
                      struct err *err) CHECK_RESULT;

#endif
