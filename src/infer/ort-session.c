/*
 * One loaded model. Names and shapes are read once; a run checks its inputs against them, so that a
 * wrong shape is said in our words before the runtime says it in its own.
 */
#include "infer/ort.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/mem.h"
#include "base/str.h"
#include "infer/ort-own.h"
#include "os/proc.h"

#define MOST_PORTS 64
#define LOOK_NS 20000000 /* how often a run looks whether somebody asked to stop */

/* Looks at the stop flag while a run lasts: the thread that runs is inside the library then. */
struct watch {
    const volatile sig_atomic_t *stop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool over;
    const struct ort *ort;
    void *run_options;
};

struct ort_session {
    struct ort *ort;
    char *what;
    void *session;
    struct ort_port *in, *out;
    size_t n_in, n_out;
    void *values[MOST_PORTS];     /* outputs of the last run */
    float *converted[MOST_PORTS]; /* those that were not float */
    const volatile sig_atomic_t *stop;
    char device[16];
    char fallback[300];
};

void ort_shape_words(const int64_t *n, size_t rank, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < rank && at + 1 < size; i++) {
        int wrote = n[i] < 0
            ? snprintf(out + at, size - at, "%sany", i ? " x " : "")
            : snprintf(out + at, size - at, "%s%lld", i ? " x " : "", (long long)n[i]);
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    if (rank == 0) {
        (void)snprintf(out, size, "a single number");
    }
}

size_t ort_count(const struct ort_tensor *tensor)
{
    size_t count = 1;
    for (size_t i = 0; i < tensor->rank; i++) {
        count *= (size_t)tensor->n[i];
    }
    return count;
}

/* Element type and sizes out of a type or a value's shape. */
static bool read_shape(const struct ort *ort, const void *shape, int *ret_element, size_t *ret_rank,
                       int64_t *ret_n, const char *what, struct err *err)
{
    size_t rank = 0;
    if (!ort_said(ort, ort->api.element_type(shape, ret_element), what, err) ||
        !ort_said(ort, ort->api.rank(shape, &rank), what, err)) {
        return false;
    }
    if (rank > ORT_RANK) {
        return err_set(err, ERR_UNSUPPORTED, "%s has %zu dimensions, at most %d are handled", what,
                       rank, ORT_RANK);
    }
    *ret_rank = rank;
    return rank == 0 || ort_said(ort, ort->api.dimensions(shape, ret_n, rank), what, err);
}

static bool read_port(struct ort_session *s, bool input, size_t i, struct ort_port *ret,
                      struct err *err)
{
    const struct ort_api *api = &s->ort->api;
    void *type = NULL;
    const void *shape = NULL;
    char *name = NULL;
    bool ok = ort_said(s->ort,
                       input ? api->input_name(s->session, i, s->ort->allocator, &name)
                             : api->output_name(s->session, i, s->ort->allocator, &name),
                       s->what, err) &&
        ort_said(s->ort,
                 input ? api->input_type(s->session, i, &type)
                       : api->output_type(s->session, i, &type),
                 s->what, err) &&
        ort_said(s->ort, api->type_as_tensor(type, &shape), s->what, err) &&
        (shape ||
         err_set(err, ERR_UNSUPPORTED, "%s: %s '%s' is no tensor", s->what,
                 input ? "input" : "output", name)) &&
        read_shape(s->ort, shape, &ret->element, &ret->rank, ret->n, s->what, err);
    if (ok) {
        ret->name = mem_strdup(name, err);
        ok = ret->name != NULL;
    }
    if (type) {
        api->release_type(type);
    }
    if (name) {
        void *status = api->allocator_free(s->ort->allocator, name);
        if (status) {
            api->release_status(status);
        }
    }
    return ok;
}

static bool read_ports(struct ort_session *s, struct err *err)
{
    const struct ort_api *api = &s->ort->api;
    if (!ort_said(s->ort, api->input_count(s->session, &s->n_in), s->what, err) ||
        !ort_said(s->ort, api->output_count(s->session, &s->n_out), s->what, err)) {
        return false;
    }
    if (s->n_in == 0 || s->n_in > MOST_PORTS || s->n_out == 0 || s->n_out > MOST_PORTS) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s has %zu inputs and %zu outputs: 1 to %d are handled", s->what, s->n_in,
                       s->n_out, MOST_PORTS);
    }
    s->in = mem_array(s->n_in, sizeof *s->in, err);
    s->out = s->in ? mem_array(s->n_out, sizeof *s->out, err) : NULL;
    bool ok = s->out != NULL;
    for (size_t i = 0; ok && i < s->n_in; i++) {
        ok = read_port(s, true, i, &s->in[i], err);
        if (ok && s->in[i].element != ORT_F32) {
            ok = err_set(err, ERR_UNSUPPORTED,
                         "%s: input '%s' is not of 32-bit floats (ONNX type %d); export the model "
                         "with float32 inputs",
                         s->what, s->in[i].name, s->in[i].element);
        }
    }
    for (size_t i = 0; ok && i < s->n_out; i++) {
        ok = read_port(s, false, i, &s->out[i], err);
    }
    return ok;
}

/* Outer parallelism is off. Threads that wait for each other within a run spin, which saves a tenth
 * of it, where this program was given every core; other slots would need them. Between runs nobody
 * spins. */
static bool set_threads(const struct ort_session *s, unsigned threads, void *options,
                        struct err *err)
{
    const struct ort *ort = s->ort;
    const struct ort_api *api = &ort->api;
    const char *spin = threads > 1 && (int)threads >= proc_cpu_count() ? "1" : "0";
    return ort_said(ort, api->set_threads(options, (int)threads), s->what, err) &&
        ort_said(ort, api->set_outer_threads(options, 1), s->what, err) &&
        ort_said(ort, api->configure(options, "session.intra_op.allow_spinning", spin), s->what,
                 err) &&
        ort_said(ort, api->configure(options, "session.force_spinning_stop", "1"), s->what, err);
}

static bool make_options(struct ort_session *s, const struct ort_options *o, void **ret,
                         struct err *err)
{
    const struct ort *ort = s->ort;
    const struct ort_api *api = &ort->api;
    struct err why = {ERR_NONE, ""};
    if (!ort_said(ort, api->create_options(ret), s->what, err) ||
        !ort_said(ort, api->set_optimisation(*ret, ORT_OPTIMISE_ALL), s->what, err) ||
        !set_threads(s, o->threads ? o->threads : 1, *ret, err)) {
        return false;
    }
    /* With a limit, memory is given back as soon as it is free; arena and pattern would keep it. */
    if (ort->limit &&
        (!ort_said(ort, api->disable_arena(*ret), s->what, err) ||
         !ort_said(ort, api->disable_pattern(*ret), s->what, err))) {
        return false;
    }
    (void)snprintf(s->device, sizeof s->device, "CPU");
    if (o->gpu && ort_append_cuda(ort, *ret, o->device, &why)) {
        (void)snprintf(s->device, sizeof s->device, "GPU %d", o->device);
    } else if (o->gpu) {
        (void)snprintf(s->fallback, sizeof s->fallback, "%.*s", (int)sizeof s->fallback - 1,
                       why.text);
    }
    return true;
}

struct ort_session *ort_load(struct ort *ort, const void *bytes, size_t n, const char *what,
                             const struct ort_options *options, struct err *err)
{
    void *session_options = NULL;
    struct rlimit saved;
    struct ort_session *s = mem_zero(sizeof *s, err);
    if (!s) {
        return NULL;
    }
    s->ort = ort;
    s->stop = options->stop;
    s->what = mem_strdup(what, err);
    bool ok = s->what && make_options(s, options, &session_options, err);
    bool limited = ort_limit_begin(ort, &saved);
    ok = ok &&
        ort_said(ort, ort->api.create_session(ort->env, bytes, n, session_options, &s->session),
                 what, err) &&
        read_ports(s, err);
    if (limited) {
        ort_limit_end(&saved);
    }
    if (session_options) {
        ort->api.release_options(session_options);
    }
    if (!ok) {
        ort_unload(s);
        return NULL;
    }
    return s;
}

static void drop_outputs(struct ort_session *s)
{
    for (size_t i = 0; i < MOST_PORTS; i++) {
        if (s->values[i]) {
            s->ort->api.release_value(s->values[i]);
            s->values[i] = NULL;
        }
        mem_free(s->converted[i]);
        s->converted[i] = NULL;
    }
}

static void drop_ports(struct ort_port *ports, size_t n)
{
    for (size_t i = 0; ports && i < n; i++) {
        mem_free(ports[i].name);
    }
    mem_free(ports);
}

void ort_unload(struct ort_session *s)
{
    if (!s) {
        return;
    }
    drop_outputs(s);
    if (s->session) {
        s->ort->api.release_session(s->session);
    }
    drop_ports(s->in, s->n_in);
    drop_ports(s->out, s->n_out);
    mem_free(s->what);
    mem_free(s);
}

const struct ort_port *ort_inputs(const struct ort_session *session, size_t *ret_n)
{
    *ret_n = session->n_in;
    return session->in;
}

const struct ort_port *ort_outputs(const struct ort_session *session, size_t *ret_n)
{
    *ret_n = session->n_out;
    return session->out;
}

const char *ort_device(const struct ort_session *session)
{
    return session->device;
}

const char *ort_fallback(const struct ort_session *session)
{
    return session->fallback;
}

static void *watch_stop(void *arg)
{
    struct watch *w = arg;
    (void)pthread_mutex_lock(&w->lock);
    while (!w->over) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&w->ended, &w->lock, &until);
        if (!w->over && *w->stop) {
            void *status = w->ort->api.terminate(w->run_options);
            if (status) {
                w->ort->api.release_status(status);
            }
            break;
        }
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* The run itself, watched where somebody can ask to stop. */
static bool run_watched(struct ort_session *s, const void *const *in, const char *const *in_names,
                        const char *const *out_names, size_t n_out, struct err *err)
{
    const struct ort_api *api = &s->ort->api;
    struct watch w = {.stop = s->stop, .ort = s->ort};
    bool watched = false;
    struct rlimit saved;
    if (s->stop && *s->stop) {
        return err_set(err, ERR_CANCELLED, "interrupted");
    }
    if (s->stop && !ort_said(s->ort, api->create_run_options(&w.run_options), s->what, err)) {
        return false;
    }
    if (s->stop) {
        (void)pthread_mutex_init(&w.lock, NULL);
        (void)pthread_cond_init(&w.ended, NULL);
        /* Without the thread a run is only longer to stop. */
        watched = pthread_create(&w.thread, NULL, watch_stop, &w) == 0;
    }
    bool limited = ort_limit_begin(s->ort, &saved);
    bool ok = ort_said(
        s->ort,
        api->run(s->session, w.run_options, in_names, in, s->n_in, out_names, n_out, s->values),
        s->what, err);
    if (limited) {
        ort_limit_end(&saved);
    }
    if (watched) {
        (void)pthread_mutex_lock(&w.lock);
        w.over = true;
        (void)pthread_cond_signal(&w.ended);
        (void)pthread_mutex_unlock(&w.lock);
        (void)pthread_join(w.thread, NULL);
    }
    if (s->stop) {
        (void)pthread_cond_destroy(&w.ended);
        (void)pthread_mutex_destroy(&w.lock);
        api->release_run_options(w.run_options);
        if (!ok && *s->stop) {
            return err_set(err, ERR_CANCELLED, "interrupted");
        }
    }
    return ok;
}

static bool fits(const struct ort_session *s, const struct ort_port *port,
                 const struct ort_tensor *in, struct err *err)
{
    bool same = port->rank == in->rank;
    for (size_t i = 0; same && i < port->rank; i++) {
        same = in->n[i] > 0 && (port->n[i] < 0 || port->n[i] == in->n[i]);
    }
    if (!same) {
        char takes[120], got[120];
        ort_shape_words(port->n, port->rank, takes, sizeof takes);
        ort_shape_words(in->n, in->rank, got, sizeof got);
        return err_set(err, ERR_FORMAT, "%s: input '%s' takes %s, and was given %s", s->what,
                       port->name, takes, got);
    }
    return true;
}

/* IEEE 754 binary16. */
static float of_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = (half >> 10) & 31,
             mantissa = half & 1023u, bits;
    float value;
    if (exponent == 31) {
        bits = sign | 0x7f800000u | mantissa << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else {
        value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

#define CONVERT(type, how)                      \
    for (size_t i = 0; i < n; i++) {            \
        const type x = ((const type *)from)[i]; \
        to[i] = (float)how(x);                  \
    }                                           \
    return true

static bool convert(int element, const void *from, size_t n, float *to)
{
    switch (element) {
    case ORT_U8:
    case ORT_BOOL:
        CONVERT(uint8_t, );
    case ORT_I8:
        CONVERT(int8_t, );
    case ORT_U16:
        CONVERT(uint16_t, );
    case ORT_I16:
        CONVERT(int16_t, );
    case ORT_I32:
        CONVERT(int32_t, );
    case ORT_I64:
        CONVERT(int64_t, );
    case ORT_F64:
        CONVERT(double, );
    case ORT_F16:
        CONVERT(uint16_t, of_half);
    default:
        return false;
    }
}
#undef CONVERT

static bool take_output(struct ort_session *s, size_t i, struct ort_tensor *ret, struct err *err)
{
    const struct ort_api *api = &s->ort->api;
    void *shape = NULL, *data = NULL;
    int element = 0;
    struct ort_tensor t = {0};
    bool ok = ort_said(s->ort, api->tensor_shape(s->values[i], &shape), s->what, err) &&
        read_shape(s->ort, shape, &element, &t.rank, t.n, s->what, err) &&
        ort_said(s->ort, api->tensor_data(s->values[i], &data), s->what, err);
    if (shape) {
        api->release_shape(shape);
    }
    if (!ok) {
        return false;
    }
    t.values = data;
    if (element != ORT_F32) {
        size_t n = ort_count(&t);
        s->converted[i] = mem_big(n ? n : 1, sizeof(float), err);
        if (!s->converted[i]) {
            return false;
        }
        if (!convert(element, data, n, s->converted[i])) {
            return err_set(err, ERR_UNSUPPORTED, "%s: output '%s' has elements of ONNX type %d",
                           s->what, s->out[i].name, element);
        }
        t.values = s->converted[i];
    }
    *ret = t;
    return true;
}

bool ort_run(struct ort_session *s, const struct ort_tensor *in, size_t n_in,
             struct ort_tensor *ret_out, size_t n_out, struct err *err)
{
    const char *in_names[MOST_PORTS], *out_names[MOST_PORTS];
    void *values[MOST_PORTS] = {NULL};
    if (n_in != s->n_in || n_out > s->n_out) {
        return err_set(err, ERR_FORMAT,
                       "%s has %zu inputs and %zu outputs, and was run with %zu and for %zu",
                       s->what, s->n_in, s->n_out, n_in, n_out);
    }
    drop_outputs(s);
    bool ok = true;
    for (size_t i = 0; ok && i < n_in; i++) {
        in_names[i] = s->in[i].name;
        /* The interface has no read-only tensors; inputs are not written to. */
        ok = fits(s, &s->in[i], &in[i], err) &&
            ort_said(s->ort,
                     s->ort->api.create_tensor(s->ort->memory, (void *)(uintptr_t)in[i].values,
                                               ort_count(&in[i]) * sizeof(float), in[i].n,
                                               in[i].rank, ORT_F32, &values[i]),
                     s->what, err);
    }
    for (size_t i = 0; i < n_out; i++) {
        out_names[i] = s->out[i].name;
    }
    ok = ok && run_watched(s, (const void *const *)values, in_names, out_names, n_out, err);
    for (size_t i = 0; ok && i < n_out; i++) {
        ok = take_output(s, i, &ret_out[i], err);
    }
    for (size_t i = 0; i < n_in; i++) {
        if (values[i]) {
            s->ort->api.release_value(values[i]);
        }
    }
    return ok;
}

struct ort_held {
    const struct ort *ort;
    void *values[MOST_PORTS];
    float *converted[MOST_PORTS];
};

struct ort_held *ort_hold(struct ort_session *s, struct err *err)
{
    struct ort_held *held = mem_zero(sizeof *held, err);
    if (held) {
        held->ort = s->ort;
        memcpy(held->values, s->values, sizeof held->values);
        memcpy(held->converted, s->converted, sizeof held->converted);
        memset(s->values, 0, sizeof s->values);
        memset(s->converted, 0, sizeof s->converted);
    }
    return held;
}

void ort_release(struct ort_held *held)
{
    for (size_t i = 0; held && i < MOST_PORTS; i++) {
        if (held->values[i]) {
            held->ort->api.release_value(held->values[i]);
        }
        mem_free(held->converted[i]);
    }
    mem_free(held);
}
