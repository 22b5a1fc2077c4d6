/* Slices as TIFF files, and the names TomoGUI's users look for. */
#include "steps/slices.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/tiff-file.h"
#include "os/file.h"

char *slices_full_path(const char *dir, size_t slice, struct err *err)
{
    char name[64];

    snprintf(name, sizeof(name), "recon_%05zu.tiff", slice);
    return path_join(dir, name, err);
}

char *slices_try_path(const char *dir, size_t slice, double centre, struct err *err)
{
    char name[96];

    snprintf(name, sizeof(name), "recon_slice%04zu_center%05.2f.tiff", slice, centre);
    return path_join(dir, name, err);
}

bool slices_try_centre(const char *name, double *ret_centre)
{
    const char *word = strstr(name, "center");
    const char *ext = path_ext(name);
    size_t length;
    char text[32];

    if (word == NULL || (!str_equal(ext, ".tiff") && !str_equal(ext, ".tif"))) {
        return false;
    }
    word += strlen("center");
    length = ext > word ? (size_t)(ext - word) : 0;
    if (length == 0 || length >= sizeof(text)) {
        return false;
    }
    memcpy(text, word, length);
    text[length] = '\0';
    return num_double(text, ret_centre);
}

bool slices_write(const char *path, const float *pixels, size_t n, struct err *err)
{
    struct tiff_image image = {n, n, TIFF_PIXEL_F32, pixels, NULL};

    if (!tiff_write(path, &image, err)) {
        return false;
    }
    file_write_behind(path); /* it is synced when it is published: the disk works meanwhile */
    return true;
}
