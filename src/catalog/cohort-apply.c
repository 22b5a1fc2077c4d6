/* "cohort.apply": rows of subjects, studies and files from what a scan found. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/cohort-own.h"
#include "catalog/cohort-scan.h"

/* A subject, made when it is not there yet; back when it was gone. */
static bool subject_row(struct store *s, int64_t project, const char *pid, int64_t *ret,
                        struct err *err)
{
    int64_t id = 0, now = clock_utc_us();
    if (!store_int(s, 0, &id, err,
                   "SELECT id FROM item WHERE project_id=?1 AND level='subject' AND name=?2", "is",
                   project, pid)) {
        return false;
    }
    bool ok = id ? store_exec(s, err, "UPDATE item SET gone=0,changed_us=?2 WHERE id=?1 AND gone=1",
                              "ii", id, now)
                 : store_exec(s, err,
                              "INSERT INTO item(project_id,level,name,kind,added_us,changed_us) "
                              "VALUES(?1,'subject',?2,'subject',?3,?3)",
                              "isi", project, pid, now);
    *ret = id ? id : store_last_id(s);
    return ok;
}

/* A study that arrives while somebody waits for such (a watch, an autoexec) is not of the baseline.
 */
static bool study_row(struct store *s, int64_t project, const char *name, int64_t grown_us,
                      int64_t *ret, struct err *err)
{
    int64_t id = 0, now = clock_utc_us();
    if (!store_int(s, 0, &id, err,
                   "SELECT id FROM item WHERE project_id=?1 AND level='study' AND name=?2", "is",
                   project, name)) {
        return false;
    }
    grown_us = grown_us > now ? now : grown_us;
    bool ok = id
        ? store_exec(s, err,
                     "UPDATE item SET gone=0,grown_us=max(grown_us,?2),changed_us=?3 WHERE "
                     "id=?1",
                     "iii", id, grown_us, now)
        : store_exec(s, err,
                     "INSERT INTO item(project_id,level,name,kind,grown_us,added_us,"
                     "changed_us,baseline) VALUES(?1,'study',?2,'study',?3,?4,?4,"
                     "NOT EXISTS(SELECT 1 FROM watch WHERE project_id=?1) AND "
                     "EXISTS(SELECT 1 FROM project WHERE id=?1 AND autoexec=''))",
                     "isii", project, name, grown_us, now);
    *ret = id ? id : store_last_id(s);
    return ok;
}

/* "SIZE MTIME_NS PLACE//SUB//NAME": neither a place nor a folder has two slashes in a row. The text
 * is cut up. */
static bool file_row(struct store *s, int64_t study, const char *text, struct err *err)
{
    char *end;
    int64_t size = strtoll(text, &end, 10), mtime_ns = strtoll(end, &end, 10);
    const char *place = *end == ' ' ? end + 1 : "";
    const char *sub = strstr(place, "//"), *name = sub ? strstr(sub + 2, "//") : NULL;
    if (!name || !name[2] || strchr(name + 2, '/')) {
        return err_set(err, ERR_USAGE, "cohort.apply: '%.80s' is no file of a study", text);
    }
    char *parts = mem_strdup(place, err);
    if (!parts) {
        return false;
    }
    parts[sub - place] = '\0';
    parts[name - place] = '\0';
    bool ok = store_exec(s, err,
                         "INSERT INTO file(study_id,place,sub,name,size,mtime_ns) "
                         "VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(study_id,sub,name,place) DO "
                         "UPDATE SET size=?5,mtime_ns=?6,gone=0",
                         "isssii", study, parts, parts + (sub + 2 - place),
                         parts + (name + 2 - place), size, mtime_ns);
    mem_free(parts);
    return ok;
}

static bool files_of(struct store *s, int64_t study, const json_t *entry, struct err *err)
{
    const json_t *row;
    size_t i;
    bool ok = true;
    json_array_foreach(json_object_get(entry, "files"), i, row)
    {
        const char *text = json_string_value(row);
        ok = ok && file_row(s, study, text ? text : "", err);
    }
    json_array_foreach(json_object_get(entry, "gone"), i, row)
    {
        ok = ok &&
            store_exec(s, err, "UPDATE file SET gone=1 WHERE id=?1 AND study_id=?2", "ii",
                       (int64_t)json_integer_value(row), study);
    }
    return ok && cohort_count(s, study, err);
}

static bool patch_attrs(struct store *s, int64_t item, json_t *attrs, struct err *err)
{
    return !json_is_object(attrs) ||
        store_exec(s, err, "UPDATE item SET attrs=json_patch(attrs,?2),changed_us=?3 WHERE id=?1",
                   "iji", item, attrs, clock_utc_us());
}

/* A subject is there as long as one of its studies is. */
static bool judge_subject(struct store *s, int64_t subject, struct err *err)
{
    return store_exec(s, err,
                      "UPDATE item SET gone=NOT EXISTS(SELECT 1 FROM study y JOIN item o ON "
                      "o.id=y.item_id WHERE y.subject_id=?1 AND o.gone=0),changed_us=?2 WHERE "
                      "id=?1",
                      "ii", subject, clock_utc_us());
}

/* A study of layout dicom keeps its row when a further series makes another folder its own. */
static bool move_study(struct store *s, int64_t project, int64_t id, const char *name,
                       struct err *err)
{
    return !id ||
        (store_exec(s, err,
                    "UPDATE item SET name=name||'#'||id WHERE project_id=?1 AND level='study' AND "
                    "name=?2 AND id<>?3 AND gone=1",
                    "isi", project, name, id) &&
         store_exec(s, err,
                    "UPDATE item SET name=?2 WHERE id=?1 AND name<>?2 AND level='study' AND "
                    "NOT EXISTS(SELECT 1 FROM item o WHERE o.project_id=?3 AND o.level='study' AND "
                    "o.name=?2)",
                    "isi", id, name, project));
}

static bool apply_study(struct store *s, int64_t project, const json_t *entry, struct err *err)
{
    const char *name = json_get_text(entry, "name", ""), *pid = json_get_text(entry, "pid", "");
    int64_t subject = 0, study = 0, before = 0;
    if (!*name || name[0] == '/' || !*pid) {
        return err_set(err, ERR_USAGE, "cohort.apply: a study without a folder or a subject");
    }
    return subject_row(s, project, pid, &subject, err) &&
        move_study(s, project, json_get_int(entry, "id", 0), name, err) &&
        study_row(s, project, name, json_get_int(entry, "stirred_us", 0), &study, err) &&
        store_int(s, 0, &before, err, "SELECT subject_id FROM study WHERE item_id=?1", "i",
                  study) &&
        store_exec(s, err,
                   "INSERT INTO study(item_id,subject_id,sid,date,sdesc) "
                   "VALUES(?1,?2,?3,?4,?5) ON CONFLICT(item_id) DO UPDATE SET subject_id=?2,"
                   "sid=?3,date=?4,sdesc=CASE WHEN ?5='' THEN sdesc ELSE ?5 END",
                   "iisss", study, subject, json_get_text(entry, "sid", ""),
                   json_get_text(entry, "date", ""), json_get_text(entry, "sdesc", "")) &&
        files_of(s, study, entry, err) &&
        patch_attrs(s, study, json_object_get(entry, "attrs"), err) &&
        patch_attrs(s, subject, json_object_get(entry, "subject_attrs"), err) &&
        (!before || before == subject || judge_subject(s, before, err));
}

static bool apply_gone(struct store *s, int64_t project, int64_t study, struct err *err)
{
    int64_t subject = 0;
    if (!store_int(s, 0, &subject, err,
                   "SELECT y.subject_id FROM study y JOIN item i ON i.id=y.item_id WHERE "
                   "y.item_id=?1 AND i.project_id=?2",
                   "ii", study, project)) {
        return false;
    }
    return !subject ||
        (store_exec(s, err, "UPDATE item SET gone=1,changed_us=?2 WHERE id=?1", "ii", study,
                    clock_utc_us()) &&
         store_exec(s, err, "UPDATE file SET gone=1 WHERE study_id=?1 AND gone=0", "i", study) &&
         cohort_count(s, study, err) && judge_subject(s, subject, err));
}

static bool apply_folder(struct store *s, int64_t project, const json_t *row, struct err *err)
{
    return store_exec(s, err,
                      "INSERT OR REPLACE INTO dicom_folder(project_id,name,mtime_ns,pid,uid,date,"
                      "sdesc) VALUES(?1,?2,?3,?4,?5,?6,?7)",
                      "isissss", project, json_get_text(row, "name", ""),
                      json_get_int(row, "mtime_ns", 0), json_get_text(row, "pid", ""),
                      json_get_text(row, "uid", ""), json_get_text(row, "date", ""),
                      json_get_text(row, "sdesc", ""));
}

bool cohort_apply(struct store *s, const json_t *args, struct err *err)
{
    int64_t project = json_get_int(args, "project", 0);
    const char *layout = json_get_text(args, "layout", NULL);
    const json_t *row;
    size_t i;
    bool ok = !layout ||
        store_exec(s, err, "UPDATE project SET layout_found=?2 WHERE id=?1", "is", project, layout);
    json_array_foreach(json_object_get(args, "studies"), i, row)
    {
        ok = ok && apply_study(s, project, row, err);
    }
    json_array_foreach(json_object_get(args, "dicom"), i, row)
    {
        ok = ok && apply_folder(s, project, row, err);
    }
    json_array_foreach(json_object_get(args, "gone"), i, row)
    {
        ok = ok && apply_gone(s, project, json_integer_value(row), err);
    }
    return ok;
}
