/* Rows of the table, with the words that predictions have for states. */
#include "report/validations.h"

#include "report/predictions.h"

#define CHOSEN                                                                                   \
    "FROM validation v JOIN run r ON r.id=v.run_id LEFT JOIN prediction p ON p.run_id=v.of_run " \
    "WHERE (?1=0 OR v.of_run=?1) AND (?2=0 OR v.run_id=?2) AND (?3 IS NULL OR r.project_id IN "  \
    "(SELECT value FROM json_each(?3)))"

json_t *validations_list(struct store *s, const struct validations_query *q, struct err *err)
{
    int64_t total = 0;
    size_t i;
    json_t *row,
        *answer = NULL,
        *rows = store_rows(
            s, err,
            "SELECT v.run_id AS run,v.run_id AS id,v.of_run AS of,v.kind,v.truth,v.folder,"
            "p.model,p.version,p.dataset,r.project_id AS project,r.user,r.created_us AS "
            "started,CASE WHEN r.state='active' THEN NULL ELSE r.ended_us END AS ended,"
            "r.state='active' AS active_bool " CHOSEN " ORDER BY v.run_id DESC LIMIT ?4 OFFSET ?5",
            "iisii", q->of, q->run, q->within, q->limit, q->offset);
    bool ok = rows &&
        store_int(s, 0, &total, err, "SELECT count(*) " CHOSEN, "iis", q->of, q->run, q->within);
    json_array_foreach(rows, i, row)
    {
        ok = ok && predictions_put_counts(s, row, NULL, err);
    }
    if (ok) {
        answer = json_pack("{s:I, s:O}", "total", (json_int_t)total, "rows", rows);
        ok = answer || err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(rows);
    return ok ? answer : NULL;
}
