/* Arguments of the steps over images. */
#include "steps/image-args.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "steps/common.h"

const char *image_arg_name(const struct job *job, const char *path)
{
    const char *root = json_get_text(job->root, "like", NULL);
    const char *below = root != NULL ? path_below(path, root) : NULL;

    return below != NULL ? below : path;
}

bool image_arg_paths(const struct job *job, const char *id, const char **ret, size_t most,
                     size_t *ret_n, struct err *err)
{
    const json_t *value = json_object_get(job->params, id);
    size_t n = json_is_array(value) ? json_array_size(value) : 1;

    if (value == NULL || json_is_null(value) ||
        (json_is_string(value) && json_string_value(value)[0] == '\0')) {
        n = 0;
    }
    if (n > most) {
        return err_set(err, ERR_USAGE, "%s: %zu files are given, %zu at most are taken", id, n,
                       most);
    }
    for (size_t i = 0; i < n; i++) {
        ret[i] = json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        if (ret[i] == NULL) {
            return err_set(err, ERR_USAGE, "%s: is no file", id);
        }
    }
    *ret_n = n;
    return true;
}

bool image_arg_path(const struct job *job, const char *id, bool needed, const char **ret,
                    struct err *err)
{
    const char *path[2] = {NULL, NULL};
    const json_t *value = json_object_get(job->params, id);
    size_t n = 0;

    if (json_array_size(value) > 1) {
        return err_set(err, ERR_USAGE,
                       "%s: %zu files match (%s, %s%s), but it takes one: narrow the pattern, or "
                       "add NTH(1)",
                       id, json_array_size(value),
                       path_base(json_string_value(json_array_get(value, 0))),
                       path_base(json_string_value(json_array_get(value, 1))),
                       json_array_size(value) > 2 ? ", ..." : "");
    }
    if (!image_arg_paths(job, id, path, 1, &n, err)) {
        return false;
    }
    if (n == 0 && needed) {
        return err_set(err, ERR_USAGE, "%s: no file is given", id);
    }
    *ret = path[0];
    return true;
}

const char *image_arg_text(const struct job *job, const char *id, char room[40])
{
    const json_t *value = json_object_get(job->params, id);

    if (json_is_number(value)) {
        snprintf(room, 40, "%.17g", json_number_value(value));
        return room;
    }
    return json_is_string(value) ? json_string_value(value) : "";
}

bool image_arg_out(const struct job *job, const char *id, bool needed, const char **ret,
                   const char **ret_final, struct err *err)
{
    const struct job_output *out = job_output_named(job, id);

    *ret = out != NULL ? out->staging : NULL;
    *ret_final = out != NULL ? out->final : NULL;
    if (out == NULL) {
        return !needed ||
            err_set(err, ERR_USAGE, "%s: the job says no place for it (an OUT argument)", id);
    }
    return common_folder_of(out->staging, err);
}

bool image_arg_numbers(const char *id, const char *text, double *ret, size_t most, size_t *ret_n,
                       struct err *err)
{
    static const char between[] = " ,;\t";
    size_t n = 0;

    for (const char *at = text + strspn(text, between); *at != '\0';) {
        size_t length = strcspn(at, between);
        char word[64];

        if (n == most) {
            return err_set(err, ERR_USAGE, "%s = %.60s: more than %zu numbers", id, text, most);
        }
        snprintf(word, sizeof(word), "%.*s", (int)(length < 63 ? length : 63), at);
        if (length > 63 || !num_double(word, &ret[n])) {
            return err_set(err, ERR_USAGE, "%s: '%s' is no number", id, word);
        }
        n++;
        at += length;
        at += strspn(at, between);
    }
    *ret_n = n;
    return true;
}

double *image_arg_values(const struct volume *v, size_t time, struct err *err)
{
    size_t count = v->n[0] * v->n[1] * v->n[2];
    double *values = mem_big(count, sizeof(*values), err);

    if (values != NULL) {
        volume_doubles(v, time * count, count, values);
    }
    return values;
}

/* How far, in voxels of `a`, the corners of the two grids lie apart at most. */
static double corners_apart(const struct volume *a, const struct volume *b)
{
    double mm[3];
    double most = 0;

    volume_spacing(a, mm);
    double voxel = fmin(mm[0], fmin(mm[1], mm[2]));
    for (unsigned c = 0; c < 8; c++) {
        double square = 0;
        for (size_t i = 0; i < 3; i++) {
            double d = a->affine[i][3] - b->affine[i][3];
            for (size_t k = 0; k < 3; k++) {
                double at = (c >> k & 1) ? (double)(a->n[k] - 1) : 0;
                d += (a->affine[i][k] - b->affine[i][k]) * at;
            }
            square += d * d;
        }
        most = fmax(most, sqrt(square));
    }
    return voxel > 0 ? most / voxel : most > 0 ? INFINITY : 0;
}

bool image_same_grid(const struct job *job, const char *a_path, const struct volume *a,
                     const char *b_path, const struct volume *b, struct err *err)
{
    const char *a_name = image_arg_name(job, a_path);
    const char *b_name = image_arg_name(job, b_path);

    if (memcmp(a->n, b->n, 3 * sizeof(a->n[0])) != 0) {
        return err_set(err, ERR_FORMAT,
                       "%.120s has %zu x %zu x %zu voxels, %.120s %zu x %zu x %zu: bring it there "
                       "with image.resample",
                       a_name, a->n[0], a->n[1], a->n[2], b_name, b->n[0], b->n[1], b->n[2]);
    }
    double apart = corners_apart(a, b);
    return apart <= 0.01 ||
        err_set(err, ERR_FORMAT,
                "%.120s and %.120s have equally many voxels, but lie up to %.3g voxels apart: "
                "bring one to the other with image.resample",
                a_name, b_name, apart);
}

bool image_arg_kind(const char *name, enum voxel *ret, struct err *err)
{
    for (enum voxel kind = VOXEL_U8; kind <= VOXEL_F64; kind++) {
        if (strcmp(voxel_name(kind), name) == 0) {
            *ret = kind;
            return true;
        }
    }
    return err_set(err, ERR_USAGE,
                   "dtype = %.40s is not one of: auto, uint8, int8, uint16, int16, uint32, int32, "
                   "float32, float64",
                   name);
}
