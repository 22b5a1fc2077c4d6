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
#define SHARE 0.45    /* of a label's colour over the grey */
#define BRIGHTEST 0.8 /* of the range is white: the rest is fat and vessels, mostly */

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

static void paint(uint8_t *pixel, float value, uint8_t label, const struct label_palette *palette)
{
    float grey = value < 0 ? 0 : value > 1 ? 255 : value * 255;

    for (size_t c = 0; c < 3; c++) {
        double colour = palette->colour[label][c];

        pixel[c] = (uint8_t)lround(label != 0 ? SHARE * colour + (1 - SHARE) * (double)grey
                                              : (double)grey);
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

static size_t place(const struct volume *in, const struct view *view, size_t direction, size_t i)
{
    return view->back[direction] ? in->n[view->axis[direction]] - 1 - i : i;
}

bool segment_picture(const struct volume *in, const struct volume *labels,
                     const struct label_palette *palette, const char *path, struct err *err)
{
    static const size_t planes[AXES][2] = {{0, 1}, {0, 2}, {1, 2}}; /* across, down */
    const struct view view = find_view(in);
    const size_t n[AXES] = {in->n[view.axis[0]], in->n[view.axis[1]], in->n[view.axis[2]]};
    size_t at[AXES] = {0, 0, 0};
    size_t left = 0;
    size_t none;
    double least;
    double most;
    struct png_picture picture = {
        .channels = 3, .columns = 2 * n[0] + n[1] + 2 * GAP, .rows = n[1] > n[2] ? n[1] : n[2]};
    uint8_t *pixels = mem_array(picture.columns * picture.rows, 3, err);
    float *line = pixels != NULL ? mem_array(in->n[0], sizeof(*line), err) : NULL;
    bool good = line != NULL;

    middle(labels, at);
    volume_range(in, &least, &most, &none);
    double factor = most > least ? 1 / (BRIGHTEST * (most - least)) : 0;
    for (size_t p = 0; good && p < AXES; p++) {
        const size_t across = planes[p][0];
        const size_t down = planes[p][1];
        size_t v[AXES] = {at[0], at[1], at[2]};

        for (size_t y = 0; y < n[down]; y++) {
            v[view.axis[down]] = place(in, &view, down, y);
            for (size_t x = 0; x < n[across]; x++) {
                v[view.axis[across]] = place(in, &view, across, x);
                if (x == 0 || view.axis[across] != 0) {
                    volume_line(in, v[1], v[2], 0, line);
                }
                const uint8_t *label = labels->voxels;
                paint(pixels + (y * picture.columns + left + x) * 3,
                      (float)(((double)line[v[0]] - least) * factor),
                      label[(v[2] * in->n[1] + v[1]) * in->n[0] + v[0]], palette);
            }
        }
        left += n[across] + GAP;
    }
    picture.pixels = pixels;
    good = good && png_write(path, &picture, err);
    mem_free(line);
    mem_free(pixels);
    return good;
}
