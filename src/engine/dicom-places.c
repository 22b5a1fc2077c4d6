/* All that is of one study is brought together; where it has a folder for itself that is its place,
 * else its files are named one by one. */
#include "engine/dicom-places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "discover/dicom-folders.h"

struct making {
    const char *root;
    struct dicom_about *by_name, *by_study;
    size_t n;
    json_t *warnings;
    struct dicom_places places;
    struct err *err;
};

static int by_study(const void *a, const void *b)
{
    const struct dicom_about *x = a, *y = b;
    int order = strcmp(x->uid, y->uid);
    return order ? order : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    const struct dicom_about *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->uid, y->uid);
}

static int by_place(const void *a, const void *b)
{
    return strcmp(((const struct found_place *)a)->name, ((const struct found_place *)b)->name);
}

/* How much of `name` is the deepest folder that holds both. */
static size_t common(const char *name, size_t length, const char *other, size_t other_length)
{
    size_t shared = 0;
    for (size_t i = 0; i <= length; i++) {
        bool end = i == length, other_end = i >= other_length || other[i] == '/';
        if ((end || name[i] == '/') && other_end) {
            shared = i;
        }
        if (end || i >= other_length || name[i] != other[i]) {
            break;
        }
    }
    return shared;
}

/* Does the folder, of which `length` bytes of `name` are the path, hold something of another study?
 * Names that begin so follow each other; a few that are no folders of it may lie between ("a b"
 * stands between "a" and "a/c"). */
static bool shared(const struct making *m, const char *name, size_t length, const char *uid)
{
    size_t low = 0, high = m->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strncmp(m->by_name[middle].name, name, length) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < m->n && !strncmp(m->by_name[low].name, name, length) &&
         (unsigned char)m->by_name[low].name[length] <= '/';
         low++) {
        char next = m->by_name[low].name[length];
        if ((!next || next == '/') && strcmp(m->by_name[low].uid, uid) != 0) {
            return true;
        }
    }
    return false;
}

/* The place's name is `base`, and "/<uid>" behind it when the folder is not the study's own. */
static struct found_place *add_place(struct making *m, const struct dicom_about *a, size_t base,
                                     bool own)
{
    struct found_place *p = &m->places.list[m->places.n++];
    p->name = own ? mem_strndup(a->name, base, m->err)
                  : mem_printf(m->err, "%.*s%s%s", (int)base, a->name, base ? "/" : "", a->uid);
    p->pid = p->name ? mem_strdup(a->pid, m->err) : NULL;
    p->sid = p->pid ? mem_strdup(a->uid, m->err) : NULL;
    p->date = p->sid ? mem_strdup(a->date, m->err) : NULL;
    p->sdesc = p->date ? mem_strdup(a->sdesc, m->err) : NULL;
    return p->sdesc ? p : NULL;
}

/* The path behind the base. */
static bool add_member(struct making *m, struct found_place *p, size_t *cap, const char *folder,
                       const char *name)
{
    if (p->n_members == *cap) {
        size_t more = *cap ? *cap * 2 : 64;
        char **grown = mem_resize(p->members, more, sizeof *grown, m->err);
        if (!grown) {
            return false;
        }
        p->members = grown;
        *cap = more;
    }
    char *path = mem_printf(m->err, "%s%s%s", folder, *folder && *name ? "/" : "", name);
    if (path) {
        p->members[p->n_members++] = path;
    }
    return path != NULL;
}

static bool add_members(struct making *m, struct found_place *p, size_t *cap,
                        const struct dicom_about *a, size_t base)
{
    const char *below = a->name + base + (base && a->name[base] == '/');
    char **names = NULL;
    size_t n = 0, i;
    json_t *name;
    bool ok = true;
    if (a->zip) {
        return add_member(m, p, cap, below, "");
    }
    json_array_foreach((json_t *)a->names, i, name)
    {
        ok = ok && add_member(m, p, cap, below, json_string_value(name));
    }
    if (ok && !a->names) {
        ok = dicom_folder_names(m->root, a->name, &names, &n, m->err);
        for (i = 0; ok && i < n; i++) {
            ok = add_member(m, p, cap, below, names[i]);
        }
        dicom_names_free(names, n);
    }
    return ok;
}

static bool warn_beside(struct making *m, const struct dicom_about *a, size_t length,
                        const char *name)
{
    char text[600];
    if (!strncmp(a->name, name, length) && a->name[length] == '/') {
        return true; /* a ZIP of the study within its folder */
    }
    (void)snprintf(
        text, sizeof text,
        "%.250s: more of a DICOM study that has the folder '%.250s' is not taken; put it "
        "there",
        a->name, name);
    return json_array_append_new(m->warnings, json_string(text)) == 0 ||
        err_set(m->err, ERR_NOMEM, "out of memory");
}

/* a[0..n) are one study's. */
static bool place_study(struct making *m, const struct dicom_about *a, size_t n)
{
    const struct dicom_about *first = NULL;
    size_t length = 0, base = a->folder, cap = 0;
    for (size_t i = 0; i < n; i++) {
        base = common(a->name, base, a[i].name, a[i].folder);
        if (!a[i].zip && !a[i].names) {
            length = first ? common(first->name, length, a[i].name, a[i].folder) : a[i].folder;
            first = first ? first : &a[i];
        }
    }
    if (first && length && !shared(m, first->name, length, first->uid)) {
        struct found_place *own = add_place(m, first, length, true);
        bool ok = own != NULL;
        for (size_t i = 0; ok && i < n; i++) {
            ok = (!a[i].zip && !a[i].names) || warn_beside(m, &a[i], length, own->name);
        }
        return ok;
    }
    struct found_place *p = add_place(m, a, base, false);
    bool ok = p != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        ok = add_members(m, p, &cap, &a[i], base);
    }
    return ok;
}

bool dicom_places_make(const char *root, struct dicom_about *list, size_t n, json_t *warnings,
                       struct dicom_places *ret, struct err *err)
{
    struct making m = {.root = root, .by_name = list, .n = n, .warnings = warnings, .err = err};
    bool ok = (m.by_study = mem_array(n + 1, sizeof *m.by_study, err)) &&
        (m.places.list = mem_array(n + 1, sizeof *m.places.list, err));
    if (ok && n) {
        memcpy(m.by_study, list, n * sizeof *list);
        qsort(m.by_study, n, sizeof *list, by_study);
        qsort(list, n, sizeof *list, by_name);
    }
    for (size_t i = 0, k = 1; ok && i < n; i += k) {
        for (k = 1; i + k < n && !strcmp(m.by_study[i].uid, m.by_study[i + k].uid); k++) {
        }
        ok = place_study(&m, &m.by_study[i], k);
    }
    mem_free(m.by_study);
    if (!ok) {
        dicom_places_fini(&m.places);
        return false;
    }
    if (m.places.n > 1) {
        qsort(m.places.list, m.places.n, sizeof *m.places.list, by_place);
    }
    *ret = m.places;
    return true;
}

void dicom_places_fini(struct dicom_places *p)
{
    for (size_t i = 0; i < p->n; i++) {
        mem_free(p->list[i].name);
        mem_free(p->list[i].pid);
        mem_free(p->list[i].sid);
        mem_free(p->list[i].date);
        mem_free(p->list[i].sdesc);
        dicom_names_free(p->list[i].members, p->list[i].n_members);
    }
    mem_free(p->list);
    *p = (struct dicom_places){.n = 0};
}
