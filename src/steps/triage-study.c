/* Choosing is by headers alone; nothing is decoded before. */
#include "steps/triage-study.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

/* SOP classes whose pixels are CT numbers (PS3.4, table B.5-1). */
static const char *const ct_classes[] = {
    "1.2.840.10008.5.1.4.1.1.2",   /* CT */
    "1.2.840.10008.5.1.4.1.1.2.1", /* Enhanced CT */
    "1.2.840.10008.5.1.4.1.1.2.2", /* Legacy Converted Enhanced CT */
};

/* Part of a study's progress that reading and measuring take. */
#define READ_PART 0.5

static bool is_ct(const struct dicom_series *s)
{
    for (size_t i = 0; i < sizeof(ct_classes) / sizeof(ct_classes[0]); i++) {
        if (strcmp(s->sop_class, ct_classes[i]) == 0) {
            return true;
        }
    }
    return strcmp(s->modality, "CT") == 0;
}

/* Axial CT before other CT before anything else; then what a volume can be made of; then the
 * longest. */
static bool better(const struct dicom_series *a, const struct dicom_series *b)
{
    bool ct_a = is_ct(a);
    bool ct_b = is_ct(b);

    if (ct_a != ct_b) {
        return ct_a;
    }
    if (a->axial != b->axial) {
        return a->axial;
    }
    if (a->fatal != b->fatal) {
        return !a->fatal;
    }
    return a->slices > b->slices;
}

/* X26: what there was to choose from. */
static void say_choice(const struct dicom_series *all, size_t n, struct triage_study *study)
{
    struct dicom_counts counts;
    size_t candidates = 0;

    dicom_set_counts(study->set, &counts);
    for (size_t i = 0; i < n; i++) {
        candidates += is_ct(&all[i]) && all[i].axial;
    }
    if (counts.studies > 1) {
        snprintf(study->note, sizeof(study->note), "%zu studies, took the %s", counts.studies,
                 counts.studies == 2 ? "longer" : "longest");
    } else if (candidates > 1) {
        snprintf(study->note, sizeof(study->note), "%zu axial CT series, took the %s (%zu slices)",
                 candidates, candidates == 2 ? "longer" : "longest", study->series->slices);
    }
}

bool triage_study_open(const char *path, struct triage_study *ret, struct err *err)
{
    struct triage_study study = {.note = ""};
    const struct dicom_series *all = NULL;
    size_t n;

    study.set = dicom_set_open(path, NULL, err);
    if (study.set == NULL) {
        return false;
    }
    n = dicom_set_series(study.set, &all);
    if (n == 0) {
        triage_study_fini(&study);
        return err_set(err, ERR_FORMAT, "no DICOM images in it");
    }
    for (size_t i = 1; i < n; i++) {
        study.index = better(&all[i], &all[study.index]) ? i : study.index;
    }
    study.series = &all[study.index];
    study.ct = is_ct(study.series);
    say_choice(all, n, &study);
    *ret = study;
    return true;
}

static bool tell(void *arg, size_t done, size_t total)
{
    struct job *job = arg;

    job_progress(job, READ_PART * (double)done / (double)(total > 0 ? total : 1), "reading");
    return job->stop == NULL || *job->stop == 0;
}

bool triage_study_read(struct triage_study *study, struct job *job, struct err *err)
{
    const struct dicom_progress progress = {tell, job, job->threads};

    return dicom_set_read(study->set, study->index, &study->volume, &progress, err);
}

static bool read_slice(void *arg, size_t slice, float *ret_hu, struct err *err)
{
    (void)err;
    volume_slice(arg, slice, 0, ret_hu);
    return true;
}

bool triage_study_measure(struct triage_study *study, const struct zprofile_rule *rule,
                          unsigned threads, struct err *err)
{
    const struct volume *v = &study->volume;
    double spacing[3];

    volume_spacing(v, spacing);
    study->slice = mem_array(v->n[2], sizeof(*study->slice), err);
    if (study->slice == NULL) {
        return false;
    }
    const struct zprofile_job job = {.columns = v->n[0],
                                     .rows = v->n[1],
                                     .slices = v->n[2],
                                     .px_mm2 = spacing[0] * spacing[1],
                                     .rule = rule,
                                     .threads = threads,
                                     .read = read_slice,
                                     .arg = &study->volume};
    return zprofile_run(&job, study->slice, err);
}

void triage_study_fini(struct triage_study *study)
{
    mem_free(study->slice);
    volume_fini(&study->volume);
    dicom_set_close(study->set);
    *study = (struct triage_study){.set = NULL};
}
