/* Arguments are checked before anything large is read: a wrong setting costs no minute. */
#include "steps/predict.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "image/nifti.h"
#include "model/model-find.h"
#include "os/file.h"
#include "steps/common.h"
#include "steps/image-args.h"
#include "steps/image-dicom.h"

#define READ_PART 0.1 /* of the progress */

/* ---- arguments ---- */

/* The model that was chosen at launch must be the one that is there now. */
static bool same_sum(const struct predict *p, struct err *err)
{
    static const char prefix[] = "sha256:";
    const char *sum = json_get_text(p->job->params, "model_checksum", "");

    sum += strncmp(sum, prefix, sizeof(prefix) - 1) == 0 ? sizeof(prefix) - 1 : 0;
    return sum[0] == '\0' || strcmp(sum, p->card.checksum) == 0 ||
        err_set(
               err, ERR_FORMAT,
               "the model %s was changed since the run began: submit a new prediction, which takes "
               "it as it is now",
               p->card.name);
}

static bool find_model(struct predict *p, enum model_task task, struct err *err)
{
    const char *word = json_get_text(p->job->params, "model", "");
    struct model_places places = {NULL, NULL, {NULL, NULL, NULL}};
    bool good = word[0] != '\0' ||
        err_set(err, ERR_USAGE, "model: none is given (a registered name, or a folder)");

    good = good && model_places_init(&places, p->job->home, err);
    p->folder = good ? model_find(places.registries, word, err) : NULL;
    good = p->folder != NULL && model_card_read(p->folder, &p->card, err);
    if (good && p->card.task != task) {
        good = err_set(err, ERR_FORMAT, "model %s is for %s, and this is %s", p->card.name,
                       model_task_word(p->card.task), model_task_word(task));
    }
    if (good && p->card.tool != NULL) {
        good = err_set(err, ERR_FORMAT, "model %s is the tool %s: that computes it, not this step",
                       p->card.name, p->card.tool);
    }
    model_places_fini(&places);
    return good && same_sum(p, err);
}

bool predict_begin(struct predict *p, struct job *job, enum model_task task, struct err *err)
{
    *p = (struct predict){.job = job};
    return image_arg_path(job, "image", true, &p->image, err) && find_model(p, task, err) &&
        predict_settings_read(&p->card, json_get_text(job->params, "settings", ""), &p->settings,
                              err);
}

/* ---- the series ---- */

static bool tell(void *arg, size_t done, size_t total)
{
    struct job *job = arg;

    job_progress(job, READ_PART * (double)done / (double)(total > 0 ? total : 1), "reading");
    return job->stop == NULL || *job->stop == 0;
}

static bool choose(const struct predict *p, const struct dicom_series *all, size_t n, size_t *ret,
                   struct err *err)
{
    const char *uid = json_get_text(p->job->params, "series", "");
    const char *name = image_arg_name(p->job, p->image);
    size_t usable = 0;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].uid, uid) == 0) {
            *ret = i;
            return true;
        }
        if (!all[i].fatal && usable++ == 0) {
            *ret = i;
        }
    }
    if (uid[0] != '\0') {
        return err_set(err, ERR_FORMAT, "%.200s has no series %.70s (of %zu)", name, uid, n);
    }
    *ret = n == 1 ? 0 : *ret;
    return n == 1 || usable == 1 ||
        err_set(err, ERR_USAGE,
                "%.200s has %zu series: say which by its SeriesInstanceUID (series)", name, n);
}

static bool read_dicom(struct predict *p, struct err *err)
{
    const struct dicom_progress progress = {tell, p->job, p->job->threads};
    const struct dicom_series *all = NULL;
    struct dicom_set *set = dicom_set_open(p->image, NULL, err);
    size_t index = 0;
    size_t n;
    bool good;

    if (set == NULL) {
        (void)image_no_dicom(p->image, err);
        return false;
    }
    n = dicom_set_series(set, &all);
    good = choose(p, all, n, &index, err);
    if (good) {
        const struct dicom_series *s = &all[index];

        job_say(p->job, "[series] %s: %s, %zu slices of %zu x %zu", s->uid, s->modality, s->slices,
                s->columns, s->rows);
        for (size_t i = 0; i < s->n_complaints; i++) {
            job_say(p->job, "[series] note: %s", s->complaints[i].text);
        }
        if (s->modality[0] != '\0' && strcmp(s->modality, p->card.modality) != 0) {
            job_say(p->job, "[series] note: it is %s, and the model is for %s", s->modality,
                    p->card.modality);
        }
        good = dicom_set_read(set, index, &p->volume, &progress, err);
        p->place_code = NIFTI_PLACE_SCANNER;
    }
    dicom_set_close(set);
    return good;
}

static bool read_nifti(struct predict *p, struct err *err)
{
    struct nifti_info info;

    if (!nifti_read(p->image, &p->volume, &info, err)) {
        return false;
    }
    if (info.complaints[0] != '\0') {
        job_say(p->job, "[series] note: %s", info.complaints);
    }
    p->place_code = info.place_code > 0 ? info.place_code : NIFTI_PLACE_SCANNER;
    return true;
}

bool predict_read(struct predict *p, struct err *err)
{
    struct stat st;
    bool is_nifti = stat(p->image, &st) == 0 && S_ISREG(st.st_mode) &&
        (nifti_named(p->image) || nifti_sniff(p->image));

    job_progress(p->job, 0, "reading");
    if (!(is_nifti ? read_nifti(p, err) : read_dicom(p, err))) {
        return false;
    }
    if (p->volume.n[3] > 1) {
        return err_set(err, ERR_FORMAT,
                       "%.200s holds %zu volumes over time, and a model takes one: cut one out "
                       "first (image.math)",
                       image_arg_name(p->job, p->image), p->volume.n[3]);
    }
    return job_go_on(p->job, err);
}

/* ---- the model ---- */

bool predict_load(struct predict *p, struct err *err)
{
    char without[MODEL_MAX_NAME + 80];

    snprintf(without, sizeof(without), "the model %s needs ONNX Runtime", p->card.name);
    return common_model_open(p->job, p->folder, without, &p->kept, err);
}

/* ---- what is told ---- */

json_t *predict_head(const struct predict *p, struct err *err)
{
    json_t *doc = json_pack("{s:i, s:s, s:s, s:s}", "gantry", 1, "model", p->card.name, "version",
                            p->card.version, "series", p->job->item_name);

    if (doc != NULL && p->card.demonstration && !json_put(doc, "demonstration", json_true(), err)) {
        json_decref(doc);
        return NULL;
    }
    if (doc == NULL) {
        err_set(err, ERR_NOMEM, "out of memory");
    }
    return doc;
}

bool predict_write(const struct predict *p, const char *id, json_t *doc, struct err *err)
{
    const char *path = NULL;
    const char *final = NULL;
    char *text = doc != NULL ? json_pretty(doc, err) : NULL;
    bool good = text != NULL && image_arg_out(p->job, id, false, &path, &final, err);

    if (good && path != NULL) {
        good = file_put(path, text, strlen(text), err);
    }
    mem_free(text);
    json_decref(doc);
    return good;
}

bool predict_end(struct predict *p, struct err *err)
{
    return job_value(p->job, "device", json_string(ort_device(p->kept.infer->session)), err) &&
        job_value(p->job, "seconds_model", job_number(p->seconds_model), err);
}

void predict_fini(struct predict *p)
{
    if (p->job != NULL) {
        keep_close(p->job->models, &p->kept);
    }
    volume_fini(&p->volume);
    predict_settings_fini(&p->settings);
    model_card_fini(&p->card);
    mem_free(p->folder);
    *p = (struct predict){.job = NULL};
}

const char *predict_label(const struct model_card *card, size_t i, char room[PREDICT_LABEL])
{
    snprintf(room, PREDICT_LABEL, "%zu", i);
    return i < card->n_labels ? card->labels[i] : room;
}
