/*
 * Finding: every member of the source is looked at once, through its first 16 KiB or as much as its
 * header takes. What is kept of a file is where its pixels begin and what its frames' places are.
 */
#include "image/dicom-series.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "image/dicom-set.h"
#include "image/dicom.h"

#define HEAD_FIRST ((size_t)16 << 10)
#define HEAD_MAX ((size_t)512 << 20)
#define COMPLAINTS_MAX 100u
#define DICOMDIR "1.2.840.10008.1.3.10"

bool set_room(void *array, size_t n, size_t *room, size_t size, struct err *err)
{
    void **at = array;
    if (n < *room) {
        return true;
    }
    size_t wider = *room ? *room * 2 : 16;
    void *more = mem_resize(*at, wider, size, err);
    if (!more) {
        return false;
    }
    *at = more;
    *room = wider;
    return true;
}

bool series_complain(struct series *s, enum dicom_trouble code, bool fatal, size_t count,
                     struct err *err, const char *fmt, ...)
{
    va_list args;
    if (s->n_complaints >= COMPLAINTS_MAX) {
        return true;
    }
    if (!set_room(&s->complaints, s->n_complaints, &s->complaints_room, sizeof *s->complaints,
                  err)) {
        return false;
    }
    struct dicom_complaint *c = &s->complaints[s->n_complaints++];
    *c = (struct dicom_complaint){.code = code, .fatal = fatal, .count = count};
    va_start(args, fmt);
    (void)vsnprintf(c->text, sizeof c->text, fmt, args);
    va_end(args);
    str_utf8_mend(c->text); /* names in it are cut by bytes */
    return true;
}

/* ---- files ---- */

static bool damaged(struct dicom_set *set, size_t member, enum dicom_trouble code,
                    const struct err *why, struct err *err)
{
    const char *name = dicom_source_name(set->source, member);
    set->counts.damaged++;
    if (set->n_complaints >= COMPLAINTS_MAX) {
        return true;
    }
    if (!set_room(&set->complaints, set->n_complaints, &set->complaints_room,
                  sizeof *set->complaints, err)) {
        return false;
    }
    struct dicom_complaint *c = &set->complaints[set->n_complaints++];
    *c = (struct dicom_complaint){.code = code, .fatal = true};
    bool named = strstr(why->text, name) != NULL;
    (void)snprintf(c->text, sizeof c->text, "%.150s%s%.300s", named ? "" : name, named ? "" : ": ",
                   why->text);
    str_utf8_mend(c->text);
    return true;
}

static uint64_t identity(const char *uid, size_t frame)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    if (uid[0] == '\0') {
        return 0;
    }
    for (; *uid != '\0'; uid++) {
        h = (h ^ (unsigned char)*uid) * 1099511628211u;
    }
    h = (h ^ frame) * 1099511628211u;
    return h ? h : 1;
}

/* Frames of old multi-frame objects lie behind each other, in steps that are said once. */
static void place_by_number(const struct dicom_header *h, size_t frame, struct dicom_frame *place)
{
    const double *o = place->orientation;
    double step = h->common.between != 0 ? h->common.between
        : h->common.thickness != 0       ? h->common.thickness
                                         : 1;
    const double normal[3] = {o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5],
                              o[0] * o[4] - o[1] * o[3]};
    for (size_t k = 0; k < 3; k++) {
        place->position[k] += normal[k] * step * (double)frame;
    }
    place->has_position = place->has_orientation && place->has_position;
    place->location = step * (double)frame;
}

static struct series *series_of(struct dicom_set *set, const struct dicom_header *h,
                                struct err *err)
{
    for (size_t i = set->n_series; i-- > 0;) {
        struct series *s = &set->series[i];
        if (strcmp(s->first.series_uid, h->series_uid) == 0 &&
            strcmp(s->first.study_uid, h->study_uid) == 0) {
            return s;
        }
    }
    if (!set_room(&set->series, set->n_series, &set->series_room, sizeof *set->series, err)) {
        return NULL;
    }
    struct series *s = &set->series[set->n_series++];
    *s = (struct series){.first = *h};
    s->first.frames = NULL;
    return s;
}

static bool add_image(struct dicom_set *set, size_t member, bool deflated,
                      const struct dicom_header *h, struct err *err)
{
    struct series *s = series_of(set, h, err);
    if (!s || !set_room(&set->files, set->n_files, &set->files_room, sizeof *set->files, err)) {
        return false;
    }
    uint32_t file = (uint32_t)set->n_files++;
    set->files[file] = (struct set_file){member, deflated, h->pixels};
    set->counts.images++;
    s->files++;
    s->unplaced += h->pixels.frames > 1 && !h->frames;
    for (size_t frame = 0; frame < h->pixels.frames; frame++) {
        if (!set_room(&s->slices, s->n, &s->room, sizeof *s->slices, err)) {
            return false;
        }
        struct slice *slice = &s->slices[s->n++];
        *slice = (struct slice){
            .file = file,
            .frame = (uint32_t)frame,
            .identity = identity(h->sop_uid, frame),
            .place = h->frames ? h->frames[frame] : h->common,
            .acquisition = h->acquisition,
            .instance = h->instance,
        };
        if (h->pixels.frames > 1 && !h->frames) {
            place_by_number(h, frame, &slice->place);
        }
    }
    return true;
}

/* ---- looking at members ---- */

struct head {
    uint8_t *bytes;
    size_t room, n;
};

static bool read_head(struct dicom_set *set, size_t member, size_t want, struct head *head,
                      struct err *err)
{
    if (want > head->room) {
        mem_free(head->bytes);
        head->room = 0;
        head->bytes = mem_big(want, 1, err);
        if (!head->bytes) {
            return false;
        }
        head->room = want;
    }
    return dicom_source_head(set->reader, member, head->bytes, want, &head->n, err);
}

/* The header of a member through as many of its bytes as it takes. */
static bool find(struct dicom_set *set, size_t member, struct head *head, struct dicom_header *ret,
                 enum dicom_found *ret_found, struct err *err)
{
    uint64_t whole = dicom_source_size(set->source, member);
    size_t want = HEAD_FIRST;
    *ret_found = DICOM_SHORT;
    while (*ret_found == DICOM_SHORT) {
        if (!read_head(set, member, want, head, err)) {
            return false;
        }
        if (want == HEAD_FIRST && zip_archive_mine(head->bytes, head->n)) {
            *ret_found = DICOM_NOT;
            return true;
        }
        *ret_found =
            dicom_header_parse(head->bytes, head->n, head->n < want ? head->n : whole, ret, err);
        if (*ret_found == DICOM_SHORT && want >= HEAD_MAX) {
            return err_set(err, ERR_FORMAT, "its header is longer than %zu bytes", HEAD_MAX);
        }
        want *= 4;
    }
    return *ret_found != DICOM_DAMAGED;
}

bool set_bytes(struct dicom_reader *r, const struct set_file *file, uint8_t **ret_inflated,
               const uint8_t **ret_bytes, size_t *ret_n, struct err *err)
{
    *ret_inflated = NULL;
    if (!dicom_source_read(r, file->member, ret_bytes, ret_n, err)) {
        return false;
    }
    if (file->deflated) {
        if (!dicom_inflate(*ret_bytes, *ret_n, ret_inflated, ret_n, err)) {
            return false;
        }
        *ret_bytes = *ret_inflated;
    }
    return true;
}

/* The header of a member whose data set is deflated: there is no looking at its beginning only. */
static bool find_deflated(struct dicom_set *set, size_t member, struct dicom_header *ret,
                          enum dicom_found *ret_found, struct err *err)
{
    const struct set_file file = {.member = member, .deflated = true};
    const uint8_t *bytes = NULL;
    uint8_t *inflated = NULL;
    size_t n = 0;
    if (!set_bytes(set->reader, &file, &inflated, &bytes, &n, err)) {
        return false;
    }
    *ret_found = dicom_header_parse(bytes, n, n, ret, err);
    mem_free(inflated);
    return *ret_found != DICOM_DAMAGED;
}

static bool look(struct dicom_set *set, size_t member, struct head *head, struct err *err)
{
    struct dicom_header h = {0};
    enum dicom_found found;
    bool good = true;
    bool deflated = false;
    good = find(set, member, head, &h, &found, err);
    if (good && found == DICOM_DEFLATED) {
        deflated = true;
        good = find_deflated(set, member, &h, &found, err);
    }
    if (!good) {
        return err->code != ERR_NOMEM && damaged(set, member, DICOM_UNREADABLE, err, err);
    }
    if (found == DICOM_NOT && zip_archive_mine(head->bytes, head->n) &&
        dicom_source_may_grow(set->source, member)) {
        bool all = dicom_source_count(set->source) == 1; /* it is what was asked for */
        set->counts.files--;
        return dicom_source_grow(set->source, set->reader, member, err) ||
            (!all && err->code != ERR_NOMEM && damaged(set, member, DICOM_UNREADABLE, err, err));
    }
    if (found == DICOM_IMAGE && strcmp(h.sop_class, DICOMDIR) != 0) {
        good = add_image(set, member, deflated, &h, err);
    } else if (found == DICOM_NOT && str_ends(dicom_source_name(set->source, member), ".dcm")) {
        (void)err_set(
            err, ERR_FORMAT,
            "named .dcm, but it is not DICOM: neither a preamble nor a data set is at its "
            "beginning");
        good = damaged(set, member, DICOM_UNREADABLE, err, err);
    } else if (found == DICOM_NOT) {
        set->counts.ignored++;
    } else {
        set->counts.objects++;
    }
    dicom_header_fini(&h);
    return good;
}

static bool look_at_all(struct dicom_set *set, struct err *err)
{
    struct head head = {0};
    bool good = true;
    for (size_t i = 0; good && i < dicom_source_count(set->source); i++) {
        set->counts.files++;
        good = look(set, i, &head, err);
    }
    mem_free(head.bytes);
    return good;
}

/* ---- the set ---- */

static int longest_first(const void *a, const void *b)
{
    const struct series *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : strcmp(x->first.series_uid, y->first.series_uid);
}

static void count_studies(struct dicom_set *set)
{
    for (size_t i = 0; i < set->n_series; i++) {
        size_t k = 0;
        while (k < i &&
               strcmp(set->series[k].first.study_uid, set->series[i].first.study_uid) != 0) {
            k++;
        }
        set->counts.studies += k == i;
    }
}

static bool nothing(const struct dicom_set *set, const char *path, struct err *err)
{
    const struct dicom_counts *c = &set->counts;
    if (set->n_complaints > 0) {
        return err_set(err, ERR_FORMAT, "%s: no DICOM images that can be read; %s", path,
                       set->complaints[0].text);
    }
    return err_set(err, ERR_NOTHING,
                   "%s: no DICOM images (%zu files: %zu not DICOM, %zu without "
                   "pixels)",
                   path, c->files, c->ignored, c->objects);
}

static bool judge_all(struct dicom_set *set, struct err *err)
{
    qsort(set->series, set->n_series, sizeof *set->series, longest_first);
    set->pub = mem_array(set->n_series, sizeof *set->pub, err);
    if (!set->pub) {
        return false;
    }
    for (size_t i = 0; i < set->n_series; i++) {
        /* nobody knows whose slice it was */
        if (set->n_complaints > 0 &&
            !series_complain(&set->series[i], DICOM_UNREADABLE, false, set->counts.damaged, err,
                             "%zu %s there could not be read and may be missing here; %.300s",
                             set->counts.damaged, set->counts.damaged == 1 ? "file" : "files",
                             set->complaints[0].text)) {
            return false;
        }
        if (!series_judge(set, &set->series[i], &set->pub[i], err)) {
            return false;
        }
    }
    count_studies(set);
    return true;
}

struct dicom_set *dicom_set_open(const char *path, const struct dicom_limits *limits,
                                 struct err *err)
{
    struct dicom_set *set = mem_zero(sizeof *set, err);
    if (!set) {
        return NULL;
    }
    set->source = dicom_source_open(path, limits, err);
    set->reader = set->source ? dicom_reader_new(set->source, err) : NULL;
    if (!set->reader || !look_at_all(set, err) ||
        (set->n_series == 0 && !nothing(set, path, err)) || !judge_all(set, err)) {
        dicom_set_close(set);
        return NULL;
    }
    return set;
}

void dicom_set_close(struct dicom_set *set)
{
    if (!set) {
        return;
    }
    for (size_t i = 0; i < set->n_series; i++) {
        mem_free(set->series[i].slices);
        mem_free(set->series[i].complaints);
    }
    mem_free(set->series);
    mem_free(set->pub);
    mem_free(set->files);
    mem_free(set->complaints);
    dicom_reader_free(set->reader);
    dicom_source_close(set->source);
    mem_free(set);
}

size_t dicom_set_series(const struct dicom_set *set, const struct dicom_series **ret)
{
    *ret = set->pub;
    return set->n_series;
}

size_t dicom_set_complaints(const struct dicom_set *set, const struct dicom_complaint **ret)
{
    *ret = set->complaints;
    return set->n_complaints;
}

void dicom_set_counts(const struct dicom_set *set, struct dicom_counts *ret)
{
    *ret = set->counts;
}
