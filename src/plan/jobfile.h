/*
 * job.json as text. It is written for every attempt by the one thread that everything waits for, so
 * its keys go straight into a buffer (docs/formats/job.schema.json has them; the order is free).
 */
#ifndef GANTRY_PLAN_JOBFILE_H
#define GANTRY_PLAN_JOBFILE_H

#include "base/str.h"
#include "plan/bind.h"

struct jobfile {
    const json_t *params, *inputs, *outputs, *touches, *command;
    const json_t *args;             /* of a script; else not written */
    const json_t *files;            /* names of its FILE arguments, in order */
    const char *fingerprint, *path; /* of the item */
    const char *cwd;                /* folder that the tool works in; NULL: the attempt's */
};

/* Without the closing brace: whoever sends it adds what only he knows. */
bool jobfile_write(const struct bind *in, const struct jobfile *f, struct str *out,
                   struct err *err) CHECK_RESULT;

#endif
