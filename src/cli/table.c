/* Rows of JSON as a table. Cells are rendered twice, once to measure and once to print, so that
 * 100,000 rows need no memory of their own. */
#include "cli/command.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "cli/text.h"

#define MAX_COLUMNS 24
#define GAP 2
#define LEAST_CUT 12 /* a column is never cut below this */
/* Where names are not cut (a pipe), one long name does not push all other rows aside. */
#define WIDEST_PADDED 64u

static bool right_hand(enum cell cell)
{
    return cell == CELL_INT || cell == CELL_COR || cell == CELL_SCORE || cell == CELL_BYTES ||
        cell == CELL_SPAN;
}

/* A list of texts reads "a, b". */
static void render_text(struct str *out, const json_t *value)
{
    if (json_is_string(value)) {
        text_show(out, json_string_value(value));
    } else if (json_is_integer(value)) {
        str_addf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        str_addf(out, "%.6g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        str_add(out, json_is_true(value) ? "yes" : "no");
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            str_add(out, i ? ", " : "");
            render_text(out, json_array_get(value, i));
        }
    } else if (json_is_object(value)) {
        char *text = json_text(value, err_ignore("an empty cell says as much"));
        text_show(out, text ? text : "");
        mem_free(text);
    }
}

static void render(struct str *out, const json_t *row, const struct column *column)
{
    char text[40] = "";
    const json_t *value = json_object_get(row, column->key);
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    str_clear(out);
    switch (column->cell) {
    case CELL_COR:
    case CELL_SCORE:
        if (isfinite(number)) {
            str_addf(out, "%.2f", number);
        }
        return;
    case CELL_BYTES:
        if (isfinite(number)) {
            num_show_bytes((int64_t)number, text, sizeof text);
        }
        break;
    case CELL_TIME:
        if (isfinite(number) && number > 0) {
            clock_short((int64_t)number, text, sizeof text);
        }
        break;
    case CELL_SPAN:
        if (isfinite(number)) {
            clock_span(number, text, sizeof text);
        }
        break;
    case CELL_BOOL:
        str_add(out, json_is_true(value) ? "yes" : "");
        return;
    case CELL_TEXT:
    case CELL_STATUS:
    case CELL_INT:
        render_text(out, value);
        return;
    }
    str_add(out, text);
}

/* Leave `width` columns of the text, the last of them an ellipsis. */
static void cut(struct str *cell, size_t width)
{
    size_t used = 0;
    size_t at = 0;
    while (at < cell->len) {
        uint32_t point = 0;
        size_t n = text_decode(cell->buf + at, &point);
        size_t w = n ? text_point_width(point) : 1;
        if (used + w + 1 > width) {
            break;
        }
        used += w;
        at += n ? n : 1;
    }
    cell->len = at;
    str_add(cell, "…");
}

/* On a terminal the widest text column gives way until a row fits. */
static void fit(const struct cli *c, const struct column *columns, size_t n, size_t *width)
{
    while (c->terminal && c->columns > 0) {
        size_t total = 0;
        size_t widest = n;
        for (size_t k = 0; k < n; k++) {
            total += width[k] + (k ? GAP : 0);
            if (columns[k].cell == CELL_TEXT && (widest == n || width[k] > width[widest])) {
                widest = k;
            }
        }
        if (total <= (size_t)c->columns || widest == n || width[widest] <= LEAST_CUT) {
            return;
        }
        size_t over = total - (size_t)c->columns;
        size_t spare = width[widest] - LEAST_CUT;
        /* In small steps, so that two wide columns share the loss. */
        size_t step = over < spare ? over : spare;
        width[widest] -= step > 8 ? 8 : step;
    }
}

static void pad(struct cli *c, size_t n)
{
    cli_print(c, "%*s", (int)n, "");
}

static void print_row(struct cli *c, const json_t *row, const struct column *columns, size_t n,
                      const size_t *width, struct str *cell)
{
    size_t owed =
        0; /* blanks are printed only when something follows: no blanks at the end of a line */
    for (size_t k = 0; k < n; k++) {
        render(cell, row, &columns[k]);
        size_t used = cli_width(str_text(cell));
        if (used > width[k] && c->terminal) {
            cut(cell, width[k]);
            used = cli_width(str_text(cell));
        }
        size_t blank = used < width[k] ? width[k] - used : 0;
        owed += k ? GAP : 0;
        if (used == 0) {
            owed += width[k];
            continue;
        }
        const char *colour =
            columns[k].cell == CELL_STATUS ? cli_status_colour(str_text(cell)) : NULL;
        pad(c, owed + (right_hand(columns[k].cell) ? blank : 0));
        cli_print(c, "%s%s%s", colour ? cli_paint(c, colour) : "", str_text(cell),
                  colour ? cli_paint(c, NULL) : "");
        owed = right_hand(columns[k].cell) ? 0 : blank;
    }
    cli_print(c, "\n");
}

static void print_titles(struct cli *c, const struct column *columns, size_t n, const size_t *width)
{
    cli_print(c, "%s", cli_paint(c, "bold"));
    for (size_t k = 0; k < n; k++) {
        size_t blank = width[k] - cli_width(columns[k].title);
        bool last = k + 1 == n;
        pad(c, (k ? GAP : 0) + (right_hand(columns[k].cell) ? blank : 0));
        cli_print(c, "%s", columns[k].title);
        pad(c, right_hand(columns[k].cell) || last ? 0 : blank);
    }
    cli_print(c, "%s\n", cli_paint(c, NULL));
}

bool cli_table(struct cli *c, const json_t *rows, const struct column *columns, struct err *err)
{
    size_t width[MAX_COLUMNS];
    size_t n = 0;
    struct str cell = STR_INIT;
    for (; n < MAX_COLUMNS && columns[n].title; n++) {
        width[n] = cli_width(columns[n].title);
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        for (size_t k = 0; k < n; k++) {
            render(&cell, json_array_get(rows, i), &columns[k]);
            size_t w = cli_width(str_text(&cell));
            w = !c->terminal && columns[k].cell == CELL_TEXT && w > WIDEST_PADDED ? WIDEST_PADDED
                                                                                  : w;
            width[k] = w > width[k] ? w : width[k];
        }
    }
    fit(c, columns, n, width);
    print_titles(c, columns, n, width);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        print_row(c, json_array_get(rows, i), columns, n, width, &cell);
    }
    bool ok = str_ok(&cell, err);
    str_fini(&cell);
    return ok;
}
