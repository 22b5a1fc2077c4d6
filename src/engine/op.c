/* Finding and running operations. */
#include "engine/op.h"

#include <string.h>
#include "engine/engine.h"

static const struct op *find(const struct op *table, const char *name)
{
    while (table->name && strcmp(table->name, name) != 0) {
        table++;
    }
    return table->name ? table : NULL;
}

bool op_call(struct engine *engine, struct store *store, const char *name, const json_t *args,
             json_t **ret, struct err *err)
{
    const struct op *op = find(ops_catalog, name);
    json_t *answer = NULL, *none = json_object();
    op = op ? op : find(ops_run, name);
    op = op ? op : find(ops_file, name);
    op = op ? op : find(ops_access, name);
    op = op ? op : find(ops_prediction, name);
    op = op ? op : find(ops_dataset, name);
    op = op ? op : find(ops_validation, name);
    if (!op) {
        json_decref(none);
        return err_set(err, ERR_USAGE, "there is no operation '%s'", name);
    }
    /* what is pending is written first: an operation sees the rows as they are */
    bool ok = engine->n_changes == 0 || engine_flush(engine, err);
    ok = ok && store_begin(store, err);
    if (ok &&
        (!op->run(engine, store, args ? args : none, &answer, err) || !store_commit(store, err))) {
        store_rollback(store);
        json_decref(answer);
        answer = NULL;
        ok = false;
        for (struct active *r = engine->runs; r; r = r->next) {
            r->hurry = true; /* windows may have lost what the rows still have */
        }
        engine_schedule_flush(engine);
    }
    json_decref(none);
    engine->operations++; /* rows read ahead may be stale */
    if (ok) {
        *ret = answer ? answer : json_object();
        engine_schedule_flush(engine);
    }
    return ok;
}
