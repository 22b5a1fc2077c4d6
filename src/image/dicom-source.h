/*
 * Files wherever they lie: a file, everything below a folder, the entries of a ZIP, and ZIPs in
 * either. dicom_source_open() lists what is there; the list grows while ZIPs among its members are
 * found (dicom_source_grow()). Bytes come through readers, one a thread. Nothing is unpacked to
 * disk.
 */
#ifndef GANTRY_IMAGE_DICOM_SOURCE_H
#define GANTRY_IMAGE_DICOM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/zip-file.h"

struct dicom_limits {
    struct zip_limits zip;
    size_t files;         /* members, of all archives together */
    size_t depth;         /* folders in folders, and ZIPs in ZIPs */
    uint64_t inner_bytes; /* a ZIP in a ZIP is held in memory: at most so large */
    bool flat;            /* of a folder its own files only: no folders, no ZIPs */
};
#define DICOM_LIMITS_DEFAULT                                       \
    {                                                              \
        ZIP_LIMITS_DEFAULT, 1000000, 32, (uint64_t)1 << 30, false, \
    }

struct dicom_source;
struct dicom_reader;

/* `limits` NULL: the default ones. */
struct dicom_source *dicom_source_open(const char *path, const struct dicom_limits *limits,
                                       struct err *err) CHECK_RESULT;
void dicom_source_close(struct dicom_source *s);

size_t dicom_source_count(const struct dicom_source *s);
/* Path below what was opened; of a ZIP's entry "x.zip/entry". */
const char *dicom_source_name(const struct dicom_source *s, size_t member);
uint64_t dicom_source_size(const struct dicom_source *s, size_t member);
/* Does its name say that it is a ZIP, or is it what was opened? */
bool dicom_source_may_grow(const struct dicom_source *s, size_t member);
/* The member is a ZIP: put its entries behind the list. */
bool dicom_source_grow(struct dicom_source *s, struct dicom_reader *r, size_t member,
                       struct err *err) CHECK_RESULT;
/* Is there a ZIP in a ZIP, which every reader holds in memory? */
bool dicom_source_nested(const struct dicom_source *s);

struct dicom_reader *dicom_reader_new(struct dicom_source *s, struct err *err) CHECK_RESULT;
void dicom_reader_free(struct dicom_reader *r);
/* The first bytes of a member: `max`, or all. */
bool dicom_source_head(struct dicom_reader *r, size_t member, void *ret_bytes, size_t max,
                       size_t *ret_n, struct err *err) CHECK_RESULT;
/* All bytes of a member. They belong to the reader and stay until it is asked for others. */
bool dicom_source_read(struct dicom_reader *r, size_t member, const uint8_t **ret_bytes,
                       size_t *ret_n, struct err *err) CHECK_RESULT;

#endif
