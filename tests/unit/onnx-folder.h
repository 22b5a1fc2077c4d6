/*
 * Models for tests: a folder with model.onnx (onnx-bytes.h) and a card with its sum, and the
 * runtime, where it is.
 */
#ifndef GANTRY_TEST_ONNX_FOLDER_H
#define GANTRY_TEST_ONNX_FOLDER_H

#include "test.h"

#include "codec/digest.h"
#include "infer/run.h"
#include "onnx-bytes.h"
#include "os/file.h"

#define CARD_HEAD \
    "{\"gantry\":1,\"name\":\"tiny\",\"version\":1,\"licence\":\"MIT\",\"source\":\"tests\","

/* A model's folder with that card (its closing brace and the sum are added); the caller's. */
static inline char *folder_of(const struct str *model, const char *card)
{
    struct err err = {0};
    char *folder = test_folder("model"), sum[DIGEST_SHA256_HEX];
    char *onnx = mem_printf(&err, "%s/model.onnx", folder),
         *file = mem_printf(&err, "%s/model.json", folder);
    digest_sha256(model->buf, model->len, sum);
    char *text = mem_printf(&err, "%s,\"checksum\":\"sha256:%s\"}", card, sum);
    assert_ok(file_put(onnx, model->buf, model->len, &err), err);
    assert_ok(file_put(file, text, strlen(text), &err), err);
    mem_free(text);
    mem_free(file);
    mem_free(onnx);
    return folder;
}

/* Loaded from such a folder, which is gone then; NULL with `err`. */
static inline struct infer *opened(struct ort *ort, const struct str *model, const char *card,
                                   struct err *err)
{
    char *folder = folder_of(model, card);
    struct infer *m = infer_open(ort, folder, &(struct ort_options){.threads = 1}, err);
    struct err none = {0};
    assert_ok(file_remove_tree(folder, &none), none);
    mem_free(folder);
    return m;
}

/* The runtime. Without it *ret_status is what the test ends with: 77, skipped, where there is none.
 */
static inline struct ort *ort_of_tests(int *ret_status)
{
    struct err err = {0};
    if (!getenv("GANTRY_ORT")) {
        /* The test stands deeper than the program, so it is told where ./setup puts the library. */
        const char *source = getenv("GANTRY_SOURCE");
        char *path = mem_printf(&err, "%s/third-party/onnxruntime", source ? source : ".");
        if (path && file_is_folder(path)) {
            (void)setenv("GANTRY_ORT", path, 1);
        }
        mem_free(path);
    }
    struct ort *ort = ort_open(&err);
    *ret_status = ort ? 0 : err.code == ERR_NOTHING ? 77 : 1;
    if (!ort) {
        (void)fprintf(stderr, "%s%s\n", err.code == ERR_NOTHING ? "skipped: " : "", err.text);
    } else if (!getenv("GANTRY_ORT")) {
        (void)setenv("GANTRY_ORT", ort_path(ort), 1);
    }
    return ort;
}

#endif
