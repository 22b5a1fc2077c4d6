/* A merge of two lists sorted by name. */
#include "catalog/diff.h"

#include <string.h>
#include "base/mem.h"
#include "base/path.h"

struct merge {
    const struct found_list *found;
    size_t at;
    struct diff d;
    size_t cap_gone;
    struct err *err;
};

static void take(struct merge *m, bool is_new)
{
    m->d.changed[m->d.n_changed++] = &m->found->files[m->at];
    m->d.n_new += is_new;
}

static bool add_gone(struct merge *m, int64_t id)
{
    if (m->d.n_gone == m->cap_gone) {
        size_t cap = m->cap_gone ? m->cap_gone * 2 : 64;
        int64_t *more = mem_resize(m->d.gone, cap, sizeof *more, m->err);
        if (!more) {
            return false;
        }
        m->d.gone = more;
        m->cap_gone = cap;
    }
    m->d.gone[m->d.n_gone++] = id;
    return true;
}

static bool in_unread_folder(const struct found_list *found, const char *name)
{
    for (size_t i = 0; i < found->n_unread; i++) {
        if (!*found->unread[i] || path_within(name, found->unread[i])) {
            return true;
        }
    }
    return false;
}

/* Columns: id, name, size, mtime_ns, gone, readable. */
static bool see_row(struct merge *m, const struct query *q)
{
    const char *name = query_text(q, 1);
    int order = 1;
    while (m->at < m->found->n && (order = strcmp(m->found->files[m->at].name, name)) < 0) {
        take(m, true);
        m->at++;
    }
    if (m->at < m->found->n && order == 0) {
        const struct found *f = &m->found->files[m->at];
        bool same = f->size == query_int(q, 2) && f->mtime_ns == query_int(q, 3);
        bool gone = query_int(q, 4) != 0, readable = query_int(q, 5) != 0;
        if (!same || gone || !readable) {
            take(m, false);
            m->d.n_again += same && !gone;
        }
        m->at++;
        return true;
    }
    if (query_int(q, 4) || in_unread_folder(m->found, name)) {
        return true;
    }
    return add_gone(m, query_int(q, 0));
}

bool diff_make(struct store *s, int64_t project, const struct found_list *found, struct diff *ret,
               struct err *err)
{
    struct merge m = {.found = found, .err = err};
    struct err late;
    struct query *q = NULL;
    m.d.changed = mem_array(found->n, sizeof *m.d.changed, err);
    bool ok = m.d.changed &&
        (q = store_query(s, err,
                         "SELECT id,name,size,mtime_ns,gone,readable "
                         "FROM item WHERE project_id=?1 AND level IN "
                         "('scan','file') ORDER BY name",
                         "i", project));
    while (ok && query_next(q)) {
        ok = see_row(&m, q);
    }
    ok = q && query_end(q, ok ? err : &late) && ok;
    for (; ok && m.at < found->n; m.at++) {
        take(&m, true);
    }
    if (!ok) {
        diff_fini(&m.d);
        return false;
    }
    *ret = m.d;
    return true;
}

void diff_fini(struct diff *d)
{
    mem_free(d->changed);
    mem_free(d->gone);
    *d = (struct diff){0};
}
