/*
 * GPUs of this machine, as nvidia-smi lists them (it comes with the driver). Each is used under the
 * machine-wide lock of os/lock.h, so that two homes never use the same.
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
#endif
