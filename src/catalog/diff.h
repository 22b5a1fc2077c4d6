/* What differs between a project's folder and its rows: the walk's list against the store, by name,
 * size and mtime. */
#ifndef GANTRY_CATALOG_DIFF_H
#define GANTRY_CATALOG_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "model/found.h"
#include "store/store.h"

struct diff {
    const struct found **changed; /* new or changed, or unreadable at the last look; point into the
                                     list */
    size_t n_changed;
    size_t n_new;   /* of them, not in the catalog yet */
    size_t n_again; /* of them, unchanged but unreadable at the last look */
    int64_t *gone;  /* rows whose file is no longer there */
    size_t n_gone;
};

/* `found` must outlive the answer. Rows in folders that could not be read are not gone. */
bool diff_make(struct store *s, int64_t project, const struct found_list *found, struct diff *ret,
               struct err *err) CHECK_RESULT;
void diff_fini(struct diff *d);

#endif
