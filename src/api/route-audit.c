/* Who did what. Admins only. */
#include "api/access.h"
#include "api/audit.h"
#include "api/route.h"

#define ROWS 200
#define MOST_ROWS 5000

static bool list(struct request *q, struct reply *r, struct err *err)
{
    int64_t limit = request_int(q, "limit", ROWS), total = 0;
    limit = limit < 1 ? 1 : limit > MOST_ROWS ? MOST_ROWS : limit;
    audit_flush(access_log(q->api->access));
    json_t *rows = store_rows(
        q->api->store, err,
        "SELECT a.id, a.t_us, a.user, a.ip, a.what, a.outcome, a.project_id AS project, a.detail "
        "FROM audit a WHERE (?1='' OR a.user=?1 COLLATE NOCASE) AND (?2=0 OR a.id<?2) AND (?3='' "
        "OR "
        "instr(lower(a.what||' '||a.detail||' '||a.ip||' '||a.outcome),lower(?3))>0) "
        "ORDER BY a.id DESC LIMIT ?4",
        "sisi", request_text(q, "user", ""), request_int(q, "before", 0),
        request_text(q, "text", ""), limit);
    if (!rows || !store_int(q->api->store, 0, &total, err, "SELECT count(*) FROM audit", "")) {
        json_decref(rows);
        return false;
    }
    return reply_json(r, 200, json_pack("{s:I, s:o}", "total", (json_int_t)total, "rows", rows),
                      err);
}

static const struct route_param params[] = {
    {IN_QUERY, "user", P_TEXT, false, "of this account only"},
    {IN_QUERY, "text", P_TEXT, false, "in what was done, its detail, address or outcome"},
    {IN_QUERY, "before", P_INT, false, "rows older than this id: the next page"},
    {IN_QUERY, "limit", P_INT, false, "at most so many (200)"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_audit[] = {
    {"GET", "/api/v1/audit", ROLE_ADMIN, "Who did what, from where; newest first", params, list,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
