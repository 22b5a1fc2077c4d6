/*
 * A series as a volume: the files it is made of are shared out among threads, each with a reader of
 * its own; a file's slices go straight to their places in the volume. Threads only copy and decode;
 * the caller's own thread is one of them, and the only one that tells of progress.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "image/dicom-codec.h"
#include "image/dicom-set.h"

#define THREADS_DEFAULT 2u
#define THREADS_MAX 16u

/* Where a slice of a file goes. */
struct target {
    uint32_t file, frame;
    size_t at;               /* number of the plane in the volume */
    double slope, intercept; /* for float32 */
};

struct job {
    struct dicom_set *set;
    bool as_values;
    struct volume *volume;
    struct target *targets; /* in order of files */
    size_t n;
    const struct dicom_progress *progress;
    pthread_mutex_t lock;
    size_t next, done; /* of targets */
    bool stop;
    struct err why; /* of the first failure */
};

struct reader {
    struct job *job;
    struct dicom_reader *source;
    bool tells;
    uint8_t *frames; /* of one file, or one frame that is turned into floats */
    size_t room;
};

/* ---- one file ---- */

static bool room_for(struct reader *r, size_t bytes, struct err *err)
{
    if (bytes <= r->room) {
        return true;
    }
    mem_free(r->frames);
    r->room = 0;
    r->frames = mem_big(bytes, 1, err);
    if (!r->frames) {
        return false;
    }
    r->room = bytes;
    return true;
}

#define TO_FLOATS(type)                                                                \
    for (size_t i = 0; i < n; i++) {                                                   \
        ret[i] = (float)((double)((const type *)voxels)[i] * t->slope + t->intercept); \
    }                                                                                  \
    break

static void to_floats(const struct target *t, enum voxel kind, const void *voxels, size_t n,
                      float *ret)
{
    switch (kind) {
    case VOXEL_U8:
        TO_FLOATS(uint8_t);
    case VOXEL_I8:
        TO_FLOATS(int8_t);
    case VOXEL_U16:
        TO_FLOATS(uint16_t);
    case VOXEL_I16:
        TO_FLOATS(int16_t);
    case VOXEL_U32:
        TO_FLOATS(uint32_t);
    case VOXEL_I32:
        TO_FLOATS(int32_t);
    case VOXEL_F32:
        TO_FLOATS(float);
    case VOXEL_F64:
        TO_FLOATS(double);
    }
}

/* The targets [first, end) are all of one file, which is in memory. */
static bool place_frames(struct reader *r, const struct target *first, size_t count,
                         const uint8_t *bytes, size_t size, struct err *err)
{
    struct volume *v = r->job->volume;
    const struct dicom_pixels *p = &r->job->set->files[first->file].pixels;
    size_t pixels = p->rows * p->columns, frame = dicom_frame_bytes(p);
    size_t plane = pixels * voxel_bytes(v->kind);
    bool direct = !r->job->as_values;
    if (p->compressed) {
        if (!room_for(r, frame * p->frames, err) ||
            !dicom_pixels_read(p, bytes, size, r->frames, err)) {
            return false;
        }
    } else if (!direct && !room_for(r, frame, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct target *t = &first[i];
        uint8_t *to = (uint8_t *)v->voxels + t->at * plane;
        const uint8_t *from = p->compressed ? r->frames + t->frame * frame : r->frames;
        if (!p->compressed &&
            !dicom_pixels_frame(p, bytes, size, t->frame, direct ? to : r->frames, err)) {
            return false;
        }
        if (!direct) {
            to_floats(t, dicom_voxel(p), from, pixels, (float *)(void *)to);
        } else if (p->compressed) {
            memcpy(to, from, plane);
        }
    }
    return true;
}

static bool read_file(struct reader *r, const struct target *first, size_t count, struct err *err)
{
    const struct set_file *file = &r->job->set->files[first->file];
    const uint8_t *bytes = NULL;
    uint8_t *inflated = NULL;
    size_t size = 0;
    if (!set_bytes(r->source, file, &inflated, &bytes, &size, err)) {
        return false;
    }
    bool good = place_frames(r, first, count, bytes, size, err) ||
        err_wrap(err, "%s", dicom_source_name(r->job->set->source, file->member));
    mem_free(inflated);
    return good;
}

/* ---- sharing out ---- */

/* The next file's targets; false when none are left, or somebody failed. */
static bool take(struct job *job, size_t *ret_first, size_t *ret_count)
{
    (void)pthread_mutex_lock(&job->lock);
    size_t first = job->next, end = first;
    while (!job->stop && end < job->n && job->targets[end].file == job->targets[first].file) {
        end++;
    }
    job->next = end;
    (void)pthread_mutex_unlock(&job->lock);
    *ret_first = first;
    *ret_count = end - first;
    return end > first;
}

static size_t note(struct job *job, size_t count, const struct err *why)
{
    (void)pthread_mutex_lock(&job->lock);
    job->done += count;
    if (why && !job->stop) {
        job->stop = true;
        job->why = *why;
    }
    size_t done = job->done;
    (void)pthread_mutex_unlock(&job->lock);
    return done;
}

static void *work(void *arg)
{
    struct reader *r = arg;
    struct job *job = r->job;
    size_t first, count;
    while (take(job, &first, &count)) {
        struct err err = {ERR_NONE, ""};
        bool good = read_file(r, &job->targets[first], count, &err);
        size_t done = note(job, count, good ? NULL : &err);
        if (good && r->tells && job->progress && job->progress->tell &&
            !job->progress->tell(job->progress->arg, done, job->n)) {
            (void)err_set(&err, ERR_CANCELLED, "stopped");
            (void)note(job, 0, &err);
        }
    }
    return NULL;
}

static bool work_together(struct job *job, unsigned threads, struct err *err)
{
    struct reader readers[THREADS_MAX] = {0};
    pthread_t ids[THREADS_MAX];
    unsigned started = 0;
    bool good = true;
    for (unsigned i = 0; i < threads; i++) {
        readers[i] = (struct reader){.job = job, .tells = i == 0};
        readers[i].source = i == 0 ? job->set->reader : dicom_reader_new(job->set->source, err);
        good = good && readers[i].source;
    }
    for (unsigned i = 1; good && i < threads; i++, started++) {
        if (pthread_create(&ids[i], NULL, work, &readers[i]) != 0) {
            break; /* the others do its share */
        }
    }
    if (good) {
        (void)work(&readers[0]);
    }
    for (unsigned i = 1; i <= started; i++) {
        (void)pthread_join(ids[i], NULL);
    }
    for (unsigned i = 0; i < threads; i++) {
        if (i > 0) {
            dicom_reader_free(readers[i].source);
        }
        mem_free(readers[i].frames);
    }
    if (good && job->stop) {
        *err = job->why;
        return false;
    }
    return good;
}

static int by_file(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    return x->file != y->file  ? (x->file < y->file ? -1 : 1)
        : x->frame != y->frame ? (x->frame < y->frame ? -1 : 1)
                               : 0;
}

static struct target *make_targets(const struct series *s, const struct dicom_series *pub,
                                   struct err *err)
{
    struct target *targets = mem_array(s->n, sizeof *targets, err);
    for (size_t i = 0; targets && i < s->n; i++) {
        const struct slice *slice = &s->slices[i];
        targets[i] = (struct target){
            .file = slice->file,
            .frame = slice->frame,
            .at = i / pub->times + i % pub->times * pub->slices,
            .slope = slice->place.slope,
            .intercept = slice->place.intercept,
        };
    }
    if (targets) {
        qsort(targets, s->n, sizeof *targets, by_file);
    }
    return targets;
}

static bool needs_codec(const struct job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        if (job->set->files[job->targets[i].file].pixels.compressed) {
            return true;
        }
    }
    return false;
}

static unsigned how_many(const struct job *job)
{
    unsigned threads =
        job->progress && job->progress->threads ? job->progress->threads : THREADS_DEFAULT;
    /* every reader would hold the inner ZIP in memory */
    threads = dicom_source_nested(job->set->source) ? 1 : threads;
    return threads < THREADS_MAX ? threads : THREADS_MAX;
}

bool dicom_set_read(struct dicom_set *set, size_t series, struct volume *ret,
                    const struct dicom_progress *progress, struct err *err)
{
    const struct dicom_series *pub = &set->pub[series];
    const struct series *s = &set->series[series];
    const size_t n[4] = {pub->columns, pub->rows, pub->slices, pub->times};
    struct volume v = {0};
    for (size_t i = 0; i < pub->n_complaints; i++) {
        if (pub->complaints[i].fatal) {
            return err_set(err, ERR_FORMAT, "%s", pub->complaints[i].text);
        }
    }
    struct job job = {.set = set, .volume = &v, .progress = progress};
    job.n = s->n;
    job.as_values = s->as_values;
    job.targets = make_targets(s, pub, err);
    bool good = job.targets && volume_new(&v, n, pub->kind, err) &&
        (!needs_codec(&job) || dicom_codec_open(err));
    if (good) {
        v.slope = pub->slope;
        v.intercept = pub->intercept;
        memcpy(v.affine, pub->affine, sizeof v.affine);
        (void)pthread_mutex_init(&job.lock, NULL);
        good = work_together(&job, how_many(&job), err);
        (void)pthread_mutex_destroy(&job.lock);
    }
    mem_free(job.targets);
    if (!good) {
        volume_fini(&v);
        return false;
    }
    *ret = v;
    return true;
}
