/* Which study a path belongs to, where its outputs go, what it is called. */
#include "catalog/cohort.h"

#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/cohort-own.h"
#include "catalog/project.h"
#include "model/found.h"
#include "model/layout.h"

#define DERIVATIVES "derivatives/"

/* "derivatives/NAME/..." -> behind it; the place is cut off and ended. */
static char *after_place(struct cohort_place *p)
{
    char *name = p->path + strlen(DERIVATIVES);
    char *slash = str_starts(p->path, DERIVATIVES) ? strchr(name, '/') : NULL;
    if (!slash) {
        return p->path;
    }
    *slash = '\0';
    p->place = p->path;
    return slash + 1;
}

/* The study whose folder is the longest one in front of the file. `rest` is cut there. */
static bool find_study(struct store *s, int64_t project, char *rest, struct cohort_place *p,
                       struct err *err)
{
    char *name = strrchr(rest, '/');
    for (char *end = name; end && end > rest;) {
        *end = '\0';
        if (!store_int(s, 0, &p->study, err,
                       "SELECT id FROM item WHERE project_id=?1 AND level='study' AND name=?2",
                       "is", project, rest)) {
            return false;
        }
        if (p->study) {
            if (end != name) {
                *name = '\0'; /* what lies between is the subfolder */
            }
            p->sub = end == name ? "" : end + 1;
            p->name = name + 1;
            return true;
        }
        char *before = strrchr(rest, '/');
        *end = '/';
        end = before;
    }
    return true;
}

/* A file that a study has without having its folder. The folder in front of it is split in each way
 * into the one that the study's own would lie in, and the subfolder. */
static bool find_beside(struct store *s, int64_t project, char *rest, struct cohort_place *p,
                        struct err *err)
{
    char *name = strrchr(rest, '/');
    bool ok = true;
    if (name) {
        *name = '\0';
    }
    for (char *end = name; ok && !p->study;) {
        const char *sub = !end ? (name ? rest : "") : end == name ? "" : end + 1;
        if (end) {
            *end = '\0';
        }
        ok =
            store_int(s, 0, &p->study, err,
                      "SELECT f.study_id FROM file f JOIN item i ON i.id=f.study_id JOIN study y "
                      "ON y.item_id=i.id WHERE i.project_id=?1 AND f.sub=?3 COLLATE NOCASE AND "
                      "f.sub=?3 AND f.name=?4 COLLATE NOCASE AND f.name=?4 AND f.place=?5 AND "
                      "i.name=iif(?2='','',?2||'/')||y.sid AND f.gone=0 ORDER BY i.id LIMIT 1",
                      "issss", project, end ? rest : "", sub, name ? name + 1 : rest, PLACE_BESIDE);
        p->sub = sub;
        if (!end) {
            break;
        }
        char *before = strrchr(rest, '/');
        if (end != name && !p->study) {
            *end = '/';
        }
        end = before;
    }
    p->place = PLACE_BESIDE;
    p->name = name ? name + 1 : rest;
    return ok;
}

bool cohort_place_of(struct store *s, const struct project *project, const char *path,
                     struct cohort_place *ret, struct err *err)
{
    struct cohort_place p = {.place = "", .sub = "", .name = ""};
    char *plain = path_absolute("/", path, err); /* P01/S1/../../x lies in no study */
    const char *below = plain ? path_below(plain, project->root) : NULL;
    if (plain && (!below || !*below || !str_utf8(below))) {
        mem_free(plain);
        *ret = p;
        return true;
    }
    p.path = plain ? mem_strdup(below, err) : NULL;
    mem_free(plain);
    bool dicom = !strcmp(project->layout_now, LAYOUT_DICOM);
    if (!p.path ||
        !find_study(s, project->id,
                    !strcmp(project->layout_now, LAYOUT_BIDS) ? after_place(&p) : p.path, &p,
                    err) ||
        (!p.study && dicom && !find_beside(s, project->id, p.path, &p, err))) {
        mem_free(p.path);
        return false;
    }
    *ret = p;
    return true;
}

bool cohort_count(struct store *s, int64_t study, struct err *err)
{
    return store_exec(s, err,
                      "UPDATE study SET files=(SELECT count(*) FROM file WHERE study_id=?1 AND "
                      "gone=0) WHERE item_id=?1",
                      "i", study);
}

static bool take(struct store *s, const struct cohort_place *p, const struct stat *st,
                 int64_t *ret_file, struct err *err)
{
    int64_t mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec, there = 0;
    /* a folder of two thousand files must not count them two thousand times */
    return store_int(s, 0, &there, err,
                     "SELECT 1 FROM file WHERE study_id=?1 AND sub=?2 AND name=?3 AND place=?4 AND "
                     "gone=0",
                     "isss", p->study, p->sub, p->name, p->place) &&
        store_exec(s, err,
                   "INSERT INTO file(study_id,place,sub,name,size,mtime_ns) "
                   "VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(study_id,sub,name,place) DO UPDATE "
                   "SET size=?5,mtime_ns=?6,gone=0",
                   "isssii", p->study, p->place, p->sub, p->name, (int64_t)st->st_size, mtime_ns) &&
        store_int(s, 0, ret_file, err,
                  "SELECT id FROM file WHERE study_id=?1 AND sub=?2 AND name=?3 AND place=?4",
                  "isss", p->study, p->sub, p->name, p->place) &&
        (there ||
         store_exec(s, err, "UPDATE study SET files=files+1 WHERE item_id=?1", "i", p->study)) &&
        store_exec(s, err, "UPDATE item SET changed_us=?2 WHERE id=?1", "ii", p->study,
                   clock_utc_us());
}

bool cohort_take(struct store *s, int64_t project, const char *path, const char *tags,
                 int64_t *ret_file, struct err *err)
{
    struct project about = {0};
    struct cohort_place p = {.study = 0};
    struct stat st;
    int64_t file = 0;
    bool ok = project_by_id(s, project, &about, err) && cohort_place_of(s, &about, path, &p, err);
    if (ok && p.study && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        ok = take(s, &p, &st, &file, err) && (!tags || cohort_add_tags(s, file, tags, err));
    }
    mem_free(p.path);
    project_fini(&about);
    if (ok) {
        *ret_file = file;
    }
    return ok;
}

bool cohort_promise(struct store *s, int64_t project, const char *path, const char *tags,
                    int64_t *ret_file, struct err *err)
{
    struct project about = {0};
    struct cohort_place p = {.study = 0};
    int64_t file = 0;
    bool ok = project_by_id(s, project, &about, err) && cohort_place_of(s, &about, path, &p, err);
    if (ok && p.study) {
        ok = store_exec(s, err,
                        "INSERT INTO file(study_id,place,sub,name,gone) VALUES(?1,?2,?3,?4,1) "
                        "ON CONFLICT(study_id,sub,name,place) DO NOTHING",
                        "isss", p.study, p.place, p.sub, p.name) &&
            store_int(s, 0, &file, err,
                      "SELECT id FROM file WHERE study_id=?1 AND sub=?2 AND name=?3 AND place=?4",
                      "isss", p.study, p.sub, p.name, p.place) &&
            (!tags || cohort_add_tags(s, file, tags, err));
    }
    mem_free(p.path);
    project_fini(&about);
    if (ok) {
        *ret_file = file;
    }
    return ok;
}

bool cohort_drop(struct store *s, int64_t project, int64_t file, bool *ret_was, struct err *err)
{
    int64_t study = 0;
    *ret_was = false;
    return store_int(s, 0, &study, err,
                     "SELECT f.study_id FROM file f JOIN item i ON i.id=f.study_id WHERE f.id=?1 "
                     "AND i.project_id=?2 AND f.gone=0",
                     "ii", file, project) &&
        (!study ||
         (store_exec(s, err, "UPDATE file SET gone=1,tags='/' WHERE id=?1", "i", file) &&
          cohort_count(s, study, err) && (*ret_was = true)));
}

bool cohort_find(struct store *s, int64_t project, const char *path, int64_t *ret_file,
                 struct err *err)
{
    struct project about = {0};
    struct cohort_place p = {.study = 0};
    int64_t file = 0;
    bool ok = project_by_id(s, project, &about, err) && cohort_place_of(s, &about, path, &p, err) &&
        (!p.study ||
         store_int(s, 0, &file, err,
                   "SELECT id FROM file WHERE study_id=?1 AND sub=?2 AND name=?3 AND place=?4 AND "
                   "gone=0",
                   "isss", p.study, p.sub, p.name, p.place));
    mem_free(p.path);
    project_fini(&about);
    if (ok) {
        *ret_file = file;
    }
    return ok;
}

char *cohort_out_folder(struct store *s, int64_t item, const char *batch, struct err *err)
{
    struct project about = {0};
    char *name = NULL, *path = NULL;
    int64_t project = 0;
    if (store_int(s, 0, &project, err, "SELECT project_id FROM item WHERE id=?1", "i", item) &&
        project_by_id(s, project, &about, err) &&
        store_text(s, &name, err,
                   "SELECT CASE WHEN i.level='subject' THEN coalesce((SELECT o.name FROM study y "
                   "JOIN item o ON o.id=y.item_id WHERE y.subject_id=i.id ORDER BY o.gone,o.id "
                   "LIMIT 1),i.name) ELSE i.name END FROM item i WHERE i.id=?1",
                   "i", item)) {
        path = !strcmp(about.layout_now, LAYOUT_BIDS)
            ? mem_printf(err, "%s/derivatives/%s/%s", about.root, batch, name)
            : mem_printf(err, "%s/%s", about.root, name);
    }
    mem_free(name);
    project_fini(&about);
    return path;
}

json_t *cohort_names(struct store *s, int64_t item, struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT i.name AS pid,'' AS sid,i.name AS psid FROM item i WHERE i.id=?1 AND "
        "i.level='subject' UNION ALL SELECT p.name,y.sid,p.name||'#'||y.sid FROM study y JOIN "
        "item p ON p.id=y.subject_id WHERE y.item_id=?1",
        "i", item);
    json_t *names = json_incref(json_array_get(rows, 0));
    if (rows && !names) {
        (void)err_set(err, ERR_NOTHING, "item %lld is neither a subject nor a study",
                      (long long)item);
    }
    json_decref(rows);
    return names;
}
