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

/* What a study or a subject has that a scan has not: a folder for its outputs, names, and files
 * that are known to the catalog. */
struct bind_study {
    const char *out; /* absolute */
    const char *pid, *sid, *psid;
    /* Of a series: its file, folder or ZIP (absolute), which {"FILE": "."} means; its
     * SeriesInstanceUID ("" = the only one there); its folder among results. NULL: no series. */
    const char *own, *uid, *stem;
    bool collect; /* one task over many items: every FILE argument is a list */
    /* Add the files that a FILE argument means to `rows`: {path, size, mtime_ns}. What is missing
     * and not optional is an error. Of "." none is added; an error says that there is no such
     * folder.
     */
    bool (*find)(void *arg, const char *name, const json_t *spec, json_t *rows, struct err *err);
    /* Add the PSIDs of the studies that a reference means to `psids`. */
    bool (*refer)(void *arg, const char *of, json_t *psids, struct err *err);
    void *arg;
};

struct bind {
    /* names */
    int64_t run, task, attempt, item;
    int n;                                  /* of the attempt within its task */
    const char *item_name, *series, *level; /* item_name: path relative to the project's root */
    const char *project_name, *root, *rec, *home, *imaging, *user;
    const struct bind_study *study; /* NULL: a scan, or a single file */
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
    bool only_plan;  /* nobody will run it: no job.json is written */
    const char *dir; /* the attempt's folder */
    int threads;
    int gpu;           /* index, -1 = none */
    bool warm;         /* steps that ask a model may share a process (option warm_workers) */
    const char *setup; /* option setup: shell lines before every script and external tool */
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
/* OUT "masks/brain.nii TAG(mask,brain)": the path, and the tags between the brackets ("" = none).
 * Both point into `spec`. */
struct bind_out {
    const char *path, *tags;
    size_t length, tags_length;
};
struct bind_out bind_out(const char *spec);
/* Scan stem with its subfolder: "sub/sample_001". Caller frees. */
char *bind_stem(const char *item_name, struct err *err) CHECK_RESULT;

#endif
