/* Selectors: each argument is parsed, then every row of the project is asked. */
#include "catalog/selector.h"

#include <ctype.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "model/state.h"

struct prefix {
    const char *text;
    enum selector_kind kind;
};
static const struct prefix prefixes[] = {
    {"id:", SEL_ID},         {"series:", SEL_SERIES}, {"scan:", SEL_SCAN},
    {"status:", SEL_STATUS}, {"error:", SEL_ERROR},   {"tag:", SEL_TAG},
};

/* A row as selectors see it. */
struct row {
    int64_t id, index;
    char *name, *series, *status, *tags;
    const char *state; /* of the newest task, "" = none */
};
struct table {
    struct row *rows;
    size_t n, cap;
};

/* What SEL_NAME compares: the argument as a name below the root. */
struct target {
    const char *pattern;
    char *below; /* relative to the root; NULL when it lies elsewhere */
    bool folder; /* ends in a slash, or is the root itself */
};

bool selector_parse(const char *arg, struct selector *ret, struct err *err)
{
    struct selector s = {SEL_NAME, arg};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (str_starts(arg, prefixes[i].text)) {
            s.kind = prefixes[i].kind;
            s.value = arg + strlen(prefixes[i].text);
        }
    }
    if ((s.kind == SEL_ID || s.kind == SEL_SCAN || s.kind == SEL_ERROR) &&
        !num_ranges_valid(s.value)) {
        return err_set(err, ERR_USAGE, "'%s': behind %.*s stand numbers such as 12-45,50", arg,
                       (int)(s.value - arg), arg);
    }
    if (!*s.value && s.kind != SEL_SERIES) {
        return s.kind == SEL_NAME ? err_set(err, ERR_USAGE, "an empty selector selects nothing")
                                  : err_set(err, ERR_USAGE, "'%s': nothing behind the colon", arg);
    }
    *ret = s;
    return true;
}

bool selector_glob(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

static bool word_in(const char *word, const char *text)
{
    size_t n = strlen(word);
    for (const char *p = text; n && *p; p++) {
        bool starts = p == text || !isalnum((unsigned char)p[-1]);
        if (starts && !strncasecmp(p, word, n) && !isalnum((unsigned char)p[n])) {
            return true;
        }
    }
    return false;
}

bool selector_status(const char *word, const char *status, const char *state)
{
    return word_in(word, status) || !strcasecmp(word, state);
}

static bool has_glob(const char *text)
{
    return strpbrk(text, "*?[\\") != NULL;
}

static bool name_matches(const struct target *t, const struct row *row)
{
    const char *base = path_base(row->name);
    size_t stem = strlen(row->name) - strlen(path_ext(row->name));
    const char *names[2] = {t->below, t->pattern};
    for (int i = 0; i < 2; i++) {
        const char *p = names[i];
        if (p && (!strcmp(p, row->name) || (strlen(p) == stem && !strncmp(p, row->name, stem)))) {
            return true;
        }
    }
    if (t->folder) {
        return t->below && (!*t->below || path_within(row->name, t->below));
    }
    return has_glob(t->pattern) &&
        (selector_glob(t->pattern, row->name) || selector_glob(t->pattern, base) ||
         (t->below && selector_glob(t->below, row->name)));
}

static bool tagged(const char *tags, const char *tag)
{
    size_t n = strlen(tag);
    for (const char *p = strstr(tags, tag); p; p = strstr(p + 1, tag)) {
        if (p > tags && p[-1] == '/' && p[n] == '/') {
            return true;
        }
    }
    return false;
}

static bool matches(const struct selector *s, const struct target *t, const struct row *row)
{
    switch (s->kind) {
    case SEL_NAME:
        return name_matches(t, row);
    case SEL_ID:
        return num_ranges_contain(s->value, row->id);
    case SEL_SERIES:
        return !strcmp(s->value, row->series) || !strcmp(s->value, path_base(row->series)) ||
            (has_glob(s->value) && selector_glob(s->value, row->series));
    case SEL_SCAN:
        return num_ranges_contain(s->value, row->index);
    case SEL_STATUS:
        return selector_status(s->value, row->status, row->state);
    case SEL_TAG:
        return tagged(row->tags, s->value);
    case SEL_ERROR:
        break; /* asked of the store */
    }
    return false;
}

static void table_fini(struct table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        mem_free(t->rows[i].name);
        mem_free(t->rows[i].series);
        mem_free(t->rows[i].status);
        mem_free(t->rows[i].tags);
    }
    mem_free(t->rows);
}

static bool add_row(struct table *t, const struct query *q, struct err *err)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        struct row *more = mem_resize(t->rows, cap, sizeof *more, err);
        if (!more) {
            return false;
        }
        t->rows = more;
        t->cap = cap;
    }
    struct row *r = &t->rows[t->n++];
    *r = (struct row){.id = query_int(q, 0), .index = query_int(q, 3)};
    r->name = mem_strdup(query_text(q, 1), err);
    r->series = r->name ? mem_strdup(query_text(q, 2), err) : NULL;
    r->status = r->series ? mem_strdup(query_text(q, 4), err) : NULL;
    r->tags = r->status ? mem_strdup(query_text(q, 5), err) : NULL;
    r->state = query_null(q, 6) ? "" : task_state_name((enum task_state)query_int(q, 6));
    return r->tags != NULL;
}

static bool load(struct store *s, int64_t project, int scope, struct table *ret, struct err *err)
{
    struct err late;
    struct query *q =
        store_query(s, err,
                    "SELECT id,name,series,idx,status,tags,"
                    "(SELECT state FROM task WHERE item_id=item.id ORDER BY id DESC LIMIT 1) "
                    "FROM item WHERE project_id=?1 AND (?2 OR hidden=0) AND (?3 OR gone=0) "
                    "AND (level='scan' OR (?4 AND level='file') OR (?5 AND level='study')) "
                    "ORDER BY series,idx,name",
                    "iiiii", project, (int64_t)((scope & SELECT_HIDDEN) != 0),
                    (int64_t)((scope & SELECT_GONE) != 0), (int64_t)((scope & SELECT_FILES) != 0),
                    (int64_t)((scope & SELECT_STUDIES) != 0));
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        ok = add_row(ret, q, err);
    }
    return q && query_end(q, ok ? err : &late) && ok;
}

/* Is there a row whose name is literally this? Then "id:1" and "a*b" are names. */
static bool literal(const struct table *t, const struct target *target)
{
    for (size_t i = 0; i < t->n; i++) {
        const char *name = t->rows[i].name;
        if (!strcmp(name, target->pattern) || (target->below && !strcmp(name, target->below))) {
            return true;
        }
    }
    return false;
}

static bool resolve(const char *arg, const char *root, struct target *ret, struct err *err)
{
    char cwd[PATH_MAX], real[PATH_MAX];
    size_t n = strlen(arg);
    const char *base = getcwd(cwd, sizeof cwd) ? cwd : root;
    char *path = path_absolute(base, arg, err);
    if (!path) {
        return false;
    }
    const char *below = path_below(path, root);
    if (!below && realpath(path, real)) {
        below = path_below(real, root);
    }
    /* Standing in <root>_rec or elsewhere, names still count from the root. */
    if (!below && arg[0] != '/' && !path_below(base, root)) {
        below = arg;
    }
    ret->pattern = arg;
    ret->below = below ? mem_strdup(below, err) : NULL;
    ret->folder = n > 0 && arg[n - 1] == '/';
    bool ok = !below || ret->below;
    mem_free(path);
    if (ok && ret->below) {
        size_t m = strlen(ret->below);
        if (m && ret->below[m - 1] == '/') {
            ret->below[m - 1] = '\0';
        }
        ret->folder = ret->folder || !*ret->below;
    }
    return ok;
}

/* Finds rows by id: rows lie in table order, members come by the thousand. */
struct place {
    int64_t id;
    size_t at;
};

static int by_id(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static bool mark_members(struct store *s, const struct table *t, const char *causes, bool *hit,
                         size_t *ret_hits, struct err *err)
{
    struct err late;
    struct place *places = mem_array(t->n, sizeof *places, err);
    struct query *q = NULL;
    bool ok = places &&
        (q = store_query(s, err,
                         "SELECT DISTINCT item_id, cause_id FROM task "
                         "WHERE cause_id IS NOT NULL",
                         ""));
    for (size_t i = 0; ok && i < t->n; i++) {
        places[i] = (struct place){t->rows[i].id, i};
    }
    if (ok && t->n > 1) {
        qsort(places, t->n, sizeof *places, by_id);
    }
    while (ok && query_next(q)) {
        struct place key = {query_int(q, 0), 0};
        struct place *found = NULL;
        if (num_ranges_contain(causes, query_int(q, 1))) {
            found = bsearch(&key, places, t->n, sizeof *places, by_id);
        }
        if (found) {
            hit[found->at] = true;
            (*ret_hits)++;
        }
    }
    ok = q && query_end(q, ok ? err : &late) && ok;
    mem_free(places);
    return ok;
}

/* A folder named without its slash, when no scan is named so. */
static size_t mark_folder(const struct table *t, struct target *target, bool *hit)
{
    size_t hits = 0;
    target->folder = target->below && *target->below;
    for (size_t i = 0; target->folder && i < t->n; i++) {
        if (name_matches(target, &t->rows[i])) {
            hit[i] = true;
            hits++;
        }
    }
    return hits;
}

static bool mark(struct store *s, const struct table *t, const char *arg, const char *root,
                 bool *hit, struct err *err)
{
    struct selector sel;
    struct target target = {0};
    size_t hits = 0;
    bool ok = resolve(arg, root, &target, err);
    bool named = ok && literal(t, &target);
    if (ok && named) {
        sel = (struct selector){SEL_NAME, arg};
        for (size_t i = 0; i < t->n; i++) {
            const char *name = t->rows[i].name;
            bool is = !strcmp(name, arg) || (target.below && !strcmp(name, target.below));
            hit[i] = hit[i] || is;
        }
        hits = 1;
    } else if (ok && selector_parse(arg, &sel, err)) {
        for (size_t i = 0; i < t->n; i++) {
            if (matches(&sel, &target, &t->rows[i])) {
                hit[i] = true;
                hits++;
            }
        }
        ok = sel.kind != SEL_ERROR || mark_members(s, t, sel.value, hit, &hits, err);
        if (ok && !hits && sel.kind == SEL_NAME) {
            hits = mark_folder(t, &target, hit);
        }
    } else {
        ok = false;
    }
    mem_free(target.below);
    return ok &&
        (hits ||
         err_set(err, ERR_NOTHING, "nothing matches '%s' (gantry ls shows what is there)", arg));
}

bool selector_items(struct store *s, int64_t project, char *const *args, size_t n, int scope,
                    int64_t **ret_ids, size_t *ret_n, struct err *err)
{
    struct table t = {0};
    char *root = NULL;
    bool *hit = NULL;
    int64_t *ids = NULL;
    size_t m = 0;
    bool ok = store_text(s, &root, err, "SELECT root FROM project WHERE id=?1", "i", project) &&
        (root || err_set(err, ERR_NOTHING, "there is no project number %" PRId64, project)) &&
        load(s, project, scope, &t, err) && (hit = mem_array(t.n, sizeof *hit, err)) &&
        (ids = mem_array(t.n, sizeof *ids, err));
    for (size_t i = 0; ok && i < n; i++) {
        ok = mark(s, &t, args[i], root, hit, err);
    }
    for (size_t i = 0; ok && i < t.n; i++) {
        if (n == 0 || hit[i]) {
            ids[m++] = t.rows[i].id;
        }
    }
    table_fini(&t);
    mem_free(hit);
    mem_free(root);
    if (!ok) {
        mem_free(ids);
        return false;
    }
    *ret_ids = ids;
    *ret_n = m;
    return true;
}
