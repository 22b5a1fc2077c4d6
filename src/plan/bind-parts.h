/* Between bind.c and bind-args.c: rows of inputs and outputs, and what a job's arguments become. */
#ifndef GANTRY_PLAN_BIND_PARTS_H
#define GANTRY_PLAN_BIND_PARTS_H

#include "plan/bind.h"

/* A row of `outputs`: final place and staging. `from` may say "optional", "replace" and "publish".
 */
bool bind_output(const struct bind *in, json_t *outputs, const char *name, const char *kind,
                 const char *final, const char *pattern, const json_t *from, struct bound *b,
                 struct err *err) CHECK_RESULT;
/* A row of `inputs` and its part of the fingerprint in `basis` (NULL: none). */
bool bind_input(const struct bind *in, json_t *inputs, json_t *basis, const char *name,
                const char *path, int64_t size, int64_t mtime_ns, struct err *err) CHECK_RESULT;

/* What the arguments become, taken in the order of their names (f2 before f10): `args` by name,
 * `positional` the values of the FILE arguments, `files` their names. */
struct bind_args {
    json_t *params, *args, *positional, *files;
    json_t *inputs, *basis, *outputs;
};
bool bind_arguments(const struct bind *in, const struct bind_args *to, struct bound *b,
                    struct err *err) CHECK_RESULT;

#endif
