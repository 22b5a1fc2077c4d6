/*
 * gantry-imaging view IN OUT.nii: a series as the page takes it: plain NIfTI (unpacking in a
 * browser takes longer than sending), and with --most N small enough that no side has more than N
 * voxels: whole blocks of voxels become their mean, so a picture stands at once and the full one
 * follows.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/num.h"
#include "image/dicom-series.h"
#include "image/nifti.h"
#include "steps/command.h"
#include "steps/image-dicom.h"

extern const struct command command_word_view;

#define USAGE "usage: gantry-imaging view IN OUT.nii [--series UID] [--most N] [--labels]"

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    stop = number;
}

static bool on_slice(void *arg, size_t done, size_t total)
{
    (void)arg;
    (void)done;
    (void)total;
    return stop == 0;
}

static bool read_dicom(const char *in, const char *uid, struct volume *v, struct err *err)
{
    const struct dicom_progress progress = {.tell = on_slice};
    struct dicom_set *set = dicom_set_open(in, NULL, err);
    size_t at = 0;
    if (!set) {
        (void)image_no_dicom(in, err);
        return false;
    }
    bool good =
        image_choose_series(in, set, uid, &at, err) && dicom_set_read(set, at, v, &progress, err);
    dicom_set_close(set);
    return good;
}

/* One slice of `small`: the mean of the blocks of `f` voxels, those at the far edges may be cut. */
static void mean_slice(const struct volume *v, const size_t f[3], const struct volume *small,
                       size_t slice, size_t time, float *room, double *sums)
{
    size_t across = small->n[0], first = slice * f[2];
    size_t behind = first + f[2] < v->n[2] ? first + f[2] : v->n[2];
    memset(sums, 0, across * small->n[1] * sizeof *sums);
    for (size_t z = first; z < behind; z++) {
        volume_slice(v, z, time, room);
        for (size_t y = 0; y < v->n[1]; y++) {
            double *into = sums + y / f[1] * across;
            const float *from = room + y * v->n[0];
            for (size_t x = 0, to = 0; x < v->n[0]; to++) {
                size_t edge = v->n[0] - x < f[0] ? v->n[0] : x + f[0];
                float sum = 0;
                while (x < edge) {
                    sum += from[x++];
                }
                into[to] += (double)sum;
            }
        }
    }
    for (size_t y = 0; y < small->n[1]; y++) {
        size_t high = v->n[1] - y * f[1] < f[1] ? v->n[1] - y * f[1] : f[1];
        for (size_t x = 0; x < across; x++) {
            size_t wide = v->n[0] - x * f[0] < f[0] ? v->n[0] - x * f[0] : f[0];
            sums[y * across + x] =
                (sums[y * across + x] / (double)(wide * high * (behind - first)) - v->intercept) /
                v->slope;
        }
    }
}

/* Labels have no mean. */
static void middle_slice(const struct volume *v, const size_t f[3], const struct volume *small,
                         size_t slice, size_t time, float *room, double *ret)
{
    size_t at[3] = {0, 0, slice * f[2] + f[2] / 2};
    volume_slice(v, at[2] < v->n[2] ? at[2] : v->n[2] - 1, time, room);
    for (size_t y = 0; y < small->n[1]; y++) {
        at[1] = y * f[1] + f[1] / 2;
        at[1] = at[1] < v->n[1] ? at[1] : v->n[1] - 1;
        for (size_t x = 0; x < small->n[0]; x++) {
            at[0] = x * f[0] + f[0] / 2;
            at[0] = at[0] < v->n[0] ? at[0] : v->n[0] - 1;
            double value = (double)room[at[1] * v->n[0] + at[0]];
            ret[y * small->n[0] + x] = (value - v->intercept) / v->slope;
        }
    }
}

/* The centre of the first block, and the longer steps. */
static void place(const struct volume *v, const size_t f[3], struct volume *small)
{
    for (size_t i = 0; i < 3; i++) {
        small->affine[i][3] = v->affine[i][3];
        for (size_t k = 0; k < 3; k++) {
            small->affine[i][k] = v->affine[i][k] * (double)f[k];
            small->affine[i][3] += v->affine[i][k] * ((double)f[k] - 1) / 2;
        }
    }
    small->slope = v->slope;
    small->intercept = v->intercept;
}

static bool reduce(const struct volume *v, size_t most, bool labels, struct volume *small,
                   struct err *err)
{
    size_t f[3], n[4] = {0, 0, 0, v->n[3]};
    for (size_t k = 0; k < 3; k++) {
        f[k] = (v->n[k] + most - 1) / most;
        n[k] = (v->n[k] + f[k] - 1) / f[k];
    }
    float *room = mem_array(v->n[0] * v->n[1], sizeof *room, err);
    double *sums = room ? mem_array(n[0] * n[1], sizeof *sums, err) : NULL;
    bool good = sums && volume_new(small, n, v->kind, err);
    if (good) {
        place(v, f, small);
    }
    for (size_t t = 0; good && t < n[3]; t++) {
        for (size_t z = 0; good && z < n[2]; z++) {
            (labels ? middle_slice : mean_slice)(v, f, small, z, t, room, sums);
            (void)volume_store(small, (t * n[2] + z) * n[0] * n[1], n[0] * n[1], sums);
            good = stop == 0 || err_set(err, ERR_CANCELLED, "interrupted");
        }
    }
    mem_free(sums);
    mem_free(room);
    return good;
}

static bool view(const char *in, const char *out, const char *uid, size_t most, bool labels,
                 struct err *err)
{
    struct volume v = {.voxels = NULL}, small = {.voxels = NULL};
    struct nifti_info info = {.place_code = NIFTI_PLACE_SCANNER};
    struct stat st;
    bool nifti = stat(in, &st) == 0 && S_ISREG(st.st_mode) && nifti_sniff(in);
    bool good = nifti ? nifti_read(in, &v, &info, err) : read_dicom(in, uid, &v, err);
    bool less = most && (v.n[0] > most || v.n[1] > most || v.n[2] > most);
    good = good && (!less || reduce(&v, most, labels, &small, err));
    const struct nifti_extra extra = {
        .place_code = info.place_code, .time_step_s = info.time_step_s, .stop = &stop};
    good = good && nifti_write(out, less ? &small : &v, &extra, err);
    volume_fini(&v);
    volume_fini(&small);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    const char *words[2] = {NULL, NULL}, *uid = NULL;
    struct sigaction action = {.sa_handler = on_signal};
    int64_t most = 0;
    size_t n = 0;
    bool good = true, labels = false;

    (void)sigaction(SIGTERM, &action, NULL);
    for (int i = 0; i < argc && good; i++) {
        if (!strcmp(argv[i], "--series") && i + 1 < argc) {
            uid = argv[++i];
        } else if (!strcmp(argv[i], "--most") && i + 1 < argc) {
            good = num_int64(argv[++i], &most) && most > 0 && most < 65536;
        } else if (!strcmp(argv[i], "--labels")) {
            labels = true;
        } else {
            good = n < 2;
            words[good ? n++ : 1] = argv[i];
        }
    }
    if (!good || !words[0] || !words[1]) {
        (void)err_set(&err, ERR_USAGE, USAGE);
        return command_fail(&err);
    }
    good = view(words[0], words[1], uid && *uid ? uid : NULL, (size_t)most, labels, &err);
    if (good) {
        puts("{}");
    }
    return good ? 0 : command_fail(&err);
}

const struct command command_word_view = {
    .name = "view",
    .usage = "IN OUT.nii [--series UID] [--most N] [--labels]",
    .help = "a series as the page's viewer takes it: plain NIfTI, at most N voxels a side",
    .run = run,
};
