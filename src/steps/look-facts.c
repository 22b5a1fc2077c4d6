/*
 * What there is to look at: try slices with the score curve that the finder left beside them
 * (center_scores.csv: centre and score, best score highest), full slices, the raw scan. What is
 * missing or damaged is null, with the reason beside it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "codec/tiff-file.h"
#include "image/hdf5-volume.h"
#include "os/file.h"
#include "steps/look-answer.h"

#define CURVE_BYTES ((size_t)4 << 20)

static bool put(json_t *to, const char *key, json_t *value, struct err *err)
{
    return json_put(to, key, value, err);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* ---- the score curve ---- */

struct curve {
    double *centre, *score;
    size_t count;
};

static void curve_fini(struct curve *c)
{
    mem_free(c->centre);
    mem_free(c->score);
    *c = (struct curve){0};
}

/* "centre,score" lines; others (the head, damage) are left out. */
static void curve_parse(char *text, struct curve *c)
{
    char *line = text;

    while (line != NULL && *line != '\0') {
        char *end = strpbrk(line, "\r\n");
        char *comma;

        if (end != NULL) {
            *end = '\0';
        }
        comma = strchr(line, ',');
        if (comma != NULL) {
            *comma = '\0';
            if (num_double(line, &c->centre[c->count]) &&
                num_double(comma + 1, &c->score[c->count]) &&
                (c->count == 0 || c->centre[c->count] > c->centre[c->count - 1])) {
                c->count++;
            }
        }
        line = end != NULL ? end + 1 : NULL;
    }
}

static void curve_read(const struct look_request *q, struct curve *ret)
{
    struct err *quiet = err_ignore("then there is no curve");
    char *folder = look_folder(q, LOOK_TRY, NULL, quiet);
    char *path = folder == NULL ? NULL : path_join(folder, "center_scores.csv", quiet);
    size_t length = 0;
    char *text = path == NULL || !look_confined(q, path, quiet)
        ? NULL
        : file_read(path, CURVE_BYTES, &length, quiet);

    *ret = (struct curve){0};
    if (text != NULL) {
        /* No line is shorter than three bytes. */
        ret->centre = mem_array(length / 3 + 1, sizeof(double), quiet);
        ret->score = mem_array(length / 3 + 1, sizeof(double), quiet);
        if (ret->centre != NULL && ret->score != NULL) {
            curve_parse(text, ret);
        }
    }
    mem_free(text);
    mem_free(path);
    mem_free(folder);
}

/* The score at a centre, between its neighbours on the curve; NaN off its ends. */
static double score_at(const struct curve *c, double centre)
{
    for (size_t i = 0; i + 1 < c->count; i++) {
        if (centre >= c->centre[i] && centre <= c->centre[i + 1]) {
            double t = (centre - c->centre[i]) / (c->centre[i + 1] - c->centre[i]);

            return c->score[i] + t * (c->score[i + 1] - c->score[i]);
        }
    }
    return c->count == 1 && fabs(centre - c->centre[0]) < 0.005 ? c->score[0] : NAN;
}

static json_t *curve_json(const struct curve *c)
{
    json_t *centres = json_array();
    json_t *scores = json_array();
    bool good = centres != NULL && scores != NULL;

    for (size_t i = 0; good && i < c->count; i++) {
        good = json_array_append_new(centres, json_real(c->centre[i])) == 0 &&
            json_array_append_new(scores, json_real(c->score[i])) == 0;
    }
    if (!good) {
        json_decref(centres);
        json_decref(scores);
        return NULL;
    }
    return json_pack("{s:o, s:o}", "centres", centres, "scores", scores);
}

/* ---- try ---- */

static bool add_rows(json_t *to, const struct look_list *list, struct err *err)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < list->count && rows != NULL; i++) {
        if (i == 0 || list->entry[i].number != list->entry[i - 1].number) {
            if (json_array_append_new(rows, json_integer(list->entry[i].number)) != 0) {
                json_decref(rows);
                rows = NULL;
            }
        }
    }
    return put(to, "rows", rows, err);
}

static bool add_slices(json_t *to, const struct look_list *list, int64_t row, const struct curve *c,
                       struct err *err)
{
    json_t *centres = json_array();
    json_t *scores = json_array();
    json_t *files = json_array();
    bool good = centres != NULL && scores != NULL && files != NULL;

    for (size_t i = 0; good && i < list->count; i++) {
        const struct look_entry *e = &list->entry[i];

        if (e->number != row) {
            continue;
        }
        good = json_array_append_new(centres, json_real(e->centre)) == 0 &&
            json_array_append_new(scores, number(score_at(c, e->centre))) == 0 &&
            json_array_append_new(files, json_string(e->name)) == 0;
    }
    if (!good) {
        json_decref(centres);
        json_decref(scores);
        json_decref(files);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    good = put(to, "centres", centres, err);
    good = put(to, "scores", scores, err) && good;
    return put(to, "files", files, err) && good;
}

static bool add_size(json_t *to, const char *folder, const char *name, struct err *err)
{
    struct err *quiet = err_ignore("a slice that cannot be read has no size");
    char *path = path_join(folder, name, err);
    size_t columns = 0;
    size_t rows = 0;
    struct tiff_reader *r = path == NULL ? NULL : tiff_reader_open(path, &columns, &rows, quiet);
    bool good = path != NULL;

    tiff_reader_close(r);
    mem_free(path);
    return good && put(to, "width", json_integer((json_int_t)columns), err) &&
        put(to, "height", json_integer((json_int_t)rows), err);
}

static json_t *try_facts(struct look *look, const struct look_request *q, struct err *err)
{
    struct err none = {ERR_NONE, ""};
    const struct look_list *list = look_finder_list(look->finder, q, LOOK_TRY, &none);
    struct curve curve = {0};
    json_t *facts = NULL;
    int64_t row;
    bool good;

    if (list == NULL) {
        return json_null();
    }
    row = q->row != LOOK_ANY ? q->row : list->entry[list->count / 2].number;
    curve_read(q, &curve);
    facts = json_object();
    good = facts != NULL && put(facts, "row", json_integer(row), err) &&
        add_rows(facts, list, err) && add_slices(facts, list, row, &curve, err) &&
        put(facts, "best", number(look_best_centre(q)), err) &&
        put(facts, "curve", curve.count > 1 ? curve_json(&curve) : json_null(), err) &&
        add_size(facts, list->folder, list->entry[list->count / 2].name, err);
    curve_fini(&curve);
    if (!good) {
        json_decref(facts);
        facts = NULL;
    }
    return facts;
}

/* ---- full ---- */

static json_t *volume_facts(const char *path, bool growing)
{
    struct err why = {ERR_NONE, ""};
    struct hdf5_volume_info v;

    if (!hdf5_volume_look(path, &v, &why)) {
        return json_pack("{s:s, s:s, s:b}", "source", "h5", "problem", why.text, "growing", 0);
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "source", "h5", "first",
                     (json_int_t)v.first, "last", (json_int_t)(v.first + v.done - 1), "count",
                     (json_int_t)v.done, "width", (json_int_t)v.columns, "height",
                     (json_int_t)v.rows, "growing", (int)growing);
}

static json_t *full_facts(struct look *look, const struct look_request *q, struct err *err)
{
    struct look_request whole = *q;
    struct look_place place;
    struct err none = {ERR_NONE, ""};
    const struct look_list *list;
    json_t *facts = NULL;

    whole.kind = LOOK_FULL;
    whole.index = LOOK_ANY;
    if (!look_find(look->finder, &whole, &place, &none)) {
        look_place_fini(&place);
        return json_null();
    }
    if (place.volume) {
        facts = volume_facts(place.path, place.growing);
        look_place_fini(&place);
        return facts;
    }
    look_place_fini(&place);
    list = look_finder_list(look->finder, &whole, LOOK_FULL, &none);
    if (list == NULL) {
        return json_null();
    }
    facts = json_pack("{s:s, s:I, s:I, s:I, s:b}", "source", "tiff", "first",
                      (json_int_t)list->entry[0].number, "last",
                      (json_int_t)list->entry[list->count - 1].number, "count",
                      (json_int_t)list->count, "growing", (int)list->growing);
    if (facts != NULL && !add_size(facts, list->folder, list->entry[list->count / 2].name, err)) {
        json_decref(facts);
        facts = NULL;
    }
    return facts;
}

/* ---- raw ---- */

static json_t *raw_facts(struct look *look, const struct look_request *q, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    const struct hdf5_scan_info *info;
    char *path = look_scan_path(q, err);
    char stamp[96];
    json_t *facts = NULL;

    if (path == NULL) {
        return NULL;
    }
    if (!look_confined(q, path, &why) || !look_stamp(path, stamp, sizeof(stamp), &why) ||
        !look_scan_open(look->scan, path, stamp, look_beside, (void *)(uintptr_t)q, &why)) {
        facts = json_pack("{s:s}", "problem", why.text);
    } else {
        info = look_scan_info(look->scan);
        facts = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:[III], s:s, s:o, s:o}", "frames",
                          (json_int_t)info->frames, "angles", (json_int_t)info->angles, "rows",
                          (json_int_t)info->rows, "columns", (json_int_t)info->columns, "flats",
                          (json_int_t)info->n_white, "darks", (json_int_t)info->n_dark, "shape",
                          (json_int_t)info->frames, (json_int_t)info->rows,
                          (json_int_t)info->columns, "dtype", info->dtype, "theta_first",
                          number(info->theta_ok ? info->theta_first_deg : NAN), "theta_last",
                          number(info->theta_ok ? info->theta_last_deg : NAN));
        if (facts != NULL && info->reason[0] != '\0' &&
            !put(facts, "problem", json_string(info->reason), err)) {
            json_decref(facts);
            facts = NULL;
        }
    }
    mem_free(path);
    return facts;
}

json_t *look_facts(struct look *look, const struct look_request *q, struct err *err)
{
    json_t *raw = raw_facts(look, q, err);
    json_t *full = raw == NULL ? NULL : full_facts(look, q, err);
    json_t *try = full == NULL ? NULL : try_facts(look, q, err);

    if (try == NULL) {
        json_decref(full);
        json_decref(raw);
        return NULL;
    }
    return json_pack("{s:o, s:o, s:o}", "try", try, "full", full, "raw", raw);
}
