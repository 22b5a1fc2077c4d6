/*
 * What a plan over many studies looks up once: the files that each FILE argument means in a slice
 * of studies (one question instead of one a task), and the names of the study at work. It stands
 * for the catalog as it is, so it is for previews, where nothing changes in between.
 *
 * Order: memo_new, memo_slice for some items, then study_open and binding in a run whose `memo` it
 * is.
 */
#ifndef GANTRY_ENGINE_STUDY_MEMO_H
#define GANTRY_ENGINE_STUDY_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

struct study_memo;

/* `batch` is borrowed: arguments are known by their place in it. */
struct study_memo *memo_new(int64_t project, const json_t *batch, struct err *err) CHECK_RESULT;
void memo_free(struct study_memo *m);
/* Look for the files of these items (studies; of subjects nothing is kept). */
bool memo_slice(struct study_memo *m, struct store *s, const int64_t *items, size_t n,
                struct err *err) CHECK_RESULT;
/* Rows {path, size, mtime_ns} of an argument; borrowed. NULL: not known, look yourself. */
const json_t *memo_files(const struct study_memo *m, const json_t *spec, int64_t item);
/* Does an earlier job of the batch make what the job of this argument reads? */
bool memo_made_before(const struct study_memo *m, const json_t *spec);
/* The names and the folder of outputs of `item`: those of the item asked for last are kept. */
bool memo_names(struct study_memo *m, struct store *s, int64_t item, const char *batch,
                json_t **ret_names, char **ret_out, struct err *err) CHECK_RESULT;

#endif
