/*
 * Operations: everything that changes state, by name, with JSON in and out. One table serves the
 * command line (in-process when it holds the lock, through the socket otherwise) and later the HTTP
 * API. An operation runs inside one transaction that is rolled back when it fails; it must not
 * block longer than a small SQLite transaction.
 *
 * To add one: a function here in engine/op-<group>.c and its line in that file's table.
 */
#ifndef GANTRY_ENGINE_OP_H
#define GANTRY_ENGINE_OP_H

#include <stdbool.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

struct engine;

/* `engine` is the living engine (signals, dispatch). `args` is an object. *ret is a new reference
 * (an object). */
typedef bool op_function(struct engine *engine, struct store *store, const json_t *args,
                         json_t **ret, struct err *err);

struct op {
    const char *name; /* "item.set", "run.create", ... */
    op_function *run;
};

/* NULL-name-terminated tables, one a file. */
extern const struct op ops_catalog[]; /* op-catalog.c: project.add, scan.apply, item.set,
                                         item.forget, cor.set, cor.fix, tag... */
extern const struct op
    ops_run[]; /* op-run.c: run.create, run.resume, task.kill, task.retry, item.adopt, ... */
extern const struct op ops_file[];       /* op-file.c: file.add, file.drop */
extern const struct op ops_prediction[]; /* op-prediction.c: prediction.check, .create, ... */
extern const struct op ops_validation[]; /* op-validation.c: validation.create */
extern const struct op ops_access[];     /* op-access.c: user.add, session.add, audit.add, ... */
extern const struct op ops_dataset[];    /* op-dataset.c: dataset.add, .apply, .rename, .remove */

/* Find and run; wraps the call in a transaction. */
bool op_call(struct engine *engine, struct store *store, const char *name, const json_t *args,
             json_t **ret, struct err *err) CHECK_RESULT;

#endif
