/*
 * gantry-imaging convert IN OUT: a DICOM series, or a NIfTI file, as one NIfTI file. Columns, rows
 * and slices keep their order; where they are in the patient is in the affine (DESIGN 11). A DICOM
 * series gets a JSON side-car with the facts that NIfTI has no place for, named as BIDS names them.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "image/nifti.h"
#include "os/file.h"
#include "steps/command.h"
#include "steps/image-dicom.h"
#include "steps/image-facts.h"

extern const struct command command_word_convert;

#define USAGE "usage: gantry-imaging convert IN OUT.nii.gz [--series UID|N] [--force] [--json]"

struct convert {
    const char *in, *out;
    const char *series; /* NULL: the only one */
    bool force, json;
    bool terminal;  /* stderr is one */
    char *sidecar;  /* path; NULL for NIfTI */
    json_t *report; /* what --json prints */
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    stop = number;
}

/* A file that is half written goes away before we do. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static bool read_words(struct convert *c, int argc, char **argv, struct err *err)
{
    bool more = true; /* options are still understood */

    for (int i = 0; i < argc; i++) {
        if (more && strcmp(argv[i], "--force") == 0) {
            c->force = true;
        } else if (more && strcmp(argv[i], "--json") == 0) {
            c->json = true;
        } else if (more && strcmp(argv[i], "--series") == 0 && i + 1 < argc) {
            c->series = argv[++i];
        } else if (more && strcmp(argv[i], "--") == 0) {
            more = false;
        } else if (more && argv[i][0] == '-' && argv[i][1] != '\0') {
            return err_set(err, ERR_USAGE, "%s: " USAGE, argv[i]);
        } else if (c->in == NULL) {
            c->in = argv[i];
        } else if (c->out == NULL) {
            c->out = argv[i];
        } else {
            return err_set(err, ERR_USAGE, USAGE);
        }
    }
    return c->out != NULL || err_set(err, ERR_USAGE, USAGE);
}

/* Everything about the output that can be wrong is found before hours of reading. */
static bool check_out(struct convert *c, const char *path, struct err *err)
{
    char *folder = path_dir(path, err);
    bool good = folder != NULL;

    if (good && file_is_folder(path)) {
        good = err_set(err, ERR_USAGE, "%s: is a folder; name a file in it", path);
    } else if (good && !file_is_folder(folder)) {
        good = err_set(err, ERR_IO, "%s: there is no folder '%s'", path, folder);
    } else if (good && !c->force && file_exists(path)) {
        good = err_set(err, ERR_EXISTS, "%s: exists already; --force replaces it", path);
    }
    mem_free(folder);
    return good;
}

static void tell(const struct convert *c, const struct volume *v, const json_t *complaints)
{
    size_t i;
    const json_t *text;
    char word[4];
    double mm[3];

    volume_spacing(v, mm);
    volume_orientation(v, word);
    if (!c->json) {
        printf("%s: %zu x %zu x %zu", c->out, v->n[0], v->n[1], v->n[2]);
        if (v->n[3] > 1) {
            printf(" x %zu times", v->n[3]);
        }
        printf(", %s, %.4g x %.4g x %.4g mm, %s\n", voxel_name(v->kind), mm[0], mm[1], mm[2], word);
        json_array_foreach(complaints, i, text)
        {
            struct str shown = STR_INIT;
            image_show(&shown, json_string_value(text));
            printf("  note: %s\n", str_text(&shown));
            str_fini(&shown);
        }
    }
}

static bool from_nifti(struct convert *c, struct err *err)
{
    struct volume v;
    struct nifti_info info;

    if (c->series != NULL) {
        return err_set(err, ERR_USAGE, "%s: is NIfTI and has no series to choose from", c->in);
    }
    if (!nifti_read(c->in, &v, &info, err)) {
        return false;
    }
    const struct nifti_extra extra = {.place_code = info.place_code,
                                      .time_step_s = info.time_step_s,
                                      .intent_code = info.intent_code,
                                      .description = info.description,
                                      .stop = &stop};
    bool good = nifti_write(c->out, &v, &extra, err) && image_put_geometry(c->report, &v, err) &&
        json_put(c->report, "complaints", image_sentences(info.complaints), err);
    if (good) {
        tell(c, &v, json_object_get(c->report, "complaints"));
    }
    volume_fini(&v);
    return good;
}

/* --- DICOM ------------------------------------------------------------------------------------ */

/* A line on a terminal that is written over; nothing elsewhere. Any signal ends the reading. */
static bool on_slice(void *arg, size_t done, size_t total)
{
    const struct convert *c = arg;

    if (c->terminal && stop == 0) {
        fprintf(stderr, done < total ? "\r\033[Kreading slices: %zu of %zu" : "\r\033[K", done,
                total);
    } else if (c->terminal) {
        fputs("\r\033[K", stderr);
    }
    return stop == 0;
}

/* "a.nii.gz" -> "a.json" */
static char *sidecar_path(const char *out, struct err *err)
{
    size_t n = strlen(out);

    n -= n > 3 && strcasecmp(out + n - 3, ".gz") == 0 ? strlen(".nii.gz") : strlen(".nii");
    return mem_printf(err, "%.*s.json", (int)n, out);
}

static bool write_json(const char *path, const json_t *value, struct err *err)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
    bool good = text != NULL || err_set(err, ERR_NOMEM, "out of memory");

    if (good) {
        size_t length = strlen(text);
        text[length] = '\n'; /* in the terminator's place */
        good = file_write(path, text, length + 1, true, err);
    }
    mem_free(text);
    return good;
}

/* The volume of one series, its side-car, and the report. */
static bool write_series(struct convert *c, struct dicom_set *set, size_t at, struct err *err)
{
    const struct dicom_series *series = NULL;
    const struct dicom_progress progress = {.tell = on_slice, .arg = c};
    struct volume v = {.voxels = NULL};
    json_t *sidecar = image_sidecar(set, at, err);
    bool good = false;

    (void)dicom_set_series(set, &series);
    if (sidecar == NULL) {
        goto out;
    }
    if (!dicom_set_read(set, at, &v, &progress, err)) {
        good = err_wrap(err, "%s", c->in);
        goto out;
    }
    const struct nifti_extra extra = {
        .place_code = NIFTI_PLACE_SCANNER,
        .time_step_s = v.n[3] > 1 ? json_get_double(sidecar, "RepetitionTime", 0) : 0,
        .description = series[at].description,
        .stop = &stop,
    };
    good = nifti_write(c->out, &v, &extra, err) && write_json(c->sidecar, sidecar, err) &&
        image_put_series(c->report, &series[at], err) && image_put_geometry(c->report, &v, err) &&
        json_put(c->report, "sidecar", image_text(c->sidecar), err);
    if (good) {
        tell(c, &v, json_object_get(c->report, "complaints"));
    }
out:
    volume_fini(&v);
    json_decref(sidecar);
    return good;
}

static bool from_dicom(struct convert *c, struct err *err)
{
    struct dicom_set *set = NULL;
    size_t at = 0;
    bool good;

    c->sidecar = sidecar_path(c->out, err);
    if (c->sidecar == NULL || !check_out(c, c->sidecar, err)) {
        return false;
    }
    set = dicom_set_open(c->in, NULL, err);
    if (set == NULL) {
        (void)image_no_dicom(c->in, err);
        return false;
    }
    good = image_choose_series(c->in, set, c->series, &at, err) && write_series(c, set, at, err);
    dicom_set_close(set);
    return good;
}

static bool convert(struct convert *c, struct err *err)
{
    struct stat st;

    if (!nifti_named(c->out)) {
        return err_set(err, ERR_USAGE, "%s: the name of the new file must end in .nii.gz or .nii",
                       c->out);
    }
    if (!check_out(c, c->out, err)) {
        return false;
    }
    if (stat(c->in, &st) != 0) {
        return err_errno(err, errno, "opening '%s'", c->in);
    }
    c->report = json_object();
    if (c->report == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!json_put(c->report, "path", image_text(c->out), err)) {
        return false;
    }
    if (S_ISREG(st.st_mode) && (nifti_named(c->in) || nifti_sniff(c->in))) {
        return from_nifti(c, err);
    }
    return from_dicom(c, err);
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    struct convert c = {.in = NULL, .terminal = isatty(STDERR_FILENO) == 1};
    char *text = NULL;

    catch_signals();
    bool good = read_words(&c, argc, argv, &err) && convert(&c, &err);

    if (good && c.json) {
        text = json_pretty(c.report, &err);
        good = text != NULL;
    }
    if (text != NULL) {
        puts(text);
    }
    mem_free(text);
    mem_free(c.sidecar);
    json_decref(c.report);
    return good ? 0 : command_fail(&err);
}

const struct command command_word_convert = {
    .name = "convert",
    .usage = "IN OUT.nii.gz [--series UID|N] [--force] [--json]",
    .help = "a DICOM series or a NIfTI file as NIfTI, DICOM with a JSON side-car",
    .run = run,
};
