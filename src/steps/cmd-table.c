/*
 * gantry-imaging table IN.json OUT.xlsx: rows as an Excel workbook, written aside and renamed.
 * IN.json is
 * {"title"?, "columns": ["name" | {"name","width","decimals"?}...], "rows": [[cell...]...]}; cells
 * are numbers, text, true/false, null.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "codec/json.h"
#include "codec/xlsx.h"
#include "os/file.h"
#include "steps/command.h"

extern const struct command command_word_table;

/* Widths of columns that say nothing themselves: their longest text within these limits, in
 * characters. */
#define MIN_WIDTH 8.0
#define MAX_WIDTH 60.0
/* Rows looked at for the widths. */
#define WIDTH_ROWS 500u

static const char *column_name(const json_t *column)
{
    return json_is_string(column) ? json_string_value(column) : json_get_text(column, "name", "");
}

static double column_width(const json_t *column, const json_t *rows, size_t index)
{
    double width = (double)strlen(column_name(column)) + 2;
    double given = json_is_object(column) ? json_get_double(column, "width", 0) : 0;
    size_t r;
    const json_t *row;

    if (given > 0) {
        return given;
    }
    json_array_foreach(rows, r, row)
    {
        const json_t *cell = json_array_get(row, index);

        if (r >= WIDTH_ROWS) {
            break;
        }
        if (json_is_string(cell) && (double)json_string_length(cell) > width) {
            width = (double)json_string_length(cell);
        }
    }
    return width < MIN_WIDTH ? MIN_WIDTH : width > MAX_WIDTH ? MAX_WIDTH : width;
}

static void put_cell(struct xlsx *book, size_t row, size_t column, const json_t *cell)
{
    if (json_is_number(cell)) {
        xlsx_number(book, row, column, json_number_value(cell));
    } else if (json_is_boolean(cell)) {
        xlsx_logical(book, row, column, json_is_true(cell));
    } else if (json_is_string(cell)) {
        xlsx_text(book, row, column, json_string_value(cell), false);
    }
}

static bool fill(struct xlsx *book, const json_t *table, struct err *err)
{
    const json_t *columns = json_object_get(table, "columns");
    const json_t *rows = json_object_get(table, "rows");
    size_t r;
    size_t c;
    const json_t *item;
    const json_t *row;

    if (!json_is_array(columns) || !json_is_array(rows)) {
        return err_set(err, ERR_FORMAT, "the table needs \"columns\" and \"rows\", both lists");
    }
    xlsx_sheet(book, json_get_text(table, "title", "results"));
    json_array_foreach(columns, c, item)
    {
        xlsx_text(book, 0, c, column_name(item), true);
        if (json_is_integer(json_object_get(item, "decimals"))) {
            xlsx_decimals(book, c, column_width(item, rows, c),
                          (unsigned)json_get_int(item, "decimals", 0));
        } else {
            xlsx_width(book, c, column_width(item, rows, c));
        }
    }
    xlsx_freeze(book, 1);
    json_array_foreach(rows, r, row)
    {
        json_array_foreach(row, c, item)
        {
            put_cell(book, r + 1, c, item);
        }
    }
    return true;
}

static bool export(const char *in, const char *out, struct err *err)
{
    json_t *table = json_read(in, err);
    char *aside = table == NULL ? NULL : mem_printf(err, "%s.gantry-%ld.tmp", out, (long)getpid());
    struct xlsx *book = aside == NULL ? NULL : xlsx_new(aside, err);
    bool good = book != NULL && fill(book, table, err) && xlsx_save(book, err) &&
        file_sync(aside, err) && file_replace(aside, out, err);

    if (!good && aside != NULL) {
        unlink(aside);
    }
    xlsx_free(book);
    mem_free(aside);
    json_decref(table);
    return good || err_wrap(err, "table %s", out);
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};

    if (argc != 2) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging table IN.json OUT.xlsx");
        return command_fail(&err);
    }
    return export(argv[0], argv[1], &err) ? 0 : command_fail(&err);
}

const struct command command_word_table = {
    .name = "table",
    .usage = "IN.json OUT.xlsx",
    .help = "rows as an Excel workbook: {\"columns\": [...], \"rows\": [[...]...]}",
    .run = run,
};
