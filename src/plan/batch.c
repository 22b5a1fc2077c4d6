/* Checking batches. */
#include "plan/batch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "plan/tool-args.h"

static const char *const argument_types[] = {
    "FILE", "OUT",      "PATHOUT",     "NUMERIC", "STRING",   "LOGICAL", "OPTION", "VARARGIN",
    "SID",  "ITERATOR", "ENVIRONMENT", "of",      "optional", "publish", NULL};
static const char *const modes[] = {
    "split", "split-ignore-dependencies", "per-subject", "immediate", "jupyter", NULL};
static const char *const levels[] = {"scan", "series", "study", "subject", NULL};
static const char *const error_modes[] = {"break", "continue", "ignore", NULL};

static bool one_of(const char *text, const char *const *list)
{
    size_t i = 0;
    while (list[i] && strcmp(list[i], text) != 0) {
        i++;
    }
    return list[i] != NULL;
}

const struct tool *batch_tool(const json_t *job, const struct tools *tools)
{
    return tools_find(tools, json_get_text(job, "tool", ""));
}

/* A pattern, or a list of them. */
static bool check_file(const json_t *file, const char *where, struct err *err)
{
    size_t n = json_is_array(file) ? json_array_size(file) : 1;
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_is_array(file) ? json_array_get(file, i) : file);
        if (!text || !text[0]) {
            return err_set(err, ERR_USAGE, "%s: FILE is a pattern, or a list of patterns", where);
        }
    }
    return n > 0 || err_set(err, ERR_USAGE, "%s: FILE names no pattern", where);
}

/* Which references exist depends on the level (L4, L8): a study knows no patient. */
static bool check_reference(const json_t *batch, const json_t *spec, const char *where,
                            struct err *err)
{
    const char *of = json_get_text(spec, "of", ""),
               *meant = json_get_text(json_object_get(batch, "variables"), of, of),
               *level = json_get_text(batch, "level", "scan");
    bool subject = !strcmp(meant, "SUBJECT") || !strcasecmp(meant, "PATIENT");
    if (of[0] && !strcmp(level, "series")) {
        return str_starts(of, "RUN#") ||
            err_set(err, ERR_USAGE,
                    "%s: a series refers to what another run made of it, as RUN#12, not '%s'",
                    where, of);
    }
    if (of[0] && !strcmp(level, "scan")) {
        return err_set(err, ERR_USAGE, "%s: a scan has no other studies to refer to ('%s')", where,
                       of);
    }
    if (subject && !strcmp(level, "study")) {
        return err_set(err, ERR_USAGE,
                       "%s: Patient is not usable at this level ('%s' means all studies of the "
                       "subject; set the batch's level to subject, or name one: OLDEST, LATEST)",
                       where, of);
    }
    return true;
}

/* Words behind TAG( are tags: parted by commas, without blanks and slashes. */
static bool check_tags(const char *out, const char *where, struct err *err)
{
    const char *tag = strstr(out, " TAG("), *end = tag ? strchr(tag, ')') : NULL;
    if (!tag) {
        return true;
    }
    size_t n = end ? (size_t)(end - tag - 5) : 0;
    bool fine = n > 0 && !end[1 + strspn(end + 1, " ")];
    for (size_t i = 0; fine && i < n; i++) {
        fine = !strchr("/\\(\"'\t\n", tag[5 + i]) && (tag[5 + i] != ' ' || tag[4 + i] == ',');
    }
    return fine ||
        err_set(err, ERR_USAGE,
                "%s: TAG(word) or TAG(a,b) is wanted, words without blanks and slashes: '%s'",
                where, out);
}

static bool check_argument(const json_t *batch, const char *job, const char *name,
                           const json_t *value, struct err *err)
{
    if (!json_is_object(value)) {
        return true;
    }
    char where[160];
    (void)snprintf(where, sizeof where, "argument '%s' of job '%s'", name, job);
    if (!json_only_keys(value, argument_types, where, err)) {
        return false;
    }
    const json_t *file = json_object_get(value, "FILE");
    if (file && (!check_file(file, where, err) || !check_reference(batch, value, where, err))) {
        return false;
    }
    const char *out = json_get_text(value, "OUT", json_get_text(value, "PATHOUT", NULL));
    if (out && !check_tags(out, where, err)) {
        return false;
    }
    if (out && strpbrk(out, "*?")) {
        return err_set(err, ERR_USAGE, "%s: an output takes no wildcards: '%s'", where, out);
    }
    if (out && (out[0] == '/' || strstr(out, ".."))) {
        return err_set(err, ERR_USAGE, "%s: an output stays inside its item's folder: '%s'", where,
                       out);
    }
    return true;
}

/* Three lists of absolute paths (worker/sandbox.h); whether they are there, the worker sees. */
static bool check_sandbox(const json_t *sandbox, const char *where, struct err *err)
{
    static const char *const keys[] = {"mounts_ro", "mounts_rw", "mounts_deny", NULL};
    if (sandbox && !json_is_object(sandbox)) {
        return err_set(err, ERR_USAGE, "%s: 'sandbox' has mounts_ro, mounts_rw and mounts_deny",
                       where);
    }
    if (!json_only_keys(sandbox, keys, where, err)) {
        return false;
    }
    for (size_t k = 0; keys[k]; k++) {
        const json_t *path, *list = json_object_get(sandbox, keys[k]);
        size_t i;
        if (list && !json_is_array(list)) {
            return err_set(err, ERR_USAGE, "%s: sandbox.%s is a list of paths", where, keys[k]);
        }
        json_array_foreach(list, i, path)
        {
            const char *text = json_string_value(path);
            if (!text || text[0] != '/' || !text[1] || path_climbs(text)) {
                return err_set(err, ERR_USAGE,
                               "%s: sandbox.%s: '%s' is no absolute path below / without '..'",
                               where, keys[k], text ? text : "?");
            }
        }
    }
    return true;
}

/* A tag that could not be one would be found out only when the job has succeeded. */
static bool check_success(const json_t *success, const char *where, struct err *err)
{
    static const char *const keys[] = {"studytag", "notify", NULL};
    const json_t *tag = json_object_get(success, "studytag");
    if (success && !json_is_object(success)) {
        return err_set(err, ERR_USAGE, "%s: 'on_success' has studytag and notify", where);
    }
    if (!json_only_keys(success, keys, where, err)) {
        return false;
    }
    return !tag ||
        (json_is_string(tag) &&
         !json_string_value(tag)[strcspn(json_string_value(tag), " /,\t\n")]) ||
        err_set(err, ERR_USAGE,
                "%s: on_success.studytag is one word without blanks, commas and slashes", where);
}

static bool check_job(const json_t *batch, const json_t *job, size_t i, const struct tools *tools,
                      struct err *err)
{
    static const char *const keys[] = {
        "id",    "tool",  "name",    "args",       "resources", "setup",   "on_error",  "timeout",
        "stall", "queue", "collect", "on_success", "off",       "sandbox", "container", NULL};
    static const char *const resource_keys[] = {"cpus", "mem",      "mem_max", "time",
                                                "gpus", "licenses", NULL};
    char where[100];
    const char *id = json_get_text(job, "id", "");
    (void)snprintf(where, sizeof where, "job %zu ('%s')", i + 1, id);
    if (!json_is_object(job) || !id[0]) {
        return err_set(err, ERR_USAGE, "job %zu of the batch has no id", i + 1);
    }
    if (!json_only_keys(job, keys, where, err) ||
        !json_only_keys(json_object_get(job, "resources"), resource_keys, where, err)) {
        return false;
    }
    const struct tool *tool = batch_tool(job, tools);
    if (!tool) {
        return err_set(err, ERR_USAGE, "%s: there is no tool '%s'", where,
                       json_get_text(job, "tool", ""));
    }
    if (!one_of(json_get_text(job, "on_error", "break"), error_modes)) {
        return err_set(err, ERR_USAGE, "%s: on_error must be break, continue or ignore", where);
    }
    if (json_get_bool(job, "collect", false) &&
        !strcmp(json_get_text(batch, "level", "scan"), "scan")) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: a 'collect' job over scans is not built yet, only over series, studies "
                       "and subjects",
                       where);
    }
    if (!check_sandbox(json_object_get(job, "sandbox"), where, err)) {
        return false;
    }
    if (!check_success(json_object_get(job, "on_success"), where, err)) {
        return false;
    }
    if (json_object_get(job, "container") &&
        (!json_get_text(job, "container", "")[0] || !strcmp(tool->kind, "step"))) {
        return err_set(err, ERR_USAGE,
                       "%s: 'container' names the image of a script or a program; steps that ship "
                       "need none",
                       where);
    }
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(job, "args"), name, value)
    {
        if (!check_argument(batch, id, name, value, err)) {
            return false;
        }
        if (!json_is_object(value) && !tool_check_value(tool, name, value, err)) {
            return err_wrap(err, "%s", where);
        }
    }
    if (!tool_check_order(tool, json_object_get(job, "args"), err)) {
        return err_wrap(err, "%s", where);
    }
    if (!strcmp(tool->kind, "script") &&
        !json_get_text(json_object_get(job, "args"), "script", NULL)) {
        return err_set(err, ERR_USAGE, "%s: a script job needs args.script", where);
    }
    if (strcmp(json_get_text(batch, "level", "scan"), "scan") != 0 &&
        !tool_check_args(tool, json_object_get(job, "args"), err)) {
        return err_wrap(err, "%s", where);
    }
    return true;
}

bool batch_check(const json_t *batch, const struct tools *tools, struct err *err)
{
    static const char *const keys[] = {"gantry", "name",    "description", "level",
                                       "jobs",   "options", "variables",   NULL};
    static const char *const option_keys[] = {"mode",  "on_error", "queue", "timeout",
                                              "stall", "setup",    NULL};
    size_t i;
    json_t *job, *jobs = json_object_get(batch, "jobs"),
                 *options = json_object_get(batch, "options");
    if (!json_is_object(batch) || json_get_int(batch, "gantry", 0) != 1) {
        return err_set(err, ERR_USAGE, "not a batch: it needs \"gantry\": 1");
    }
    if (!json_only_keys(batch, keys, "the batch", err) ||
        !json_only_keys(options, option_keys, "the batch's options", err)) {
        return false;
    }
    if (!json_get_text(batch, "name", "")[0] || json_array_size(jobs) == 0) {
        return err_set(err, ERR_USAGE, "a batch needs a name and at least one job");
    }
    const char *mode = json_get_text(options, "mode", "split");
    int64_t lanes = 1;
    if (str_starts(mode, "n-tasks:") ? !num_int64(mode + 8, &lanes) || lanes < 1
                                     : !one_of(mode, modes)) {
        return err_set(err, ERR_USAGE,
                       "mode '%s' is unknown: split, split-ignore-dependencies, per-subject, "
                       "n-tasks:N, immediate",
                       mode);
    }
    const char *level = json_get_text(batch, "level", "scan"),
               *name = json_get_text(batch, "name", "");
    if (!one_of(level, levels)) {
        return err_set(err, ERR_USAGE,
                       "level '%s': a batch works on scan, series, study or subject", level);
    }
    /* derivatives/<name> is where its outputs go */
    if (strcmp(level, "scan") != 0 && (strchr(name, '/') || name[0] == '.')) {
        return err_set(err, ERR_USAGE,
                       "'%s': the name of a batch of series, studies or subjects is that of a "
                       "folder too: no slashes, no dot at its beginning",
                       name);
    }
    bool collects = false;
    json_array_foreach(jobs, i, job)
    {
        if (!check_job(batch, job, i, tools, err)) {
            return false;
        }
        if (collects && !json_get_bool(job, "collect", false)) {
            return err_set(err, ERR_USAGE,
                           "job '%s' works on single items behind one that collects them all: jobs "
                           "with \"collect\" come last",
                           json_get_text(job, "id", ""));
        }
        collects = json_get_bool(job, "collect", false);
        for (size_t k = 0; k < i; k++) {
            if (!strcmp(json_get_text(json_array_get(jobs, k), "id", ""),
                        json_get_text(job, "id", "-"))) {
                return err_set(err, ERR_USAGE, "two jobs are called '%s'",
                               json_get_text(job, "id", ""));
            }
        }
    }
    return true;
}

size_t batch_collect_from(const json_t *batch)
{
    const json_t *jobs = json_object_get(batch, "jobs");
    size_t n = json_array_size(jobs);
    while (n > 0 && json_get_bool(json_array_get(jobs, n - 1), "collect", false)) {
        n--;
    }
    return n;
}

static const char *phase_of(const json_t *job, const struct tools *tools)
{
    const struct tool *tool = batch_tool(job, tools);
    return tool ? json_get_text(tool->gantry, "phase", "") : "";
}

json_t *batch_phases(const json_t *batch, const json_t *phases, const struct tools *tools,
                     struct err *err)
{
    json_t *copy = json_deep_copy(batch), *kept = json_array(), *job, *phase;
    size_t i, k;
    bool ok = copy && kept;
    json_array_foreach(phases, k, phase)
    {
        bool known = false;
        json_array_foreach(json_object_get(batch, "jobs"), i, job)
        {
            known = known || str_equal(json_string_value(phase), json_get_text(job, "id", "")) ||
                str_equal(json_string_value(phase), phase_of(job, tools));
        }
        if (ok && !known) {
            ok = err_set(err, ERR_USAGE, "batch '%s' has no phase '%s'",
                         json_get_text(batch, "name", ""), json_string_value(phase));
        }
    }
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        bool wanted = json_array_size(phases) == 0 && !json_get_bool(job, "off", false);
        json_array_foreach(phases, k, phase)
        {
            wanted = wanted || str_equal(json_string_value(phase), json_get_text(job, "id", "")) ||
                str_equal(json_string_value(phase), phase_of(job, tools));
        }
        ok = ok && (!wanted || json_array_append(kept, job) == 0);
    }
    ok = ok && (json_array_size(kept) > 0 || err_set(err, ERR_USAGE, "no phase is left to run"));
    if (ok) {
        (void)json_object_set(copy, "jobs", kept);
    } else {
        json_decref(copy);
        copy = NULL;
    }
    json_decref(kept);
    return copy;
}

bool batch_check_order(const json_t *batch, const json_t *params, const struct tools *tools,
                       struct err *err)
{
    json_t *job;
    size_t i;
    bool ok = true;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        const struct tool *tool = batch_tool(job, tools);
        json_t *args = json_object_get(job, "args"), *all = args ? json_copy(args) : json_object();
        ok = ok && (all || err_set(err, ERR_NOMEM, "out of memory")) &&
            (!params || json_object_update(all, (json_t *)params) == 0) &&
            (!tool || tool_check_order(tool, all, err));
        json_decref(all);
    }
    return ok;
}

bool batch_check_params(const json_t *batch, const json_t *params, const struct tools *tools,
                        struct err *err)
{
    const char *key;
    json_t *value, *job;
    size_t i;
    json_object_foreach((json_t *)params, key, value)
    {
        bool known = false;
        json_array_foreach(json_object_get(batch, "jobs"), i, job)
        {
            const struct tool *tool = batch_tool(job, tools);
            bool has = tool &&
                (tool_input(tool, key) || json_object_get(json_object_get(job, "args"), key));
            bool later = false;
            if (has && tool_input(tool, key) && !tool_check_value(tool, key, value, err)) {
                return false;
            }
            if (!has && tool && !tool_check_later(tool, key, value, &later, err)) {
                return false;
            }
            known = known || has || later;
        }
        if (!known) {
            return err_set(err, ERR_USAGE, "no tool of batch '%s' has a parameter '%s'",
                           json_get_text(batch, "name", ""), key);
        }
    }
    return batch_check_order(batch, params, tools, err);
}
