/* Series of DICOM as JSON. The patient's name, ID and dates are in none of it. */
#include "steps/image-dicom.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "codec/zip-file.h"
#include "image/volume.h"
#include "steps/image-facts.h"

/* A range takes reading all pixels: left out where there is more than one looks at. */
#define RANGES_MAX 8

/* --- gantry info ------------------------------------------------------------------------------ */

static json_t *complaints_of(const struct dicom_complaint *list, size_t n)
{
    json_t *texts = json_array();

    for (size_t i = 0; texts != NULL && i < n; i++) {
        if (json_array_append_new(texts, image_text(list[i].text)) != 0) {
            json_decref(texts);
            return NULL;
        }
    }
    return texts;
}

static bool put_words(json_t *row, const struct dicom_series *s, struct err *err)
{
    const char *const words[][2] = {{"uid", s->uid},
                                    {"study_uid", s->study_uid},
                                    {"modality", s->modality},
                                    {"sop_class", s->sop_class},
                                    {"transfer_syntax", s->transfer_syntax},
                                    {"description", s->description},
                                    {"study_description", s->study_description},
                                    {"protocol", s->protocol},
                                    {"body_part", s->body_part}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i][1][0] != '\0' && !json_put(row, words[i][0], image_text(words[i][1]), err)) {
            return false;
        }
    }
    return true;
}

bool image_put_series(json_t *row, const struct dicom_series *s, struct err *err)
{
    struct volume v = {
        .n = {s->columns, s->rows, s->slices, s->times},
        .kind = s->kind,
        .slope = s->slope,
        .intercept = s->intercept,
    };

    memcpy(v.affine, s->affine, sizeof(v.affine));
    return put_words(row, s, err) &&
        json_put(row, "number", json_integer((json_int_t)s->number), err) &&
        json_put(row, "files", json_integer((json_int_t)s->files), err) &&
        json_put(row, "usable", json_boolean(!s->fatal), err) &&
        json_put(row, "axial", json_boolean(s->axial), err) &&
        json_put(row, "tilt_deg", json_real(s->tilt_deg), err) &&
        (s->fatal || image_put_geometry(row, &v, err)) &&
        json_put(row, "complaints", complaints_of(s->complaints, s->n_complaints), err);
}

/* The range of the values; pixels that cannot be read are one more complaint. */
static bool put_pixels(json_t *row, struct dicom_set *set, size_t series, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    struct volume v;
    bool good;

    if (dicom_set_read(set, series, &v, NULL, &why)) {
        good = image_put_geometry(row, &v, err) && image_put_range(row, &v, err);
        volume_fini(&v);
        return good;
    }
    if (why.code == ERR_NOMEM) {
        *err = why;
        return false;
    }
    if (json_array_append_new(json_object_get(row, "complaints"), image_text(why.text)) != 0) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return json_put(row, "usable", json_false(), err);
}

static bool put_set(json_t *row, struct dicom_set *set, struct err *err)
{
    const struct dicom_series *series = NULL;
    const struct dicom_complaint *complaints = NULL;
    struct dicom_counts counts;
    json_t *list = json_array();
    size_t n = dicom_set_series(set, &series);
    size_t n_complaints = dicom_set_complaints(set, &complaints);
    bool good = list != NULL;

    dicom_set_counts(set, &counts);
    good = good && json_put(row, "ok", json_true(), err) &&
        json_put(row, "files", json_integer((json_int_t)counts.files), err) &&
        json_put(row, "images", json_integer((json_int_t)counts.images), err) &&
        json_put(row, "ignored", json_integer((json_int_t)counts.ignored), err) &&
        json_put(row, "damaged", json_integer((json_int_t)counts.damaged), err) &&
        json_put(row, "studies", json_integer((json_int_t)counts.studies), err);
    for (size_t i = 0; good && i < n; i++) {
        json_t *one = json_object();
        good = one != NULL && image_put_series(one, &series[i], err) &&
            (series[i].fatal || n > RANGES_MAX || put_pixels(one, set, i, err));
        good = good && json_array_append(list, one) == 0;
        json_decref(one);
    }
    good = good && json_put(row, "series", json_incref(list), err) &&
        json_put(row, "complaints", complaints_of(complaints, n_complaints), err);
    json_decref(list);
    if (!good && err->code == ERR_NONE) {
        err_set(err, ERR_NOMEM, "out of memory");
    }
    return good;
}

static const char *kind_of(const char *path)
{
    unsigned char bytes[4] = {0};
    struct stat st;
    FILE *file = NULL;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return "dicom-dir";
    }
    file = fopen(path, "re");
    if (file != NULL) {
        size_t n = fread(bytes, 1, sizeof(bytes), file);
        (void)fclose(file);
        if (zip_archive_mine(bytes, n)) {
            return "dicom-zip";
        }
    }
    return "dicom";
}

struct err *image_no_dicom(const char *path, struct err *why)
{
    /* Of a single file that is something else altogether the counts say nothing. */
    if (why->code == ERR_NOTHING && strcmp(kind_of(path), "dicom") == 0 &&
        strstr(why->text, "that can be read") == NULL) {
        err_set(why, ERR_FORMAT, "%s: neither a scan in HDF5 nor NIfTI nor a DICOM image", path);
    }
    /* "nothing to do" is no answer to a path that was named */
    why->code = why->code == ERR_NOTHING ? ERR_FORMAT : why->code;
    return why;
}

bool image_put_dicom(json_t *row, const char *path, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    struct dicom_set *set = dicom_set_open(path, NULL, &why);
    bool good;

    if (set == NULL && why.code == ERR_NOMEM) {
        *err = why;
        return false;
    }
    good = json_put(row, "kind", json_string(set == NULL ? "other" : kind_of(path)), err);
    if (set == NULL) {
        return good && json_put(row, "ok", json_false(), err) &&
            json_put(row, "code", json_string(err_name(why.code)), err) &&
            json_put(row, "reason", image_reason(path, image_no_dicom(path, &why)), err);
    }
    good = good && put_set(row, set, err);
    dicom_set_close(set);
    return good;
}

/* --- gantry convert --------------------------------------------------------------------------- */

static void print_list(const struct dicom_series *series, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct dicom_series *s = &series[i];
        struct str shown = STR_INIT;
        fprintf(stderr, "%4zu  %-4s %zu x %zu x %zu", i + 1, s->modality, s->columns, s->rows,
                s->slices);
        if (s->times > 1) {
            fprintf(stderr, " x %zu", s->times);
        }
        image_show(&shown, s->description);
        fprintf(stderr, "  %s%s%s%s\n", s->uid, shown.len > 0 ? "  " : "", str_text(&shown),
                s->fatal ? "  (no volume)" : "");
        str_fini(&shown);
    }
}

bool image_choose_series(const char *path, const struct dicom_set *set, const char *word,
                         size_t *ret, struct err *err)
{
    const struct dicom_series *series = NULL;
    size_t n = dicom_set_series(set, &series);
    size_t usable = 0;
    int64_t number = 0;

    if (word != NULL && num_int64(word, &number) && number >= 1 && (uint64_t)number <= n) {
        *ret = (size_t)number - 1;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (word != NULL && strcmp(series[i].uid, word) == 0) {
            *ret = i;
            return true;
        }
        usable += !series[i].fatal;
    }
    if (word == NULL && (n == 1 || usable == 1)) {
        for (*ret = 0; usable == 1 && series[*ret].fatal;) {
            ++*ret;
        }
        if (n > 1) {
            fprintf(stderr, "of %zu series this is the only one that makes a volume\n", n);
        }
        return true;
    }
    print_list(series, n);
    if (word != NULL) {
        return err_set(err, ERR_USAGE, "%s: has no series '%s'; above are those that it has", path,
                       word);
    }
    return err_set(err, ERR_USAGE,
                   "%s: has %zu series; say which with --series and a number or UID of the list",
                   path, n);
}

/* "A\B" as ["A", "B"]; ImageType is a list always. */
static json_t *words_of(const struct dicom_fact *fact)
{
    const char *at = fact->text;
    json_t *list;

    if (strchr(at, '\\') == NULL && strcmp(fact->name, "ImageType") != 0) {
        return image_text(at);
    }
    list = json_array();
    while (list != NULL) {
        char part[sizeof(fact->text)];
        size_t length = strcspn(at, "\\");
        (void)snprintf(part, sizeof(part), "%.*s", (int)length, at);
        if (json_array_append_new(list, image_text(part)) != 0) {
            json_decref(list);
            return NULL;
        }
        if (at[length] == '\0') {
            break;
        }
        at += length + 1;
    }
    return list;
}

/* Whole numbers without a decimal point. */
static json_t *plain_number(double value)
{
    return value == floor(value) && fabs(value) < 1e15 ? json_integer((json_int_t)value)
                                                       : image_number(value);
}

static bool all_digits(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return true;
}

static json_t *fact_json(const struct dicom_fact *fact)
{
    const char *t = fact->text;
    json_t *list = NULL;

    if (fact->n == 1) {
        return plain_number(fact->numbers[0]);
    }
    if (fact->n == 0 && strcmp(fact->name, "AcquisitionTime") == 0 && all_digits(t, 6)) {
        return json_sprintf("%.2s:%.2s:%.2s%s", t, t + 2, t + 4, t[6] == '.' ? t + 6 : "");
    }
    if (fact->n == 0) {
        return words_of(fact);
    }
    list = json_array();
    for (size_t i = 0; list != NULL && i < fact->n; i++) {
        if (json_array_append_new(list, plain_number(fact->numbers[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Directions along a row and down a column in DICOM's axes, as ImageOrientationPatient has them. */
static json_t *orientation_of(const struct dicom_series *s)
{
    static const double sign[3] = {-1, -1, 1};
    double cosines[6];

    for (size_t axis = 0; axis < 2; axis++) {
        for (size_t k = 0; k < 3; k++) {
            double cosine = sign[k] * s->affine[k][axis] / s->spacing_mm[axis];
            cosines[axis * 3 + k] = fabs(cosine) < 1e-12 ? 0 : cosine;
        }
    }
    return image_numbers(cosines, 6);
}

json_t *image_sidecar(struct dicom_set *set, size_t series, struct err *err)
{
    const struct dicom_series *all = NULL;
    struct dicom_fact *facts = NULL;
    size_t n = 0;
    json_t *root = json_object();
    bool good = root != NULL || err_set(err, ERR_NOMEM, "out of memory");

    (void)dicom_set_series(set, &all);
    const struct dicom_series *s = &all[series];
    good = good && dicom_set_facts(set, series, &facts, &n, err);
    for (size_t i = 0; good && i < n; i++) {
        good = json_put(root, facts[i].name, fact_json(&facts[i]), err);
    }
    if (good && s->slices > 1) { /* as measured, whatever the header says */
        good = json_put(root, "SpacingBetweenSlices", plain_number(s->spacing_mm[2]), err);
    }
    good = good && json_put(root, "ImageOrientationPatientDICOM", orientation_of(s), err) &&
        json_put(root, "StudyInstanceUID", image_text(s->study_uid), err) &&
        json_put(root, "SeriesInstanceUID", image_text(s->uid), err) &&
        json_put(root, "ConversionSoftware", json_string("Gantry"), err) &&
        json_put(root, "ConversionSoftwareVersion", json_string(GANTRY_VERSION), err) &&
        (s->n_complaints == 0 ||
         json_put(root, "ConversionNotes", complaints_of(s->complaints, s->n_complaints), err));
    mem_free(facts);
    if (!good) {
        json_decref(root);
        root = NULL;
    }
    return root;
}
