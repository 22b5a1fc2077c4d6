/*
 * gantry-imaging mask IN OUT.nii.gz --like SERIES.nii: is IN a mask that lies on the voxels of
 * SERIES? Then it is written anew (uint8 or uint16, the geometry of SERIES to the last digit), and
 * what it holds is printed: {"labels": [{"value", "voxels", "ml"}]}. A mask that came from outside
 * is never taken as it is.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "codec/json.h"
#include "image/nifti.h"
#include "math/label-colour.h"
#include "steps/command.h"
#include "steps/image-args.h"

extern const struct command command_word_mask;

#define USAGE "usage: gantry-imaging mask IN OUT.nii.gz --like SERIES.nii"
#define LABELS 65536

struct mask {
    struct volume in, out;
    size_t *counts; /* by label */
    size_t top;     /* the highest label */
};

/* Whole numbers from 0 to 65535, counted; *room: a slice of values. */
static bool count(struct mask *m, double *room, struct err *err)
{
    size_t plane = m->in.n[0] * m->in.n[1];
    for (size_t z = 0; z < m->in.n[2]; z++) {
        volume_doubles(&m->in, z * plane, plane, room);
        for (size_t i = 0; i < plane; i++) {
            double value = room[i];
            if (!(value >= 0 && value < LABELS) || value != floor(value)) {
                return err_set(err, ERR_FORMAT,
                               "this is no mask of labels: a voxel of slice %zu has the value %g "
                               "(labels are whole numbers from 0 to 65535)",
                               z, value);
            }
            size_t label = (size_t)value;
            m->counts[label]++;
            m->top = label > m->top ? label : m->top;
        }
    }
    return true;
}

static bool copy(struct mask *m, const struct nifti_info *like, double *room, struct err *err)
{
    size_t plane = m->in.n[0] * m->in.n[1];
    if (!volume_new(&m->out, m->in.n, m->top > 255 ? VOXEL_U16 : VOXEL_U8, err)) {
        return false;
    }
    memcpy(m->out.affine, like->affine, sizeof m->out.affine);
    for (size_t z = 0; z < m->in.n[2]; z++) {
        volume_doubles(&m->in, z * plane, plane, room);
        (void)volume_store(&m->out, z * plane, plane, room);
    }
    return true;
}

/* Named and coloured as usual; who asked may know better. */
static json_t *label_facts(size_t label, size_t voxels, double ml)
{
    char name[32], colour[LABEL_COLOUR_TEXT];
    uint8_t rgb[3];
    (void)snprintf(name, sizeof name, "label %zu", label);
    label_colour(label, rgb);
    label_colour_text(rgb, colour);
    return json_pack("{s:I, s:s, s:s, s:I, s:f}", "value", (json_int_t)label, "name", name,
                     "colour", colour, "voxels", (json_int_t)voxels, "ml", (double)voxels * ml);
}

static bool tell(const struct mask *m, struct err *err)
{
    double mm[3];
    json_t *labels = json_array();
    volume_spacing(&m->out, mm);
    double ml = mm[0] * mm[1] * mm[2] / 1000;
    bool good = labels != NULL;
    for (size_t i = 1; good && i <= m->top; i++) {
        good =
            !m->counts[i] || json_array_append_new(labels, label_facts(i, m->counts[i], ml)) == 0;
    }
    json_t *doc = good ? json_pack("{s:O}", "labels", labels) : NULL;
    char *text = doc ? json_line(doc, err) : NULL;
    good = text ? puts(text) != EOF : err_set(err, ERR_NOMEM, "out of memory");
    mem_free(text);
    json_decref(doc);
    json_decref(labels);
    return good;
}

static bool take(const char *in, const char *out, const char *series, struct err *err)
{
    struct mask m = {.in = {.voxels = NULL}, .out = {.voxels = NULL}};
    struct nifti_info like, own;
    struct volume grid = {.voxels = NULL};
    const struct job job = {.dir = NULL};
    double *room = NULL;
    bool good = nifti_look(series, &like, err) &&
        (nifti_sniff(in) || err_set(err, ERR_FORMAT, "the mask is no NIfTI file")) &&
        (nifti_look(in, &own, err) || err_wrap(err, "the mask"));
    if (good) {
        memcpy(grid.n, like.n, sizeof grid.n);
        memcpy(grid.affine, like.affine, sizeof grid.affine);
        memcpy(m.in.n, own.n, sizeof own.n);
        memcpy(m.in.affine, own.affine, sizeof own.affine);
        good = (own.n[3] == 1 || err_set(err, ERR_FORMAT, "a mask has three dimensions")) &&
            image_same_grid(&job, "the mask", &m.in, "the series", &grid, err);
    }
    good = good && nifti_read(in, &m.in, NULL, err) &&
        (m.counts = mem_array(LABELS, sizeof *m.counts, err)) &&
        (room = mem_array(m.in.n[0] * m.in.n[1], sizeof *room, err)) && count(&m, room, err) &&
        copy(&m, &like, room, err);
    const struct nifti_extra extra = {.place_code = like.place_code};
    good = good && nifti_write(out, &m.out, &extra, err) && tell(&m, err);
    mem_free(room);
    mem_free(m.counts);
    volume_fini(&m.in);
    volume_fini(&m.out);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    bool good = (argc == 4 && !strcmp(argv[2], "--like")) || err_set(&err, ERR_USAGE, USAGE);
    good = good && take(argv[0], argv[1], argv[3], &err);
    return good ? 0 : command_fail(&err);
}

const struct command command_word_mask = {
    .name = "mask",
    .usage = "IN OUT.nii.gz --like SERIES.nii",
    .help = "check that IN is a mask on the voxels of SERIES, and write it anew",
    .run = run,
};
