/* Writes to the item table: one small statement a row, one transaction around them (the
 * operation's). */
#include "catalog/apply.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/cor.h"
#include "catalog/judge.h"
#include "catalog/series.h"

/* --- what a walk and the headers say */

/* -1 for what the header does not tell; bound as NULL by SQL's nullif. */
static int64_t header_int(const json_t *header, const char *key)
{
    return json_get_int(header, key, -1);
}

static json_t *header_extra(const json_t *header, struct err *err)
{
    json_t *extra = json_object();
    bool ok = extra || err_set(err, ERR_NOMEM, "out of memory");
    if (ok && json_get_bool(header, "unallocated", false)) {
        ok = json_put(extra, "unallocated", json_true(), err);
    }
    if (ok && !json_get_bool(header, "complete", true)) {
        ok = json_put(extra, "incomplete", json_true(), err);
    }
    if (ok && !json_get_bool(header, "theta_ok", true)) {
        ok = json_put(extra, "theta_ok", json_false(), err);
    }
    if (!ok) {
        json_decref(extra);
        return NULL;
    }
    return extra;
}

struct facts {
    const char *name, *level, *kind, *dtype, *reason;
    int64_t project, size, mtime_ns, readable;
    const json_t *header;
    json_t *extra;
    char *series;
    int64_t index;
};

static bool facts_of(int64_t project, const json_t *file, struct facts *f, struct err *err)
{
    const json_t *header = json_object_get(file, "header");
    bool looked = json_is_object(header);
    bool readable = !looked || json_get_bool(header, "ok", true);
    const char *given = json_get_text(file, "kind", "other");
    bool zip = !strcmp(given, "dicom-zip"); /* stays one, whatever is wrong with it */
    *f = (struct facts){
        .project = project,
        .name = json_get_text(file, "name", ""),
        .kind = zip ? given : json_get_text(header, "kind", looked ? "other" : given),
        .dtype = json_get_text(header, "dtype", NULL),
        .reason = json_get_text(header, "reason", ""),
        .size = json_get_int(file, "size", 0),
        .mtime_ns = json_get_int(file, "mtime_ns", 0),
        .readable = readable,
        .header = header,
    };
    if (!*f->name || f->name[0] == '/') {
        return err_set(err, ERR_USAGE, "scan.apply: a file without a name below the project");
    }
    if (!readable && !*f->reason) {
        f->reason = "unreadable";
    }
    /* An HDF5 file that cannot be read is listed among the scans, with its reason. */
    f->level = (!readable && !zip) || !strcmp(f->kind, "hdf5-projections") ? "scan" : "file";
    f->extra = header_extra(header, err);
    return f->extra && series_of(f->name, &f->series, &f->index, err);
}

static bool update_file(struct store *s, const struct facts *f, bool *ret_found, struct err *err)
{
    /* Growth is what a watch waits for; a second look at the same bytes is none. A scan that was
     * incomplete when the watch began and grows under it counts as new. */
    bool ok = store_exec(
        s, err,
        "UPDATE item SET level=?3,kind=?4,size=?5,mtime_ns=?6,frames=nullif(?7,-1),"
        "angles=nullif(?8,-1),n_rows=nullif(?9,-1),n_columns=nullif(?10,-1),dtype=?11,"
        "logical_bytes=nullif(?12,-1),reason=?13,readable=?14,series=?15,idx=?16,extra=?17,"
        "grown_us=CASE WHEN size<>?5 OR mtime_ns<>?6 THEN ?18 ELSE grown_us END,"
        "baseline=CASE WHEN (size<>?5 OR mtime_ns<>?6) AND baseline=1 AND "
        "EXISTS(SELECT 1 FROM watch WHERE project_id=?1) AND NOT (level='scan' AND readable=1 AND "
        "frames>=angles AND angles>0 AND coalesce(json_extract(extra,'$.unallocated'),"
        "json_extract(extra,'$.incomplete'),0)=0) THEN 0 ELSE baseline END,gone=0,"
        "changed_us=?18 WHERE project_id=?1 AND name=?2 AND level IN ('scan','file')",
        "isssiiiiiisisisiji", f->project, f->name, f->level, f->kind, f->size, f->mtime_ns,
        header_int(f->header, "frames"), header_int(f->header, "angles"),
        header_int(f->header, "rows"), header_int(f->header, "columns"), f->dtype,
        header_int(f->header, "logical_bytes"), f->reason, f->readable, f->series, f->index,
        f->extra, clock_utc_us());
    *ret_found = ok && store_changes(s) > 0;
    return ok;
}

static bool insert_file(struct store *s, const struct facts *f, struct err *err)
{
    return store_exec(
        s, err,
        "INSERT INTO item(project_id,name,level,kind,size,mtime_ns,frames,angles,n_rows,n_columns,"
        "dtype,logical_bytes,reason,readable,series,idx,extra,grown_us,added_us,changed_us,"
        "baseline) VALUES(?1,?2,?3,?4,?5,?6,nullif(?7,-1),nullif(?8,-1),nullif(?9,-1),"
        "nullif(?10,-1),?11,nullif(?12,-1),?13,?14,?15,?16,?17,?18,?18,?18,"
        "NOT EXISTS(SELECT 1 FROM watch WHERE project_id=?1))",
        "isssiiiiiisisisiji", f->project, f->name, f->level, f->kind, f->size, f->mtime_ns,
        header_int(f->header, "frames"), header_int(f->header, "angles"),
        header_int(f->header, "rows"), header_int(f->header, "columns"), f->dtype,
        header_int(f->header, "logical_bytes"), f->reason, f->readable, f->series, f->index,
        f->extra, clock_utc_us());
}

static bool apply_file(struct store *s, int64_t project, const json_t *file, struct err *err)
{
    struct facts f = {0};
    bool found = false;
    bool ok = facts_of(project, file, &f, err) && update_file(s, &f, &found, err) &&
        (found || insert_file(s, &f, err));
    json_decref(f.extra);
    mem_free(f.series);
    return ok;
}

static bool apply_row(struct store *s, const json_t *row, struct err *err)
{
    return store_exec(s, err,
                      "UPDATE item SET auto_skip=?2,skip_reason=?3,status=?4,changed_us=?5 "
                      "WHERE id=?1",
                      "iissi", json_get_int(row, "id", 0),
                      (int64_t)json_get_bool(row, "skip", false), json_get_text(row, "reason", ""),
                      json_get_text(row, "status", STATUS_READY), clock_utc_us());
}

static bool apply_file_cor(struct store *s, const json_t *row, struct err *err)
{
    int64_t id = json_get_int(row, "id", 0);
    double cor = json_get_double(row, "cor", NAN);
    if (!isfinite(cor)) {
        return err_set(err, ERR_USAGE, "scan.apply: a COR that is no number");
    }
    int64_t as_read = 0;
    if (!store_int(s, 0, &as_read, err, "SELECT cor_seen IS ?2 FROM item WHERE id=?1", "id", id,
                   json_get_double(row, "was", NAN))) {
        return false;
    }
    if (!as_read) {
        return true; /* the next refresh compares again */
    }
    return (json_get_bool(row, "seen", false) ||
            cor_write(s, id, cor, "file", NAN, 0, 0, NULL, err)) &&
        store_exec(s, err, "UPDATE item SET cor_seen=?2 WHERE id=?1", "id", id, cor);
}

bool apply_scan(struct store *s, const json_t *args, struct err *err)
{
    int64_t project = json_get_int(args, "project", 0);
    const json_t *row;
    size_t i;
    bool ok = true;
    json_array_foreach(json_object_get(args, "files"), i, row)
    {
        ok = ok && apply_file(s, project, row, err);
    }
    json_array_foreach(json_object_get(args, "gone"), i, row)
    {
        ok = ok &&
            store_exec(s, err, "UPDATE item SET gone=1,changed_us=?3 WHERE id=?1 AND project_id=?2",
                       "iii", (int64_t)json_integer_value(row), project, clock_utc_us());
    }
    if (ok && json_get_bool(args, "all", false)) {
        ok = store_exec(s, err, "UPDATE item SET hidden=0 WHERE project_id=?1 AND hidden=1", "i",
                        project);
    }
    json_array_foreach(json_object_get(args, "rows"), i, row)
    {
        ok = ok && apply_row(s, row, err);
    }
    json_array_foreach(json_object_get(args, "cors"), i, row)
    {
        ok = ok && apply_file_cor(s, row, err);
    }
    return ok;
}

/* --- what people say */

bool apply_cor_value(const json_t *value, double *ret, struct err *err)
{
    const char *text = json_string_value(value);
    if (json_is_null(value) || (text && (!*text || !strcmp(text, "none")))) {
        *ret = NAN;
        return true;
    }
    if (json_is_number(value) && isfinite(json_number_value(value))) {
        *ret = json_number_value(value);
        return true;
    }
    if (text && cor_parse(text, ret)) {
        return true;
    }
    return err_set(err, ERR_USAGE, "'%s' is not a rotation centre: give a finite number, or none",
                   text ? text : "this value");
}

/* true, false, yes, no, 1, 0; null, "" and auto leave it to the rule (-1). */
static bool switch_value(const char *key, const json_t *value, int *ret, struct err *err)
{
    const char *text = json_string_value(value);
    if (json_is_boolean(value)) {
        *ret = json_is_true(value);
    } else if (json_is_integer(value) &&
               (json_integer_value(value) == 0 || json_integer_value(value) == 1)) {
        *ret = (int)json_integer_value(value);
    } else if (json_is_null(value) || (text && (!*text || !strcmp(text, "auto")))) {
        *ret = -1;
    } else if (text && (!strcmp(text, "yes") || !strcmp(text, "on"))) {
        *ret = 1;
    } else if (text && (!strcmp(text, "no") || !strcmp(text, "off"))) {
        *ret = 0;
    } else {
        return err_set(err, ERR_USAGE, "%s is true, false or auto", key);
    }
    return true;
}

static bool set_param(struct store *s, int64_t item, const char *key, const json_t *value,
                      struct err *err)
{
    char *old = NULL;
    if (!store_text(s, &old, err, "SELECT params FROM item WHERE id=?1", "i", item)) {
        return false;
    }
    json_t *params = old ? json_loads(old, 0, NULL) : NULL;
    params = json_is_object(params) ? params : json_object();
    bool remove = json_is_null(value) || (json_is_string(value) && !*json_string_value(value));
    bool ok = params || err_set(err, ERR_NOMEM, "out of memory");
    if (ok && remove) {
        (void)json_object_del(params, key);
    } else if (ok) {
        ok = json_put(params, key, json_deep_copy(value), err);
    }
    ok = ok &&
        store_exec(s, err, "UPDATE item SET params=?2,changed_us=?3 WHERE id=?1", "iji", item,
                   params, clock_utc_us());
    json_decref(params);
    mem_free(old);
    return ok;
}

static bool set_one(struct store *s, int64_t item, const char *key, const json_t *value,
                    struct err *err)
{
    double cor = NAN;
    int on = -1;
    if (!strcmp(key, "cor")) {
        return apply_cor_value(value, &cor, err) &&
            cor_write(s, item, cor, "manual", NAN, 0, 0, NULL, err);
    }
    if (!strcmp(key, "enabled") || !strcmp(key, "skip")) {
        if (!switch_value(key, value, &on, err)) {
            return false;
        }
        if (!strcmp(key, "skip") && on >= 0) {
            on = !on;
        }
        return store_exec(s, err, "UPDATE item SET enabled=nullif(?2,-1),changed_us=?3 WHERE id=?1",
                          "iii", item, (int64_t)on, clock_utc_us());
    }
    return set_param(s, item, key, value, err);
}

/* The items of the arguments, all of them in the store. */
static bool check_items(struct store *s, const json_t *items, struct err *err)
{
    const json_t *id;
    size_t i;
    if (!json_array_size(items)) {
        return err_set(err, ERR_NOTHING, "No files selected.");
    }
    json_array_foreach(items, i, id)
    {
        int64_t there = 0;
        if (!store_int(s, 0, &there, err, "SELECT 1 FROM item WHERE id=?1", "i",
                       (int64_t)json_integer_value(id))) {
            return false;
        }
        if (!there) {
            return err_set(err, ERR_NOTHING, "there is no item %" PRId64,
                           (int64_t)json_integer_value(id));
        }
    }
    return true;
}

bool apply_set(struct store *s, const json_t *args, struct err *err)
{
    json_t *items = json_object_get(args, "items"), *set = json_object_get(args, "set");
    const json_t *id;
    const char *key;
    json_t *value;
    size_t i;
    if (!json_object_size(set)) {
        return err_set(err, ERR_USAGE, "nothing to set");
    }
    if (!check_items(s, items, err)) {
        return false;
    }
    json_array_foreach(items, i, id)
    {
        json_object_foreach(set, key, value)
        {
            if (!set_one(s, json_integer_value(id), key, value, err)) {
                return false;
            }
        }
    }
    return true;
}

bool apply_hidden(struct store *s, const json_t *args, struct err *err)
{
    const json_t *items = json_object_get(args, "items");
    const json_t *id;
    size_t i;
    bool ok = check_items(s, items, err);
    json_array_foreach(items, i, id)
    {
        ok = ok &&
            store_exec(s, err, "UPDATE item SET hidden=?2,changed_us=?3 WHERE id=?1", "iii",
                       (int64_t)json_integer_value(id),
                       (int64_t)json_get_bool(args, "hidden", true), clock_utc_us());
    }
    return ok;
}

bool apply_tag_valid(const char *tag, struct err *err)
{
    for (const unsigned char *p = (const unsigned char *)tag; *p; p++) {
        if (*p <= ' ' || *p == 0x7f || strchr("/,", *p)) {
            return err_set(err, ERR_USAGE,
                           "'%s' cannot be a tag: it has a blank, a comma or a slash", tag);
        }
    }
    return *tag || err_set(err, ERR_USAGE, "an empty text cannot be a tag");
}

bool apply_tag(struct store *s, const json_t *args, int64_t *ret_changed, struct err *err)
{
    const json_t *items = json_object_get(args, "items");
    const char *tag = json_get_text(args, "tag", "");
    const json_t *id;
    size_t i;
    int64_t changed = 0;
    bool ok = apply_tag_valid(tag, err) && check_items(s, items, err);
    bool add = json_get_bool(args, "add", true);
    json_array_foreach(items, i, id)
    {
        int64_t item = json_integer_value(id);
        ok = ok &&
            (add ? store_exec(s, err,
                              "UPDATE item SET tags=tags||?2||'/' WHERE id=?1 AND "
                              "instr(tags,'/'||?2||'/')=0",
                              "is", item, tag)
                 : store_exec(s, err,
                              "UPDATE item SET tags=replace(tags,'/'||?2||'/','/') WHERE "
                              "id=?1 AND instr(tags,'/'||?2||'/')>0",
                              "is", item, tag));
        changed += ok ? store_changes(s) : 0;
    }
    if (ok) {
        *ret_changed = changed;
    }
    return ok;
}
