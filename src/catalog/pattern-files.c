/*
 * File selectors asked of the store. The files of one study are read in the order of the index
 * (study_id, sub, name, place), which holds all that a pattern looks at; only what matches is read
 * in full. pattern-narrow.c says which studies can match at all once many have not.
 */
#include "catalog/pattern-files.h"

#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/pattern.h"
#include "model/found.h"

/* So many studies without a match are walked before anybody thinks about the rest: 100 files each
 * take 2 ms. */
#define MANY_MISSES 64

/* A match; texts are offsets into the study's block. */
struct hit {
    int64_t id, size, mtime_ns;
    size_t place, sub, name, tags, path;
    uint64_t derived; /* terms it answers only when the data do not */
    bool sure;
};
/* One study under work; its memory serves the next one. */
struct work {
    struct store *s;
    const struct terms *terms;
    char *root;
    int64_t project, study;
    char *folder; /* of the study, below the root */
    struct hit *hits;
    size_t n, cap;
    struct str text;
    uint64_t in_data; /* terms that the data answer */
    pattern_file_fn *fn;
    void *arg;
    bool stopped;
};

static size_t keep(struct work *w, const char *text)
{
    size_t at = w->text.len;
    str_addn(&w->text, text, strlen(text) + 1);
    return at;
}

static size_t keep_path(struct work *w, const char *place, const char *sub, const char *name)
{
    size_t at = w->text.len;
    bool beside = !strcmp(place, PLACE_BESIDE);
    const char *slash = strrchr(w->folder, '/');
    str_add(&w->text, w->root);
    if (beside && slash) { /* the folder that the study's own would lie in */
        str_addc(&w->text, '/');
        str_addn(&w->text, w->folder, (size_t)(slash - w->folder));
    }
    const char *const parts[] = {beside ? "" : place, beside ? "" : w->folder, sub, name};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (*parts[i]) {
            str_addc(&w->text, '/');
            str_add(&w->text, parts[i]);
        }
    }
    str_addn(&w->text, "", 1);
    return at;
}

static bool add_hit(struct work *w, const struct hit *hit, struct err *err)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 64;
        struct hit *more = mem_resize(w->hits, cap, sizeof *more, err);
        if (!more) {
            return false;
        }
        w->hits = more;
        w->cap = cap;
    }
    w->hits[w->n++] = *hit;
    return true;
}

static bool folder_matches(const struct term *t, const char *place, const char *sub)
{
    char whole[4096];
    if (!t->placed) {
        return pattern_match(t->sub, sub);
    }
    int n = snprintf(whole, sizeof whole, "%s%s%s", place, *sub ? "/" : "", sub);
    return *place && n > 0 && (size_t)n < sizeof whole && pattern_match(t->sub, whole);
}

static bool is_reading(const char *form, const char *name)
{
    size_t n = strlen(form);
    return !strncmp(name, form, n) &&
        (!strcmp(name + n, ".reading") || (name[n] == '_' && str_ends(name, ".reading")));
}

/* Which terms does this file answer? `derived` those that count only where the data have none. */
static bool judge(const struct terms *terms, const char *place, const char *sub, const char *name,
                  uint64_t *ret_here, uint64_t *ret_derived)
{
    bool sure = false;
    *ret_here = *ret_derived = 0;
    for (size_t i = 0; i < terms->n; i++) {
        const struct term *t = &terms->list[i];
        uint64_t bit = (uint64_t)1 << i;
        if (t->kind == TERM_READING && is_reading(t->name, name)) {
            sure = true;
        } else if (t->kind == TERM_NAME && pattern_match(t->name, name) &&
                   folder_matches(t, place, sub)) {
            bool second = *place && strcmp(place, PLACE_BESIDE) != 0 && !t->placed;
            *(second ? ret_derived : ret_here) |= bit;
            sure = sure || !second;
        }
    }
    return sure;
}

/* The rest of a row that matches; one that is gone is none. */
static bool take_row(struct work *w, int64_t id, const char *place, const char *sub,
                     const char *name, uint64_t derived, bool sure, struct err *err)
{
    struct err late;
    struct query *q = store_query(
        w->s, err, "SELECT size,mtime_ns,tags FROM file WHERE id=?1 AND gone=0", "i", id);
    bool ok = q != NULL;
    if (ok && query_next(q)) {
        struct hit hit = {.id = id, .size = query_int(q, 0), .mtime_ns = query_int(q, 1)};
        hit.place = keep(w, place);
        hit.sub = keep(w, sub);
        hit.name = keep(w, name);
        hit.tags = keep(w, query_text(q, 2));
        hit.path = keep_path(w, place, sub, name);
        hit.derived = derived;
        hit.sure = sure;
        ok = str_ok(&w->text, err) && add_hit(w, &hit, err);
    }
    return q && query_end(q, ok ? err : &late) && ok;
}

static bool by_names(struct work *w, struct err *err)
{
    struct err late;
    struct query *q = store_query(w->s, err,
                                  "SELECT id,place,sub,name FROM file WHERE study_id=?1 "
                                  "ORDER BY sub,name,place",
                                  "i", w->study);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        const char *place = query_text(q, 1), *sub = query_text(q, 2), *name = query_text(q, 3);
        uint64_t here, derived;
        bool sure = judge(w->terms, place, sub, name, &here, &derived);
        size_t n = w->n;
        if (sure || derived) {
            ok = take_row(w, query_int(q, 0), place, sub, name, derived, sure, err);
        }
        w->in_data |= w->n > n ? here : 0;
    }
    return q && query_end(q, ok ? err : &late) && ok;
}

static bool by_tag(struct work *w, const char *tag, struct err *err)
{
    struct err late;
    char *member = mem_printf(err, "/%s/", tag);
    struct query *q = !member
        ? NULL
        : store_query(w->s, err,
                      "SELECT id,place,sub,name FROM file INDEXED BY file_tagged WHERE "
                      "study_id=?1 AND tags<>'/' AND instr(tags,?2)",
                      "is", w->study, member);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        ok = take_row(w, query_int(q, 0), query_text(q, 1), query_text(q, 2), query_text(q, 3), 0,
                      true, err);
    }
    mem_free(member);
    return q && query_end(q, ok ? err : &late) && ok;
}

static bool by_tags(struct work *w, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->terms->n; i++) {
        ok = w->terms->list[i].kind != TERM_TAG || by_tag(w, w->terms->list[i].name, err);
    }
    return ok;
}

/* --- one study */

static int by_path(const void *a, const void *b, void *arg)
{
    const struct hit *x = a, *y = b;
    const char *text = arg;
    int c = strcmp(text + x->sub, text + y->sub);
    c = c ? c : strcmp(text + x->name, text + y->name);
    c = c ? c : strcmp(text + x->place, text + y->place);
    return c ? c : (x->id > y->id) - (x->id < y->id);
}

static bool in_order(const struct work *w)
{
    for (size_t i = 1; i < w->n; i++) {
        if (by_path(&w->hits[i - 1], &w->hits[i], w->text.buf) > 0) {
            return false;
        }
    }
    return true;
}

/* Sorts, and leaves out what was found twice and what only stood in for the data. */
static void settle_hits(struct work *w)
{
    size_t n = 0;
    if (!in_order(w)) {
        qsort_r(w->hits, w->n, sizeof *w->hits, by_path, w->text.buf);
    }
    for (size_t i = 0; i < w->n; i++) {
        const struct hit *h = &w->hits[i];
        if (!h->sure && !(h->derived & ~w->in_data)) {
            continue;
        }
        if (!n || w->hits[n - 1].id != h->id) {
            w->hits[n++] = *h;
        }
    }
    w->n = n;
}

static bool give(struct work *w, const struct hit *h, struct err *err)
{
    const char *text = str_text(&w->text);
    struct pattern_file file = {.id = h->id, .study = w->study, .size = h->size};
    struct err said = {0};
    file.mtime_ns = h->mtime_ns;
    file.path = text + h->path;
    file.place = text + h->place;
    file.sub = text + h->sub;
    file.name = text + h->name;
    file.tags = text + h->tags;
    if (w->fn(w->arg, &file, &said)) {
        return true;
    }
    w->stopped = true;
    if (said.code != ERR_NONE) {
        *err = said;
    }
    return said.code == ERR_NONE;
}

static bool give_all(struct work *w, struct err *err)
{
    size_t first = 0, n = w->n;
    int64_t nth = w->terms->nth;
    if (nth) {
        uint64_t back = (uint64_t)(nth < 0 ? -nth : nth);
        bool there = back <= w->n;
        first = !there ? 0 : nth > 0 ? (size_t)back - 1 : w->n - (size_t)back;
        /* Counted in the order asked for. */
        first = w->terms->down && there ? w->n - 1 - first : first;
        n = there ? 1 : 0;
    }
    bool ok = true;
    for (size_t i = 0; ok && !w->stopped && i < n; i++) {
        size_t at = w->terms->down && !nth ? w->n - 1 - i : first + i;
        ok = give(w, &w->hits[at], err);
    }
    return ok;
}

static bool has_kind(const struct terms *t, enum term_kind kind)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->list[i].kind == kind) {
            return true;
        }
    }
    return false;
}

static bool give_info(struct work *w, struct err *err)
{
    struct hit hit = {0};
    hit.place = hit.sub = hit.name = hit.tags = keep(w, "");
    hit.path = keep_path(w, "", "", "");
    return str_ok(&w->text, err) && give(w, &hit, err);
}

static bool open_study(struct work *w, int64_t study, struct err *err)
{
    w->n = 0;
    w->in_data = 0;
    w->study = study;
    str_clear(&w->text);
    mem_free(w->folder);
    w->folder = NULL;
    return store_text(w->s, &w->folder, err,
                      "SELECT name FROM item WHERE id=?1 AND project_id=?2 AND level='study'", "ii",
                      study, w->project) &&
        (w->folder ||
         err_set(err, ERR_NOTHING, "there is no study number %" PRId64 " in this project", study));
}

static bool take_path(struct work *w, int64_t id, struct err *err)
{
    struct err late;
    char *place = NULL, *sub = NULL, *name = NULL;
    struct query *q =
        store_query(w->s, err, "SELECT place,sub,name FROM file WHERE id=?1", "i", id);
    bool ok = q != NULL;
    if (ok && query_next(q)) {
        place = mem_strdup(query_text(q, 0), err);
        sub = place ? mem_strdup(query_text(q, 1), err) : NULL;
        name = sub ? mem_strdup(query_text(q, 2), err) : NULL;
        ok = name != NULL;
    }
    ok = q && query_end(q, ok ? err : &late) && ok &&
        (!name || take_row(w, id, place, sub, name, 0, true, err));
    mem_free(place);
    mem_free(sub);
    mem_free(name);
    return ok;
}

/* `listed`: the study is one of those asked for, not only the home of a file named by ABS:. */
static bool do_study(struct work *w, int64_t study, bool listed, const struct path_hit *paths,
                     size_t n_paths, struct err *err)
{
    const struct terms *t = w->terms;
    bool names = listed && (has_kind(t, TERM_NAME) || has_kind(t, TERM_READING));
    bool tags = listed && has_kind(t, TERM_TAG);
    bool ok = open_study(w, study, err);
    if (ok && listed && has_kind(t, TERM_INFO)) {
        ok = give_info(w, err);
    }
    ok = ok && (w->stopped || !names || by_names(w, err)) &&
        (w->stopped || !tags || by_tags(w, err));
    for (size_t i = 0; ok && !w->stopped && i < n_paths; i++) {
        ok = paths[i].study != study || take_path(w, paths[i].id, err);
    }
    if (!ok) {
        return false;
    }
    settle_hits(w);
    return w->stopped || give_all(w, err);
}

/* Is `study` among the first `n`? */
static bool among(const int64_t *studies, size_t n, int64_t study)
{
    for (size_t i = 0; i < n; i++) {
        if (studies[i] == study) {
            return true;
        }
    }
    return false;
}

/* The studies in order. After MANY_MISSES that had nothing, the rest is narrowed to those that can
 * have something. */
static bool walk_listed(struct work *w, const int64_t *studies, size_t n,
                        const struct path_hit *paths, size_t n_paths, struct err *err)
{
    bool *may = NULL, ok = true, asked = false;
    size_t misses = 0, from = 0;
    for (size_t i = 0; ok && !w->stopped && i < n; i++) {
        if (misses == MANY_MISSES && !asked) {
            asked = true;
            ok = pattern_narrow(w->s, w->terms, studies + i, n - i, &may, err);
            from = i;
        }
        bool wanted = !may || may[i - from];
        for (size_t k = 0; !wanted && k < n_paths; k++) {
            wanted = paths[k].study == studies[i];
        }
        ok = ok && (!wanted || do_study(w, studies[i], true, paths, n_paths, err));
        misses += w->n == 0 || !wanted;
    }
    mem_free(may);
    return ok;
}

static bool walk(struct work *w, const int64_t *studies, size_t n, const struct path_hit *paths,
                 size_t n_paths, struct err *err)
{
    bool ok = walk_listed(w, studies, n, paths, n_paths, err);
    for (size_t i = 0; ok && !w->stopped && i < n_paths; i++) {
        bool done = among(studies, n, paths[i].study);
        for (size_t k = 0; !done && k < i; k++) {
            done = paths[k].study == paths[i].study;
        }
        ok = done || do_study(w, paths[i].study, false, paths, n_paths, err);
    }
    return ok;
}

bool pattern_files(struct store *s, int64_t project, const int64_t *studies, size_t n,
                   const char *selectors, pattern_file_fn *fn, void *arg, struct err *err)
{
    struct terms terms;
    struct work w = {.s = s, .terms = &terms, .project = project, .fn = fn, .arg = arg};
    struct path_hit paths[TERMS_MAX];
    size_t n_paths = 0;
    if (!terms_parse(selectors, &terms, err)) {
        return false;
    }
    bool ok = store_text(s, &w.root, err, "SELECT root FROM project WHERE id=?1", "i", project) &&
        (w.root || err_set(err, ERR_NOTHING, "there is no project number %" PRId64, project)) &&
        pattern_paths(s, project, &terms, paths, &n_paths, err) &&
        walk(&w, studies, n, paths, n_paths, err);
    mem_free(w.root);
    mem_free(w.folder);
    mem_free(w.hits);
    str_fini(&w.text);
    terms_fini(&terms);
    return ok;
}
