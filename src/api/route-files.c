/* What a pattern finds in the selected studies (L2, Q4): asked while somebody types it, so it looks
 * for a moment only and says how far it came. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "api/route.h"
#include "api/scope.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "catalog/pattern.h"
#include "catalog/project.h"
#include "model/tags.h"

#define FILES_DEFAULT 20
#define FILES_MOST 5000
#define MISSING_MOST 20
#define CHUNK 200       /* studies in one question */
#define BUDGET_US 40000 /* the engine waits meanwhile */

struct finding {
    struct store *s;
    int64_t project, limit;
    const char *root;
    size_t root_len;
    int64_t *items;           /* what is looked at */
    size_t n, from, at;       /* begun at, came to */
    bool subjects;            /* items are subjects */
    const char *pattern, *of; /* of: "" = the item itself */
    int64_t found[CHUNK];     /* studies of this chunk with a match */
    size_t n_found, with, checked;
    int64_t total;
    json_t *files, *missing;
};

static bool psid_of(struct store *s, int64_t item, char **ret, struct err *err)
{
    return store_text(s, ret, err,
                      "SELECT coalesce((SELECT p.name||'#'||s.sid FROM study s JOIN item p ON "
                      "p.id=s.subject_id WHERE s.item_id=i.id),i.name) FROM item i WHERE i.id=?1",
                      "i", item);
}

static bool add_file(struct finding *f, const struct pattern_file *file, struct err *err)
{
    char *psid = NULL;
    const char *path = file->path;
    if (!psid_of(f->s, file->study, &psid, err)) {
        return false;
    }
    if (str_starts(path, f->root) && path[f->root_len] == '/') {
        path += f->root_len + 1;
    }
    json_t *row = json_pack("{s:I, s:I, s:s, s:s, s:o}", "id", (json_int_t)file->id, "study",
                            (json_int_t)file->study, "psid", psid ? psid : "", "path", path, "tags",
                            tags_list(file->tags));
    mem_free(psid);
    return json_array_append_new(f->files, row) == 0 ||
        err_set(err, ERR_USAGE, "a file's name is not UTF-8: %s", file->path);
}

static bool found(void *arg, const struct pattern_file *file, struct err *err)
{
    struct finding *f = arg;
    f->total++;
    if (f->n_found < CHUNK && (!f->n_found || f->found[f->n_found - 1] != file->study)) {
        f->found[f->n_found++] = file->study;
    }
    return (int64_t)json_array_size(f->files) >= f->limit || add_file(f, file, err);
}

/* An item that was looked at. */
static bool settle(struct finding *f, int64_t item, bool any, struct err *err)
{
    char *psid = NULL;
    f->checked++;
    f->with += any;
    if (any || json_array_size(f->missing) >= MISSING_MOST) {
        return true;
    }
    bool ok = psid_of(f->s, item, &psid, err) &&
        (json_array_append_new(
             f->missing,
             json_pack("{s:I, s:s}", "id", (json_int_t)item, "psid", psid ? psid : "")) == 0 ||
         err_set(err, ERR_NOMEM, "out of memory"));
    mem_free(psid);
    return ok;
}

static bool look_at_studies(struct finding *f, size_t at, size_t n, struct err *err)
{
    f->n_found = 0;
    bool ok = pattern_files(f->s, f->project, f->items + at, n, f->pattern, found, f, err);
    for (size_t i = 0; ok && i < n; i++) {
        size_t k = 0;
        while (k < f->n_found && f->found[k] != f->items[at + i]) {
            k++;
        }
        ok = settle(f, f->items[at + i], k < f->n_found, err);
    }
    return ok;
}

static bool look_at_reference(struct finding *f, size_t at, struct err *err)
{
    int64_t *studies = NULL, before = f->total;
    size_t n = 0;
    f->n_found = 0;
    bool ok = pattern_reference(f->s, f->project, f->items[at], f->of, &studies, &n, err) &&
        (n == 0 || pattern_files(f->s, f->project, studies, n, f->pattern, found, f, err)) &&
        settle(f, f->items[at], f->total > before, err);
    mem_free(studies);
    return ok;
}

static bool look(struct finding *f, struct err *err)
{
    int64_t until = clock_mono_us() + BUDGET_US;
    bool plain = !f->subjects && (!*f->of || !strcmp(f->of, "STUDY")), ok = true;
    for (f->at = f->from; ok && f->at < f->n && clock_mono_us() < until;) {
        size_t left = f->n - f->at, n = !plain ? 1 : left < CHUNK ? left : CHUNK;
        ok = plain ? look_at_studies(f, f->at, n, err) : look_at_reference(f, f->at, err);
        f->at += n;
    }
    return ok;
}

/* "1,2,3" or an array of numbers. */
static bool ids_given(struct request *q, int64_t **ret, size_t *ret_n, struct err *err)
{
    const json_t *list = json_object_get(q->body, "items"), *id;
    const char *text = request_text(q, "items", "");
    size_t most = json_array_size(list), i, n = 0;
    for (const char *p = text; *p; p++) {
        most += *p == ',';
    }
    int64_t *ids = mem_array(most + 1, sizeof *ids, err);
    if (!ids) {
        return false;
    }
    json_array_foreach((json_t *)list, i, id)
    {
        ids[n++] = json_integer_value(id);
    }
    for (char *end = NULL; *text; text = *end ? end + 1 : end) {
        ids[n] = strtoll(text, &end, 10);
        if (end == text || (*end && *end != ',')) {
            mem_free(ids);
            return err_set(err, ERR_USAGE, "items: ids with commas between, not '%.40s'", text);
        }
        n++;
    }
    *ret = ids;
    *ret_n = n;
    return true;
}

static const char *field(const struct request *q, const char *name, const char *fallback)
{
    return request_text(q, name, json_get_text(q->body, name, fallback));
}

/* Ids that were given are of this project, or what the selector selects. */
static bool items_of(struct request *q, struct finding *f, struct err *err)
{
    const char *select = field(q, "select", "*"), *level = field(q, "level", "study");
    f->subjects = !strcmp(level, "subject");
    if (!ids_given(q, &f->items, &f->n, err)) {
        return false;
    }
    if (f->n == 0) {
        mem_free(f->items);
        f->items = NULL;
        return f->subjects ? pattern_subjects(f->s, f->project, select, &f->items, &f->n, err)
                           : pattern_studies(f->s, f->project, select, &f->items, &f->n, err);
    }
    json_t *list = json_array();
    for (size_t i = 0; list && i < f->n; i++) {
        (void)json_array_append_new(list, json_integer(f->items[i]));
    }
    bool ok = list && scope_items(q, f->project, list, err);
    json_decref(list);
    return ok;
}

static bool find(struct request *q, struct reply *r, struct err *err)
{
    struct finding f = {.s = q->api->store,
                        .limit =
                            request_int(q, "limit", json_get_int(q->body, "limit", FILES_DEFAULT)),
                        .pattern = field(q, "pattern", ""),
                        .of = field(q, "of", ""),
                        .files = json_array(),
                        .missing = json_array()};
    struct project p = {0};
    json_t *doc = NULL;
    int64_t from = request_int(q, "from", json_get_int(q->body, "from", 0));
    f.from = from > 0 ? (size_t)from : 0;
    f.limit = f.limit < FILES_MOST ? f.limit : FILES_MOST;
    bool ok = scope_project(q, &f.project, err) && project_by_id(f.s, f.project, &p, err);
    f.root = ok ? p.root : "";
    f.root_len = strlen(f.root);
    ok = ok && pattern_check_files(f.pattern, err) && items_of(q, &f, err) && look(&f, err);
    if (ok) {
        doc = json_pack("{s:I, s:I, s:I, s:I, s:b, s:I, s:O, s:O}", "total", (json_int_t)f.total,
                        "items", (json_int_t)f.n, "checked", (json_int_t)f.checked, "studies",
                        (json_int_t)f.with, "complete", (int)(f.at >= f.n), "next",
                        (json_int_t)f.at, "missing", f.missing, "files", f.files);
    }
    json_decref(f.files);
    json_decref(f.missing);
    mem_free(f.items);
    project_fini(&p);
    return ok && reply_json(r, 200, doc, err);
}

static const struct route_param find_params[] = {
    {IN_QUERY, "project", P_INT, true, "its id"},
    {IN_QUERY, "pattern", P_TEXT, true, "file selectors, as FILE arguments and nora -s take them"},
    {IN_QUERY, "items", P_TEXT, false, "ids of studies (or subjects) with commas between"},
    {IN_QUERY, "select", P_TEXT, false, "instead: a subject selector; without it all"},
    {IN_QUERY, "level", P_TEXT, false, "study (default) or subject: what items are"},
    {IN_QUERY, "of", P_TEXT, false, "the reference of the argument, such as OLDEST"},
    {IN_QUERY, "from", P_INT, false, "go on there: 'next' of an answer that is not complete"},
    {IN_QUERY, "limit", P_INT, false, "files to name: 20; all are counted"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param find_body[] = {
    {IN_BODY, "project", P_INT, true, "its id"},
    {IN_BODY, "pattern", P_TEXT, true, "file selectors, as FILE arguments and nora -s take them"},
    {IN_BODY, "items", P_IDS, false, "studies (or subjects)"},
    {IN_BODY, "select", P_TEXT, false, "instead: a subject selector; without it all"},
    {IN_BODY, "level", P_TEXT, false, "study (default) or subject: what items are"},
    {IN_BODY, "of", P_TEXT, false, "the reference of the argument, such as OLDEST"},
    {IN_BODY, "from", P_INT, false, "go on there: 'next' of an answer that is not complete"},
    {IN_BODY, "limit", P_INT, false, "files to name: 20; all are counted"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_files[] = {
    {"GET", "/api/v1/files", ROLE_VIEWER,
     "What a pattern finds in studies, and where it finds nothing", find_params, find, false},
    {"POST", "/api/v1/files", ROLE_VIEWER, "The same, for long lists of studies", find_body, find,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
