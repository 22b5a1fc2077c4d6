/*
 * Excel workbooks, written cell by cell: numbers are numbers, text is UTF-8 text (never a formula).
 * Order of calls: xlsx_new, then for each sheet xlsx_sheet and its cells in any order, xlsx_save
 * once, xlsx_free. A failed cell is remembered: xlsx_save reports it, so callers need not ask after
 * each cell.
 */
#ifndef GANTRY_CODEC_XLSX_H
#define GANTRY_CODEC_XLSX_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct xlsx;

/* `path` is where xlsx_save will write; nothing is written before. */
struct xlsx *xlsx_new(const char *path, struct err *err) CHECK_RESULT;

/* Begin a sheet; what follows goes there. Names longer than 31 characters are cut, []:*?/\ become
 * '-'. */
void xlsx_sheet(struct xlsx *book, const char *name);

/* A cell at 0-based row and column. `strong` = bold on grey, for headings. Text beyond Excel's
 * 32,767 characters is cut; bytes that are not UTF-8 become U+FFFD, control characters that XML
 * cannot hold become blanks. */
void xlsx_text(struct xlsx *book, size_t row, size_t column, const char *text, bool strong);
/* NaN and infinities have no number in Excel: the cell stays empty. */
void xlsx_number(struct xlsx *book, size_t row, size_t column, double value);
void xlsx_logical(struct xlsx *book, size_t row, size_t column, bool value);

/* Width of a column in characters; rows above `row` stay in view when scrolling. */
void xlsx_width(struct xlsx *book, size_t column, double characters);
void xlsx_freeze(struct xlsx *book, size_t row);
/* Width of a column whose numbers are shown with so many decimals (0 to 9). */
void xlsx_decimals(struct xlsx *book, size_t column, double characters, unsigned decimals);

/* Write the workbook to its path. ERR_DISKFULL, ERR_PERM, ERR_IO name it. Not synced. */
bool xlsx_save(struct xlsx *book, struct err *err) CHECK_RESULT;
/* NULL is fine; without xlsx_save nothing is written. */
void xlsx_free(struct xlsx *book);

/* Is the file a whole workbook? A ZIP whose directory lies within the file and names the workbook's
 * parts. */
bool xlsx_check(const char *path, struct err *err) CHECK_RESULT;
bool xlsx_check_bytes(const char *name, const void *bytes, size_t size,
                      struct err *err) CHECK_RESULT;

#endif
