/* Each row is laid over what its subject or study has already. */
#include "catalog/cohort-attrs.h"

#include <string.h>
#include "base/clock.h"

#define UNKNOWN_MAX 100

/* Names are exact; BIDS' prefix may be missing on either side. */
static bool find(struct store *s, int64_t project, const char *subject, const char *study,
                 int64_t *ret, struct err *err)
{
    return study ? store_int(s, 0, ret, err,
                             "SELECT y.item_id FROM study y JOIN item i ON i.id=y.item_id JOIN "
                             "item p ON p.id=y.subject_id WHERE p.project_id=?1 AND "
                             "p.level='subject' AND p.name IN (?2,'sub-'||?2) AND y.sid IN "
                             "(?3,'ses-'||?3) ORDER BY i.gone,p.name<>?2,y.sid<>?3 LIMIT 1",
                             "iss", project, subject, study)
                 : store_int(s, 0, ret, err,
                             "SELECT id FROM item WHERE project_id=?1 AND level='subject' AND name "
                             "IN (?2,'sub-'||?2) ORDER BY name<>?2 LIMIT 1",
                             "is", project, subject);
}

static json_t *values_of(const json_t *row, struct err *err)
{
    json_t *values = json_object(), *value;
    const char *key;
    bool ok = values || err_set(err, ERR_NOMEM, "out of memory");
    json_object_foreach((json_t *)row, key, value)
    {
        if (!strcmp(key, "subject") || !strcmp(key, "study")) {
            continue;
        }
        if (ok && !json_is_string(value) && !json_is_number(value) && !json_is_null(value)) {
            ok = err_set(err, ERR_USAGE, "the attribute '%.80s' is neither a text nor a number",
                         key);
        }
        ok = ok &&
            (json_object_set(values, key, value) == 0 || err_set(err, ERR_NOMEM, "out of memory"));
    }
    if (!ok) {
        json_decref(values);
        return NULL;
    }
    return values;
}

static bool note_unknown(struct cohort_attrs *a, const char *subject, const char *study,
                         struct err *err)
{
    if (a->n_unknown++ >= UNKNOWN_MAX) {
        return true;
    }
    json_t *name = json_sprintf("%s%s%s", subject, study ? "#" : "", study ? study : "");
    return (name && json_array_append_new(a->unknown, name) == 0) ||
        err_set(err, ERR_NOMEM, "out of memory");
}

static bool import_row(struct store *s, int64_t project, const json_t *row, struct cohort_attrs *a,
                       struct err *err)
{
    const char *subject = json_get_text(row, "subject", "");
    const char *study = json_get_text(row, "study", NULL);
    int64_t id = 0;
    if (!*subject) {
        return err_set(err, ERR_USAGE, "attrs.import: a row names no subject");
    }
    if (!find(s, project, subject, study, &id, err)) {
        return false;
    }
    if (!id) {
        return note_unknown(a, subject, study, err);
    }
    json_t *values = values_of(row, err);
    bool ok = values &&
        store_exec(s, err, "UPDATE item SET attrs=json_patch(attrs,?2),changed_us=?3 WHERE id=?1",
                   "iji", id, values, clock_utc_us());
    json_decref(values);
    a->studies += study != NULL;
    a->subjects += study == NULL;
    return ok;
}

bool cohort_attrs_import(struct store *s, const json_t *args, struct cohort_attrs *ret,
                         struct err *err)
{
    struct cohort_attrs a = {.unknown = json_array()};
    const json_t *row;
    size_t i;
    bool ok = a.unknown || err_set(err, ERR_NOMEM, "out of memory");
    json_array_foreach(json_object_get(args, "rows"), i, row)
    {
        ok = ok && import_row(s, json_get_int(args, "project", 0), row, &a, err);
    }
    if (!ok) {
        json_decref(a.unknown);
        return false;
    }
    *ret = a;
    return true;
}

json_t *cohort_attrs_list(struct store *s, int64_t project, struct err *err)
{
    return store_rows(s, err,
                      "SELECT k.key AS name,sum(i.level='subject') AS subjects,"
                      "sum(i.level='study') AS studies,min(k.value) AS example FROM item i,"
                      "json_each(i.attrs) k WHERE i.project_id=?1 AND i.level IN "
                      "('subject','study') AND i.gone=0 AND i.attrs<>'{}' GROUP BY k.key ORDER BY "
                      "k.key",
                      "i", project);
}
