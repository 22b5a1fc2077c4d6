/* Subject selectors asked of the store: one query over the project's studies, ordered by subject,
 * so that the studies of a subject come together and OLDEST and LATEST are places in such a group.
 */
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/pattern-terms.h"
#include "catalog/pattern.h"

struct study {
    int64_t id;
    char *sid, *tags;
};
/* The studies of one subject. */
struct group {
    int64_t subject;
    char *pid, *tags;
    struct study *list;
    size_t n, cap;
};
struct found {
    int64_t *ids;
    size_t n, cap;
    bool subjects; /* collect subjects, not studies */
};

static bool add_found(struct found *f, int64_t id, struct err *err)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 64;
        int64_t *more = mem_resize(f->ids, cap, sizeof *more, err);
        if (!more) {
            return false;
        }
        f->ids = more;
        f->cap = cap;
    }
    f->ids[f->n++] = id;
    return true;
}

static void empty_group(struct group *g)
{
    for (size_t i = 0; i < g->n; i++) {
        mem_free(g->list[i].sid);
        mem_free(g->list[i].tags);
    }
    mem_free(g->pid);
    mem_free(g->tags);
    g->pid = g->tags = NULL;
    g->n = 0;
}

static bool add_study(struct group *g, const struct query *q, struct err *err)
{
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 16;
        struct study *more = mem_resize(g->list, cap, sizeof *more, err);
        if (!more) {
            return false;
        }
        g->list = more;
        g->cap = cap;
    }
    struct study *s = &g->list[g->n++];
    *s = (struct study){.id = query_int(q, 0)};
    s->sid = mem_strdup(query_text(q, 3), err);
    s->tags = s->sid ? mem_strdup(query_text(q, 4), err) : NULL;
    return s->tags != NULL;
}

/* Is `text` an entry of the list a,b,c? */
static bool listed(const char *list, const char *text)
{
    size_t n = strlen(text);
    for (const char *p = list;; p++) {
        size_t length = strcspn(p, ",\n");
        size_t from = strspn(p, " \t\r"), to = length;
        while (to > from && strchr(" \t\r", p[to - 1])) {
            to--;
        }
        if (to > from && to - from == n && !memcmp(p + from, text, n)) {
            return true;
        }
        p += length;
        if (!*p) {
            return false;
        }
    }
}

static bool in_psid_list(const char *list, const char *pid, const char *sid, struct err *err,
                         bool *ret)
{
    char *psid = mem_printf(err, "%s#%s", pid, sid);
    if (!psid) {
        return false;
    }
    *ret = listed(list, psid) || (!*sid && listed(list, pid));
    mem_free(psid);
    return true;
}

/* Does the SID of one study of the group stand in the selector literally? Then that one is meant.
 */
static bool literal_sid(const struct group *g, const char *sid)
{
    for (size_t i = 0; i < g->n; i++) {
        if (!strcmp(g->list[i].sid, sid)) {
            return true;
        }
    }
    return false;
}

static bool study_answers(const struct subject_term *t, const struct group *g, size_t i,
                          bool literal)
{
    const struct study *s = &g->list[i];
    switch (t->study) {
    case STUDY_SID:
        return literal ? !strcmp(s->sid, t->value) : pattern_match(t->value, s->sid);
    case STUDY_LATEST:
        return t->offset < g->n && i == g->n - 1 - t->offset;
    case STUDY_OLDEST:
        return i == t->offset;
    case STUDY_TAG:
        return pattern_tagged(s->tags, t->value);
    case STUDY_ANY:
        break;
    }
    return true;
}

static bool answers(const struct subject_term *t, const struct group *g, size_t i, bool literal,
                    bool *ret, struct err *err)
{
    const struct study *s = &g->list[i];
    switch (t->kind) {
    case SUBJECT_STAG:
        *ret = pattern_tagged(s->tags, t->value);
        return true;
    case SUBJECT_NOTSTAG:
        *ret = !pattern_tagged(s->tags, t->value);
        return true;
    case SUBJECT_PTAG:
        *ret = pattern_tagged(g->tags, t->value);
        return true;
    case SUBJECT_NOTPTAG:
        *ret = !pattern_tagged(g->tags, t->value);
        return true;
    case SUBJECT_PIDLIST:
        *ret = listed(t->value, g->pid);
        return true;
    case SUBJECT_PSIDLIST:
        return in_psid_list(t->value, g->pid, s->sid, err, ret);
    case SUBJECT_PID:
        *ret = study_answers(t, g, i, literal);
        return true;
    }
    return err_bug(err, "a kind of selector without a meaning");
}

/* Which studies of this subject are meant. */
static bool take_group(const struct subject_term *t, bool literal_pid, const struct group *g,
                       struct found *f, struct err *err)
{
    bool named = t->kind != SUBJECT_PID || !t->pid ||
        (literal_pid ? !strcmp(t->pid, g->pid) : pattern_match(t->pid, g->pid));
    bool literal = named && t->study == STUDY_SID && literal_sid(g, t->value), ok = true;
    for (size_t i = 0; named && ok && i < g->n; i++) {
        bool is = false;
        ok = answers(t, g, i, literal, &is, err);
        if (ok && is) {
            ok = add_found(f, f->subjects ? g->subject : g->list[i].id, err);
        }
        if (is && f->subjects) {
            break;
        }
    }
    return ok;
}

/* Is there a subject of this very name? Then t->pid becomes that name, without backslashes. */
static bool literal_subject(struct store *s, int64_t project, struct subject_term *t, bool *ret,
                            struct err *err)
{
    int64_t id = 0;
    *ret = false;
    if (!t->pid) {
        return true;
    }
    char *name = mem_strdup(t->pid, err);
    if (name && !pattern_wild(name)) {
        pattern_unescape(name);
    }
    bool ok = name &&
        store_int(s, 0, &id, err,
                  "SELECT id FROM item WHERE project_id=?1 AND level='subject' AND name=?2", "is",
                  project, name);
    if (ok && id) {
        mem_free(t->pid);
        t->pid = name;
        name = NULL;
        *ret = true;
    }
    mem_free(name);
    return ok;
}

#define STUDIES                                                                 \
    "SELECT st.item_id,p.id,p.name,st.sid,i.tags,p.tags FROM item p "           \
    "JOIN study st ON st.subject_id=p.id JOIN item i ON i.id=st.item_id WHERE " \
    "p.project_id=?1 AND p.level='subject' AND i.gone=0 AND i.hidden=0 "
#define IN_ORDER "ORDER BY p.name,p.id,st.date,st.sid"

/* One subject is asked for by its name: a job's reference is resolved for each of ten thousand
 * studies. */
static struct query *studies_query(struct store *s, int64_t project, const struct subject_term *t,
                                   bool literal, struct err *err)
{
    return literal ? store_query(s, err, STUDIES "AND p.name=?2 " IN_ORDER, "is", project, t->pid)
                   : store_query(s, err, STUDIES IN_ORDER, "i", project);
}

static bool walk(struct store *s, int64_t project, const struct subject_term *t, bool literal,
                 struct found *f, struct err *err)
{
    struct group g = {0};
    struct err late;
    struct query *q = studies_query(s, project, t, literal, err);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        if (g.n && g.subject != query_int(q, 1)) {
            ok = take_group(t, literal, &g, f, err);
            empty_group(&g);
        }
        if (ok && !g.n) {
            g.subject = query_int(q, 1);
            g.pid = mem_strdup(query_text(q, 2), err);
            g.tags = g.pid ? mem_strdup(query_text(q, 5), err) : NULL;
            ok = g.tags != NULL;
        }
        ok = ok && add_study(&g, q, err);
    }
    ok = q && query_end(q, ok ? err : &late) && ok;
    ok = ok && (!g.n || take_group(t, literal, &g, f, err));
    empty_group(&g);
    mem_free(g.list);
    return ok;
}

/* A selector that is the name of a subject, or of a study as PID#SID, means just that, whatever
 * else it could be read as: names may hold #, backslashes and the words of the grammar. */
static bool whole_name(struct store *s, int64_t project, const char *selector,
                       struct subject_term *ret, bool *ret_is, struct err *err)
{
    int64_t id = 0;
    bool ok = store_int(s, 0, &id, err,
                        "SELECT id FROM item WHERE project_id=?1 AND level='subject' AND name=?2",
                        "is", project, selector);
    *ret = (struct subject_term){.kind = SUBJECT_PID, .study = STUDY_ANY};
    if (ok && id) {
        *ret_is = true;
        return (ret->pid = mem_strdup(selector, err)) != NULL;
    }
    for (const char *h = strchr(selector, '#'); ok && !id && h; h = strchr(h + 1, '#')) {
        char *pid = mem_strndup(selector, (size_t)(h - selector), err);
        ok = pid &&
            store_int(s, 0, &id, err,
                      "SELECT st.item_id FROM item p JOIN study st ON st.subject_id=p.id "
                      "JOIN item i ON i.id=st.item_id WHERE p.project_id=?1 AND p.level='subject' "
                      "AND p.name=?2 AND st.sid=?3 AND i.gone=0 AND i.hidden=0",
                      "iss", project, pid, h + 1);
        if (!ok || !id) {
            mem_free(pid);
            continue;
        }
        *ret_is = true;
        ret->pid = pid;
        ret->study = STUDY_SID;
        ok = (ret->value = mem_strdup(h + 1, err)) != NULL;
    }
    return ok;
}

static bool find(struct store *s, int64_t project, const char *selector, bool subjects,
                 int64_t **ret_ids, size_t *ret_n, struct err *err)
{
    struct subject_term t;
    struct found f = {.subjects = subjects};
    bool literal = false;
    if (!whole_name(s, project, selector, &t, &literal, err)) {
        subject_fini(&t);
        return false;
    }
    if (!literal && !subject_parse(selector, &t, err)) {
        return false;
    }
    bool ok = (f.ids = mem_array(1, sizeof *f.ids, err)) &&
        (literal || literal_subject(s, project, &t, &literal, err)) &&
        walk(s, project, &t, literal, &f, err);
    subject_fini(&t);
    if (!ok) {
        mem_free(f.ids);
        return false;
    }
    *ret_ids = f.ids;
    *ret_n = f.n;
    return true;
}

bool pattern_studies(struct store *s, int64_t project, const char *selector, int64_t **ret_ids,
                     size_t *ret_n, struct err *err)
{
    return find(s, project, selector, false, ret_ids, ret_n, err);
}

bool pattern_subjects(struct store *s, int64_t project, const char *selector, int64_t **ret_ids,
                      size_t *ret_n, struct err *err)
{
    return find(s, project, selector, true, ret_ids, ret_n, err);
}

/* --- references of a job's argument */

struct names {
    char *level, *pid, *psid;
};

static bool names_of(struct store *s, int64_t item, struct names *ret, struct err *err)
{
    *ret = (struct names){0};
    bool ok = store_text(s, &ret->level, err, "SELECT level FROM item WHERE id=?1", "i", item) &&
        store_text(s, &ret->pid, err,
                   "SELECT coalesce((SELECT p.name FROM study st JOIN item p ON p.id=st.subject_id "
                   "WHERE st.item_id=i.id), i.name) FROM item i WHERE i.id=?1",
                   "i", item) &&
        store_text(s, &ret->psid, err,
                   "SELECT coalesce((SELECT p.name||'#'||st.sid FROM study st "
                   "JOIN item p ON p.id=st.subject_id WHERE st.item_id=i.id), i.name) "
                   "FROM item i WHERE i.id=?1",
                   "i", item);
    if (ok && (!ret->level || !ret->pid || !ret->psid)) {
        return err_set(err, ERR_NOTHING, "there is no item number %lld", (long long)item);
    }
    if (ok && strcmp(ret->level, "study") != 0 && strcmp(ret->level, "subject") != 0) {
        return err_set(err, ERR_USAGE, "'%s' is no study and no subject (level %s)", ret->pid,
                       ret->level);
    }
    return ok;
}

static void names_fini(struct names *n)
{
    mem_free(n->level);
    mem_free(n->pid);
    mem_free(n->psid);
}

/* The text with [selectionpatient] and [selection] filled in. */
static char *fill_in(const char *of, const struct names *names, struct err *err)
{
    static const char patient[] = "[selectionpatient]", self[] = "[selection]";
    struct str out = STR_INIT;
    for (const char *p = of; *p;) {
        if (str_starts(p, patient)) {
            pattern_escape(&out, names->pid);
            p += sizeof patient - 1;
        } else if (str_starts(p, self)) {
            const char *hash = strrchr(names->psid, '#');
            if (hash && strcmp(names->level, "study") == 0) {
                pattern_escape(&out, names->pid);
                str_addc(&out, '#');
                pattern_escape(&out, names->psid + strlen(names->pid) + 1);
            } else {
                pattern_escape(&out, names->pid);
            }
            p += sizeof self - 1;
        } else {
            str_addc(&out, *p++);
        }
    }
    char *text = str_take(&out, err);
    str_fini(&out);
    return text;
}

static bool is_own(const char *of)
{
    static const char *const words[] = {"LATEST", "OLDEST"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (!strncmp(of, words[i], n) && strspn(of + n, "0123456789") == strlen(of + n)) {
            return true;
        }
    }
    return *of == '#';
}

/* The reference as a subject selector. */
static char *as_selector(const char *of, const struct names *names, struct err *err)
{
    struct str out = STR_INIT;
    if (!strcasecmp(of, "SUBJECT") || !strcasecmp(of, "PATIENT")) {
        pattern_escape(&out, names->pid);
    } else if (is_own(of)) {
        pattern_escape(&out, names->pid);
        str_addf(&out, "#%s", *of == '#' ? of + 1 : of);
    } else {
        return fill_in(of, names, err);
    }
    char *text = str_take(&out, err);
    str_fini(&out);
    return text;
}

bool pattern_reference(struct store *s, int64_t project, int64_t item, const char *of,
                       int64_t **ret_ids, size_t *ret_n, struct err *err)
{
    struct names names;
    bool self = !of || !*of || !strcasecmp(of, "STUDY") || !strcmp(of, "[selection]");
    bool ok = names_of(s, item, &names, err);
    char *selector = NULL;
    if (ok && self && !strcmp(names.level, "study")) {
        int64_t *one = mem_array(1, sizeof *one, err);
        ok = one != NULL;
        if (ok) {
            *one = item;
            *ret_ids = one;
            *ret_n = 1;
        }
    } else if (ok) {
        selector = as_selector(self ? "SUBJECT" : of, &names, err);
        ok = selector && pattern_studies(s, project, selector, ret_ids, ret_n, err);
    }
    mem_free(selector);
    names_fini(&names);
    return ok;
}
