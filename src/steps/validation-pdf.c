/* The document as a report: what was compared, summary tables, plots, the worst series, and those
 * that could not be compared. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/mem.h"
#include "base/str.h"
#include "draw/pdf.h"
#include "math/label-colour.h"
#include "steps/figures.h"
#include "steps/validation.h"

#define LEFT 42.0
#define RIGHT (PDF_WIDTH - 42.0)
#define WIDE (RIGHT - LEFT)
#define TOP 48.0
#define BOTTOM (PDF_HEIGHT - 52.0)
#define LINE 13.0
#define MOST_LABELS 24 /* in plots and tables; the rest is in the CSV */
#define MOST_CLASSES 12
#define WORST 25
#define REASONS 25
#define HEADING 0.36 /* grey of a table's first line, which is smaller too */

/* Where writing goes on. */
struct page {
    struct pdf *pdf;
    const json_t *doc;
    double y;
};

static void foot(const struct page *p)
{
    pdf_line(p->pdf, LEFT, BOTTOM + 14, RIGHT, BOTTOM + 14, 0.7);
    pdf_text(p->pdf, LEFT, BOTTOM + 26, WIDE, 7.5, 0.4,
             "Made by Gantry " GANTRY_VERSION ". Not a medical device: figures of research, not "
             "for diagnosis.");
}

/* Room for so much, on a new page if need be. */
static void need(struct page *p, double height)
{
    if (p->y + height > BOTTOM) {
        foot(p);
        (void)pdf_next(p->pdf);
        p->y = TOP;
    }
}

static void line(struct page *p, double size, double grey, const char *text)
{
    need(p, size + 4);
    p->y += size + 4;
    pdf_text(p->pdf, LEFT, p->y, WIDE, size, grey, text);
}

static void heading(struct page *p, const char *text)
{
    need(p, 60);
    p->y += 12;
    line(p, 12, 0, text);
    p->y += 4;
}

static void head(struct page *p)
{
    const json_t *doc = p->doc;
    const json_t *counts = json_object_get(doc, "counts");
    struct str s = STR_INIT;
    char date[40] = "";
    time_t now = (time_t)(json_get_int(doc, "made_us", 0) / 1000000);
    struct tm tm;

    str_addf(&s, "Validation of %s %s", json_get_text(doc, "model", ""),
             json_get_text(doc, "version", ""));
    line(p, 18, 0, str_text(&s));
    p->y += 4;
    str_clear(&s);
    if (gmtime_r(&now, &tm) != NULL) {
        (void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm);
    }
    str_addf(&s, "Data set %s, prediction %lld, validation %lld, %s",
             json_get_text(doc, "dataset", ""), (long long)json_get_int(doc, "of", 0),
             (long long)json_get_int(doc, "run", 0), date);
    line(p, 9, 0.25, str_text(&s));
    str_clear(&s);
    str_addf(&s, "Truth: %s", json_get_text(doc, "truth", ""));
    line(p, 9, 0.25, str_text(&s));
    str_clear(&s);
    str_addf(&s,
             "%lld series: %lld compared, %lld without a truth, %lld without a prediction, %lld "
             "could not be compared",
             (long long)json_get_int(counts, "series", 0),
             (long long)json_get_int(counts, "compared", 0),
             (long long)json_get_int(counts, "no_truth", 0),
             (long long)json_get_int(counts, "no_prediction", 0),
             (long long)json_get_int(counts, "failed", 0));
    line(p, 9, 0.25, str_text(&s));
    str_fini(&s);
}

/* ---- tables ---- */

static void figure(char ret[32], double value, int digits)
{
    if (isinf(value)) {
        snprintf(ret, 32, "%s", value > 0 ? "infinite" : "-infinite");
    } else if (isnan(value)) {
        snprintf(ret, 32, "-");
    } else {
        snprintf(ret, 32, "%.*f", digits, value);
    }
}

/* The first cell at the left, the others right-aligned below their headings. */
static void cells(struct page *p, const char *first, double first_width, char (*cell)[32], size_t n,
                  double grey)
{
    double size = grey == HEADING ? 7.2 : 8.5;
    double each = (WIDE - first_width) / (double)n;

    need(p, LINE);
    p->y += LINE;
    pdf_text(p->pdf, LEFT, p->y, first_width - 6, size, grey, first);
    for (size_t i = 0; i < n; i++) {
        pdf_text_right(p->pdf, LEFT + first_width + each * (double)(i + 1), p->y, each - 2, size,
                       grey, cell[i]);
    }
}

static void rule(const struct page *p)
{
    pdf_line(p->pdf, LEFT, p->y + 3.5, RIGHT, p->y + 3.5, 0.6);
}

static double part(const json_t *summary, const char *metric, const char *what)
{
    return figures_value(json_object_get(json_object_get(summary, metric), what));
}

static void mask_table(struct page *p)
{
    const json_t *summary = json_object_get(p->doc, "summary");
    char titles[8][32] = {"series",      "Dice mean",    "median",    "IoU mean",
                          "HD95 median", "surface Dice", "volume ml", "one empty"};
    char text[80];

    cells(p, "label", 80, titles, 8, HEADING);
    rule(p);
    for (size_t i = 0; i < json_array_size(summary) && i < MOST_LABELS; i++) {
        const json_t *row = json_array_get(summary, i);
        char cell[8][32];
        figure(cell[0], part(row, "dice", "n"), 0);
        figure(cell[1], part(row, "dice", "mean"), 3);
        figure(cell[2], part(row, "dice", "median"), 3);
        figure(cell[3], part(row, "iou", "mean"), 3);
        figure(cell[4], part(row, "hd95", "median"), 2);
        figure(cell[5], part(row, "surface_dice", "mean"), 3);
        figure(cell[6], part(row, "volume_ml", "mean"), 2);
        figure(cell[7], part(row, "hd95", "infinite"), 0);
        cells(p, json_get_text(row, "name", ""), 80, cell, 8, 0);
    }
    if (json_array_size(summary) > MOST_LABELS) {
        snprintf(text, sizeof(text), "and %zu more labels: see validation.csv",
                 json_array_size(summary) - MOST_LABELS);
        line(p, 8.5, 0.35, text);
    }
    snprintf(text, sizeof(text), "tolerance of surface Dice: %g mm; HD95 in mm",
             json_get_double(p->doc, "tolerance", 1));
    line(p, 8, 0.35, text);
}

/* ---- plots ---- */

/* A colour that a black line is still seen on. */
static void soften(const char *colour, struct pdf_five *ret)
{
    uint8_t rgb[3] = {120, 160, 210};

    if (colour != NULL && !label_colour_parse(colour, rgb)) {
        rgb[0] = rgb[1] = rgb[2] = 180;
    }
    ret->red = 0.35 + 0.65 * rgb[0] / 255;
    ret->green = 0.35 + 0.65 * rgb[1] / 255;
    ret->blue = 0.35 + 0.65 * rgb[2] / 255;
}

/* A round number at or above. */
static double axis_end(double most)
{
    double scale = pow(10, floor(log10(most)));
    double lead = most / scale;

    return scale * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 4 ? 4 : lead <= 6 ? 6 : 10);
}

/* high 0: up to the greatest value that is finite. */
static void box_plot(struct page *p, const char *metric, const char *title, double high)
{
    const json_t *summary = json_object_get(p->doc, "summary");
    struct pdf_five five[MOST_LABELS];
    size_t n = 0;
    double most = 0;

    for (; n < json_array_size(summary) && n < MOST_LABELS; n++) {
        const json_t *row = json_array_get(summary, n);
        five[n] = (struct pdf_five){.name = json_get_text(row, "name", ""),
                                    .low = part(row, metric, "min"),
                                    .q1 = part(row, metric, "q1"),
                                    .median = part(row, metric, "median"),
                                    .q3 = part(row, metric, "q3"),
                                    .high = part(row, metric, "max"),
                                    .mean = part(row, metric, "mean")};
        soften(json_get_text(row, "colour", NULL), &five[n]);
        const double seen[3] = {five[n].high, five[n].q3, five[n].median};
        for (int i = 0; i < 3; i++) {
            most = isfinite(seen[i]) ? fmax(most, seen[i]) : most;
        }
    }
    double height = 34 + 22 * (double)n;
    need(p, height + 10);
    pdf_boxes(p->pdf, (struct pdf_box){LEFT, p->y + 8, WIDE, height}, title, five, n, 0,
              high > 0       ? high
                  : most > 0 ? axis_end(most)
                             : 1);
    p->y += height + 14;
}

static void masks(struct page *p)
{
    heading(p, "Agreement of the masks, by label");
    mask_table(p);
    p->y += 6;
    box_plot(p, "dice", "Dice", 1);
    box_plot(p, "surface_dice", "Surface Dice", 1);
    box_plot(p, "hd95", "HD95, mm (what is infinite ends at the right edge)", 0);
}

static void with_interval(char ret[32], const json_t *share)
{
    double value = figures_value(json_object_get(share, "value"));
    double low = figures_value(json_object_get(share, "low"));
    double high = figures_value(json_object_get(share, "high"));

    if (isnan(value)) {
        snprintf(ret, 32, "-");
    } else if (isnan(low)) {
        snprintf(ret, 32, "%.3f", value);
    } else {
        snprintf(ret, 32, "%.3f (%.2f-%.2f)", value, low, high);
    }
}

static void class_table(struct page *p)
{
    const json_t *list = json_object_get(p->doc, "per_class");
    char titles[5][32] = {"sensitivity", "specificity", "PPV", "NPV", "AUC"};
    static const char *const rate[] = {"sensitivity", "specificity", "ppv", "npv"};
    char accuracy[32];
    char text[80];

    cells(p, "positive class", 66, titles, 5, HEADING);
    rule(p);
    for (size_t i = 0; i < json_array_size(list) && i < MOST_LABELS; i++) {
        const json_t *row = json_array_get(list, i);
        char cell[5][32];
        for (size_t k = 0; k < 4; k++) {
            with_interval(cell[k], json_object_get(json_object_get(row, "rates"), rate[k]));
        }
        with_interval(cell[4], json_object_get(row, "auc"));
        cells(p, json_get_text(row, "name", ""), 66, cell, 5, 0);
    }
    with_interval(accuracy, json_object_get(p->doc, "accuracy"));
    snprintf(text, sizeof(text), "accuracy %s; 95 %% intervals: Wilson, AUC: DeLong", accuracy);
    line(p, 8, 0.35, text);
    if (json_get_int(p->doc, "undecided", 0) > 0) {
        snprintf(text, sizeof(text), "%lld series reached no class's threshold: counted as wrong",
                 (long long)json_get_int(p->doc, "undecided", 0));
        line(p, 8, 0.35, text);
    }
}

static void matrix(const struct page *p, struct pdf_box at)
{
    const json_t *names = json_object_get(p->doc, "classes");
    const json_t *rows = json_object_get(p->doc, "confusion");
    const char *name[MOST_CLASSES];
    size_t count[MOST_CLASSES * MOST_CLASSES];
    size_t n = json_array_size(names);

    if (n == 0 || n > MOST_CLASSES) {
        return; /* the table has it */
    }
    for (size_t r = 0; r < n; r++) {
        name[r] = json_string_value(json_array_get(names, r));
        for (size_t c = 0; c < n; c++) {
            count[r * n + c] =
                (size_t)json_integer_value(json_array_get(json_array_get(rows, r), c));
        }
    }
    pdf_matrix(p->pdf, at, "Confusion matrix", name, count, n);
}

static bool roc(const struct page *p, const json_t *one, struct pdf_box at, struct err *err)
{
    const json_t *list = json_object_get(one, "roc");
    size_t n = json_array_size(list);
    double *xy = mem_array(2 * n + 1, sizeof(*xy), err);
    char title[120];
    char auc[32];

    if (xy == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        xy[i] = json_number_value(json_array_get(json_array_get(list, i), 0));
        xy[n + i] = json_number_value(json_array_get(json_array_get(list, i), 1));
    }
    with_interval(auc, json_object_get(one, "auc"));
    snprintf(title, sizeof(title), "ROC of %.40s, AUC %s", json_get_text(one, "name", ""), auc);
    pdf_unit_plot(p->pdf, at, title, "1 - specificity", "sensitivity", xy, xy + n, NULL, n);
    mem_free(xy);
    return true;
}

static void calibration(const struct page *p, const json_t *one, struct pdf_box at)
{
    const json_t *c = json_object_get(one, "calibration");
    const json_t *bin;
    double x[ROC_BINS];
    double y[ROC_BINS];
    double weight[ROC_BINS];
    double all = 0;
    size_t n = 0;
    size_t i;
    char title[120];

    json_array_foreach(json_object_get(c, "bins"), i, bin)
    {
        all += (double)json_get_int(bin, "n", 0);
    }
    json_array_foreach(json_object_get(c, "bins"), i, bin)
    {
        if (json_get_int(bin, "n", 0) > 0 && n < ROC_BINS) {
            x[n] = json_get_double(bin, "probability", 0);
            y[n] = json_get_double(bin, "share", 0);
            weight[n++] = (double)json_get_int(bin, "n", 0) / all;
        }
    }
    snprintf(title, sizeof(title), "Calibration, Brier %.3f, ECE %.3f",
             json_get_double(c, "brier", 0), json_get_double(c, "ece", 0));
    pdf_unit_plot(p->pdf, at, json_is_object(c) ? title : "Calibration: no probabilities",
                  "probability said", "share that is true", x, y, weight, n);
}

static bool classes(struct page *p, struct err *err)
{
    const json_t *list = json_object_get(p->doc, "per_class");
    double half = WIDE / 2;
    bool good = true;

    heading(p, "Agreement of the classes");
    class_table(p);
    p->y += 8;
    for (size_t i = 0; good && i < json_array_size(list) && i < MOST_CLASSES; i++) {
        const json_t *one = json_array_get(list, i);
        need(p, 250);
        good = roc(p, one, (struct pdf_box){LEFT, p->y + 6, half - 10, 235}, err);
        calibration(p, one, (struct pdf_box){LEFT + half, p->y + 6, half - 10, 235});
        p->y += 250;
    }
    need(p, 210);
    matrix(p, (struct pdf_box){LEFT, p->y + 6, half, 190});
    p->y += 205;
    return good;
}

/* ---- series ---- */

static void worst_of_masks(struct page *p, const json_t *row)
{
    const json_t *label;
    size_t i;
    char cell[2][32];
    char one[32];
    struct str s = STR_INIT;

    figure(cell[0], figures_value(json_object_get(row, "dice")), 3);
    figure(cell[1], figures_value(json_object_get(row, "hd95")), 2);
    cells(p, json_get_text(row, "name", ""), WIDE - 120, cell, 2, 0);
    json_array_foreach(json_object_get(row, "labels"), i, label)
    {
        figure(one, figures_value(json_object_get(label, "dice")), 3);
        str_addf(&s, "%s%s %s", i > 0 ? ", " : "", json_get_text(label, "name", ""), one);
    }
    if (i > 1) {
        need(p, 11);
        p->y += 10;
        pdf_text(p->pdf, LEFT + 12, p->y, WIDE - 140, 7.5, 0.4, str_text(&s));
    }
    str_fini(&s);
}

static void worst_of_classes(struct page *p, const json_t *row)
{
    char cell[3][32];

    snprintf(cell[0], 32, "%.31s", json_get_text(row, "truth", ""));
    snprintf(cell[1], 32, "%.31s", json_get_text(row, "predicted", ""));
    figure(cell[2], figures_value(json_object_get(row, "true_score")), 3);
    cells(p, json_get_text(row, "name", ""), WIDE - 240, cell, 3,
          json_get_bool(row, "right", false) ? 0.35 : 0);
}

static void worst(struct page *p, bool labels)
{
    char of_masks[2][32] = {"lowest Dice", "HD95 mm"};
    char of_classes[3][32] = {"truth", "predicted", "score of truth"};
    const json_t *row;
    size_t i;

    heading(p, "The worst series");
    if (labels) {
        cells(p, "series", WIDE - 240, of_classes, 3, HEADING);
    } else {
        cells(p, "series", WIDE - 120, of_masks, 2, HEADING);
    }
    rule(p);
    json_array_foreach(json_object_get(p->doc, "rows"), i, row)
    {
        if (i == WORST || strcmp(json_get_text(row, "state", ""), "compared") != 0) {
            break;
        }
        (labels ? worst_of_classes : worst_of_masks)(p, row);
    }
}

static void reasons(struct page *p)
{
    const json_t *row;
    size_t i;
    size_t n = 0;
    char text[80];

    json_array_foreach(json_object_get(p->doc, "rows"), i, row)
    {
        struct str s = STR_INIT;
        if (strcmp(json_get_text(row, "state", ""), "compared") == 0) {
            continue;
        }
        if (n++ == 0) {
            heading(p, "Series that were not compared");
        }
        str_addf(&s, "%s: %s", json_get_text(row, "name", ""),
                 json_get_text(row, "reason", json_get_text(row, "state", "")));
        if (n <= REASONS) {
            line(p, 8.5, 0, str_text(&s));
        }
        str_fini(&s);
    }
    if (n > REASONS) {
        snprintf(text, sizeof(text), "and %zu more: see validation.csv", n - REASONS);
        line(p, 8.5, 0.35, text);
    }
}

bool validation_pdf(const json_t *doc, const char *path, struct err *err)
{
    bool labels = strcmp(json_get_text(doc, "kind", ""), "labels") == 0;
    struct page p = {pdf_new(json_get_text(doc, "model", "validation"), err), doc, TOP - 20};
    bool good = p.pdf != NULL;

    if (good) {
        head(&p);
        if (labels) {
            good = classes(&p, err);
        } else {
            masks(&p);
        }
        worst(&p, labels);
        reasons(&p);
        foot(&p);
        good = good && pdf_save(p.pdf, path, err);
    }
    pdf_free(p.pdf);
    return good;
}
