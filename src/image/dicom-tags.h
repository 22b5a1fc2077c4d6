/*
 * The data elements of DICOM (PS3.5, 7): a cursor over bytes in memory that gives one element after
 * the other. It knows the three ways they are written (explicit or implicit VR in little endian,
 * explicit VR in big endian), copies nothing and trusts no length.
 *
 * The bytes may be only the beginning of a file: TAGS_SHORT says that more of them are needed.
 */
#ifndef GANTRY_IMAGE_DICOM_TAGS_H
#define GANTRY_IMAGE_DICOM_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tags_result {
    TAGS_OK,
    TAGS_END,   /* nothing is left, or the delimiter of the item or sequence was reached */
    TAGS_SHORT, /* the element goes on behind the last byte */
    TAGS_BAD,   /* these are no elements */
};

struct tags {
    const uint8_t *bytes;
    size_t size, at;
    bool implicit, big;
    bool open; /* of undefined length: ends with a delimiter, not with the last byte */
};

#define TAGS_UNDEFINED 0xffffffffu

struct tag_element {
    uint32_t tag;    /* group << 16 | element */
    char vr[2];      /* "\0\0" when implicit */
    uint32_t length; /* TAGS_UNDEFINED: up to a delimiter */
    size_t at;       /* where the value begins */
};

/* How are the elements at `at` written? Tells implicit from explicit and big from little endian by
 * looking at the first one; false when it cannot be the beginning of a data set. */
bool tags_sniff(const uint8_t *bytes, size_t size, size_t at, struct tags *ret);

/* The head of the next element; the cursor then stands at its value. */
enum tags_result tags_next(struct tags *t, struct tag_element *ret);
/* Go behind the value, whatever it holds; TAGS_SHORT when it ends behind the last byte. */
enum tags_result tags_skip(struct tags *t, const struct tag_element *e);

/* A sequence whose head was read: `ret` goes through its items. After tags_item() has said
 * TAGS_END, tags_leave(t, ret) puts the cursor behind the sequence. */
enum tags_result tags_sequence(const struct tags *t, const struct tag_element *e, struct tags *ret);
/* The next item, as a cursor over its elements; when those have come to TAGS_END,
 * tags_leave(sequence, ret). */
enum tags_result tags_item(struct tags *sequence, struct tags *ret);
void tags_leave(struct tags *outer, const struct tags *inner);

uint16_t tags_u16(const struct tags *t, size_t at);
uint32_t tags_u32(const struct tags *t, size_t at);

#endif
