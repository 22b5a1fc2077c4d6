/*
 * Which studies can a file selector find anything in? Asked before they are walked one by one:
 * ABS: by the path, tags by the index of tagged files, names that begin with some letters by the
 * index of names, as long as there are few of them (where there are many, the walk meets them
 * soon).
 */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/cohort-own.h"
#include "catalog/pattern-files.h"
#include "catalog/project.h"
#include "catalog/pattern.h"

/* So many studies are walked as fast as an index is asked: 100 files each take 20 ms. */
#define FEW_STUDIES 500
/* More rows than this are not worth fetching: 1 us each. */
#define MANY_ROWS 20000
/* A cohort whose folders have more different names than this has them named after its subjects. */
#define MANY_FOLDERS 2000
/* Reading the whole index pays when there are fewer rows than this for each study that would be
 * walked (0.1 us a row against 30 us a study). */
#define ROWS_A_STUDY 300
/* Looking at names one by one pays when each stands for this many rows. */
#define ROWS_A_NAME 50
/* LIKE refuses what is much longer. */
#define LONG_PATTERN 20000

/* --- ABS: */

static bool find_path(struct store *s, const struct project *project, const char *path,
                      struct path_hit *ret, struct err *err)
{
    struct cohort_place p = {.study = 0};
    *ret = (struct path_hit){0};
    bool ok = cohort_place_of(s, project, path, &p, err);
    if (ok && p.study) {
        ret->study = p.study;
        ok = store_int(s, 0, &ret->id, err,
                       "SELECT id FROM file WHERE study_id=?1 AND sub=?2 AND name=?3 AND place=?4 "
                       "AND gone=0",
                       "isss", p.study, p.sub, p.name, p.place);
    }
    mem_free(p.path);
    return ok;
}

bool pattern_paths(struct store *s, int64_t project, const struct terms *terms,
                   struct path_hit *ret, size_t *ret_n, struct err *err)
{
    struct project about = {0};
    bool ok = project_by_id(s, project, &about, err);
    *ret_n = 0;
    for (size_t i = 0; ok && i < terms->n; i++) {
        struct path_hit hit = {0, 0};
        ok = terms->list[i].kind != TERM_PATH ||
            find_path(s, &about, terms->list[i].name, &hit, err);
        if (ok && hit.id) {
            ret[(*ret_n)++] = hit;
        }
    }
    project_fini(&about);
    return ok;
}

/* --- which studies */

/* Where each id stands among the studies asked for. */
struct place {
    int64_t id;
    size_t at;
};
struct narrow {
    struct store *s;
    struct place *places;
    size_t n;
    bool *may;
    bool all; /* too many: not worth telling apart */
};

static int by_id(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void mark(struct narrow *w, int64_t study)
{
    struct place key = {study, 0};
    const struct place *found = bsearch(&key, w->places, w->n, sizeof key, by_id);
    if (found) {
        w->may[found->at] = true;
    }
}

/* The pattern as LIKE reads it with ESCAPE '\'. */
static void add_like(struct str *out, const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && p[1]) {
            str_addc(out, *p++);
            str_addc(out, *p);
        } else if (*p == '*') {
            str_addc(out, '%');
        } else {
            str_add(out, *p == '%' ? "\\%" : *p == '\\' ? "\\\\\\" : (char[]){*p, '\0'});
        }
    }
}

static bool mark_rows(struct narrow *w, struct query *q, struct err *err)
{
    while (q && query_next(q)) {
        mark(w, query_int(q, 0));
    }
    return q && query_end(q, err);
}

/* The first text behind all that begin with `prefix` (lower case, as the index folds them). */
static bool bound(char *prefix)
{
    size_t n = strlen(prefix);
    while (n && (unsigned char)prefix[n - 1] == 0xff) {
        prefix[--n] = '\0';
    }
    if (n) {
        prefix[n - 1] = (char)((unsigned char)prefix[n - 1] + 1);
    }
    return n > 0;
}

/* What is looked for in the index of folders and names. */
struct look {
    const char *sub; /* patterns */
    const char *name;
    char *low, *high; /* names lie between; low "" = anywhere */
    struct str like;  /* and are like this */
    int64_t left;     /* rows that may still be fetched */
    int64_t names;    /* different names that may still be looked at one by one: 2 us each */
    bool rushed;      /* there are more */
};

/* Names of a folder, each once however many files have it: in most cohorts few are different. */
static bool look_at_names(struct narrow *w, struct look *l, const char *sub, struct err *err)
{
    char *name = mem_strdup("", err);
    bool ok = name != NULL;
    while (ok && name && l->left > 0 && l->names > 0) {
        char *next = NULL;
        struct query *q = NULL;
        ok = store_text(w->s, &next, err,
                        "SELECT name FROM file INDEXED BY file_named WHERE sub=?1 COLLATE NOCASE "
                        "AND name>?2 COLLATE NOCASE ORDER BY name COLLATE NOCASE LIMIT 1",
                        "ss", sub, name);
        l->names--;
        mem_free(name);
        name = next;
        if (ok && name && pattern_match(l->name, name)) {
            q = store_query(w->s, err,
                            "SELECT study_id FROM file INDEXED BY file_named WHERE "
                            "sub=?1 COLLATE NOCASE AND name=?2 COLLATE NOCASE LIMIT ?3",
                            "ssi", sub, name, l->left);
            while (q && query_next(q)) {
                mark(w, query_int(q, 0));
                l->left--;
            }
            ok = q && query_end(q, err);
        }
    }
    l->rushed = name != NULL;
    mem_free(name);
    return ok;
}

static bool look_in(struct narrow *w, struct look *l, const char *sub, struct err *err)
{
    if (!*l->low && l->names > 0) {
        bool ok = look_at_names(w, l, sub, err);
        if (!ok || !l->rushed || !strcmp(l->sub, "*")) {
            return ok;
        }
    }
    struct query *q = *l->low
        ? store_query(w->s, err,
                      "SELECT study_id FROM file INDEXED BY file_named WHERE sub=?1 COLLATE NOCASE "
                      "AND name>=?2 COLLATE NOCASE AND name<?3 COLLATE NOCASE AND "
                      "name LIKE ?4 ESCAPE '\\' LIMIT ?5",
                      "ssssi", sub, l->low, l->high, str_text(&l->like), l->left)
        : store_query(w->s, err,
                      "SELECT study_id FROM file INDEXED BY file_named WHERE sub=?1 COLLATE NOCASE "
                      "AND name LIKE ?2 ESCAPE '\\' LIMIT ?3",
                      "ssi", sub, str_text(&l->like), l->left);
    while (q && query_next(q)) {
        mark(w, query_int(q, 0));
        l->left--;
    }
    return q && query_end(q, err);
}

/* Any folder, any beginning: one pass is faster than many. */
static bool look_everywhere(struct narrow *w, struct look *l, bool *ret_done, struct err *err)
{
    struct query *q = store_query(w->s, err,
                                  "SELECT study_id FROM file INDEXED BY file_named WHERE "
                                  "name LIKE ?1 ESCAPE '\\' LIMIT ?2",
                                  "si", str_text(&l->like), l->left);
    while (q && query_next(q)) {
        mark(w, query_int(q, 0));
        l->left--;
    }
    *ret_done = l->left > 0;
    return q && query_end(q, err);
}

/* Folder by folder, those that answer; *ret_done: neither too many folders nor too many files. */
static bool look_through(struct narrow *w, struct look *l, bool *ret_done, struct err *err)
{
    char *sub = NULL;
    size_t n = 0;
    bool ok = store_text(
        w->s, &sub, err,
        "SELECT sub FROM file INDEXED BY file_named ORDER BY sub COLLATE NOCASE LIMIT 1", "");
    while (ok && sub && l->left > 0 && n++ < MANY_FOLDERS &&
           (!l->rushed || strcmp(l->sub, "*") != 0)) {
        char *next = NULL;
        ok = (!pattern_match(l->sub, sub) || look_in(w, l, sub, err)) &&
            store_text(w->s, &next, err,
                       "SELECT sub FROM file INDEXED BY file_named WHERE sub>?1 COLLATE NOCASE "
                       "ORDER BY sub COLLATE NOCASE LIMIT 1",
                       "s", sub);
        mem_free(sub);
        sub = next;
    }
    *ret_done = ok && !sub && l->left > 0;
    mem_free(sub);
    return ok;
}

static bool by_folders(struct narrow *w, const char *sub, const char *name, int64_t rows,
                       bool *ret_done, struct err *err)
{
    struct look l = {.sub = sub, .name = name, .like = STR_INIT, .left = MANY_ROWS};
    l.names = rows / ROWS_A_NAME;
    add_like(&l.like, name);
    l.low = pattern_prefix(name, err);
    l.high = l.low ? mem_strdup(l.low, err) : NULL;
    if (l.high && !bound(l.high)) {
        *l.low = '\0';
    }
    bool ok = l.high && str_ok(&l.like, err) && look_through(w, &l, ret_done, err);
    if (ok && l.rushed && l.left > 0 && !strcmp(sub, "*")) {
        ok = look_everywhere(w, &l, ret_done, err);
    }
    mem_free(l.low);
    mem_free(l.high);
    str_fini(&l.like);
    return ok;
}

/* Reads the whole index of files: 0.1 us each. */
static bool by_scan(struct narrow *w, const char *sub, const char *name, struct err *err)
{
    struct str like[2] = {STR_INIT, STR_INIT};
    add_like(&like[0], sub);
    add_like(&like[1], name);
    bool ok = str_ok(&like[0], err) && str_ok(&like[1], err) &&
        mark_rows(w,
                  store_query(w->s, err,
                              "SELECT DISTINCT study_id FROM file INDEXED BY "
                              "sqlite_autoindex_file_1 WHERE name LIKE ?1 ESCAPE '\\' AND "
                              "sub LIKE ?2 ESCAPE '\\'",
                              "ss", str_text(&like[1]), str_text(&like[0])),
                  err);
    str_fini(&like[0]);
    str_fini(&like[1]);
    return ok;
}

static bool by_tag(struct narrow *w, const char *tag, struct err *err)
{
    char *member = mem_printf(err, "/%s/", tag);
    bool ok = member &&
        mark_rows(w,
                  store_query(w->s, err,
                              "SELECT study_id FROM file INDEXED BY file_tagged WHERE "
                              "tags<>'/' AND instr(tags,?1)",
                              "s", member),
                  err);
    mem_free(member);
    return ok;
}

static bool by_name(struct narrow *w, const char *sub, const char *name, int64_t rows,
                    struct err *err)
{
    bool done = false;
    if (strlen(sub) + strlen(name) > LONG_PATTERN) {
        w->all = true;
        return true;
    }
    if (!by_folders(w, sub, name, rows, &done, err)) {
        return false;
    }
    if (done) {
        return true;
    }
    w->all = rows > ROWS_A_STUDY * (int64_t)w->n;
    return w->all || by_scan(w, sub, name, err);
}

static bool by_term(struct narrow *w, const struct term *t, int64_t rows, struct err *err)
{
    struct str name = STR_INIT;
    bool ok = true;
    switch (t->kind) {
    case TERM_NAME:
        return by_name(w, t->placed ? "*" : t->sub, t->name, rows, err);
    case TERM_READING:
        pattern_escape(&name, t->name);
        str_add(&name, "*.reading");
        ok = str_ok(&name, err) && by_name(w, "*", str_text(&name), rows, err);
        str_fini(&name);
        return ok;
    case TERM_TAG:
        return by_tag(w, t->name, err);
    case TERM_PATH: /* told by pattern_paths() */
        return true;
    case TERM_INFO:
        break;
    }
    w->all = true;
    return true;
}

bool pattern_narrow(struct store *s, const struct terms *terms, const int64_t *studies, size_t n,
                    bool **ret, struct err *err)
{
    struct narrow w = {.s = s, .n = n};
    int64_t rows = 0;
    *ret = NULL;
    if (n < FEW_STUDIES) {
        return true;
    }
    bool ok = (w.may = mem_array(n, sizeof *w.may, err)) &&
        (w.places = mem_array(n, sizeof *w.places, err)) &&
        store_int(s, 0, &rows, err, "SELECT max(id) FROM file", "");
    for (size_t i = 0; ok && i < n; i++) {
        w.places[i] = (struct place){studies[i], i};
    }
    if (ok && n > 1) {
        qsort(w.places, n, sizeof *w.places, by_id);
    }
    for (size_t i = 0; ok && !w.all && i < terms->n; i++) {
        ok = by_term(&w, &terms->list[i], rows, err);
    }
    mem_free(w.places);
    if (!ok || w.all) {
        mem_free(w.may);
        return ok;
    }
    *ret = w.may;
    return true;
}
