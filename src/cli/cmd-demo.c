/* `gantry demo`: sample scans, the main job on them, and where to look. It runs the same commands a
 * person would type and shows each. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/child.h"
#include "cli/command.h"
#include "os/file.h"

#define MOST_WORDS 16
#define SEGMENTS "demo-ct-seg"
#define SLIP "alloy_002.h5" /* gets a wrong centre, for Fix COR to find */

struct demo {
    struct cli *c;
    char *self;
    char *folder; /* everything is below */
    char *scans;  /* the project */
};

/* Show and run one command in the project. What fails with status 1 is part of the show: a folder
 * with a broken file has a failure. */
static bool step(struct demo *d, const char *const *words, struct str *ret_out, struct err *err)
{
    const char *argv[MOST_WORDS + 2] = {d->self};
    int status = 0;
    if (!ret_out) {
        cli_print(d->c, "\n%s$ gantry", cli_paint(d->c, "bold"));
    }
    for (size_t i = 0; i < MOST_WORDS && words[i]; i++) {
        argv[i + 1] = words[i];
        if (!ret_out) {
            cli_print(d->c, " %s", words[i]);
        }
    }
    if (!ret_out) {
        cli_print(d->c, "%s\n", cli_paint(d->c, NULL));
    }
    (void)fflush(stdout);
    if (!child_run(argv, d->scans, ret_out, NULL, &status, err)) {
        return false;
    }
    if (status > 1) {
        return err_set(err, ERR_FAILED, "'gantry %s' ended with status %d", words[0], status);
    }
    return true;
}

static bool make_scans(struct demo *d, struct err *err)
{
    struct str said = STR_INIT;
    const char *args[] = {"make-scans", d->scans, "--faults", NULL};
    char *first = path_join(d->scans, SLIP, err);
    bool ok = first != NULL;
    if (ok && file_exists(first)) {
        cli_print(d->c, "The scans in %s are there already.\n", d->scans);
    } else if (ok) {
        cli_print(d->c,
                  "Making three series of synthetic scans in %s: noise, rings, an aborted scan, "
                  "one with its rotation\n"
                  "axis far off, one truncated file ...\n",
                  d->scans);
        (void)fflush(stdout);
        ok = file_mkdirs(d->scans, 0777, err) && child_imaging(args, &said, err);
    }
    mem_free(first);
    str_fini(&said);
    return ok;
}

/* One tile a scan: the folder of its slices, its name, its centre. */
static json_t *sheet_page(const json_t *rows, struct err *err)
{
    json_t *tiles = json_array();
    json_t *page = json_pack("{s:s, s:o?}", "title", "gantry demo", "tiles", tiles);
    bool ok = page && tiles;
    for (size_t i = 0; ok && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *outputs = json_object_get(row, "outputs");
        const char *image = NULL;
        char under[64];
        for (size_t k = 0; k < json_array_size(outputs); k++) {
            const char *path = json_string_value(json_array_get(outputs, k));
            image = path && (str_ends(path, "_rec") || str_ends(path, "_rec.h5")) ? path : image;
        }
        (void)snprintf(under, sizeof under, "centre %.2f (%s)", json_get_double(row, "cor", 0),
                       json_get_text(row, "cor_source", "none"));
        if (image) {
            ok = json_array_append_new(tiles,
                                       json_pack("{s:s, s:s, s:s}", "image", image, "title",
                                                 json_get_text(row, "name", ""), "subtitle",
                                                 under)) == 0;
        }
    }
    if (!ok) {
        json_decref(page);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return page;
}

static bool make_sheet(struct demo *d, const char *png, struct err *err)
{
    static const char *const results[] = {"results", "last", "--json", NULL};
    struct str said = STR_INIT;
    char *in = mem_printf(err, "%s/sheet.json", d->folder), *text = NULL;
    json_t *rows = in && step(d, results, &said, err)
        ? json_parse(str_text(&said), said.len, "the results", err)
        : NULL;
    json_t *page = rows ? sheet_page(rows, err) : NULL;
    bool ok = false;
    text = page ? json_text(page, err) : NULL;
    if (text && file_write(in, text, strlen(text), false, err)) {
        const char *args[] = {"sheet", in, png, NULL};
        ok = child_imaging(args, NULL, err);
        (void)unlink(in);
    }
    mem_free(text);
    json_decref(page);
    json_decref(rows);
    mem_free(in);
    str_fini(&said);
    return ok;
}

/* The main job, then a slip of the keyboard that Fix COR finds, then only what changed is
 * reconstructed anew. */
static bool perform(struct demo *d, const char *xlsx, const char *png, struct err *err)
{
    static const char *const commands[][MOST_WORDS] = {
        {"init", NULL},
        {"run", "tomo-ai-reco", NULL},
        {"cor", "set", SLIP, "20", NULL},
        {"cor", "fix", "series:alloy", NULL},
        {"run", "tomo-ai-reco", "--phase", "full", NULL},
        {"ls", NULL},
        {"errors", NULL},
    };
    const char *results[] = {"results", "last", "-o", xlsx, NULL};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (!step(d, commands[i], NULL, err)) {
            return false;
        }
    }
    return step(d, results, NULL, err) && make_sheet(d, png, err);
}

/* Can models be run? Else the z-profile decides alone. */
static bool has_models(const struct demo *d)
{
    struct str said = STR_INIT;
    const char *args[] = {"triage", d->c->home, "", NULL};
    bool has = child_imaging(args, &said, err_ignore("then there is none"));
    str_fini(&said);
    return has;
}

/* CT: studies as ZIPs of DICOM, one cut, one MR, one empty, become a table. */
static bool triage(struct demo *d, const char *studies, const char *table, bool models,
                   struct err *err)
{
    const char *make[] = {"make-studies", studies, NULL};
    const char *words[] = {"predict",   "--input", studies,   "--output", table,
                           "--workers", "2",       "--model", "none",     NULL};
    if (models) {
        words[7] = NULL;
    }
    if (!file_exists(studies)) {
        struct str said = STR_INIT;
        cli_print(d->c, "\nMaking CT studies of synthetic chests in %s ...\n", studies);
        (void)fflush(stdout);
        bool made = child_imaging(make, &said, err);
        str_fini(&said);
        if (!made) {
            return false;
        }
    }
    return step(d, words, NULL, err);
}

static const json_t *named(const json_t *rows, const char *name)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (str_equal(json_get_text(json_array_get(rows, i), "name", NULL), name)) {
            return json_array_get(rows, i);
        }
    }
    return NULL;
}

/* The data set that an earlier demo made of these studies, else a name that is not taken. Caller
 * frees. */
static char *data_set(struct demo *d, const char *studies, bool *ret_there, struct err *err)
{
    static const char *const words[] = {"dataset", "ls", "--json", NULL};
    struct str said = STR_INIT;
    char *name = mem_strdup("demo-chests", err), real[PATH_MAX];
    json_t *rows = name && step(d, words, &said, err)
        ? json_parse(str_text(&said), said.len, "the data sets", err)
        : NULL;
    bool ok = rows && (realpath(studies, real) || err_errno(err, errno, "'%s'", studies));
    *ret_there = false;
    for (int n = 2; ok && !*ret_there; n++) {
        const json_t *row = named(rows, name);
        *ret_there = row && str_equal(json_get_text(row, "root", NULL), real);
        if (!row || *ret_there) {
            break;
        }
        mem_free(name);
        name = mem_printf(err, "demo-chests-%d", n);
        ok = name != NULL;
    }
    str_fini(&said);
    json_decref(rows);
    if (!ok) {
        mem_free(name);
        return NULL;
    }
    return name;
}

/* Batch prediction: the same studies as a data set, two of them segmented. */
static bool predict(struct demo *d, const char *studies, struct err *err)
{
    bool there = false;
    char *name = data_set(d, studies, &there, err);
    const char *add[] = {"dataset", "add", name, studies, NULL},
               *scan[] = {"dataset", "scan", name, NULL};
    const char *words[] = {"predict", "--dataset", name,          "--model",
                           SEGMENTS,  "--series",  "opacities_*", NULL};
    bool ok = name && step(d, there ? scan : add, NULL, err) && step(d, words, NULL, err);
    mem_free(name);
    return ok;
}

static bool set_up(struct demo *d, struct err *err)
{
    char here[4096];
    if (!getcwd(here, sizeof here)) {
        return err_errno(err, errno, "finding the current folder");
    }
    d->self = path_program(err);
    d->folder = path_absolute(here, d->c->n_args ? d->c->args[0] : "gantry-demo", err);
    d->scans = d->folder ? path_join(d->folder, "scans", err) : NULL;
    return d->self && d->scans;
}

static bool run(struct cli *c, struct err *err)
{
    struct demo d = {.c = c};
    char *xlsx = NULL, *png = NULL, *studies = NULL, *table = NULL;
    bool ok = set_up(&d, err) && make_scans(&d, err);
    xlsx = ok ? path_join(d.folder, "results.xlsx", err) : NULL;
    png = xlsx ? path_join(d.folder, "contact-sheet.png", err) : NULL;
    studies = png ? path_join(d.folder, "ct", err) : NULL;
    table = studies ? path_join(d.folder, "triage.xlsx", err) : NULL;
    ok = table && perform(&d, xlsx, png, err);
    bool models = ok && has_models(&d);
    ok = ok && triage(&d, studies, table, models, err) && (!models || predict(&d, studies, err));
    if (ok) {
        cli_print(
            c,
            "\nWhere to look:\n"
            "  %s\n      every scan with its state, rotation axis and outputs\n"
            "  %s\n      one slice of every reconstruction\n"
            "  %s_rec/\n      try_center/<scan>/ (slices at trial centres, the score curve), "
            "<scan>_rec/ (the slices)\n"
            "  %s\n      one row a CT study (synthetic: no medical device); a picture of each "
            "in per-study/ beside it\n"
            "%s"
            "Go on there:  cd %s && gantry ls\n",
            xlsx, png, d.scans, table,
            models ? "  the folder named by the last line of predict\n      lungs, heart and "
                     "opacities of two of them: mask, volumes, picture (gantry serve shows them)\n"
                   : "",
            d.scans);
    }
    mem_free(table);
    mem_free(studies);
    mem_free(png);
    mem_free(xlsx);
    mem_free(d.scans);
    mem_free(d.folder);
    mem_free(d.self);
    return ok;
}

const struct command command_demo = {
    .name = "demo",
    .group = GROUP_SETUP,
    .summary = "Make sample scans, run the main job on them, say where to look",
    .usage = "[DIR]",
    .help = "DIR (default gantry-demo) gets scans/, their reconstructions, results.xlsx and "
            "contact-sheet.png;\n"
            "ct/, its table triage.xlsx, and a segmentation of two studies in it.",
    .max_args = 1,
    .run = run,
};
