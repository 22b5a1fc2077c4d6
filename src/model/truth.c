/* Names sorted, looked up by bisection: a thousand series in a folder of ten thousand masks take
 * milliseconds. */
#include "model/truth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/csv.h"
#include "os/file.h"

#define MOST 200000 /* names, or rows; a folder with more is hardly one of masks */
#define DEPTH 6
#define MOST_BYTES ((size_t)32 << 20)
#define NAME 1024
#define BARE "//" /* before bare names of masks in folders: no path begins so */

struct entry {
    char *key, *value;
    size_t row; /* of a table, from 1; 0 of a mask */
};

struct truth {
    char *what;
    bool table;
    struct entry *list;
    size_t n, room, rows, seen; /* seen: names in folders, of whatever */
    struct entry *bare;         /* bare names of the series themselves; value is not used */
    size_t n_bare, bare_room;
    bool bare_sorted;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static int by_key_and_row(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = by_key(a, b);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static void entries_free(struct entry *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(list[i].key);
        mem_free(list[i].value);
    }
    mem_free(list);
}

/* Takes both texts, also on failure. */
static bool add(struct entry **list, size_t *n, size_t *room, char *key, char *value, size_t row,
                struct err *err)
{
    bool ok = key && value;
    if (ok && *n == *room) {
        size_t want = *room ? *room * 2 : 64;
        struct entry *grown = mem_resize(*list, want, sizeof *grown, err);
        ok = grown != NULL;
        *list = ok ? grown : *list;
        *room = ok ? want : *room;
    }
    if (!ok) {
        mem_free(key);
        mem_free(value);
        return false;
    }
    (*list)[(*n)++] = (struct entry){key, value, row};
    return true;
}

/* Without "./" in front and the extension of an image behind. */
static char *key_of(const char *text, struct err *err)
{
    static const char *const ends[] = {".nii.gz", ".nii", ".zip", ".dcm", NULL};
    while (str_starts(text, "./")) {
        text += 2;
    }
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '/') {
        n--;
    }
    for (size_t i = 0; ends[i]; i++) {
        size_t m = strlen(ends[i]);
        if (n > m && !strncasecmp(text + n - m, ends[i], m)) {
            n -= m;
            break;
        }
    }
    return mem_strndup(text, n, err);
}

/* ---- a folder of masks ---- */

static bool is_mask(const char *name)
{
    size_t n = strlen(name);
    return name[0] != '.' &&
        ((n > 4 && !strcasecmp(name + n - 4, ".nii")) ||
         (n > 7 && !strcasecmp(name + n - 7, ".nii.gz")));
}

/* Under its path, and in a folder also under its bare name. */
static bool add_mask(struct truth *t, const char *relative, const char *path, struct err *err)
{
    const char *base = path_base(relative);
    char *bare = base != relative ? key_of(base, err) : NULL;
    bool ok = (base == relative || bare) &&
        add(&t->list, &t->n, &t->room, key_of(relative, err), mem_strdup(path, err), 0, err) &&
        (!bare ||
         add(&t->list, &t->n, &t->room, mem_printf(err, BARE "%s", bare), mem_strdup(path, err), 0,
             err));
    t->rows++;
    mem_free(bare);
    return ok;
}

static bool walk(struct truth *t, const char *folder, const char *below, int depth, struct err *err)
{
    size_t n = 0;
    char **names = file_list(folder, &n, err);
    bool ok = names &&
        ((t->seen += n) <= MOST ||
         err_set(err, ERR_USAGE,
                 "'%s' holds more than %d files and folders: name the folder of the masks itself",
                 t->what, MOST));
    for (size_t i = 0; ok && i < n; i++) {
        bool mask = is_mask(names[i]);
        if (names[i][0] == '.' || (!mask && (depth == 0 || strchr(names[i], '.')))) {
            continue; /* a folder may have dots, but what has them is nearly always a file */
        }
        char *path = path_join(folder, names[i], err),
             *relative = mem_printf(err, "%s%s%s", below, below[0] ? "/" : "", names[i]);
        ok = path && relative;
        if (ok && mask) {
            ok = add_mask(t, relative, path, err);
        } else if (ok && file_is_folder(path)) {
            ok = walk(t, path, relative, depth - 1, err);
        }
        mem_free(path);
        mem_free(relative);
    }
    file_list_free(names);
    return ok;
}

/* ---- a table ---- */

static bool among(const char *const *words, const char *text)
{
    while (*words && strcasecmp(*words, text) != 0) {
        words++;
    }
    return *words != NULL;
}

struct columns {
    bool heading;
    uint64_t names; /* bit of each column with names */
    size_t id, label;
};

static struct columns find_columns(const struct csv_row *row)
{
    static const char *const names[] = {"series", "name", "file", "filename",          "path",
                                        "stem",   "uid",  "scan", "SeriesInstanceUID", NULL};
    static const char *const ids[] = {"id", "item", NULL};
    static const char *const labels[] = {"label",  "truth",        "ground_truth", "class",
                                         "target", "ground truth", "diagnosis",    NULL};
    struct columns c = {.id = SIZE_MAX, .label = SIZE_MAX};
    for (size_t i = row->n < 64 ? row->n : 64; i-- > 0;) {
        const char *text = csv_field(row, i);
        c.names |= among(names, text) ? (uint64_t)1 << i : 0;
        c.id = among(ids, text) ? i : c.id;
        c.label = among(labels, text) ? i : c.label;
    }
    c.heading = c.label < row->n && (c.names || c.id < row->n);
    return c.heading ? c : (struct columns){false, 1, SIZE_MAX, 1};
}

static bool take_row(struct truth *t, const struct columns *c, const struct csv_row *row,
                     size_t number, struct err *err)
{
    const char *label = csv_field(row, c->label);
    bool ok = true, any = false;
    if (!label[0]) {
        return true; /* not known yet: as if the row were not there */
    }
    for (size_t i = 0; ok && i < row->n && i < 64; i++) {
        const char *text = csv_field(row, i);
        bool name = c->names >> i & 1, id = i == c->id;
        if ((name || id) && text[0]) {
            ok = add(&t->list, &t->n, &t->room,
                     id ? mem_printf(err, "#%s", text) : key_of(text, err), mem_strdup(label, err),
                     number, err);
            any = true;
        }
    }
    t->rows += any;
    return ok;
}

struct truth *truth_parse(const char *text, size_t length, const char *what, struct err *err)
{
    struct csv csv = {NULL, 0};
    struct truth *t = mem_zero(sizeof *t, err);
    bool ok = t && (t->what = mem_strdup(what, err)) != NULL &&
        csv_parse_any(text, length, what, &csv, err);
    if (ok) {
        t->table = true;
        struct columns c = csv.n ? find_columns(&csv.rows[0]) : (struct columns){.heading = false};
        ok = csv.n <= MOST || err_set(err, ERR_USAGE, "'%s' has more than %d rows", what, MOST);
        for (size_t i = c.heading; ok && i < csv.n; i++) {
            ok = take_row(t, &c, &csv.rows[i], i + 1, err);
        }
        ok = ok &&
            (t->n > 0 ||
             err_set(err, ERR_USAGE,
                     "'%s' has no row with a name and a label: columns are series (or name, file, "
                     "id) and label",
                     what));
    }
    csv_fini(&csv);
    if (ok) {
        qsort(t->list, t->n, sizeof *t->list, by_key_and_row);
        return t;
    }
    truth_free(t);
    return NULL;
}

struct truth *truth_open(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        (void)err_errno(err, errno, "cannot read the truth '%s'", path);
        return NULL;
    }
    if (!S_ISDIR(st.st_mode)) {
        size_t length = 0;
        char *text = is_mask(path) ? NULL : file_read(path, MOST_BYTES, &length, err);
        struct truth *t = text ? truth_parse(text, length, path, err) : NULL;
        if (is_mask(path)) {
            (void)err_set(err, ERR_USAGE,
                          "'%s' is one mask: the truth is the folder that holds the masks", path);
        }
        mem_free(text);
        return t;
    }
    struct truth *t = mem_zero(sizeof *t, err);
    bool ok = t && (t->what = mem_strdup(path, err)) != NULL && walk(t, path, "", DEPTH, err) &&
        (t->n > 0 || err_set(err, ERR_NOTHING, "'%s' holds no NIfTI files", path));
    if (!ok) {
        truth_free(t);
        return NULL;
    }
    qsort(t->list, t->n, sizeof *t->list, by_key);
    return t;
}

void truth_free(struct truth *t)
{
    if (t) {
        entries_free(t->list, t->n);
        entries_free(t->bare, t->n_bare);
        mem_free(t->what);
        mem_free(t);
    }
}

bool truth_is_table(const struct truth *t)
{
    return t->table;
}

size_t truth_count(const struct truth *t)
{
    return t->rows;
}

/* ---- looking up ---- */

bool truth_note(struct truth *t, const struct truth_key *key, struct err *err)
{
    if (t->n_bare > 0 && t->bare_sorted) {
        return err_bug(err, "a series is noted after the first was looked for");
    }
    return add(&t->bare, &t->n_bare, &t->bare_room, key_of(path_base(key->path), err),
               mem_strdup("", err), 0, err);
}

static const struct entry *first_of(const struct entry *list, size_t n, const char *key)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(list[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && !strcmp(list[low].key, key) ? &list[low] : NULL;
}

struct search {
    const struct truth *t;
    const char *own;
    const struct entry *found;
    char *why;
};

/* One name as it is; true when that settles it. Rows that contradict each other settle it too. */
static bool try_exact(struct search *s, const char *key)
{
    const struct entry *e = key[0] ? first_of(s->t->list, s->t->n, key) : NULL,
                       *end = s->t->list + s->t->n;
    if (!e || (!s->t->table && s->own && !strcmp(e->value, s->own))) {
        return false;
    }
    for (const struct entry *k = e + 1; k < end && !strcmp(k->key, key); k++) {
        if (s->t->table && strcmp(k->value, e->value) != 0) {
            (void)snprintf(s->why, TRUTH_WHY, "rows %zu and %zu of the table contradict each other",
                           e->row, k->row);
            return true;
        }
        if (str_starts(key, BARE)) {
            (void)snprintf(s->why, TRUTH_WHY, "several masks have the name %.100s",
                           key + strlen(BARE));
            return true;
        }
    }
    s->found = e;
    return true;
}

/* One name, and what people put behind it. */
static bool try_name(struct search *s, const char *name)
{
    static const char *const behind[] = {"",       "_seg", "_mask",  "_label", "_labels",
                                         "_truth", "_gt",  "-seg",   "-mask",  "-label",
                                         "/mask",  "/seg", "/label", NULL};
    char key[NAME];
    for (size_t i = 0; behind[i] && (i == 0 || !s->t->table); i++) {
        if (snprintf(key, sizeof key, "%s%s", name, behind[i]) < (int)sizeof key &&
            try_exact(s, key)) {
            return true;
        }
    }
    size_t n = strlen(name);
    if (n > 5 && !strcmp(name + n - 5, "_0000") && n < sizeof key) {
        (void)snprintf(key, sizeof key, "%.*s", (int)(n - 5), name);
        return try_exact(s, key);
    }
    return false;
}

/* The name, and the name as one file name; "" when it is too long. */
static bool try_path(struct search *s, const char *text)
{
    char *key = key_of(text, err_ignore("then this name is not tried"));
    bool settled = key && try_name(s, key);
    for (char *at = settled ? NULL : key; at; at = strchr(at, '/')) {
        *at = *at == '/' ? '_' : *at;
    }
    settled = settled || (key && strchr(text, '/') && try_name(s, key));
    mem_free(key);
    return settled;
}

static bool try_bare(struct search *s, const struct truth_key *key)
{
    char *name = key_of(path_base(key->path), err_ignore("then this name is not tried"));
    const struct entry *e = name ? first_of(s->t->bare, s->t->n_bare, name) : NULL;
    bool shared = e && e + 1 < s->t->bare + s->t->n_bare && !strcmp(e[1].key, name);
    char *deep =
        name ? mem_printf(err_ignore("then this name is not tried"), BARE "%s", name) : NULL;
    bool settled = deep && !shared && (try_name(s, name) || (!s->t->table && try_name(s, deep)));
    mem_free(name);
    mem_free(deep);
    return settled;
}

const char *truth_find(struct truth *t, const struct truth_key *key, char why[TRUTH_WHY])
{
    struct search s = {.t = t, .own = key->own, .why = why};
    char id[32];
    if (!t->bare_sorted && t->n_bare > 0) {
        qsort(t->bare, t->n_bare, sizeof *t->bare, by_key);
    }
    t->bare_sorted = true;
    why[0] = '\0';
    (void)snprintf(id, sizeof id, "#%" PRId64, key->id);
    if ((t->table && try_exact(&s, id)) || try_path(&s, key->path) || try_path(&s, key->stem) ||
        (key->uid[0] && try_name(&s, key->uid)) || try_bare(&s, key)) {
        return s.found ? s.found->value : NULL;
    }
    (void)snprintf(why, TRUTH_WHY, t->table ? "no row of the table is about it" : "no mask for it");
    return NULL;
}
