/*
 * gantry-imaging make-scans DIR: a folder of synthetic scans in several series, with the faults of
 * real folders when asked for. Prints what was made as JSON, the true centres included.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "codec/json.h"
#include "os/file.h"
#include "steps/command.h"
#include "steps/synth.h"

extern const struct command command_word_make_scans;

#define USAGE                                                                                 \
    "usage: gantry-imaging make-scans DIR [--series N] [--scans N] [--columns N] [--rows N] " \
    "[--angles N] "                                                                           \
    "[--turn 180|360] [--seed N] [--dtype uint8|uint16|float32] [--name NAME] [--centre X] "  \
    "[--clean] [--faults]"

static const char *const series_names[] = {"alloy", "bone", "foam", "glass", "rock", "wood"};
#define SERIES_NAMES (sizeof(series_names) / sizeof(series_names[0]))

struct folder {
    const char *dir;
    const char *name; /* the only series' name, NULL = from the list */
    int64_t series, scans, columns, rows, angles, seed;
    double turn, centre; /* centre NaN = near the middle, another one for each scan */
    enum scan_pixel pixel;
    bool clean, faults;
};

static bool read_number(const char *word, const char *value, int64_t low, int64_t high,
                        int64_t *ret, struct err *err)
{
    if (value == NULL || !num_int64(value, ret) || *ret < low || *ret > high) {
        return err_set(err, ERR_USAGE, "%s wants a whole number from %lld to %lld", word,
                       (long long)low, (long long)high);
    }
    return true;
}

static bool read_dtype(const char *value, enum scan_pixel *ret, struct err *err)
{
    static const char *const names[] = {"uint8", "uint16", "float32"};

    for (size_t i = 0; value != NULL && i < 3; i++) {
        if (strcmp(value, names[i]) == 0) {
            *ret = (enum scan_pixel)i;
            return true;
        }
    }
    return err_set(err, ERR_USAGE, "--dtype wants uint8, uint16 or float32");
}

/* One option; *ret_used is how many words it took. */
static bool read_option(struct folder *f, const char *word, const char *value, int *ret_used,
                        struct err *err)
{
    const struct {
        const char *name;
        int64_t low, high, *place;
    } numbers[] = {
        {"--series", 1, (int64_t)SERIES_NAMES, &f->series},
        {"--scans", 1, 9999, &f->scans},
        {"--columns", 1, 16384, &f->columns},
        {"--rows", 1, 16384, &f->rows},
        {"--angles", 1, 100000, &f->angles},
        {"--seed", 0, 1000000, &f->seed},
    };

    *ret_used = 2;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(word, numbers[i].name) == 0) {
            return read_number(word, value, numbers[i].low, numbers[i].high, numbers[i].place, err);
        }
    }
    if (strcmp(word, "--turn") == 0 || strcmp(word, "--centre") == 0) {
        if (value == NULL || !num_double(value, word[2] == 't' ? &f->turn : &f->centre)) {
            return err_set(err, ERR_USAGE, "%s wants a number", word);
        }
    } else if (strcmp(word, "--dtype") == 0) {
        return read_dtype(value, &f->pixel, err);
    } else if (strcmp(word, "--name") == 0 && value != NULL) {
        f->name = value;
    } else if (strcmp(word, "--clean") == 0 || strcmp(word, "--faults") == 0) {
        *ret_used = 1;
        *(word[2] == 'c' ? &f->clean : &f->faults) = true;
    } else if (f->dir == NULL && word[0] != '-') {
        *ret_used = 1;
        f->dir = word;
    } else {
        return err_set(err, ERR_USAGE, "'%s' is not understood; " USAGE, word);
    }
    return true;
}

static bool read_options(struct folder *f, int argc, char **argv, struct err *err)
{
    for (int i = 0, used = 1; i < argc; i += used) {
        if (!read_option(f, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used, err)) {
            return false;
        }
    }
    return f->dir != NULL || err_set(err, ERR_USAGE, "%s", USAGE);
}

/* A fault for scan `index` (from 0) of series `series`: one of each kind in the folder. */
static const char *fault_of(const struct folder *f, int64_t series, int64_t index)
{
    if (!f->faults) {
        return "none";
    }
    if (series == 0 && index == f->scans - 1) {
        return "aborted";
    }
    if (series == (f->series > 1 ? 1 : 0) && index == f->scans / 2) {
        return "far-centre";
    }
    if (series == f->series - 1 && index == 0 && f->scans > 1) {
        return "truncated";
    }
    return "none";
}

/* Near the middle, a little different in each series and scan; far off by an eighth of the
 * detector. */
static double centre_of(const struct folder *f, int64_t series, int64_t index, const char *fault)
{
    double middle = ((double)f->columns - 1) / 2;

    if (isfinite(f->centre)) {
        return f->centre;
    }
    middle +=
        (double)f->columns * (0.006 * (double)(series + 1) - 0.012) + 0.37 * (double)(index % 3);
    return strcmp(fault, "far-centre") == 0 ? middle + (double)f->columns / 6 : middle;
}

static bool make_one(const struct folder *f, int64_t series, int64_t index, json_t *list,
                     struct err *err)
{
    const char *fault = fault_of(f, series, index);
    const char *name = f->name != NULL && series == 0 ? f->name : series_names[series];
    struct synth_spec spec = {.columns = (size_t)f->columns,
                              .rows = (size_t)f->rows,
                              .angles = (size_t)f->angles,
                              .frames = (size_t)f->angles,
                              .turn_deg = f->turn,
                              .centre = centre_of(f, series, index, fault),
                              .seed = (unsigned)(f->seed + series * 100 + index),
                              .noise = !f->clean,
                              .rings = !f->clean,
                              .pixel = f->pixel};
    char *path = mem_printf(err, "%s/%s_%03lld.h5", f->dir, name, (long long)index + 1);
    json_t *row = NULL;
    struct stat st;
    bool good;

    if (strcmp(fault, "aborted") == 0) {
        spec.frames = spec.angles / 3 > 0 ? spec.angles / 3 : 1;
    }
    good = path != NULL && synth_write(path, &spec, err);
    if (good && strcmp(fault, "truncated") == 0 &&
        (stat(path, &st) != 0 || truncate(path, st.st_size * 6 / 10) != 0)) {
        good = err_errno(err, errno, "truncating %s", path);
    }
    if (good) {
        row = json_pack("{s:s, s:s, s:I, s:f, s:s}", "path", path, "series", name, "index",
                        (json_int_t)index + 1, "centre", spec.centre, "fault", fault);
        good = (row != NULL && json_array_append_new(list, row) == 0) ||
            err_set(err, ERR_NOMEM, "out of memory");
    }
    mem_free(path);
    return good;
}

static bool make_folder(const struct folder *f, json_t *list, struct err *err)
{
    if (!file_mkdirs(f->dir, 0777, err)) {
        return false;
    }
    for (int64_t series = 0; series < f->series; series++) {
        for (int64_t index = 0; index < f->scans; index++) {
            if (!make_one(f, series, index, list, err)) {
                return false;
            }
        }
    }
    return true;
}

static int run(int argc, char **argv)
{
    struct folder f = {.series = 3,
                       .scans = 5,
                       .columns = 256,
                       .rows = 8,
                       .angles = 181,
                       .seed = 1,
                       .turn = 180,
                       .centre = NAN,
                       .pixel = SCAN_PIXEL_U16};
    struct err err = {ERR_NONE, ""};
    json_t *list = json_array();
    char *text = NULL;
    bool good = list != NULL && read_options(&f, argc, argv, &err) && make_folder(&f, list, &err);

    if (good) {
        text = json_pretty(list, &err);
        good = text != NULL;
    }
    if (good) {
        puts(text);
    }
    mem_free(text);
    json_decref(list);
    return good ? 0 : command_fail(&err);
}

const struct command command_word_make_scans = {
    .name = "make-scans",
    .usage = "DIR [--series N] [--scans N] [--columns N] [--rows N] [--angles N] [--faults] ...",
    .help = "synthetic scans for the demo and for tests, with their true centres as JSON",
    .run = run,
};
