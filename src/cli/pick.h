/* Choosing items for run and adopt: the project, a fresh catalog, the selection. */
#ifndef GANTRY_CLI_PICK_H
#define GANTRY_CLI_PICK_H

#include "catalog/project.h"
#include "cli/command.h"
#include "engine/session.h"

struct pick {
    struct project project;
    json_t *ids; /* array of integers */
};

/* The project of the current folder (registered when it is none yet), its catalog refreshed through
 * `session` (NULL: each write by itself), the items that `selectors` name. Warnings of the refresh
 * go to stderr. ERR_NOTHING "No files selected." when there are none. `level` is the batch's: scan;
 * study or subject, for which the selectors are NORA's (catalog/pattern.h) and nothing means all;
 * series (pick-series.h), whose catalog is that of the data sets and is not refreshed here.
 * In a project without studies, level study means ZIPs of DICOM. pick_fini() the answer. */
bool pick_items(struct cli *c, struct session *session, char *const *selectors, size_t n,
                const char *level, struct pick *ret, struct err *err) CHECK_RESULT;
/* Bring the catalog of one project up to date; warnings go to stderr. */
bool pick_refresh(struct cli *c, struct session *session, int64_t project,
                  struct err *err) CHECK_RESULT;
void pick_fini(struct pick *p);

#endif
