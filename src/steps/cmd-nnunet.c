/*
 * gantry-imaging nnunet PLAN: images and masks as the cases of an nnU-Net raw folder. PLAN is JSON:
 * {"to": FOLDER, "cases": [{"name", "image", "uid", "mask", "values": {"1": 2}}]}; written are
 * FOLDER/imagesTr/NAME_0000.nii.gz (a DICOM series is converted) and FOLDER/labelsTr/NAME.nii.gz,
 * the mask with its values exchanged, on exactly the image's grid. The first case that cannot be
 * written ends it: the caller throws the folder away.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/num.h"
#include "codec/json.h"
#include "image/dicom-series.h"
#include "image/nifti.h"
#include "os/file.h"
#include "steps/command.h"
#include "steps/image-args.h"
#include "steps/image-dicom.h"

extern const struct command command_word_nnunet;

#define LABELS 65536

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    stop = number;
}

struct one {
    const char *name, *image, *mask;
    uint16_t *map; /* of LABELS; 0 where `known` is not set */
    bool *known;   /* is the value among those of the plan? */
    bool wide;     /* some new value is over 255 */
};

static bool read_dicom(const char *path, const char *uid, struct volume *ret, struct err *err)
{
    struct dicom_set *set = dicom_set_open(path, NULL, err);
    size_t at = 0;
    bool good = set != NULL && image_choose_series(path, set, *uid ? uid : NULL, &at, err) &&
        dicom_set_read(set, at, ret, NULL, err);
    dicom_set_close(set);
    return good;
}

static bool read_image(const char *path, const char *uid, struct volume *ret,
                       struct nifti_info *info, struct err *err)
{
    struct stat st;
    bool file = stat(path, &st) == 0 && S_ISREG(st.st_mode);

    *info = (struct nifti_info){.place_code = NIFTI_PLACE_SCANNER};
    if (file && (nifti_named(path) || nifti_sniff(path))) {
        return nifti_read(path, ret, info, err);
    }
    return read_dicom(path, uid, ret, err);
}

static bool write_at(const char *to, const char *folder, const char *name, const char *end,
                     const struct volume *v, int place, struct err *err)
{
    const struct nifti_extra extra = {.place_code = place, .stop = &stop};
    char *path = mem_printf(err, "%s/%s/%s%s", to, folder, name, end);
    bool good = path != NULL && nifti_write(path, v, &extra, err);
    mem_free(path);
    return good;
}

/* The mask's labels as the folder numbers them, on the grid of `image`. */
static bool renumber(const struct one *c, const struct volume *mask, const struct volume *image,
                     struct volume *ret, struct err *err)
{
    size_t plane = mask->n[0] * mask->n[1];
    double *room = mem_array(plane, sizeof *room, err);
    bool good = room != NULL && volume_new(ret, mask->n, c->wide ? VOXEL_U16 : VOXEL_U8, err);

    memcpy(ret->affine, image->affine, sizeof ret->affine);
    for (size_t z = 0; good && z < mask->n[2]; z++) {
        volume_doubles(mask, z * plane, plane, room);
        for (size_t i = 0; good && i < plane; i++) {
            double value = room[i];
            if (!(value >= 0 && value < LABELS) || value != floor(value) ||
                !c->known[(size_t)value]) {
                good = err_set(err, ERR_FORMAT,
                               "%.200s: a voxel of slice %zu has the value %g, which is none of "
                               "the labels in the facts beside it",
                               c->mask, z, value);
            } else {
                room[i] = c->map[(size_t)value];
            }
        }
        (void)(good && volume_store(ret, z * plane, plane, room));
    }
    mem_free(room);
    return good;
}

static bool write_case(const char *to, const struct one *c, const char *uid, struct err *err)
{
    struct volume image = {.voxels = NULL}, mask = {.voxels = NULL}, label = {.voxels = NULL};
    struct nifti_info info;
    static const struct job nobody = {.root = NULL}; /* names are not shortened */
    bool good = read_image(c->image, uid, &image, &info, err) &&
        (image.n[3] == 1 ||
         err_set(err, ERR_FORMAT, "%.200s: has %zu volumes, nnU-Net takes one", c->image,
                 image.n[3])) &&
        nifti_read(c->mask, &mask, NULL, err) &&
        (mask.n[3] == 1 || err_set(err, ERR_FORMAT, "%.200s: is no mask", c->mask)) &&
        image_same_grid(&nobody, c->image, &image, c->mask, &mask, err) &&
        renumber(c, &mask, &image, &label, err) &&
        write_at(to, "imagesTr", c->name, "_0000.nii.gz", &image, info.place_code, err) &&
        write_at(to, "labelsTr", c->name, ".nii.gz", &label, info.place_code, err);

    volume_fini(&label);
    volume_fini(&mask);
    volume_fini(&image);
    return good;
}

/* "values": {"old": new}; the background is 0 always. */
static bool take_values(struct one *c, json_t *values, struct err *err)
{
    const char *key;
    json_t *value;
    int64_t old = 0;

    memset(c->known, 0, LABELS * sizeof *c->known);
    c->known[0] = true;
    c->map[0] = 0;
    c->wide = false;
    json_object_foreach(values, key, value)
    {
        json_int_t fresh = json_integer_value(value);
        if (!num_int64(key, &old) || old < 1 || old >= LABELS || !json_is_integer(value) ||
            fresh < 0 || fresh >= LABELS) {
            return err_set(err, ERR_USAGE, "the plan's values: '%.40s' is no label", key);
        }
        c->known[old] = true;
        c->map[old] = (uint16_t)fresh;
        c->wide = c->wide || fresh > 255;
    }
    return true;
}

static bool write_cases(json_t *plan, struct err *err)
{
    const char *to = json_get_text(plan, "to", "");
    struct one c = {.map = mem_array(LABELS, sizeof *c.map, err),
                    .known = mem_array(LABELS, sizeof *c.known, err)};
    bool good = c.map != NULL && c.known != NULL;
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(plan, "cases"), i, row)
    {
        c.name = json_get_text(row, "name", "");
        c.image = json_get_text(row, "image", "");
        c.mask = json_get_text(row, "mask", "");
        good = good &&
            ((*c.name != '\0' && strchr(c.name, '/') == NULL) ||
             err_set(err, ERR_USAGE, "the plan's case %zu has no name", i)) &&
            take_values(&c, json_object_get(row, "values"), err) &&
            write_case(to, &c, json_get_text(row, "uid", ""), err);
    }
    mem_free(c.map);
    mem_free(c.known);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    const struct sigaction action = {.sa_handler = on_signal};
    json_t *plan = NULL;
    bool good = argc == 1 || err_set(&err, ERR_USAGE, "usage: gantry-imaging nnunet PLAN");

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    plan = good ? json_read(strcmp(argv[0], "-") == 0 ? "/dev/stdin" : argv[0], &err) : NULL;
    good = plan != NULL && write_cases(plan, &err);
    json_decref(plan);
    return good ? 0 : command_fail(&err);
}

const struct command command_word_nnunet = {
    .name = "nnunet",
    .usage = "PLAN",
    .help = "images and masks as cases of an nnU-Net raw folder (gantry dataset export)",
    .run = run,
};
