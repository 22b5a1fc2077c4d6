/*
 * Binding, in this order: parameters (tool defaults < batch job < item < run --set < retry --set),
 * centre and seed, inputs, outputs with their staging, command, fingerprint.
 */
#include "plan/bind.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "plan/bids-app.h"
#include "plan/bind-parts.h"
#include "plan/command.h"
#include "plan/jobfile.h"
#include "plan/promised.h"

#define BIDS_APP "bids-app"

static bool out_of_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory while preparing a task");
}

char *bind_stem(const char *item_name, struct err *err)
{
    return mem_strndup(item_name, (size_t)(path_ext(item_name) - item_name), err);
}

/* The parameter that a tool wants bound to `what`; NULL when none. */
static const char *bound_name(const struct tool *tool, const char *what)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(tool->gantry, "bind"), key, value)
    {
        if (str_equal(json_string_value(value), what)) {
            return key;
        }
    }
    return NULL;
}

bool tool_needs_centre(const struct tool *tool)
{
    return bound_name(tool, "cor") != NULL;
}

bool tool_takes_seed(const struct tool *tool)
{
    return bound_name(tool, "cor-seed") != NULL;
}

/* Take from `from` what the tool (or the job's own arguments) knows. */
static void overlay(const struct bind *in, json_t *params, const json_t *from)
{
    const char *key;
    json_t *value, *args = json_object_get(in->job, "args");
    json_object_foreach((json_t *)from, key, value)
    {
        if (tool_input(in->tool, key) || json_object_get(args, key)) {
            (void)json_object_set(params, key, value);
        }
    }
}

json_t *bind_params(const struct bind *in, struct err *err)
{
    json_t *params = json_object(), *input, *value;
    const char *key;
    size_t i;
    if (!params) {
        (void)out_of_memory(err);
        return NULL;
    }
    json_array_foreach(json_object_get(in->tool->doc, "inputs"), i, input)
    {
        json_t *fallback = json_object_get(input, "default-value");
        if (fallback) {
            (void)json_object_set(params, json_get_text(input, "id", "?"), fallback);
        }
    }
    json_object_foreach(json_object_get(in->job, "args"), key, value)
    {
        if (!json_is_object(value)) {
            (void)json_object_set(params, key, value);
        }
    }
    overlay(in, params, in->item_params);
    overlay(in, params, in->run_params);
    overlay(in, params, in->task_params);
    return params;
}

/* Which series it is, for tools that ask. */
static bool bind_series(const struct bind *in, json_t *params, struct err *err)
{
    const char *uid = bound_name(in->tool, "series-uid"),
               *stem = bound_name(in->tool, "series-stem");
    if (!in->study || !in->study->own) {
        return true;
    }
    return (!uid || json_put(params, uid, json_string(in->study->uid), err)) &&
        (!stem || json_put(params, stem, json_string(in->study->stem), err));
}

static bool bind_centre(const struct bind *in, json_t *params, struct err *err)
{
    const char *centre = bound_name(in->tool, "cor"), *seed = bound_name(in->tool, "cor-seed");
    bool automatic = str_equal(json_get_text(params, "rotation_axis_auto", NULL), "auto");
    if (centre && !json_is_number(json_object_get(in->task_params, centre))) {
        if (isfinite(in->centre)) {
            return json_put(params, centre, json_real(in->centre), err);
        }
        if (!automatic) {
            return err_set(err, ERR_USAGE,
                           "no rotation centre for '%s': set one (`gantry cor set`), give --cor X, "
                           "or run the infer phase",
                           in->item_name);
        }
    }
    if (seed && isfinite(in->seed) && !json_is_number(json_object_get(in->task_params, seed))) {
        return json_put(params, seed, json_real(in->seed), err);
    }
    return true;
}

/* Gantry made what has its provenance beside it, also when another home did. */
static bool has_provenance(const char *final, const char *name, bool files)
{
    char *path = files ? mem_printf(NULL, "%s/%s.prov.json", final, name)
                       : path_beside(final, ".prov.json", err_ignore("then it is not there"));
    struct stat st;
    bool there = path && lstat(path, &st) == 0;
    mem_free(path);
    return there;
}

/* For tools whose output cannot be moved, or goes on from what lies there. */
static bool is_in_place(const json_t *from)
{
    return str_equal(json_get_text(from, "publish", NULL), "in-place");
}

bool bind_output(const struct bind *in, json_t *outputs, const char *name, const char *kind,
                 const char *final, const char *pattern, const json_t *from, struct bound *b,
                 struct err *err)
{
    bool files = !strcmp(kind, "files"), in_place = is_in_place(from);
    char *parent = path_dir(final, err);
    char *staging = !parent ? NULL
        : in_place          ? mem_strdup(final, err)
        : files
        ? mem_printf(err, "%s/.gantry-%" PRId64, final, in->attempt)
        : mem_printf(err, "%s/.gantry-%" PRId64 "/%s", parent, in->attempt, path_base(final));
    bool replace = json_get_bool(in->run_options, "overwrite", false) ||
        json_get_bool(from, "replace", false) || (in->known && in->known(in->arg, final)) ||
        has_provenance(final, name, files);
    struct stat st;
    json_t *row = staging ? json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "name", name, "kind", kind,
                                      "final", final, "staging", staging, "replace", (int)replace,
                                      "optional", (int)json_get_bool(from, "optional", false))
                          : NULL;
    bool ok = row && (!pattern || json_object_set_new(row, "pattern", json_string(pattern)) == 0) &&
        (!in_place || json_object_set_new(row, "publish", json_string("in-place")) == 0) &&
        json_array_append_new(outputs, row) == 0;
    if (ok && !files && !replace && lstat(final, &st) == 0) {
        b->blocked_path = json_get_text(row, "final", "");
    }
    mem_free(parent);
    mem_free(staging);
    return ok || out_of_memory(err);
}

static bool tool_outputs(const struct bind *in, const json_t *params, json_t *outputs,
                         json_t *touches, struct bound *b, struct err *err)
{
    size_t i;
    json_t *output;
    json_array_foreach(json_object_get(in->tool->gantry, "outputs"), i, output)
    {
        const char *kind = json_get_text(output, "kind", "file"),
                   *pattern = json_get_text(output, "pattern", NULL);
        if (!tool_applies(json_object_get(output, "when"), params)) {
            continue;
        }
        char *final = command_place(in, json_get_text(output, "path", ""), err);
        bool ok = final &&
            bind_output(in, outputs, json_get_text(output, "id", "output"), kind, final, pattern,
                        output, b, err);
        mem_free(final);
        if (!ok) {
            return false;
        }
    }
    json_array_foreach(json_object_get(in->tool->gantry, "touches"), i, output)
    {
        char *final = command_place(in, json_get_text(output, "path", ""), err);
        json_t *row = final
            ? json_pack("{s:s, s:s, s:s, s:s}", "name", json_get_text(output, "id", "files"),
                        "kind", "files", "final", final, "pattern",
                        json_get_text(output, "pattern", "*"))
            : NULL;
        mem_free(final);
        if (!row || json_array_append_new(touches, row) != 0) {
            return out_of_memory(err);
        }
    }
    return true;
}

bool bind_input(const struct bind *in, json_t *inputs, json_t *basis, const char *name,
                const char *path, int64_t size, int64_t mtime_ns, struct err *err)
{
    char digest[DIGEST_HEX] = "";
    const char *relative = path_below(path, in->root);
    if (in->hash && !digest_file(path, digest, err)) {
        return err_wrap(err, "input '%s'", name);
    }
    json_t *row = json_pack("{s:s, s:s, s:I, s:I}", "name", name, "path", path, "size",
                            (json_int_t)size, "mtime_ns", (json_int_t)mtime_ns);
    json_t *short_row = in->hash
        ? json_pack("{s:s, s:s}", "path", relative ? relative : path, "hash", digest)
        : json_pack("{s:s, s:I, s:I}", "path", relative ? relative : path, "size", (json_int_t)size,
                    "mtime_ns", (json_int_t)mtime_ns);
    bool ok = row && json_array_append_new(inputs, row) == 0;
    return (short_row && json_array_append_new(basis, short_row) == 0 && ok) || out_of_memory(err);
}

/* What an earlier phase made and this tool works on: other output is other work. What is not there
 * (yet) is left out. */
static bool read_inputs(const struct bind *in, json_t *inputs, json_t *basis, struct err *err)
{
    size_t i;
    json_t *pattern;
    bool ok = true;
    json_array_foreach(json_object_get(json_object_get(in->tool->gantry, "reads"), "any"), i,
                       pattern)
    {
        struct stat st;
        char *path = ok ? command_place(in, json_string_value(pattern), err) : NULL;
        ok = path != NULL;
        if (ok && stat(path, &st) == 0) {
            ok = bind_input(in, inputs, basis, "reads", path, S_ISREG(st.st_mode) ? st.st_size : 0,
                            (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, err);
        }
        mem_free(path);
    }
    return ok;
}

static json_t *command_of(const struct bind *in, const json_t *params, const json_t *args,
                          json_t *positional, struct err *err)
{
    if (!strcmp(in->tool->kind, "command")) {
        return command_words(in, params, args, err);
    }
    if (!strcmp(in->tool->kind, "step")) {
        return json_pack("[s,s,s]", in->imaging, "run", in->dir);
    }
    if (!strcmp(in->tool->kind, "script")) {
        const char *language = json_get_text(in->tool->gantry, "language", "bash");
        /* the worker looks which of its languages are there */
        json_t *c = !strcmp(language, "python") ? json_pack("[s,s]", "python3", "script.py")
            : !strcmp(language, "matlab")
            ? json_pack("[s,s,s]", "matlab", "-batch",
                        "run('gantry_vars.m'); run('gantry_script.m');")
            : json_pack("[s,s,s,s]", "bash", "-c", ". \"$0/vars.sh\"; . \"$0/script.sh\"", in->dir);
        if (!strcmp(language, "matlab")) {
            return c;
        }
        if (c && json_array_extend(c, positional) != 0) {
            json_decref(c);
            c = NULL;
        }
        return c;
    }
    return json_array();
}

/* What goes where is said by the job's arguments: of scripts and commands always, of a step when it
 * works on a study. */
static bool has_arguments(const struct bind *in)
{
    const char *kind = in->tool->kind;
    return !strcmp(kind, "script") || !strcmp(kind, "command") || !strcmp(kind, BIDS_APP) ||
        (in->study && !strcmp(kind, "step"));
}

/* Replaced weights under an old name are other work. */
static json_t *models_of(const struct bind *in, const json_t *params, struct err *err)
{
    json_t *sums = json_object(), *when;
    const char *id;
    bool ok = sums || out_of_memory(err);
    json_object_foreach(json_object_get(in->tool->gantry, "models"), id, when)
    {
        char sum[DIGEST_HEX];
        if (ok && in->models && tool_applies(when, params)) {
            ok = model_sum(in->models, json_get_text(params, id, ""), sum, err) &&
                json_put(sums, id, json_string(sum), err);
        }
    }
    if (!ok) {
        json_decref(sums);
        return NULL;
    }
    return sums;
}

/* Results of a series lie where the model, its card and all settings say, also those that its tool
 * does not take: the same work at another place is not there yet. */
static void add_place(const struct bind *in, struct str *out)
{
    const char *below = path_below(in->study->out, in->rec);
    str_add(out, ",\"place\":");
    json_add_text(out, below ? below : in->study->out);
}

/* The keys stand in sorted order. Where a job's arguments write counts: two jobs may differ in that
 * alone. */
static bool make_fingerprint(const struct bind *in, const json_t *input_basis, struct bound *b,
                             struct err *err)
{
    const char *seed = in->seed_found ? bound_name(in->tool, "cor-seed") : NULL,
               *script = json_get_text(json_object_get(in->job, "args"), "script", NULL), *name;
    json_t *p = seed ? json_copy(b->params) : json_incref(b->params), *spec;
    json_t *models = models_of(in, p, err);
    struct str out = STR_INIT;
    if (!models) {
        json_decref(p);
        return false;
    }
    if (seed && p) {
        (void)json_object_del(p, seed);
    }
    str_addc(&out, '{');
    if (json_object_get(in->job, "container")) {
        str_add(&out, "\"container\":");
        json_add_value(&out, json_object_get(in->job, "container"));
        str_addc(&out, ',');
    }
    str_add(&out, "\"inputs\":");
    json_add_value(&out, input_basis);
    str_add(&out, ",\"item\":");
    /* what many studies give is no one's: who stands first is a matter of the selection */
    json_add_text(&out, in->study && in->study->collect ? "" : in->item_name);
    if (json_object_size(models)) {
        str_add(&out, ",\"models\":");
        json_add_value(&out, models);
    }
    json_decref(models);
    if (has_arguments(in)) {
        json_t *outs = json_object();
        json_object_foreach(json_object_get(in->job, "args"), name, spec)
        {
            if (json_object_get(spec, "OUT") || json_object_get(spec, "PATHOUT")) {
                (void)json_object_set(outs, name, spec);
            }
        }
        str_add(&out, ",\"outputs\":");
        json_add_value(&out, outs);
        json_decref(outs);
    }
    str_add(&out, ",\"params\":");
    json_add_value(&out, p);
    if (in->study && in->study->stem) {
        add_place(in, &out);
    }
    if (script) {
        str_add(&out, ",\"script\":");
        json_add_text(&out, script);
    }
    str_add(&out, ",\"tool\":");
    json_add_text(&out, in->tool->name);
    str_add(&out, ",\"version\":");
    json_add_text(&out, in->tool->version);
    str_addc(&out, '}');
    size_t n = out.len;
    json_decref(p);
    b->basis = str_take(&out, err);
    if (b->basis) {
        digest_text(b->basis, n, b->fingerprint);
    }
    str_fini(&out);
    return b->basis != NULL;
}

/* A step has everything under params, also where its files lie: that is no part of the fingerprint,
 * because staging is another for each attempt. */
static json_t *told_params(const struct bind *in, json_t *params, json_t *args)
{
    if (strcmp(in->tool->kind, "step") != 0 || json_object_size(args) == 0) {
        return json_incref(params);
    }
    json_t *all = json_copy(params);
    if (all && json_object_update(all, args) != 0) {
        json_decref(all);
        return NULL;
    }
    return all;
}

void bound_fini(struct bound *b)
{
    json_decref(b->params);
    json_decref(b->command);
    json_decref(b->inputs);
    json_decref(b->outputs);
    str_fini(&b->job);
    mem_free(b->basis);
    *b = (struct bound){0};
}

bool bind_task(const struct bind *in, struct bound *ret, struct err *err)
{
    struct bound b = {.params = bind_params(in, err),
                      .inputs = json_array(),
                      .outputs = json_array(),
                      .job = STR_INIT};
    json_t *input_basis = json_array(), *touches = json_array(), *args = json_object(),
           *positional = json_array(), *files = json_array();
    char *own = in->study && in->study->own ? mem_strdup(in->study->own, err)
                                            : path_join(in->root, in->item_name, err),
         *cwd = NULL;
    err->code = ERR_NONE;
    bool ok = b.params && b.inputs && b.outputs && input_basis && touches && args && positional &&
        files && own;
    ok = ok && bind_centre(in, b.params, err) && bind_series(in, b.params, err);
    ok = ok && tool_outputs(in, b.params, b.outputs, touches, &b, err);
    if (ok && has_arguments(in)) {
        const struct bind_args to = {b.params, args,        positional, files,
                                     b.inputs, input_basis, b.outputs};
        ok = bind_arguments(in, &to, &b, err) &&
            (strcmp(in->tool->kind, "command") != 0 || promised_outputs(in, &to, &b, &cwd, err)) &&
            read_inputs(in, b.inputs, input_basis, err);
    } else if (ok && strcmp(in->tool->kind, "noop") != 0) {
        ok = bind_input(in, b.inputs, input_basis, "file", own, in->input_size, in->input_mtime_ns,
                        err);
    }
    b.command = !ok                         ? NULL
        : !strcmp(in->tool->kind, BIDS_APP) ? bids_app_bind(in, b.params, b.outputs, &b, err)
                                            : command_of(in, b.params, args, positional, err);
    ok = b.command && make_fingerprint(in, input_basis, &b, err);
    json_t *told = ok && !in->only_plan ? told_params(in, b.params, args) : NULL;
    struct jobfile file = {told, b.inputs, b.outputs,     touches, b.command,
                           args, files,    b.fingerprint, own,     cwd};
    ok = ok && (in->only_plan || (told && jobfile_write(in, &file, &b.job, err)));
    json_decref(told);
    if (ok) {
        b.estimate = estimate_task(in->tool, b.params, &in->scan);
        *ret = b;
    } else {
        bound_fini(&b);
        if (err->code == ERR_NONE) {
            (void)out_of_memory(err);
        }
    }
    json_decref(input_basis);
    json_decref(touches);
    json_decref(args);
    json_decref(positional);
    json_decref(files);
    mem_free(cwd);
    mem_free(own);
    return ok;
}
