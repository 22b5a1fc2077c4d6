/* `gantry errors`: failures that nobody has dealt with yet, grouped by cause. */
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "cli/text.h"

#define SHOWN_MEMBERS 8

/* Failed tasks of a run (?2), or those of a project (?1; 0: of all) that no later run has made
 * good. */
#define OPEN_FAILURES                                                                            \
    "t.state = 7 AND (?1 = 0 OR r.project_id = ?1) AND (r.id = ?2 OR (?2 = 0 AND NOT EXISTS"     \
    " (SELECT 1 FROM task n WHERE n.item_id = t.item_id AND n.job_id = t.job_id AND n.id > t.id" \
    " AND n.state IN (5, 6))))"

/* What usually helps, by the error's code. */
static const char *advice(const char *code)
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
    return "read the log, then retry, also with --set KEY=VALUE";
}

/* Tasks, items and runs of one cause into its row. */
static bool add_members(struct cli *c, json_t *row, int64_t project, int64_t run, struct err *err)
{
    json_t *tasks = json_array(), *items = json_array(), *members = json_array();
    bool ok = tasks && items && members;
    struct query *q = NULL;
    if (ok) {
        q = store_query(c->store, err,
                        "SELECT t.id, i.name, t.job_id FROM task t JOIN item i ON i.id = t.item_id"
                        " JOIN run r ON r.id = t.run_id WHERE " OPEN_FAILURES
                        " AND coalesce(t.cause_id, 0) = ?3 ORDER BY t.id",
                        "iii", project, run, json_get_int(row, "id", 0));
    }
    while (ok && q && query_next(q)) {
        char *label = resolve_label(query_text(q, 1), err);
        char *name = label ? mem_printf(err, "%s/%s", label, query_text(q, 2)) : NULL;
        ok = name && json_array_append_new(tasks, json_integer(query_int(q, 0))) == 0 &&
            json_array_append_new(items, json_string(query_text(q, 1))) == 0 &&
            json_array_append_new(members, json_string(name)) == 0;
        mem_free(name);
        mem_free(label);
    }
    ok = q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
    ok = ok && json_object_set(row, "tasks", tasks) == 0 &&
        json_object_set(row, "items", items) == 0 &&
        json_object_set(row, "members", members) == 0 &&
        json_put(row, "advice", json_string(advice(json_get_text(row, "code", ""))), err);
    json_decref(tasks);
    json_decref(items);
    json_decref(members);
    return ok;
}

static json_t *cause_rows(struct cli *c, int64_t project, int64_t run, struct err *err)
{
    json_t *rows =
        store_rows(c->store, err,
                   "SELECT k.id, coalesce(k.code, t.code) AS code, count(*) AS count,"
                   " coalesce(k.example, t.message) AS example, min(t.ended_us) AS first_us,"
                   " max(t.ended_us) AS last_us FROM task t JOIN run r ON r.id = t.run_id"
                   " LEFT JOIN cause k ON k.id = t.cause_id WHERE " OPEN_FAILURES
                   " GROUP BY t.cause_id ORDER BY count(*) DESC, k.id",
                   "ii", project, run);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!add_members(c, json_array_get(rows, i), project, run, err)) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static void print_cause(struct cli *c, const json_t *row)
{
    struct str line = STR_INIT;
    const json_t *members = json_object_get(row, "members");
    size_t n = json_array_size(members);
    int64_t id = json_get_int(row, "id", 0);
    text_show(&line, json_get_text(row, "example", ""));
    cli_print(c, "%s%" PRId64 "%s  %zu x %s: %s\n", cli_paint(c, "red"), id, cli_paint(c, NULL), n,
              json_get_text(row, "code", ""), str_text(&line));
    str_clear(&line);
    for (size_t i = 0; i < n && i < SHOWN_MEMBERS; i++) {
        str_add(&line, i ? ", " : "");
        text_show(&line, json_string_value(json_array_get(members, i)));
    }
    if (n > SHOWN_MEMBERS) {
        str_addf(&line, " (+%zu more)", n - SHOWN_MEMBERS);
    }
    cli_print(c, "   %s\n   %s\n   log: gantry log %s   retry: gantry retry --cause %" PRId64 "\n",
              str_text(&line), json_get_text(row, "advice", ""),
              json_string_value(json_array_get(members, 0)), id);
    str_fini(&line);
}

static bool print_causes(struct cli *c, const json_t *rows, struct err *err)
{
    if (c->json) {
        return cli_json(c, rows, err);
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        print_cause(c, json_array_get(rows, i));
    }
    if (!json_array_size(rows)) {
        cli_print(c, "No failures.\n");
    }
    return true;
}

static bool run(struct cli *c, struct err *err)
{
    int64_t project = 0, id = 0;
    struct err none = {.code = ERR_NONE};
    json_t *rows = NULL;
    bool ok = resolve_project_id(c, &project, err);
    if (ok && !cli_store(c, &none)) {
        rows = none.code == ERR_NOTHING ? json_array() : NULL;
        ok = rows || err_set(err, none.code, "%s", none.text);
    } else if (ok && (!c->n_args || resolve_run(c, c->args[0], project, &id, err))) {
        rows = cause_rows(c, id ? 0 : project, id, err);
    }
    ok = ok && rows && print_causes(c, rows, err);
    json_decref(rows);
    return ok;
}

const struct command command_errors = {
    .name = "errors",
    .group = GROUP_RESULTS,
    .summary = "Failures grouped by cause, with what to do",
    .usage = "[RUN]",
    .help = "Kept until the tasks are retried with success or run anew. gantry ls error:N lists "
            "the items of cause N;\n"
            "gantry retry --cause N [--set KEY=VALUE] tries them again.",
    .max_args = 1,
    .run = run,
};
