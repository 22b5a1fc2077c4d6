/* The causes in one query, the members of each in another. */
#include "report/causes.h"

#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

/* Failed tasks of a run (?2), or those of a project (?1; 0: of all) that no later run has made
 * good; never what a person has cleared. */
#define OPEN_FAILURES                                                                            \
    "t.state = 7 AND t.cleared = 0 AND (?4 IS NULL OR r.project_id IN (SELECT value FROM "       \
    "json_each(?4)))"                                                                            \
    " AND (?1 = 0 OR r.project_id = ?1) AND (r.id = ?2 OR (?2 = 0 AND NOT EXISTS"                \
    " (SELECT 1 FROM task n WHERE n.item_id = t.item_id AND n.job_id = t.job_id AND n.id > t.id" \
    " AND n.state IN (5, 6))))"

/* What usually helps, by the error's code. */
static const char *advice(const char *code, const char *signature)
{
    static const struct {
        const char *code;
        const char *text;
    } rows[] = {
        {"bad-data",
         "the input cannot be used as it is: mend the files, or leave them out with gantry set "
         "enabled=false"},
        {"out-of-memory",
         "give it more room: fewer --slots, a smaller --set binning=1, or a machine with more "
         "memory"},
        {"timeout",
         "look at the log; give it longer with --timeout or --stall, or leave the item out"},
        {"exists",
         "outputs that Gantry did not make are in the way: gantry adopt takes them, --overwrite "
         "replaces them"},
        {"permission", "ask for the right to read the input or write the output folder"},
        {"disk-full", "free some space; the queue goes on by itself"},
        {"cannot-read-or-write", "check the disk and the path, then retry"},
        {"usage", "a parameter is wrong: retry with --set KEY=VALUE"},
        {"not-built-yet", "choose another value: retry with --set KEY=VALUE"},
        {"unreachable", "check the host, then retry"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!strcmp(rows[i].code, code)) {
            return rows[i].text;
        }
    }
    if (str_starts(signature, "input '")) { /* of a study's job: nothing matches its pattern */
        return "put a pattern that fits beside the others, then run the edited job for these: "
               "gantry retry --cause N --job FILE.json; or leave it out with \"optional\": true";
    }
    return "read the log, then retry, also with --set KEY=VALUE";
}

static bool has_int(const json_t *list, int64_t value)
{
    const json_t *v;
    size_t i;
    json_array_foreach(list, i, v)
    {
        if (json_integer_value(v) == value) {
            return true;
        }
    }
    return false;
}

struct members {
    json_t *tasks, *items, *item_ids, *runs, *names;
};

static bool add_member(struct members *m, const struct query *q, struct err *err)
{
    char *label = path_label(query_text(q, 1), err);
    char *name = label ? mem_printf(err, "%s/%s", label, query_text(q, 2)) : NULL;
    bool ok = name && json_array_append_new(m->tasks, json_integer(query_int(q, 0))) == 0 &&
        json_array_append_new(m->items, json_string(query_text(q, 1))) == 0 &&
        json_array_append_new(m->item_ids, json_integer(query_int(q, 3))) == 0 &&
        (has_int(m->runs, query_int(q, 4)) ||
         json_array_append_new(m->runs, json_integer(query_int(q, 4))) == 0) &&
        json_array_append_new(m->names, json_string(name)) == 0;
    mem_free(name);
    mem_free(label);
    return ok;
}

/* Tasks, items and runs of one cause into its row. */
static bool add_members(struct store *s, json_t *row, int64_t project, int64_t run,
                        const char *within, struct err *err)
{
    struct members m = {json_array(), json_array(), json_array(), json_array(), json_array()};
    bool ok = m.tasks && m.items && m.item_ids && m.runs && m.names;
    struct query *q = ok
        ? store_query(s, err,
                      "SELECT t.id, i.name, t.job_id, i.id, r.id FROM run r CROSS JOIN task t ON "
                      "t.run_id = r.id JOIN item i ON i.id = t.item_id WHERE " OPEN_FAILURES
                      " AND coalesce(t.cause_id, 0) = ?3 ORDER BY t.id",
                      "iiis", project, run, json_get_int(row, "id", 0), within)
        : NULL;
    while (ok && q && query_next(q)) {
        ok = add_member(&m, q, err);
    }
    ok = q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    ok = ok && json_object_set(row, "tasks", m.tasks) == 0 &&
        json_object_set(row, "items", m.items) == 0 &&
        json_object_set(row, "item_ids", m.item_ids) == 0 &&
        json_object_set(row, "runs", m.runs) == 0 &&
        json_object_set(row, "members", m.names) == 0 &&
        json_put(row, "advice",
                 json_string(
                     advice(json_get_text(row, "code", ""), json_get_text(row, "signature", ""))),
                 err);
    json_decref(m.tasks);
    json_decref(m.items);
    json_decref(m.item_ids);
    json_decref(m.runs);
    json_decref(m.names);
    return ok;
}

json_t *causes_rows(struct store *s, int64_t project, int64_t run, const char *within,
                    struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT k.id, coalesce(k.code, t.code) AS code, k.signature, count(*) AS count,"
        " coalesce(k.example, t.message) AS example, min(t.ended_us) AS first_us,"
        " max(t.ended_us) AS last_us, max(t.job_id) AS job, max(i.level) AS level FROM run r"
        " CROSS JOIN task t ON t.run_id = r.id JOIN item i ON i.id = t.item_id LEFT JOIN cause k "
        "ON k.id = t.cause_id WHERE " OPEN_FAILURES " AND ?3 = 0"
        " GROUP BY t.cause_id ORDER BY count(*) DESC, k.id",
        "iiis", project, run, (int64_t)0, within);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!add_members(s, json_array_get(rows, i), project, run, within, err)) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}
