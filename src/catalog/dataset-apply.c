/* What a scan of a data set found, piece by piece. */
#include <math.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/dataset.h"
#include "codec/digest.h"

#define SLUG_MAX 40
#define SHORT 8 /* hex digits of a digest in names */

struct applying {
    struct store *s;
    struct err *err;
    int64_t dataset, project;
    char *modality; /* what the data set says */
    int64_t fresh, changed;
};

char *dataset_item_name(const char *path, const char *uid, struct err *err)
{
    char hex[DIGEST_HEX];
    if (!*uid) {
        return mem_strdup(path, err);
    }
    digest_text(uid, strlen(uid), hex);
    return mem_printf(err, "%s#%.*s", path, SHORT, hex);
}

/* --- stems */

/* "003-t1-mprage" of a series' number and description, else its UID's digest. */
static void slug(const json_t *row, char ret[SLUG_MAX + 8])
{
    const char *text = json_get_text(row, "description", "");
    const json_t *number = json_object_get(row, "number");
    char hex[DIGEST_HEX];
    size_t n = 0;
    if (json_is_integer(number) && json_integer_value(number) >= 0) {
        n = (size_t)snprintf(ret, 8, "%03d", (int)(json_integer_value(number) % 100000));
    }
    for (bool gap = n > 0; *text && n < SLUG_MAX; text++) {
        char c = *text;
        c = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            if (gap && n) {
                ret[n++] = '-';
            }
            gap = false;
            ret[n++] = c;
        } else {
            gap = true;
        }
    }
    ret[n] = '\0';
    if (!n) {
        const char *uid = json_get_text(row, "uid", "");
        digest_text(uid, strlen(uid), hex);
        (void)snprintf(ret, SLUG_MAX, "%.*s", SHORT, hex);
    }
}

static void cut_end(char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    const char *base = path_base(text);
    if (strlen(base) > m && !strcasecmp(text + n - m, end)) {
        text[n - m] = '\0';
    }
}

/* Where its results lie: the path without its ending, and which series where there are several. */
static char *wanted_stem(const json_t *row, struct err *err)
{
    const char *path = json_get_text(row, "path", "");
    bool nifti = !strcmp(json_get_text(row, "kind", ""), "nifti"), root = !strcmp(path, ".");
    char part[SLUG_MAX + 8];
    char *stem = mem_strdup(path, err), *whole = NULL;
    if (!stem) {
        return NULL;
    }
    if (nifti) {
        cut_end(stem, ".gz");
        cut_end(stem, ".nii");
    } else {
        cut_end(stem, ".zip");
        cut_end(stem, ".dcm");
    }
    if (nifti || (!root && !json_get_bool(row, "many", false))) {
        return stem;
    }
    slug(row, part);
    whole = root ? mem_strdup(part, err) : mem_printf(err, "%s/%s", stem, part);
    mem_free(stem);
    return whole;
}

static bool stem_free(struct applying *a, const char *stem, bool *ret)
{
    int64_t taken;
    if (!store_int(
            a->s, 0, &taken, a->err,
            "SELECT count(*) FROM series y CROSS JOIN item i ON i.id=y.item_id WHERE y.stem=?1 "
            "AND i.project_id=?2",
            "si", stem, a->project)) {
        return false;
    }
    *ret = !taken;
    return true;
}

/* Unique in the project: a.nii and a.nii.gz both want "a". */
static char *make_stem(struct applying *a, const json_t *row, const char *name)
{
    char hex[DIGEST_HEX];
    bool is_free = false;
    char *stem = wanted_stem(row, a->err);
    if (stem && !stem_free(a, stem, &is_free)) {
        mem_free(stem);
        return NULL;
    }
    if (!stem || is_free) {
        return stem;
    }
    digest_text(name, strlen(name), hex);
    char *other = mem_printf(a->err, "%s-%.*s", stem, SHORT, hex);
    mem_free(stem);
    return other;
}

/* --- rows */

static bool put_item(struct applying *a, const json_t *row, const char *name, int64_t *ret_id)
{
    int64_t now = clock_utc_us(), size = json_get_int(row, "size", 0),
            mtime_ns = json_get_int(row, "mtime_ns", 0);
    const char *kind = json_get_text(row, "kind", ""), *problem = json_get_text(row, "problem", "");
    int64_t id = 0;
    if (!store_int(a->s, 0, &id, a->err,
                   "SELECT id FROM item WHERE project_id=?1 AND level='series' AND name=?2", "is",
                   a->project, name)) {
        return false;
    }
    if (id) {
        *ret_id = id;
        return store_exec(a->s, a->err,
                          "UPDATE item SET kind=?2,size=?3,mtime_ns=?4,gone=0,reason=?5,"
                          "readable=(?5=''),changed_us=?6 WHERE id=?1",
                          "isiisi", id, kind, size, mtime_ns, problem, now);
    }
    bool ok = store_exec(a->s, a->err,
                         "INSERT INTO item(project_id,level,name,kind,size,mtime_ns,reason,"
                         "readable,added_us,changed_us) VALUES(?1,'series',?2,?3,?4,?5,?6,(?6=''),"
                         "?7,?7)",
                         "issiisi", a->project, name, kind, size, mtime_ns, problem, now);
    *ret_id = store_last_id(a->s);
    return ok;
}

static double spacing(const json_t *row, size_t axis)
{
    const json_t *value = json_array_get(json_object_get(row, "spacing"), axis);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool put_series(struct applying *a, const json_t *row, int64_t item, const char *stem)
{
    const char *modality = json_get_text(row, "modality", "");
    bool said = *modality != '\0';
    return store_exec(
        a->s, a->err,
        "INSERT INTO series(item_id,kind,path,stem,uid,study_uid,modality,said,description,number,"
        "patient,date,n_columns,n_rows,n_slices,n_times,spacing_x,spacing_y,spacing_z,orientation,"
        "problem) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,nullif(?10,-1),?11,?12,?13,?14,?15,?16,?17,?18,"
        "?19,?20,?21) ON CONFLICT(item_id) DO UPDATE SET kind=?2,path=?3,uid=?5,study_uid=?6,"
        "modality=CASE WHEN ?8=0 AND said=0 AND ?7='' THEN modality ELSE ?7 END,said=?8,"
        "description=?9,number=nullif(?10,-1),patient=?11,date=?12,n_columns=?13,n_rows=?14,"
        "n_slices=?15,n_times=?16,spacing_x=?17,spacing_y=?18,spacing_z=?19,orientation=?20,"
        "problem=?21",
        "issssssisissiiiidddss", item, json_get_text(row, "kind", ""),
        json_get_text(row, "path", ""), stem, json_get_text(row, "uid", ""),
        json_get_text(row, "study_uid", ""), said ? modality : a->modality, (int64_t)said,
        json_get_text(row, "description", ""), json_get_int(row, "number", -1),
        json_get_text(row, "patient", ""), json_get_text(row, "date", ""),
        json_get_int(row, "columns", 0), json_get_int(row, "rows", 0),
        json_get_int(row, "slices", 0), json_get_int(row, "times", 1), spacing(row, 0),
        spacing(row, 1), spacing(row, 2), json_get_text(row, "orientation", ""),
        json_get_text(row, "problem", ""));
}

static bool into_set(struct applying *a, int64_t item)
{
    return store_exec(a->s, a->err,
                      "INSERT INTO dataset_item(dataset_id,item_id) VALUES(?1,?2) ON CONFLICT DO "
                      "NOTHING",
                      "ii", a->dataset, item);
}

static bool take(struct applying *a, const json_t *row)
{
    const char *path = json_get_text(row, "path", "");
    int64_t id = 0, known = 0;
    if (!*path || *path == '/' || path_climbs(path)) {
        return err_set(a->err, ERR_USAGE, "dataset.apply: '%.80s' is no path in a project", path);
    }
    char *name = dataset_item_name(path, json_get_text(row, "uid", ""), a->err);
    char *stem = NULL;
    bool ok = name && put_item(a, row, name, &id) &&
        store_int(a->s, 0, &known, a->err, "SELECT 1 FROM series WHERE item_id=?1", "i", id) &&
        (known || (stem = make_stem(a, row, name))) && put_series(a, row, id, stem ? stem : name) &&
        into_set(a, id);
    a->fresh += !known;
    a->changed += known;
    mem_free(stem);
    mem_free(name);
    return ok;
}

static bool keep(struct applying *a, int64_t item)
{
    return store_exec(a->s, a->err, "UPDATE item SET gone=0 WHERE id=?1 AND gone=1", "i", item) &&
        into_set(a, item) &&
        (!*a->modality ||
         store_exec(a->s, a->err,
                    "UPDATE series SET modality=?2 WHERE item_id=?1 AND said=0 AND modality=''",
                    "is", item, a->modality));
}

/* Off the lists; what is DICOM becomes `kind`. */
static bool leave(struct applying *a, const json_t *ids, const char *kind)
{
    const json_t *id;
    size_t i;
    json_array_foreach(ids, i, id)
    {
        if (!store_exec(a->s, a->err,
                        "UPDATE item SET gone=1,changed_us=?3,kind=CASE WHEN kind='nifti' THEN "
                        "kind ELSE ?4 END WHERE id=?1 AND project_id=?2",
                        "iiis", (int64_t)json_integer_value(id), a->project, clock_utc_us(),
                        kind)) {
            return false;
        }
    }
    return true;
}

bool dataset_apply(struct store *s, const json_t *args, json_t *counts, struct err *err)
{
    struct applying a = {.s = s, .err = err, .dataset = json_get_int(args, "dataset", 0)};
    const json_t *row;
    size_t i;
    bool ok = dataset_project(s, a.dataset, &a.project, err) &&
        store_text(s, &a.modality, err, "SELECT modality FROM dataset WHERE id=?1", "i", a.dataset);
    ok = ok && (a.modality || err_set(err, ERR_NOTHING, "the data set is gone"));
    json_array_foreach(json_object_get(args, "series"), i, row)
    {
        ok = ok && take(&a, row);
    }
    json_array_foreach(json_object_get(args, "keep"), i, row)
    {
        ok = ok && keep(&a, json_integer_value(row));
    }
    ok = ok && leave(&a, json_object_get(args, "gone"), "dicom") &&
        leave(&a, json_object_get(args, "pieces"), "piece");
    if (ok && json_get_bool(args, "done", false)) {
        ok = store_exec(s, err, "UPDATE dataset SET scanned_us=?2 WHERE id=?1", "ii", a.dataset,
                        clock_utc_us());
    }
    mem_free(a.modality);
    return ok && json_put(counts, "new", json_integer(a.fresh), err) &&
        json_put(counts, "changed", json_integer(a.changed), err);
}
