/* The slices shown go through the best findings; without (enough of) them they lie a quarter, half
 * and three quarters through the lungs. */
#include "steps/triage-picture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "draw/triage-page.h"
#include "math/picture.h"

/* The lung window of radiologists: centre -600, width 1500. */
#define WINDOW_LOW (-1350.0)
#define WINDOW_HIGH 150.0

struct pictures {
    uint8_t *grey, *lungs; /* [3][rows][columns] */
    double *area, *dense, *emphysema;
};

static bool taken(const size_t *slices, size_t n, size_t slice)
{
    for (size_t i = 0; i < n; i++) {
        if (slices[i] == slice) {
            return true;
        }
    }
    return false;
}

static int by_number(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;

    return x < y ? -1 : x > y;
}

static void chosen_slices(const struct triage_study *study, const struct triage_findings *found,
                          size_t ret[TRIAGE_PAGE_SLICES])
{
    size_t first = 0;
    size_t last = study->volume.n[2] - 1;
    size_t n = 0;

    while (first < last && study->slice[first].area_px == 0) {
        first++;
    }
    while (last > first && study->slice[last].area_px == 0) {
        last--;
    }
    for (size_t i = 0; i < found->best && n < TRIAGE_PAGE_SLICES; i++) {
        size_t middle = (size_t)((found->box[i].low[2] + found->box[i].high[2]) / 2);

        if (middle < study->volume.n[2] && !taken(ret, n, middle)) {
            ret[n++] = middle;
        }
    }
    for (size_t i = 1; n < TRIAGE_PAGE_SLICES; i++) {
        size_t slice = first + (last - first) * i / (TRIAGE_PAGE_SLICES + 1);

        if (i > TRIAGE_PAGE_SLICES || !taken(ret, n, slice)) {
            ret[n++] = slice < last ? slice : last;
        }
    }
    qsort(ret, TRIAGE_PAGE_SLICES, sizeof(*ret), by_number);
}

/* Boxes that a slice goes through. */
static void mark(const struct triage_findings *found, size_t slice, struct triage_page_slice *to)
{
    for (size_t i = 0; i < found->best && to->marks < TRIAGE_PAGE_MARKS; i++) {
        const struct box *b = &found->box[i];

        if ((double)slice + 0.5 > b->low[2] && (double)slice + 0.5 < b->high[2]) {
            to->mark[to->marks++] =
                (struct triage_mark){b->low[0], b->low[1], b->high[0], b->high[1], b->score};
        }
    }
}

static bool draw_slices(const struct triage_study *study, const struct zprofile_rule *rule,
                        const struct triage_findings *found, struct pictures *p,
                        struct triage_page *page, struct err *err)
{
    const struct volume *v = &study->volume;
    size_t pixels = v->n[0] * v->n[1];
    size_t at[TRIAGE_PAGE_SLICES];
    struct zprofile_space space = {0};
    struct zslice ignored;
    float *hu = mem_array(pixels, sizeof(*hu), err);
    bool good = hu != NULL;

    chosen_slices(study, found, at);
    for (size_t i = 0; good && i < TRIAGE_PAGE_SLICES; i++) {
        volume_slice(v, at[i], 0, hu);
        picture_bytes(hu, pixels, WINDOW_LOW, WINDOW_HIGH, p->grey + i * pixels);
        good = zprofile_slice(hu, v->n[0], v->n[1], 1, rule, &space, &ignored, err);
        if (good) {
            bitmap_to_bytes(&space.mask, p->lungs + i * pixels);
            page->slice[i].number = at[i];
            page->slice[i].grey = p->grey + i * pixels;
            page->slice[i].lungs = p->lungs + i * pixels;
            mark(found, at[i], &page->slice[i]);
        }
    }
    zprofile_space_fini(&space);
    mem_free(hu);
    return good;
}

static bool make_arrays(const struct triage_study *study, struct pictures *p, struct err *err)
{
    size_t n = study->volume.n[2];
    size_t pixels = study->volume.n[0] * study->volume.n[1] * TRIAGE_PAGE_SLICES;

    p->grey = mem_array(pixels, 1, err);
    p->lungs = p->grey == NULL ? NULL : mem_array(pixels, 1, err);
    p->area = p->lungs == NULL ? NULL : mem_array(n, sizeof(double), err);
    p->dense = p->area == NULL ? NULL : mem_array(n, sizeof(double), err);
    p->emphysema = p->dense == NULL ? NULL : mem_array(n, sizeof(double), err);
    for (size_t i = 0; p->emphysema != NULL && i < n; i++) {
        const struct zslice *s = &study->slice[i];

        p->area[i] = s->area_mm2;
        p->dense[i] = s->dense_500;
        p->emphysema[i] = s->emph_950;
    }
    return p->emphysema != NULL;
}

bool triage_pictures(const struct triage_study *study, const struct zprofile_rule *rule,
                     const struct triage_decision *decision, const struct triage_findings *found,
                     const struct triage_words *words, const char *picture, const char *profile,
                     struct err *err)
{
    struct pictures p = {NULL, NULL, NULL, NULL, NULL};
    char verdict[120];
    char footer[240];
    double spacing[3];
    bool good = make_arrays(study, &p, err);

    volume_spacing(&study->volume, spacing);
    snprintf(verdict, sizeof(verdict), "%d (%s), probability %.3f", decision->pathology,
             decision->pathology ? "PATHOLOGY" : "NORMAL", decision->probability);
    snprintf(footer, sizeof(footer), "%s%s. Lungs are outlined%s. This is not a medical device.",
             words->model,
             words->demonstration
                 ? ": a demonstration model trained on synthetic phantoms, not for patients"
                 : "",
             found->n > 0 ? ", findings are boxed" : "");
    struct triage_page page = {.title = words->title,
                               .verdict = verdict,
                               .positive = decision->pathology != 0,
                               .footer = footer,
                               .columns = study->volume.n[0],
                               .rows = study->volume.n[1],
                               .slices = study->volume.n[2],
                               .area = p.area,
                               .dense = p.dense,
                               .emphysema = p.emphysema,
                               .aspect = spacing[0] > 0 ? spacing[1] / spacing[0] : 1};
    for (size_t i = 0; i + 1 < TRIAGE_PAGE_LINES && words->line[i] != NULL; i++) {
        page.line[i] = words->line[i];
    }
    good = good && draw_slices(study, rule, found, &p, &page, err) &&
        triage_page_save(&page, picture, err) && triage_profile_save(&page, profile, err);
    mem_free(p.grey);
    mem_free(p.lungs);
    mem_free(p.area);
    mem_free(p.dense);
    mem_free(p.emphysema);
    return good;
}
