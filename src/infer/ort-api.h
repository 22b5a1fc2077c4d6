/*
 * ONNX Runtime's C interface as far as we call it, without its headers: a library answers
 * OrtGetApiBase(), and that a table of function pointers for a version of the interface. Places in
 * the table never change once a version is out, so a name is a slot number and a signature.
 * Version 17 is asked for: libraries from 1.17 on have it. Every object is an opaque pointer; a
 * status is NULL when all went well, else it is read and released.
 */
#ifndef GANTRY_INFER_ORT_API_H
#define GANTRY_INFER_ORT_API_H

#include <stddef.h>
#include <stdint.h>

#define ORT_API_VERSION 17u

struct ort_base {
    const void *const *(*get_api)(uint32_t version);
    const char *(*version)(void);
};

/* slot, what it returns, our name for it, what it takes */
/* clang-format off */
#define ORT_SLOTS(X)                                                                             \
    X(1, int, error_code, (const void *status))                                                  \
    X(2, const char *, error_message, (const void *status))                                      \
    X(3, void *, create_env, (int level, const char *id, void **ret))                            \
    X(8, void *, create_session, (void *env, const void *bytes, size_t n, const void *options,   \
                                  void **ret))                                                   \
    X(9, void *, run, (void *session, const void *run_options, const char *const *in_names,      \
                       const void *const *in, size_t n_in, const char *const *out_names,         \
                       size_t n_out, void **ret))                                                \
    X(10, void *, create_options, (void **ret))                                                  \
    X(17, void *, disable_pattern, (void *options))                                              \
    X(19, void *, disable_arena, (void *options))                                                \
    X(23, void *, set_optimisation, (void *options, int level))                                  \
    X(24, void *, set_threads, (void *options, int n))                                           \
    X(25, void *, set_outer_threads, (void *options, int n))                                     \
    X(30, void *, input_count, (const void *session, size_t *ret))                               \
    X(31, void *, output_count, (const void *session, size_t *ret))                              \
    X(33, void *, input_type, (const void *session, size_t i, void **ret))                       \
    X(34, void *, output_type, (const void *session, size_t i, void **ret))                      \
    X(36, void *, input_name, (const void *session, size_t i, void *allocator, char **ret))      \
    X(37, void *, output_name, (const void *session, size_t i, void *allocator, char **ret))     \
    X(39, void *, create_run_options, (void **ret))                                              \
    X(46, void *, terminate, (void *run_options))                                                \
    X(49, void *, create_tensor, (const void *memory, void *data, size_t bytes, const int64_t *n,\
                                  size_t rank, int type, void **ret))                            \
    X(51, void *, tensor_data, (void *value, void **ret))                                        \
    X(55, void *, type_as_tensor, (const void *type, const void **ret))                          \
    X(60, void *, element_type, (const void *shape, int *ret))                                   \
    X(61, void *, rank, (const void *shape, size_t *ret))                                        \
    X(62, void *, dimensions, (const void *shape, int64_t *ret, size_t n))                       \
    X(65, void *, tensor_shape, (const void *value, void **ret))                                 \
    X(69, void *, create_cpu_memory, (int allocator, int kind, void **ret))                      \
    X(76, void *, allocator_free, (void *allocator, void *block))                                \
    X(78, void *, default_allocator, (void **ret))                                               \
    X(92, void, release_env, (void *env))                                                        \
    X(93, void, release_status, (void *status))                                                  \
    X(94, void, release_memory, (void *memory))                                                  \
    X(95, void, release_session, (void *session))                                                \
    X(96, void, release_value, (void *value))                                                    \
    X(97, void, release_run_options, (void *run_options))                                        \
    X(98, void, release_type, (void *type))                                                      \
    X(99, void, release_shape, (void *shape))                                                    \
    X(100, void, release_options, (void *options))                                               \
    X(125, void *, providers, (char ***ret, int *ret_n))                                         \
    X(126, void *, release_providers, (char **providers, int n))                                 \
    X(130, void *, configure, (void *options, const char *key, const char *value))               \
    X(204, void *, append_cuda, (void *options, const void *cuda_options))                       \
    X(205, void *, create_cuda_options, (void **ret))                                            \
    X(206, void *, update_cuda_options, (void *cuda_options, const char *const *keys,            \
                                         const char *const *values, size_t n))                   \
    X(208, void, release_cuda_options, (void *cuda_options))
/* clang-format on */

#define ORT_MEMBER(slot, type, name, args) type(*name) args;
struct ort_api {
    ORT_SLOTS(ORT_MEMBER)
};
#undef ORT_MEMBER

/* Values of the interface's enums that we use. */
enum { ORT_LOG_FATAL = 4, ORT_OPTIMISE_ALL = 99, ORT_DEVICE_ALLOCATOR = 0, ORT_MEMORY_DEFAULT = 0 };

/* Types of elements, numbered as in ONNX. */
enum ort_element {
    ORT_F32 = 1,
    ORT_U8 = 2,
    ORT_I8 = 3,
    ORT_U16 = 4,
    ORT_I16 = 5,
    ORT_I32 = 6,
    ORT_I64 = 7,
    ORT_BOOL = 9,
    ORT_F16 = 10,
    ORT_F64 = 11
};

#endif
