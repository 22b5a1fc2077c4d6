/* Tags of scans, and of files, studies and subjects (Q6). */
#include <string.h>
#include "api/route.h"
#include "api/scope.h"
#include "base/mem.h"
#include "report/items.h"
#include "report/studies.h"

static bool domain_known(const char *word, bool scans, struct err *err)
{
    return !strcmp(word, "file") || !strcmp(word, "study") || !strcmp(word, "subject") ||
        (scans && !strcmp(word, "scan")) ||
        err_set(err, ERR_USAGE, "domain is file, study or subject, not '%.40s'", word);
}

static bool list(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    const char *domain = request_text(q, "domain", "scan");
    if (!scope_project(q, &project, err) || !domain_known(domain, true, err)) {
        return false;
    }
    json_t *rows = strcmp(domain, "scan") ? studies_tags(q->api->store, project, domain, err)
                                          : items_tags(q->api->store, project, err);
    return rows && reply_json(r, 200, rows, err);
}

static bool change(struct request *q, struct reply *r, bool add, struct err *err)
{
    int64_t project;
    json_t *items = json_object_get(q->body, "items");
    return scope_project(q, &project, err) && scope_items(q, project, items, err) &&
        scope_answer_op(q, r, "tag.change",
                        json_pack("{s:O, s:s, s:b}", "items", items, "tag",
                                  json_get_text(q->body, "tag", ""), "add", (int)add),
                        err);
}

static bool add(struct request *q, struct reply *r, struct err *err)
{
    return change(q, r, true, err);
}

static bool take_off(struct request *q, struct reply *r, struct err *err)
{
    return change(q, r, false, err);
}

/* Every file must be one of the project's. */
static bool scope_files(struct request *q, int64_t project, const json_t *ids, struct err *err)
{
    int64_t stranger = 0;
    if (!json_array_size(ids)) {
        return err_set(err, ERR_USAGE, "No files selected.");
    }
    return store_int(q->api->store, 0, &stranger, err,
                     "SELECT j.value FROM json_each(?1) j LEFT JOIN file f ON f.id=j.value LEFT "
                     "JOIN item i ON i.id=f.study_id WHERE i.project_id IS NOT ?2 LIMIT 1",
                     "ji", ids, project) &&
        (!stranger ||
         err_set(err, ERR_NOTHING, "there is no file %lld in this project", (long long)stranger));
}

static bool change_domain(struct request *q, struct reply *r, struct err *err)
{
    int64_t project;
    const char *domain = json_get_text(q->body, "domain", "study");
    json_t *ids = json_object_get(q->body, "ids"), *tags = json_object_get(q->body, "tags"),
           *tag = json_object_get(q->body, "tag");
    ids = ids ? ids : json_object_get(q->body, "items");
    if (!scope_project(q, &project, err) || !domain_known(domain, false, err) ||
        !(!strcmp(domain, "file") ? scope_files(q, project, ids, err)
                                  : scope_items(q, project, ids, err))) {
        return false;
    }
    json_t *list = tags ? json_incref(tags) : json_pack("[O]", tag);
    if (!json_array_size(list)) {
        json_decref(list);
        return err_set(err, ERR_USAGE, "no tag is given");
    }
    return scope_answer_op(q, r, "tag.change",
                           json_pack("{s:I, s:s, s:O, s:o, s:b}", "project", (json_int_t)project,
                                     "domain", domain, "ids", ids, "tags", list, "add",
                                     (int)json_get_bool(q->body, "add", true)),
                           err);
}

static const struct route_param list_params[] = {
    {IN_QUERY, "project", P_INT, true, "its id"},
    {IN_QUERY, "domain", P_TEXT, false, "file, study, subject, or scan (default)"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param change_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "items", P_IDS, true, "the rows"},
    {IN_BODY, "tag", P_TEXT, true, "one word without blanks, commas and slashes"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param domain_params[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "domain", P_TEXT, true, "file, study or subject: what the ids are of"},
    {IN_BODY, "ids", P_IDS, false, "files, studies or subjects"},
    {IN_BODY, "items", P_IDS, false, "the same"},
    {IN_BODY, "tags", P_TEXTS, false, "words without blanks, commas and slashes"},
    {IN_BODY, "tag", P_TEXT, false, "one of them"},
    {IN_BODY, "add", P_BOOL, false, "put them on (default), or take them off"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_tags[] = {
    {"GET", "/api/v1/tags", ROLE_VIEWER, "The tags of a project and how many have them",
     list_params, list, false},
    {"POST", "/api/v1/tags", ROLE_OPERATOR, "Put a tag on scans", change_params, add, false},
    {"DELETE", "/api/v1/tags", ROLE_OPERATOR, "Take a tag off scans", change_params, take_off,
     false},
    {"POST", "/api/v1/tags/change", ROLE_OPERATOR,
     "Put tags on files, studies or subjects, or take them off", domain_params, change_domain,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
