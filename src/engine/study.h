/*
 * What a study or a subject brings to its tasks: names, the folder of its outputs, and the files
 * that a FILE argument means (catalog/pattern.h), handed to plan/bind.h as a callback.
 *
 * Order: study_open, then `bind` is valid until study_close.
 */
#ifndef GANTRY_ENGINE_STUDY_H
#define GANTRY_ENGINE_STUDY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "catalog/pattern.h"
#include "codec/json.h"
#include "engine/engine.h"
#include "plan/bind.h"
#include "store/store.h"

struct study {
    struct store *store;
    const struct active *run; /* borrowed */
    int64_t project, item;
    const json_t *variables; /* of the batch; borrowed */
    const json_t *collect;   /* ids of the items that one task collects; NULL = its own alone */
    char *out;
    json_t *names;
    struct bind_study bind;
};

/* Is it a level whose files are in the catalog? */
bool study_level(const char *level);
/* `collect` as above (borrowed). What a collecting job writes belongs to no study: it lies in
 * <folder>_rec/<batch>, in a BIDS tree in derivatives/<batch>. */
bool study_open(struct store *s, const struct active *run, int64_t item, const json_t *collect,
                struct study *ret, struct err *err) CHECK_RESULT;
void study_close(struct study *st);

/* {path, size, mtime_ns} of a file that was found. */
json_t *study_file_row(const struct pattern_file *f, struct err *err) CHECK_RESULT;
/* The patterns of a FILE argument as one text: several are parted by blanks. Caller frees. */
char *study_patterns(const json_t *spec, struct err *err) CHECK_RESULT;
/* `of` of a FILE argument with the batch's variables put in; borrowed from either. "" = the item.
 */
const char *study_reference(const json_t *variables, const json_t *spec);

/* The tags of an output that task published, given by its job's arguments ("a,b"), into the catalog
 * with its files: later jobs find them. `outputs` as in result.json, or rows of the table output.
 */
/* In a BIDS tree derivatives/<batch> is a dataset of its own: it gets a dataset_description.json
 * that says who made it, unless it has one. */
bool study_take_outputs(struct store *s, const struct active *run, const json_t *job,
                        const json_t *outputs, struct err *err) CHECK_RESULT;

#endif
