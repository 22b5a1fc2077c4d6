/*
 * ct.triage: one ZIP of DICOM becomes one row. In this order: headers (which series), pixels,
 * figures of all slices, is it a whole chest CT, the classifier, the rule, pictures. What is found
 * out on the way is reported also when the study is refused.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"
#include "steps/common.h"
#include "steps/step.h"
#include "steps/triage-model.h"
#include "steps/triage-picture.h"
#include "steps/triage-study.h"

extern const struct step step_ct_triage;

#define TYPE "chest_abnormality" /* the one kind of finding that the classifier knows */
#define WORDS 10
#define FINDINGS 100 /* more are counted, not listed */

struct triage {
    struct job *job;
    struct triage_model model;
    struct triage_detector detector;
    struct triage_study study;
    struct triage_findings found;
    struct zstudy z;
    struct triage_decision decision;
    double p; /* of the classifier; NaN without one */
    int64_t started_us, stage_us;
    json_t *stages; /* seconds by name */
};

/* What was done since the last call took so long. */
static void stage_over(struct triage *t, const char *name)
{
    int64_t now = clock_mono_us();

    (void)json_object_set_new(t->stages, name, json_real((double)(now - t->stage_us) / 1e6));
    t->stage_us = now;
}

/* ---- refusing ---- */

static bool put_verdict(struct job *job, const struct chest_verdict *v, struct err *err)
{
    return job_value(job, "verdict", json_string(chest_status_name(v->status)), err) &&
        job_value(job, "verdict_confidence", job_number(v->confidence), err) &&
        job_value(job, "verdict_reason", json_string(v->reason), err) &&
        job_value(job, "lung_ml", job_number(v->lung_ml), err);
}

/* The row's error: the verdict's word and why. */
static bool refuse(struct triage *t, const struct chest_verdict *v, struct err *err)
{
    if (!put_verdict(t->job, v, err)) {
        return false;
    }
    return err_set(err, ERR_FORMAT, "%s: %s", chest_status_name(v->status), v->reason);
}

static bool refuse_corrupted(struct triage *t, struct err *err)
{
    struct chest_verdict v = {.status = CHEST_CORRUPTED, .confidence = 1};

    snprintf(v.reason, sizeof(v.reason), "%.239s", err->text);
    str_utf8_mend(v.reason);
    return refuse(t, &v, err);
}

/* A series of which no volume can be made: the complaint decides which verdict it is. */
static void judge_fatal(const struct dicom_series *series, struct chest_verdict *ret)
{
    const struct dicom_complaint *why = NULL;

    for (size_t i = 0; i < series->n_complaints && why == NULL; i++) {
        why = series->complaints[i].fatal ? &series->complaints[i] : NULL;
    }
    ret->status = CHEST_CORRUPTED;
    if (why != NULL &&
        (why->code == DICOM_SINGLE || why->code == DICOM_FEW || why->code == DICOM_GAP)) {
        ret->status = CHEST_INCOMPLETE;
    } else if (why != NULL && (why->code == DICOM_MIXED || why->code == DICOM_DUPLICATE)) {
        ret->status = CHEST_SUSPICIOUS;
    } else if (why != NULL && why->code == DICOM_COLOUR) {
        ret->status = CHEST_MODALITY;
    }
    ret->confidence = 1;
    snprintf(ret->reason, sizeof(ret->reason), "%.239s",
             why != NULL ? why->text : "no volume can be made of its files");
    str_utf8_mend(ret->reason);
}

/* How many slices (files) the series' complaints of a kind are about. */
static size_t complained(const struct dicom_series *s, enum dicom_trouble code)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_complaints; i++) {
        n += s->complaints[i].code == code ? s->complaints[i].count : 0;
    }
    return n;
}

static struct chest_facts facts_of(const struct triage *t)
{
    const struct dicom_series *s = t->study.series;

    return (struct chest_facts){
        .ct = t->study.ct,
        .modality = s->modality,
        .words = {s->body_part, s->protocol, s->description, s->study_description},
        .not_axial = !s->axial,
        .spacing_mm = s->spacing_mm[2],
        .px_mm2 = s->spacing_mm[0] * s->spacing_mm[1],
        .samples = s->columns * s->rows,
        .slice = t->study.slice,
        .slices = t->study.slice != NULL ? t->study.volume.n[2] : 0,
        .unreadable = complained(s, DICOM_UNREADABLE),
        .missing = complained(s, DICOM_GAP),
        .duplicates = complained(s, DICOM_DUPLICATE)};
}

/* ---- the stages ---- */

/* For the row of a study that is judged all the same: what there was to choose from, and what of
 * it could not be used. */
static void row_note(const struct triage *t, char *out, size_t size)
{
    static const struct {
        enum dicom_trouble code;
        const char *one, *many;
    } words[] = {{DICOM_UNREADABLE, "file could not be read", "files could not be read"},
                 {DICOM_GAP, "slice is missing", "slices are missing"},
                 {DICOM_DUPLICATE, "slice is there twice", "slices are there twice"}};
    size_t length;

    snprintf(out, size, "%s", t->study.note);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = complained(t->study.series, words[i].code);

        length = strlen(out);
        if (n > 0) {
            snprintf(out + length, size - length, "%s%zu %s", length > 0 ? "; " : "", n,
                     n == 1 ? words[i].one : words[i].many);
        }
    }
}

static bool open_study(struct triage *t, struct err *err)
{
    struct job *job = t->job;
    char note[400];

    job_progress(job, 0, "reading headers");
    if (!triage_study_open(job->input, &t->study, err)) {
        return (err->code == ERR_FORMAT || err->code == ERR_NOTHING) && refuse_corrupted(t, err);
    }
    stage_over(t, "headers");
    const struct dicom_series *s = t->study.series;
    job_say(job, "[triage] %s: series %s, %s, %zu slices of %zu x %zu%s%s", job->item_name, s->uid,
            s->modality, s->slices, s->columns, s->rows, t->study.note[0] != '\0' ? "; " : "",
            t->study.note);
    for (size_t i = 0; i < s->n_complaints; i++) {
        job_say(job, "[triage] note: %s", s->complaints[i].text);
    }
    row_note(t, note, sizeof(note));
    return job_value(job, "study_uid", json_string(s->study_uid), err) &&
        job_value(job, "series_uid", json_string(s->uid), err) &&
        job_value(job, "note", json_string(note), err);
}

/* Modality and fatal complaints are known before anything is decoded. */
static bool validate(struct triage *t, struct err *err)
{
    struct chest_verdict v = {.status = CHEST_VALID};

    if (t->study.ct && t->study.series->fatal) {
        judge_fatal(t->study.series, &v);
        return refuse(t, &v, err);
    }
    if (t->study.ct) {
        if (!triage_study_read(&t->study, t->job, err)) {
            return err->code == ERR_FORMAT && refuse_corrupted(t, err);
        }
        stage_over(t, "pixels");
        job_progress(t->job, 0.5, "z-profile");
        if (!triage_study_measure(&t->study, &t->model.rule.zprofile, t->job->threads, err)) {
            return false;
        }
    }
    stage_over(t, "zprofile");
    const struct chest_facts facts = facts_of(t);
    chest_check(&facts, &t->model.rule.chest, &v);
    job_say(t->job, "[triage] %s (confidence %.3f): %s", chest_status_name(v.status), v.confidence,
            v.reason);
    return v.status == CHEST_VALID ? put_verdict(t->job, &v, err) : refuse(t, &v, err);
}

/* Without a classifier the z-profile's vote decides alone, and says so. */
static void decide_alone(struct triage *t)
{
    struct triage_decision *d = &t->decision;

    *d = (struct triage_decision){.p = NAN, .p_lifted = NAN, .z = t->z.z, .z_calmed = t->z.z};
    triage_vote(&t->z, &t->model.rule, &d->vote);
    d->probability = t->z.z;
    d->pathology = d->vote.pathology;
    d->confidence = d->vote.confidence;
    snprintf(
        d->reason, sizeof(d->reason),
        "the z-profile's vote alone (no classifier): %u of 4 normal signs, %u of 4 strong ones",
        d->vote.normal, d->vote.strong);
}

static bool decide(struct triage *t, struct err *err)
{
    if (!zprofile_study(t->study.slice, t->study.volume.n[2], &t->model.rule.zprofile, &t->z,
                        err)) {
        return false;
    }
    if (t->model.none) {
        decide_alone(t);
        return true;
    }
    job_progress(t->job, 0.7, "classifying");
    return triage_model_load(&t->model, t->job, err) &&
        triage_model_run(&t->model, &t->study.volume, t->job->threads, &t->p, err) &&
        triage_detector_run(&t->detector, &t->study.volume, t->job, 0.75, 0.95, &t->found, err) &&
        triage_decide(t->p, t->found.n, &t->z, &t->model.rule, &t->decision, err);
}

/* ---- what is told ---- */

static bool put_profile(struct triage *t, struct err *err)
{
    const struct zstudy *z = &t->z;
    json_t *all = json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I}", "slices",
                            (json_int_t)z->slices, "lung_slices", (json_int_t)z->lung_slices,
                            "avg_hu", z->avg_hu, "avg_dense_500", z->avg_dense_500, "avg_dense_300",
                            z->avg_dense_300, "avg_emph_950", z->avg_emph_950, "avg_asymmetry",
                            z->avg_asymmetry, "high_dense", (json_int_t)z->high_dense, "low_hu",
                            (json_int_t)z->low_hu, "high_emph", (json_int_t)z->high_emph);

    return job_value(t->job, "zprofile", all, err);
}

/* What the detector found: how many, the best of them, the box around those. */
static bool put_findings(struct triage *t, struct err *err)
{
    const struct triage_findings *found = &t->found;
    char around[160];
    json_t *list = json_array();
    bool good = list != NULL;

    triage_findings_words(found, around, sizeof(around));
    for (size_t i = 0; good && i < found->n && i < FINDINGS; i++) {
        const struct box *b = &found->box[i];

        good = json_array_append_new(list,
                                     json_pack("{s:f, s:[f, f, f, f, f, f]}", "score", b->score,
                                               "box", b->low[0], b->high[0], b->low[1], b->high[1],
                                               b->low[2], b->high[2])) == 0;
    }
    if (!good) {
        json_decref(list);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (t->detector.folder == NULL) {
        json_decref(list);
        return job_value(t->job, "localization", json_string("N/A"), err);
    }
    job_say(t->job, "[triage] detector %s: %zu findings, the best %.3f, around the best %zu: %s",
            t->detector.card.name, found->n, found->n > 0 ? found->box[0].score : 0, found->best,
            around);
    return job_value(t->job, "localization", json_string(around), err) &&
        job_value(t->job, "nodules", json_integer((json_int_t)found->n), err) &&
        job_value(t->job, "findings", list, err);
}

static bool report(struct triage *t, struct err *err)
{
    const struct triage_decision *d = &t->decision;
    struct job *job = t->job;
    char reason[480];

    snprintf(reason, sizeof(reason), "%s%s%s%s", d->reason,
             t->model.none || !t->model.card.demonstration ? "" : " [demonstration model ",
             t->model.none || !t->model.card.demonstration ? "" : t->model.card.name,
             t->model.none || !t->model.card.demonstration ? "" : ", not for patients]");
    return job_value(job, "p_cnn", job_number(t->p), err) &&
        job_value(job, "z", job_number(t->z.z), err) && put_profile(t, err) &&
        job_value(job, "vote", json_integer(d->vote.pathology), err) &&
        job_value(job, "vote_confidence", job_number(d->vote.confidence), err) &&
        job_value(job, "probability", job_number(d->probability), err) &&
        job_value(job, "pathology", json_integer(d->pathology), err) &&
        job_value(job, "confidence", job_number(d->confidence), err) &&
        job_value(job, "decided_by", json_integer(d->decided_by), err) &&
        job_value(job, "reason", json_string(reason), err) &&
        job_value(job, "method", json_string(t->model.none ? "ksl_only" : "hybrid_cnn_ksl"), err) &&
        job_value(job, "type", json_string(TYPE), err) && put_findings(t, err) &&
        job_value(job, "models", triage_model_facts(&t->model, &t->detector, err), err);
}

static bool write_slices(const struct triage *t, struct err *err)
{
    const struct job_output *out = job_output_named(t->job, "slices");
    size_t n = t->study.volume.n[2];
    struct str text = STR_INIT;
    double *z_mm = out == NULL ? NULL : mem_array(n, sizeof(*z_mm), err);
    bool good = out == NULL || z_mm != NULL;

    if (z_mm != NULL) {
        for (size_t i = 0; i < n; i++) { /* of the slice's middle */
            const double *a = t->study.volume.affine[2];
            z_mm[i] = a[0] * (double)(t->study.volume.n[0] - 1) / 2 +
                a[1] * (double)(t->study.volume.n[1] - 1) / 2 + a[2] * (double)i + a[3];
        }
        zprofile_csv(t->study.slice, n, z_mm, &text);
        good = str_ok(&text, err) && common_folder_of(out->staging, err) &&
            file_put(out->staging, str_text(&text), text.len, err);
    }
    str_fini(&text);
    mem_free(z_mm);
    return good;
}

/* The numbers that the rule looked at, a line each. */
static size_t word_lines(const struct triage *t, char text[WORDS][160])
{
    const struct triage_decision *d = &t->decision;
    size_t n = 0;

    if (isfinite(t->p)) {
        snprintf(text[n++], 160, "classifier p = %.4f (p' = %.4f)", d->p, d->p_lifted);
    }
    snprintf(text[n++], 160, "z-profile z = %.4f (z' = %.4f), vote %d (%.2f)", d->z, d->z_calmed,
             d->vote.pathology, d->vote.confidence);
    if (t->detector.folder != NULL) {
        char around[80];

        triage_findings_words(&t->found, around, sizeof(around));
        snprintf(text[n++], 160, "detector %.40s: %zu findings, the best %zu within %.60s",
                 t->detector.card.name, t->found.n, t->found.best, around);
    }
    snprintf(text[n++], 160, "lungs: %.0f HU, denser than -500: %.3f, emphysema: %.3f", t->z.avg_hu,
             t->z.avg_dense_500, t->z.avg_emph_950);
    snprintf(text[n++], 160, "asymmetry %.3f; lungs in %zu of %zu slices", t->z.avg_asymmetry,
             t->z.lung_slices, t->z.slices);
    /* the reason is one long sentence: cut at blanks */
    for (const char *at = d->reason; *at != '\0' && n < WORDS - 1;) {
        size_t length = strlen(at) < 76 ? strlen(at) : 76;

        while (length < strlen(at) && length > 40 && at[length] != ' ') {
            length--;
        }
        snprintf(text[n++], 160, "%.*s", (int)length, at);
        at += length + (at[length] == ' ');
    }
    return n;
}

static bool draw(const struct triage *t, struct err *err)
{
    const struct job_output *picture = job_output_named(t->job, "picture");
    const struct job_output *profile = job_output_named(t->job, "profile");
    char text[WORDS][160];
    const char *line[WORDS + 1] = {NULL};
    size_t n = word_lines(t, text);

    for (size_t i = 0; i < n; i++) {
        line[i] = text[i];
    }
    const struct triage_words words = {
        .title = path_base(t->job->item_name),
        .line = line,
        .model = t->model.none ? "z-profile alone" : t->model.card.name,
        .demonstration = !t->model.none && t->model.card.demonstration};
    if (picture == NULL || profile == NULL) {
        return true;
    }
    return common_folder_of(picture->staging, err) && common_folder_of(profile->staging, err) &&
        triage_pictures(&t->study, &t->model.rule.zprofile, &t->decision, &t->found, &words,
                        picture->staging, profile->staging, err);
}

/* ---- the step ---- */

/* The model that was chosen at launch must be the one that is there now. */
static bool find_model(struct triage *t, struct err *err)
{
    const char *sum = json_get_text(t->job->params, "model_checksum", "");

    if (!triage_model_find(t->job->home, json_get_text(t->job->params, "model", ""), &t->model,
                           err)) {
        return false;
    }
    if (!t->model.none && sum[0] != '\0' && strcmp(sum, t->model.card.checksum) != 0) {
        return err_set(err, ERR_FORMAT, "the model %s was changed since the run began",
                       t->model.card.name);
    }
    return t->model.none ||
        triage_detector_find(t->model.folder, &t->model.card, &t->detector, err);
}

static bool work(struct triage *t, struct err *err)
{
    if (!find_model(t, err) || !open_study(t, err) || !validate(t, err) || !decide(t, err)) {
        return false;
    }
    stage_over(t, "classifier");
    if (!write_slices(t, err) || !draw(t, err)) {
        return false;
    }
    stage_over(t, "pictures");
    return report(t, err);
}

static bool run(struct job *job, struct err *err)
{
    int64_t now = clock_mono_us();
    struct triage t = {.job = job,
                       .p = NAN,
                       .started_us = now,
                       .stage_us = now,
                       .stages = json_object(),
                       .model = {.none = true}};
    bool good = work(&t, err);
    double seconds = (double)(clock_mono_us() - t.started_us) / 1e6;

    struct err *late = good ? err : err_ignore("the study has failed already");

    good = job_value(job, "seconds", job_number(seconds), late) &&
        job_value(job, "stages_s", t.stages, late) && good;
    if (good) {
        job_progress(job, 1, "%d, probability %.3f", t.decision.pathology, t.decision.probability);
    }
    triage_findings_fini(&t.found);
    triage_study_fini(&t.study);
    triage_detector_fini(&t.detector);
    triage_model_fini(&t.model);
    return good;
}

const struct step step_ct_triage = {
    .name = "ct.triage",
    .title = "CT triage of one study",
    .help = "One CT study (a ZIP of DICOM): its longest axial CT series is checked, classified and "
            "measured slice by slice; a fixed rule joins the two into a decision with its reason.",
    .version = 1,
    .phase = "triage",
    .word_done = "Classified",
    .word_failed = "Triage failed",
    .stall_s = 1800,
    .mem = "2G",
    .output = {{"picture", "file", "{rec}/{name}.png", NULL, NULL, false},
               {"slices", "file", "{rec}/{name}.slices.csv", NULL, NULL, false},
               {"profile", "file", "{rec}/{name}.zprofile.png", NULL, NULL, false}},
    .run = run,
};
