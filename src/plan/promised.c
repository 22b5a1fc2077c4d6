/* A template is filled twice at once: with the final places, and with the staging places. */
#include "plan/promised.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "plan/command.h"

/* One template, filled. */
struct filled {
    struct str final, staging;
    const char *out; /* the OUT argument in it; NULL = none */
    bool folder;     /* it lies in a PATHOUT folder */
    bool missing;    /* a key of it has no value: the program will not write it */
};

static json_t *row_of(const json_t *outputs, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)outputs, i, row)
    {
        if (str_equal(json_get_text(row, "name", NULL), name)) {
            return row;
        }
    }
    return NULL;
}

/* How much of a value is left without the extension that the template wants off. */
static size_t stripped(const char *value, const json_t *extensions)
{
    size_t i, n = strlen(value);
    json_t *one;
    json_array_foreach((json_t *)extensions, i, one)
    {
        const char *ext = json_is_string(one) ? json_string_value(one) : "";
        if (ext[0] && str_ends(value, ext)) {
            return n - strlen(ext);
        }
    }
    return n;
}

static void add_key(const struct bind_args *to, const json_t *input, const json_t *job,
                    const json_t *extensions, struct filled *f)
{
    const char *id = json_get_text(input, "id", "");
    const json_t *spec = json_object_get(json_object_get(job, "args"), id),
                 *row = row_of(to->outputs, id);
    bool folder = json_object_get(spec, "PATHOUT") != NULL;
    if (row && (folder || json_object_get(spec, "OUT"))) {
        const char *final = json_get_text(row, "final", ""),
                   *staging = json_get_text(row, "staging", "");
        str_addn(&f->final, final, stripped(final, extensions));
        str_addn(&f->staging, staging, stripped(staging, extensions));
        f->out = folder ? f->out : id;
        f->folder = f->folder || folder;
        return;
    }
    const json_t *value = json_object_get(to->args, id);
    value = value ? value : json_object_get(to->params, id);
    struct str text = STR_INIT;
    command_value(&text, value, json_get_text(input, "list-separator", " "));
    f->missing = f->missing || text.len == 0;
    str_addn(&f->final, str_text(&text), stripped(str_text(&text), extensions));
    str_addn(&f->staging, str_text(&text), stripped(str_text(&text), extensions));
    str_fini(&text);
}

static void fill(const struct bind *in, const struct bind_args *to, const json_t *output,
                 struct filled *f)
{
    const json_t *extensions = json_object_get(output, "path-template-stripped-extensions");
    for (const char *p = json_get_text(output, "path-template", ""); *p;) {
        size_t n = 0;
        const json_t *input = command_keyed(in->tool, p, &n);
        if (input) {
            add_key(to, input, in->job, extensions, f);
            p += n;
        } else {
            str_addc(&f->final, *p);
            str_addc(&f->staging, *p++);
        }
    }
}

/* Where the item's outputs lie. Caller frees. */
static char *base_folder(const struct bind *in, struct err *err)
{
    char *stem = in->study ? NULL : bind_stem(in->item_name, err);
    char *base = in->study ? mem_strdup(in->study->out, err)
        : stem             ? mem_printf(err, "%s/%s", in->rec, stem)
                           : NULL;
    mem_free(stem);
    return base;
}

/* A file, or several, that the program writes into the folder it works in. */
static bool add_relative(const struct bind *in, const struct bind_args *to, const json_t *output,
                         const struct filled *f, struct bound *b, char **cwd, struct err *err)
{
    const char *name = json_get_text(output, "id", "output"), *path = str_text(&f->final);
    char *base = base_folder(in, err), *final = NULL;
    bool several = strpbrk(path, "*?[") != NULL, ok = base != NULL;
    if (ok && (strchr(path, '/') || strstr(path, ".."))) {
        ok = err_set(err, ERR_UNSUPPORTED,
                     "output file '%s' (%.100s): files in subfolders are taken as one PATHOUT "
                     "folder only",
                     name, path);
    }
    if (ok && !*cwd) {
        *cwd = mem_printf(err, "%s%s.gantry-%" PRId64, base, str_ends(base, "/") ? "" : "/",
                          in->attempt);
        ok = *cwd != NULL;
    }
    final = ok ? several ? mem_strdup(base, err) : path_join(base, path, err) : NULL;
    ok = final &&
        bind_output(in, to->outputs, name, several ? "files" : "file", final, several ? path : NULL,
                    output, b, err);
    mem_free(final);
    mem_free(base);
    return ok;
}

/* Tags of an OUT argument belong to the first file that is made of it: that has its name. */
static bool add_absolute(const struct bind *in, const struct bind_args *to, const json_t *output,
                         const struct filled *f, json_t *prefixes, struct bound *b, struct err *err)
{
    const char *name = json_get_text(output, "id", "output"), *final = str_text(&f->final);
    json_t *row = f->out ? row_of(to->outputs, f->out) : NULL;
    if (row && str_equal(json_get_text(row, "final", NULL), final)) {
        return json_put(prefixes, f->out, json_false(), err);
    }
    bool first = row && !json_object_get(prefixes, f->out);
    if (first && !json_put(prefixes, f->out, json_true(), err)) {
        return false;
    }
    json_t *from = json_pack("{s:b, s:s*}", "optional", json_get_bool(output, "optional", false),
                             "publish", row ? NULL : "in-place");
    bool ok = from && bind_output(in, to->outputs, name, "file", final, NULL, from, b, err);
    json_decref(from);
    row = ok ? json_array_get(to->outputs, json_array_size(to->outputs) - 1) : NULL;
    if (row && f->out) {
        ok = json_put(row, "staging", json_string(str_text(&f->staging)), err);
    }
    return ok || (err->code == ERR_NONE ? err_set(err, ERR_NOMEM, "out of memory") : false);
}

static bool add_promised(const struct bind *in, const struct bind_args *to, const json_t *output,
                         json_t *prefixes, struct bound *b, char **cwd, struct err *err)
{
    struct filled f = {STR_INIT, STR_INIT, NULL, false, false};
    fill(in, to, output, &f);
    bool ok = str_ok(&f.final, err) && str_ok(&f.staging, err);
    if (ok && !f.folder && !f.missing && f.final.len) {
        ok = str_text(&f.final)[0] == '/' ? add_absolute(in, to, output, &f, prefixes, b, err)
                                          : add_relative(in, to, output, &f, b, cwd, err);
    }
    str_fini(&f.final);
    str_fini(&f.staging);
    return ok;
}

/* An OUT argument that is only the beginning of names gives its own name to the first of them. */
static bool drop_prefix(const struct bind_args *to, const json_t *doc, const char *id,
                        struct err *err)
{
    size_t at = 0, i;
    json_t *row, *input, *first = NULL;
    const char *key = "";
    while (at < json_array_size(to->outputs) &&
           !str_equal(json_get_text(json_array_get(to->outputs, at), "name", NULL), id)) {
        at++;
    }
    (void)json_array_remove(to->outputs, at);
    json_array_foreach(json_object_get(doc, "inputs"), i, input)
    {
        key = str_equal(json_get_text(input, "id", NULL), id)
            ? json_get_text(input, "value-key", "")
            : key;
    }
    json_array_foreach(json_object_get(doc, "output-files"), i, input)
    {
        row = row_of(to->outputs, json_get_text(input, "id", ""));
        if (!first && key[0] && row && strstr(json_get_text(input, "path-template", ""), key)) {
            first = row;
        }
    }
    return !first || json_put(first, "name", json_string(id), err);
}

bool promised_outputs(const struct bind *in, const struct bind_args *to, struct bound *b,
                      char **ret_cwd, struct err *err)
{
    json_t *prefixes = json_object(), *output, *alone;
    const char *id;
    char *cwd = NULL;
    size_t i;
    bool ok = prefixes || err_set(err, ERR_NOMEM, "out of memory");
    if (json_object_get(in->tool->gantry, "outputs") == NULL) {
        json_array_foreach(json_object_get(in->tool->doc, "output-files"), i, output)
        {
            ok = ok && add_promised(in, to, output, prefixes, b, &cwd, err);
        }
    }
    json_object_foreach(prefixes, id, alone)
    {
        ok = ok && (!json_is_true(alone) || drop_prefix(to, in->tool->doc, id, err));
    }
    json_decref(prefixes);
    if (ok) {
        *ret_cwd = cwd;
    } else {
        mem_free(cwd);
    }
    return ok;
}
