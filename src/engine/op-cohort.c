/* Operations on cohorts: what a scan found, how the folder is laid out, tags in their
 * three domains, imported attributes. The
 * work is in catalog/cohort*.c. */
#include <string.h>
#include "catalog/apply.h"
#include "catalog/cohort-attrs.h"
#include "catalog/cohort-scan.h"
#include "catalog/cohort.h"
#include "engine/op-catalog.h"
#include "engine/op-run.h"
#include "model/layout.h"

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

/* catalog/cohort-attrs.h says what it takes -> {"subjects", "studies", "n_unknown", "unknown":
 * [names]} */
bool op_attrs_import(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                     struct err *err)
{
    struct cohort_attrs a;
    (void)e;
    if (!cohort_attrs_import(s, args, &a, err)) {
        return false;
    }
    *ret = json_pack("{s:I, s:I, s:I, s:o}", "subjects", (json_int_t)a.subjects, "studies",
                     (json_int_t)a.studies, "n_unknown", (json_int_t)a.n_unknown, "unknown",
                     a.unknown);
    return *ret || err_set(err, ERR_NOMEM, "out of memory");
}

static bool set_layout(struct store *s, int64_t project, const char *layout, struct err *err)
{
    struct layout parsed;
    return (!strcmp(layout, LAYOUT_AUTO) || layout_parse(layout, &parsed, err)) &&
        store_exec(s, err, "UPDATE project SET layout=?2,layout_found='' WHERE id=?1", "is",
                   project, layout);
}

/* The batch must be there, and run on studies. Those that are there already have not arrived. */
static bool set_autoexec(struct engine *e, struct store *s, int64_t project, const char *batch,
                         struct err *err)
{
    json_t *name = *batch ? json_string(batch) : NULL, *found = NULL;
    bool ok = !*batch || (name && (found = op_find_batch(e, s, name, err)));
    if (ok && found && strcmp(json_get_text(found, "level", "scan"), "study") != 0) {
        ok = err_set(err, ERR_USAGE,
                     "the batch '%s' is of level %s: only one of level study can be launched for "
                     "each study that arrives",
                     batch, json_get_text(found, "level", "scan"));
    }
    json_decref(found);
    json_decref(name);
    return ok &&
        store_exec(
               s, err,
               "UPDATE item SET baseline=1 WHERE project_id=?1 AND level='study' AND baseline=0 "
               "AND NOT EXISTS(SELECT 1 FROM watch WHERE project_id=?1) AND "
               "EXISTS(SELECT 1 FROM project WHERE id=?1 AND autoexec<>?2)",
               "is", project, batch) &&
        store_exec(s, err, "UPDATE project SET autoexec=?2 WHERE id=?1", "is", project, batch);
}

/* {"project", "min_size_pct"?: 0-100 or null, "layout"?, "autoexec"?: a batch, "" for none} */
bool op_project_set(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                    struct err *err)
{
    int64_t pct = json_get_int(args, "min_size_pct", -1),
            project = json_get_int(args, "project", 0);
    const char *layout = json_get_text(args, "layout", NULL);
    const char *autoexec = json_get_text(args, "autoexec", NULL);
    json_t *answer;
    if (pct > 100) {
        return err_set(err, ERR_USAGE, "the undersized limit is a percentage, 0 to 100");
    }
    if (!op_answer(&answer, err)) {
        return false;
    }
    bool ok = (!layout || set_layout(s, project, layout, err)) &&
        (!autoexec || set_autoexec(e, s, project, autoexec, err));
    if (ok && (json_object_get(args, "min_size_pct") || (!layout && !autoexec))) {
        ok = store_exec(s, err, "UPDATE project SET min_size_pct=nullif(?2,-1) WHERE id=?1", "ii",
                        project, pct < 0 ? (int64_t)-1 : pct);
    }
    return op_finish(ok, answer, ret);
}
