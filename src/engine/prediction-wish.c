/* The model and its settings first: a slip there needs no look at a thousand series. */
#include "engine/prediction-wish.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/series-select.h"
#include "codec/digest.h"
#include "model/model-find.h"
#include "model/model-fit.h"
#include "model/model-settings.h"
#include "plan/model-tool.h"

/* Runs of the same model that tell how long a series takes. */
#define EARLIER_RUNS 5

/* --- the data set and the model */

static bool find_dataset(struct store *s, const json_t *args, struct prediction_wish *w,
                         struct err *err)
{
    const json_t *wanted = json_object_get(args, "dataset");
    const char *name = json_string_value(wanted);
    int64_t id = json_integer_value(wanted);
    if ((!name || !name[0]) && id <= 0) {
        return err_set(err, ERR_USAGE, "Select Dataset: no data set was chosen");
    }
    struct query *q = store_query(s, err,
                                  "SELECT d.id,d.name,p.id,p.rec FROM dataset d JOIN project p ON "
                                  "p.id=d.project_id WHERE (?1>0 AND d.id=?1) OR (?1<=0 AND "
                                  "d.name=?2)",
                                  "is", id, name ? name : "");
    bool found = q && query_next(q);
    if (found) {
        w->dataset = query_int(q, 0);
        w->dataset_name = mem_strdup(query_text(q, 1), err);
        w->project = query_int(q, 2);
        w->rec = mem_strdup(query_text(q, 3), err);
    }
    bool ok = q && query_end(q, err);
    if (ok && !found) {
        return name
            ? err_set(err, ERR_USAGE, "there is no data set '%.100s' (gantry dataset ls)", name)
            : err_set(err, ERR_USAGE, "there is no data set %" PRId64, id);
    }
    return ok && w->dataset_name && w->rec;
}

static bool find_model(struct engine *e, struct store *s, const json_t *args,
                       struct prediction_wish *w, struct err *err)
{
    const char *name = json_get_text(args, "model", "");
    struct model_places places;
    int64_t archived = 0;
    if (!name[0]) {
        return err_set(err, ERR_USAGE, "Select Model: no model was chosen");
    }
    if (!model_name_check(name, err)) {
        return err_wrap(err, "only models that were added are used (gantry model add DIR)");
    }
    if (!store_int(s, 0, &archived, err, "SELECT 1 FROM model_archived WHERE name=?1", "s", name)) {
        return false;
    }
    if (archived) {
        return err_set(err, ERR_USAGE,
                       "model '%s' is archived: `gantry model deploy %s` offers it again", name,
                       name);
    }
    if (!model_places_init(&places, e->home, err)) {
        return false;
    }
    char *folder = model_find(places.registries, name, err);
    bool ok = folder && model_card_read(folder, &w->card, err);
    if (!ok && err->code == ERR_NOTHING) {
        err->code = ERR_USAGE;
    }
    mem_free(folder);
    model_places_fini(&places);
    return ok;
}

static bool find_tool(struct engine *e, struct prediction_wish *w, struct err *err)
{
    engine_reread(e);
    w->tool = model_tool(e->tools, &w->card, err);
    w->checksum = !w->tool ? NULL : w->card.tool ? w->tool->version : w->card.checksum;
    return w->tool != NULL;
}

bool prediction_wish_open(struct engine *e, struct store *s, const json_t *args,
                          struct prediction_wish *ret, struct err *err)
{
    *ret = (struct prediction_wish){.seconds = -1};
    const json_t *settings = json_object_get(args, "settings");
    if (settings && !json_is_object(settings) && !json_is_null(settings)) {
        return err_set(err, ERR_USAGE, "settings: an object of names and values is wanted");
    }
    if (!find_model(e, s, args, ret, err) || !find_tool(e, ret, err)) {
        return false;
    }
    ret->settings = model_form_settings(&ret->card, settings, err);
    ret->settings_text = ret->settings ? json_text(ret->settings, err) : NULL;
    return ret->settings_text && find_dataset(s, args, ret, err);
}

void prediction_wish_close(struct prediction_wish *w)
{
    mem_free(w->dataset_name);
    mem_free(w->rec);
    model_card_fini(&w->card);
    json_decref(w->settings);
    mem_free(w->settings_text);
    json_decref(w->fit);
    json_decref(w->misfits);
    *w = (struct prediction_wish){.seconds = -1};
}

/* --- its series */

/* Which of the data set's series are meant. */
struct choice {
    const json_t *items, *words;
    bool all;
    bool *hit;       /* of each word */
    size_t n_items;  /* of the items, how many were met */
    json_t *by_item; /* set of ids */
};

static bool choice_open(const json_t *args, struct choice *ret, struct err *err)
{
    const json_t *one;
    size_t i;
    *ret = (struct choice){.items = json_object_get(args, "items"),
                           .words = json_object_get(args, "series")};
    ret->items = json_is_null(ret->items) ? NULL : ret->items;
    ret->words = json_is_null(ret->words) ? NULL : ret->words;
    ret->all = !ret->items && json_array_size(ret->words) == 0;
    if (ret->items && json_array_size(ret->items) + json_array_size(ret->words) == 0) {
        return err_set(err, ERR_USAGE, "Select Series: none was chosen");
    }
    ret->hit = mem_zero((json_array_size(ret->words) + 1) * sizeof *ret->hit, err);
    ret->by_item = json_object();
    bool ok = ret->hit && (ret->by_item || err_set(err, ERR_NOMEM, "out of memory"));
    json_array_foreach((json_t *)ret->words, i, one)
    {
        ok = ok && (json_is_string(one) || err_set(err, ERR_USAGE, "series: texts are wanted")) &&
            series_word_check(json_string_value(one), err);
    }
    json_array_foreach((json_t *)ret->items, i, one)
    {
        char key[24];
        (void)snprintf(key, sizeof key, "%" JSON_INTEGER_FORMAT, json_integer_value(one));
        ok = ok && json_put(ret->by_item, key, json_true(), err);
    }
    return ok;
}

static void choice_close(struct choice *c)
{
    mem_free(c->hit);
    json_decref(c->by_item);
}

static bool chosen(struct choice *c, const struct series_names *s)
{
    char key[24];
    const json_t *word;
    size_t i;
    (void)snprintf(key, sizeof key, "%" PRId64, s->id);
    bool wanted = c->all || json_object_get(c->by_item, key);
    c->n_items += !c->all && wanted;
    json_array_foreach((json_t *)c->words, i, word)
    {
        bool hit = series_word_matches(json_string_value(word), s);
        c->hit[i] = c->hit[i] || hit;
        wanted = wanted || hit;
    }
    return wanted;
}

static bool choice_complete(const struct choice *c, const struct prediction_wish *w,
                            struct err *err)
{
    for (size_t i = 0; i < json_array_size(c->words); i++) {
        if (!c->hit[i]) {
            return err_set(err, ERR_USAGE, "no series of data set '%s' is meant by '%.100s'",
                           w->dataset_name, json_string_value(json_array_get(c->words, i)));
        }
    }
    return c->n_items == json_object_size(c->by_item) ||
        err_set(err, ERR_USAGE, "%zu of the series are not in data set '%s'",
                json_object_size(c->by_item) - c->n_items, w->dataset_name);
}

/* Counted under its word; the text is made when all are there. */
static bool add_misfit(struct prediction_wish *w, const char *word, int64_t id, struct err *err)
{
    json_t *row = NULL, *one;
    size_t i;
    json_array_foreach(w->misfits, i, one)
    {
        row = !strcmp(json_get_text(one, "word", ""), word) ? one : row;
    }
    if (!row) {
        one = json_pack("{s:s, s:i, s:[]}", "word", word, "n", 0, "items");
        if (!one || json_array_append_new(w->misfits, one) != 0) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
        row = one;
    }
    return json_put(row, "n", json_integer(json_get_int(row, "n", 0) + 1), err) &&
        (json_array_append_new(json_object_get(row, "items"), json_integer(id)) == 0 ||
         err_set(err, ERR_NOMEM, "out of memory"));
}

static bool say_misfits(struct prediction_wish *w, struct err *err)
{
    json_t *row;
    size_t i;
    bool ok = true;
    json_array_foreach(w->misfits, i, row)
    {
        char text[120];
        (void)snprintf(text, sizeof text, "%" PRId64 " %s", json_get_int(row, "n", 0),
                       json_get_text(row, "word", ""));
        ok = ok && json_put(row, "reason", json_string(text), err);
    }
    return ok;
}

/* How long a slice of a series took in earlier runs of this model. False: not known. */
static bool slice_seconds(struct store *s, const struct prediction_wish *w, double *ret,
                          struct err *err)
{
    int64_t us = 0, slices = 0;
    struct query *q = store_query(
        s, err,
        "SELECT sum(t.ended_us-t.started_us),sum(max(v.n_slices,1)) FROM (SELECT run_id FROM "
        "prediction WHERE model=?1 AND checksum=?2 ORDER BY run_id DESC LIMIT ?3) p JOIN task t ON "
        "t.run_id=p.run_id AND t.state=5 JOIN series v ON v.item_id=t.item_id WHERE "
        "t.ended_us>t.started_us",
        "ssi", w->card.name, w->checksum, (int64_t)EARLIER_RUNS);
    if (q && query_next(q)) {
        us = query_int(q, 0);
        slices = query_int(q, 1);
    }
    *ret = slices > 0 ? (double)us / 1e6 / (double)slices : -1;
    return q && query_end(q, err);
}

static bool judge(const struct query *q, const json_t *args, struct choice *choice,
                  struct prediction_wish *w, int64_t *slices, struct err *err)
{
    char reason[80];
    const struct series_names names = {query_int(q, 0),   query_text(q, 1), query_text(q, 2),
                                       query_text(q, 3),  query_text(q, 4), query_text(q, 5),
                                       query_text(q, 12), query_text(q, 6)};
    const struct series_facts facts = {query_text(q, 5), query_text(q, 7), query_int(q, 8),
                                       query_int(q, 9),  query_int(q, 10), query_int(q, 11)};
    if (!chosen(choice, &names)) {
        return true;
    }
    bool trial = json_get_bool(args, "trial", false), full = trial && json_array_size(w->fit) > 0;
    if (full) { /* one is enough to see what comes out */
        return true;
    }
    w->total++;
    if (!model_fits(&w->card, &facts, reason, sizeof reason)) {
        return add_misfit(w, reason, names.id, err);
    }
    *slices += facts.slices > 0 ? facts.slices : 1;
    return json_array_append_new(w->fit, json_integer(names.id)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

bool prediction_wish_series(struct store *s, const json_t *args, struct prediction_wish *w,
                            struct err *err)
{
    struct choice choice;
    int64_t slices = 0;
    double each = -1;
    bool ok = choice_open(args, &choice, err);
    w->fit = json_array();
    w->misfits = json_array();
    ok = ok && ((w->fit && w->misfits) || err_set(err, ERR_NOMEM, "out of memory"));
    struct query *q = !ok
        ? NULL
        : store_query(s, err,
                      "SELECT i.id,i.name,v.path,v.stem,v.patient,v.modality,v.uid,v.problem,"
                      "v.n_columns,v.n_rows,v.n_slices,v.n_times,v.date FROM dataset_item d JOIN "
                      "item i ON i.id=d.item_id JOIN series v ON v.item_id=d.item_id WHERE "
                      "d.dataset_id=?1 AND i.gone=0 AND i.hidden=0 ORDER BY i.name",
                      "i", w->dataset);
    ok = ok && q;
    while (ok && query_next(q)) {
        ok = judge(q, args, &choice, w, &slices, err);
    }
    ok = (!q || query_end(q, ok ? err : err_ignore("the first error stays"))) && ok;
    ok = ok && choice_complete(&choice, w, err) && say_misfits(w, err) &&
        (w->total > 0 || err_set(err, ERR_USAGE, "data set '%s' has no series", w->dataset_name)) &&
        slice_seconds(s, w, &each, err);
    w->seconds = ok && each >= 0 ? each * (double)slices : -1;
    choice_close(&choice);
    return ok;
}

/* --- what comes of it */

/* Where an output goes, when the tool has an input of that name. */
static bool put_output(const struct prediction_wish *w, json_t *args, const char *id,
                       const char *file, bool needed, struct err *err)
{
    if (!tool_input(w->tool, id)) {
        return true;
    }
    json_t *out = json_pack("{s:s}", "OUT", file);
    return json_put(args, id, out, err) && (needed || json_put(out, "optional", json_true(), err));
}

/* Facts of the model, and each setting that the tool has an input for. */
static bool put_facts(const struct prediction_wish *w, json_t *args, struct err *err)
{
    const struct {
        const char *id, *value;
    } texts[] = {
        {"model", w->card.name}, {"model_checksum", w->checksum}, {"settings", w->settings_text}};
    const char *name;
    json_t *value;
    bool ok = true;
    json_object_foreach(w->settings, name, value)
    {
        ok = ok &&
            (!w->card.tool || !tool_input(w->tool, name) ||
             json_put(args, name, json_incref(value), err));
    }
    for (size_t i = 0; ok && i < sizeof texts / sizeof *texts; i++) {
        ok = !tool_input(w->tool, texts[i].id) ||
            json_put(args, texts[i].id, json_string(texts[i].value), err);
    }
    return ok;
}

json_t *prediction_batch(const struct prediction_wish *w, struct err *err)
{
    bool ours = !w->card.tool;
    json_t *args = json_pack("{s:{s:s}}", "image", "FILE", ".");
    bool ok = (args || err_set(err, ERR_NOMEM, "out of memory")) && put_facts(w, args, err);
    switch (w->card.task) {
    case MODEL_SEGMENTATION:
        ok = ok && put_output(w, args, "mask", "mask.nii.gz", true, err) &&
            put_output(w, args, "facts", "mask.json", ours, err);
        break;
    case MODEL_DETECTION:
        ok = ok && put_output(w, args, "boxes", "boxes.json", true, err);
        break;
    default:
        ok = ok && put_output(w, args, "values", "values.json", true, err);
        break;
    }
    ok = ok && put_output(w, args, "preview", "preview.png", ours, err);
    json_t *batch = ok
        ? json_pack("{s:i, s:s, s:s, s:[{s:s, s:s, s:O}]}", "gantry", 1, "name", w->card.name,
                    "level", "series", "jobs", "id", "predict", "tool", w->tool->name, "args", args)
        : NULL;
    json_decref(args);
    if (ok && !batch) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return batch;
}

char *prediction_folder(const struct prediction_wish *w, struct err *err)
{
    char sum[DIGEST_SHA256_HEX];
    char *card = json_text(w->card.root, err); /* how images are prepared counts as weights do */
    char *text = card ? mem_printf(err, "%s\n%s\n%s", w->checksum, card, w->settings_text) : NULL;
    mem_free(card);
    if (!text) {
        return NULL;
    }
    digest_sha256(text, strlen(text), sum);
    mem_free(text);
    return mem_printf(err, "%s/predictions/%s-%.8s", w->rec, w->card.name, sum);
}
