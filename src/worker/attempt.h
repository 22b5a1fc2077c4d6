/* One attempt, as the worker's files see it. */
#ifndef GANTRY_WORKER_ATTEMPT_H
#define GANTRY_WORKER_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "codec/json.h"

/* Signals that the worker reads as descriptors; made once a process (attempt_setup). */
struct bell {
    int fd;      /* signalfd: SIGUSR1 = look at the control file, SIGTERM/SIGINT = cancel and end */
    bool ending; /* SIGTERM came */
};

struct warm;

struct attempt {
    const char *dir;
    json_t *job;
    int64_t id;
    int claim_fd;
    struct bell *bell;
    struct warm *warm; /* the slot's process that stays (warm.h); NULL = there is none */
    int64_t started_us;
    /* what the tool's end looked like */
    int exit; /* -1 when none */
    int signal;
    int64_t peak_bytes;
    int64_t cpu_us;
    bool cancelled;
    bool timed_out, stalled;
    int64_t oom_before;   /* the kernel's count at the start */
    char last_error[400]; /* last non-empty line of stderr (or stdout when stderr was silent) */
    char oom_line[200];   /* a line that speaks of memory */
    bool disk_full_line;  /* a line that says that the disk is full */
};

/* Claim the folder and run the job to its result.json. False only when no result could be written
 * (the folder is not ours, or cannot be written); then nothing was run or published. `text` is the
 * job as it came, *ret_result what result.json holds (new reference). `warm` may be NULL. */
bool attempt_run(const char *dir, json_t *job, const char *text, struct bell *bell,
                 struct warm *warm, json_t **ret_result, struct err *err) CHECK_RESULT;

/* tool.c: start the tool and stay until it and its group have ended; fills the fields above. */
bool tool_run(struct attempt *a, struct err *err) CHECK_RESULT;
/* script.c: write what a script needs into the folder (script.h). */
bool script_prepare(const struct attempt *a, struct err *err) CHECK_RESULT;

/* publish.c: check the staged outputs, publish them, write provenance; *ret_outputs is the list for
 * result.json. `result` (outcome etc.) is journalled before the first rename, so that
 * publish_recover can finish it. */
bool publish(const struct attempt *a, json_t *result, struct err *err) CHECK_RESULT;
/* Finish what an earlier attempt of the same task had begun to publish. *ret_result is its result
 * (new reference), or NULL when there was nothing to finish: then its staging has been removed. */
bool publish_recover(const struct attempt *a, const char *earlier_dir, json_t **ret_result,
                     struct err *err) CHECK_RESULT;
/* Make the folders that the tool will write into; check that nothing foreign would be replaced. */
bool staging_make(const struct attempt *a, struct err *err) CHECK_RESULT;
void staging_remove(const json_t *job);

/* pack.c */
bool pack_attempt(const char *dir, struct err *err) CHECK_RESULT;
/* Remove the staging of a dead attempt (reads its job.json). */
void sweep_attempt(const char *dir);

#endif
