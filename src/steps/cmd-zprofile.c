/*
 * gantry-imaging zprofile IN OUT.csv [--mask MASK.nii.gz] [--bag BAG.f32] [--p P [--nodules N]]:
 * the lung z-profile of a CT volume (DESIGN 10), one line a slice, and the study's score as JSON on
 * stdout. With the probability of some classifier also the decision. `zprofile --settings` prints
 * every number of the rule as a model.json may set it. Slices are taken as they are
 * stored, in HU; whether it is a chest at all is not asked (`gantry predict` does).
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "codec/json.h"
#include "image/dicom-series.h"
#include "image/nifti.h"
#include "math/mil-input.h"
#include "math/triage-rule.h"
#include "os/file.h"
#include "steps/command.h"

extern const struct command command_word_zprofile;

#define ARGUMENTS \
    "IN OUT.csv [--mask MASK.nii.gz] [--bag BAG.f32] [--p P [--nodules N]], or --settings"

struct request {
    const char *in, *csv, *mask, *bag;
    double p; /* -1 = none given */
    double nodules;
};

static bool read_words(struct request *r, int argc, char **argv, struct err *err)
{
    bool good = true;

    *r = (struct request){.p = -1};
    for (int i = 0; good && i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strncmp(argv[i], "--", 2) != 0) {
            good = r->csv == NULL;
            *(r->in == NULL ? &r->in : &r->csv) = argv[i];
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--mask") == 0 && nifti_named(value)) {
            r->mask = value;
        } else if (strcmp(argv[i - 1], "--bag") == 0 && *value != '\0') {
            r->bag = value;
        } else if (strcmp(argv[i - 1], "--p") == 0) {
            good = num_double(value, &r->p) && r->p >= 0 && r->p <= 1;
        } else if (strcmp(argv[i - 1], "--nodules") == 0) {
            good = num_double(value, &r->nodules) && r->nodules >= 0 && r->nodules <= 1e6;
        } else {
            good = false;
        }
    }
    return (good && r->csv != NULL) ||
        err_set(err, ERR_USAGE, "usage: gantry-imaging zprofile " ARGUMENTS);
}

/* NIfTI, or the DICOM series with the most slices. */
static bool read_volume(const char *path, struct volume *ret, struct err *err)
{
    const struct dicom_series *series;
    struct dicom_set *set;
    bool good;

    if (nifti_sniff(path)) {
        return nifti_read(path, ret, NULL, err);
    }
    set = dicom_set_open(path, NULL, err);
    good = set != NULL &&
        (dicom_set_series(set, &series) > 0 ||
         err_set(err, ERR_NOTHING, "%s: no series in it", path)) &&
        dicom_set_read(set, 0, ret, NULL, err);
    dicom_set_close(set);
    return good;
}

static bool read_slice(void *arg, size_t slice, float *ret_hu, struct err *err)
{
    (void)err;
    volume_slice(arg, slice, 0, ret_hu);
    return true;
}

static bool measure(struct volume *v, struct zslice *slice, uint8_t *masks, struct err *err)
{
    double mm[3];

    volume_spacing(v, mm);
    const struct zprofile_job job = {.columns = v->n[0],
                                     .rows = v->n[1],
                                     .slices = v->n[2],
                                     .px_mm2 = mm[0] * mm[1],
                                     .read = read_slice,
                                     .arg = v,
                                     .masks = masks};
    return zprofile_run(&job, slice, err);
}

static bool write_csv(const char *path, const struct zslice *slice, size_t slices, struct err *err)
{
    struct str text = STR_INIT;
    bool good;

    zprofile_csv(slice, slices, NULL, &text);
    good = str_ok(&text, err) && file_write(path, str_text(&text), text.len, false, err);
    str_fini(&text);
    return good;
}

static bool write_bag(const char *path, struct volume *v, struct err *err)
{
    struct mil_job job = mil_job_default;
    size_t count = job.count * job.side[0] * job.side[1];
    float *bag = mem_big(count, sizeof *bag, err);
    bool good;

    job.columns = v->n[0];
    job.rows = v->n[1];
    job.slices = v->n[2];
    job.read = read_slice;
    job.arg = v;
    good = bag != NULL && mil_input(&job, bag, err) &&
        file_write(path, (const char *)bag, count * sizeof *bag, false, err);
    mem_free(bag);
    return good;
}

static json_t *study_json(const struct zstudy *s)
{
    return json_pack(
        "{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}",
        "slices", (json_int_t)s->slices, "lung_slices", (json_int_t)s->lung_slices, "avg_hu",
        s->avg_hu, "avg_dense_500", s->avg_dense_500, "avg_dense_300", s->avg_dense_300,
        "avg_emph_950", s->avg_emph_950, "avg_asymmetry", s->avg_asymmetry, "high_dense",
        (json_int_t)s->high_dense, "low_hu", (json_int_t)s->low_hu, "high_emph",
        (json_int_t)s->high_emph, "dense", s->dense, "hu", s->hu, "emph", s->emph, "asym", s->asym,
        "abnormal", s->abnormal, "z", s->z);
}

static bool print_score(const struct request *r, const struct zstudy *study, struct err *err)
{
    struct triage_decision d;
    json_t *all = study_json(study);
    char *text = NULL;
    bool good = all != NULL;

    if (good && r->p >= 0) {
        good = triage_decide(r->p, (size_t)r->nodules, study, NULL, &d, err) &&
            json_put(all, "decision",
                     json_pack("{s:i, s:f, s:i, s:f, s:i, s:f, s:f, s:f, s:s}", "vote",
                               d.vote.pathology, "vote_confidence", d.vote.confidence, "pathology",
                               d.pathology, "probability", d.probability, "decided_by",
                               (int)d.decided_by, "confidence", d.confidence, "p", d.p_lifted, "z",
                               d.z_calmed, "reason", d.reason),
                     err);
    }
    text = good ? json_text(all, err) : NULL;
    if (text != NULL) {
        puts(text);
    }
    json_decref(all);
    mem_free(text);
    return text != NULL;
}

static bool work(const struct request *r, struct err *err)
{
    struct volume v = {.voxels = NULL}, mask = {.voxels = NULL};
    const struct nifti_extra extra = {.place_code = NIFTI_PLACE_SCANNER};
    struct zslice *slice = NULL;
    struct zstudy study;
    bool good = read_volume(r->in, &v, err);
    size_t n[4] = {v.n[0], v.n[1], v.n[2], 1};

    slice = good ? mem_array(n[2], sizeof *slice, err) : NULL;
    good = slice != NULL && (r->mask == NULL || volume_new(&mask, n, VOXEL_U8, err)) &&
        measure(&v, slice, mask.voxels, err) && write_csv(r->csv, slice, n[2], err);
    if (good && r->mask != NULL) {
        memcpy(mask.affine, v.affine, sizeof mask.affine);
        good = nifti_write(r->mask, &mask, &extra, err);
    }
    good = good && (r->bag == NULL || write_bag(r->bag, &v, err)) &&
        zprofile_study(slice, n[2], NULL, &study, err) && print_score(r, &study, err);
    mem_free(slice);
    volume_fini(&mask);
    volume_fini(&v);
    return good;
}

static bool print_settings(struct err *err)
{
    struct triage_rule rule;
    json_t *all = json_object();
    char *text = NULL;
    bool good = true;

    triage_rule_defaults(&rule);
    for (size_t i = 0; good && i < triage_setting_count; i++) {
        const struct triage_setting *s = &triage_setting_table[i];
        good = json_put(all, s->name,
                        json_pack("{s:s, s:f, s:f, s:f, s:s}", "type", "number", "default",
                                  triage_setting_get(&rule, s), "minimum", s->low, "maximum",
                                  s->high, "help", s->help),
                        err);
    }
    text = good ? json_pretty(all, err) : NULL;
    if (text != NULL) {
        puts(text);
    }
    json_decref(all);
    mem_free(text);
    return text != NULL;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    struct request request;

    if (argc == 1 && strcmp(argv[0], "--settings") == 0) {
        return print_settings(&err) ? 0 : command_fail(&err);
    }
    return read_words(&request, argc, argv, &err) && work(&request, &err) ? 0 : command_fail(&err);
}

const struct command command_word_zprofile = {
    .name = "zprofile",
    .usage = ARGUMENTS,
    .help = "lungs of a CT (NIfTI; DICOM as a file, folder or ZIP): a CSV line a slice, the score "
            "as JSON",
    .run = run,
};
