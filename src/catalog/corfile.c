/* rot_cen.json and batch_cor_values.csv: read, merged, written aside. */
#include "catalog/corfile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/cor.h"
#include "codec/csv.h"
#include "os/file.h"

#define JSON_NAME "rot_cen.json"
#define CSV_NAME "batch_cor_values.csv"
/* The files carry two decimals: values closer than that are the same value. */
#define SAME 0.0051

struct cor_files {
    const char *root;
    char *folder; /* where they are written */
    char *json_path, *csv_path;
    json_t *json; /* an object, {} when there is no file */
    struct csv csv;
    bool has_csv;
    size_t name_column, cor_column, first_row;
    json_t *csv_row; /* file name -> row number */
    bool json_changed, csv_changed;
};

static bool same(double a, double b)
{
    return isfinite(a) == isfinite(b) && (!isfinite(a) || fabs(a - b) <= SAME);
}

static double two_decimals(double v)
{
    return round(v * 100) / 100;
}

static double value_of(const json_t *v)
{
    double cor = NAN;
    if (json_is_array(v)) {
        v = json_array_get(v, 0);
    }
    if (json_is_number(v)) {
        cor = json_number_value(v);
    } else if (json_is_string(v) && !cor_parse(json_string_value(v), &cor)) {
        cor = NAN;
    }
    return isfinite(cor) ? cor : NAN;
}

static void files_fini(struct cor_files *f)
{
    mem_free(f->folder);
    mem_free(f->json_path);
    mem_free(f->csv_path);
    json_decref(f->json);
    json_decref(f->csv_row);
    csv_fini(&f->csv);
}

/* Reads <folder>/<name>, or <root>/<name> when the writable place has none yet. *ret = NULL when
 * there is neither. */
static bool read_either(const struct cor_files *f, const char *name, char **ret_path,
                        size_t *ret_length, char **ret, struct err *err)
{
    const char *places[2] = {f->folder, f->root};
    for (int i = 0; i < 2; i++) {
        char *path = path_join(places[i], name, err);
        if (!path) {
            return false;
        }
        if (file_exists(path)) {
            *ret_path = path;
            *ret = file_read(path, 0, ret_length, err);
            return *ret != NULL;
        }
        mem_free(path);
    }
    *ret = NULL;
    return true;
}

static bool load_json(struct cor_files *f, struct err *err)
{
    char *text = NULL, *path = NULL;
    size_t length = 0;
    bool ok = read_either(f, JSON_NAME, &path, &length, &text, err);
    if (ok && text) {
        f->json = json_parse(text, length, path, err);
        ok = f->json &&
            (json_is_object(f->json) ||
             err_set(err, ERR_FORMAT, "%s: not an object of {path: COR}", path));
    } else if (ok) {
        f->json = json_object();
        ok = f->json || err_set(err, ERR_NOMEM, "out of memory");
    }
    mem_free(text);
    mem_free(path);
    return ok;
}

/* The header line names the columns; without one they are the first and the second. */
static void find_columns(struct cor_files *f)
{
    f->name_column = 0;
    f->cor_column = 1;
    f->first_row = 0;
    if (f->csv.n == 0) {
        return;
    }
    const struct csv_row *head = &f->csv.rows[0];
    for (size_t i = 0; i < head->n; i++) {
        if (!strcasecmp(head->fields[i], "filename")) {
            f->name_column = i;
            f->first_row = 1;
        } else if (!strcasecmp(head->fields[i], "cor")) {
            f->cor_column = i;
        }
    }
}

static bool load_csv(struct cor_files *f, struct err *err)
{
    char *text = NULL, *path = NULL;
    size_t length = 0;
    bool ok = read_either(f, CSV_NAME, &path, &length, &text, err);
    if (ok && text) {
        ok = csv_parse(text, length, path, &f->csv, err);
        f->has_csv = ok;
    }
    mem_free(text);
    mem_free(path);
    f->csv_row = json_object();
    ok = ok && (f->csv_row || err_set(err, ERR_NOMEM, "out of memory"));
    if (ok && f->has_csv) {
        find_columns(f);
    }
    for (size_t i = f->first_row; ok && i < f->csv.n; i++) {
        const char *name = csv_field(&f->csv.rows[i], f->name_column);
        /* A name that is no UTF-8 is nobody's here; its row is kept as it is. */
        if (str_utf8(name)) {
            ok = json_put(f->csv_row, name, json_integer((json_int_t)i), err);
        }
    }
    return ok;
}

static bool files_paths(const char *root, const char *rec, struct cor_files *f, struct err *err)
{
    *f = (struct cor_files){.root = root};
    f->folder = mem_strdup(access(root, W_OK) == 0 ? root : rec, err);
    f->json_path = f->folder ? path_join(f->folder, JSON_NAME, err) : NULL;
    f->csv_path = f->json_path ? path_join(f->folder, CSV_NAME, err) : NULL;
    return f->csv_path != NULL;
}

/* The key under which the file knows a row: its full path, or its name. NULL when it does not.
 * Caller frees *ret_full. */
static const char *known_key(const json_t *object, const char *name, const char *full)
{
    return json_object_get(object, full) ? full : json_object_get(object, name) ? name : NULL;
}

static double csv_value(const struct cor_files *f, const char *name, const char *full)
{
    double cor;
    const char *key = known_key(f->csv_row, name, full);
    if (!key) {
        return NAN;
    }
    size_t row = (size_t)json_integer_value(json_object_get(f->csv_row, key));
    return cor_parse(csv_field(&f->csv.rows[row], f->cor_column), &cor) ? cor : NAN;
}

static double json_value(const struct cor_files *f, const char *name, const char *full)
{
    const char *key = known_key(f->json, name, full);
    return key ? value_of(json_object_get(f->json, key)) : NAN;
}

/* --- from the files into the catalog */

static bool push_change(json_t *changes, int64_t id, double cor, double was, bool only_seen,
                        struct err *err)
{
    json_t *row = json_object();
    bool ok = json_put(row, "id", json_integer(id), err) &&
        json_put(row, "cor", json_real(cor), err) &&
        json_put(row, "was", isfinite(was) ? json_real(was) : json_null(), err) &&
        (!only_seen || json_put(row, "seen", json_true(), err));
    if (!ok || json_array_append(changes, row) != 0) {
        ok = err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(row);
    return ok;
}

static bool compare_row(const struct cor_files *f, const struct query *q, json_t *changes,
                        struct err *err)
{
    const char *name = query_text(q, 1);
    double cor = query_double(q, 2), seen = query_double(q, 3);
    char *full = path_join(f->root, name, err);
    if (!full) {
        return false;
    }
    double file = csv_value(f, name, full);
    file = isfinite(file) ? file : json_value(f, name, full);
    mem_free(full);
    if (!isfinite(file) || same(file, seen)) {
        return true;
    }
    if (same(file, cor)) {
        return push_change(changes, query_int(q, 0), file, seen, true, err);
    }
    /* Both sides changed: the catalog's value stays, and will be mirrored. */
    return !same(cor, seen) || push_change(changes, query_int(q, 0), file, seen, false, err);
}

static bool warn(json_t *warnings, const struct err *why, struct err *err)
{
    if (why->code == ERR_NOMEM) {
        *err = *why;
        return false;
    }
    char *text = mem_printf(err, "%s (its CORs were not read, and it is left as it is)", why->text);
    bool ok = text && json_array_append_new(warnings, json_string(text)) == 0;
    mem_free(text);
    return ok || err_set(err, ERR_NOMEM, "out of memory");
}

json_t *cor_file_changes(struct store *s, const struct project *p, json_t *warnings,
                         struct err *err)
{
    struct cor_files f = {0};
    struct err why, late;
    json_t *changes = json_array();
    /* The store's state is taken first: what an engine writes goes into the files before it is
     * committed, so that the files are never older than the rows. */
    struct query *q = changes || err_set(err, ERR_NOMEM, "out of memory")
        ? store_query(s, err,
                      "SELECT id,name,cor,cor_seen FROM item WHERE project_id=?1 AND "
                      "level='scan' AND gone=0",
                      "i", p->id)
        : NULL;
    bool more = q && query_next(q), ok = q && files_paths(p->root, p->rec, &f, err);
    if (ok && !load_csv(&f, &why)) {
        ok = warn(warnings, &why, err);
    }
    if (ok && !load_json(&f, &why)) {
        ok = warn(warnings, &why, err);
    }
    bool any = ok && (json_object_size(f.json) || json_object_size(f.csv_row));
    while (ok && any && more) {
        ok = compare_row(&f, q, changes, err);
        more = ok && query_next(q);
    }
    ok = (!q || query_end(q, ok ? err : &late)) && ok;
    files_fini(&f);
    if (!ok) {
        json_decref(changes);
        return NULL;
    }
    return changes;
}

/* --- from the catalog into the files */

static bool put_json(struct cor_files *f, const char *name, const char *full, double cor,
                     struct err *err)
{
    const char *key = known_key(f->json, name, full);
    json_t *old = key ? json_object_get(f->json, key) : NULL;
    f->json_changed = true;
    if (!isfinite(cor)) {
        if (key) {
            (void)json_object_del(f->json, key);
        }
        return true;
    }
    bool list = json_is_array(old) && json_array_size(old) > 0;
    const json_t *kind = list ? json_array_get(old, 0) : old;
    char text[40];
    cor_show(cor, text, sizeof text);
    json_t *value = json_is_string(kind) ? json_string(text) : json_real(two_decimals(cor));
    bool ok = value &&
        (list ? json_array_set(old, 0, value) == 0
              : json_object_set(f->json, key ? key : full, value) == 0);
    json_decref(value);
    return ok || err_set(err, ERR_NOMEM, "out of memory while making %s", JSON_NAME);
}

/* Rows that the file does not have yet are appended by write_csv. */
static bool put_csv(struct cor_files *f, const char *name, const char *full, double cor,
                    struct str *appended, struct err *err)
{
    char text[40] = "";
    const char *key = known_key(f->csv_row, name, full);
    if (isfinite(cor)) {
        cor_show(cor, text, sizeof text);
    }
    f->csv_changed = true;
    if (!key) {
        size_t width = f->csv.n ? f->csv.rows[0].n : 2;
        for (size_t i = 0; *text && (i < width || i <= f->cor_column); i++) {
            csv_add(appended, i == f->name_column ? name : i == f->cor_column ? text : "", i == 0);
        }
        if (*text) {
            csv_end(appended);
        }
        return true;
    }
    struct csv_row *row =
        &f->csv.rows[(size_t)json_integer_value(json_object_get(f->csv_row, key))];
    while (row->n <= f->cor_column) {
        char **more = mem_resize(row->fields, row->n + 1, sizeof *more, err);
        if (!more) {
            return false;
        }
        row->fields = more;
        more[row->n] = mem_strdup("", err);
        if (!more[row->n]) {
            return false;
        }
        row->n++;
    }
    char *field = mem_strdup(text, err);
    if (!field) {
        return false;
    }
    mem_free(row->fields[f->cor_column]);
    row->fields[f->cor_column] = field;
    return true;
}

static bool write_csv(const struct cor_files *f, const struct str *appended, struct err *err)
{
    struct str out = STR_INIT;
    if (f->csv.n == 0) {
        str_add(&out, "Filename,COR\n");
    }
    for (size_t i = 0; i < f->csv.n; i++) {
        for (size_t k = 0; k < f->csv.rows[i].n; k++) {
            csv_add(&out, f->csv.rows[i].fields[k], k == 0);
        }
        csv_end(&out);
    }
    str_add(&out, str_text(appended));
    bool ok = str_ok(appended, err) && str_ok(&out, err) &&
        file_write(f->csv_path, str_text(&out), out.len, true, err);
    str_fini(&out);
    return ok;
}

/* Shortest text that reads back as the same value: 24.12, not 24.120000000000001. */
static char *short_text(const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_t *back = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    if (text && !json_equal(back, value)) {
        mem_free(text);
        text = json_dumps(value, JSON_ENCODE_ANY);
    }
    json_decref(back);
    return text;
}

static bool write_json(const struct cor_files *f, struct err *err)
{
    struct str out = STR_INIT;
    const char *key;
    json_t *value;
    bool ok = true;
    str_add(&out, "{");
    json_object_foreach(f->json, key, value)
    {
        json_t *name = json_string(key);
        char *left = name ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
        char *right = short_text(value);
        ok = ok && left && right;
        str_addf(&out, "%s\n  %s: %s", out.len > 1 ? "," : "", left ? left : "",
                 right ? right : "");
        json_decref(name);
        mem_free(left);
        mem_free(right);
    }
    str_add(&out, out.len > 1 ? "\n}\n" : "}\n");
    ok = ok || err_set(err, ERR_NOMEM, "out of memory while making %s", JSON_NAME);
    ok = ok && str_ok(&out, err) && file_write(f->json_path, str_text(&out), out.len, true, err);
    str_fini(&out);
    return ok;
}

/* One row with a COR, or with one in the files. */
static bool mirror_row(struct cor_files *f, const struct query *q, struct str *appended,
                       struct err *err)
{
    const char *name = query_text(q, 1);
    double cor = query_double(q, 2), seen = query_double(q, 3);
    bool ok = true;
    char *full = path_join(f->root, name, err);
    if (!full) {
        return false;
    }
    bool waits = !same(cor, seen);
    /* The CSV is read first: where it rules, the JSON follows. */
    bool follow = !waits && f->has_csv && same(csv_value(f, name, full), cor) &&
        !same(json_value(f, name, full), cor);
    if (waits || follow) {
        ok = put_json(f, name, full, cor, err);
    }
    if (ok && waits && f->has_csv) {
        ok = put_csv(f, name, full, cor, appended, err);
    }
    mem_free(full);
    return ok;
}

static bool merge(struct store *s, int64_t project, struct cor_files *f, struct str *appended,
                  struct err *err)
{
    struct err late;
    struct query *q = store_query(s, err,
                                  "SELECT id,name,cor,cor_seen FROM item WHERE project_id=?1 AND "
                                  "level='scan' AND (cor IS NOT NULL OR cor_seen IS NOT NULL) "
                                  "ORDER BY name",
                                  "i", project);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        ok = mirror_row(f, q, appended, err);
    }
    return q && query_end(q, ok ? err : &late) && ok;
}

/* Some row whose COR the files do not say? */
static bool waiting(struct store *s, int64_t project, int64_t *ret, struct err *err)
{
    return store_int(s, 0, ret, err,
                     "SELECT count(*) FROM item WHERE project_id=?1 AND level='scan' AND "
                     "((cor IS NULL)<>(cor_seen IS NULL) OR abs(cor-cor_seen)>0.0051)",
                     "i", project);
}

bool cor_mirror(struct store *s, int64_t project, struct err *err)
{
    struct cor_files f = {0};
    struct project p = {0};
    struct str appended = STR_INIT;
    int64_t n = 0;
    if (!waiting(s, project, &n, err)) {
        return false;
    }
    if (n == 0) {
        return true;
    }
    bool ok = project_by_id(s, project, &p, err) && files_paths(p.root, p.rec, &f, err) &&
        load_csv(&f, err) && load_json(&f, err) && merge(s, project, &f, &appended, err) &&
        file_mkdirs(f.folder, 0777, err);
    if (ok && f.csv_changed) {
        ok = write_csv(&f, &appended, err);
    }
    if (ok && f.json_changed) {
        ok = write_json(&f, err);
    }
    ok = ok &&
        store_exec(s, err,
                   "UPDATE item SET cor_seen=round(cor,2) WHERE project_id=?1 AND "
                   "level='scan' AND ((cor IS NULL)<>(cor_seen IS NULL) OR "
                   "abs(cor-cor_seen)>0.0051)",
                   "i", project);
    str_fini(&appended);
    files_fini(&f);
    project_fini(&p);
    return ok;
}
