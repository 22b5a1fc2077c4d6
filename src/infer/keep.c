/* A kept model is known by its folder and by what stat(2) says of its two files: the very bytes
 * were checked against the card's sum when they were loaded. */
#include "infer/keep.h"

#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"

#define KEPT 2

/* One file as it lies on disk. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct entry {
    char *folder; /* NULL: nothing is here */
    struct stamp card, onnx;
    struct ort_options options;
    int64_t mem;
    struct keep_model model;
    bool used;     /* somebody has it */
    uint64_t turn; /* when it was last asked for */
};

struct keep {
    struct entry entry[KEPT];
    uint64_t turn;
};

static bool look(const char *folder, const char *name, struct stamp *ret, struct err *err)
{
    struct stat st;
    char *path = path_join(folder, name, err);
    bool there = path && stat(path, &st) == 0;
    mem_free(path);
    if (there) {
        *ret = (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
    }
    return there;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
        a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool same_options(const struct ort_options *a, const struct ort_options *b)
{
    return a->threads == b->threads && a->gpu == b->gpu && a->device == b->device &&
        a->stop == b->stop;
}

static bool unchanged(const struct entry *e)
{
    struct err *quiet = err_ignore("then it is opened anew, which tells what is wrong");
    struct stamp card, onnx;
    return look(e->folder, "model.json", &card, quiet) &&
        look(e->folder, "model.onnx", &onnx, quiet) && same_stamp(&card, &e->card) &&
        same_stamp(&onnx, &e->onnx);
}

static void close_model(struct keep_model *m)
{
    infer_close(m->infer);
    if (m->ort) {
        ort_close(m->ort);
    }
    *m = (struct keep_model){0};
}

static void drop(struct entry *e)
{
    if (e->folder) {
        close_model(&e->model);
        mem_free(e->folder);
        mem_trim();
    }
    *e = (struct entry){0};
}

struct keep *keep_new(struct err *err)
{
    return mem_zero(sizeof(struct keep), err);
}

void keep_free(struct keep *keep)
{
    for (size_t i = 0; keep && i < KEPT; i++) {
        drop(&keep->entry[i]);
    }
    mem_free(keep);
}

static bool open_new(const char *folder, const struct ort_options *options, int64_t mem,
                     const char *without, struct keep_model *ret, struct err *err)
{
    struct keep_model m = {.ort = ort_open(err)};
    if (!m.ort) {
        return err_wrap(err, "%s", without);
    }
    if (ort_limit(m.ort, mem, err)) {
        m.infer = infer_open(m.ort, folder, options, err);
    }
    if (!m.infer) {
        close_model(&m);
        return false;
    }
    *ret = m;
    return true;
}

static bool is_same(const struct entry *e, const char *folder, const struct ort_options *options,
                    int64_t mem)
{
    return e->folder && !e->used && !strcmp(e->folder, folder) && e->mem == mem &&
        same_options(&e->options, options) && unchanged(e);
}

/* A place for another model: one of the same folder goes first (it was changed, or is wanted under
 * other conditions), then the one that nobody asked for longest. NULL when all are used. */
static struct entry *make_room(struct keep *keep, const char *folder)
{
    struct entry *oldest = NULL;
    for (size_t i = 0; i < KEPT; i++) {
        struct entry *e = &keep->entry[i];
        if (!e->used && e->folder && !strcmp(e->folder, folder)) {
            drop(e);
        }
        if (!e->used && (!oldest || e->turn < oldest->turn)) {
            oldest = e;
        }
    }
    if (oldest) {
        drop(oldest);
    }
    return oldest;
}

bool keep_open(struct keep *keep, const char *folder, const struct ort_options *options,
               int64_t mem, const char *without, struct keep_model *ret, struct err *err)
{
    struct err *quiet = err_ignore("what is missing is told when it is opened");
    for (size_t i = 0; keep && i < KEPT; i++) {
        struct entry *e = &keep->entry[i];
        if (is_same(e, folder, options, mem)) {
            e->used = true;
            e->turn = ++keep->turn;
            *ret = e->model;
            ret->again = true;
            return true;
        }
    }
    struct entry *room = keep ? make_room(keep, folder) : NULL, fresh = {.mem = mem};
    /* The stamps are taken before the files are read: a model replaced meanwhile is not taken for
     * what was loaded. */
    bool known = room && look(folder, "model.json", &fresh.card, quiet) &&
        look(folder, "model.onnx", &fresh.onnx, quiet);
    if (!open_new(folder, options, mem, without, ret, err)) {
        return false;
    }
    fresh.folder = known ? mem_strdup(folder, err_ignore("then it is not kept")) : NULL;
    if (fresh.folder) {
        fresh.options = *options;
        fresh.model = *ret;
        fresh.used = true;
        fresh.turn = ++keep->turn;
        *room = fresh;
    }
    return true;
}

void keep_close(struct keep *keep, struct keep_model *model)
{
    struct entry *kept = NULL;
    for (size_t i = 0; keep && model->infer && i < KEPT; i++) {
        kept = keep->entry[i].model.infer == model->infer ? &keep->entry[i] : kept;
    }
    if (kept) {
        kept->used = false;
        *model = (struct keep_model){0};
    } else {
        close_model(model);
    }
}
