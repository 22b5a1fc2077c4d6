/*
 * Workbooks through libxlsxwriter, which keeps the whole workbook in memory and writes it in
 * workbook_close(). The check reads the ZIP directory itself (APPNOTE 4.3.12 and 4.3.16): end
 * record, then the central directory's names.
 */
#include "codec/xlsx.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <xlsxwriter.h>
#include "base/mem.h"
#include "base/str.h"
#include "codec/mapped.h"
#include "codec/utf8.h"

#define CELL_CHARACTERS 32767u /* Excel's limit for the text of one cell */
#define SHEET_NAME 31u
#define END_RECORD 22u   /* ZIP end of central directory, without comment */
#define ENTRY_RECORD 46u /* ZIP central directory entry, without names */

struct xlsx {
    char *path;
    lxw_workbook *book;
    lxw_worksheet *sheet;
    lxw_format *strong;
    lxw_error first_error;
};

static void note(struct xlsx *book, lxw_error error)
{
    if (book->first_error == LXW_NO_ERROR) {
        book->first_error = error;
    }
}

struct xlsx *xlsx_new(const char *path, struct err *err)
{
    struct xlsx *book = mem_zero(sizeof(*book), err);

    if (book == NULL) {
        return NULL;
    }
    book->path = mem_strdup(path, err);
    book->book = book->path == NULL ? NULL : workbook_new(path);
    book->strong = book->book == NULL ? NULL : workbook_add_format(book->book);
    if (book->strong == NULL) {
        err_set(err, ERR_NOMEM, "writing %s: out of memory", path);
        xlsx_free(book);
        return NULL;
    }
    format_set_bold(book->strong);
    format_set_bg_color(book->strong, 0xE8E8E8);
    return book;
}

void xlsx_sheet(struct xlsx *book, const char *name)
{
    struct str clean = STR_INIT;

    utf8_clean(&clean, name, SHEET_NAME);
    for (size_t i = 0; i < clean.len; i++) {
        if (strchr("[]:*?/\\'", clean.buf[i]) != NULL) {
            clean.buf[i] = '-';
        }
    }
    book->sheet =
        clean.failed ? NULL : workbook_add_worksheet(book->book, clean.len > 0 ? clean.buf : NULL);
    if (book->sheet == NULL) {
        note(book, LXW_ERROR_SHEETNAME_ALREADY_USED);
    }
    str_fini(&clean);
}

/* Excel's limits, asked before libxlsxwriter complains on stderr. */
static bool cell_possible(struct xlsx *book, size_t row, size_t column)
{
    if (book->sheet == NULL || row >= LXW_ROW_MAX || column >= LXW_COL_MAX) {
        note(book, LXW_ERROR_WORKSHEET_INDEX_OUT_OF_RANGE);
        return false;
    }
    return true;
}

void xlsx_text(struct xlsx *book, size_t row, size_t column, const char *text, bool strong)
{
    struct str clean = STR_INIT;

    if (!cell_possible(book, row, column)) {
        return;
    }
    utf8_clean(&clean, text, CELL_CHARACTERS);
    if (clean.failed) {
        note(book, LXW_ERROR_MEMORY_MALLOC_FAILED);
    } else if (clean.len > 0) {
        note(book,
             worksheet_write_string(book->sheet, (lxw_row_t)row, (lxw_col_t)column, clean.buf,
                                    strong ? book->strong : NULL));
    }
    str_fini(&clean);
}

void xlsx_number(struct xlsx *book, size_t row, size_t column, double value)
{
    if (cell_possible(book, row, column) && isfinite(value)) {
        note(book,
             worksheet_write_number(book->sheet, (lxw_row_t)row, (lxw_col_t)column, value, NULL));
    }
}

void xlsx_logical(struct xlsx *book, size_t row, size_t column, bool value)
{
    if (cell_possible(book, row, column)) {
        note(book,
             worksheet_write_boolean(book->sheet, (lxw_row_t)row, (lxw_col_t)column, value, NULL));
    }
}

void xlsx_width(struct xlsx *book, size_t column, double characters)
{
    if (cell_possible(book, 0, column)) {
        note(book,
             worksheet_set_column(book->sheet, (lxw_col_t)column, (lxw_col_t)column, characters,
                                  NULL));
    }
}

void xlsx_decimals(struct xlsx *book, size_t column, double characters, unsigned decimals)
{
    lxw_format *format = workbook_add_format(book->book);
    char text[16] = "0";

    if (format == NULL || !cell_possible(book, 0, column)) {
        note(book, LXW_ERROR_MEMORY_MALLOC_FAILED);
        return;
    }
    if (decimals > 0) {
        snprintf(text, sizeof(text), "0.%.*s", (int)(decimals < 9 ? decimals : 9), "000000000");
    }
    format_set_num_format(format, text);
    note(book,
         worksheet_set_column(book->sheet, (lxw_col_t)column, (lxw_col_t)column, characters,
                              format));
}

void xlsx_freeze(struct xlsx *book, size_t row)
{
    if (cell_possible(book, row, 0)) {
        worksheet_freeze_panes(book->sheet, (lxw_row_t)row, 0);
    }
}

bool xlsx_save(struct xlsx *book, struct err *err)
{
    lxw_error error = book->first_error;
    int saved;
    int fd;

    if (error != LXW_NO_ERROR) {
        return err_set(err, ERR_FORMAT, "writing %s: %s", book->path, lxw_strerror(error));
    }
    /* libxlsxwriter complains on stderr about a file it cannot create: find that out first. */
    fd = open(book->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_errno(err, errno, "writing %s", book->path);
    }
    close(fd);
    errno = 0;
    error = workbook_close(book->book);
    saved = errno;
    book->book = NULL; /* workbook_close frees it, also on failure */
    if (error == LXW_NO_ERROR) {
        return true;
    }
    unlink(book->path);
    if (saved != 0) {
        return err_errno(err, saved, "writing %s", book->path);
    }
    return err_set(err, ERR_IO, "writing %s: %s", book->path, lxw_strerror(error));
}

void xlsx_free(struct xlsx *book)
{
    if (book == NULL) {
        return;
    }
    if (book->book != NULL) {
        lxw_workbook_free(book->book);
    }
    mem_free(book->path);
    mem_free(book);
}

/* ---- checking ---- */

static uint32_t little16(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t little32(const uint8_t *at)
{
    return little16(at) | little16(at + 2) << 16;
}

/* Walk the central directory [at, end): does it name `part`? */
static bool names_part(const uint8_t *data, size_t at, size_t end, const char *part)
{
    size_t length = strlen(part);

    while (end - at >= ENTRY_RECORD && memcmp(data + at, "PK\x01\x02", 4) == 0) {
        size_t name = little16(data + at + 28);
        size_t whole = ENTRY_RECORD + name + little16(data + at + 30) + little16(data + at + 32);

        if (whole > end - at) {
            return false;
        }
        if (name == length && memcmp(data + at + ENTRY_RECORD, part, length) == 0) {
            return true;
        }
        at += whole;
    }
    return false;
}

bool xlsx_check_bytes(const char *name, const void *bytes, size_t size, struct err *err)
{
    const uint8_t *data = bytes;
    size_t lowest;

    if (size < END_RECORD || memcmp(data, "PK\x03\x04", 4) != 0) {
        return err_set(err, ERR_FORMAT, "%s: not an Excel workbook", name);
    }
    lowest = size > 65535 + END_RECORD ? size - 65535 - END_RECORD : 0;
    for (size_t at = size - END_RECORD + 1; at-- > lowest;) {
        if (memcmp(data + at, "PK\x05\x06", 4) != 0) {
            continue;
        }
        size_t length = little32(data + at + 12);
        size_t start = little32(data + at + 16);

        if (start > at || length > at - start) {
            return err_set(err, ERR_FORMAT, "%s: workbook directory outside the file", name);
        }
        if (!names_part(data, start, start + length, "[Content_Types].xml") ||
            !names_part(data, start, start + length, "xl/workbook.xml")) {
            return err_set(err, ERR_FORMAT, "%s: a ZIP, but not an Excel workbook", name);
        }
        return true;
    }
    return err_set(err, ERR_FORMAT, "%s: truncated workbook: its directory is missing", name);
}

bool xlsx_check(const char *path, struct err *err)
{
    struct mapped mapped = {NULL, 0};
    bool good =
        mapped_open(path, &mapped, err) && xlsx_check_bytes(path, mapped.bytes, mapped.size, err);

    mapped_close(&mapped);
    return good;
}
