/*
 * `gantry scan --watch` (REQUIREMENTS H): follow a folder while scans are written into it. A scan
 * is taken once, when its projections are complete by content, and a run is launched on it. So is a
 * study of a cohort, when it has settled (cli/arrivals.h).
 */
#ifndef GANTRY_CLI_WATCH_H
#define GANTRY_CLI_WATCH_H

#include "catalog/project.h"
#include "cli/command.h"

struct watch_spec {
    const struct project *project;
    const char *batch;    /* NULL: only report what is complete */
    const json_t *launch; /* arguments of run.create but project and items; NULL without a batch */
    const json_t *words;  /* what was said for it: ["--cor", "31.5", ...], kept with the watch */
    double poll_s;        /* how often to look where the system does not tell */
    double abort_after_s; /* nothing new for so long: flagged as aborted */
    double settle_s;      /* of a study: nothing changed for so long: it is launched */
    int64_t min_size_pct; /* as in struct refresh */
};

/* Until interrupted (exit status 130 is the caller's) or, when `once`, until nothing is awaited. */
bool watch_run(struct cli *c, const struct watch_spec *spec, struct err *err) CHECK_RESULT;

#endif
