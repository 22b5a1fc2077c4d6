/*
 * CSV as RFC 4180 says: fields with commas, quotes or line ends stand in quotes, quotes are
 * doubled. Reading takes LF, CRLF and lone CR, a byte order mark, and rows of differing length; a
 * file that ends inside quotes is an error with its line. Writing ends rows with LF.
 */
#ifndef GANTRY_CODEC_CSV_H
#define GANTRY_CODEC_CSV_H

#include <stddef.h>
#include "base/err.h"
#include "base/str.h"

struct csv_row {
    char **fields;
    size_t n;
};
struct csv {
    struct csv_row *rows;
    size_t n;
};

/* `what` names the text in messages. Empty lines are no rows. Free with csv_fini. */
bool csv_parse(const char *text, size_t length, const char *what, struct csv *ret,
               struct err *err) CHECK_RESULT;
/* The same with commas, semicolons or tabs between fields: whichever comes first in the first line,
 * outside quotes. Spreadsheets write semicolons where a comma is the decimal point. */
bool csv_parse_any(const char *text, size_t length, const char *what, struct csv *ret,
                   struct err *err) CHECK_RESULT;
void csv_fini(struct csv *csv);
/* A field of a row, "" behind its end. */
const char *csv_field(const struct csv_row *row, size_t i);

/* Append one field; `first` false puts a comma in front. csv_end ends the row. */
void csv_add(struct str *out, const char *field, bool first);
void csv_end(struct str *out);

#endif
