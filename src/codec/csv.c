/* CSV, one field at a time. */
#include "codec/csv.h"

#include <string.h>
#include "base/mem.h"

struct reader {
    const char *p, *end;
    size_t line;
    char between; /* fields */
};

static bool push_field(struct csv_row *row, char *field, struct err *err)
{
    char **more = field ? mem_resize(row->fields, row->n + 1, sizeof *more, err) : NULL;
    if (!more) {
        mem_free(field);
        return false;
    }
    row->fields = more;
    more[row->n++] = field;
    return true;
}

static void row_fini(struct csv_row *row)
{
    for (size_t i = 0; i < row->n; i++) {
        mem_free(row->fields[i]);
    }
    mem_free(row->fields);
    *row = (struct csv_row){0};
}

static bool at_end_of_field(const struct reader *r)
{
    return r->p == r->end || *r->p == r->between || *r->p == '\n' || *r->p == '\r';
}

/* Behind the opening quote, up to behind the closing one. */
static bool quoted(struct reader *r, struct str *field, const char *what, struct err *err)
{
    size_t line = r->line;
    for (; r->p < r->end; r->p++) {
        if (*r->p == '"') {
            if (r->p + 1 == r->end || r->p[1] != '"') {
                r->p++;
                return true;
            }
            r->p++;
        }
        r->line += *r->p == '\n';
        str_addc(field, *r->p);
    }
    return err_set(err, ERR_FORMAT, "%s, line %zu: a quote is never closed", what, line);
}

static bool read_field(struct reader *r, struct csv_row *row, const char *what, struct err *err)
{
    struct str field = STR_INIT;
    bool ok = true;
    if (r->p < r->end && *r->p == '"') {
        r->p++;
        ok = quoted(r, &field, what, err);
    }
    while (ok && !at_end_of_field(r)) {
        str_addc(&field, *r->p++);
    }
    if (!ok) {
        str_fini(&field);
        return false;
    }
    return push_field(row, str_take(&field, err), err);
}

static bool read_row(struct reader *r, struct csv_row *row, const char *what, struct err *err)
{
    for (;;) {
        if (!read_field(r, row, what, err)) {
            return false;
        }
        if (r->p == r->end || *r->p != r->between) {
            break;
        }
        r->p++;
    }
    if (r->p < r->end && *r->p == '\r') {
        r->p++;
        if (r->p < r->end && *r->p == '\n') {
            r->p++;
        }
    } else if (r->p < r->end) {
        r->p++;
    }
    r->line++;
    return true;
}

static bool push_row(struct csv *csv, size_t *cap, struct csv_row *row, struct err *err)
{
    if (csv->n == *cap) {
        size_t grown = *cap ? *cap * 2 : 64;
        struct csv_row *more = mem_resize(csv->rows, grown, sizeof *more, err);
        if (!more) {
            return false;
        }
        csv->rows = more;
        *cap = grown;
    }
    csv->rows[csv->n++] = *row;
    *row = (struct csv_row){0};
    return true;
}

static bool parse(const char *text, size_t length, char between, const char *what, struct csv *ret,
                  struct err *err)
{
    struct reader r = {text, text + length, 1, between};
    struct csv csv = {0};
    struct csv_row row = {0};
    size_t cap = 0;
    bool ok = true;
    if (length >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) {
        r.p += 3;
    }
    while (ok && r.p < r.end) {
        ok = read_row(&r, &row, what, err);
        if (ok && row.n == 1 && !*row.fields[0]) {
            row_fini(&row);
        } else {
            ok = ok && push_row(&csv, &cap, &row, err);
        }
    }
    if (!ok) {
        row_fini(&row);
        csv_fini(&csv);
        return false;
    }
    *ret = csv;
    return true;
}

bool csv_parse(const char *text, size_t length, const char *what, struct csv *ret, struct err *err)
{
    return parse(text, length, ',', what, ret, err);
}

bool csv_parse_any(const char *text, size_t length, const char *what, struct csv *ret,
                   struct err *err)
{
    char between = ',';
    bool in_quotes = false;
    for (size_t i = 0; i < length && (in_quotes || (text[i] != '\n' && text[i] != '\r')); i++) {
        in_quotes = in_quotes != (text[i] == '"');
        if (!in_quotes && text[i] != '\0' && strchr(",;\t", text[i])) {
            between = text[i];
            break;
        }
    }
    return parse(text, length, between, what, ret, err);
}

void csv_fini(struct csv *csv)
{
    for (size_t i = 0; i < csv->n; i++) {
        row_fini(&csv->rows[i]);
    }
    mem_free(csv->rows);
    *csv = (struct csv){0};
}

const char *csv_field(const struct csv_row *row, size_t i)
{
    return i < row->n ? row->fields[i] : "";
}

void csv_add(struct str *out, const char *field, bool first)
{
    if (!first) {
        str_addc(out, ',');
    }
    if (!strpbrk(field, ",\"\r\n")) {
        str_add(out, field);
        return;
    }
    str_addc(out, '"');
    for (; *field; field++) {
        str_add(out, *field == '"' ? "\"" : "");
        str_addc(out, *field);
    }
    str_addc(out, '"');
}

void csv_end(struct str *out)
{
    str_addc(out, '\n');
}
