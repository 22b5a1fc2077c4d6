/*
 * Elements one after the other. Skipping a value of undefined length means walking through it, to
 * a depth that honest files never reach.
 */
#include "image/dicom-tags.h"
#include <string.h>

#define DEPTH_MAX 24u
#define ITEM 0xfffee000u
#define ITEM_END 0xfffee00du
#define SEQUENCE_END 0xfffee0ddu

uint16_t tags_u16(const struct tags *t, size_t at)
{
    const uint8_t *b = t->bytes + at;
    return (uint16_t)(t->big ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

uint32_t tags_u32(const struct tags *t, size_t at)
{
    uint32_t first = tags_u16(t, at), second = tags_u16(t, at + 2);
    return t->big ? first << 16 | second : second << 16 | first;
}

static bool known_vr(const uint8_t *b)
{
    static const char all[] =
        "AEASATCSDADSDTFDFLISLOLTOBODOFOLOVOWPNSHSLSQSSSTSVTMUCUIULUNURUSUTUV";
    for (size_t i = 0; i + 1 < sizeof all; i += 2) {
        if (b[0] == (uint8_t)all[i] && b[1] == (uint8_t)all[i + 1]) {
            return true;
        }
    }
    return false;
}

/* VRs whose length is written in four bytes behind two reserved ones (PS3.5, 7.1.2). */
static bool long_vr(const char *vr)
{
    static const char all[] = "OBODOFOLOVOWSQSVUCUNURUTUV";
    for (size_t i = 0; i + 1 < sizeof all; i += 2) {
        if (vr[0] == all[i] && vr[1] == all[i + 1]) {
            return true;
        }
    }
    return false;
}

bool tags_sniff(const uint8_t *bytes, size_t size, size_t at, struct tags *ret)
{
    struct tags t = {.bytes = bytes, .size = size, .at = at};
    if (at > size || size - at < 8) {
        return false;
    }
    /* Data sets begin with a small, even group: 0002 (meta), 0008, rarely another below 0x0100. */
    uint16_t group = tags_u16(&t, at);
    if (group == 0 || (group > 0xff && group % 256 == 0)) {
        t.big = true;
        group = tags_u16(&t, at);
    }
    if (group < 2 || group > 0x54 || group % 2 != 0) {
        return false;
    }
    t.implicit = !known_vr(bytes + at + 4);
    if (t.implicit && (t.big || tags_u32(&t, at + 4) > 0xffff)) {
        return false; /* there is no implicit big endian, and first elements are short */
    }
    *ret = t;
    return true;
}

enum tags_result tags_next(struct tags *t, struct tag_element *ret)
{
    size_t left = t->size - t->at;
    size_t head = 8;
    struct tag_element e = {0};
    if (left == 0) {
        return t->open ? TAGS_SHORT : TAGS_END;
    }
    if (left < head) {
        return TAGS_SHORT;
    }
    e.tag = (uint32_t)tags_u16(t, t->at) << 16 | tags_u16(t, t->at + 2);
    bool delimiter = e.tag >> 16 == 0xfffe;
    if (delimiter || t->implicit || !known_vr(t->bytes + t->at + 4)) {
        /* Some writers put elements of implicit VR among explicit ones. */
        e.length = tags_u32(t, t->at + 4);
    } else {
        memcpy(e.vr, t->bytes + t->at + 4, 2);
        if (!long_vr(e.vr)) {
            e.length = tags_u16(t, t->at + 6);
        } else if (left < 12) {
            return TAGS_SHORT;
        } else {
            head = 12;
            e.length = tags_u32(t, t->at + 8);
        }
    }
    t->at += head;
    e.at = t->at;
    *ret = e;
    return e.tag == ITEM_END || e.tag == SEQUENCE_END ? TAGS_END : TAGS_OK;
}

static enum tags_result skip(struct tags *t, const struct tag_element *e, unsigned depth);

/* All elements up to the delimiter that ends them. */
static enum tags_result skip_elements(struct tags *t, unsigned depth)
{
    struct tag_element e;
    for (;;) {
        enum tags_result r = tags_next(t, &e);
        r = r == TAGS_OK ? skip(t, &e, depth) : r;
        if (r != TAGS_OK) {
            return r == TAGS_END ? TAGS_OK : r;
        }
    }
}

static enum tags_result skip(struct tags *t, const struct tag_element *e, unsigned depth)
{
    if (e->length != TAGS_UNDEFINED) {
        if (e->length > t->size - t->at) {
            return TAGS_SHORT;
        }
        t->at += e->length;
        return TAGS_OK;
    }
    if (depth == DEPTH_MAX) {
        return TAGS_BAD;
    }
    struct tags inner = *t;
    inner.open = true;
    /* Unknown with undefined length is a sequence written in implicit VR (PS3.5, 6.2.2). */
    inner.implicit = t->implicit || memcmp(e->vr, "UN", 2) == 0;
    enum tags_result r = skip_elements(&inner, depth + 1);
    t->at = inner.at;
    return r;
}

enum tags_result tags_skip(struct tags *t, const struct tag_element *e)
{
    return skip(t, e, 0);
}

/* `t` narrowed to a value of `length` bytes, or to one that a delimiter ends. */
static enum tags_result narrowed(const struct tags *t, uint32_t length, struct tags *ret)
{
    *ret = *t;
    ret->open = length == TAGS_UNDEFINED;
    if (!ret->open) {
        if (length > t->size - t->at) {
            return TAGS_SHORT;
        }
        ret->size = t->at + length;
    }
    return TAGS_OK;
}

enum tags_result tags_sequence(const struct tags *t, const struct tag_element *e, struct tags *ret)
{
    enum tags_result r = narrowed(t, e->length, ret);
    ret->implicit = ret->implicit || memcmp(e->vr, "UN", 2) == 0;
    return r;
}

enum tags_result tags_item(struct tags *sequence, struct tags *ret)
{
    struct tag_element e;
    enum tags_result r = tags_next(sequence, &e);
    if (r != TAGS_OK) {
        return r;
    }
    return e.tag == ITEM ? narrowed(sequence, e.length, ret) : TAGS_BAD;
}

void tags_leave(struct tags *outer, const struct tags *inner)
{
    outer->at = inner->at;
}
