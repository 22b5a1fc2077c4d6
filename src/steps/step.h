/*
 * A step is one kind of work that gantry-imaging can do for a task: one file in this room with one
 * const struct. The table of all of them is written by Meson from the list in meson.build;
 * everything else that is said about a step (the descriptor, --list, the form on the page) comes
 * from here and from the parameter table (params.h).
 */
#ifndef GANTRY_STEPS_STEP_H
#define GANTRY_STEPS_STEP_H

#include <stdbool.h>
#include "base/err.h"
#include "steps/job.h"

/* Which parameters of params.h a step takes. */
enum step_family { STEP_TRY = 1, STEP_COR = 2, STEP_FULL = 4 };

/* An output as the descriptor states it: where it goes and what it is. Templates: {rec} =
 * <folder>_rec, {name} = the scan's name. */
struct step_output {
    const char *id;
    const char *kind; /* "file", "folder", "files" */
    const char *path;
    const char *pattern;     /* kind "files": which files; else NULL */
    const char *when_format; /* only with this save_format; NULL = always */
    bool optional;
};

#define STEP_MAX_OUTPUTS 4
#define STEP_MAX_BINDINGS 2

struct step {
    const char *name;  /* "recon.full" */
    const char *title; /* one line */
    const char *help;  /* a paragraph */
    int version;       /* part of the fingerprint: raise it when results change */
    enum step_family family;
    const char *phase;     /* "try", "infer", "full" */
    const char *word_done; /* the row's word after success, and after failure */
    const char *word_failed;
    unsigned stall_s;                            /* no progress for so long means hung */
    const char *mem;                             /* asked for by default */
    struct step_output output[STEP_MAX_OUTPUTS]; /* ends at id NULL */
    struct step_output touches; /* another step's files that this one may remove (value "prune") */
    const char
        *binding[STEP_MAX_BINDINGS][2]; /* parameter, what the engine binds to it; ends at NULL */
    /* Do the work of `job`: write every declared output to its staging place, set values, tell
     * progress. */
    bool (*run)(struct job *job, struct err *err);
};

extern const struct step *const step_table[];

/* Do DIR/job.json: the step it names, then values.json, or failure.json and a line on standard
 * error. `models` may be NULL (job.h). Returns the exit status. */
int step_attempt(const char *dir, struct keep *models);

/* NULL when there is none of that name. */
const struct step *step_find(const char *name);

#endif
