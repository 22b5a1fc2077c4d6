/* What a task is expected to write and to need: for the plan, the disk check and the memory
 * admission. */
#ifndef GANTRY_PLAN_ESTIMATE_H
#define GANTRY_PLAN_ESTIMATE_H

#include <stdint.h>
#include "codec/json.h"
#include "plan/tool.h"

struct scan_shape {
    int64_t frames, rows, columns;
    int item_size; /* bytes a pixel */
};

struct estimate {
    int64_t bytes;  /* to be written; 0 = unknown */
    int64_t memory; /* resident; 0 = unknown */
};

/* From the tool's custom.gantry.estimate ("recon.full", "recon.try", "recon.cor"), the scan and the
 * parameters. */
struct estimate estimate_task(const struct tool *tool, const json_t *params,
                              const struct scan_shape *scan);

#endif
