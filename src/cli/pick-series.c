/* Every series of the project is held against every word. */
#include "cli/pick-series.h"

#include "base/mem.h"
#include "base/str.h"
#include "catalog/series-select.h"

#define DATASET "dataset:"

static bool in_dataset(struct store *s, int64_t item, const char *name, bool *ret, struct err *err)
{
    int64_t found = 0;
    bool ok = store_int(s, 0, &found, err,
                        "SELECT 1 FROM dataset d JOIN dataset_item m ON m.dataset_id=d.id WHERE "
                        "d.name=?2 AND m.item_id=?1",
                        "is", item, name);
    *ret = found == 1;
    return ok;
}

static bool wanted(struct store *s, const struct series_names *row, char *const *words, size_t n,
                   bool *hit, bool *ret, struct err *err)
{
    bool ok = true;
    *ret = n == 0;
    for (size_t i = 0; ok && i < n; i++) {
        bool meant = false;
        if (str_starts(words[i], DATASET)) {
            ok = in_dataset(s, row->id, words[i] + sizeof DATASET - 1, &meant, err);
        } else {
            meant = series_word_matches(words[i], row);
        }
        hit[i] = hit[i] || meant;
        *ret = *ret || meant;
    }
    return ok;
}

static bool check(char *const *words, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_starts(words[i], DATASET) && !series_word_check(words[i], err)) {
            return false;
        }
    }
    return true;
}

static bool all_met(char *const *words, const bool *hit, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!hit[i]) {
            return err_set(err, ERR_NOTHING, "no series is meant by '%.100s' (gantry dataset show)",
                           words[i]);
        }
    }
    return true;
}

bool pick_series(struct store *s, int64_t project, char *const *words, size_t n, int64_t **ret,
                 size_t *ret_n, struct err *err)
{
    int64_t many = 0, *ids = NULL;
    size_t kept = 0;
    bool *hit = mem_zero((n + 1) * sizeof *hit, err);
    bool ok = hit && check(words, n, err) &&
        store_int(s, 0, &many, err,
                  "SELECT count(*) FROM item WHERE project_id=?1 AND level='series'", "i",
                  project) &&
        (ids = mem_array((size_t)many + 1, sizeof *ids, err));
    struct query *q = ok
        ? store_query(s, err,
                      "SELECT i.id,i.name,v.path,v.stem,v.patient,v.modality,v.date,v.uid FROM "
                      "item i JOIN series v ON v.item_id=i.id WHERE i.project_id=?1 AND "
                      "i.level='series' AND i.gone=0 AND i.hidden=0 ORDER BY i.name",
                      "i", project)
        : NULL;
    ok = ok && q;
    while (ok && query_next(q)) {
        const struct series_names row = {query_int(q, 0),  query_text(q, 1), query_text(q, 2),
                                         query_text(q, 3), query_text(q, 4), query_text(q, 5),
                                         query_text(q, 6), query_text(q, 7)};
        bool take = false;
        ok = wanted(s, &row, words, n, hit, &take, err);
        if (ok && take && kept < (size_t)many) {
            ids[kept++] = row.id;
        }
    }
    ok = (!q || query_end(q, ok ? err : err_ignore("the first error stays"))) && ok;
    ok = ok && all_met(words, hit, n, err);
    mem_free(hit);
    if (!ok) {
        mem_free(ids);
        return false;
    }
    *ret = ids;
    *ret_n = kept;
    return true;
}
