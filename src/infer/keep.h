/*
 * The models that a process keeps between attempts: two at most, because a slot asks for the same
 * ones time after time (a classifier and its detector), and more memory would be missing elsewhere.
 * One is used again when nothing about it differs: folder, files (also replaced ones are noticed,
 * by device, inode, size and time), threads, device, memory limit.
 *
 * Without a keep (NULL) models are opened and closed as they are asked for. Order of calls:
 * keep_new, keep_open and keep_close in turn, keep_free.
 */
#ifndef GANTRY_INFER_KEEP_H
#define GANTRY_INFER_KEEP_H

#include "infer/run.h"

struct keep;

struct keep *keep_new(struct err *err) CHECK_RESULT;
void keep_free(struct keep *keep);

struct keep_model {
    struct ort *ort;
    struct infer *infer;
    bool again; /* it was there: nothing was loaded */
};

/* The model of `folder`, under a limit of `mem` bytes (ort_limit). `without` is put before what is
 * wrong when there is no runtime: what to do then. A third one takes the place of the one that was
 * not asked for longest, which is closed first. */
bool keep_open(struct keep *keep, const char *folder, const struct ort_options *options,
               int64_t mem, const char *without, struct keep_model *ret,
               struct err *err) CHECK_RESULT;
/* Done with it; what keep_open gave must not be used any more. */
void keep_close(struct keep *keep, struct keep_model *model);

#endif
