/* TIFF: any bytes as a file to be checked. */
#include <stddef.h>
#include <stdint.h>
#include "codec/tiff-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    bool whole = tiff_check_bytes("fuzz", data, size, &err);
    (void)whole;
    return 0;
}
