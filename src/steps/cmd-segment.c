/* gantry-imaging segment MODEL IN OUT [PICTURE]: a model's folder over one NIfTI volume. */
#include <inttypes.h>
#include <stdio.h>
#include "base/mem.h"
#include "image/nifti.h"
#include "os/proc.h"
#include "steps/command.h"
#include "steps/segment.h"

#define INTENT_LABEL 1002 /* NIFTI_INTENT_LABEL of nifti1.h: whole numbers that stand for words */

extern const struct command command_word_segment;

/* {"model", "labels": {name: voxels}} */
static bool print_counts(const struct infer *m, const struct volume *labels, struct err *err)
{
    size_t counts[256] = {0};
    const uint8_t *label = labels->voxels;
    json_t *all = json_object();
    json_t *doc = NULL;
    char *text = NULL;

    for (size_t i = 0; i < volume_count(labels); i++) {
        counts[label[i]]++;
    }
    for (size_t i = 0; i < 256; i++) {
        char number[24];
        const char *name = i < m->card.n_labels ? m->card.labels[i] : number;

        snprintf(number, sizeof(number), "%zu", i);
        if ((i < m->card.n_labels || counts[i] > 0) &&
            !json_put(all, name, json_integer((json_int_t)counts[i]), err)) {
            json_decref(all);
            return false;
        }
    }
    doc = json_pack("{s:s, s:s, s:o}", "model", m->card.name, "device", ort_device(m->session),
                    "labels", all);
    text = doc != NULL ? json_pretty(doc, err) : NULL;
    if (text != NULL) {
        puts(text);
    }
    mem_free(text);
    json_decref(doc);
    return text != NULL;
}

static bool segment(char **argv, const char *picture, struct err *err)
{
    const struct ort_options options = {.threads = (unsigned)proc_cpu_count()};
    struct nifti_extra extra = {.place_code = NIFTI_PLACE_SCANNER, .intent_code = INTENT_LABEL};
    struct predict_settings settings = {.all = NULL};
    const struct segment_options how = {.settings = &settings, .threads = options.threads};
    struct segment_done done;
    struct volume in = {.voxels = NULL};
    struct volume labels = {.voxels = NULL};
    struct ort *ort = ort_open(err);
    struct infer *m = ort != NULL ? infer_open(ort, argv[0], &options, err) : NULL;
    bool good;

    extra.description = m != NULL ? m->card.name : NULL;
    good = m != NULL && predict_settings_read(&m->card, "", &settings, err) &&
        nifti_read(argv[1], &in, NULL, err) && segment_volume(m, &in, &how, &labels, &done, err) &&
        nifti_write(argv[2], &labels, &extra, err);
    if (good && picture != NULL) {
        good = segment_picture(&m->card, &in, &labels, picture, err);
    }
    good = good && print_counts(m, &labels, err);
    predict_settings_fini(&settings);
    volume_fini(&labels);
    volume_fini(&in);
    infer_close(m);
    ort_close(ort);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};

    if (argc < 3 || argc > 4) {
        err_set(&err, ERR_USAGE,
                "usage: gantry-imaging segment MODEL IN.nii OUT.nii [PICTURE.png]");
        return command_fail(&err);
    }
    return segment(argv, argc == 4 ? argv[3] : NULL, &err) ? 0 : command_fail(&err);
}

const struct command command_word_segment = {
    .name = "segment",
    .usage = "MODEL IN.nii OUT.nii [PICTURE.png]",
    .help = "labels of a segmentation model (a folder) for a NIfTI volume, and a picture of them",
    .run = run,
};
