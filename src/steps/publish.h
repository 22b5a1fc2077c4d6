/*
 * Outputs of `gantry recon`: made aside, checked against what is there, renamed into place, with
 * provenance beside them. (Tasks of a run are published by their worker; this is for the command
 * that runs alone.) Order of calls: publish_plan for each output before the work, publish_all after
 * it, publish_drop always.
 */
#ifndef GANTRY_STEPS_PUBLISH_H
#define GANTRY_STEPS_PUBLISH_H

#include <stdbool.h>
#include "base/err.h"
#include "codec/json.h"
#include "steps/job.h"

/* Add an output to job.json's list, with its staging place (.gantry-recon-<pid> beside the final
 * one; what an interrupted process left there is cleared away). ERR_EXISTS when something that
 * Gantry did not make is at its place and `overwrite` is false. */
bool publish_plan(json_t *outputs, const char *name, const char *kind, const char *final,
                  bool overwrite, struct err *err) CHECK_RESULT;

/* Sync and rename all outputs of the job; provenance from `provenance` (its "outputs" is filled in
 * here). */
bool publish_all(const struct job *job, json_t *provenance, bool overwrite,
                 struct err *err) CHECK_RESULT;

/* Remove the staging places. */
void publish_drop(const json_t *outputs);

#endif
