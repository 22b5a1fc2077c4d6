/* The runtime as a whole: the library's table, its environment, CUDA, and the memory budget. */
#include "infer/ort.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "infer/ort-find.h"
#include "infer/ort-own.h"

/* How the library says that it got no memory: of its own, of the kernel, of a GPU. */
static const char *const no_memory[] = {"Failed to allocate memory", "bad_alloc", "bad allocation",
                                        "out of memory", NULL};

/* Where in the library's sources something went wrong helps nobody here: text behind the last
 * "error: ", or behind the bracketed code, on one line. */
static const char *worth_reading(const char *text)
{
    static const char *const marks[] = {"with error: ", "[ONNXRuntimeError] : "};
    const char *at = NULL;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0] && !at; i++) {
        at = strstr(text, marks[i]);
        at = at ? at + strlen(marks[i]) : NULL;
    }
    return at ? at : text;
}

bool ort_said(const struct ort *ort, void *status, const char *what, struct err *err)
{
    if (!status) {
        return true;
    }
    const char *text = worth_reading(ort->api.error_message(status));
    int length = (int)strcspn(text, "\n");
    bool memory = false;
    for (size_t i = 0; no_memory[i]; i++) {
        memory = memory || strstr(text, no_memory[i]);
    }
    if (memory && ort->limit) {
        char bytes[32];
        num_show_bytes(ort->limit, bytes, sizeof bytes);
        (void)err_set(err, ERR_NOMEM, "%s: out of memory (granted: %s; give the task more)", what,
                      bytes);
    } else {
        (void)err_set(err, memory ? ERR_NOMEM : ERR_FORMAT, "%s: %s%.*s", what,
                      memory ? "out of memory: " : "", length, text);
    }
    ort->api.release_status(status);
    return false;
}

static bool take_api(struct ort *ort, void *library, struct err *err)
{
    const struct ort_base *(*get_base)(void) = NULL;
    void *symbol = dlsym(library, "OrtGetApiBase");
    if (!symbol) {
        return err_set(err, ERR_FORMAT, "%s is no ONNX Runtime: it has no OrtGetApiBase",
                       ort->path);
    }
    memcpy(&get_base, &symbol, sizeof symbol);
    const struct ort_base *base = get_base();
    unsigned major = 0, minor = 0;
    ort->version = base->version();
    /* Asking an old library for a version it lacks makes it print to stderr: look first. */
    if (sscanf(ort->version, "%u.%u", &major, &minor) != 2 || major != 1 ||
        minor < ORT_API_VERSION) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s is ONNX Runtime %s, and 1.%u or a later 1.x is needed: run ./setup, or "
                       "set GANTRY_ORT to another",
                       ort->path, ort->version, ORT_API_VERSION);
    }
    const void *const *table = base->get_api(ORT_API_VERSION);
    if (!table) {
        return err_set(err, ERR_UNSUPPORTED, "%s (%s) does not offer version %u of its interface",
                       ort->path, ort->version, ORT_API_VERSION);
    }
#define ORT_TAKE(slot, type, name, args) memcpy(&ort->api.name, &table[slot], sizeof(void *));
    ORT_SLOTS(ORT_TAKE)
#undef ORT_TAKE
    return true;
}

struct ort *ort_open(struct err *err)
{
    struct ort *ort = mem_zero(sizeof *ort, err);
    void *library = ort ? ort_find(&ort->path, err) : NULL;
    /* The library is never closed: its threads and static objects do not take that well. */
    bool ok = library && take_api(ort, library, err) &&
        ort_said(ort, ort->api.create_env(ORT_LOG_FATAL, "gantry", &ort->env), "ONNX Runtime",
                 err) &&
        ort_said(ort,
                 ort->api.create_cpu_memory(ORT_DEVICE_ALLOCATOR, ORT_MEMORY_DEFAULT, &ort->memory),
                 "ONNX Runtime", err) &&
        ort_said(ort, ort->api.default_allocator(&ort->allocator), "ONNX Runtime", err);
    if (!ok) {
        ort_close(ort);
        return NULL;
    }
    return ort;
}

void ort_close(struct ort *ort)
{
    if (!ort) {
        return;
    }
    if (ort->memory) {
        ort->api.release_memory(ort->memory);
    }
    if (ort->env) {
        ort->api.release_env(ort->env);
    }
    mem_free(ort->path);
    mem_free(ort);
}

const char *ort_version(const struct ort *ort)
{
    return ort->version;
}

const char *ort_path(const struct ort *ort)
{
    return ort->path;
}

char *ort_providers(const struct ort *ort, struct err *err)
{
    struct str text = STR_INIT;
    char **names = NULL;
    int n = 0;
    if (!ort_said(ort, ort->api.providers(&names, &n), "ONNX Runtime", err)) {
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        size_t length = strlen(names[i]);
        length -= str_ends(names[i], "ExecutionProvider") ? strlen("ExecutionProvider") : 0;
        str_addf(&text, "%s%.*s", i ? ", " : "", (int)length, names[i]);
    }
    void *status = ort->api.release_providers(names, n);
    if (status) {
        ort->api.release_status(status);
    }
    return str_take(&text, err);
}

bool ort_append_cuda(const struct ort *ort, void *options, int device, struct err *err)
{
    char number[16];
    const char *const keys[] = {"device_id"}, *const values[] = {number};
    void *cuda = NULL;
    (void)snprintf(number, sizeof number, "%d", device);
    bool ok = ort_said(ort, ort->api.create_cuda_options(&cuda), "CUDA", err) &&
        ort_said(ort, ort->api.update_cuda_options(cuda, keys, values, 1), "CUDA", err) &&
        ort_said(ort, ort->api.append_cuda(options, cuda), "CUDA", err);
    if (cuda) {
        ort->api.release_cuda_options(cuda);
    }
    return ok;
}

bool ort_cuda(struct ort *ort, int device, struct err *err)
{
    void *options = NULL;
    bool ok = ort_said(ort, ort->api.create_options(&options), "ONNX Runtime", err) &&
        ort_append_cuda(ort, options, device, err);
    if (options) {
        ort->api.release_options(options);
    }
    return ok;
}

bool ort_limit(struct ort *ort, int64_t bytes, struct err *err)
{
    if (bytes < 0) {
        return err_bug(err, "a memory limit below 0");
    }
    ort->limit = bytes;
    return true;
}

/* Bytes of private writable memory that this process has; 0 when unknown. The fields are those of
 * proc(5), in pages: the sixth is data and stack. */
static int64_t private_bytes(void)
{
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%*d %*d %*d %*d %*d %lld", &pages) != 1) {
            pages = 0;
        }
        (void)fclose(f);
    }
    return pages * sysconf(_SC_PAGESIZE);
}

/* The library has an interface for allocators, but takes no refusal from them: it writes to what it
 * did not get. What the kernel refuses it reports properly. */
bool ort_limit_begin(const struct ort *ort, struct rlimit *ret_saved)
{
    struct rlimit now;
    int64_t used = ort->limit ? private_bytes() : 0;
    if (used == 0 || getrlimit(RLIMIT_DATA, &now) != 0) {
        return false;
    }
    *ret_saved = now;
    if (now.rlim_cur != RLIM_INFINITY && (int64_t)now.rlim_cur <= used + ort->limit) {
        return false; /* a narrower one holds already */
    }
    now.rlim_cur = (rlim_t)(used + ort->limit);
    return setrlimit(RLIMIT_DATA, &now) == 0;
}

void ort_limit_end(const struct rlimit *saved)
{
    (void)setrlimit(RLIMIT_DATA, saved);
}
