/*
 * nora --exportmeta: values of JSON side-cars as a table. Keys are written with dots
 * (mask.volume), lists of plain values are one cell with blanks between them. nodeinfo.json, where
 * a study has no such file, is what the catalog knows: names, date and attributes.
 */
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "cli/nora.h"
#include "codec/csv.h"
#include "os/file.h"

#define JSON_MAX ((size_t)32 << 20)
#define DEPTH_MAX 16
static const char node_info[] = "nodeinfo.json";

struct table {
    struct cli *c;
    const struct choice *ch;
    char **keys; /* patterns */
    size_t n_keys;
    bool full;       /* one row a study, columns FILE:KEY */
    json_t *columns; /* name -> true, in the order of their first coming */
    json_t *rows;    /* objects */
    json_t *row;     /* borrowed: the one being filled */
    const char *file;
    int64_t study;  /* of the row */
    bool node_info; /* this study has one as a file */
};

static bool wanted(const struct table *t, const char *key)
{
    for (size_t i = 0; i < t->n_keys; i++) {
        if (pattern_match(t->keys[i], key)) {
            return true;
        }
    }
    return t->n_keys == 0;
}

static bool plain_list(const json_t *value)
{
    size_t i;
    const json_t *one;
    json_array_foreach(value, i, one)
    {
        if (json_is_object(one) || json_is_array(one)) {
            return false;
        }
    }
    return json_is_array(value);
}

/* The shortest text that reads back as the same number. */
static void add_number(struct str *out, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        double again;
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (num_double(text, &again) && !(again < value) && !(again > value)) {
            break;
        }
    }
    str_add(out, text);
}

static void add_plain(struct str *out, const json_t *value)
{
    size_t i;
    const json_t *one;
    if (json_is_string(value)) {
        str_add(out, json_string_value(value));
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, one)
        {
            str_add(out, i ? " " : "");
            add_plain(out, one);
        }
    } else if (json_is_real(value)) {
        add_number(out, json_real_value(value));
    } else if (!json_is_null(value)) {
        json_add_value(out, value);
    }
}

static bool put_cell(struct table *t, const char *key, const json_t *value, struct err *err)
{
    struct str text = STR_INIT, name = STR_INIT;
    if (!wanted(t, key)) {
        return true;
    }
    add_plain(&text, value);
    str_addf(&name, "%s%s%s", t->full ? t->file : "", t->full ? ":" : "", key);
    bool ok = str_ok(&text, err) && str_ok(&name, err) &&
        json_put(t->columns, str_text(&name), json_true(), err) &&
        json_put(t->row, str_text(&name), json_string(str_text(&text)), err);
    str_fini(&text);
    str_fini(&name);
    return ok;
}

static bool flatten(struct table *t, const char *key, const json_t *value, int depth,
                    struct err *err)
{
    const char *name;
    json_t *one;
    size_t i;
    bool ok = true;
    if (depth == DEPTH_MAX || (!json_is_object(value) && !json_is_array(value)) ||
        plain_list(value)) {
        return put_cell(t, key, value, err);
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, one)
    {
        char *inner = mem_printf(err, "%s%s%s", key, *key ? "." : "", name);
        ok = ok && inner && flatten(t, inner, one, depth + 1, err);
        mem_free(inner);
    }
    json_array_foreach(value, i, one)
    {
        char *inner = mem_printf(err, "%s%s%zu", key, *key ? "." : "", i);
        ok = ok && inner && flatten(t, inner, one, depth + 1, err);
        mem_free(inner);
    }
    return ok;
}

static json_t *names_of(struct table *t, int64_t study, struct err *err)
{
    json_t *rows =
        store_rows(t->c->store, err,
                   "SELECT p.name||'#'||y.sid AS PSID,p.name AS PID,y.sid AS SID FROM study y "
                   "JOIN item p ON p.id=y.subject_id WHERE y.item_id=?1",
                   "i", study);
    json_t *row = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return row;
}

/* What the catalog knows of a study, in place of its nodeinfo.json. */
static json_t *node_of(struct table *t, int64_t study, struct err *err)
{
    json_t *rows = store_rows(
        t->c->store, err,
        "SELECT p.name AS PatientID,y.sid AS StudyID,y.date AS StudyDate,y.sdesc AS "
        "StudyDescription,json_patch(p.attrs,i.attrs) AS attrs_json FROM study y JOIN item i ON "
        "i.id=y.item_id JOIN item p ON p.id=y.subject_id WHERE y.item_id=?1",
        "i", study);
    json_t *row = json_incref(json_array_get(rows, 0));
    json_t *attrs = json_incref(json_object_get(row, "attrs"));
    json_decref(rows);
    if (row && (json_object_del(row, "attrs") || json_object_update_missing(row, attrs))) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
        json_decref(row);
        row = NULL;
    }
    json_decref(attrs);
    return row;
}

/* The row that values of this file go to. */
static bool begin_row(struct table *t, int64_t study, const char *file, struct err *err)
{
    bool same = t->row && t->study == study;
    t->file = file;
    if (t->full && same) {
        return true;
    }
    json_t *row = names_of(t, study, err);
    bool ok = row && (t->full || json_put(row, "file", json_string(file), err)) &&
        json_array_append(t->rows, row) == 0;
    t->row = ok ? row : NULL;
    t->study = study;
    json_decref(row);
    return ok;
}

static bool add_file(void *arg, const struct pattern_file *f, struct err *err)
{
    struct table *t = arg;
    struct err why = {0};
    char below[4096];
    if (!f->id) {
        return true;
    }
    (void)snprintf(below, sizeof below, "%s%s%s", f->sub, *f->sub ? "/" : "", f->name);
    size_t length = 0;
    char *text = file_read(f->path, JSON_MAX, &length, &why);
    json_t *value = text ? json_parse(text, length, below, &why) : NULL;
    mem_free(text);
    if (!value) { /* one bad file does not stop the others */
        cli_note(t->c, "%s: %s", f->path, why.text);
        t->c->status = 1;
        return true;
    }
    t->node_info = t->node_info || !strcmp(below, node_info);
    bool ok = begin_row(t, f->study, below, err) && flatten(t, "", value, 0, err);
    t->file = NULL;
    json_decref(value);
    return ok;
}

static bool asks_node_info(const char *files)
{
    const char *at = strstr(files, node_info);
    return at && (at == files || at[-1] == ' ') &&
        (!at[sizeof node_info - 1] || at[sizeof node_info - 1] == ' ');
}

static bool fill(struct table *t, struct err *err)
{
    const struct choice *ch = t->ch;
    bool ok = true, ask = asks_node_info(str_text(&ch->files));
    for (size_t i = 0; ok && i < ch->n; i++) {
        t->node_info = false;
        ok = pattern_files(t->c->store, ch->project.id, &ch->studies[i], 1, str_text(&ch->files),
                           add_file, t, err);
        if (ok && ask && !t->node_info) {
            json_t *node = node_of(t, ch->studies[i], err);
            ok = node && begin_row(t, ch->studies[i], node_info, err) &&
                flatten(t, "", node, 0, err);
            json_decref(node);
        }
    }
    return ok;
}

static void add_line(struct str *out, const json_t *row, bool full, const json_t *columns)
{
    static const char *const first[] = {"PSID", "PID", "SID", "file"};
    const char *name;
    const json_t *value;
    for (size_t i = 0; i < (full ? 3 : 4); i++) {
        csv_add(out, row ? json_get_text(row, first[i], "") : first[i], i == 0);
    }
    json_object_foreach((json_t *)(uintptr_t)columns, name, value)
    {
        csv_add(out, row ? json_get_text(row, name, "") : name, false);
    }
    csv_end(out);
}

static bool print_table(struct table *t, struct err *err)
{
    struct str out = STR_INIT;
    const json_t *row;
    size_t i;
    if (t->c->json) {
        return cli_json(t->c, t->rows, err);
    }
    add_line(&out, NULL, t->full, t->columns);
    json_array_foreach(t->rows, i, row)
    {
        add_line(&out, row, t->full, t->columns);
    }
    bool ok = str_ok(&out, err);
    if (ok) {
        cli_print(t->c, "%s", str_text(&out));
    }
    str_fini(&out);
    return ok;
}

/* file:PATH as the subjects: PSIDs, one a line. */
static char *subjects_of(const char *word, struct err *err)
{
    if (!str_starts(word, "file:")) {
        return mem_strdup(word, err);
    }
    size_t length = 0;
    char *text = file_read(word + 5, JSON_MAX, &length, err);
    char *list = text ? mem_printf(err, "PSIDLIST:%s", text) : NULL;
    mem_free(text);
    return list;
}

/* Keys parted by commas or blanks, from all words behind --keys. */
static bool read_keys(const struct nora *n, struct table *t, struct err *err)
{
    const struct nora_words *w = nora_words(n, NORA_KEYS);
    struct str all = STR_INIT;
    for (size_t i = 0; i < w->n; i++) {
        str_addf(&all, "%s ", w->words[i]);
    }
    for (size_t i = 0; i < all.len; i++) {
        all.buf[i] = all.buf[i] == ',' ? ' ' : all.buf[i];
    }
    bool ok = str_ok(&all, err) && pattern_words(str_text(&all), &t->keys, &t->n_keys, err);
    str_fini(&all);
    return ok;
}

bool nora_exportmeta(struct cli *c, const struct nora *n, struct err *err)
{
    const struct nora_words *w = nora_words(n, NORA_EXPORTMETA);
    struct choice ch = {.n = 0};
    struct table t = {.c = c, .ch = &ch, .columns = json_object(), .rows = json_array()};
    const char **words = mem_array(w->n, sizeof *words, err);
    char *who = words ? subjects_of(w->words[0], err) : NULL;
    bool ok = who && t.columns && t.rows && read_keys(n, &t, err);
    if (ok) {
        memcpy(words, w->words, w->n * sizeof *words);
        words[0] = who;
        t.full = nora_has(n, NORA_HEADER) && !strcmp(nora_words(n, NORA_HEADER)->words[0], "full");
        ok = choose(c, words, w->n, &ch, err) && fill(&t, err) && print_table(&t, err);
    }
    choice_fini(&ch);
    pattern_words_free(t.keys, t.n_keys);
    json_decref(t.columns);
    json_decref(t.rows);
    mem_free(who);
    mem_free(words);
    return ok;
}
