/* Without a project only the shape is checked; in one the engine is asked, piece by piece. */
#include "cli/batch-validate.h"

#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/pick.h"
#include "cli/resolve.h"
#include "cli/saved.h"
#include "engine/home.h"
#include "engine/session.h"
#include "os/file.h"
#include "plan/batch.h"
#include "plan/tool.h"

#define SHOWN_ITEMS 20

/* A batch of studies of which none was looked at: what was not said, and how to have it said. */
static void print_unlooked(struct cli *c, const json_t *batch, const char *why)
{
    cli_print(c, "%s is valid in itself: %zu jobs. No study was looked at: %s\n",
              json_get_text(batch, "name", ""), json_array_size(json_object_get(batch, "jobs")),
              why);
}

#define NO_PROJECT \
    "this folder is no project (gantry scan finds what is in it; -p NAME validates in another)"
#define NO_STUDIES "this project has none (gantry scan says what it finds)"

static bool shape_alone(struct cli *c, const json_t *batch, bool cohort, struct err *err)
{
    char *share = home_share(err);
    char *shipped = share ? path_join(share, "tools", err) : NULL,
         *own = shipped ? path_join(c->home, "tools", err) : NULL;
    const char *folders[] = {shipped, own, NULL};
    struct tools *tools = own ? tools_load(folders, err) : NULL;
    bool ok = tools && batch_check(batch, tools, err);
    if (ok && c->json) {
        json_t *doc =
            json_pack("{s:s, s:b, s:i, s:s*}", "name", json_get_text(batch, "name", ""), "valid", 1,
                      "jobs", (int)json_array_size(json_object_get(batch, "jobs")), "unlooked",
                      cohort ? NO_PROJECT : NULL);
        ok = doc ? cli_json(c, doc, err) : err_set(err, ERR_NOMEM, "out of memory");
        json_decref(doc);
    } else if (ok && cohort) {
        print_unlooked(c, batch, NO_PROJECT);
    } else if (ok) {
        cli_print(c, "%s is valid: %zu jobs\n", json_get_text(batch, "name", ""),
                  json_array_size(json_object_get(batch, "jobs")));
    }
    tools_free(tools);
    mem_free(own);
    mem_free(shipped);
    mem_free(share);
    return ok;
}

static json_t *make_args(struct cli *c, int64_t project, const json_t *batch, struct err *err)
{
    json_t *studies = json_array();
    for (size_t i = 0; studies && i < cli_count(c, "subjects"); i++) {
        (void)json_array_append_new(studies, json_string(cli_nth(c, "subjects", i)));
    }
    if (json_array_size(studies) == 0) {
        (void)json_array_append_new(studies, json_string("*"));
    }
    json_t *args = json_pack("{s:I, s:O, s:o, s:s*}", "project", (json_int_t)project, "batch",
                             batch, "studies", studies, "job", cli_text(c, "job", NULL));
    if (!args) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return args;
}

/* All pieces as one answer. */
static json_t *ask(struct session *session, json_t *args, struct err *err)
{
    json_t *all = NULL;
    for (bool more = true; more;) {
        json_t *part = session_call(session, "batch.validate", args, err);
        if (!part) {
            json_decref(all);
            return NULL;
        }
        more = !json_get_bool(part, "complete", true);
        (void)json_object_set(args, "from", json_object_get(part, "next"));
        if (!all) {
            all = json_incref(part);
        } else {
            bool good = json_get_bool(all, "ok", false) && json_get_bool(part, "ok", false);
            (void)json_array_extend(json_object_get(all, "items"), json_object_get(part, "items"));
            (void)json_object_set_new(all, "ok", json_boolean(good));
            (void)json_object_set_new(
                all, "lacking",
                json_integer(json_get_int(all, "lacking", 0) + json_get_int(part, "lacking", 0)));
            (void)json_object_set_new(
                all, "checked",
                json_integer(json_get_int(all, "checked", 0) + json_get_int(part, "checked", 0)));
        }
        json_decref(part);
    }
    (void)json_object_set_new(all, "complete", json_true());
    (void)json_object_del(all, "next");
    return all;
}

static void print_missing(struct cli *c, const json_t *row)
{
    const json_t *missing = json_object_get(row, "missing");
    struct str line = STR_INIT;
    for (size_t i = 0; i < json_array_size(missing); i++) {
        const json_t *one = json_array_get(missing, i);
        str_addf(&line, "%s%s: nothing matches '%s'", i ? "; " : "", json_get_text(one, "arg", ""),
                 json_get_text(one, "pattern", ""));
    }
    char *shown = cli_shown(json_get_text(row, "psid", ""), err_ignore("shown without it"));
    char *text = cli_shown(str_text(&line), err_ignore("shown without it"));
    cli_print(c, "%s  %s  %s\n", shown ? shown : "", json_get_text(row, "job", ""),
              text ? text : "");
    mem_free(text);
    mem_free(shown);
    str_fini(&line);
}

static void print_answer(struct cli *c, const json_t *batch, const json_t *answer)
{
    const json_t *problems = json_object_get(answer, "problems"),
                 *items = json_object_get(answer, "items");
    size_t n = json_array_size(items);
    int64_t lacking = json_get_int(answer, "lacking", 0);
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *row = json_array_get(problems, i);
        const char *job = json_get_text(row, "job", "");
        cli_print(c, "%s%s%s%s\n", json_get_bool(row, "warning", false) ? "warning: " : "", job,
                  job[0] ? ": " : "", json_get_text(row, "text", ""));
    }
    for (size_t i = 0; i < n && i < SHOWN_ITEMS; i++) {
        print_missing(c, json_array_get(items, i));
    }
    if (n > SHOWN_ITEMS) {
        cli_print(c, "(+%" PRId64 " more; --json lists them)\n", lacking - SHOWN_ITEMS);
    }
    if (json_get_int(answer, "total", 0) == 0 && json_get_bool(answer, "ok", false)) {
        print_unlooked(c, batch, NO_STUDIES);
        return;
    }
    cli_print(c, "%s %s: %zu jobs, %" PRId64 " items checked, %" PRId64 " lack an input\n",
              json_get_text(batch, "name", ""),
              json_get_bool(answer, "ok", false) ? "is valid" : "is not ready",
              json_array_size(json_object_get(batch, "jobs")), json_get_int(answer, "checked", 0),
              lacking);
}

/* Nothing looked at is nothing validated, when somebody said what to look at. */
static bool found_any(struct cli *c, const json_t *answer, struct err *err)
{
    return !cli_has(c, "subjects") || json_get_int(answer, "checked", 0) > 0 ||
        json_array_size(json_object_get(answer, "problems")) > 0 ||
        err_set(err, ERR_NOTHING, "no study answers to '%s' (gantry ls --level study lists them)",
                cli_nth(c, "subjects", 0));
}

static bool has_job(const struct cli *c, const json_t *batch, struct err *err)
{
    const char *wanted = cli_text(c, "job", NULL);
    json_t *job;
    size_t i;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        if (wanted && !strcmp(json_get_text(job, "id", ""), wanted)) {
            return true;
        }
    }
    return !wanted ||
        err_set(err, ERR_USAGE, "there is no job '%s' in batch '%s'", wanted,
                json_get_text(batch, "name", ""));
}

static bool in_project(struct cli *c, int64_t project, const json_t *batch, struct err *err)
{
    cli_store_close(c);
    struct session *session = session_open(c->home, err);
    json_t *args = session && pick_refresh(c, session, project, err)
        ? make_args(c, project, batch, err)
        : NULL;
    json_t *answer = args ? ask(session, args, err) : NULL;
    bool ok = answer != NULL && found_any(c, answer, err);
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        print_answer(c, batch, answer);
    }
    c->status = ok && !json_get_bool(answer, "ok", false) ? 1 : c->status;
    json_decref(answer);
    json_decref(args);
    session_close(session);
    return ok;
}

bool batch_validate(struct cli *c, const char *word, struct err *err)
{
    bool is_file = str_ends(word, ".json") && file_exists(word);
    int64_t project = 0;
    json_t *batch = is_file ? saved_file(word, err) : saved_batch_find(c, word, err);
    const char *level = json_get_text(batch, "level", "scan");
    bool cohort = !strcmp(level, "study") || !strcmp(level, "subject");
    bool ok = batch && has_job(c, batch, err) &&
        (!cohort || resolve_project_id(c, &project, err) ||
         err->code == ERR_NOTHING /* a fresh home: no projects */);
    if (ok) {
        ok = project ? in_project(c, project, batch, err) : shape_alone(c, batch, cohort, err);
    }
    json_decref(batch);
    return ok;
}
