/*
 * Bring a project's catalog up to date with its folder: walk it (discover/), read the headers of
 * what is new or changed in gantry-imaging processes, apply the rows through the operation
 * "scan.apply", then judge series, statuses and CORs. A second refresh with nothing changed costs
 * the walk alone. A folder that is a cohort (project.layout) is gone through study by study
 * besides: engine/refresh-cohort.h.
 */
#ifndef GANTRY_ENGINE_REFRESH_H
#define GANTRY_ENGINE_REFRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "catalog/cohort-scan.h"
#include "codec/json.h"

struct session;

struct refresh {
    const char *home;
    struct session *session; /* NULL: each write opens one for itself */
    int64_t project;
    int64_t min_size_pct; /* of the undersized rule: -1 = the project's, else the default of 50 */
    bool all;             /* forgotten rows come back */
    /* Called while headers are read (may be NULL): so many of so many. */
    void (*progress)(void *arg, size_t done, size_t total);
    void *arg;
};

struct refresh_report {
    int64_t files; /* on disk now */
    int64_t scans; /* of them, acquisitions */
    int64_t added, changed, gone;
    int64_t read;       /* headers read now */
    int64_t unreadable; /* of these */
    char layout[256];   /* of the project; "scans" = no cohort */
    struct cohort_scan_report cohort;
    json_t *warnings; /* array of lines for stderr */
    json_t
        *troubles; /* further lines, one for each unreadable file; the rows keep the reasons too */
};

bool refresh_project(const struct refresh *how, struct refresh_report *ret,
                     struct err *err) CHECK_RESULT;

/* The same in steps that do not block, for a loop: begin walks and starts the readers; step looks
 * at them and, when the last is done, settles everything (*ret_done); the report is given once, by
 * end, which frees the object whatever came before. `how` is copied, what it points to is not. */
struct refreshing;
struct refreshing *refresh_begin(const struct refresh *how, struct err *err) CHECK_RESULT;
bool refresh_step(struct refreshing *r, bool *ret_done, struct err *err) CHECK_RESULT;
void refresh_end(struct refreshing *r, struct refresh_report *ret);
void refresh_report_fini(struct refresh_report *r);

#endif
