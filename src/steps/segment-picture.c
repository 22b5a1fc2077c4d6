/* Three planes side by side: axial, coronal, sagittal; the patient's right or front is at the left,
 * front or head at the top, however the volume is stored. */
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "codec/png-file.h"
#include "math/label-colour.h"
#include "steps/segment.h"

#define AXES 3
#define GAP 4
#define SHARE 0.45       /* of a label's colour over the grey */
#define MOST_PIXELS 2400 /* across */
#define BRIGHTEST 0.8    /* of the range is white: the rest is fat and vessels, mostly */

/* Where the labels' middle is; the volume's without labels. */
static void middle(const struct volume *labels, size_t ret[AXES])
{
    const uint8_t *label = labels->voxels;
    double sum[AXES] = {0, 0, 0};
    double count = 0;

    for (size_t i = 0; i < volume_count(labels); i++) {
        if (label[i] != 0) {
            sum[0] += (double)(i % labels->n[0]);
            sum[1] += (double)(i / labels->n[0] % labels->n[1]);
            sum[2] += (double)(i / (labels->n[0] * labels->n[1]));
            count++;
        }
    }
    for (size_t a = 0; a < AXES; a++) {
        ret[a] = count > 0 ? (size_t)lround(sum[a] / count) : labels->n[a] / 2;
    }
}

void segment_palette(const struct model_card *card, struct label_palette *ret)
{
    const json_t *own = json_object_get(json_object_get(card->root, "output"), "colours");

    for (size_t i = 0; i < MODEL_MAX_LABELS; i++) {
        if (!label_colour_parse(json_string_value(json_array_get(own, i)), ret->colour[i])) {
            label_colour(i, ret->colour[i]);
        }
    }
}

/* Which axis of the volume goes to the patient's left, back and feet, and whether from its end. */
struct view {
    size_t axis[AXES];
    bool back[AXES];
};

static struct view find_view(const struct volume *in)
{
    static const char wanted[] = "LPI", opposite[] = "RAS";
    struct view view = {{0, 1, 2}, {false, false, false}};
    char have[AXES + 1];

    volume_orientation(in, have);
    for (size_t a = 0; a < AXES; a++) {
        for (size_t i = 0; i < AXES; i++) {
            if (have[i] == wanted[a] || have[i] == opposite[a]) {
                view.axis[a] = i;
                view.back[a] = have[i] == opposite[a];
            }
        }
    }
    return view;
}

/* What is drawn: sizes of the patient's three directions, and the voxels of a pixel. */
struct planes {
    const struct segment_view *view;
    struct view axes;
    size_t pixels[AXES]; /* along the patient's axes */
    double low, factor;
    float *line; /* one row of the volume, and which it is */
    size_t row, slice;
};

/* Pixel `i` along one of the patient's axes, as a voxel number of the volume's axis. */
static size_t voxel_of(const struct planes *p, size_t direction, size_t i)
{
    size_t n = p->view->in->n[p->axes.axis[direction]];
    size_t at = (size_t)(((double)i + 0.5) * (double)n / (double)p->pixels[direction]);

    at = at < n ? at : n - 1;
    return p->axes.back[direction] ? n - 1 - at : at;
}

static float value_of(struct planes *p, const size_t v[AXES])
{
    if (p->row != v[1] || p->slice != v[2]) {
        volume_line(p->view->in, v[1], v[2], 0, p->line);
        p->row = v[1];
        p->slice = v[2];
    }
    return p->line[v[0]];
}

/* Is the voxel on the frame of a box, seen along the volume's axis `normal`? */
static bool framed(const struct segment_view *view, const size_t v[AXES], size_t normal)
{
    for (size_t i = 0; i < view->boxes; i++) {
        bool inside = true;
        bool edge = false;

        for (size_t a = 0; a < AXES; a++) {
            double at = (double)v[a] + 0.5;
            inside = inside && at > view->box[i].low[a] && at < view->box[i].high[a];
            edge = edge ||
                (a != normal && (at - 1 <= view->box[i].low[a] || at + 1 >= view->box[i].high[a]));
        }
        if (inside && edge) {
            return true;
        }
    }
    return false;
}

static void paint(struct planes *p, const size_t v[AXES], size_t normal, uint8_t *pixel)
{
    static const uint8_t frame[3] = {255, 200, 40};
    const struct segment_view *view = p->view;
    double value = ((double)value_of(p, v) - p->low) * p->factor;
    double grey = !(value > 0) ? 0 : value > 1 ? 255 : value * 255; /* NaN is black */
    uint8_t label = view->labels == NULL
        ? 0
        : view->labels[(v[2] * view->in->n[1] + v[1]) * view->in->n[0] + v[0]];
    bool box = view->boxes > 0 && framed(view, v, normal);

    for (size_t c = 0; c < 3; c++) {
        double colour = label != 0 ? view->palette->colour[label][c] : 0;

        pixel[c] = box   ? frame[c]
            : label != 0 ? (uint8_t)lround(SHARE * colour + (1 - SHARE) * grey)
                         : (uint8_t)lround(grey);
    }
}

/* Pixels as large as the finest voxel, and no more of them than a page shows. */
static void measure(struct planes *p)
{
    const struct volume *in = p->view->in;
    double mm[AXES];
    double least;
    double most;
    double finest = INFINITY;
    double columns = 0;
    size_t ignored;

    volume_spacing(in, mm);
    for (size_t a = 0; a < AXES; a++) {
        finest = mm[a] > 0 && mm[a] < finest ? mm[a] : finest;
    }
    for (size_t d = 0; d < AXES; d++) {
        double n = (double)in->n[p->axes.axis[d]];
        double step = mm[p->axes.axis[d]];
        double long_as = isfinite(finest) && step > 0 ? n * step / finest : n;

        p->pixels[d] = (size_t)fmax(1, fmin(rint(long_as), MOST_PIXELS));
        columns += (double)p->pixels[d] * (d == 0 ? 2 : d == 1 ? 1 : 0);
    }
    for (size_t d = 0; columns > MOST_PIXELS && d < AXES; d++) {
        p->pixels[d] = (size_t)fmax(1, rint((double)p->pixels[d] * MOST_PIXELS / columns));
    }
    volume_range(in, &least, &most, &ignored);
    p->low = p->view->high > p->view->low ? p->view->low : least;
    most = p->view->high > p->view->low ? p->view->high : least + BRIGHTEST * (most - least);
    p->factor = most > p->low ? 1 / (most - p->low) : 0;
}

static void draw(struct planes *p, struct png_picture *picture, uint8_t *pixels)
{
    static const size_t planes[AXES][2] = {{0, 1}, {0, 2}, {1, 2}}; /* across, down */
    size_t left = 0;

    for (size_t k = 0; k < AXES; k++) {
        const size_t across = planes[k][0];
        const size_t down = planes[k][1];
        size_t v[AXES] = {p->view->at[0], p->view->at[1], p->view->at[2]};

        for (size_t y = 0; y < p->pixels[down]; y++) {
            v[p->axes.axis[down]] = voxel_of(p, down, y);
            for (size_t x = 0; x < p->pixels[across]; x++) {
                v[p->axes.axis[across]] = voxel_of(p, across, x);
                paint(p, v, p->axes.axis[AXES - across - down],
                      pixels + (y * picture->columns + left + x) * 3);
            }
        }
        left += p->pixels[across] + GAP;
    }
}

void segment_window(const struct model_card *card, struct segment_view *view)
{
    if (card->windowed) {
        view->low = card->window[0];
        view->high = card->window[1];
    }
}

bool segment_planes(const struct segment_view *view, const char *path, struct err *err)
{
    struct planes p = {.view = view, .axes = find_view(view->in), .row = SIZE_MAX};
    struct png_picture picture = {.channels = 3};
    uint8_t *pixels;
    bool good;

    measure(&p);
    picture.columns = 2 * p.pixels[0] + p.pixels[1] + 2 * GAP;
    picture.rows = p.pixels[1] > p.pixels[2] ? p.pixels[1] : p.pixels[2];
    pixels = mem_array(picture.columns * picture.rows, 3, err);
    p.line = pixels != NULL ? mem_array(view->in->n[0], sizeof(*p.line), err) : NULL;
    good = p.line != NULL;
    if (good) {
        draw(&p, &picture, pixels);
        picture.pixels = pixels;
        good = png_write(path, &picture, err);
    }
    mem_free(p.line);
    mem_free(pixels);
    return good;
}

bool segment_picture(const struct model_card *card, const struct volume *in,
                     const struct volume *labels, const char *path, struct err *err)
{
    struct label_palette palette;
    struct segment_view view = {.in = in, .labels = labels->voxels, .palette = &palette};

    segment_palette(card, &palette);
    segment_window(card, &view);
    middle(labels, view.at);
    return segment_planes(&view, path, err);
}
