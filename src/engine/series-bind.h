/*
 * What an image series brings to its tasks, handed to plan/bind.h: what it lies in, its
 * SeriesInstanceUID, the folder of its outputs, and what earlier jobs (or another run) made of it.
 *
 * Outputs of a run lie in <its folder>/<stem of the series>/: the folder of the prediction or
 * validation that the run is, else <folder>_rec/<name of the batch>. What a collecting job writes
 * lies in that folder itself.
 *
 * {"FILE": "."} is the series; any other pattern is looked for among the series' outputs of this
 * run, with "of": "RUN#12" among those of that run. For a collecting job these are the files of all
 * its series that have one.
 *
 * Order: series_bind_open, then `bind` is valid until series_bind_close.
 */
#ifndef GANTRY_ENGINE_SERIES_BIND_H
#define GANTRY_ENGINE_SERIES_BIND_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "engine/engine.h"
#include "plan/bind.h"
#include "store/store.h"

struct series_bind {
    struct store *store;
    const struct active *run; /* borrowed */
    const json_t *collect;    /* borrowed; ids of series, NULL = its own alone */
    char *folder, *out, *own, *uid, *stem, *patient, *date;
    struct bind_study bind;
};

bool series_bind_open(struct store *s, const struct active *run, int64_t item,
                      const json_t *collect, struct series_bind *ret, struct err *err) CHECK_RESULT;
void series_bind_close(struct series_bind *sb);

/* Where the outputs of a run at level series lie; `rec` and `name` are the run's. Caller frees. */
char *series_run_folder(struct store *s, int64_t run, const char *rec, const char *name,
                        struct err *err) CHECK_RESULT;

#endif
