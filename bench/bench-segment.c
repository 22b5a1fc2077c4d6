/*
 * Patches of a model alone: the same patch of zeros and ones through ONNX Runtime again and again,
 * with nothing read, cut or blended. bench/segment.py holds the whole of predict.segment against
 * it. usage: bench-segment MODEL_FOLDER [--threads N] [--repeats N] Prints one JSON line:
 * milliseconds of each run.
 */
#include "table.h"

#include <stdio.h>
#include "base/clock.h"
#include "base/mem.h"
#include "infer/run.h"

int main(int argc, char **argv)
{
    size_t repeats = bench_number(argc, argv, "--repeats", 5);
    const struct ort_options options = {.threads =
                                            (unsigned)bench_number(argc, argv, "--threads", 2)};
    struct err err;
    struct ort_tensor in, out;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: bench-segment MODEL_FOLDER [--threads N] [--repeats N]\n");
        return 2;
    }
    struct ort *ort = ort_open(&err);
    struct infer *m = ort ? infer_open(ort, argv[1], &options, &err) : NULL;
    if (!m || !infer_shape(m, &in, &err)) {
        bench_fail(&err);
    }
    float *patch = bench_array(ort_count(&in));
    for (size_t i = 0; i < ort_count(&in); i++) {
        patch[i] = (float)(i / 7 % 2);
    }
    in.values = patch;
    printf("{\"ms\": [");
    for (size_t i = 0; i <= repeats; i++) { /* the first one prepares memory: not counted */
        int64_t start = clock_mono_us();
        if (!infer_once(m, &in, &out, &err)) {
            bench_fail(&err);
        }
        if (i > 0) {
            printf("%s%.3f", i > 1 ? ", " : "", (double)(clock_mono_us() - start) / 1000);
        }
    }
    puts("]}");
    mem_free(patch);
    infer_close(m);
    ort_close(ort);
    return 0;
}
