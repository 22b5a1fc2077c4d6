/*
 * gantry-imaging contrast: run a program that shows slices of a scan, with --min and --max behind
 * its arguments (REQUIREMENTS G19). Both given: they are used as they are. Either missing: 5 and
 * 95 % of the middle slice of the full reconstruction, else of a try slice; none when there is no
 * slice or no contrast in it. The program takes our place: its exit status is the command's.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "math/picture.h"
#include "steps/command.h"
#include "steps/common.h"
#include "steps/look-answer.h"

extern const struct command command_word_contrast;

#define DIGITS 9 /* as many as tell two float32 apart */

struct contrast {
    const char *root, *rec, *name;
    double min, max;
    char **program; /* ends with NULL */
    int words;
};

/* The window of the scan's middle slice; false with ERR_NOTHING when there is none. */
static bool window_of(struct contrast *c, const char *kind, struct err *err)
{
    static const double fractions[2] = {0.05, 0.95};
    struct look look = {0};
    struct look_request q = {0};
    struct look_place place = {0};
    struct look_slice *slice = NULL;
    double found[2];
    json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s}", "id", 1, "what", "slice", "root",
                             c->root, "rec", c->rec, "name", c->name, "kind", kind);
    char *line = json ? json_line(json, err) : NULL;
    bool good = line != NULL && look_request_parse(line, strlen(line), &q, err) &&
        look_open(&look, err) && look_find(look.finder, &q, &place, err);

    slice = good ? look_load(&look, &q, &place, err) : NULL;
    good = slice != NULL &&
        (picture_quantiles(slice->pixels.bytes, slice->columns, slice->rows, false, fractions, 2,
                           found) ||
         err_set(err, ERR_NOTHING, "'%s' has no finite sample", place.path));
    if (good && found[1] <= found[0]) {
        good = err_set(err, ERR_NOTHING, "'%s' has no contrast", place.path);
    }
    if (good) {
        c->min = found[0];
        c->max = found[1];
        printf("contrast: 5 to 95 %% of '%s'\n", place.path);
    }
    look_place_fini(&place);
    look_close(&look);
    look_request_fini(&q);
    mem_free(line);
    json_decref(json);
    return good;
}

/* A slice that cannot be read stops no upload: the program then chooses by itself. */
static void choose(struct contrast *c)
{
    struct err full = {ERR_NONE, ""};
    struct err tried = {ERR_NONE, ""};

    if (isfinite(c->min) && isfinite(c->max)) {
        return;
    }
    c->min = c->max = NAN;
    if (!window_of(c, "full", &full) && !window_of(c, "try", &tried)) {
        printf("contrast: none (%s; %s)\n", full.text, tried.text);
    }
}

static bool take_number(const char *text, double *ret, struct err *err)
{
    return num_double(text, ret) || err_set(err, ERR_USAGE, "contrast: '%s' is no number", text);
}

static bool parse(int argc, char **argv, struct contrast *c, struct err *err)
{
    int i = 0;
    bool good = true;

    for (; good && i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        const char *value = argv[i + 1];

        if (!strcmp(argv[i], "--root")) {
            c->root = value;
        } else if (!strcmp(argv[i], "--rec")) {
            c->rec = value;
        } else if (!strcmp(argv[i], "--name")) {
            c->name = value;
        } else if (!strcmp(argv[i], "--min")) {
            good = take_number(value, &c->min, err);
        } else if (!strcmp(argv[i], "--max")) {
            good = take_number(value, &c->max, err);
        } else {
            good = err_set(err, ERR_USAGE, "contrast: there is no '%s'", argv[i]);
        }
    }
    c->program = argv + i + 1;
    c->words = argc - i - 1;
    return good &&
        ((i < argc && !strcmp(argv[i], "--") && c->words > 0 && c->root && c->rec && c->name) ||
         err_set(err, ERR_USAGE, "usage: gantry-imaging contrast %s", command_word_contrast.usage));
}

/* Told for the log, as a person would type it. */
static void tell(const char *const *words)
{
    struct str line = STR_INIT;

    for (size_t i = 0; words[i] != NULL; i++) {
        str_add(&line, i > 0 ? " " : "+ ");
        common_shell_word(&line, words[i]);
    }
    printf("%s\n", str_text(&line));
    fflush(stdout);
    str_fini(&line);
}

static int run(int argc, char **argv)
{
    struct contrast c = {.min = NAN, .max = NAN};
    struct err err = {ERR_NONE, ""};
    char min[NUM_PLAIN];
    char max[NUM_PLAIN];
    const char **words;
    size_t n = 0;

    if (!parse(argc, argv, &c, &err)) {
        return command_fail(&err);
    }
    choose(&c);
    words = mem_array((size_t)c.words + 5, sizeof(*words), &err);
    if (words == NULL) {
        return command_fail(&err);
    }
    for (; n < (size_t)c.words; n++) {
        words[n] = c.program[n];
    }
    if (isfinite(c.min) && isfinite(c.max)) {
        num_show_plain(c.min, DIGITS, min, sizeof(min));
        num_show_plain(c.max, DIGITS, max, sizeof(max));
        words[n++] = "--min";
        words[n++] = min;
        words[n++] = "--max";
        words[n++] = max;
    }
    words[n] = NULL;
    tell(words);
    (void)execvp(c.program[0], (char *const *)(uintptr_t)words);
    err_errno(&err, errno, "cannot start '%s'", c.program[0]);
    mem_free(words);
    (void)command_fail(&err);
    return 127; /* as a shell says it */
}

const struct command command_word_contrast = {
    .name = "contrast",
    .usage = "--root DIR --rec DIR --name SCAN [--min X] [--max X] -- PROGRAM [ARGUMENT...]",
    .help = "run PROGRAM with --min and --max for the scan's slices: 5 and 95 % of the middle one",
    .run = run,
};
