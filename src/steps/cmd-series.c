/*
 * gantry-imaging series: what image series there are, from headers alone: one line of JSON a
 * series, written out before the next path is opened. A NIfTI file is one series, of DICOM every
 * SeriesInstanceUID in a file, a folder or a ZIP. What cannot be read is a line with "problem",
 * never an end. docs/formats/series.md says what the keys mean. Patients' names are never read.
 *
 * With --list the paths come from a file, of folders only their own files are looked at (who asks
 * knows the folders below), and behind the lines of each path stands {"path", "done": their
 * number}: after a crash the caller knows which path it was and starts again behind it.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/json.h"
#include "image/dicom-series.h"
#include "image/nifti.h"
#include "os/file.h"
#include "steps/command.h"
#include "steps/image-dicom.h"
#include "steps/image-facts.h"

extern const struct command command_word_series;

#define USAGE "usage: gantry-imaging series PATH... | --list FILE"
/* A list of a million long paths. */
#define LIST_MAX ((size_t)1 << 30)
/* Side-cars hold a few hundred facts. */
#define SIDECAR_MAX ((size_t)4 << 20)
/* Folders in folders. */
#define DEPTH_MAX 48

struct telling {
    bool list;    /* --list: flat, and with "done" */
    size_t lines; /* of this path so far */
    struct err *err;
};

/* Takes the reference of `line`. */
static bool say(struct telling *t, json_t *line)
{
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    bool good = true;

    json_decref(line);
    if (text == NULL) {
        return err_set(t->err, ERR_NOMEM, "out of memory");
    }
    if (puts(text) == EOF || fflush(stdout) == EOF) {
        good = err_errno(t->err, errno, "writing the list of series");
    }
    t->lines++;
    mem_free(text);
    return good;
}

static json_t *begin(const char *path, const char *kind)
{
    return json_pack("{s:o, s:s}", "path", image_text(path), "kind", kind);
}

static bool say_problem(struct telling *t, const char *path, const char *kind,
                        const struct err *why, bool nothing)
{
    json_t *line = begin(path, kind);

    if (line != NULL && json_object_set_new(line, "problem", image_reason(path, why)) == 0 &&
        (!nothing || json_object_set_new(line, "nothing", json_true()) == 0)) {
        return say(t, line);
    }
    json_decref(line);
    return err_set(t->err, ERR_NOMEM, "out of memory");
}

/* Counts, spacing and orientation of `v`, which has no voxels. */
static bool put_grid(json_t *line, const struct volume *v, struct err *err)
{
    static const char *const names[4] = {"columns", "rows", "slices", "times"};
    char word[4];
    double mm[3];

    for (size_t i = 0; i < 4; i++) {
        if (!json_put(line, names[i], json_integer((json_int_t)v->n[i]), err)) {
            return false;
        }
    }
    volume_spacing(v, mm);
    volume_orientation(v, word);
    return json_put(line, "spacing", image_numbers(mm, 3), err) &&
        json_put(line, "orientation", json_string(word), err);
}

/* YYYYMMDD, YYYY.MM.DD or ISO 8601 as YYYY-MM-DD; "" when it is none. */
static void iso_date(const char *date, char ret[11])
{
    ret[0] = '\0';
    if (strspn(date, "0123456789") >= 8) {
        (void)snprintf(ret, 11, "%.4s-%.2s-%.2s", date, date + 4, date + 6);
    } else if (strlen(date) >= 10 && (date[4] == '.' || date[4] == '-') && date[7] == date[4]) {
        (void)snprintf(ret, 11, "%.4s-%.2s-%.2s", date, date + 5, date + 8);
    }
    if (strspn(ret, "0123456789-") != strlen(ret)) {
        ret[0] = '\0';
    }
}

/* --- NIfTI */

/* "a.nii.gz" -> the JSON beside it, NULL when there is none or it is none: a side-car adds facts,
 * and its lack is no trouble. */
static json_t *sidecar_of(const char *path)
{
    struct err none = {ERR_NONE, ""};
    size_t n = strlen(path), length = 0;
    char *beside = NULL, *text = NULL;
    json_t *doc = NULL;

    n -= str_ends(path, ".gz") ? strlen(".nii.gz") : strlen(".nii");
    beside = mem_printf(&none, "%.*s.json", (int)n, path);
    if (beside != NULL && file_exists(beside)) {
        text = file_read(beside, SIDECAR_MAX, &length, &none);
        doc = text != NULL ? json_parse(text, length, beside, &none) : NULL;
    }
    mem_free(text);
    mem_free(beside);
    return doc;
}

/* Side-cars as BIDS, dcm2niix and `gantry convert` write them. */
static bool put_sidecar(json_t *line, const json_t *car, struct err *err)
{
    static const char *const texts[][2] = {
        {"modality", "Modality"},        {"description", "SeriesDescription"},
        {"description", "ProtocolName"}, {"patient", "PatientID"},
        {"uid", "SeriesInstanceUID"},    {"study_uid", "StudyInstanceUID"}};
    static const char *const dates[] = {"StudyDate", "AcquisitionDate", "AcquisitionDateTime"};
    const json_t *number = json_object_get(car, "SeriesNumber");
    char date[11] = "";

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *value = json_get_text(car, texts[i][1], "");
        if (value[0] != '\0' && json_object_get(line, texts[i][0]) == NULL &&
            !json_put(line, texts[i][0], json_string(value), err)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]) && date[0] == '\0'; i++) {
        iso_date(json_get_text(car, dates[i], ""), date);
    }
    return (date[0] == '\0' || json_put(line, "date", json_string(date), err)) &&
        (!json_is_integer(number) ||
         json_put(line, "number", json_integer(json_integer_value(number)), err));
}

static bool tell_nifti(struct telling *t, const char *path)
{
    struct err why = {ERR_NONE, ""};
    struct nifti_info info;

    if (!nifti_look(path, &info, &why)) {
        return say_problem(t, path, "nifti", &why, false);
    }
    struct volume v = {.n = {info.n[0], info.n[1], info.n[2], info.n[3]}};
    json_t *line = begin(path, "nifti");
    json_t *car = sidecar_of(path);
    memcpy(v.affine, info.affine, sizeof(v.affine));
    bool good = line != NULL ? put_grid(line, &v, t->err) && put_sidecar(line, car, t->err)
                             : err_set(t->err, ERR_NOMEM, "out of memory");
    json_decref(car);
    if (!good) {
        json_decref(line);
        return false;
    }
    return say(t, line);
}

/* --- DICOM */

static bool put_series(json_t *line, const struct dicom_series *s, struct err *err)
{
    const char *const words[][2] = {{"uid", s->uid},
                                    {"study_uid", s->study_uid},
                                    {"modality", s->modality},
                                    {"description", s->description},
                                    {"patient", s->patient_id}};
    struct volume v = {.n = {s->columns, s->rows, s->slices, s->times}};
    const struct dicom_complaint *fatal = NULL;
    char date[11];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i][1][0] != '\0' && !json_put(line, words[i][0], image_text(words[i][1]), err)) {
            return false;
        }
    }
    for (size_t i = 0; i < s->n_complaints && fatal == NULL; i++) {
        fatal = s->complaints[i].fatal ? &s->complaints[i] : NULL;
    }
    iso_date(s->date, date);
    memcpy(v.affine, s->affine, sizeof(v.affine));
    return json_put(line, "number", json_integer((json_int_t)s->number), err) &&
        json_put(line, "files", json_integer((json_int_t)s->files), err) &&
        (date[0] == '\0' || json_put(line, "date", json_string(date), err)) &&
        (s->fatal || put_grid(line, &v, err)) &&
        (!s->fatal ||
         json_put(line, "problem",
                  fatal != NULL ? image_text(fatal->text) : json_string("it makes no volume"),
                  err));
}

static bool tell_dicom(struct telling *t, const char *path, bool flat)
{
    struct dicom_limits limits = DICOM_LIMITS_DEFAULT;
    struct err why = {ERR_NONE, ""};
    const struct dicom_series *series = NULL;
    bool good = true;

    limits.flat = flat;
    struct dicom_set *set = dicom_set_open(path, &limits, &why);
    if (set == NULL && why.code == ERR_NOMEM) {
        *t->err = why;
        return false;
    }
    if (set == NULL) {
        bool nothing = why.code == ERR_NOTHING;
        return say_problem(t, path, "dicom", image_no_dicom(path, &why), nothing);
    }
    size_t n = dicom_set_series(set, &series);
    for (size_t i = 0; good && i < n; i++) {
        json_t *line = begin(path, "dicom");
        good = line != NULL ? put_series(line, &series[i], t->err)
                            : err_set(t->err, ERR_NOMEM, "out of memory");
        if (good) {
            good = say(t, line);
        } else {
            json_decref(line);
        }
    }
    dicom_set_close(set);
    return good;
}

/* --- paths */

/* NIfTI files of a folder that a person named. NOLINTNEXTLINE(misc-no-recursion): bounded. */
static bool tell_niftis(struct telling *t, const char *folder, int depth)
{
    struct err why = {ERR_NONE, ""};
    size_t n = 0;
    char **names = depth < DEPTH_MAX ? file_list(folder, &n, &why) : NULL;
    bool good = true;

    for (size_t i = 0; good && names != NULL && i < n; i++) {
        struct stat st;
        char *path = names[i][0] == '.' ? NULL : path_join(folder, names[i], t->err);
        good = path != NULL || names[i][0] == '.';
        if (path != NULL && lstat(path, &st) == 0) {
            good = S_ISDIR(st.st_mode)                         ? tell_niftis(t, path, depth + 1)
                : S_ISREG(st.st_mode) && nifti_named(names[i]) ? tell_nifti(t, path)
                                                               : true;
        }
        mem_free(path);
    }
    file_list_free(names);
    return good;
}

static bool tell(struct telling *t, const char *path)
{
    struct stat st;
    struct err why = {ERR_NONE, ""};

    t->lines = 0;
    if (stat(path, &st) != 0) {
        err_errno(&why, errno, "%s", path);
        return say_problem(t, path, nifti_named(path) ? "nifti" : "dicom", &why, false);
    }
    if (S_ISREG(st.st_mode) && (nifti_named(path) || nifti_sniff(path))) {
        return tell_nifti(t, path);
    }
    if (!S_ISDIR(st.st_mode) || t->list) {
        return tell_dicom(t, path, S_ISDIR(st.st_mode));
    }
    if (!tell_niftis(t, path, 0)) {
        return false;
    }
    /* a folder of NIfTI alone holds no DICOM, and that is no trouble */
    struct dicom_set *set = t->lines > 0 ? dicom_set_open(path, NULL, &why) : NULL;
    bool only = t->lines > 0 && set == NULL && why.code == ERR_NOTHING;
    dicom_set_close(set);
    return only || tell_dicom(t, path, false);
}

static bool tell_list(struct telling *t, const char *list)
{
    size_t length = 0;
    char *paths =
        file_read(strcmp(list, "-") == 0 ? "/dev/stdin" : list, LIST_MAX, &length, t->err);
    bool good = paths != NULL;

    for (char *at = paths; good && at < paths + length; at += strlen(at) + 1) {
        if (at[0] == '\0') {
            continue;
        }
        good = tell(t, at) &&
            say(t, json_pack("{s:o, s:I}", "path", image_text(at), "done", (json_int_t)t->lines));
    }
    mem_free(paths);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    struct telling t = {.err = &err, .list = argc == 2 && strcmp(argv[0], "--list") == 0};
    bool good = argc > 0 && (argv[0][0] != '-' || t.list);

    if (!good) {
        err_set(&err, ERR_USAGE, USAGE);
    } else if (t.list) {
        good = tell_list(&t, argv[1]);
    }
    for (int i = 0; good && !t.list && i < argc; i++) {
        good = tell(&t, argv[i]);
    }
    return good ? 0 : command_fail(&err);
}

const struct command command_word_series = {
    .name = "series",
    .usage = "PATH... | --list FILE",
    .help = "the image series of files, folders and ZIPs from their headers, one line of JSON each",
    .run = run,
};
