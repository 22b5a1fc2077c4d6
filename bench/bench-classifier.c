/*
 * One bag of slices through the classifier, as `gantry predict` does it (src/infer), or through
 * ONNX Runtime's own C interface alone with nothing set but the number of threads. Each in a
 * process of its own, so that neither's threads disturb the other; bench/triage.py runs both in
 * turn. usage: bench-classifier ours|plain MODEL_FOLDER [--threads N] [--repeats N] [--slices N]
 *        [--columns N]
 * Prints one JSON line: milliseconds to load (library and model), of each run, to make the bag out
 * of a series in memory (ours), and the model's logit.
 */
#include "table.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "codec/mapped.h"
#include "infer/ort-api.h"
#include "infer/ort-find.h"
#include "infer/run.h"
#include "math/mil-input.h"

#define MOST 1000 /* repeats */

struct figures {
    double load_ms, bag_ms, run_ms[MOST], logit;
    size_t repeats;
};

struct series {
    size_t columns, slices;
    int16_t *hu;
};

static double since_ms(int64_t start_us)
{
    return (double)(clock_mono_us() - start_us) / 1000;
}

static void check(bool ok, const struct err *err)
{
    if (!ok) {
        bench_fail(err);
    }
}

/* Values like a chest's: -1000 to 400 HU and a little beyond, the same in every call. */
static struct series make_series(size_t columns, size_t slices)
{
    struct err err;
    struct series s = {columns, slices, NULL};
    size_t n = columns * columns * slices;
    uint32_t state = 1;
    s.hu = mem_big(n, sizeof *s.hu, &err);
    check(s.hu != NULL, &err);
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525 + 1013904223;
        s.hu[i] = (int16_t)((int)(state >> 16) % 1600 - 1100);
    }
    return s;
}

static bool read_slice(void *arg, size_t slice, float *ret_hu, struct err *err)
{
    const struct series *s = arg;
    size_t n = s->columns * s->columns;
    (void)err;
    for (size_t i = 0; i < n; i++) {
        ret_hu[i] = s->hu[slice * n + i];
    }
    return true;
}

/* The bag that the model's card asks for; *ret_ms is how long it took. */
static float *make_bag(const struct model_card *card, struct series *s, unsigned threads,
                       double *ret_ms)
{
    struct err err;
    struct mil_job job = mil_job_default;
    job.columns = job.rows = s->columns;
    job.slices = s->slices;
    job.count = card->slices;
    job.side[0] = card->patch[0];
    job.side[1] = card->patch[1];
    job.threads = threads;
    job.read = read_slice;
    job.arg = s;
    float *bag = bench_array(job.count * job.channels * job.side[0] * job.side[1]);
    int64_t start = clock_mono_us();
    check(mil_input(&job, bag, &err), &err);
    *ret_ms = since_ms(start);
    return bag;
}

static void ours(const char *folder, unsigned threads, struct series *s, struct figures *f)
{
    static const volatile sig_atomic_t stop = 0; /* a step can be stopped: its run is watched */
    const struct ort_options options = {.threads = threads, .stop = &stop};
    struct err err;
    struct infer_bag_result result;
    int64_t start = clock_mono_us();
    struct ort *ort = ort_open(&err);
    check(ort != NULL, &err);
    struct infer *m = infer_open(ort, folder, &options, &err);
    check(m != NULL, &err);
    f->load_ms = since_ms(start);
    float *bag = make_bag(&m->card, s, threads, &f->bag_ms);
    for (size_t i = 0; i < f->repeats; i++) {
        start = clock_mono_us();
        check(infer_bag(m, bag, &result, NULL, &err), &err);
        f->run_ms[i] = since_ms(start);
    }
    f->logit = (double)result.logits[result.classes - 1];
    mem_free(bag);
    infer_close(m);
    ort_close(ort);
}

/* A status of the library ends the program. */
static void must(const struct ort_api *api, void *status)
{
    struct err err;
    if (status) {
        (void)err_set(&err, ERR_FAILED, "%s", api->error_message(status));
        bench_fail(&err);
    }
}

static struct ort_api open_api(void)
{
    struct err err;
    struct ort_api api;
    const struct ort_base *(*get_base)(void) = NULL;
    char *path = NULL;
    void *library = ort_find(&path, &err), *symbol;
    check(library != NULL, &err);
    mem_free(path);
    symbol = dlsym(library, "OrtGetApiBase");
    memcpy(&get_base, &symbol, sizeof symbol);
    const void *const *table = get_base()->get_api(ORT_API_VERSION);
#define TAKE(slot, type, name, args) memcpy(&api.name, &table[slot], sizeof(void *));
    ORT_SLOTS(TAKE)
#undef TAKE
    return api;
}

static void plain(const char *folder, unsigned threads, struct series *s, struct figures *f)
{
    struct err err;
    struct model_card card;
    struct mapped file;
    void *env, *options, *session, *memory, *allocator, *in, *out = NULL, *values;
    char *in_name, *out_name;
    check(model_card_read(folder, &card, &err), &err);
    int64_t start = clock_mono_us();
    struct ort_api api = open_api();
    check(mapped_open(card.onnx, &file, &err), &err);
    must(&api, api.create_env(ORT_LOG_FATAL, "bench", &env));
    must(&api, api.create_options(&options));
    must(&api, api.set_threads(options, (int)threads));
    must(&api, api.create_session(env, file.bytes, file.size, options, &session));
    f->load_ms = since_ms(start);
    must(&api, api.default_allocator(&allocator));
    must(&api, api.create_cpu_memory(ORT_DEVICE_ALLOCATOR, ORT_MEMORY_DEFAULT, &memory));
    must(&api, api.input_name(session, 0, allocator, &in_name));
    must(&api, api.output_name(session, 0, allocator, &out_name));
    float *bag = make_bag(&card, s, threads, &f->bag_ms);
    const int64_t n[] = {1, (int64_t)card.slices, 1, (int64_t)card.patch[1],
                         (int64_t)card.patch[0]};
    must(&api,
         api.create_tensor(memory, bag, (size_t)(n[1] * n[3] * n[4]) * sizeof *bag, n, 5, ORT_F32,
                           &in));
    for (size_t i = 0; i < f->repeats; i++) {
        start = clock_mono_us();
        must(&api,
             api.run(session, NULL, (const char *const *)&in_name, (const void *const *)&in, 1,
                     (const char *const *)&out_name, 1, &out));
        f->run_ms[i] = since_ms(start);
        must(&api, api.tensor_data(out, &values));
        f->logit = (double)*(const float *)values;
        api.release_value(out);
        out = NULL;
    }
}

int main(int argc, char **argv)
{
    struct figures f = {.repeats = bench_number(argc, argv, "--repeats", 20)};
    unsigned threads = (unsigned)bench_number(argc, argv, "--threads", 1);
    bool is_ours = argc > 2 && strcmp(argv[1], "ours") == 0;
    if (argc < 3 || (!is_ours && strcmp(argv[1], "plain") != 0) || f.repeats > MOST) {
        (void)fprintf(stderr,
                      "usage: bench-classifier ours|plain MODEL_FOLDER [--threads N] ...\n");
        return 2;
    }
    struct series s = make_series(bench_number(argc, argv, "--columns", 512),
                                  bench_number(argc, argv, "--slices", 300));
    (is_ours ? ours : plain)(argv[2], threads, &s, &f);
    printf("{\"load_ms\": %.3f, \"bag_ms\": %.3f, \"logit\": %.6g, \"run_ms\": [", f.load_ms,
           f.bag_ms, f.logit);
    for (size_t i = 0; i < f.repeats; i++) {
        printf("%s%.3f", i ? ", " : "", f.run_ms[i]);
    }
    puts("]}");
    mem_free(s.hu);
    return 0;
}
