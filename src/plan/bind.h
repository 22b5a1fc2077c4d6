/*
 * Binding: from a task (tool, batch job, item, parameters) to the job.json of one attempt, and to
 * its fingerprint. What people gave was frozen at launch; what earlier jobs produced (the centre)
 * is bound here, at dispatch.
 */
#ifndef GANTRY_PLAN_BIND_H
#define GANTRY_PLAN_BIND_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "model/model-sum.h"
#include "plan/estimate.h"
#include "plan/tool.h"

struct bind {
    /* names */
    int64_t run, task, attempt, item;
    int n;                                  /* of the attempt within its task */
    const char *item_name, *series, *level; /* item_name: path relative to the project's root */
    const char *project_name, *root, *rec, *home, *imaging, *user;
    /* what is to be done */
    const struct tool *tool;
    const json_t *job; /* of the batch */
    const json_t *batch_options;
    const json_t *item_params, *run_params, *run_options,
        *task_params; /* later ones win; NULL = none */
    /* what earlier jobs and the table say; NaN = nothing */
    double centre, seed;
    bool seed_found; /* the seed is a finder's own earlier result: a hint, not part of the
                        fingerprint */
    struct scan_shape scan;
    int64_t input_size, input_mtime_ns;
    bool hash;       /* content digest instead of size + mtime */
    const char *dir; /* the attempt's folder */
    int threads;
    int gpu;   /* index, -1 = none */
    bool warm; /* steps that ask a model may share a process (option warm_workers) */
    struct model_sums *models; /* NULL: models are not part of fingerprints */
    /* Did Gantry make what lies at `path` (then it may be replaced)? */
    bool (*known)(void *arg, const char *path);
    void *arg;
};

struct bound {
    json_t *params, *command, *inputs, *outputs; /* parts of job.json */
    struct str job; /* job.json without its closing brace (plan/jobfile.h) */
    char *basis;    /* what the fingerprint is made of: JSON text with sorted keys */
    char fingerprint[DIGEST_HEX];
    struct estimate estimate;
    const char
        *blocked_path; /* an output that exists and is foreign (points into outputs); NULL = none */
};

/* ERR_USAGE when a needed centre is missing (the message says where it may come from) or an
 * argument is wrong. */
bool bind_task(const struct bind *in, struct bound *ret, struct err *err) CHECK_RESULT;
void bound_fini(struct bound *b);
/* Does a tool want a centre bound before it can run / a seed? */
bool tool_needs_centre(const struct tool *tool);
bool tool_takes_seed(const struct tool *tool);
/* Effective parameters only (defaults, job, item, run, task); new reference. */
json_t *bind_params(const struct bind *in, struct err *err) CHECK_RESULT;
/* Scan stem with its subfolder: "sub/sample_001". Caller frees. */
char *bind_stem(const char *item_name, struct err *err) CHECK_RESULT;

#endif
