/*
 * recon.cor: find the rotation centre. Writes center_of_rotation.txt (its last word is the centre)
 * and the score curve, and sees to it that the try slices around the centre are on disk. Slices far
 * from it are named in the value "prune": the worker removes them once this attempt is published.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"
#include "steps/axis.h"
#include "steps/common.h"
#include "steps/params.h"
#include "steps/slices.h"
#include "steps/step.h"
#include "steps/try-set.h"

extern const struct step step_recon_cor;

/* Steps on either side of the centre for which try slices should exist: 21 in all. */
#define AROUND 10

/* A try slice, on disk or made by this attempt. */
struct try_file {
    char *name;
    size_t slice;
    double centre;
    bool fresh; /* made by this attempt */
};

struct try_list {
    struct try_file *file;
    size_t count;
    size_t cap;
};

/* ---- the try slices on disk ---- */

static void list_fini(struct try_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->file[i].name);
    }
    mem_free(list->file);
    *list = (struct try_list){NULL, 0, 0};
}

static bool list_add(struct try_list *list, const char *name, bool fresh, struct err *err)
{
    struct try_file f = {NULL, 0, 0, fresh};

    if (sscanf(name, "recon_slice%zu_center", &f.slice) != 1 ||
        !slices_try_centre(name, &f.centre)) {
        return true; /* not one of ours */
    }
    if (list->count == list->cap) {
        size_t cap = list->cap * 2 + 64;
        struct try_file *more = mem_resize(list->file, cap, sizeof(*more), err);

        if (more == NULL) {
            return false;
        }
        list->file = more;
        list->cap = cap;
    }
    f.name = mem_strdup(name, err);
    if (f.name == NULL) {
        return false;
    }
    list->file[list->count++] = f;
    return true;
}

static bool list_folder(const char *dir, struct try_list *list, struct err *err)
{
    size_t count = 0;
    char **names = NULL;
    bool good = true;

    if (!file_is_folder(dir)) {
        return true;
    }
    names = file_list(dir, &count, err);
    if (names == NULL) {
        return false;
    }
    for (size_t i = 0; good && i < count; i++) {
        good = list_add(list, names[i], false, err);
    }
    file_list_free(names);
    return good;
}

static bool listed(const struct try_list *list, size_t slice, double centre)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->file[i].slice == slice && fabs(list->file[i].centre - centre) < 0.005) {
            return true;
        }
    }
    return false;
}

/* Does the disk already show the neighbourhood of `axis`? The grid there may be offset against ours
 * by part of a step. */
static bool neighbourhood_shown(const struct try_list *list, size_t slice, double axis, double step,
                                size_t wanted)
{
    size_t near = 0;

    for (size_t i = 0; i < list->count; i++) {
        near += list->file[i].slice == slice &&
            fabs(list->file[i].centre - axis) <= (AROUND + 0.5) * step;
    }
    return near + 1 >= wanted;
}

/* Make the try slices around `axis` that are missing for one detector row. */
static bool add_missing(struct job *job, struct source *source, const struct recon_params *p,
                        size_t slice, double axis, const char *dir, struct try_list *list,
                        struct err *err)
{
    double middle = round(axis / p->search_step) * p->search_step;
    double *centre = NULL;
    size_t count = 0;
    size_t missing = 0;
    bool good = try_set_centres(source, middle, p->search_step, AROUND * p->search_step, &centre,
                                &count, err);

    if (!good || neighbourhood_shown(list, slice, axis, p->search_step, count)) {
        mem_free(centre);
        return good;
    }
    for (size_t i = 0; i < count; i++) {
        if (!listed(list, slice, centre[i])) {
            centre[missing++] = centre[i];
        }
    }
    good =
        missing == 0 || try_set_write(job, source, p, slice, centre, missing, dir, 0.6, 0.95, err);
    for (size_t i = 0; good && i < missing; i++) {
        char *path = slices_try_path("", slice, centre[i], err);

        good = path != NULL && list_add(list, path_base(path), true, err);
        mem_free(path);
    }
    mem_free(centre);
    return good;
}

/* ---- pruning ---- */

static int by_slice_and_distance(const void *a, const void *b, void *axis)
{
    const struct try_file *x = a;
    const struct try_file *y = b;
    double dx = fabs(x->centre - *(const double *)axis);
    double dy = fabs(y->centre - *(const double *)axis);

    if (x->slice != y->slice) {
        return x->slice < y->slice ? -1 : 1;
    }
    return dx < dy ? -1 : dx > dy;
}

/* Paths of the try slices on disk that are not among the `keep` nearest of their row. */
static json_t *prune_list(struct try_list *list, const char *dir, double axis, int64_t keep,
                          struct err *err)
{
    json_t *paths = json_array();
    size_t rank = 0;

    if (list->count > 0) {
        qsort_r(list->file, list->count, sizeof(*list->file), by_slice_and_distance, &axis);
    }
    for (size_t i = 0; i < list->count && paths != NULL; i++) {
        rank = i > 0 && list->file[i].slice == list->file[i - 1].slice ? rank + 1 : 0;
        if (keep < 0 || rank < (size_t)keep || list->file[i].fresh) {
            continue;
        }
        char *path = path_join(dir, list->file[i].name, err);
        if (path == NULL || json_array_append_new(paths, json_string(path)) != 0) {
            json_decref(paths);
            paths = NULL;
        }
        mem_free(path);
    }
    return paths;
}

static bool see_to_slices(struct job *job, struct source *source, const struct recon_params *p,
                          double axis, struct err *err)
{
    const struct job_output *out = job_output_named(job, "slices");
    struct try_list list = {NULL, 0, 0};
    json_t *prune = NULL;
    bool good = true;

    if (out == NULL) {
        return true;
    }
    good = file_mkdirs(out->staging, 0777, err) && list_folder(out->final, &list, err);
    for (size_t i = 0; good && i < p->nsinos; i++) {
        good = add_missing(job, source, p, source_slice_of(source, p->nsino[i]), axis, out->staging,
                           &list, err);
    }
    if (good) {
        prune = prune_list(&list, out->final, axis, p->keep_try, err);
        good = job_value(job, "prune", prune, err);
    }
    list_fini(&list);
    return good;
}

/* ---- what is written about the centre ---- */

static bool write_centre(const struct job *job, const struct axis_found *f, const char *method,
                         struct err *err)
{
    const struct job_output *out = job_output_named(job, "cor");
    struct str text = STR_INIT;
    bool good;

    if (out == NULL) {
        return true;
    }
    str_addf(&text, "# rotation centre of %s, method %s, confidence %.2f\n",
             "the full detector, columns from 0", method, f->confidence);
    if (f->have_vo) {
        str_addf(&text, "# vo %.4f (confidence %.2f)\n", f->vo.centre, f->vo.confidence);
    }
    if (f->have_pc) {
        str_addf(&text, "# pc %.4f (confidence %.2f)\n", f->pc.centre, f->pc.confidence);
    }
    if (f->have_ai) {
        str_addf(&text, "# ai %.4f (confidence %.2f)\n", f->ai.centre, f->ai.confidence);
    }
    str_addf(&text, "%.6f\n", f->axis);
    good = str_ok(&text, err) && common_folder_of(out->staging, err) &&
        file_put(out->staging, text.buf, text.len, err);
    str_fini(&text);
    return good;
}

static bool write_scores(const struct job *job, const struct axis_found *f, struct err *err)
{
    const struct job_output *out = job_output_named(job, "scores");
    struct str text = STR_INIT;
    bool good;

    if (out == NULL) {
        return true;
    }
    str_add(&text, "center,score\r\n");
    for (size_t i = 0; i < f->curve.count; i++) {
        str_addf(&text, "%.4f,%.9g\r\n", f->curve.centre[i], f->curve.score[i]);
    }
    good = str_ok(&text, err) && common_folder_of(out->staging, err) &&
        file_put(out->staging, text.buf, text.len, err);
    str_fini(&text);
    return good;
}

static bool report(struct job *job, const struct axis_found *f, const char *method, struct err *err)
{
    return job_value(job, "cor", job_number(f->axis), err) &&
        job_value(job, "confidence", job_number(f->confidence), err) &&
        job_value(job, "cor_source", json_string(method), err) &&
        job_value(job, "finder", json_string(f->source), err) &&
        job_value(job, "vo", f->have_vo ? job_number(f->vo.centre) : json_null(), err) &&
        job_value(job, "vo_confidence", f->have_vo ? job_number(f->vo.confidence) : json_null(),
                  err) &&
        job_value(job, "pc", f->have_pc ? job_number(f->pc.centre) : json_null(), err) &&
        job_value(job, "pc_confidence", f->have_pc ? job_number(f->pc.confidence) : json_null(),
                  err) &&
        job_value(job, "ai", f->have_ai ? job_number(f->ai.centre) : json_null(), err) &&
        job_value(job, "ai_confidence", f->have_ai ? job_number(f->ai.confidence) : json_null(),
                  err);
}

/* Below this the value is shown with a warning (centre.h: not to be trusted). */
#define LOW_CONFIDENCE 0.3

static bool find(struct job *job, struct err *err)
{
    struct source *source = NULL;
    const struct job_output *tries = job_output_named(job, "slices");
    struct axis_means means = {job, tries != NULL ? tries->final : NULL};
    struct axis_found found = {0};
    struct recon_params p;
    const char *method;
    bool good = false;

    if (!params_read(job->params, &p, err)) {
        return false;
    }
    method = axis_method_word(p.method);
    common_wisdom_load(job);
    source = source_open(job->input, &p, job->threads, err);
    if (source == NULL) {
        return false;
    }
    job_progress(job, 0, "looking for the rotation centre");
    if (!axis_find_all(source, &p, p.seed, &means, &found, err)) {
        goto out;
    }
    job_progress(job, 0.5, "centre %.2f, confidence %.2f", found.axis, found.confidence);
    if (found.confidence < LOW_CONFIDENCE) {
        job_say(job, "warning: centre %.2f has a confidence of only %.2f: look at the try slices",
                found.axis, found.confidence);
    }
    if (p.method == AXIS_AI && (found.have_vo || found.have_pc)) {
        job_say(job,
                "note: the model was not sure; weighed with vo and pc the centre is that of %s",
                found.source);
    }
    if (found.global) {
        job_say(
            job,
            "note: nothing convincing within +- %g px of the seed; the whole detector was searched",
            p.search_width);
    }
    good = write_centre(job, &found, method, err) && write_scores(job, &found, err) &&
        see_to_slices(job, source, &p, found.axis, err) && common_tell_repairs(job, source, err) &&
        report(job, &found, method, err);
    if (good) {
        common_wisdom_save(job);
        job_say(job, "[infer-worker] OK %s => %.2f", job->input, found.axis);
    }
out:
    axis_fini(&found);
    source_close(source);
    return good;
}

static bool run(struct job *job, struct err *err)
{
    const char *gpu = getenv("CUDA_VISIBLE_DEVICES");
    bool good;

    job_say(job, "[infer-worker] GPU=%s  files=1", gpu != NULL && gpu[0] != '\0' ? gpu : "none");
    good = find(job, err);
    if (!good) {
        job_say(job, "[infer-worker] FAIL %s: %s", path_base(job->input), err->text);
    }
    job_say(job, "[infer-worker] done GPU=%s  OK=%d/1",
            gpu != NULL && gpu[0] != '\0' ? gpu : "none", good);
    if (good) {
        job_progress(job, 1, "centre found");
    }
    return good;
}

const struct step step_recon_cor = {
    .name = "recon.cor",
    .title = "Find the rotation centre",
    .help = "Finds the rotation centre by the sinogram's Fourier transform (vo), by phase "
            "correlation of opposite views "
            "(pc), by the sharpness of trial slices (entropy), by the first two and their "
            "agreement (auto: a model is the third voice where they differ), "
            "or by a model that looks at try slices (ai), with a confidence.",
    .version = 2,
    .family = STEP_COR,
    .phase = "infer",
    .word_done = "Inferred",
    .word_failed = "Infer failed",
    .stall_s = 600,
    .mem = "2G",
    .output = {{"cor", "file", "{rec}/try_center/{name}/center_of_rotation.txt", NULL, NULL, false},
               {"scores", "file", "{rec}/try_center/{name}/center_scores.csv", NULL, NULL, false},
               {"slices", "files", "{rec}/try_center/{name}", "recon_slice*_center*.tif*", NULL,
                true}},
    .touches = {"slices", "files", "{rec}/try_center/{name}", "recon_slice*_center*.tif*", NULL,
                false},
    .binding = {{"seed", "cor-seed"}},
    .run = run,
};
