/* A batch in, a batch out: nothing is started here. */
#include "engine/notebook.h"

#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/home.h"
#include "os/proc.h"
#include "plan/batch.h"
#include "plan/command.h"

#define NOTEBOOK "jupyter.notebook"

/* The one job that is asked for. Borrowed. */
static json_t *notebook_job(const json_t *args, const json_t *batch, struct err *err)
{
    const json_t *phases = json_object_get(args, "phases");
    json_t *jobs = json_object_get(batch, "jobs"), *job;
    const char *wanted = json_array_size(phases) == 1 ? json_string_value(json_array_get(phases, 0))
        : json_array_size(jobs) == 1 ? json_get_text(json_array_get(jobs, 0), "id", "")
                                     : NULL;
    size_t i;
    if (!wanted) {
        (void)err_set(err, ERR_USAGE,
                      "a notebook opens one job of a batch: say which (--phase JOB)");
        return NULL;
    }
    json_array_foreach(jobs, i, job)
    {
        if (!strcmp(json_get_text(job, "id", ""), wanted)) {
            return job;
        }
    }
    (void)err_set(err, ERR_USAGE, "the batch has no job '%s'", wanted);
    return NULL;
}

/* Outputs become files of the notebook's own folder: trying things out replaces no result. */
static bool notebook_args(json_t *from, json_t *args, json_t *outputs, struct err *err)
{
    const char *name;
    json_t *spec;
    bool ok = true;
    json_object_foreach(from, name, spec)
    {
        const char *file = json_get_text(spec, "OUT", NULL),
                   *path = json_get_text(spec, "PATHOUT", file);
        const char *tag = path ? strstr(path, " TAG(") : NULL;
        if (path) {
            ok = ok &&
                json_put(outputs, name,
                         json_pack("{s:s%, s:b}", "path", path,
                                   tag ? (size_t)(tag - path) : strlen(path), "folder", !file),
                         err);
        } else if (strcmp(name, "script") != 0) {
            ok = ok && json_put(args, name, json_incref(spec), err);
        }
    }
    return ok;
}

/* --- an external tool: its command-line as a person would type it */

static void add_quoted(struct str *out, const char *text)
{
    str_addc(out, '\'');
    for (; *text; text++) {
        str_add(out, *text == '\'' ? "'\\'" : "");
        str_addc(out, *text);
        str_add(out, *text == '\'' ? "'" : "");
    }
    str_addc(out, '\'');
}

/* {"LOGICAL": false}, false, "", null: as if it were not given. */
static bool is_blank(const json_t *arg, bool is_flag)
{
    static const char *const types[] = {"NUMERIC", "STRING", "LOGICAL", "OPTION", NULL};
    const json_t *value = arg;
    for (size_t i = 0; json_is_object(arg) && types[i]; i++) {
        value = json_object_get(arg, types[i]) ? json_object_get(arg, types[i]) : value;
    }
    return !value || json_is_null(value) || str_equal(json_string_value(value), "") ||
        (is_flag && json_is_false(value));
}

/* The variable of an argument, or the tool's own default as it stands there. */
static void add_input(struct str *out, const json_t *input, const json_t *args, char quote)
{
    const char *id = json_get_text(input, "id", ""),
               *flag = json_get_text(input, "command-line-flag", ""),
               *joint = json_get_text(input, "command-line-flag-separator", NULL),
               *between = json_get_text(input, "list-separator", NULL);
    const json_t *given = json_object_get(args, id),
                 *value = given ? given : json_object_get(input, "default-value");
    bool is_flag = !strcmp(json_get_text(input, "type", ""), "Flag");
    if (is_blank(value, is_flag)) {
        return;
    }
    str_add(out, flag);
    if (is_flag) {
        return;
    }
    str_add(out, flag[0] ? (joint ? joint : " ") : "");
    if (!given) {
        struct str text = STR_INIT;
        command_value(&text, value, between ? between : " ");
        add_quoted(out, str_text(&text));
        str_fini(&text);
    } else if (between) {
        str_addf(out, "\"$(IFS='%s'; echo \"${%s[*]}\")\"", between, id);
    } else {
        str_addf(out, quote ? "${%s}" : "\"${%s[@]}\"", id);
    }
}

/* "bet [INFILE] [OUTFILE]" becomes bet "${infile[@]}" "${outfile[@]}"; what is not given is left
 * out. Caller frees. */
static char *tool_script(const struct tool *tool, const json_t *args, struct err *err)
{
    struct str out = STR_INIT;
    char quote = '\0';
    for (const char *p = json_get_text(tool->doc, "command-line", ""); *p;) {
        size_t n = 0;
        const json_t *input = command_keyed(tool, p, &n);
        if (input) {
            add_input(&out, input, args, quote);
            p += n;
            continue;
        }
        if (quote ? *p == quote : *p == '\'' || *p == '"') {
            quote = quote ? '\0' : *p;
        }
        if (*p != ' ' || !out.len || out.buf[out.len - 1] != ' ') {
            str_addc(&out, *p);
        }
        p++;
    }
    char *text = str_take(&out, err);
    str_fini(&out);
    return text;
}

/* --- the job */

/* What starts it: a program of share/, whose path may have any letters. */
static char *notebook_start(struct err *err)
{
    struct str out = STR_INIT;
    char *share = home_share(err), *path = share ? path_join(share, "jupyter/start", err) : NULL;
    str_add(&out, "exec python3 ");
    add_quoted(&out, path ? path : "");
    char *text = path ? str_take(&out, err) : NULL;
    str_fini(&out);
    mem_free(path);
    mem_free(share);
    return text;
}

/* What the first cells hold: {"language", "script", ...}; NULL with err. */
static json_t *what_of(const struct engine *e, const json_t *batch, const json_t *job,
                       const json_t *outputs, struct err *err)
{
    const struct tool *tool = batch_tool(job, e->tools);
    json_t *args = json_object_get(job, "args");
    bool script = tool && !strcmp(tool->kind, "script");
    char *text = NULL;
    if (script) {
        text = mem_strdup(json_get_text(args, "script", ""), err);
    } else if (tool && !strcmp(tool->kind, "command")) {
        text = tool_script(tool, args, err);
    } else {
        (void)err_set(err, ERR_USAGE, "a notebook opens a script or a program; job '%s' is %s",
                      json_get_text(job, "id", ""), json_get_text(job, "tool", "?"));
    }
    json_t *about = text
        ? json_pack("{s:s, s:s, s:b, s:s, s:s, s:O}", "language",
                    script ? json_get_text(tool->gantry, "language", "bash") : "bash", "script",
                    text, "own", (int)script, "batch", json_get_text(batch, "name", ""), "job",
                    json_get_text(job, "id", ""), "outputs", outputs)
        : NULL;
    mem_free(text);
    return about;
}

/* The arguments of the job that opens `job`; NULL with err. */
static json_t *notebook_about(const struct engine *e, const json_t *batch, const json_t *job,
                              struct err *err)
{
    json_t *args = json_object(), *outputs = json_object();
    bool ok = args && outputs && notebook_args(json_object_get(job, "args"), args, outputs, err);
    json_t *about = ok ? what_of(e, batch, job, outputs, err) : NULL;
    char *said = about ? json_line(about, err) : NULL, *start = said ? notebook_start(err) : NULL;
    ok = start && json_put(args, "notebook", json_pack("{s:s}", "STRING", said), err) &&
        json_put(args, "script", json_string(start), err);
    mem_free(start);
    mem_free(said);
    json_decref(about);
    json_decref(outputs);
    if (!ok) {
        json_decref(args);
    }
    return ok ? args : NULL;
}

/* The batch becomes one job that opens the wanted one in a notebook. */
bool notebook_open(const struct engine *e, const json_t *args, json_t *batch, struct err *err)
{
    json_t *job = notebook_job(args, batch, err), *jobs = NULL, *copy = NULL;
    json_t *own = job ? notebook_about(e, batch, job, err) : NULL;
    bool ok = own != NULL;
    if (ok && !json_get_text(job, "setup", "")[0] && !proc_program_there("jupyter-notebook")) {
        ok = err_set(err, ERR_USAGE,
                     "jupyter-notebook is not installed on this machine (Debian: apt-get install "
                     "jupyter-notebook)");
    }
    copy = ok ? json_copy(job) : NULL;
    jobs = copy ? json_pack("[O]", copy) : NULL;
    ok = jobs && json_put(copy, "tool", json_string(NOTEBOOK), err) &&
        json_put(copy, "args", json_incref(own), err) &&
        json_put(copy, "timeout", json_integer(0), err) &&
        json_put(copy, "stall", json_integer(0), err);
    if (ok) {
        (void)json_object_del(copy, "on_success");
        ok = json_put(batch, "jobs", json_incref(jobs), err);
    }
    json_decref(jobs);
    json_decref(copy);
    json_decref(own);
    return ok;
}

bool notebook_is(const json_t *batch)
{
    const json_t *job = json_array_get(json_object_get(batch, "jobs"), 0);
    return !strcmp(json_get_text(job, "tool", ""), NOTEBOOK);
}
