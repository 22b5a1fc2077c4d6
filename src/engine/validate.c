/* First the batch by itself, then its FILE arguments against the catalog, a slice of items at a
 * time: one question for a whole slice where the pattern means the item itself. */
#include "engine/validate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/cohort.h"
#include "catalog/pattern.h"
#include "engine/op-run.h"
#include "engine/programs.h"
#include "engine/queues.h"
#include "engine/select.h"
#include "engine/study.h"
#include "plan/batch.h"
#include "plan/bind.h"
#include "plan/script-names.h"

#define SLICE 500      /* items of one question */
#define SLICE_APART 20 /* of many: each item's reference is resolved by itself */
#define BUSY_US 100000 /* an engine may be held so long */
#define ROWS_MAX 1000  /* items that are named; all are counted */

struct validate {
    struct engine *engine;
    struct store *store;
    int64_t project;
    const json_t *batch;
    json_t *problems, *items, *lacking; /* lacking: {"<id>": row} of this slice's items */
    int64_t n_lacking;
};

/* ---- the batch by itself ---- */

static bool problem(struct validate *v, const char *job, const char *text, bool warning,
                    struct err *err)
{
    json_t *row = json_pack("{s:s, s:s}", "job", job, "text", text);
    if (row && warning) {
        (void)json_object_set_new(row, "warning", json_true());
    }
    return (row && json_array_append_new(v->problems, row) == 0) ||
        err_set(err, ERR_NOMEM, "out of memory");
}

static bool check_jobs(struct validate *v, struct err *err)
{
    json_t *job, *text;
    size_t i, k;
    bool ok = true;
    json_array_foreach(json_object_get(v->batch, "jobs"), i, job)
    {
        const char *id = json_get_text(job, "id", ""), *queue;
        const struct tool *tool = batch_tool(job, v->engine->tools);
        json_t *lines = json_array(),
               *one = json_pack("{s:[O], s:O?}", "jobs", job, "options",
                                json_object_get(v->batch, "options"));
        struct err why = {ERR_NONE, ""};
        ok = ok && lines && one;
        if (ok && !launch_tools(v->engine, one, NULL, &why)) {
            ok = problem(v, id, why.text, false, err);
        }
        if (ok && !queue_of(v->engine, v->batch, job, &queue, &why)) {
            ok = problem(v, id, why.text, false, err);
        }
        if (ok && !programs_check_job(v->engine, v->batch, job, &why)) {
            ok = problem(v, id, why.text, false, err);
        }
        ok = ok && tool && script_names_check(job, tool, lines, err);
        json_array_foreach(lines, k, text)
        {
            ok = ok && problem(v, id, json_string_value(text), true, err);
        }
        json_decref(lines);
        json_decref(one);
    }
    return ok || (err->code == ERR_NONE ? err_set(err, ERR_NOMEM, "out of memory") : false);
}

/* ---- inputs ---- */

/* Does `word` (one selector) mean what an OUT of an earlier job writes? */
static bool fits_output(const char *word, const json_t *spec)
{
    bool folder = json_object_get(spec, "PATHOUT") != NULL;
    struct bind_out out = bind_out(json_get_text(spec, "OUT", json_get_text(spec, "PATHOUT", "")));
    char path[1024];
    const char *tag = str_starts(word, "tag:") ? word + 4
        : str_starts(word, "ftag:")            ? word + 5
                                               : "";
    if (out.length == 0 || out.length >= sizeof path) {
        return false;
    }
    for (size_t at = 0; tag[0] && at < out.tags_length;) {
        size_t n = strcspn(out.tags + at, ",)");
        if (n == strlen(tag) && !strncmp(out.tags + at, tag, n)) {
            return true;
        }
        at += n + 1;
    }
    (void)snprintf(path, sizeof path, "%.*s", (int)out.length, out.path);
    return folder ? str_starts(word, path) : pattern_match(word, path);
}

static bool made_before(const json_t *batch, size_t job, const char *patterns)
{
    char **words = NULL;
    size_t n = 0;
    bool hit = false;
    if (!pattern_words(patterns, &words, &n, err_ignore("then it is looked for"))) {
        return false;
    }
    for (size_t i = 0; i < job && !hit; i++) {
        const char *name;
        json_t *spec;
        const json_t *earlier = json_array_get(json_object_get(batch, "jobs"), i);
        json_object_foreach(json_object_get(earlier, "args"), name, spec)
        {
            for (size_t k = 0; k < n; k++) {
                hit = hit || fits_output(words[k], spec);
            }
        }
    }
    pattern_words_free(words, n);
    return hit;
}

bool validate_made_before(const json_t *batch, size_t job)
{
    const json_t *own = json_array_get(json_object_get(batch, "jobs"), job);
    const char *name;
    json_t *spec;
    bool hit = false;
    json_object_foreach(json_object_get(own, "args"), name, spec)
    {
        char *patterns = json_object_get(spec, "FILE")
            ? study_patterns(spec, err_ignore("then nothing is said of it"))
            : NULL;
        hit = hit || (patterns && made_before(batch, job, patterns));
        mem_free(patterns);
    }
    return hit;
}

struct slice {
    const int64_t *ids; /* in the order of the selection */
    size_t n;
    int64_t *sorted;
    bool *found; /* by place in `sorted` */
};

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t place_of(const struct slice *s, int64_t id)
{
    const int64_t *at = bsearch(&id, s->sorted, s->n, sizeof id, by_id);
    return at ? (size_t)(at - s->sorted) : s->n;
}

static bool mark(void *arg, const struct pattern_file *f, struct err *err)
{
    struct slice *s = arg;
    size_t at = place_of(s, f->study);
    (void)err;
    if (at < s->n) {
        s->found[at] = true;
    }
    return true;
}

static bool stop(void *arg, const struct pattern_file *f, struct err *err)
{
    (void)f;
    (void)err;
    *(bool *)arg = true;
    return false;
}

/* A reference that is not the item: each by itself. */
static bool look_one(struct validate *v, int64_t item, const char *of, const char *patterns,
                     bool *ret, struct err *err)
{
    int64_t *studies = NULL;
    size_t n = 0;
    bool ok = pattern_reference(v->store, v->project, item, of[0] ? of : NULL, &studies, &n, err) &&
        pattern_files(v->store, v->project, studies, n, patterns, stop, ret, err);
    mem_free(studies);
    return ok;
}

/* The row of an item that lacks something in this job. */
static bool lacks(struct validate *v, int64_t item, const char *job, const char *arg,
                  const char *patterns, struct err *err)
{
    char key[64];
    (void)snprintf(key, sizeof key, "%lld/%.30s", (long long)item, job);
    json_t *row = json_object_get(v->lacking, key);
    if (!row) {
        v->n_lacking++;
        if (json_array_size(v->items) >= ROWS_MAX) {
            return true;
        }
        json_t *names = cohort_names(v->store, item, err);
        row = names ? json_pack("{s:I, s:s, s:s, s:[]}", "id", (json_int_t)item, "psid",
                                json_get_text(names, "psid", ""), "job", job, "missing")
                    : NULL;
        json_decref(names);
        if (!row || json_array_append_new(v->items, row) != 0 ||
            json_object_set(v->lacking, key, row) != 0) {
            return err->code ? false : err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    return json_array_append_new(json_object_get(row, "missing"),
                                 json_pack("{s:s, s:s}", "arg", arg, "pattern", patterns)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

/* Is the pattern looked for in the item itself, so that one question does for a slice? */
static bool is_own(const json_t *batch, const json_t *spec)
{
    const char *of = study_reference(json_object_get(batch, "variables"), spec);
    return !strcmp(json_get_text(batch, "level", ""), "study") && (!of[0] || !strcmp(of, "STUDY"));
}

static size_t slice_size(const json_t *batch)
{
    json_t *job, *spec;
    const char *name;
    size_t i, n = SLICE;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        json_object_foreach(json_object_get(job, "args"), name, spec)
        {
            n = json_object_get(spec, "FILE") && !is_own(batch, spec) ? SLICE_APART : n;
        }
    }
    return n;
}

static bool look_argument(struct validate *v, struct slice *s, const char *job, const char *name,
                          const json_t *spec, const char *patterns, struct err *err)
{
    const char *of = study_reference(json_object_get(v->batch, "variables"), spec);
    bool own = is_own(v->batch, spec), ok = true;
    memset(s->found, 0, s->n * sizeof *s->found);
    if (own) {
        ok = pattern_files(v->store, v->project, s->sorted, s->n, patterns, mark, s, err);
    }
    for (size_t i = 0; ok && i < s->n; i++) {
        bool found = own && s->found[place_of(s, s->ids[i])];
        ok = own || look_one(v, s->ids[i], of, patterns, &found, err);
        ok = ok && (found || lacks(v, s->ids[i], job, name, patterns, err));
    }
    return ok || err_wrap(err, "job '%s', input '%s'", job, name);
}

static bool look_slice(struct validate *v, const int64_t *ids, size_t n, const char *only,
                       struct err *err)
{
    struct slice s = {.ids = ids, .n = n};
    json_t *job, *spec;
    const char *name;
    size_t i;
    s.sorted = mem_array(n + 1, sizeof *s.sorted, err);
    s.found = s.sorted ? mem_array(n + 1, sizeof *s.found, err) : NULL;
    bool ok = s.found && json_object_clear(v->lacking) == 0;
    if (ok) {
        memcpy(s.sorted, ids, n * sizeof *ids);
        qsort(s.sorted, n, sizeof *s.sorted, by_id);
    }
    json_array_foreach(json_object_get(v->batch, "jobs"), i, job)
    {
        const char *id = json_get_text(job, "id", "");
        if ((only && strcmp(only, id) != 0) || json_get_bool(job, "off", false) ||
            json_get_bool(job, "collect", false)) {
            continue;
        }
        json_object_foreach(json_object_get(job, "args"), name, spec)
        {
            char *patterns = ok && json_object_get(spec, "FILE") ? study_patterns(spec, err) : NULL;
            ok = ok && (patterns || !json_object_get(spec, "FILE"));
            if (patterns && strcmp(patterns, ".") != 0 && !json_get_bool(spec, "optional", false) &&
                !made_before(v->batch, i, patterns)) {
                ok = look_argument(v, &s, id, name, spec, patterns, err);
            }
            mem_free(patterns);
        }
    }
    mem_free(s.sorted);
    mem_free(s.found);
    return ok;
}

static bool look_items(struct validate *v, const json_t *args, json_t *answer, struct err *err)
{
    struct selection sel = {0};
    json_t *none = json_object();
    const char *only = json_get_text(args, "job", NULL);
    int64_t until = clock_mono_us() + BUSY_US;
    size_t from = (size_t)json_get_int(args, "from", 0), slice = slice_size(v->batch), at;
    bool cohort = study_level(json_get_text(v->batch, "level", "scan"));
    bool ok = none && select_items(v->engine, v->store, args, v->batch, none, &sel, err);
    from = from < sel.n ? from : sel.n;
    for (at = from; ok && cohort && at < sel.n && (at == from || clock_mono_us() < until);) {
        size_t n = sel.n - at < slice ? sel.n - at : slice;
        ok = look_slice(v, sel.ids + at, n, only, err);
        at += n;
    }
    at = cohort ? at : sel.n;
    ok = ok &&
        json_put(answer, "checked", json_integer((json_int_t)(at - (cohort ? from : 0))), err) &&
        json_put(answer, "total", json_integer((json_int_t)sel.n), err) &&
        json_put(answer, "skipped", json_incref(sel.skipped), err) &&
        json_put(answer, "complete", json_boolean(at == sel.n), err) &&
        (at == sel.n || json_put(answer, "next", json_integer((json_int_t)at), err));
    json_decref(none);
    select_close(&sel);
    return ok;
}

/* A batch that does not even pass the check is one problem. */
static json_t *checked_batch(struct validate *v, const json_t *wanted, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    json_t *batch = op_find_batch(v->engine, v->store, wanted, &why);
    if (!batch && (json_is_string(wanted) || why.code == ERR_NOMEM)) {
        *err = why;
        return NULL;
    }
    if (!batch && !problem(v, "", why.text, false, err)) {
        return NULL;
    }
    return batch ? batch : json_null();
}

static bool only_warnings(const json_t *problems)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)problems, i, row)
    {
        if (!json_get_bool(row, "warning", false)) {
            return false;
        }
    }
    return true;
}

bool op_batch_validate(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                       struct err *err)
{
    struct validate v = {.engine = e,
                         .store = s,
                         .project = json_get_int(args, "project", 0),
                         .problems = json_array(),
                         .items = json_array(),
                         .lacking = json_object()};
    json_t *answer = json_object();
    bool first = json_get_int(args, "from", 0) == 0;
    bool ok =
        (v.problems && v.items && v.lacking && answer) || err_set(err, ERR_NOMEM, "out of memory");
    json_t *batch = ok ? checked_batch(&v, json_object_get(args, "batch"), err) : NULL;
    v.batch = batch;
    ok = batch != NULL;
    if (ok && !json_is_null(batch)) {
        ok = (!first || check_jobs(&v, err)) && look_items(&v, args, answer, err);
    } else if (ok) {
        ok = json_put(answer, "checked", json_integer(0), err) &&
            json_put(answer, "complete", json_true(), err);
    }
    bool good = only_warnings(v.problems) && v.n_lacking == 0;
    ok = ok && json_put(answer, "ok", json_boolean(good), err) &&
        json_put(answer, "problems", json_incref(v.problems), err) &&
        json_put(answer, "items", json_incref(v.items), err) &&
        json_put(answer, "lacking", json_integer(v.n_lacking), err);
    if (ok) {
        *ret = json_incref(answer);
    }
    json_decref(answer);
    json_decref(batch);
    json_decref(v.problems);
    json_decref(v.items);
    json_decref(v.lacking);
    return ok;
}
