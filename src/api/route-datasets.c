/* Data sets: registered collections of image series. What reads headers is a child. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "api/access.h"
#include "api/child.h"
#include "api/route.h"
#include "api/scope.h"
#include "base/mem.h"
#include "base/path.h"
#include "catalog/dataset.h"
#include "report/datasets.h"

#define ROWS_DEFAULT 100
#define ROWS_MOST 1000
#define PLACES_MOST 40 /* what a child's command line takes */

/* The data set of the path, when who asks may see (and, for writes, change) its project. */
static bool scope_dataset(struct request *q, int64_t *ret, struct err *err)
{
    int64_t project = 0;
    if (!request_id(q, 0, ret, err) || !dataset_project(q->api->store, *ret, &project, err)) {
        return false;
    }
    if (!access_sees(&q->who, project)) {
        return err_set(err, ERR_NOTHING, "there is no data set number %" PRId64, *ret);
    }
    return access_project(q, project, err);
}

static bool list(struct request *q, struct reply *r, struct err *err)
{
    char *within = NULL;
    int64_t project = 0;
    json_t *rows = scope_maybe_project(q, &project, err) && scope_within(q, &within, err)
        ? datasets_list(q->api->store, 0, project, within, err)
        : NULL;
    mem_free(within);
    return rows && reply_json(r, 200, rows, err);
}

static bool show(struct request *q, struct reply *r, struct err *err)
{
    int64_t id;
    json_t *rows =
        scope_dataset(q, &id, err) ? datasets_list(q->api->store, id, 0, NULL, err) : NULL;
    json_t *row = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return row && reply_json(r, 200, row, err);
}

static bool series(struct request *q, struct reply *r, struct err *err)
{
    const char *sort = request_text(q, "sort", "name"), *order = request_text(q, "order", "asc"),
               *group = request_text(q, "group", "");
    struct datasets_query query = {.filter = request_text(q, "filter", ""),
                                   .sort = datasets_sort_named(sort),
                                   .desc = !strcmp(order, "desc"),
                                   .by_patient = !strcmp(group, "patient"),
                                   .offset = request_int(q, "offset", 0),
                                   .limit = request_int(q, "limit", ROWS_DEFAULT),
                                   .walk = request_has(q, "after"),
                                   .after = request_int(q, "after", 0)};
    if (!scope_dataset(q, &query.dataset, err)) {
        return false;
    }
    if (query.sort == DATASETS_SORTS) {
        return err_set(err, ERR_USAGE,
                       "sort is name, modality, slices, patient, date or description, not '%.40s'",
                       sort);
    }
    if (!query.desc && strcmp(order, "asc") != 0) {
        return err_set(err, ERR_USAGE, "order is asc or desc, not '%.40s'", order);
    }
    if (*group && !query.by_patient) {
        return err_set(err, ERR_USAGE, "group is patient, not '%.40s'", group);
    }
    if (query.offset < 0 || query.limit < 0 || query.limit > ROWS_MOST) {
        return err_set(err, ERR_USAGE, "offset starts at 0; limit is 0 to %d", ROWS_MOST);
    }
    json_t *doc = datasets_series(q->api->store, &query, err);
    return doc && reply_json(r, 200, doc, err);
}

/* --- registering */

struct words {
    const char *word[PLACES_MOST + 16];
    char *owned[PLACES_MOST];
    size_t n, n_owned;
};

static void add_word(struct words *w, const char *option, const char *value)
{
    if (option) {
        w->word[w->n++] = option;
    }
    w->word[w->n++] = value;
}

static bool add_places(struct request *q, struct words *w, struct err *err)
{
    const json_t *places = json_object_get(q->body, "places"), *place;
    size_t i;
    if (!json_array_size(places) || json_array_size(places) > PLACES_MOST) {
        return err_set(err, ERR_USAGE, "places: 1 to %d folders or files", PLACES_MOST);
    }
    json_array_foreach(places, i, place)
    {
        char *real = access_folder(q, json_string_value(place), err);
        if (!real) {
            return false;
        }
        w->owned[w->n_owned++] = real;
        if (!scope_place(q, real, err)) {
            return false;
        }
        add_word(w, NULL, real);
    }
    return true;
}

/* Several places that are in no project make one of the folder that holds them all. */
static bool may_take_all(struct request *q, const struct words *w, struct err *err)
{
    char *common = path_common((const char *const *)w->owned, w->n_owned, err);
    char *real = common ? access_folder(q, common, err) : NULL;
    bool ok = real && scope_place(q, real, err);
    mem_free(real);
    mem_free(common);
    return ok;
}

static bool add(struct request *q, struct reply *r, struct err *err)
{
    struct words w = {.n = 0};
    add_word(&w, NULL, "dataset");
    add_word(&w, NULL, "add");
    add_word(&w, NULL, "--json");
    add_word(&w, "--user", q->who.name);
    add_word(&w, "--modality", json_get_text(q->body, "modality", ""));
    add_word(&w, "--description", json_get_text(q->body, "description", ""));
    add_word(&w, "--", json_get_text(q->body, "name", ""));
    bool ok = dataset_name_check(q->api->store, json_get_text(q->body, "name", ""), err) &&
        add_places(q, &w, err) && may_take_all(q, &w, err);
    w.word[w.n] = NULL;
    ok = ok && child_answer(q, r, w.word, err);
    for (size_t i = 0; i < w.n_owned; i++) {
        mem_free(w.owned[i]);
    }
    return ok;
}

static bool scan(struct request *q, struct reply *r, struct err *err)
{
    char name[32];
    int64_t id;
    const char *const args[] = {"dataset", "scan", "--json", name, NULL};
    if (!scope_dataset(q, &id, err)) {
        return false;
    }
    (void)snprintf(name, sizeof name, "id:%" PRId64, id);
    return child_answer(q, r, args, err);
}

static bool change(struct request *q, struct reply *r, struct err *err)
{
    int64_t id = 0;
    json_t *args =
        scope_dataset(q, &id, err) ? json_pack("{s:I}", "dataset", (json_int_t)id) : NULL;
    json_t *answer = args && scope_copy(q, "name", args, "name", err) &&
            scope_copy(q, "description", args, "description", err) &&
            scope_copy(q, "modality", args, "modality", err)
        ? request_op(q, "dataset.rename", args, err)
        : NULL;
    bool ok = answer != NULL;
    json_decref(args);
    json_decref(answer);
    return ok && show(q, r, err);
}

static bool drop(struct request *q, struct reply *r, struct err *err)
{
    int64_t id = 0;
    return scope_dataset(q, &id, err) &&
        scope_answer_op(q, r, "dataset.remove", json_pack("{s:I}", "dataset", (json_int_t)id), err);
}

/* --- exporting: goes on when who asked does not wait for it */

struct exporting {
    struct later *later; /* NULL: nobody waits */
};

static void export_done(void *arg, const json_t *answer, const struct err *failed)
{
    struct exporting *e = arg;
    struct err err = *failed;
    if (err.code == ERR_FAILED) {
        err.code = ERR_FORMAT; /* exit status 1: what it says of the folder or the masks */
    }
    if (e->later && err.code == ERR_NONE &&
        reply_json(later_reply(e->later), 200, json_incref((json_t *)answer), &err)) {
        later_done(e->later);
    } else if (e->later) {
        later_fail(e->later, &err);
    }
    mem_free(e);
}

static void export_gone(void *arg)
{
    struct exporting *e = arg;
    e->later = NULL;
}

/* The new folder's parent is there, below the roots, and he may write there. */
static char *export_folder(struct request *q, struct err *err)
{
    const char *path = json_get_text(q->body, "folder", "");
    char *clean = path[0] == '/' ? path_absolute("/", path, err) : NULL;
    char *parent = clean ? path_dir(clean, err) : NULL;
    char *real = parent ? access_folder(q, parent, err) : NULL, *whole = NULL;
    if (path[0] != '/') {
        (void)err_set(err, ERR_USAGE, "'%.200s' is not an absolute path", path);
    } else if (real && scope_place(q, real, err)) {
        whole = path_join(real, path_base(clean), err);
    }
    mem_free(real);
    mem_free(parent);
    mem_free(clean);
    return whole;
}

static bool export(struct request *q, struct reply *r, struct err *err)
{
    char name[32];
    int64_t id;
    char *folder = scope_dataset(q, &id, err) ? export_folder(q, err) : NULL;
    const char *const args[] = {"dataset",
                                "export",
                                "--json",
                                name,
                                "--to",
                                folder,
                                json_get_bool(q->body, "accepted_only", true) ? NULL : "--drafts",
                                NULL};
    struct exporting *e = folder ? mem_zero(sizeof *e, err) : NULL;
    struct child_hooks hooks = {.done = export_done, .arg = e};
    (void)snprintf(name, sizeof name, "id:%" PRId64, folder ? id : 0);
    bool ok = e && child_start(q->api, args, &hooks, err);
    if (ok) {
        e->later = reply_later(r, export_gone, e, err);
    } else {
        mem_free(e);
    }
    mem_free(folder);
    return ok;
}

static const struct route_param list_params[] = {
    {IN_QUERY, "project", P_INT, false, "only those of this project"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param series_params[] = {
    {IN_QUERY, "filter", P_TEXT, false,
     "words that must all occur in name, modality, description, patient, date or problem"},
    {IN_QUERY, "sort", P_TEXT, false,
     "name (default), modality, slices, patient, date, description"},
    {IN_QUERY, "order", P_TEXT, false, "asc (default) or desc"},
    {IN_QUERY, "group", P_TEXT, false, "patient: by patient, then date (longitudinal studies)"},
    {IN_QUERY, "offset", P_INT, false, "rows to leave out"},
    {IN_QUERY, "limit", P_INT, false, "rows to give: 100, at most 1000"},
    {IN_QUERY, "after", P_INT, false,
     "for all rows of a long list: those behind the row with this id, by id (0 first); total then "
     "comes with the first page only"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param add_params[] = {
    {IN_BODY, "name", P_TEXT, true, "its name"},
    {IN_BODY, "places", P_TEXTS, true,
     "folders and files below the allowed roots; those in no project become one"},
    {IN_BODY, "description", P_TEXT, false, "a line about it"},
    {IN_BODY, "modality", P_TEXT, false, "of NIfTI files that do not say it: CT, MR, ..."},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param change_params[] = {
    {IN_BODY, "name", P_TEXT, false, "another name"},
    {IN_BODY, "description", P_TEXT, false, "another description"},
    {IN_BODY, "modality", P_TEXT, false, "of series whose headers do not say it"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

static const struct route_param export_params[] = {
    {IN_BODY, "folder", P_TEXT, true, "to be made: an absolute path in a folder below the roots"},
    {IN_BODY, "accepted_only", P_BOOL, false,
     "false: also masks that nobody has accepted yet (default true)"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_datasets[] = {
    {"GET", "/api/v1/datasets", ROLE_VIEWER, "The data sets, with counts of series and patients",
     list_params, list, false},
    {"POST", "/api/v1/datasets", ROLE_OPERATOR,
     "Register folders or files as a data set; answers when their headers are read", add_params,
     add, false},
    {"GET", "/api/v1/datasets/{id}", ROLE_VIEWER, "One data set", NULL, show, false},
    {"PATCH", "/api/v1/datasets/{id}", ROLE_OPERATOR, "Rename or describe a data set",
     change_params, change, false},
    {"DELETE", "/api/v1/datasets/{id}", ROLE_OPERATOR,
     "Forget a data set; files and predictions stay", NULL, drop, false},
    {"POST", "/api/v1/datasets/{id}/scan", ROLE_OPERATOR,
     "Look for new, changed and lost files; answers with the data set and what was found", NULL,
     scan, false},
    {"POST", "/api/v1/datasets/{id}/export", ROLE_OPERATOR,
     "Write its accepted masks as an nnU-Net folder; goes on when nobody waits", export_params,
     export, false},
    {"GET", "/api/v1/datasets/{id}/series", ROLE_VIEWER,
     "The series of a data set: filtered, ordered, in pages", series_params, series, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
