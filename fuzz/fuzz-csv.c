/* codec/csv: any bytes are read or refused; what was read is written and reads back the same. */
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "codec/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct csv *a, const struct csv *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (a->rows[i].n != b->rows[i].n) {
            return false;
        }
        for (size_t k = 0; k < a->rows[i].n; k++) {
            if (strcmp(csv_field(&a->rows[i], k), csv_field(&b->rows[i], k)) != 0) {
                return false;
            }
        }
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct csv first = {0}, second = {0};
    struct str text = STR_INIT;
    if (csv_parse_any((const char *)data, size, "input", &first, &err)) {
        csv_fini(&first);
    }
    if (!csv_parse((const char *)data, size, "input", &first, &err)) {
        return 0;
    }
    for (size_t i = 0; i < first.n; i++) {
        for (size_t k = 0; k < first.rows[i].n; k++) {
            csv_add(&text, csv_field(&first.rows[i], k), k == 0);
        }
        csv_end(&text);
    }
    if (str_ok(&text, &err) &&
        (!csv_parse(str_text(&text), text.len, "written", &second, &err) ||
         !same(&first, &second))) {
        abort();
    }
    csv_fini(&second);
    csv_fini(&first);
    str_fini(&text);
    return 0;
}
