/*
 * The typed arguments of a job. FILE becomes a path, or a list of them; OUT and PATHOUT become the
 * place in the staging folder; everything else is its value.
 *
 * Of a scan, a pattern is looked for among its outputs, then in the project. Of a study, whoever
 * binds knows the catalog and is asked (struct bind_study).
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "plan/bind-parts.h"

static bool out_of_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory while preparing a task");
}

static bool take_file(const struct bind *in, const struct bind_args *to, const char *name,
                      const char *path, json_t *list, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return err_set(err, ERR_FAILED, "input '%s': '%s' vanished", name, path);
    }
    return (json_array_append_new(list, json_string(path)) == 0 || out_of_memory(err)) &&
        bind_input(in, to->inputs, to->basis, name, path, st.st_size,
                   (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, err);
}

static bool scan_pattern(const struct bind *in, const struct bind_args *to, const char *name,
                         const char *pattern, json_t *list, struct err *err)
{
    char *stem = bind_stem(in->item_name, err);
    char *first = stem ? mem_printf(err, "%s/%s/%s", in->rec, stem, pattern) : NULL;
    char *second = first ? path_join(in->root, pattern, err) : NULL;
    bool ok = second != NULL;
    if (ok) {
        glob_t g = {0};
        if (glob(first, 0, NULL, &g) != 0) {
            globfree(&g);
            g = (glob_t){0};
            (void)glob(second, 0, NULL, &g); /* no match is told below */
        }
        for (size_t i = 0; ok && i < g.gl_pathc; i++) {
            ok = take_file(in, to, name, g.gl_pathv[i], list, err);
        }
        globfree(&g);
    }
    mem_free(stem);
    mem_free(first);
    mem_free(second);
    return ok;
}

/* FILE of a scan: "." is the item's own file. */
static bool scan_files(const struct bind *in, const struct bind_args *to, const char *name,
                       const json_t *spec, json_t *list, struct err *err)
{
    const json_t *file = json_object_get(spec, "FILE");
    size_t n = json_is_array(file) ? json_array_size(file) : 1;
    const char *pattern = "";
    for (size_t i = 0; i < n; i++) {
        pattern = json_string_value(json_is_array(file) ? json_array_get(file, i) : file);
        if (!pattern) {
            return err_set(err, ERR_USAGE, "input '%s': a pattern is a text", name);
        }
        if (!strcmp(pattern, ".")) {
            char *own = path_join(in->root, in->item_name, err);
            bool ok = own && json_array_append_new(list, json_string(own)) == 0 &&
                bind_input(in, to->inputs, to->basis, name, own, in->input_size, in->input_mtime_ns,
                           err);
            mem_free(own);
            if (!ok) {
                return false;
            }
        } else if (!scan_pattern(in, to, name, pattern, list, err)) {
            return false;
        }
    }
    return json_array_size(list) > 0 || json_get_bool(spec, "optional", false) ||
        err_set(err, ERR_FAILED, "input '%s' of '%s': nothing matches '%s'", name, in->item_name,
                pattern);
}

/* FILE of a study: "." is its folder, which changes with every output and is no input by itself; of
 * a series it is what the series lies in. */
static bool study_files(const struct bind *in, const struct bind_args *to, const char *name,
                        const json_t *spec, json_t *list, struct err *err)
{
    json_t *rows = json_array(), *row;
    size_t i;
    bool ok = rows || out_of_memory(err);
    bool itself = ok && str_equal(json_get_text(spec, "FILE", NULL), ".") && !in->study->collect;
    if (itself && in->study->own) {
        ok = json_array_append_new(list, json_string(in->study->own)) == 0 &&
            bind_input(in, to->inputs, to->basis, name, in->study->own, in->input_size,
                       in->input_mtime_ns, err);
    } else if (itself) {
        char *own = path_join(in->root, in->item_name, err);
        ok = own && in->study->find(in->study->arg, name, spec, rows, err) &&
            json_array_append_new(list, json_string(own)) == 0;
        mem_free(own);
    } else if (ok) {
        ok = in->study->find(in->study->arg, name, spec, rows, err);
    }
    json_array_foreach(rows, i, row)
    {
        const char *path = json_get_text(row, "path", "");
        ok = ok && json_array_append(list, json_object_get(row, "path")) == 0 &&
            bind_input(in, to->inputs, to->basis, name, path, json_get_int(row, "size", 0),
                       json_get_int(row, "mtime_ns", 0), err);
    }
    json_decref(rows);
    return ok || (err->code == ERR_NONE ? out_of_memory(err) : false);
}

static bool file_argument(const struct bind *in, const struct bind_args *to, const char *name,
                          const json_t *spec, json_t **ret_value, struct err *err)
{
    json_t *list = json_array();
    bool ok = list && (in->study ? study_files : scan_files)(in, to, name, spec, list, err);
    bool single = json_array_size(list) == 1 && !(in->study && in->study->collect);
    if (ok) {
        *ret_value = single ? json_incref(json_array_get(list, 0)) : json_incref(list);
    }
    json_decref(list);
    return ok;
}

/* The path without its tags, below the item's folder of outputs. */
static bool out_argument(const struct bind *in, const struct bind_args *to, const char *name,
                         const json_t *spec, struct bound *b, json_t **ret_value, struct err *err)
{
    const char *out = json_get_text(spec, "OUT", NULL);
    const char *kind = out ? "file" : "folder";
    struct bind_out parts = bind_out(out ? out : json_get_text(spec, "PATHOUT", ""));
    char *stem = bind_stem(in->item_name, err), *final = NULL;
    if (in->study) {
        final = mem_printf(err, "%s%s%.*s", in->study->out,
                           str_ends(in->study->out, "/") ? "" : "/", (int)parts.length, parts.path);
    } else if (stem) {
        final = mem_printf(err, "%s/%s/%.*s", in->rec, stem, (int)parts.length, parts.path);
    }
    bool ok = final && bind_output(in, to->outputs, name, kind, final, NULL, spec, b, err);
    if (ok) {
        json_t *row = json_array_get(to->outputs, json_array_size(to->outputs) - 1);
        *ret_value = json_incref(json_object_get(row, "staging"));
    }
    mem_free(stem);
    mem_free(final);
    return ok;
}

struct bind_out bind_out(const char *spec)
{
    const char *tag = strstr(spec, "TAG(");
    struct bind_out out = {.path = spec + strspn(spec, " \t"), .tags = ""};
    const char *end = spec + strlen(spec);
    if (tag && tag > spec && (tag[-1] == ' ' || tag[-1] == '\t')) {
        end = tag;
        out.tags = tag + 4;
        out.tags_length = strcspn(out.tags, ")");
    }
    while (end > out.path && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    out.length = (size_t)(end - out.path);
    return out;
}

/* $1 is the first FILE argument, $2 the second; a job with one alone has all its files there. */
static bool add_positional(const struct bind_args *to, const json_t *value, size_t files)
{
    if (files == 1 && json_is_array(value)) {
        return json_array_extend(to->positional, (json_t *)value) == 0;
    }
    const json_t *first = json_is_array(value) ? json_array_get(value, 0) : value;
    return (first ? json_array_append(to->positional, (json_t *)first)
                  : json_array_append_new(to->positional, json_string(""))) == 0;
}

/* {"SID": "OLDEST"}: the studies that are meant, as PID#SID; several are a list. */
static json_t *sid_value(const struct bind *in, const char *of, struct err *err)
{
    json_t *psids = json_array(), *value = NULL;
    if (!in->study || !in->study->refer) {
        (void)err_set(err, ERR_USAGE, "SID: a scan has no studies to refer to");
    } else if (psids && in->study->refer(in->study->arg, of, psids, err)) {
        value = json_array_size(psids) == 1 ? json_incref(json_array_get(psids, 0))
                                            : json_incref(psids);
    }
    json_decref(psids);
    return value;
}

/* {"ENVIRONMENT": "DPXpid"}: as the task itself sees it. */
static json_t *environment_value(const struct bind *in, const char *name)
{
    const struct bind_study *s = in->study;
    const char *value = !strcmp(name, "DPXproject") ? in->project_name
        : s && !strcmp(name, "DPXpsid")             ? s->psid
        : s && !strcmp(name, "DPXpid")              ? s->pid
        : s && !strcmp(name, "DPXsid")              ? s->sid
                                                    : getenv(name);
    return json_string(value && str_utf8(value) ? value : "");
}

/* What the person or the study says that is looked at: {"ITERATOR": "SUBJECT"} or "STUDY". */
static json_t *iterator_value(const struct bind *in, const char *what)
{
    bool subject = !strcmp(what, "SUBJECT") || !strcmp(what, "Patient");
    return json_string(!in->study ? in->item_name : subject ? in->study->pid : in->study->psid);
}

/* A plain value: what --set gave, else the job's own. */
static json_t *plain_value(const struct bind *in, const struct bind_args *to, const char *name,
                           json_t *spec, struct err *err)
{
    static const char *const types[] = {"NUMERIC", "STRING", "LOGICAL", "OPTION", "VARARGIN", NULL};
    json_t *given = json_object_get(to->params, name);
    const char *sid = json_get_text(spec, "SID", NULL),
               *variable = json_get_text(spec, "ENVIRONMENT", NULL),
               *iterator = json_get_text(spec, "ITERATOR", NULL);
    if (!given && (sid || variable || iterator)) {
        return sid     ? sid_value(in, sid, err)
            : variable ? environment_value(in, variable)
                       : iterator_value(in, iterator);
    }
    for (size_t i = 0; !given && json_is_object(spec) && types[i]; i++) {
        given = json_object_get(spec, types[i]);
    }
    return json_incref(given ? given : spec);
}

static size_t count_files(const json_t *args)
{
    const char *name;
    json_t *spec;
    size_t n = 0;
    json_object_foreach((json_t *)args, name, spec)
    {
        n += json_object_get(spec, "FILE") != NULL;
    }
    return n;
}

static bool one_argument(const struct bind *in, const struct bind_args *to, const char *name,
                         json_t *spec, size_t files, struct bound *b, struct err *err)
{
    json_t *value = NULL;
    bool file = json_object_get(spec, "FILE") != NULL, ok = true;
    if (file) {
        ok = file_argument(in, to, name, spec, &value, err);
    } else if (json_object_get(spec, "OUT") || json_object_get(spec, "PATHOUT")) {
        ok = out_argument(in, to, name, spec, b, &value, err);
    } else {
        value = plain_value(in, to, name, spec, err);
        ok = value && json_object_set(to->params, name, value) == 0;
    }
    ok = ok && value && json_object_set(to->args, name, value) == 0 &&
        (!file ||
         (add_positional(to, value, files) &&
          json_array_append_new(to->files, json_string(name)) == 0));
    json_decref(value);
    return ok || (err->code == ERR_NONE ? out_of_memory(err) : false);
}

/* f2 comes before f10. */
static int by_name(const void *a, const void *b)
{
    return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

bool bind_arguments(const struct bind *in, const struct bind_args *to, struct bound *b,
                    struct err *err)
{
    const char *name, **names;
    json_t *spec, *own = json_object_get(in->job, "args");
    size_t files = count_files(own), n = 0;
    bool ok = (names = mem_array(json_object_size(own) + 1, sizeof *names, err)) != NULL;
    json_object_foreach(own, name, spec)
    {
        if (ok && strcmp(name, "script") != 0) {
            names[n++] = name;
        }
    }
    if (ok) { /* a JSON object has no order of its own */
        qsort(names, n, sizeof *names, by_name);
    }
    for (size_t i = 0; ok && i < n; i++) {
        ok = one_argument(in, to, names[i], json_object_get(own, names[i]), files, b, err);
    }
    mem_free(names);
    return ok;
}
