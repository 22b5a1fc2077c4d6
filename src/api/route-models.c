/* The registry of models: which there are, what they are, who used them; adding, archiving and
 * removing. What reads or copies networks is a child (`gantry model`). */
#include <inttypes.h>
#include <string.h>
#include "api/access.h"
#include "api/child.h"
#include "api/route.h"
#include "api/scope.h"
#include "api/upload.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/model-find.h"
#include "model/model-settings.h"
#include "report/models.h"
#include "report/predictions.h"

#define USED_SHOWN 100
#define MOST_FILES 2 /* card and network, or one ZIP */

/* --- looking */

static bool list(struct request *q, struct reply *r, struct err *err)
{
    struct model_places places;
    if (!model_places_init(&places, q->api->home, err)) {
        return false;
    }
    json_t *rows = model_list(places.registries, err), *row;
    size_t i;
    bool ok = rows && models_put_use(q->api->store, rows, err);
    json_array_foreach(rows, i, row)
    {
        ok = ok &&
            json_put(row, "from", json_string(json_get_int(row, "registry", 0) ? "ships" : "home"),
                     err) &&
            json_put(row, "size", json_integer(json_get_int(row, "bytes", 0)), err);
        (void)json_object_del(row, "registry");
        (void)json_object_del(row, "bytes");
    }
    model_places_fini(&places);
    if (!ok) {
        json_decref(rows);
        return false;
    }
    return reply_json(r, 200, rows, err);
}

/* What the card says, in the words of the list; a card with a slip has its problem alone. */
static json_t *facts_of(const char *folder, struct err *err)
{
    struct model_card card = {0};
    struct err why = {ERR_NONE, ""};
    bool good = model_card_read(folder, &card, &why);
    json_t *form = good ? model_form(&card, err) : json_object(), *doc = NULL;
    if (form) {
        doc = json_pack("{s:s, s:s, s:s, s:s, s:b, s:O?, s:O, s:s}", "version",
                        good ? card.version : "", "task", good ? model_task_word(card.task) : "",
                        "modality", good ? card.modality : "", "description",
                        good ? card.description : "", "demonstration", good && card.demonstration,
                        "card", card.root, "form", form, "problem", why.text);
        (void)(doc || err_set(err, ERR_NOMEM, "out of memory"));
    }
    json_decref(form);
    model_card_fini(&card);
    return doc;
}

static bool put_use(struct request *q, const char *name, json_t *doc, struct err *err)
{
    char *within = NULL;
    bool archived = false;
    json_t *row, *ids = json_array(), *use = NULL;
    size_t i;
    bool ok = ids && scope_within(q, &within, err) &&
        models_archived(q->api->store, name, &archived, err) &&
        (use = predictions_of_model(q->api->store, name, within, USED_SHOWN, err));
    json_array_foreach(use, i, row)
    {
        (void)json_array_append(ids, json_object_get(row, "id"));
    }
    ok = ok && json_put(doc, "archived", json_boolean(archived), err) &&
        json_put(doc, "used_by", json_incref(ids), err) &&
        json_put(doc, "predictions", json_incref(use), err);
    json_decref(use);
    json_decref(ids);
    mem_free(within);
    return ok;
}

/* The card with all that a page shows of it, and the newest predictions that used it. */
static json_t *describe(struct request *q, const char *name, const char *folder, bool ships,
                        struct err *err)
{
    json_t *doc = facts_of(folder, err);
    if (doc &&
        (!json_put(doc, "name", json_string(name), err) ||
         !json_put(doc, "folder", json_string(folder), err) ||
         !json_put(doc, "from", json_string(ships ? "ships" : "home"), err) ||
         !put_use(q, name, doc, err))) {
        json_decref(doc);
        return NULL;
    }
    return doc;
}

static bool show(struct request *q, struct reply *r, struct err *err)
{
    struct model_places places;
    const char *name = q->parts[0];
    json_t *doc = NULL;
    if (!model_name_check(name, err)) {
        reply_status(r, 404);
        return false;
    }
    if (!model_places_init(&places, q->api->home, err)) {
        return false;
    }
    char *folder = model_find(places.registries, name, err);
    if (folder) {
        doc = describe(q, name, folder, !places.own || !str_starts(folder, places.own), err);
    }
    mem_free(folder);
    model_places_fini(&places);
    return doc && reply_json(r, 200, doc, err);
}

/* --- changing */

/* A model that is being added: the uploads it comes from go afterwards. */
struct adding {
    struct later *later;
    struct api_child *child;
    char *uploads[MOST_FILES];
};

static void adding_free(struct adding *a)
{
    for (size_t i = 0; i < MOST_FILES; i++) {
        mem_free(a->uploads[i]);
    }
    mem_free(a);
}

static void added(void *arg, const json_t *answer, const struct err *why)
{
    struct adding *a = arg;
    struct later *later = a->later;
    struct err err = *why;
    for (size_t i = 0; i < MOST_FILES && why->code == ERR_NONE; i++) {
        if (a->uploads[i]) {
            upload_drop(later_request(later), a->uploads[i]);
        }
    }
    adding_free(a);
    if (why->code == ERR_NONE &&
        reply_json(later_reply(later), 201, json_incref((json_t *)answer), &err)) {
        later_done(later);
    } else {
        /* it is what was sent that cannot be used */
        err.code = err.code == ERR_FAILED ? ERR_FORMAT : err.code;
        later_fail(later, &err);
    }
}

static void gone(void *arg)
{
    struct adding *a = arg;
    child_drop(a->child);
    adding_free(a);
}

/* Paths of what the body names: a folder or ZIP below the allowed roots, or files that were sent.
 */
static bool sources(struct request *q, struct adding *a, char *paths[MOST_FILES], struct err *err)
{
    const char *path = json_get_text(q->body, "path", NULL);
    const json_t *uploads = json_object_get(q->body, "uploads");
    size_t n = json_array_size(uploads);
    if ((path != NULL) == (n > 0) || n > MOST_FILES) {
        return err_set(err, ERR_USAGE,
                       "a model comes from one place: path (a folder or ZIP here), or uploads (a "
                       "ZIP, or model.json and model.onnx)");
    }
    if (path) {
        return (paths[0] = access_folder(q, path, err)) != NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(json_array_get(uploads, i));
        a->uploads[i] = id ? mem_strdup(id, err) : NULL;
        if (!id) {
            return err_set(err, ERR_USAGE, "uploads: ids of files that were sent are wanted");
        }
        paths[i] = a->uploads[i] ? upload_path(q, id, err) : NULL;
        if (!paths[i]) {
            return false;
        }
    }
    return true;
}

static bool add(struct request *q, struct reply *r, struct err *err)
{
    char *paths[MOST_FILES] = {NULL};
    struct adding *a = access_everywhere(q, err) ? mem_zero(sizeof *a, err) : NULL;
    bool ok = a && sources(q, a, paths, err);
    if (ok) {
        const char *args[8] = {"model", "add", "--json"};
        size_t n = 3;
        if (json_get_bool(q->body, "replace", false)) {
            args[n++] = "--replace";
        }
        args[n++] = "--";
        for (size_t i = 0; i < MOST_FILES && paths[i]; i++) {
            args[n++] = paths[i];
        }
        struct child_hooks hooks = {.done = added, .arg = a};
        a->child = child_start(q->api, args, &hooks, err);
        a->later = a->child ? reply_later(r, gone, a, err) : NULL;
        ok = a->later != NULL;
    }
    if (!ok && a) {
        child_drop(a->child);
        adding_free(a);
    }
    for (size_t i = 0; i < MOST_FILES; i++) {
        mem_free(paths[i]);
    }
    return ok;
}

static bool change(struct request *q, struct reply *r, struct err *err)
{
    return access_everywhere(q, err) &&
        scope_answer_op(q, r, "model.archive",
                        json_pack("{s:s, s:O, s:s}", "name", q->parts[0], "archived",
                                  json_object_get(q->body, "archived"), "user", q->who.name),
                        err);
}

static bool take_off(struct request *q, struct reply *r, struct err *err)
{
    const char *args[] = {"model", "rm", "--json", "--", q->parts[0], NULL};
    const char *forced[] = {"model", "rm", "--json", "--force", "--", q->parts[0], NULL};
    bool force = request_bool(q, "force", false);
    int64_t used = 0, last = 0;
    if (!access_everywhere(q, err) ||
        !store_int(q->api->store, 0, &used, err, "SELECT count(*) FROM prediction WHERE model=?1",
                   "s", q->parts[0]) ||
        !store_int(q->api->store, 0, &last, err,
                   "SELECT max(run_id) FROM prediction WHERE model=?1", "s", q->parts[0])) {
        return false;
    }
    if (used && !force) { /* as the command says it, with a status of its own */
        return err_set(err, ERR_EXISTS,
                       "model '%.80s' was used by %" PRId64
                       " predictions (the newest is run %" PRId64
                       "): archive it instead, or remove it all the same (force)",
                       q->parts[0], used, last);
    }
    return child_answer(q, r, force ? forced : args, err);
}

static const struct route_param add_params[] = {
    {IN_BODY, "path", P_TEXT, false, "a model's folder, or a ZIP of it, below the allowed roots"},
    {IN_BODY, "uploads", P_TEXTS, false,
     "instead: what PUT /uploads answered: a ZIP, or model.json and model.onnx"},
    {IN_BODY, "replace", P_BOOL, false, "take the place of the model of that name"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param change_params[] = {
    {IN_BODY, "archived", P_BOOL, true, "archived models are not offered for predictions"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param rm_params[] = {
    {IN_QUERY, "force", P_BOOL, false, "also when predictions used it"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_models[] = {
    {"GET", "/api/v1/models", ROLE_VIEWER, "The models there are, archived ones too", NULL, list,
     false},
    {"POST", "/api/v1/models", ROLE_OPERATOR,
     "Add a model: its card is checked and it is run once on its own shape", add_params, add,
     false},
    {"GET", "/api/v1/models/{name}", ROLE_VIEWER,
     "One model: card, form of its settings, and the predictions that used it", NULL, show, false},
    {"PATCH", "/api/v1/models/{name}", ROLE_OPERATOR, "Archive a model, or offer it again",
     change_params, change, false},
    {"DELETE", "/api/v1/models/{name}", ROLE_OPERATOR,
     "Remove an added model; 409 when predictions used it", rm_params, take_off, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
