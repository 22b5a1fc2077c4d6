/* Try slices on disk, as recon.try or tomocupy left them, before the eyes of a classifier. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/path.h"
#include "codec/tiff-file.h"
#include "os/file.h"
#include "steps/axis-ai-own.h"
#include "steps/axis-ai.h"
#include "steps/slices.h"

struct found {
    const char *name;
    double centre, score;
};

static int by_centre(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;

    return x->centre < y->centre ? -1 : x->centre > y->centre;
}

static bool score_file(struct axis_ai *ai, const char *dir, struct found *f, struct err *err)
{
    char *path = path_join(dir, f->name, err);
    size_t columns, rows;
    float *pixels = NULL;
    bool good = path != NULL && tiff_read(path, &columns, &rows, &pixels, err);

    if (good && columns != rows) {
        good = err_set(err, ERR_FORMAT, "%s: %zu x %zu pixels, a try slice is square", path,
                       columns, rows);
    }
    good = good && axis_ai_score(ai, pixels, columns, &f->score, err);
    mem_free(pixels);
    mem_free(path);
    return good;
}

static bool score_all(struct axis_ai *ai, const char *dir, struct found *found, size_t count,
                      struct centre_result *ret, struct centre_curve *ret_curve, struct err *err)
{
    struct centre_curve curve = {count, NULL, NULL};
    bool good;

    curve.centre = mem_array(count, sizeof(double), err);
    curve.score = curve.centre == NULL ? NULL : mem_array(count, sizeof(double), err);
    good = curve.score != NULL;
    for (size_t i = 0; good && i < count; i++) {
        good = score_file(ai, dir, &found[i], err);
        curve.centre[i] = found[i].centre;
        curve.score[i] = found[i].score;
    }
    if (!good) {
        centre_curve_fini(&curve);
        return false;
    }
    axis_ai_best(curve.centre, curve.score, count, ret);
    for (size_t i = 0; i < count; i++) {
        curve.score[i] = 1 - curve.score[i];
    }
    *ret_curve = curve;
    return true;
}

bool axis_ai_judge_files(struct axis_ai *ai, const char *dir, size_t slice, bool *ret_any,
                         struct centre_result *ret, struct centre_curve *ret_curve, struct err *err)
{
    size_t names = 0, count = 0;
    char **name = file_is_folder(dir) ? file_list(dir, &names, err) : NULL;
    struct found *found = NULL;
    bool good = true;

    *ret_any = false;
    if (name == NULL) {
        return !file_is_folder(dir);
    }
    found = mem_array(names + 1, sizeof(*found), err);
    good = found != NULL;
    for (size_t i = 0; good && i < names; i++) {
        size_t number;

        if (sscanf(name[i], "recon_slice%zu_center", &number) == 1 && number == slice &&
            slices_try_centre(name[i], &found[count].centre)) {
            found[count++].name = name[i];
        }
    }
    if (good && count >= 2) {
        qsort(found, count, sizeof(*found), by_centre);
        *ret_any = true;
        good = score_all(ai, dir, found, count, ret, ret_curve, err);
    }
    mem_free(found);
    file_list_free(name);
    return good;
}
