/* A named place is the only one; else the first that exists. A library that exists and does not
 * load ends the search: taking another one silently would leave people wondering which it is. */
#include "infer/ort-find.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/path.h"
#include "os/file.h"

/* The name that the packages use, and the one that a hand-made build or a developer's package has.
 */
static const char *const names[] = {"libonnxruntime.so.1", "libonnxruntime.so", NULL};

static void *load(const char *path, struct err *err)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *said = dlerror();
        (void)err_set(err, ERR_IO, "ONNX Runtime does not load: %s", said ? said : path);
    }
    return library;
}

/* The library in `folder`; NULL when there is none (*ret_path is NULL then), or when it does not
 * load. */
static void *in_folder(const char *folder, char **ret_path, struct err *err)
{
    for (size_t i = 0; names[i]; i++) {
        char *path = path_join(folder, names[i], err);
        if (path && file_exists(path)) {
            *ret_path = path;
            return load(path, err);
        }
        mem_free(path);
    }
    return NULL;
}

static void *where_told(const char *told, char **ret_path, struct err *err)
{
    if (file_is_folder(told)) {
        void *library = in_folder(told, ret_path, err);
        if (!library && !*ret_path) {
            (void)err_set(err, ERR_NOTHING, "there is no %s", names[0]);
        }
        return library;
    }
    if (!file_exists(told)) {
        (void)err_set(err, ERR_NOTHING, "there is no such file");
        return NULL;
    }
    *ret_path = mem_strdup(told, err);
    return *ret_path ? load(told, err) : NULL;
}

static char *of_user(struct err *err)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0] == '/') {
        return path_join(data, "gantry/onnxruntime", err);
    }
    return path_join(home && home[0] == '/' ? home : "/nonexistent",
                     ".local/share/gantry/onnxruntime", err);
}

static void *of_system(char **ret_path, struct err *err)
{
    for (size_t i = 0; names[i]; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library) {
            *ret_path = mem_strdup(names[i], err);
            return library;
        }
    }
    return NULL;
}

/* Libraries as they are published write down what they are used for, with a number for this
 * machine, and send it to their makers unless this is set. What is done to patients' data is
 * nobody's business, and a log in /tmp for each process nobody's wish. */
static bool keep_silent(struct err *err)
{
    return setenv("ORT_DISABLE_TELEMETRY", "1", 1) == 0 ||
        err_errno(err, errno, "switching off the reports of ONNX Runtime");
}

void *ort_find(char **ret_path, struct err *err)
{
    const char *told = getenv("GANTRY_ORT");
    void *library = NULL;
    *ret_path = NULL;
    if (!keep_silent(err)) {
        return NULL;
    }
    if (told && told[0]) {
        library = where_told(told, ret_path, err);
        if (!library) {
            (void)err_wrap(err, "GANTRY_ORT=%s", told);
        }
    } else {
        char *folders[] = {path_near_program(".", err),
                           path_near_program("../third-party/onnxruntime", err), of_user(err)};
        size_t n = sizeof folders / sizeof folders[0];
        bool all = true;
        for (size_t i = 0; i < n; i++) {
            all = all && folders[i];
        }
        for (size_t i = 0; all && i < n && !library && !*ret_path; i++) {
            library = in_folder(folders[i], ret_path, err);
        }
        if (all && !library && !*ret_path) {
            library = of_system(ret_path, err);
        }
        if (all && !library && !*ret_path) {
            (void)err_set(
                err, ERR_NOTHING,
                "ONNX Runtime is not here, and models need it: run ./setup, which fetches "
                "it, or set GANTRY_ORT to a %s",
                names[0]);
        }
        for (size_t i = 0; i < n; i++) {
            mem_free(folders[i]);
        }
    }
    if (!library) {
        mem_free(*ret_path);
        *ret_path = NULL;
    }
    return library;
}
