/* One entry an argument: rows by study, in a JSON array a study. */
#include "engine/study-memo.h"

#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "catalog/cohort.h"
#include "catalog/pattern.h"
#include "engine/study.h"
#include "engine/validate.h"

struct entry {
    const json_t *spec; /* of the batch */
    bool made_before;
    bool own;      /* looked for in the study itself, so that one question does for a slice */
    json_t **rows; /* by place in `ids` */
};
struct study_memo {
    int64_t project;
    const json_t *batch;
    struct entry *entries;
    size_t n;
    int64_t *ids; /* of the slice, sorted */
    size_t n_ids;
    int64_t named; /* whose names are kept; 0 = nobody's */
    json_t *names;
    char *out;
};

static size_t count_arguments(const json_t *batch)
{
    json_t *job, *spec;
    const char *name;
    size_t i, n = 0;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        json_object_foreach(json_object_get(job, "args"), name, spec)
        {
            n += json_object_get(spec, "FILE") != NULL;
        }
    }
    return n;
}

static bool is_own(const json_t *batch, const json_t *job, const json_t *spec)
{
    const char *of = study_reference(json_object_get(batch, "variables"), spec);
    return !strcmp(json_get_text(batch, "level", ""), "study") &&
        (!of[0] || !strcmp(of, "STUDY")) && !json_get_bool(job, "collect", false);
}

struct study_memo *memo_new(int64_t project, const json_t *batch, struct err *err)
{
    struct study_memo *m = mem_zero(sizeof *m, err);
    json_t *job, *spec;
    const char *name;
    size_t i;
    if (!m) {
        return NULL;
    }
    m->project = project;
    m->batch = batch;
    m->entries = mem_array(count_arguments(batch) + 1, sizeof *m->entries, err);
    if (!m->entries) {
        memo_free(m);
        return NULL;
    }
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        bool made = validate_made_before(batch, i);
        json_object_foreach(json_object_get(job, "args"), name, spec)
        {
            if (json_object_get(spec, "FILE")) {
                m->entries[m->n++] = (struct entry){spec, made, is_own(batch, job, spec), NULL};
            }
        }
    }
    return m;
}

static void drop_rows(const struct study_memo *m, struct entry *e)
{
    for (size_t i = 0; e->rows && i < m->n_ids; i++) {
        json_decref(e->rows[i]);
    }
    mem_free(e->rows);
    e->rows = NULL;
}

static void drop_slice(struct study_memo *m)
{
    for (size_t i = 0; i < m->n; i++) {
        drop_rows(m, &m->entries[i]);
    }
    mem_free(m->ids);
    m->ids = NULL;
    m->n_ids = 0;
}

void memo_free(struct study_memo *m)
{
    if (!m) {
        return;
    }
    drop_slice(m);
    mem_free(m->entries);
    json_decref(m->names);
    mem_free(m->out);
    mem_free(m);
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct into {
    struct study_memo *m;
    struct entry *entry;
    size_t at; /* of the study that had the last file */
};

static bool take(void *arg, const struct pattern_file *f, struct err *err)
{
    struct into *to = arg;
    const struct study_memo *m = to->m;
    if (to->at >= m->n_ids || m->ids[to->at] != f->study) {
        const int64_t *found = bsearch(&f->study, m->ids, m->n_ids, sizeof *m->ids, by_id);
        to->at = found ? (size_t)(found - m->ids) : m->n_ids;
    }
    if (to->at == m->n_ids) {
        return true; /* ABS: of a study that is not asked for; see memo_slice */
    }
    json_t *row = study_file_row(f, err);
    return row &&
        (json_array_append_new(to->entry->rows[to->at], row) == 0 ||
         err_set(err, ERR_NOMEM, "out of memory"));
}

/* A file that is named by its path is found wherever it lies: not by the study that asks. */
static bool names_paths(const char *patterns)
{
    return *patterns == '/' || strstr(patterns, " /") || strstr(patterns, "\"/") ||
        strstr(patterns, "'/") || strcasestr(patterns, "ABS:") || strstr(patterns, "[info]");
}

/* A pattern that cannot be read is left to the tasks: each says so. */
static bool look(struct study_memo *m, struct store *s, struct entry *e, struct err *err)
{
    struct into to = {.m = m, .entry = e, .at = m->n_ids};
    char *patterns = study_patterns(e->spec, err);
    bool ok = patterns != NULL;
    if (ok && strcmp(patterns, ".") != 0 && !names_paths(patterns)) {
        e->rows = mem_array(m->n_ids + 1, sizeof *e->rows, err);
        ok = e->rows != NULL;
        for (size_t i = 0; ok && i < m->n_ids; i++) {
            e->rows[i] = json_array();
            ok = e->rows[i] || err_set(err, ERR_NOMEM, "out of memory");
        }
        ok = ok && pattern_files(s, m->project, m->ids, m->n_ids, patterns, take, &to, err);
        if (!ok && err->code == ERR_USAGE) {
            drop_rows(m, e);
            *err = (struct err){.code = ERR_NONE};
            ok = true;
        }
    }
    mem_free(patterns);
    return ok;
}

/* Jobs of a batch often read the same files: what was found once is shared. */
static bool shared(struct study_memo *m, size_t at, struct err *err)
{
    struct entry *e = &m->entries[at];
    for (size_t i = 0; i < at && !e->rows; i++) {
        struct entry *other = &m->entries[i];
        if (other->rows &&
            json_equal(json_object_get(other->spec, "FILE"), json_object_get(e->spec, "FILE"))) {
            e->rows = mem_array(m->n_ids + 1, sizeof *e->rows, err);
            for (size_t k = 0; e->rows && k < m->n_ids; k++) {
                e->rows[k] = json_incref(other->rows[k]);
            }
            return e->rows != NULL;
        }
    }
    return true;
}

bool memo_slice(struct study_memo *m, struct store *s, const int64_t *items, size_t n,
                struct err *err)
{
    drop_slice(m);
    m->ids = mem_array(n + 1, sizeof *m->ids, err);
    bool ok = m->ids != NULL;
    if (ok && n) {
        memcpy(m->ids, items, n * sizeof *items);
        m->n_ids = n;
        qsort(m->ids, n, sizeof *m->ids, by_id);
    }
    for (size_t i = 0; ok && i < m->n; i++) {
        struct entry *e = &m->entries[i];
        ok = !e->own || (shared(m, i, err) && (e->rows || look(m, s, e, err)));
    }
    return ok;
}

static const struct entry *entry_of(const struct study_memo *m, const json_t *spec)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->entries[i].spec == spec) {
            return &m->entries[i];
        }
    }
    return NULL;
}

const json_t *memo_files(const struct study_memo *m, const json_t *spec, int64_t item)
{
    const struct entry *e = entry_of(m, spec);
    const int64_t *at =
        e && e->rows ? bsearch(&item, m->ids, m->n_ids, sizeof *m->ids, by_id) : NULL;
    return at ? e->rows[at - m->ids] : NULL;
}

bool memo_made_before(const struct study_memo *m, const json_t *spec)
{
    const struct entry *e = entry_of(m, spec);
    return e && e->made_before;
}

bool memo_names(struct study_memo *m, struct store *s, int64_t item, const char *batch,
                json_t **ret_names, char **ret_out, struct err *err)
{
    if (m->named != item) {
        json_decref(m->names);
        mem_free(m->out);
        m->named = 0;
        m->out = cohort_out_folder(s, item, batch, err);
        m->names = m->out ? cohort_names(s, item, err) : NULL;
        if (!m->names) {
            return false;
        }
        m->named = item;
    }
    *ret_out = mem_strdup(m->out, err);
    *ret_names = *ret_out ? json_incref(m->names) : NULL;
    return *ret_out != NULL;
}
