/* mil_input() makes 0 to 1 of a window; other scalings are made of that, back in the series' own
 * units. */
#include "steps/model-bag.h"

#include <string.h>
#include "base/mem.h"

/* Do the window's ends become 0 and 1? A card of CT that says nothing means it (DESIGN 10). */
static bool by_window(const struct model_card *card)
{
    return card->scaling == MODEL_WINDOW || (card->scaling == MODEL_UNIT && card->windowed) ||
        (card->scaling == MODEL_AS_IS && !card->windowed && strcmp(card->modality, "CT") == 0);
}

/* The bag from 0 to 1 back in the series' units, then as the card says. */
static void scale_otherwise(const struct model_card *card, const struct mil_job *job, float *bag)
{
    size_t n = job->count * job->channels * job->side[0] * job->side[1];

    for (size_t i = 0; i < n; i++) {
        bag[i] = (float)(job->low + (double)bag[i] * (job->high - job->low));
    }
    infer_scale(card, bag, n);
}

bool model_bag_run(struct infer *m, const struct mil_job *series, const double range[2],
                   struct infer_bag_result *ret, float *ret_attention, struct err *err)
{
    const struct model_card *card = &m->card;
    struct mil_job job = *series;
    struct ort_tensor shape;
    float *bag;
    bool good;

    if (!infer_shape(m, &shape, err)) {
        return false;
    }
    job.count = card->slices;
    job.channels = card->channels;
    /* the last two are rows and columns: of the card, or what model.onnx has when it says none */
    job.side[0] = (size_t)shape.n[shape.rank - 1];
    job.side[1] = (size_t)shape.n[shape.rank - 2];
    if (card->windowed) {
        job.low = card->window[0];
        job.high = card->window[1];
    } else if (!by_window(card)) {
        job.low = range[0];
        job.high = range[1];
    }
    bag = mem_array(job.count * job.channels, job.side[0] * job.side[1] * sizeof(*bag), err);
    good = bag != NULL && mil_input(&job, bag, err);
    if (good && !by_window(card)) {
        scale_otherwise(card, &job, bag);
    }
    good = good && infer_bag(m, bag, ret, ret_attention, err);
    mem_free(bag);
    return good;
}
