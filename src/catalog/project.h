/*
 * Projects: a data folder registered with a name. Its roots are the folder and its sibling
 * <folder>_rec. project_add() writes (inside an operation); the others only read.
 */
#ifndef GANTRY_CATALOG_PROJECT_H
#define GANTRY_CATALOG_PROJECT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

struct project {
    int64_t id;
    char *name;
    char *root;           /* absolute, links resolved */
    char *rec;            /* <root>_rec */
    char *attempts;       /* where attempts live */
    int64_t min_size_pct; /* of the undersized rule; -1 = not set for this project */
    char *layout;         /* as it was set: auto, scans, bids, a pattern (model/layout.h) */
    char *layout_now;     /* what that means here: never auto; "scans" = no cohort */
    char *autoexec;       /* the batch launched for each study that arrives; "" = none */
};

void project_fini(struct project *p);

/* By its name, or by a folder of it (with a slash in it). ERR_NOTHING when there is none; the
 * message names those that are registered. */
bool project_by_name(struct store *s, const char *name, struct project *ret,
                     struct err *err) CHECK_RESULT;
bool project_by_id(struct store *s, int64_t id, struct project *ret, struct err *err) CHECK_RESULT;
/* The project whose root (or <root>_rec) holds `folder` (absolute, links resolved); the innermost
 * one. *ret_found = false and `ret` untouched when there is none. */
bool project_of_folder(struct store *s, const char *folder, struct project *ret, bool *ret_found,
                       struct err *err) CHECK_RESULT;
/* The folder that registering `folder` would register: itself, or X for an existing X_rec. Links
 * resolved. Caller frees. ERR_IO when it is no folder, ERR_USAGE for "/". */
char *project_folder(const char *folder, struct err *err) CHECK_RESULT;

/* Register (store open for writing). name NULL: the folder's own, made unique with -2, -3, ...; a
 * given name that another project has is ERR_EXISTS. Registering again only renames when a name is
 * given. *ret_new tells whether it is new. */
bool project_add(struct store *s, const char *folder, const char *name, struct project *ret,
                 bool *ret_new, struct err *err) CHECK_RESULT;

/* Take back a registration that nothing was made of (a slip of the path); one that has items, runs,
 * data sets, a watch or accounts stays. */
bool project_forget_unused(struct store *s, int64_t id, struct err *err) CHECK_RESULT;

#endif
