/* A model is found by its card alone; the runtime is opened when it is needed. */
#include "steps/triage-model.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "model/model-find.h"
#include "steps/common.h"
#include "steps/model-bag.h"

/* What the card changes of the rule; settings of other purposes are not ours. */
static bool take_settings(struct triage_model *m, struct err *err)
{
    json_t *values = model_settings(&m->card, NULL, err);
    json_t *value;
    const char *name;
    bool good = values != NULL;
    json_object_foreach(values, name, value)
    {
        if (good && json_is_number(value) && triage_setting_find(name) != NULL) {
            good = triage_rule_set(&m->rule, name, json_number_value(value), err);
        }
    }
    json_decref(values);
    return good || err_wrap(err, "model %s", m->card.name);
}

bool triage_model_find(const char *home, const char *word, struct triage_model *ret,
                       struct err *err)
{
    struct triage_model m = {.none = strcmp(word, "none") == 0};
    struct model_places places = {NULL, NULL, {NULL, NULL, NULL}};
    bool good = model_places_init(&places, home, err);

    triage_rule_defaults(&m.rule);
    if (good && !m.none) {
        m.folder = word[0] == '\0' ? model_ct_classifier(places.registries, err)
                                   : model_find(places.registries, word, err);
        good = m.folder != NULL && model_card_read(m.folder, &m.card, err);
        if (good && !model_judges_ct(&m.card)) {
            good =
                err_set(err, ERR_FORMAT,
                        "model %s is no classifier of CT slices (task %s, %zu slices of %s)",
                        m.card.name, model_task_word(m.card.task), m.card.slices, m.card.modality);
        }
        good = good && take_settings(&m, err);
    }
    model_places_fini(&places);
    if (!good) {
        triage_model_fini(&m);
        return false;
    }
    *ret = m;
    return true;
}

bool triage_model_load(struct triage_model *m, struct job *job, struct err *err)
{
    char without[MODEL_MAX_NAME + 80];

    if (m->none || m->kept.infer != NULL) {
        return true;
    }
    snprintf(without, sizeof(without),
             "the classifier %s needs ONNX Runtime (or give --model none)", m->card.name);
    m->keep = job->models;
    return common_model_open(job, m->folder, without, &m->kept, err);
}

/* A volume in the directions that the model wants; of an axial one only signs can differ. */
struct turned {
    const struct volume *volume;
    bool flip[3]; /* columns, rows, slices */
};

static struct turned turn(const struct volume *v, const char *wanted)
{
    static const char opposites[] = "LRPASI";
    struct turned t = {.volume = v};
    char have[4];

    volume_orientation(v, have);
    for (size_t i = 0; i < 3 && wanted != NULL; i++) {
        const char *at = strchr(opposites, have[i]);
        size_t k = at != NULL && have[i] != '\0' ? (size_t)(at - opposites) : 0;

        t.flip[i] = have[i] != wanted[i] && at != NULL && wanted[i] == opposites[k ^ 1];
    }
    return t;
}

static void reverse(float *values, size_t n, size_t step)
{
    for (size_t i = 0, k = n; i + 1 < k; i++) {
        float kept = values[i * step];

        k--;
        values[i * step] = values[k * step];
        values[k * step] = kept;
    }
}

static bool read_slice(void *arg, size_t slice, float *ret_hu, struct err *err)
{
    const struct turned *t = arg;
    size_t columns = t->volume->n[0];
    size_t rows = t->volume->n[1];

    (void)err;
    volume_slice(t->volume, t->flip[2] ? t->volume->n[2] - 1 - slice : slice, 0, ret_hu);
    for (size_t r = 0; t->flip[0] && r < rows; r++) {
        reverse(ret_hu + r * columns, columns, 1);
    }
    for (size_t c = 0; t->flip[1] && c < columns; c++) {
        reverse(ret_hu + c, rows, columns);
    }
    return true;
}

bool triage_model_run(struct triage_model *m, const struct volume *ct, unsigned threads,
                      double *ret_p, struct err *err)
{
    static const double range[2] = {INT16_MIN, INT16_MAX};
    struct turned turned = turn(ct, m->card.orientation);
    struct mil_job job = mil_job_default;
    struct infer_bag_result result;

    job.columns = ct->n[0];
    job.rows = ct->n[1];
    job.slices = ct->n[2];
    job.threads = threads;
    job.read = read_slice;
    job.arg = &turned;
    if (!model_bag_run(m->kept.infer, &job, range, &result, NULL, err)) {
        return err_wrap(err, "classifier %s", m->card.name);
    }
    /* one score, or the last of several classes: the one that is not normal */
    *ret_p = (double)result.scores[result.classes - 1];
    return true;
}

void triage_model_fini(struct triage_model *m)
{
    keep_close(m->keep, &m->kept);
    model_card_fini(&m->card);
    mem_free(m->folder);
    *m = (struct triage_model){.none = true};
}

/* The score that is shown: what the card calls auc. */
static double auc_of(const struct model_card *card)
{
    return json_get_double(card->scores, "auc", NAN);
}

/* What a table of models shows of one. New reference, NULL when out of memory. */
static json_t *facts_of(const struct model_card *card, const char *folder)
{
    char file[2 * MODEL_MAX_NAME + 24];
    json_t *facts;

    snprintf(file, sizeof(file), "%s%smodel.onnx", folder, folder[0] != '\0' ? "/" : "");
    facts =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "name", card->name, "label", card->name,
                  "version", card->version, "file", file, "architecture", card->architecture,
                  "demonstration", (int)card->demonstration, "checksum", card->checksum);
    if (facts != NULL && isfinite(auc_of(card))) {
        (void)json_object_set_new(facts, "auc", json_real(auc_of(card)));
    }
    return facts;
}

json_t *triage_model_facts(const struct triage_model *m, const struct triage_detector *d,
                           struct err *err)
{
    char inside[2 * MODEL_MAX_NAME + 2] = "";
    json_t *all;

    if (d->folder != NULL) {
        snprintf(inside, sizeof(inside), "%s/%s", m->card.name, m->card.detector);
    }
    all = json_pack("{s:o, s:o, s:s, s:s}", "classifier",
                    m->none ? json_null() : facts_of(&m->card, m->card.name), "detector",
                    d->folder == NULL ? json_null() : facts_of(&d->card, inside), "model",
                    m->none ? "none" : m->folder, "checksum", m->none ? "none" : m->card.checksum);
    if (all == NULL) {
        err_set(err, ERR_NOMEM, "out of memory");
    }
    return all;
}
