/*
 * The header is one walk over the elements of the data set up to the pixels. Which element goes
 * where is a table; only the functional groups of Enhanced objects, whose elements stand in
 * sequences (PS3.3, C.7.6.16), take code. Elements that nobody asks for are passed over unread.
 */
#include "image/dicom.h"
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "codec/inflate.h"
#include "image/dicom-tags.h"
#include "image/dicom-text.h"

#define PREAMBLE 128u
#define FRAMES_MAX 1000000
#define INFLATED_MAX ((size_t)4 << 30)

enum kind { TEXT, UID, US, WHOLE, REAL, FRAME_REAL };

struct field {
    uint32_t tag;
    enum kind kind;
    uint16_t offset; /* in struct dicom_header; FRAME_REAL: in struct dicom_frame */
    uint16_t count;  /* characters with the NUL, or numbers */
    uint16_t has;    /* FRAME_REAL: 1 + offset of the flag that is set, 0 for none */
};

#define AT(member) (uint16_t) offsetof(struct dicom_header, member)
#define CHARS(member) AT(member), (uint16_t)sizeof(((struct dicom_header *)NULL)->member)
#define IN(member) (uint16_t) offsetof(struct dicom_frame, member)
#define FLAG(member) (uint16_t)(IN(member) + 1)

static const struct field header_fields[] = {
    {0x00080005, UID, CHARS(charset), 0},
    {0x00080008, TEXT, CHARS(image_type), 0},
    {0x00080016, UID, CHARS(sop_class), 0},
    {0x00080018, UID, CHARS(sop_uid), 0},
    {0x00080020, UID, CHARS(date), 0},
    {0x00080030, UID, CHARS(time), 0},
    {0x00080060, UID, CHARS(modality), 0},
    {0x00081030, TEXT, CHARS(study_description), 0},
    {0x0008103e, TEXT, CHARS(description), 0},
    {0x00100020, TEXT, CHARS(patient_id), 0},
    {0x00180015, TEXT, CHARS(body_part), 0},
    {0x00181030, TEXT, CHARS(protocol), 0},
    {0x00181120, REAL, AT(gantry_tilt_deg), 1, 0},
    {0x0020000d, UID, CHARS(study_uid), 0},
    {0x0020000e, UID, CHARS(series_uid), 0},
    {0x00200011, WHOLE, AT(series_number), 1, 0},
    {0x00200012, WHOLE, AT(acquisition), 1, 0},
    {0x00200013, WHOLE, AT(instance), 1, 0},
    {0x00280004, UID, CHARS(photometric), 0},
};

static const struct field frame_fields[] = {
    {0x00180050, FRAME_REAL, IN(thickness), 1, 0},
    {0x00180088, FRAME_REAL, IN(between), 1, 0},
    {0x00200032, FRAME_REAL, IN(position), 3, FLAG(has_position)},
    {0x00200037, FRAME_REAL, IN(orientation), 6, FLAG(has_orientation)},
    {0x00201041, FRAME_REAL, IN(location), 1, 0},
    {0x00280030, FRAME_REAL, IN(spacing), 2, FLAG(has_spacing)},
    {0x00281052, FRAME_REAL, IN(intercept), 1, 0},
    {0x00281053, FRAME_REAL, IN(slope), 1, 0},
};

/* Sequences of the functional groups whose elements belong to a frame. */
static bool group_of_frame(uint32_t tag)
{
    return tag == 0x00209113 || tag == 0x00209116 || tag == 0x00289110 || tag == 0x00289145 ||
        tag == 0x00209111;
}

/* ---- values ---- */

/* The text of a value without the padding at its end. */
static size_t trimmed(const uint8_t **text, size_t n)
{
    while (n > 0 && ((*text)[n - 1] == ' ' || (*text)[n - 1] == '\0')) {
        n--;
    }
    while (n > 0 && **text == ' ') {
        (*text)++;
        n--;
    }
    return n;
}

void dicom_words(const uint8_t *value, size_t n, char *ret, size_t room)
{
    n = trimmed(&value, n);
    n = n < room ? n : room - 1;
    for (size_t i = 0; i < n; i++) {
        ret[i] = (char)(value[i] < ' ' ? ' ' : value[i]);
    }
    ret[n] = '\0';
}

static void take_word(const uint8_t *value, size_t n, char *ret, size_t room)
{
    dicom_words(value, n, ret, room);
    for (; *ret != '\0'; ret++) {
        if ((unsigned char)*ret >= 0x7f) {
            *ret = '?';
        }
    }
}

/* Decimal strings (PS3.5, 6.2 DS, IS), divided by backslashes: how many of `count` are numbers? */
size_t dicom_numbers(const uint8_t *value, size_t n, double *ret, size_t count)
{
    size_t got = 0;
    while (got < count && n > 0) {
        const uint8_t *stop = memchr(value, '\\', n);
        size_t part = stop ? (size_t)(stop - value) : n;
        const uint8_t *text = value;
        size_t length = trimmed(&text, part);
        char one[64];
        if (length == 0 || length >= sizeof one) {
            break;
        }
        memcpy(one, text, length);
        one[length] = '\0';
        if (!num_double(one, &ret[got])) {
            break;
        }
        got++;
        part += stop != NULL;
        value += part;
        n -= part;
    }
    return got;
}

/* Millimetres and scales are not astronomic; larger ones would only spoil what is computed. */
static bool sane(const double *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fabs(numbers[i]) > 1e12) {
            return false;
        }
    }
    return true;
}

static bool take_field(const struct field *fields, size_t n_fields, const struct tags *t,
                       const struct tag_element *e, void *target)
{
    double numbers[6] = {0};
    for (size_t i = 0; i < n_fields; i++) {
        const struct field *f = &fields[i];
        char *to = (char *)target + f->offset;
        const uint8_t *value = t->bytes + e->at;
        if (f->tag != e->tag) {
            continue;
        }
        if (f->kind == TEXT || f->kind == UID) {
            /* texts are made UTF-8 when the character set is known, at the end */
            (f->kind == UID ? take_word : dicom_words)(value, e->length, to, f->count);
        } else if (dicom_numbers(value, e->length, numbers, f->count) == f->count &&
                   sane(numbers, f->count)) {
            if (f->kind == WHOLE) {
                *(int64_t *)(void *)to = (int64_t)numbers[0];
            } else {
                memcpy(to, numbers, f->count * sizeof(double));
            }
            if (f->has) {
                *((char *)target + f->has - 1) = true;
            }
        }
        return true;
    }
    return false;
}

static void take_pixel_field(const struct tags *t, const struct tag_element *e,
                             struct dicom_pixels *p)
{
    double frames = 0;
    uint16_t value = e->length >= 2 ? tags_u16(t, e->at) : 0;
    switch (e->tag) {
    case 0x00280002:
        p->samples = value;
        break;
    case 0x00280008:
        if (dicom_numbers(t->bytes + e->at, e->length, &frames, 1) == 1) {
            p->frames = frames >= 1 && frames <= FRAMES_MAX ? (size_t)frames : 0;
        }
        break;
    case 0x00280010:
        p->rows = value;
        break;
    case 0x00280011:
        p->columns = value;
        break;
    case 0x00280100:
        p->bits_allocated = value;
        break;
    case 0x00280101:
        p->bits_stored = value;
        break;
    case 0x00280102:
        p->high_bit = value;
        break;
    case 0x00280103:
        p->is_signed = value == 1;
        break;
    default:
        break;
    }
}

/* ---- functional groups ---- */

static void take_frame_element(const struct tags *t, const struct tag_element *e,
                               struct dicom_frame *frame)
{
    (void)take_field(frame_fields, sizeof frame_fields / sizeof *frame_fields, t, e, frame);
    if (e->tag == 0x00209128 && e->length == 4) { /* TemporalPositionIndex, UL */
        frame->temporal = tags_u32(t, e->at);
    }
}

/* The elements of one item: of a frame (`depth` 0), or of a group of it. */
static enum tags_result read_group(struct tags *item, unsigned depth, struct dicom_frame *frame)
{
    struct tag_element e;
    enum tags_result r;
    while ((r = tags_next(item, &e)) == TAGS_OK) {
        struct tags sequence, inner;
        if (depth == 0 && group_of_frame(e.tag)) {
            r = tags_sequence(item, &e, &sequence);
            while (r == TAGS_OK && (r = tags_item(&sequence, &inner)) == TAGS_OK) {
                r = read_group(&inner, 1, frame);
                tags_leave(&sequence, &inner);
            }
            tags_leave(item, &sequence);
        } else {
            size_t at = item->at;
            r = tags_skip(item, &e);
            if (r == TAGS_OK && e.length != TAGS_UNDEFINED && at == e.at) {
                take_frame_element(item, &e, frame);
            }
        }
        if (r != TAGS_OK && r != TAGS_END) {
            return r;
        }
    }
    return r == TAGS_END ? TAGS_OK : r;
}

struct walk {
    struct tags t;
    struct dicom_header *h;
    size_t frames_room, frames_read;
    struct err *err;
};

static bool more_frames(struct walk *w)
{
    if (w->frames_read < w->frames_room) {
        return true;
    }
    size_t room = w->frames_room ? w->frames_room * 2 : 64;
    struct dicom_frame *more = mem_resize(w->h->frames, room, sizeof *more, w->err);
    if (!more) {
        return false;
    }
    w->h->frames = more;
    w->frames_room = room;
    return true;
}

/* SharedFunctionalGroupsSequence and PerFrameFunctionalGroupsSequence; the former comes first. */
static enum tags_result read_groups(struct walk *w, const struct tag_element *e)
{
    bool shared = e->tag == 0x52009229;
    struct tags sequence, item;
    enum tags_result r = tags_sequence(&w->t, e, &sequence);
    while (r == TAGS_OK && (r = tags_item(&sequence, &item)) == TAGS_OK) {
        struct dicom_frame *frame = &w->h->common;
        if (!shared) {
            if (w->frames_read >= FRAMES_MAX || !more_frames(w)) {
                return TAGS_BAD;
            }
            frame = &w->h->frames[w->frames_read++];
            *frame = w->h->common;
        }
        r = read_group(&item, 0, frame);
        tags_leave(&sequence, &item);
    }
    tags_leave(&w->t, &sequence);
    return r == TAGS_END ? TAGS_OK : r;
}

/* ---- the walk ---- */

static void take_element(struct walk *w, const struct tag_element *e)
{
    struct dicom_header *h = w->h;
    if (e->tag >> 16 == 0x0028) {
        take_pixel_field(&w->t, e, &h->pixels);
    }
    if (!take_field(header_fields, sizeof header_fields / sizeof *header_fields, &w->t, e, h)) {
        (void)take_field(frame_fields, sizeof frame_fields / sizeof *frame_fields, &w->t, e,
                         &h->common);
    }
    double number;
    if (e->tag == 0x00200100 && /* TemporalPositionIdentifier */
        dicom_numbers(w->t.bytes + e->at, e->length, &number, 1) == 1 && fabs(number) < 1e9) {
        h->common.temporal = (int64_t)number;
    }
}

static bool pixel_tag(uint32_t tag)
{
    return tag == 0x7fe00008 || tag == 0x7fe00009 || tag == 0x7fe00010;
}

/* Up to the pixels; TAGS_END when there are none. */
static enum tags_result walk(struct walk *w, struct tag_element *ret_last)
{
    struct tag_element e = {0};
    enum tags_result r;
    while ((r = tags_next(&w->t, &e)) == TAGS_OK) {
        *ret_last = e;
        if (pixel_tag(e.tag)) {
            return TAGS_OK;
        }
        if (e.tag == 0x52009229 || e.tag == 0x52009230) {
            r = read_groups(w, &e);
        } else if (e.tag == 0x00540022) { /* DetectorInformationSequence: where NM says it */
            struct tags sequence, item;
            r = tags_sequence(&w->t, &e, &sequence);
            if (r == TAGS_OK && tags_item(&sequence, &item) == TAGS_OK) {
                (void)read_group(&item, 1, &w->h->common);
            }
            r = tags_skip(&w->t, &e);
        } else {
            r = tags_skip(&w->t, &e);
            if (r == TAGS_OK && e.length != TAGS_UNDEFINED) {
                take_element(w, &e);
            }
        }
        if (r != TAGS_OK) {
            return r;
        }
    }
    return r;
}

/* The meta group of a file with a preamble (PS3.10, 7.1); the cursor then stands at the data set.
 */
static enum tags_result read_meta(struct tags *t, char *transfer_syntax)
{
    struct tag_element e;
    enum tags_result r = TAGS_OK;
    while (r == TAGS_OK && t->size - t->at >= 8 && tags_u16(t, t->at) == 2) {
        r = tags_next(t, &e);
        r = r == TAGS_OK ? tags_skip(t, &e) : r;
        if (r == TAGS_OK && e.tag == 0x00020010) {
            take_word(t->bytes + e.at, e.length, transfer_syntax, DICOM_UID);
        }
    }
    return r == TAGS_OK && t->size - t->at < 8 ? TAGS_SHORT : r;
}

/* ---- pixels as the header has them ---- */

static bool uncompressed(const char *syntax)
{
    return syntax[0] == '\0' || strcmp(syntax, "1.2.840.10008.1.2") == 0 ||
        strcmp(syntax, "1.2.840.10008.1.2.1") == 0 || strcmp(syntax, "1.2.840.10008.1.2.2") == 0 ||
        strcmp(syntax, "1.2.840.113619.5.2") == 0; /* GE: implicit, pixels big endian */
}

static enum dicom_found settle(struct dicom_header *h, const struct tags *t,
                               const struct tag_element *e, uint64_t whole, struct err *err)
{
    struct dicom_pixels *p = &h->pixels;
    p->at = e->at;
    p->length = e->length;
    p->whole = whole;
    p->is_float = e->tag != 0x7fe00010;
    p->frames = p->frames ? p->frames : 1;
    p->samples = p->samples ? p->samples : 1;
    if (p->bits_stored == 0 || p->bits_stored > p->bits_allocated) {
        p->bits_stored = p->bits_allocated;
        p->high_bit = p->bits_allocated - 1u;
    }
    if (p->high_bit >= p->bits_allocated || p->high_bit + 1 < p->bits_stored) {
        p->high_bit = p->bits_stored - 1u;
    }
    p->colour = p->samples > 1 || strncmp(h->photometric, "PALETTE", 7) == 0;
    p->compressed = !uncompressed(h->transfer_syntax) || p->length == TAGS_UNDEFINED;
    /* Bytes of 8-bit pixels that were written as words are swapped in pairs. */
    p->swap = (t->big && (p->bits_allocated > 8 || memcmp(e->vr, "OW", 2) == 0)) ||
        strcmp(h->transfer_syntax, "1.2.840.113619.5.2") == 0;
    if (p->rows == 0 || p->columns == 0) {
        (void)err_set(err, ERR_FORMAT, "has pixels but no %s (0028,001%d)",
                      p->rows == 0 ? "Rows" : "Columns", p->rows == 0 ? 0 : 1);
        return DICOM_DAMAGED;
    }
    unsigned bits = p->bits_allocated;
    if (p->is_float ? bits != 32 && bits != 64 : bits != 8 && bits != 16 && bits != 32) {
        (void)err_set(err, ERR_FORMAT, "pixels of %u bits are not read (8, 16 and 32 are)", bits);
        return DICOM_DAMAGED;
    }
    return DICOM_IMAGE;
}

static enum dicom_found cut(const struct tags *t, const struct tag_element *last, uint64_t whole,
                            struct err *err)
{
    if (t->size < whole) {
        return DICOM_SHORT;
    }
    (void)err_set(err, ERR_FORMAT,
                  "truncated DICOM: the file ends at byte %llu inside element (%04x,%04x)",
                  (unsigned long long)whole, last->tag >> 16, last->tag & 0xffff);
    return DICOM_DAMAGED;
}

static void to_utf8(struct dicom_header *h)
{
    struct {
        char *text;
        size_t room;
    } all[] = {{h->patient_id, sizeof h->patient_id},
               {h->body_part, sizeof h->body_part},
               {h->protocol, sizeof h->protocol},
               {h->description, sizeof h->description},
               {h->study_description, sizeof h->study_description},
               {h->image_type, sizeof h->image_type}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        dicom_text_utf8(h->charset, all[i].text, all[i].room);
    }
}

/* Find the data set: behind preamble and meta group, or at once. */
static enum dicom_found begin(struct tags *t, struct dicom_header *h, uint64_t whole)
{
    bool meta = t->size >= PREAMBLE + 4 && memcmp(t->bytes + PREAMBLE, "DICM", 4) == 0;
    struct tags at_once;
    if (meta) {
        t->at = PREAMBLE + 4;
        if (read_meta(t, h->transfer_syntax) != TAGS_OK) {
            return t->size < whole ? DICOM_SHORT : DICOM_DAMAGED;
        }
    } else if (tags_sniff(t->bytes, t->size, 0, &at_once) && tags_u16(&at_once, 0) == 2) {
        /* a meta group without its preamble */
        if (read_meta(t, h->transfer_syntax) != TAGS_OK) {
            return t->size < whole ? DICOM_SHORT : DICOM_NOT;
        }
    }
    if (strcmp(h->transfer_syntax, "1.2.840.10008.1.2.1.99") == 0) {
        return DICOM_DEFLATED;
    }
    struct tags data;
    if (!tags_sniff(t->bytes, t->size, t->at, &data)) {
        return meta ? DICOM_DAMAGED : DICOM_NOT;
    }
    *t = data;
    return DICOM_IMAGE;
}

enum dicom_found dicom_header_parse(const uint8_t *bytes, size_t n, uint64_t whole,
                                    struct dicom_header *ret, struct err *err)
{
    struct dicom_header h = {0};
    struct walk w = {.t = {.bytes = bytes, .size = n}, .h = &h, .err = err};
    struct tag_element last = {0};
    enum dicom_found found;
    memset(ret, 0, sizeof *ret);
    h.common.slope = 1;
    h.common.location = NAN;
    err->code = ERR_NONE;
    found = begin(&w.t, &h, whole);
    if (found == DICOM_DAMAGED) {
        (void)err_set(err, ERR_FORMAT, "%s",
                      n < whole ? "damaged DICOM: no data set behind its meta header"
                                : "truncated DICOM: it ends in its meta header");
    }
    if (found != DICOM_IMAGE) {
        *ret = h;
        return found;
    }
    bool sure = w.t.at > 0;
    enum tags_result r = walk(&w, &last);
    if (r == TAGS_OK) {
        found = settle(&h, &w.t, &last, whole, err);
    } else if (r == TAGS_SHORT || (r == TAGS_END && n < whole)) {
        /* Without a meta header it is DICOM only when it reads like it to its end. */
        found = cut(&w.t, &last, whole, err);
        found = found == DICOM_DAMAGED && !sure && h.sop_class[0] == '\0' ? DICOM_NOT : found;
    } else if (r == TAGS_END) {
        found = sure || h.sop_class[0] != '\0' ? DICOM_OTHER : DICOM_NOT;
    } else if (err->code != ERR_NONE) {
        found = DICOM_DAMAGED; /* no memory */
    } else {
        found = sure ? DICOM_DAMAGED : DICOM_NOT;
        (void)err_set(err, ERR_FORMAT, "damaged DICOM: nonsense behind element (%04x,%04x)",
                      last.tag >> 16, last.tag & 0xffff);
    }
    if (w.frames_read > 0 && w.frames_read < h.pixels.frames && found == DICOM_IMAGE) {
        (void)err_set(err, ERR_FORMAT, "has %zu frames but places for %zu only", h.pixels.frames,
                      w.frames_read);
        found = DICOM_DAMAGED;
    }
    to_utf8(&h);
    *ret = h;
    if (found != DICOM_IMAGE) {
        dicom_header_fini(ret);
    }
    return found;
}

bool dicom_data_set(const uint8_t *bytes, size_t n, struct tags *ret)
{
    struct dicom_header h = {0};
    *ret = (struct tags){.bytes = bytes, .size = n};
    return begin(ret, &h, n) == DICOM_IMAGE;
}

bool dicom_inflate(const uint8_t *file, size_t size, uint8_t **ret, size_t *ret_n, struct err *err)
{
    struct dicom_header h = {0};
    struct tags t = {.bytes = file, .size = size};
    return begin(&t, &h, size) == DICOM_DEFLATED
        ? inflate_raw(file + t.at, size - t.at, INFLATED_MAX, ret, ret_n, err)
        : err_set(err, ERR_FORMAT, "its meta header is cut");
}

void dicom_header_fini(struct dicom_header *h)
{
    mem_free(h->frames);
    h->frames = NULL;
}
