/* Estimates from shapes: float32 slices of columns x columns, headers of 512 bytes a file. */
#include "plan/estimate.h"

#include <string.h>
#include "base/num.h"

static int64_t rows_wanted(const json_t *params, const struct scan_shape *scan, int64_t scale)
{
    int64_t first = json_get_int(params, "start_row", 0),
            last = json_get_int(params, "end_row", -1);
    last = last < 0 || last > scan->rows ? scan->rows : last;
    return last > first ? (last - first + scale - 1) / scale : 0;
}

static int64_t try_slices(const json_t *params)
{
    double width = json_get_double(params, "center_search_width", 50),
           step = json_get_double(params, "center_search_step", 0.5);
    const json_t *nsino = json_object_get(params, "nsino");
    int64_t rows = json_is_array(nsino) ? (int64_t)json_array_size(nsino) : 1;
    return step > 0 ? rows * (int64_t)(2 * width / step + 1) : rows;
}

struct estimate estimate_task(const struct tool *tool, const json_t *params,
                              const struct scan_shape *scan)
{
    struct estimate e = {0, 0};
    int64_t scale = (int64_t)1 << (json_get_int(params, "binning", 0) & 15);
    int64_t columns = scan->columns / scale, sinogram = scan->frames * columns * 4,
            slice = columns * columns * 4;
    int64_t declared = 0;
    const char *mem = json_get_text(json_object_get(tool->gantry, "resources"), "mem", NULL);
    if (mem && num_bytes(mem, &declared)) {
        e.memory = declared;
    }
    if (scan->columns <= 0) {
        return e;
    }
    if (!strcmp(tool->name, "recon.full")) {
        e.bytes = rows_wanted(params, scan, scale) * (slice + 512);
        e.memory = (int64_t)64 << 20;
        e.memory +=
            8 * (3 * sinogram + 6 * slice); /* a slab of 8 slices: raw, sinograms, grid, pictures */
    } else if (!strcmp(tool->name, "recon.try")) {
        e.bytes = try_slices(params) * (slice + 512);
        e.memory = ((int64_t)64 << 20) + 4 * sinogram + 8 * slice;
    } else if (!strcmp(tool->name, "recon.cor")) {
        e.bytes = 21 * (slice + 512);
        e.memory = ((int64_t)64 << 20) + 8 * sinogram + 4 * slice;
    }
    return e;
}
