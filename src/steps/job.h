/*
 * What one attempt is to do, and its voice. Order of calls: job_load (or job_take for a job made in
 * memory), the step's run, job_values_save, job_fini. The step asks for inputs, parameters and
 * outputs, tells progress and puts values; it writes outputs to their staging places only.
 */
#ifndef GANTRY_STEPS_JOB_H
#define GANTRY_STEPS_JOB_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"

#define JOB_MAX_OUTPUTS 8

struct job_output {
    const char *name;
    const char *kind;    /* "file", "folder", "files" */
    const char *final;   /* where it will be */
    const char *staging; /* where to write it */
};

/* Who listens: the worker (@gantry lines), a person at a terminal (one bar), a plain log, or
 * nobody. */
enum job_voice { JOB_WORKER, JOB_TERMINAL, JOB_PLAIN, JOB_QUIET };

struct keep;

struct job {
    char *dir;    /* the attempt's folder; NULL for a job made in memory */
    json_t *root; /* job.json; all text below points into it */
    const char *tool;
    const char *item_name;
    const char *input; /* the first input's path */
    const char *home;  /* NULL when there is none */
    json_t *params;
    struct job_output output[JOB_MAX_OUTPUTS];
    size_t outputs;
    unsigned threads;
    int64_t mem; /* bytes granted, 0 when unlimited */
    json_t *values;
    enum job_voice voice;
    int64_t last_told_us;
    int64_t started_us;
    const volatile sig_atomic_t *stop; /* not 0: somebody asked to stop; NULL = nobody can */
    struct keep *models; /* the process' model between attempts (infer/keep.h); NULL = none */
};

/* Read DIR/job.json. ERR_FORMAT names what is missing or wrong in it. */
bool job_load(const char *dir, struct job *ret_job, struct err *err) CHECK_RESULT;
/* The same from a value in memory, which the job takes also on failure. */
bool job_take(json_t *root, enum job_voice voice, struct job *ret_job,
              struct err *err) CHECK_RESULT;
void job_fini(struct job *job);

/* The declared output of that name, NULL when this job has none. */
const struct job_output *job_output_named(const struct job *job, const char *name);

/* Progress 0..1 with a few words; at most ten a second are told, 1 always. */
void job_progress(struct job *job, double fraction, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A line for the log (control characters become '?'). */
void job_say(struct job *job, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ERR_CANCELLED and false once somebody asked to stop; asked between pieces of long work. */
bool job_go_on(const struct job *job, struct err *err) CHECK_RESULT;

/* Report a value; takes the reference. Non-finite numbers become null. */
bool job_value(struct job *job, const char *key, json_t *value, struct err *err) CHECK_RESULT;
json_t *job_number(double value);

/* values.json into the attempt's folder, written aside and renamed; nothing when there is no
 * folder. */
bool job_values_save(const struct job *job, struct err *err) CHECK_RESULT;
/* failure.json {"code","message"}; what cannot be written is lost, the exit status still tells. */
void job_failure_save(const char *dir, const struct err *failure);

#endif
