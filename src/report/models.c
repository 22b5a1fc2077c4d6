/* Two small queries a model: there are tens of them. */
#include "report/models.h"

bool models_archived(struct store *s, const char *name, bool *ret, struct err *err)
{
    int64_t archived = 0;
    bool ok =
        store_int(s, 0, &archived, err, "SELECT 1 FROM model_archived WHERE name=?1", "s", name);
    *ret = archived != 0;
    return ok;
}

bool models_put_use(struct store *s, json_t *rows, struct err *err)
{
    json_t *row;
    size_t i;
    bool ok = true;
    json_array_foreach(rows, i, row)
    {
        const char *name = json_get_text(row, "name", "");
        bool archived = false;
        int64_t used = 0, last = 0;
        ok = ok && models_archived(s, name, &archived, err) &&
            store_int(s, 0, &used, err, "SELECT count(*) FROM prediction WHERE model=?1", "s",
                      name) &&
            store_int(
                 s, 0, &last, err,
                 "SELECT max(r.created_us) FROM prediction p JOIN run r ON r.id=p.run_id WHERE "
                 "p.model=?1",
                 "s", name) &&
            json_put(row, "archived", json_boolean(archived), err) &&
            json_put(row, "used", json_integer(used), err) &&
            json_put(row, "last_used", last ? json_integer(last) : json_null(), err);
    }
    return ok;
}
