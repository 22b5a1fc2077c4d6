/* Filter bars: a list of alternatives, each a run of expressions that must all hold. */
#include "catalog/filter.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/pattern.h"

#define MOST 200 /* expressions of a bar: nobody types more */

enum kind { NAME, STAG, PTAG, FTAG, SDESC, JOB };
struct expr {
    enum kind kind;
    char *pattern;
    bool last; /* of its alternative */
};
struct filter {
    struct expr list[MOST];
    size_t n;
};
struct attribute {
    const char *text;
    enum kind kind;
};
static const struct attribute attributes[] = {
    {"STAG:", STAG}, {"PTAG:", PTAG}, {"FTAG:", FTAG}, {"SDESC:", SDESC}, {"JOB:", JOB},
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next expression, its quotes gone; a quote that is not closed yet reaches to the end. */
static const char *next_word(const char *p, struct str *word)
{
    char quote = '\0', before = ':';
    for (; *p && (quote || (!blank(*p) && *p != '&')); before = *p, p++) {
        bool opens = before == ':' || before == '#';
        if (*p == '\\' && p[1]) {
            str_addc(word, *p++);
            str_addc(word, *p);
        } else if (quote && *p == quote) {
            quote = '\0';
        } else if (!quote && opens && (*p == '"' || *p == '\'')) {
            quote = *p;
        } else if (*p != '\\') { /* the last one: what it takes is not typed yet */
            str_addc(word, *p);
        }
    }
    return p;
}

static bool add_expr(struct filter *f, const char *word, struct err *err)
{
    if (f->n == MOST) {
        return err_set(err, ERR_USAGE, "more than %d expressions in a filter", MOST);
    }
    struct expr *e = &f->list[f->n];
    *e = (struct expr){.kind = NAME, .last = true};
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        size_t n = strlen(attributes[i].text);
        if (!strncasecmp(word, attributes[i].text, n)) {
            e->kind = attributes[i].kind;
            word += n;
            break;
        }
    }
    e->pattern = mem_printf(err, "%s*", word);
    f->n += e->pattern != NULL;
    return e->pattern != NULL;
}

struct filter *filter_parse(const char *text, struct err *err)
{
    struct filter *f = mem_zero(sizeof *f, err);
    bool ok = f != NULL, joins = false;
    for (const char *p = text; ok && *p;) {
        struct str word = STR_INIT;
        if (blank(*p) || *p == '&') {
            joins = joins || *p == '&';
            p++;
            continue;
        }
        p = next_word(p, &word);
        if (joins && f->n) {
            f->list[f->n - 1].last = false;
        }
        joins = false;
        ok = str_ok(&word, err) && (!word.len || add_expr(f, str_text(&word), err));
        str_fini(&word);
    }
    if (!ok) {
        filter_free(f);
        return NULL;
    }
    if (f->n) { /* an expression of nothing but quotes is none */
        f->list[f->n - 1].last = true;
    }
    return f;
}

void filter_free(struct filter *f)
{
    for (size_t i = 0; f && i < f->n; i++) {
        mem_free(f->list[i].pattern);
    }
    mem_free(f);
}

int filter_needs(const struct filter *f)
{
    int needs = 0;
    for (size_t i = 0; i < f->n; i++) {
        needs |= f->list[i].kind == FTAG ? FILTER_FTAGS : 0;
        needs |= f->list[i].kind == JOB ? FILTER_JOBS : 0;
    }
    return needs;
}

static bool any_tag(const char *pattern, const char *tags)
{
    char tag[256];
    while (*tags) {
        size_t n = strcspn(tags, "/");
        if (n && n < sizeof tag) {
            memcpy(tag, tags, n);
            tag[n] = '\0';
            if (pattern_match(pattern, tag)) {
                return true;
            }
        }
        tags += n + (tags[n] == '/');
    }
    return false;
}

static bool any_job(const char *pattern, const struct filter_jobs *jobs)
{
    switch (*pattern) {
    case 'q':
    case 'Q':
        return jobs->queued > 0;
    case 'r':
    case 'R':
        return jobs->running > 0;
    case 'e':
    case 'E':
        return jobs->failed > 0;
    case 'd':
    case 'D':
        return jobs->done > 0;
    case '*':
        return jobs->queued + jobs->running + jobs->failed + jobs->done > 0;
    default:
        return false;
    }
}

static bool names_it(const char *pattern, const struct filter_row *row)
{
    char psid[1024];
    int n = snprintf(psid, sizeof psid, "%s%s%s", row->pid, *row->sid ? "#" : "", row->sid);
    return pattern_match(pattern, row->pid) || (*row->sid && pattern_match(pattern, row->sid)) ||
        (n > 0 && (size_t)n < sizeof psid && pattern_match(pattern, psid));
}

static bool holds(const struct expr *e, const struct filter_row *row)
{
    switch (e->kind) {
    case NAME:
        return names_it(e->pattern, row);
    case STAG:
        return any_tag(e->pattern, row->stags);
    case PTAG:
        return any_tag(e->pattern, row->ptags);
    case FTAG:
        return any_tag(e->pattern, row->ftags ? row->ftags : "");
    case SDESC:
        return pattern_match(e->pattern, row->sdesc);
    case JOB:
        return any_job(e->pattern, &row->jobs);
    }
    return false;
}

bool filter_match(const struct filter *f, const struct filter_row *row)
{
    bool all = true;
    for (size_t i = 0; i < f->n; i++) {
        all = all && holds(&f->list[i], row);
        if (f->list[i].last && all) {
            return true;
        }
        all = all || f->list[i].last;
    }
    return f->n == 0;
}

/* --- over the store */

struct sieve {
    struct store *s;
    struct filter *const *bars;
    size_t n_bars;
    int needs;
    bool subjects;
    filter_jobs_fn *jobs;
    void *arg;
    int64_t *ids;
    size_t n, cap;
    struct str ftags;
};

static bool add_id(struct sieve *v, int64_t id, struct err *err)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : 256;
        int64_t *more = mem_resize(v->ids, cap, sizeof *more, err);
        if (!more) {
            return false;
        }
        v->ids = more;
        v->cap = cap;
    }
    v->ids[v->n++] = id;
    return true;
}

static bool load_ftags(struct sieve *v, int64_t study, struct err *err)
{
    struct err late;
    str_clear(&v->ftags);
    struct query *q = store_query(v->s, err,
                                  "SELECT DISTINCT tags FROM file INDEXED BY file_tagged "
                                  "WHERE study_id=?1 AND tags<>'/' AND gone=0",
                                  "i", study);
    while (q && query_next(q)) {
        str_add(&v->ftags, query_text(q, 0));
    }
    bool ok = q && str_ok(&v->ftags, err);
    return q && query_end(q, ok ? err : &late) && ok;
}

static bool passes(struct sieve *v, struct filter_row *row, int64_t item, int64_t study, bool *ret,
                   struct err *err)
{
    row->ftags = "";
    row->jobs = (struct filter_jobs){0};
    if ((v->needs & FILTER_JOBS) && v->jobs && !v->jobs(v->arg, item, &row->jobs, err)) {
        return false;
    }
    if ((v->needs & FILTER_FTAGS) && study) {
        if (!load_ftags(v, study, err)) {
            return false;
        }
        row->ftags = str_text(&v->ftags);
    }
    *ret = true;
    for (size_t i = 0; *ret && i < v->n_bars; i++) {
        *ret = filter_match(v->bars[i], row);
    }
    return true;
}

/* One study; at level subject the subject by itself is asked with its first study. */
static bool sift(struct sieve *v, const struct query *q, int64_t *last_subject, struct err *err)
{
    int64_t study = query_int(q, 0), subject = query_int(q, 1);
    struct filter_row row = {.pid = query_text(q, 2), .sid = "", .sdesc = "", .stags = "/"};
    bool is = false, first = subject != *last_subject;
    row.ptags = query_text(q, 6);
    *last_subject = subject;
    if (v->subjects && v->n && v->ids[v->n - 1] == subject) {
        return true;
    }
    if (v->subjects && first && !passes(v, &row, subject, 0, &is, err)) {
        return false;
    }
    row.sid = query_text(q, 3);
    row.sdesc = query_text(q, 4);
    row.stags = query_text(q, 5);
    return (is || !study || passes(v, &row, study, study, &is, err)) &&
        (!is || add_id(v, v->subjects ? subject : study, err));
}

bool filter_items(struct store *s, int64_t project, bool subjects, struct filter *const *bars,
                  size_t n, filter_jobs_fn *jobs, void *arg, int64_t **ret_ids, size_t *ret_n,
                  struct err *err)
{
    struct sieve v = {.s = s, .bars = bars, .n_bars = n, .subjects = subjects, .jobs = jobs};
    struct err late;
    int64_t last = 0;
    v.arg = arg;
    for (size_t i = 0; i < n; i++) {
        v.needs |= filter_needs(bars[i]);
    }
    v.ids = mem_array(1, sizeof *v.ids, err);
    struct query *q = !v.ids
        ? NULL
        : store_query(s, err,
                      "SELECT coalesce(i.id,0),p.id,p.name,coalesce(st.sid,''),"
                      "coalesce(st.sdesc,''),coalesce(i.tags,'/'),p.tags FROM item p "
                      "LEFT JOIN study st ON st.subject_id=p.id "
                      "LEFT JOIN item i ON i.id=st.item_id AND i.gone=0 AND i.hidden=0 "
                      "WHERE p.project_id=?1 AND p.level='subject' AND p.gone=0 AND p.hidden=0 "
                      "AND (?2 OR i.id IS NOT NULL) ORDER BY p.name,p.id,st.date,st.sid",
                      "ii", project, (int64_t)subjects);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        ok = sift(&v, q, &last, err);
    }
    ok = q && query_end(q, ok ? err : &late) && ok;
    str_fini(&v.ftags);
    if (!ok) {
        mem_free(v.ids);
        return false;
    }
    *ret_ids = v.ids;
    *ret_n = v.n;
    return true;
}
