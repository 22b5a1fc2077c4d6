/*
 * ONNX files for tests, written byte by byte: as much of the protocol buffers of onnx.proto3 as
 * tiny graphs need. Order of calls: onnx_input / onnx_node / onnx_output in any order into a
 * `struct onnx`, then onnx_bytes.
 */
#ifndef GANTRY_TEST_ONNX_BYTES_H
#define GANTRY_TEST_ONNX_BYTES_H

#include <stdint.h>
#include <string.h>
#include "base/str.h"

struct onnx {
    struct str graph;
};

static inline void onnx_varint(struct str *s, uint64_t value)
{
    for (; value >= 128; value >>= 7) {
        str_addc(s, (char)(value | 128));
    }
    str_addc(s, (char)value);
}

static inline void onnx_number(struct str *s, unsigned field, uint64_t value)
{
    onnx_varint(s, field << 3);
    onnx_varint(s, value);
}

static inline void onnx_block(struct str *s, unsigned field, const char *bytes, size_t n)
{
    onnx_varint(s, field << 3 | 2);
    onnx_varint(s, n);
    str_addn(s, bytes, n);
}

/* Appends `part` as a field, and empties it. */
static inline void onnx_part(struct str *s, unsigned field, struct str *part)
{
    onnx_block(s, field, str_text(part), part->len);
    str_fini(part);
}

static inline void onnx_text(struct str *s, unsigned field, const char *text)
{
    onnx_block(s, field, text, strlen(text));
}

/* ValueInfoProto; a size of -1 is left open. */
static inline void onnx_value(struct onnx *o, unsigned field, const char *name, int element,
                              const int64_t *n, size_t rank)
{
    struct str shape = STR_INIT, tensor = STR_INIT, type = STR_INIT, value = STR_INIT;
    for (size_t i = 0; i < rank; i++) {
        struct str dim = STR_INIT;
        if (n[i] < 0) {
            onnx_text(&dim, 2, "any");
        } else {
            onnx_number(&dim, 1, (uint64_t)n[i]);
        }
        onnx_part(&shape, 1, &dim);
    }
    onnx_number(&tensor, 1, (uint64_t)element);
    onnx_part(&tensor, 2, &shape);
    onnx_part(&type, 1, &tensor);
    onnx_text(&value, 1, name);
    onnx_part(&value, 2, &type);
    onnx_part(&o->graph, field, &value);
}

static inline void onnx_input(struct onnx *o, const char *name, int element, const int64_t *n,
                              size_t rank)
{
    onnx_value(o, 11, name, element, n, rank);
}

static inline void onnx_output(struct onnx *o, const char *name, int element, const int64_t *n,
                               size_t rank)
{
    onnx_value(o, 12, name, element, n, rank);
}

/* One node with at most two inputs (b may be NULL) and one attribute (NULL: none) of whole numbers;
 * `list`: it is a list even with one number. */
static inline void onnx_node(struct onnx *o, const char *op, const char *a, const char *b,
                             const char *out, const char *attribute, const int64_t *values,
                             size_t n_values, bool list)
{
    struct str node = STR_INIT, attr = STR_INIT;
    onnx_text(&node, 1, a);
    if (b) {
        onnx_text(&node, 1, b);
    }
    onnx_text(&node, 2, out);
    onnx_text(&node, 4, op);
    if (attribute) {
        onnx_text(&attr, 1, attribute);
        for (size_t i = 0; i < n_values; i++) {
            onnx_number(&attr, list ? 8 : 3, (uint64_t)values[i]);
        }
        onnx_number(&attr, 20, list ? 7 : 2);
        onnx_part(&node, 5, &attr);
    }
    onnx_part(&o->graph, 1, &node);
}

/* A constant of floats (an initializer), to be named as a node's input. */
static inline void onnx_weight(struct onnx *o, const char *name, const int64_t *n, size_t rank,
                               const float *values)
{
    struct str tensor = STR_INIT;
    size_t count = 1;
    for (size_t i = 0; i < rank; i++) {
        onnx_number(&tensor, 1, (uint64_t)n[i]);
        count *= (size_t)n[i];
    }
    onnx_number(&tensor, 2, 1); /* float */
    onnx_text(&tensor, 8, name);
    onnx_block(&tensor, 9, (const char *)values, count * sizeof *values);
    onnx_part(&o->graph, 5, &tensor);
}

/* The finished file; `o` is empty afterwards. */
static inline void onnx_bytes(struct onnx *o, struct str *ret)
{
    struct str opset = STR_INIT;
    onnx_text(&o->graph, 2, "test");
    onnx_number(ret, 1, 8);
    onnx_part(ret, 7, &o->graph);
    onnx_text(&opset, 1, "");
    onnx_number(&opset, 2, 13);
    onnx_part(ret, 8, &opset);
}

/* y = mean of each 1 x slices x 1 x rows x columns bag, and the mean of each slice beside it. */
static inline void onnx_bag(struct str *ret, int64_t slices, int64_t rows, int64_t columns)
{
    struct onnx o = {STR_INIT};
    const int64_t in[] = {1, slices, 1, rows, columns}, logit[] = {1, 1}, weights[] = {1, slices},
                  all[] = {1, 2, 3, 4}, plane[] = {2, 3, 4};
    const int64_t flat[] = {1};
    onnx_input(&o, "bag", 1, in, 5);
    onnx_node(&o, "ReduceMean", "bag", NULL, "mean", "axes", all, 4, true);
    onnx_node(&o, "Flatten", "mean", NULL, "logit", "axis", flat, 1, false);
    onnx_node(&o, "ReduceMean", "bag", NULL, "slices", "axes", plane, 3, true);
    onnx_node(&o, "Flatten", "slices", NULL, "attention", "axis", flat, 1, false);
    onnx_output(&o, "logit", 1, logit, 2);
    onnx_output(&o, "attention", 1, weights, 2);
    onnx_bytes(&o, ret);
}

/* Two classes for each voxel of a 1 x 1 x any x any x any volume: -x and x. */
static inline void onnx_two_classes(struct str *ret, int64_t slices, int64_t rows, int64_t columns)
{
    struct onnx o = {STR_INIT};
    const int64_t in[] = {1, 1, slices, rows, columns}, out[] = {1, 2, slices, rows, columns},
                  axis = 1;
    onnx_input(&o, "x", 1, in, 5);
    onnx_node(&o, "Neg", "x", NULL, "minus", NULL, NULL, 0, false);
    onnx_node(&o, "Concat", "minus", "x", "y", "axis", &axis, 1, false);
    onnx_output(&o, "y", 1, out, 5);
    onnx_bytes(&o, ret);
}

/* A convolution of 3 x 3 x 3 (or 3 x 3: flat) with zeros beyond the edge; any batch, any size.
 * `weights` are [classes][27] (or 9). */
static inline void onnx_convolution(struct str *ret, int64_t classes, bool flat,
                                    const float *weights)
{
    struct onnx o = {STR_INIT};
    const int64_t in[] = {-1, 1, -1, -1, -1}, out[] = {-1, classes, -1, -1, -1},
                  w[] = {classes, 1, 3, 3, 3}, pads[] = {1, 1, 1, 1, 1, 1};
    size_t rank = flat ? 4 : 5;
    onnx_input(&o, "x", 1, in, rank);
    onnx_weight(&o, "w", w, rank, weights);
    onnx_node(&o, "Conv", "x", "w", "y", "pads", pads, flat ? 4 : 6, true);
    onnx_output(&o, "y", 1, out, rank);
    onnx_bytes(&o, ret);
}

#endif
