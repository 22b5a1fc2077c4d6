/* Operations on cohorts: what a scan found, tags in their three domains, imported attributes. The
 * work is in catalog/cohort*.c. */
#include "catalog/apply.h"
#include "catalog/cohort-scan.h"
#include "catalog/cohort.h"
#include "engine/op-catalog.h"

/* catalog/cohort-scan.h says what it takes. */
bool op_cohort_apply(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                     struct err *err)
{
    (void)e;
    json_t *answer;
    return op_answer(&answer, err) && op_finish(cohort_apply(s, args, err), answer, ret);
}

/* {"items", "tag", "add": bool}, or with a domain as catalog/cohort.h says -> {"changed": n} */
bool op_tag(struct engine *e, struct store *s, const json_t *args, json_t **ret, struct err *err)
{
    (void)e;
    int64_t changed;
    json_t *answer;
    return op_answer(&answer, err) &&
        op_finish((json_object_get(args, "domain") ? cohort_tag(s, args, &changed, err)
                                                   : apply_tag(s, args, &changed, err)) &&
                      json_put(answer, "changed", json_integer(changed), err),
                  answer, ret);
}
