/* gantry-imaging curve IN.csv OUT.png [MARK]: the first two columns of a CSV (center_scores.csv) as
 * a picture. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "codec/csv.h"
#include "draw/curve.h"
#include "os/file.h"
#include "steps/command.h"

extern const struct command command_word_curve;

#define CSV_MAX ((size_t)256 << 20)

static bool draw(const struct csv *csv, const char *title, double mark, const char *out,
                 struct err *err)
{
    struct curve curve = {title, "", "", NULL, NULL, 0, mark};
    char *aside = mem_printf(err, "%s.gantry-%ld.tmp", out, (long)getpid());
    double *x = aside == NULL ? NULL : mem_array(csv->n + 1, sizeof(double), err);
    double *y = x == NULL ? NULL : mem_array(csv->n + 1, sizeof(double), err);
    bool good = y != NULL;

    if (good && csv->n > 0) {
        curve.x_label = csv_field(&csv->rows[0], 0);
        curve.y_label = csv_field(&csv->rows[0], 1);
    }
    for (size_t i = 1; good && i < csv->n; i++) {
        if (num_double(csv_field(&csv->rows[i], 0), &x[curve.count]) &&
            num_double(csv_field(&csv->rows[i], 1), &y[curve.count])) {
            curve.count++;
        }
    }
    curve.x = x;
    curve.y = y;
    good = good && curve_save(&curve, aside, err) && file_replace(aside, out, err);
    if (!good && aside != NULL) {
        unlink(aside);
    }
    mem_free(x);
    mem_free(y);
    mem_free(aside);
    return good;
}

static bool run_curve(const char *in, const char *out, double mark, struct err *err)
{
    struct csv csv = {NULL, 0};
    size_t length = 0;
    char *text = file_read(in, CSV_MAX, &length, err);
    bool good = text != NULL && csv_parse(text, length, in, &csv, err) &&
        draw(&csv, path_base(in), mark, out, err);

    csv_fini(&csv);
    mem_free(text);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    double mark = NAN;

    if (argc < 2 || argc > 3 || (argc == 3 && !num_double(argv[2], &mark))) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging curve IN.csv OUT.png [MARK]");
        return command_fail(&err);
    }
    return run_curve(argv[0], argv[1], mark, &err) ? 0 : command_fail(&err);
}

const struct command command_word_curve = {
    .name = "curve",
    .usage = "IN.csv OUT.png [MARK]",
    .help = "draw the first two columns of a CSV, with a line at MARK",
    .run = run,
};
