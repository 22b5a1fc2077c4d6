/*
 * GPUs of this machine: which there are, and the machine-wide lock under which one is taken, so that two homes never use
 * the same. Listed by nvidia-smi when the driver brings it.
 */
#ifndef GANTRY_EXEC_GPU_H
#define GANTRY_EXEC_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct gpu {
    int index;
    char uuid[64];
    char name[64];
    int64_t used_mb, total_mb;
};

/* *ret_n GPUs into `out`; none is not an error. */
bool gpu_list(struct gpu *out, size_t max, size_t *ret_n, struct err *err) CHECK_RESULT;
/* Take the machine's lock of a GPU: a descriptor >= 0 (close it to give the GPU back); -1 = somebody has it. */
bool gpu_take(const char *uuid, int *ret_fd, struct err *err) CHECK_RESULT;

#endif
