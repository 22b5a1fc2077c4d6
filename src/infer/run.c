/* Opening a model with its card, the shape it is fed with, and bags of slices. */
#include "infer/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "codec/mapped.h"

/* 64 GiB of input; the largest known networks take a thousandth of it. */
#define MOST_VALUES 0x1p34

/* A task that was given a GPU is told so by this variable, which renumbers: it is device 0 then. */
static bool gpu_given(void)
{
    const char *devices = getenv("CUDA_VISIBLE_DEVICES");
    return devices && devices[0] >= '0' && devices[0] <= '9';
}

static bool load(struct infer *m, struct ort *ort, const struct ort_options *options,
                 struct err *err)
{
    struct mapped file = {NULL, 0};
    struct ort_options wanted = *options;
    size_t n_in = 0;
    wanted.gpu = wanted.gpu || gpu_given();
    if (!m->card.onnx) {
        return err_set(err, ERR_UNSUPPORTED,
                       "model '%s' is computed by the tool '%s', not by a network here",
                       m->card.name, m->card.tool);
    }
    if (!mapped_open(m->card.onnx, &file, err)) {
        return err_wrap(err, "model '%s'", m->card.name);
    }
    if (model_card_verify_bytes(&m->card, file.bytes, file.size, err)) {
        m->session = ort_load(ort, file.bytes, file.size, m->card.name, &wanted, err);
        (void)(m->session || err_wrap(err, "loading model"));
    }
    mapped_close(&file);
    if (!m->session) {
        return false;
    }
    const struct ort_port *in = ort_inputs(m->session, &n_in);
    (void)ort_outputs(m->session, &m->n_out);
    if (n_in != 1) {
        return err_set(err, ERR_UNSUPPORTED, "model '%s' has %zu inputs, only one is handled",
                       m->card.name, n_in);
    }
    m->in = *in;
    return true;
}

struct infer *infer_open(struct ort *ort, const char *folder, const struct ort_options *options,
                         struct err *err)
{
    struct infer *m = mem_zero(sizeof *m, err);
    if (m && (!model_card_read(folder, &m->card, err) || !load(m, ort, options, err))) {
        infer_close(m);
        return NULL;
    }
    return m;
}

void infer_close(struct infer *m)
{
    if (m) {
        ort_unload(m->session);
        model_card_fini(&m->card);
        mem_free(m);
    }
}

/* Rows and columns, or slices, rows and columns, behind what `ret` has already. Sizes that the card
 * does not say stay open. */
static void add_spatial(const struct model_card *card, size_t n, struct ort_tensor *ret)
{
    for (size_t i = n; i-- > 0;) {
        ret->n[ret->rank++] = i < card->n_patch ? (int64_t)card->patch[i] : -1;
    }
}

/* A bag is 1 x slices x channels x rows x columns; exporters leave out the batch or the channel. */
static bool bag_layout(const struct infer *m, struct ort_tensor *ret)
{
    const struct model_card *c = &m->card;
    const int64_t slices = (int64_t)c->slices, channels = (int64_t)c->channels, *n = m->in.n;
    size_t rank = m->in.rank;
    bool batch = rank == 5 || (rank == 4 && c->channels == 1 && (n[0] == 1 || n[1] == slices));
    bool channel = rank == 5 || (rank == 4 && !batch);
    if (rank < 3 || rank > 5 || (!channel && c->channels != 1)) {
        return false;
    }
    if (batch) {
        ret->n[ret->rank++] = 1;
    }
    ret->n[ret->rank++] = slices;
    if (channel) {
        ret->n[ret->rank++] = channels;
    }
    add_spatial(c, 2, ret);
    return true;
}

static bool patch_layout(const struct infer *m, struct ort_tensor *ret)
{
    const struct model_card *c = &m->card;
    size_t rank = m->in.rank, spatial = c->n_patch ? c->n_patch : rank > 2 ? rank - 2 : rank;
    if (rank < spatial || rank > spatial + 2 || (rank == spatial && c->channels != 1)) {
        return false;
    }
    if (rank == spatial + 2) {
        ret->n[ret->rank++] = m->in.n[0] > 0 ? m->in.n[0] : 1;
    }
    if (rank > spatial) {
        ret->n[ret->rank++] = (int64_t)c->channels;
    }
    add_spatial(c, spatial, ret);
    return true;
}

/* Sizes may come from model.onnx, which may be anybody's: their product must not overflow where it
 * is multiplied with others. */
static bool reasonable(const struct ort_tensor *t)
{
    double count = 1;
    for (size_t i = 0; i < t->rank; i++) {
        count *= (double)t->n[i];
    }
    return count >= 1 && count <= MOST_VALUES;
}

bool infer_shape(const struct infer *m, struct ort_tensor *ret, struct err *err)
{
    struct ort_tensor t = {0};
    char takes[120], says[120];
    bool ok = m->card.slices ? bag_layout(m, &t) : patch_layout(m, &t), open = false;
    for (size_t i = 0; ok && i < t.rank; i++) {
        ok = t.n[i] < 0 || m->in.n[i] < 0 || t.n[i] == m->in.n[i];
    }
    ort_shape_words(m->in.n, m->in.rank, takes, sizeof takes);
    if (!ok) {
        ort_shape_words(t.n, t.rank, says, sizeof says);
        return err_set(err, ERR_FORMAT,
                       "model '%s': model.onnx takes %s, which %s of its card (%zu channels%s) "
                       "does not fit",
                       m->card.name, takes, t.rank ? says : "input", m->card.channels,
                       m->card.slices ? ", a bag of slices" : "");
    }
    for (size_t i = 0; i < t.rank; i++) {
        t.n[i] = t.n[i] < 0 ? m->in.n[i] : t.n[i];
        open = open || t.n[i] < 0;
    }
    if (open) {
        return err_set(err, ERR_FORMAT,
                       "model '%s': model.onnx takes %s, so its card must say input.patch",
                       m->card.name, takes);
    }
    if (!reasonable(&t)) {
        return err_set(err, ERR_FORMAT, "model '%s': model.onnx takes %s, which no memory holds",
                       m->card.name, takes);
    }
    *ret = t;
    return true;
}

bool infer_once(struct infer *m, const struct ort_tensor *in, struct ort_tensor *ret_out,
                struct err *err)
{
    return ort_run(m->session, in, 1, ret_out, 1, err);
}

/* One score a label: over a series for a classifier, over a patch for a detector, over each voxel
 * for a segmenter, where "sigmoid" leaves the background out. */
static bool labels_fit(const struct infer *m, const struct ort_tensor *in,
                       const struct ort_tensor *out, struct err *err)
{
    const struct model_card *c = &m->card;
    size_t classes = ort_count(out), names = c->n_labels;
    if (c->task == MODEL_SEGMENTATION) {
        bool same = out->rank == in->rank && out->rank >= 3;
        for (size_t i = 2; same && i < in->rank; i++) {
            same = out->n[i] == in->n[i];
        }
        if (!same) {
            char gives[120];
            ort_shape_words(out->n, out->rank, gives, sizeof gives);
            return err_set(err, ERR_UNSUPPORTED,
                           "model '%s' gives %s, not a score of each class for each voxel", c->name,
                           gives);
        }
        classes = (size_t)out->n[1];
        names -= names && c->activation == MODEL_SIGMOID;
    } else if (c->task != MODEL_CLASSIFICATION && c->task != MODEL_DETECTION) {
        return true;
    } else if (classes == 1 && names == 2) {
        return true; /* no and yes */
    }
    if (c->n_labels && classes != names) {
        return err_set(err, ERR_FORMAT, "model '%s' gives %zu scores, and its card has %zu labels",
                       c->name, classes, c->n_labels);
    }
    if (classes > INFER_MAX_CLASSES || classes == 0) {
        return err_set(err, ERR_UNSUPPORTED, "model '%s' has %zu classes, 1 to %d are handled",
                       c->name, classes, INFER_MAX_CLASSES);
    }
    return true;
}

bool infer_try(struct infer *m, struct ort_tensor *ret_out, double *ret_seconds, struct err *err)
{
    struct ort_tensor in, out = {0};
    if (!infer_shape(m, &in, err)) {
        return false;
    }
    size_t n = ort_count(&in);
    float *zeros = mem_array(n, sizeof *zeros, err);
    if (!zeros) {
        return false;
    }
    in.values = zeros;
    int64_t start = clock_mono_us();
    bool ok = infer_once(m, &in, &out, err) && labels_fit(m, &in, &out, err);
    if (ok) {
        *ret_seconds = (double)(clock_mono_us() - start) * 1e-6;
        *ret_out = out;
        ret_out->values = NULL;
    }
    mem_free(zeros);
    return ok;
}

/* Numbers that the linear map needs: (value - from) x factor. */
static void find_scale(const struct model_card *card, const float *values, size_t n,
                       double *ret_from, double *ret_factor)
{
    double least = n ? values[0] : 0, most = least, sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
        sum += values[i];
    }
    double mean = n ? sum / (double)n : 0;
    for (size_t i = 0; card->scaling == MODEL_ZSCORE && i < n; i++) {
        squares += (values[i] - mean) * (values[i] - mean);
    }
    double span = most - least, deviation = n ? sqrt(squares / (double)n) : 0;
    bool unit = card->scaling == MODEL_UNIT;
    *ret_from = unit ? least : mean;
    *ret_factor = unit ? (span > 0 ? 1 / span : 0) : deviation > 0 ? 1 / deviation : 0;
}

void infer_scale(const struct model_card *card, float *values, size_t n)
{
    double from = card->window[0], factor = 1 / (card->window[1] - card->window[0]);
    if (card->windowed) {
        const float low = (float)card->window[0], high = (float)card->window[1];
        for (size_t i = 0; i < n; i++) {
            /* Written so that what is no number becomes the lower end. */
            values[i] = !(values[i] > low) ? low : values[i] > high ? high : values[i];
        }
    }
    if (card->scaling == MODEL_AS_IS) {
        return;
    }
    /* "unit" over a window is the window's, so that a series keeps its units. */
    if (card->scaling == MODEL_ZSCORE || !card->windowed) {
        find_scale(card, values, n, &from, &factor);
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = (float)((values[i] - from) * factor);
    }
}

void infer_activate(const struct model_card *card, float *values, size_t n)
{
    if (card->activation == MODEL_SIGMOID) {
        for (size_t i = 0; i < n; i++) {
            values[i] = 1 / (1 + expf(-values[i]));
        }
    } else if (card->activation == MODEL_SOFTMAX && n > 0) {
        float most = values[0], sum = 0;
        for (size_t i = 1; i < n; i++) {
            most = values[i] > most ? values[i] : most;
        }
        for (size_t i = 0; i < n; i++) {
            values[i] = expf(values[i] - most); /* never overflows */
            sum += values[i];
        }
        for (size_t i = 0; i < n; i++) {
            values[i] /= sum;
        }
    }
}

bool infer_bag(struct infer *m, const float *bag, struct infer_bag_result *ret,
               float *ret_attention, struct err *err)
{
    struct ort_tensor in, out[8] = {{0}};
    size_t n_out = m->n_out < 8 ? m->n_out : 8;
    if (m->card.slices == 0) {
        return err_set(err, ERR_FORMAT, "model '%s' takes no bag of slices: its card has no slices",
                       m->card.name);
    }
    if (!infer_shape(m, &in, err)) {
        return false;
    }
    in.values = bag;
    if (!ort_run(m->session, &in, 1, out, n_out, err)) {
        return false;
    }
    struct infer_bag_result r = {.classes = ort_count(&out[0])};
    if (r.classes == 0 || r.classes > INFER_MAX_CLASSES) {
        return err_set(err, ERR_UNSUPPORTED,
                       "model '%s' gives %zu numbers for a bag, 1 to %d are "
                       "handled",
                       m->card.name, r.classes, INFER_MAX_CLASSES);
    }
    for (size_t i = 0; i < r.classes; i++) {
        if (!isfinite(out[0].values[i])) {
            return err_set(err, ERR_FAILED, "model '%s' gives a result that is no number",
                           m->card.name);
        }
        r.logits[i] = r.scores[i] = out[0].values[i];
    }
    infer_activate(&m->card, r.scores, r.classes);
    for (size_t k = 1; k < n_out && !r.attention; k++) {
        r.attention = ort_count(&out[k]) == m->card.slices;
        if (r.attention && ret_attention) {
            memcpy(ret_attention, out[k].values, m->card.slices * sizeof *ret_attention);
        }
    }
    *ret = r;
    return true;
}
