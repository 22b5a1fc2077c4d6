/* Tags of files, studies and subjects: exact members of a text such as /a/b/. */
#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/apply.h"
#include "catalog/cohort-own.h"
#include "catalog/cohort.h"

static bool tag_file(struct store *s, int64_t id, const char *tag, bool add, struct err *err)
{
    return add ? store_exec(s, err,
                            "UPDATE file SET tags=tags||?2||'/' WHERE id=?1 AND "
                            "instr(tags,'/'||?2||'/')=0",
                            "is", id, tag)
               : store_exec(s, err,
                            "UPDATE file SET tags=replace(tags,'/'||?2||'/','/') WHERE id=?1 AND "
                            "instr(tags,'/'||?2||'/')>0",
                            "is", id, tag);
}

static bool tag_item(struct store *s, int64_t id, const char *tag, bool add, struct err *err)
{
    return add ? store_exec(s, err,
                            "UPDATE item SET tags=tags||?2||'/',changed_us=?3 WHERE id=?1 AND "
                            "instr(tags,'/'||?2||'/')=0",
                            "isi", id, tag, clock_utc_us())
               : store_exec(s, err,
                            "UPDATE item SET tags=replace(tags,'/'||?2||'/','/'),changed_us=?3 "
                            "WHERE id=?1 AND instr(tags,'/'||?2||'/')>0",
                            "isi", id, tag, clock_utc_us());
}

bool cohort_add_tags(struct store *s, int64_t file, const char *tags, struct err *err)
{
    bool ok = true;
    while (ok && *tags) {
        size_t n = strcspn(tags, ", ");
        char *tag = mem_strndup(tags, n, err);
        ok = tag && (!n || (apply_tag_valid(tag, err) && tag_file(s, file, tag, true, err)));
        mem_free(tag);
        tags += n + (tags[n] != '\0');
    }
    return ok;
}

enum domain { OF_FILES, OF_STUDIES, OF_SUBJECTS };

static bool domain_of(const char *word, enum domain *ret, struct err *err)
{
    *ret = !strcmp(word, "study") ? OF_STUDIES : !strcmp(word, "subject") ? OF_SUBJECTS : OF_FILES;
    return *ret != OF_FILES || !strcmp(word, "file") ||
        err_set(err, ERR_USAGE, "there is no domain of tags '%.40s': file, study, subject", word);
}

/* A file whose id this is, in this project; or a row of item at that level. */
static bool check_id(struct store *s, int64_t project, enum domain domain, int64_t id,
                     struct err *err)
{
    int64_t there = 0;
    bool ok = domain == OF_FILES
        ? store_int(s, 0, &there, err,
                    "SELECT 1 FROM file f JOIN item i ON i.id=f.study_id WHERE f.id=?1 AND "
                    "i.project_id=?2",
                    "ii", id, project)
        : store_int(s, 0, &there, err,
                    "SELECT 1 FROM item WHERE id=?1 AND project_id=?2 AND level=?3", "iis", id,
                    project, domain == OF_STUDIES ? "study" : "subject");
    return ok &&
        (there ||
         err_set(err, ERR_NOTHING, "there is no %s %" PRId64 " in this project",
                 domain == OF_FILES         ? "file"
                     : domain == OF_STUDIES ? "study"
                                            : "subject",
                 id));
}

static bool change_one(struct store *s, enum domain domain, int64_t id, const json_t *tags,
                       bool add, bool *ret_changed, struct err *err)
{
    const json_t *tag;
    size_t i;
    *ret_changed = false;
    json_array_foreach(tags, i, tag)
    {
        const char *word = json_string_value(tag);
        if (!(domain == OF_FILES ? tag_file(s, id, word, add, err)
                                 : tag_item(s, id, word, add, err))) {
            return false;
        }
        *ret_changed = *ret_changed || store_changes(s) > 0;
    }
    return true;
}

static json_t *tags_of(const json_t *args, struct err *err)
{
    json_t *tags = json_object_get(args, "tags"), *tag;
    size_t i;
    tags =
        json_is_array(tags) ? json_incref(tags) : json_pack("[s]", json_get_text(args, "tag", ""));
    bool ok = tags || err_set(err, ERR_NOMEM, "out of memory");
    ok = ok && (json_array_size(tags) || err_set(err, ERR_USAGE, "no tag is given"));
    json_array_foreach(tags, i, tag)
    {
        const char *word = json_string_value(tag);
        ok = ok && apply_tag_valid(word ? word : "", err);
    }
    if (!ok) {
        json_decref(tags);
        return NULL;
    }
    return tags;
}

bool cohort_tag(struct store *s, const json_t *args, int64_t *ret_changed, struct err *err)
{
    const json_t *ids = json_object_get(args, "ids"), *id;
    int64_t project = json_get_int(args, "project", 0), changed = 0;
    bool add = json_get_bool(args, "add", true), one = false;
    enum domain domain;
    size_t i;
    json_t *tags = NULL;
    ids = ids ? ids : json_object_get(args, "items");
    bool ok = domain_of(json_get_text(args, "domain", "file"), &domain, err) &&
        (tags = tags_of(args, err)) &&
        (json_array_size(ids) || err_set(err, ERR_NOTHING, "nothing is selected"));
    json_array_foreach(ids, i, id)
    {
        ok = ok && check_id(s, project, domain, json_integer_value(id), err) &&
            change_one(s, domain, json_integer_value(id), tags, add, &one, err);
        changed += ok && one;
    }
    json_decref(tags);
    if (ok) {
        *ret_changed = changed;
    }
    return ok;
}
