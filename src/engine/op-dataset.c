/* Operations on data sets. The work is in catalog/dataset*.c. */
#include "catalog/dataset.h"
#include "engine/op-catalog.h"

/* catalog/dataset.h says what it takes -> {"id"} */
static bool op_add(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                   struct err *err)
{
    int64_t id = 0;
    json_t *answer;
    (void)e;
    return op_answer(&answer, err) &&
        op_finish(dataset_add(s, args, &id, err) && json_put(answer, "id", json_integer(id), err),
                  answer, ret);
}

/* -> {"new", "changed"} */
static bool op_apply(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                     struct err *err)
{
    json_t *answer;
    (void)e;
    return op_answer(&answer, err) && op_finish(dataset_apply(s, args, answer, err), answer, ret);
}

static bool op_rename(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                      struct err *err)
{
    json_t *answer;
    (void)e;
    return op_answer(&answer, err) && op_finish(dataset_change(s, args, err), answer, ret);
}

/* {"dataset"} */
static bool op_remove(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                      struct err *err)
{
    json_t *answer;
    (void)e;
    return op_answer(&answer, err) &&
        op_finish(dataset_remove(s, json_get_int(args, "dataset", 0), err), answer, ret);
}

const struct op ops_dataset[] = {
    {"dataset.add", op_add},
    {"dataset.apply", op_apply},
    {"dataset.rename", op_rename},
    {"dataset.remove", op_remove},
    {NULL, NULL},
};
