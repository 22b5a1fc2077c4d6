/* Rows from the store, and their layout for files. One table of columns serves all of them. */
#include "cli/triage-rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "codec/csv.h"
#include "model/state.h"

enum column_kind { COLUMN_TEXT, COLUMN_NUMBER };

/* U2, then what X17 and the design add. */
static const struct {
    const char *name;
    enum column_kind kind;
    int decimals;
    double width;
} columns[] = {
    {"path_to_study", COLUMN_TEXT, 0, 28},
    {"study_uid", COLUMN_TEXT, 0, 40},
    {"series_uid", COLUMN_TEXT, 0, 40},
    {"probability_of_pathology", COLUMN_NUMBER, 3, 24},
    {"pathology", COLUMN_NUMBER, 0, 10},
    {"processing_status", COLUMN_TEXT, 0, 18},
    {"time_of_processing", COLUMN_NUMBER, 1, 19},
    {"most_dangerous_pathology_type", COLUMN_TEXT, 0, 30},
    {"pathology_localization", COLUMN_TEXT, 0, 26},
    {"error", COLUMN_TEXT, 0, 40},
    {"reason", COLUMN_TEXT, 0, 60},
};
#define COLUMNS (sizeof columns / sizeof *columns)

double triage_probability(const struct triage_row *row)
{
    return row->state == TRIAGE_SUCCESS ? json_get_double(row->values, "probability", NAN) : NAN;
}

int triage_pathology(const struct triage_row *row)
{
    return row->state == TRIAGE_SUCCESS ? (int)json_get_int(row->values, "pathology", -1) : -1;
}

/* ---- cells ---- */

static const char *text_cell(const struct triage_row *row, size_t column)
{
    bool good = row->state == TRIAGE_SUCCESS;
    switch (column) {
    case 0:
        return row->name;
    case 1:
        return json_get_text(row->values, "study_uid", "");
    case 2:
        return json_get_text(row->values, "series_uid", "");
    case 5:
        return good ? "SUCCESS" : "FAILURE";
    case 7:
        return good ? json_get_text(row->values, "type", "chest_abnormality") : "";
    case 8:
        return good ? json_get_text(row->values, "localization", "N/A") : "";
    case 9:
        return good ? json_get_text(row->values, "note", "") : row->reason ? row->reason : "";
    default:
        return json_get_text(row->values, "reason", "");
    }
}

static double number_cell(const struct triage_row *row, size_t column)
{
    double value = column == 3 ? triage_probability(row)
        : column == 4          ? (double)triage_pathology(row)
                               : row->seconds;
    return column == 4 && value < 0 ? NAN : value;
}

/* A number with the column's decimals, "" for none: what CSV and console show. */
static void show_number(char *out, size_t size, double value, int decimals)
{
    out[0] = '\0';
    if (isfinite(value)) {
        (void)snprintf(out, size, "%.*f", decimals, value);
    }
}

/* The number that the workbook holds is the one that is shown. */
static json_t *number_json(double value, int decimals)
{
    char text[40];
    double shown = NAN;
    show_number(text, sizeof text, value, decimals);
    if (!text[0] || !num_double(text, &shown)) {
        return json_null();
    }
    return decimals ? json_real(shown) : json_integer((json_int_t)shown);
}

static json_t *cell_json(const struct triage_row *row, size_t column)
{
    return columns[column].kind == COLUMN_NUMBER
        ? number_json(number_cell(row, column), columns[column].decimals)
        : json_string(text_cell(row, column));
}

/* ---- layouts ---- */

void triage_csv_heading(struct str *out)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        csv_add(out, columns[i].name, i == 0);
    }
    csv_end(out);
}

void triage_csv_row(struct str *out, const struct triage_row *row)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        char number[40];
        show_number(number, sizeof number,
                    columns[i].kind == COLUMN_NUMBER ? number_cell(row, i) : NAN,
                    columns[i].decimals);
        csv_add(out, columns[i].kind == COLUMN_NUMBER ? number : text_cell(row, i), i == 0);
    }
    csv_end(out);
}

char *triage_rows_csv(const struct triage_rows *rows, struct err *err)
{
    struct str out = STR_INIT;
    triage_csv_heading(&out);
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->row[i].state != TRIAGE_OPEN) {
            triage_csv_row(&out, &rows->row[i]);
        }
    }
    char *text = str_take(&out, err);
    str_fini(&out);
    return text;
}

static json_t *heading_json(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < COLUMNS; i++) {
        json_t *one = json_pack("{s:s, s:f}", "name", columns[i].name, "width", columns[i].width);
        if (columns[i].kind == COLUMN_NUMBER) {
            (void)json_object_set_new(one, "decimals", json_integer(columns[i].decimals));
        }
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *triage_rows_table(const struct triage_rows *rows, struct err *err)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < rows->n; i++) {
        json_t *cells = rows->row[i].state == TRIAGE_OPEN ? NULL : json_array();
        for (size_t k = 0; cells && ok && k < COLUMNS; k++) {
            ok = json_array_append_new(cells, cell_json(&rows->row[i], k)) == 0;
        }
        ok = ok && (!cells || json_array_append(list, cells) == 0);
        json_decref(cells);
    }
    json_t *table = ok
        ? json_pack("{s:s, s:o, s:O}", "title", "results", "columns", heading_json(), "rows", list)
        : NULL;
    json_decref(list);
    if (!table) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return table;
}

json_t *triage_rows_json(const struct triage_rows *rows, struct err *err)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < rows->n; i++) {
        json_t *one = rows->row[i].state == TRIAGE_OPEN ? NULL : json_object();
        for (size_t k = 0; one && ok && k < COLUMNS; k++) {
            ok = json_object_set_new(one, columns[k].name, cell_json(&rows->row[i], k)) == 0;
        }
        ok = ok && (!one || json_array_append(list, one) == 0);
        json_decref(one);
    }
    if (!ok) {
        json_decref(list);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return list;
}

/* ---- from the store ---- */

/* `reason`: why it is a failure at once; NULL = it is not. */
static bool add_row(struct triage_rows *rows, int64_t item, const char *name, const char *reason,
                    struct err *err)
{
    struct triage_row *more = mem_resize(rows->row, rows->n + 1, sizeof *more, err);
    if (!more) {
        return false;
    }
    rows->row = more;
    struct triage_row *row = &more[rows->n++];
    *row = (struct triage_row){.item = item, .truth = -1, .seconds = NAN};
    row->name = mem_strdup(name, err);
    if (row->name && reason) {
        row->damaged = true;
        row->state = TRIAGE_FAILURE;
        row->seconds = 0;
        row->reason = mem_strdup(reason, err);
        rows->finished++;
    }
    return row->name && (!row->damaged || row->reason);
}

bool triage_rows_load(struct store *s, int64_t project, const char *folder, struct triage_rows *ret,
                      struct err *err)
{
    struct triage_rows rows = {0};
    size_t skip = *folder ? strlen(folder) + 1 : 0;
    struct err late;
    struct query *q = store_query(
        s, err,
        "SELECT id,name,readable,reason FROM item WHERE project_id=?1 AND kind='dicom-zip' AND "
        "gone=0 AND hidden=0 AND (?2='' OR substr(name,1,length(?2)+1)=?2||'/') ORDER BY name",
        "is", project, folder);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        ok = add_row(&rows, query_int(q, 0), query_text(q, 1) + skip,
                     query_int(q, 2) ? NULL : query_text(q, 3), err);
    }
    ok = q && query_end(q, ok ? err : &late) && ok;
    if (!ok) {
        triage_rows_fini(&rows);
        return false;
    }
    *ret = rows;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct triage_row *)a)->name, ((const struct triage_row *)b)->name);
}

bool triage_rows_leave_out(struct triage_rows *rows, const struct found_list *found,
                           struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < found->n_left; i++) {
        const struct left_out *left = &found->left[i];
        ok = !left->kind || strcmp(left->kind, "dicom-zip") != 0 ||
            add_row(rows, 0, left->name, left->why, err);
    }
    if (ok && found->n_left) {
        qsort(rows->row, rows->n, sizeof *rows->row, by_name);
    }
    return ok;
}

void triage_rows_fini(struct triage_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        mem_free(rows->row[i].name);
        mem_free(rows->row[i].reason);
        json_decref(rows->row[i].values);
    }
    mem_free(rows->row);
    *rows = (struct triage_rows){0};
}

static bool take(struct triage_row *row, const struct query *q, struct err *err)
{
    int64_t state = query_int(q, 2);
    bool good = state == TASK_DONE || state == TASK_CACHED;
    const char *result = query_text(q, 3);
    row->task = query_int(q, 0);
    row->values = json_loads(*result ? result : "{}", 0, NULL);
    row->earlier = state == TASK_CACHED;
    row->seconds =
        json_get_double(row->values, "seconds", (double)(query_int(q, 6) - query_int(q, 5)) / 1e6);
    row->state = good ? TRIAGE_SUCCESS : TRIAGE_FAILURE;
    if (!good) {
        row->reason = mem_strdup(query_text(q, 4)[0] ? query_text(q, 4) : "cancelled", err);
    }
    return (row->values && (good || row->reason)) || err_set(err, ERR_NOMEM, "out of memory");
}

static struct triage_row *find_item(struct triage_rows *rows, int64_t item, size_t *hint)
{
    for (size_t i = 0; i < rows->n; i++) {
        size_t k = (*hint + i) % rows->n; /* tasks come in the rows' order */
        if (rows->row[k].item == item) {
            *hint = k + 1;
            return &rows->row[k];
        }
    }
    return NULL;
}

bool triage_rows_update(struct triage_rows *rows, struct store *s, int64_t run, size_t *ret_new,
                        struct err *err)
{
    struct err late;
    size_t hint = 0, fresh = 0;
    struct query *q = store_query(
        s, err,
        "SELECT id,item_id,state,result,message,coalesce(started_us,0),coalesce(ended_us,0) FROM "
        "task WHERE run_id=?1 AND state IN (5,6,7,8,9) ORDER BY id",
        "i", run);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        struct triage_row *row = find_item(rows, query_int(q, 1), &hint);
        if (row && row->state == TRIAGE_OPEN) {
            ok = take(row, q, err);
            fresh++;
        }
    }
    rows->finished += fresh;
    *ret_new = fresh;
    return q && query_end(q, ok ? err : &late) && ok;
}
