/* model/truth: any table is read or refused; every name in it finds a label or a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/truth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    char why[TRUTH_WHY];
    char *name = mem_strndup((const char *)data, size < 60 ? size : 60, &err);
    struct truth *t = truth_parse((const char *)data, size, "input", &err);
    if (t && name) {
        const struct truth_key keys[] = {
            {1, "a/b.nii.gz", "a/b", "1.2.3", "/d/a/b.nii.gz"},
            {17, name, name, name, name},
            {2, "", "", "", NULL},
        };
        for (size_t i = 0; i < 3; i++) {
            if (!truth_note(t, &keys[i], &err)) {
                abort();
            }
        }
        for (size_t i = 0; i < 3; i++) {
            const char *found = truth_find(t, &keys[i], why);
            if (!found == !why[0]) {
                abort(); /* one of them is said, never both */
            }
        }
    } else if (!t && !err.text[0]) {
        abort();
    }
    truth_free(t);
    mem_free(name);
    return 0;
}
