/* What people's spreadsheets write: separators and headings of several kinds. */
#include "cli/triage-truth.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/csv.h"
#include "os/file.h"

static bool among(const char *const *words, const char *text)
{
    for (size_t i = 0; words[i]; i++) {
        if (!strcasecmp(words[i], text)) {
            return true;
        }
    }
    return false;
}

/* 0, 1, or -1 when the label is none. */
static int label_of(const char *text)
{
    static const char *const zero[] = {"0", "normal", "norma", "negative", "no", "false", NULL};
    static const char *const one[] = {"1",   "pathology", "abnormal", "positive",
                                      "yes", "true",      NULL};
    return among(zero, text) ? 0 : among(one, text) ? 1 : -1;
}

/* Which columns a heading names; false when the first row is none. */
static bool heading(const struct csv_row *row, size_t *ret_file, size_t *ret_label)
{
    static const char *const files[] = {"file", "filename",      "name", "study",
                                        "path", "path_to_study", "zip",  NULL};
    static const char *const labels[] = {"label",        "truth", "ground_truth", "pathology",
                                         "ground truth", "class", "diagnosis",    NULL};
    size_t file = row->n, label = row->n;
    for (size_t i = row->n; i-- > 0;) {
        file = among(files, csv_field(row, i)) ? i : file;
        label = among(labels, csv_field(row, i)) ? i : label;
    }
    *ret_file = file < row->n && label < row->n ? file : 0;
    *ret_label = file < row->n && label < row->n ? label : 1;
    /* of another heading it is enough that it is no row of data */
    return (file < row->n && label < row->n) ||
        (row->n > 1 && label_of(csv_field(row, 1)) < 0 &&
         strcasecmp(path_ext(csv_field(row, 0)), ".zip") != 0);
}

static bool add(struct triage_truth *t, const struct csv_row *row, size_t file, size_t label,
                size_t number, const char *path, struct err *err)
{
    const char *text = csv_field(row, label);
    struct triage_label *one = &t->labels[t->n];
    if (row->n <= label || row->n <= file) {
        return err_set(err, ERR_USAGE,
                       "--truth: '%s', row %zu has no label: a row is file,label (0 or 1, NORMAL "
                       "or PATHOLOGY)",
                       path, number);
    }
    *one = (struct triage_label){mem_strdup(csv_field(row, file), err), label_of(text), number};
    t->n += one->file != NULL;
    return one->file &&
        (one->label >= 0 ||
         err_set(err, ERR_USAGE,
                 "--truth: '%s', row %zu: '%.60s' is no label (0 or 1, NORMAL or PATHOLOGY)", path,
                 number, text));
}

static int by_file(const void *a, const void *b)
{
    const struct triage_label *x = a, *y = b;
    int order = strcmp(x->file, y->file);
    return order ? order : x->row < y->row ? -1 : x->row > y->row;
}

static bool no_contradiction(struct triage_truth *t, const char *path, struct err *err)
{
    qsort(t->labels, t->n, sizeof *t->labels, by_file);
    for (size_t i = 1; i < t->n; i++) {
        const struct triage_label *a = &t->labels[i - 1], *b = &t->labels[i];
        if (!strcmp(a->file, b->file) && a->label != b->label) {
            return err_set(err, ERR_USAGE,
                           "--truth: '%s' says both 0 and 1 of '%s' (rows %zu and %zu)", path,
                           a->file, a->row, b->row);
        }
    }
    return true;
}

static bool take(const struct csv *csv, const char *path, struct triage_truth *t, struct err *err)
{
    size_t file = 0, label = 1;
    bool head = csv->n > 0 && heading(&csv->rows[0], &file, &label);
    if (csv->n == (head ? 1 : 0)) {
        return err_set(err, ERR_USAGE, "--truth: there are no labels in '%s'", path);
    }
    t->labels = mem_array(csv->n, sizeof *t->labels, err);
    bool ok = t->labels != NULL;
    for (size_t i = head ? 1 : 0; ok && i < csv->n; i++) {
        ok = add(t, &csv->rows[i], file, label, i + 1, path, err);
    }
    return ok && no_contradiction(t, path, err);
}

bool triage_truth_read(const char *path, struct triage_truth *ret, struct err *err)
{
    struct triage_truth t = {NULL, 0};
    struct csv csv = {0};
    size_t length = 0;
    char *text = file_read(path, 0, &length, err);
    bool ok = text != NULL;
    if (!ok) {
        return err_wrap(err, "--truth");
    }
    if (strlen(text) != length || !str_utf8(text)) {
        ok = err_set(err, ERR_USAGE, "--truth: '%s' is no UTF-8 text (save it as CSV UTF-8)", path);
    } else if (!csv_parse_any(text, length, path, &csv, err)) {
        err->code = ERR_USAGE;
        ok = err_wrap(err, "--truth");
    }
    ok = ok && take(&csv, path, &t, err);
    csv_fini(&csv);
    mem_free(text);
    if (!ok) {
        triage_truth_fini(&t);
        return false;
    }
    *ret = t;
    return true;
}

static bool ends_in(const char *path, const char *part)
{
    size_t n = strlen(path), m = strlen(part);
    return n > m && path[n - m - 1] == '/' && str_ends(path, part);
}

/* How surely a label's file is this row: 0 it is not, SIZE_MAX it has its very name; between them
 * the more of their folders agree. */
static size_t agreement(const char *name, const char *wanted)
{
    const char *base = path_base(name);
    size_t n = strlen(wanted), stem = (size_t)(path_ext(base) - base);
    if (!strcmp(name, wanted)) {
        return SIZE_MAX;
    }
    if (!strchr(wanted, '/')) {
        return !strcmp(base, wanted) || (n == stem && !strncmp(base, wanted, n));
    }
    return ends_in(wanted, name) ? strlen(name) : ends_in(name, wanted) ? n : 0;
}

size_t triage_truth_put(const struct triage_truth *truth, struct triage_rows *rows)
{
    size_t unknown = 0;
    for (size_t k = 0; k < truth->n; k++) {
        const struct triage_label *label = &truth->labels[k];
        size_t best = 0;
        for (size_t i = 0; i < rows->n; i++) {
            size_t here = agreement(rows->row[i].name, label->file);
            best = here > best ? here : best;
        }
        for (size_t i = 0; best && i < rows->n; i++) {
            if (agreement(rows->row[i].name, label->file) == best) {
                rows->row[i].truth = label->label;
            }
        }
        unknown += !best;
    }
    rows->has_truth = rows->has_truth || truth->n > 0;
    return unknown;
}

void triage_truth_fini(struct triage_truth *truth)
{
    for (size_t i = 0; i < truth->n; i++) {
        mem_free(truth->labels[i].file);
    }
    mem_free(truth->labels);
    *truth = (struct triage_truth){NULL, 0};
}
