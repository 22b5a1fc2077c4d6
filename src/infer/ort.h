/*
 * ONNX Runtime: found and opened when the first model is needed, never linked. Order of calls:
 * ort_open, perhaps ort_limit, ort_load for each model, ort_run as often as wanted, ort_unload,
 * ort_close. A session may be used by one thread at a time; the runtime has its own pool.
 *
 * The library is searched for: $GANTRY_ORT (a file, or a folder that has one; nothing else is tried
 * then), beside this program, third-party/onnxruntime beside a build folder, where ./setup puts it
 * for installed programs (~/.local/share/gantry/onnxruntime), and where the system keeps libraries.
 */
#ifndef GANTRY_INFER_ORT_H
#define GANTRY_INFER_ORT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define ORT_RANK 8

struct ort;
struct ort_session;

/* ERR_NOTHING when there is no library, with what to do; ERR_UNSUPPORTED when it is too old. */
struct ort *ort_open(struct err *err) CHECK_RESULT;
void ort_close(struct ort *ort);
const char *ort_version(const struct ort *ort); /* "1.30.0" */
const char *ort_path(const struct ort *ort);    /* where the library was found */
/* The runtime's providers, comma-separated; CUDA may be named where it cannot load: ort_cuda tells.
 * Caller frees. */
char *ort_providers(const struct ort *ort, struct err *err) CHECK_RESULT;
/* Can CUDA be used? `err` is why not. */
bool ort_cuda(struct ort *ort, int device, struct err *err) CHECK_RESULT;
/* At most so many bytes more than the process has, while a model is loaded or runs; before the
 * first ort_load. 0 = no limit. */
bool ort_limit(struct ort *ort, int64_t bytes, struct err *err) CHECK_RESULT;

struct ort_options {
    unsigned threads; /* of the CPU; 0 = 1 */
    bool gpu;         /* try CUDA, and fall back to the CPU (ort_fallback tells why) */
    int device;
    const volatile sig_atomic_t *stop; /* not 0: a run ends with ERR_CANCELLED; NULL = nobody can */
};

/* An input or output. n[i] is -1 where the model takes any size. */
struct ort_port {
    char *name;
    int element; /* enum ort_element */
    size_t rank;
    int64_t n[ORT_RANK];
};

/* A model from memory (the bytes may go afterwards). `what` names it in messages. */
struct ort_session *ort_load(struct ort *ort, const void *bytes, size_t n, const char *what,
                             const struct ort_options *options, struct err *err) CHECK_RESULT;
void ort_unload(struct ort_session *session);
const struct ort_port *ort_inputs(const struct ort_session *session, size_t *ret_n);
const struct ort_port *ort_outputs(const struct ort_session *session, size_t *ret_n);
/* "CPU" or "GPU 0". */
const char *ort_device(const struct ort_session *session);
/* Why the CPU computes although a GPU was asked for; "" otherwise. */
const char *ort_fallback(const struct ort_session *session);
/* "1 x 64 x any x any" into `out`. */
void ort_shape_words(const int64_t *n, size_t rank, char *out, size_t size);

struct ort_tensor {
    size_t rank;
    int64_t n[ORT_RANK];
    const float *values; /* rows of the last dimension stand together */
};
/* Values of a tensor. */
size_t ort_count(const struct ort_tensor *tensor);

/* All inputs in, the first `n_out` outputs out (not more than there are). Inputs are borrowed and
 * not changed; what outputs point to belongs to the session until its next run. Outputs of any
 * number type come as float. */
bool ort_run(struct ort_session *session, const struct ort_tensor *in, size_t n_in,
             struct ort_tensor *ret_out, size_t n_out, struct err *err) CHECK_RESULT;

/* The outputs of the last run outlive the next ones, until they are released (in any thread, before
 * the session goes). ort_release takes NULL. */
struct ort_held;
struct ort_held *ort_hold(struct ort_session *session, struct err *err) CHECK_RESULT;
void ort_release(struct ort_held *held);

#endif
