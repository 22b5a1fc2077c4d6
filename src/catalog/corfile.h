/*
 * CORs in files that other programs read and write too: batch_cor_values.csv (Filename,COR; read
 * first, rewritten when present) and rot_cen.json ({path: COR}, always written). They lie in the
 * data folder, or in <folder>_rec when that one is read-only.
 *
 * item.cor_seen remembers what the files said of a row when we last read or wrote it: a row whose
 * COR differs from it waits to be mirrored; a file that differs from it was changed by somebody
 * else. If both happened, the catalog's value stays.
 */
#ifndef GANTRY_CATALOG_CORFILE_H
#define GANTRY_CATALOG_CORFILE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "catalog/project.h"
#include "codec/json.h"
#include "store/store.h"

/* Mirror changed CORs into the files: read, merge, write aside, rename. Foreign keys and rows, the
 * tails of list values and the type of text values are kept. Store open for writing; cheap when
 * nothing waits. A file that cannot be understood is left alone: ERR_FORMAT, and the catalog keeps
 * the values. */
bool cor_mirror(struct store *s, int64_t project, struct err *err) CHECK_RESULT;

/* What the files say that the catalog does not know yet: an array of {"id", "cor"} for scan.apply's
 * "cors". Reads only. A file that cannot be understood adds a line to `warnings` (an array). Caller
 * owns the answer. */
json_t *cor_file_changes(struct store *s, const struct project *p, json_t *warnings,
                         struct err *err) CHECK_RESULT;

#endif
