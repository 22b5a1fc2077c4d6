/* Operations on predictions and on which models are offered. */
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "engine/op-run.h"
#include "engine/op.h"
#include "engine/prediction-wish.h"
#include "model/model-find.h"
#include "report/prediction-words.h"

/* "Try on one" does not wait behind a thousand. */
#define TRIAL_PRIORITY 100

/* Slots that work on it: no more than there are series. */
static int slots_of(const struct engine *e, const struct prediction_wish *w)
{
    size_t n = json_array_size(w->fit);
    int slots = e->slots > 0 ? e->slots : 1;
    return n > 0 && n < (size_t)slots ? (int)n : slots;
}

static json_t *describe(const struct engine *e, const struct prediction_wish *w, struct err *err)
{
    int slots = slots_of(e, w);
    double seconds = w->seconds >= 0 ? w->seconds / slots : -1;
    char *text = prediction_line(w->total, w->misfits, seconds, slots, err);
    json_t *doc = text
        ? json_pack("{s:I, s:I, s:O, s:o, s:i, s:O, s:s}", "total", (json_int_t)w->total, "fit",
                    (json_int_t)json_array_size(w->fit), "misfits", w->misfits, "seconds",
                    seconds >= 0 ? json_real(seconds) : json_null(), "slots", slots, "settings",
                    w->settings, "text", text)
        : NULL;
    if (text && !doc) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    mem_free(text);
    return doc;
}

/* {"dataset", "model", "settings"?, "items"?, "series"?, "trial"?} -> {total, fit, misfits:
 * [{reason, word, n, items}], seconds (null: not known), slots, settings (all of them), text}.
 * Nothing is written. */
static bool op_check(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                     struct err *err)
{
    struct prediction_wish w;
    bool ok = prediction_wish_open(e, s, args, &w, err) && prediction_wish_series(s, args, &w, err);
    *ret = ok ? describe(e, &w, err) : NULL;
    prediction_wish_close(&w);
    return *ret != NULL;
}

static bool insert_prediction(struct store *s, const json_t *args, const struct prediction_wish *w,
                              int64_t run, const char *folder, struct err *err)
{
    return store_exec(
        s, err,
        "INSERT INTO prediction(run_id,dataset_id,dataset,model,version,checksum,task,settings,"
        "folder,trial,again_of) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,nullif(?11,0))",
        "iisssssssii", run, w->dataset, w->dataset_name, w->card.name, w->card.version, w->checksum,
        model_task_word(w->card.task), w->settings_text, folder,
        (int64_t)json_get_bool(args, "trial", false), json_get_int(args, "again_of", 0));
}

/* The run, by the operation that makes all runs. */
static bool launch(struct engine *e, struct store *s, const json_t *args,
                   const struct prediction_wish *w, json_t **ret, struct err *err)
{
    bool trial = json_get_bool(args, "trial", false);
    json_t *batch = prediction_batch(w, err);
    char *folder = batch ? prediction_folder(w, err) : NULL;
    json_t *run = folder
        ? json_pack(
              "{s:I, s:O, s:O, s:O*, s:{s:I}}", "project", (json_int_t)w->project, "batch", batch,
              "items", w->fit, "user", json_object_get(args, "user"), "options", "priority",
              trial ? (json_int_t)TRIAL_PRIORITY : (json_int_t)json_get_int(args, "priority", 0))
        : NULL;
    json_t *answer = NULL;
    bool ok = (run || (folder && err_set(err, ERR_NOMEM, "out of memory"))) &&
        op_run_create(e, s, run, &answer, err) &&
        insert_prediction(s, args, w, json_get_int(answer, "run", 0), folder, err) &&
        json_put(answer, "folder", json_string(folder), err) &&
        json_put(answer, "project", json_integer(w->project), err);
    if (ok) {
        *ret = json_incref(answer);
    }
    json_decref(answer);
    json_decref(run);
    json_decref(batch);
    mem_free(folder);
    return ok;
}

/* As prediction.check, and {"skip_misfits"?, "trial"?, "again_of"?, "priority"?, "user"?} ->
 * {run, tasks, folder, project}. Series that do not fit are refused by their reasons, unless they
 * are to be left out. */
static bool op_create(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                      struct err *err)
{
    struct prediction_wish w;
    bool ok = prediction_wish_open(e, s, args, &w, err) && prediction_wish_series(s, args, &w, err);
    bool none = ok && json_array_size(w.fit) == 0,
         some = ok && json_array_size(w.misfits) > 0 && !json_get_bool(args, "trial", false) &&
        !json_get_bool(args, "skip_misfits", false);
    if (none || some) {
        char *text = prediction_line(w.total, w.misfits, -1, 1, err);
        ok = text &&
            err_set(err, ERR_USAGE,
                    none ? "nothing to predict with model '%s': %.300s"
                         : "not all series fit model '%s': %.300s; submit the rest "
                           "(--skip-misfits), or choose others",
                    w.card.name, text);
        mem_free(text);
    }
    ok = ok && launch(e, s, args, &w, ret, err);
    prediction_wish_close(&w);
    return ok;
}

/* {"name", "archived": bool, "user"?}: an archived model is not offered any more. */
static bool op_archive(struct engine *e, struct store *s, const json_t *args, json_t **ret,
                       struct err *err)
{
    const char *name = json_get_text(args, "name", "");
    bool archived = json_get_bool(args, "archived", true);
    struct model_places places;
    (void)ret;
    if (!model_name_check(name, err) || !model_places_init(&places, e->home, err)) {
        return false;
    }
    char *folder = model_find(places.registries, name, err);
    bool ok = folder &&
        (archived ? store_exec(s, err,
                               "INSERT INTO model_archived(name,user,t_us) VALUES(?1,?2,?3) ON "
                               "CONFLICT(name) DO NOTHING",
                               "ssi", name, json_get_text(args, "user", ""), clock_utc_us())
                  : store_exec(s, err, "DELETE FROM model_archived WHERE name=?1", "s", name));
    mem_free(folder);
    model_places_fini(&places);
    return ok;
}

const struct op ops_prediction[] = {
    {"prediction.check", op_check},
    {"prediction.create", op_create},
    {"model.archive", op_archive},
    {NULL, NULL},
};
