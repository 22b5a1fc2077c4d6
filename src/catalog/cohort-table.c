/* A table becomes an object of rows by name: small, and asked by name only. */
#include "catalog/cohort-table.h"

#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "codec/csv.h"
#include "os/file.h"

/* A table of people, not of measurements. */
#define TABLE_MAX ((size_t)64 << 20)
/* Whole numbers up to here survive a double. */
#define DIGITS_MAX 15

json_t *cohort_table_value(const char *field)
{
    size_t n = strlen(field);
    json_t *number = n && n <= DIGITS_MAX + 2 ? json_loads(field, JSON_DECODE_ANY, NULL) : NULL;
    if (json_is_number(number) && field[n - 1] != ' ' && field[0] != ' ') {
        return number;
    }
    json_decref(number);
    return json_string(field);
}

static bool said(const char *field)
{
    return *field && strcmp(field, "n/a") != 0;
}

static bool add_row(json_t *table, const struct csv_row *head, const struct csv_row *row, size_t id,
                    struct err *err)
{
    const char *name = csv_field(row, id);
    if (!said(name) || json_object_get(table, name)) {
        return true;
    }
    json_t *values = json_object();
    bool ok = values != NULL;
    for (size_t i = 0; ok && i < head->n; i++) {
        if (i != id && *head->fields[i] && said(csv_field(row, i))) {
            ok = json_object_set_new(values, head->fields[i],
                                     cohort_table_value(csv_field(row, i))) == 0;
        }
    }
    if (!ok) {
        json_decref(values);
        return err_set(err, ERR_FORMAT, "the row of '%s' is not valid UTF-8", name);
    }
    return json_object_set_new(table, name, values) == 0 ||
        err_set(err, ERR_FORMAT, "a name in the column of ids is not valid UTF-8");
}

static json_t *from_rows(const struct csv *csv, const char *what, const char *id, struct err *err)
{
    json_t *table = json_object();
    const struct csv_row *head = csv->n ? &csv->rows[0] : NULL;
    size_t column = 0;
    bool ok = table || err_set(err, ERR_NOMEM, "out of memory");
    while (ok && head && column < head->n && strcmp(head->fields[column], id) != 0) {
        column++;
    }
    if (ok && (!head || column == head->n)) {
        ok = err_set(err, ERR_FORMAT, "%s has no column '%s'", what, id);
    }
    for (size_t i = 1; ok && head && i < csv->n; i++) {
        ok = add_row(table, head, &csv->rows[i], column, err) || err_wrap(err, "%s", what);
    }
    if (!ok) {
        json_decref(table);
        return NULL;
    }
    return table;
}

json_t *cohort_table_parse(const char *text, size_t length, const char *what, const char *id,
                           struct err *err)
{
    struct csv csv = {0};
    if (!csv_parse_any(text, length, what, &csv, err)) {
        return NULL;
    }
    json_t *table = from_rows(&csv, what, id, err);
    csv_fini(&csv);
    return table;
}

json_t *cohort_table_read(const char *path, const char *what, const char *id, struct err *err)
{
    size_t length = 0;
    if (!file_exists(path)) {
        json_t *none = json_object();
        if (!none) {
            (void)err_set(err, ERR_NOMEM, "out of memory");
        }
        return none;
    }
    char *text = file_read(path, TABLE_MAX, &length, err);
    json_t *table = text ? cohort_table_parse(text, length, what, id, err) : NULL;
    mem_free(text);
    return table;
}

void cohort_table_day(const json_t *row, char ret[11])
{
    const char *time = json_get_text(row, "acq_time", "");
    ret[0] = '\0';
    if (strlen(time) >= 10 && time[4] == '-' && time[7] == '-' &&
        strspn(time, "0123456789-") >= 10) {
        memcpy(ret, time, 10);
        ret[10] = '\0';
    }
}

void cohort_table_first_day(const json_t *table, char ret[11])
{
    const char *name;
    json_t *row;
    ret[0] = '\0';
    json_object_foreach((json_t *)table, name, row)
    {
        char day[11];
        cohort_table_day(row, day);
        if (*day && (!*ret || strcmp(day, ret) < 0)) {
            memcpy(ret, day, sizeof day);
        }
    }
}
