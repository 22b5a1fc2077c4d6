/* Facts about images, in the order in which a person asks for them. */
#include "steps/image-facts.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/str.h"
#include "codec/utf8.h"
#include "image/nifti.h"
#include "image/streamlines.h"
#include "steps/image-dicom.h"

json_t *image_text(const char *text)
{
    struct str s = STR_INIT;
    json_t *value;

    utf8_clean(&s, text, SIZE_MAX);
    value = json_string(str_text(&s));
    str_fini(&s);
    return value;
}

void image_show(struct str *out, const char *text)
{
    utf8_clean(out, text, SIZE_MAX);
    for (size_t i = 0; i < out->len; i++) {
        out->buf[i] = (unsigned char)out->buf[i] < ' ' ? ' ' : out->buf[i];
    }
}

json_t *image_reason(const char *path, const struct err *why)
{
    size_t skip = strncmp(why->text, path, strlen(path)) == 0 ? strlen(path) : 0;

    return image_text(why->text + skip + (skip > 0 ? strspn(why->text + skip, ": ") : 0));
}

json_t *image_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *image_numbers(const double *value, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < n; i++) {
        if (json_array_append_new(list, image_number(value[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

bool image_put_geometry(json_t *row, const struct volume *v, struct err *err)
{
    size_t dimensions = v->n[3] > 1 ? 4 : 3;
    json_t *shape = json_array();
    json_t *affine = json_array();
    bool good = shape != NULL && affine != NULL;
    char word[4];
    double mm[3];

    for (size_t i = 0; good && i < dimensions; i++) {
        good = json_array_append_new(shape, json_integer((json_int_t)v->n[i])) == 0;
    }
    for (size_t i = 0; good && i < 3; i++) {
        good = json_array_append_new(affine, image_numbers(v->affine[i], 4)) == 0;
    }
    volume_spacing(v, mm);
    volume_orientation(v, word);
    good = (good || err_set(err, ERR_NOMEM, "out of memory")) &&
        json_put(row, "shape", json_incref(shape), err) &&
        json_put(row, "spacing_mm", image_numbers(mm, 3), err) &&
        json_put(row, "orientation", json_string(word), err) &&
        json_put(row, "dtype", json_string(voxel_name(v->kind)), err) &&
        json_put(row, "slope", json_real(v->slope), err) &&
        json_put(row, "intercept", json_real(v->intercept), err) &&
        json_put(row, "affine", json_incref(affine), err);
    json_decref(shape);
    json_decref(affine);
    return good;
}

bool image_put_range(json_t *row, const struct volume *v, struct err *err)
{
    double range[2];
    size_t bad;

    volume_range(v, &range[0], &range[1], &bad);
    return json_put(row, "range", image_numbers(range, 2), err) &&
        (bad == 0 || json_put(row, "not_finite", json_integer((json_int_t)bad), err));
}

json_t *image_sentences(const char *text)
{
    json_t *list = json_array();

    while (list != NULL && *text != '\0') {
        const char *end = strstr(text, "; ");
        size_t n = end != NULL ? (size_t)(end - text) : strlen(text);
        if (json_array_append_new(list, json_stringn(text, n)) != 0) {
            json_decref(list);
            return NULL;
        }
        text += n + (end != NULL ? 2 : 0);
    }
    return list;
}

static bool put_nifti(json_t *row, const char *path, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    struct nifti_info info;
    struct volume v;
    bool read = nifti_read(path, &v, &info, &why);
    bool good;

    if (!read && why.code == ERR_NOMEM) {
        *err = why;
        return false;
    }
    good = json_put(row, "kind", json_string("nifti"), err) &&
        json_put(row, "ok", json_boolean(read), err);
    if (!read) {
        return good && json_put(row, "code", json_string(err_name(why.code)), err) &&
            json_put(row, "reason", image_reason(path, &why), err);
    }
    good = good && json_put(row, "version", json_integer(info.version), err) &&
        json_put(row, "packed", json_boolean(info.packed), err) &&
        image_put_geometry(row, &v, err) &&
        json_put(row, "stored", json_string(info.stored), err) &&
        json_put(row, "place", json_string(info.place), err) &&
        json_put(row, "place_code", json_integer(info.place_code), err) &&
        (info.time_step_s == 0 || json_put(row, "time_step_s", json_real(info.time_step_s), err)) &&
        (info.description[0] == '\0' ||
         json_put(row, "description", image_text(info.description), err)) &&
        image_put_range(row, &v, err) &&
        json_put(row, "complaints", image_sentences(info.complaints), err);
    volume_fini(&v);
    return good;
}

/* Read to its end: a tractogram that was cut does not say so in front. */
static bool count_tracts(const char *path, struct streamlines_info *info, int64_t *count,
                         int64_t *points, json_t **ret_complaints, struct err *err)
{
    struct streamlines *s = streamlines_open(path, info, err);
    const float *line = NULL;
    bool more = s != NULL;
    bool good = more;

    while (good && more) {
        size_t n = 0;
        good = streamlines_next(s, &line, &n, &more, err);
        *count += good && more;
        *points += (int64_t)n;
    }
    *ret_complaints = image_sentences(good ? streamlines_complaint(s) : "");
    streamlines_close(s);
    return good;
}

static bool put_tracts(json_t *row, const char *path, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    struct streamlines_info info = {.format = "tractogram"};
    int64_t count = 0;
    int64_t points = 0;
    json_t *complaints = NULL;
    bool read = count_tracts(path, &info, &count, &points, &complaints, &why);

    if (!json_put(row, "complaints", complaints, err) ||
        !json_put(row, "kind", json_string(read ? info.format : "tractogram"), err) ||
        !json_put(row, "ok", json_boolean(read), err)) {
        return false;
    }
    if (!read) {
        return json_put(row, "code", json_string(err_name(why.code)), err) &&
            json_put(row, "reason", image_reason(path, &why), err);
    }
    return json_put(row, "streamlines", json_integer((json_int_t)count), err) &&
        json_put(row, "points", json_integer((json_int_t)points), err) &&
        json_put(row, "stored", json_string(info.stored), err);
}

json_t *image_facts(const char *path, struct err *err)
{
    struct stat st;
    json_t *row = json_object();
    bool good = row != NULL || err_set(err, ERR_NOMEM, "out of memory");
    bool file = stat(path, &st) == 0 && S_ISREG(st.st_mode);

    good = good && json_put(row, "path", image_text(path), err) &&
        (!file || json_put(row, "size", json_integer((json_int_t)st.st_size), err));
    if (good && file && (nifti_named(path) || nifti_sniff(path))) {
        good = put_nifti(row, path, err);
    } else if (good && file && streamlines_sniff(path)) {
        good = put_tracts(row, path, err);
    } else if (good) {
        good = image_put_dicom(row, path, err);
    }
    if (!good) {
        json_decref(row);
        row = NULL;
    }
    return row;
}
