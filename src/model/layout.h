/*
 * How a cohort's folder is laid out: which folders are studies, and whose. A layout is a path of
 * components, read from the project's root; each is plain text, * (any folder), or has {subject}
 * and {study} in it, with plain text around and between them:
 *
 *   {subject}/{study}        the usual one
 *   {subject}                one study a subject; its sid is ''
 *   rawdata/{subject}/ses-{study}
 *   {subject}_{study}        the subject ends at the first _
 *
 * The word bids stands for sub-X[/ses-Y], scans for no cohort at all; dicom goes by headers.
 */
#ifndef GANTRY_MODEL_LAYOUT_H
#define GANTRY_MODEL_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* Deeper trees than this have no layout but a trouble. */
#define LAYOUT_LEVELS 8
#define LAYOUT_AUTO "auto"
#define LAYOUT_SCANS "scans"
#define LAYOUT_BIDS "bids"
#define LAYOUT_DICOM "dicom"
#define LAYOUT_USUAL "{subject}/{study}"
#define LAYOUT_SINGLE "{subject}"

enum layout_kind { LAYOUT_KIND_SCANS, LAYOUT_KIND_PATTERN, LAYOUT_KIND_BIDS, LAYOUT_KIND_DICOM };

struct layout {
    enum layout_kind kind;
    char text[256];
    const char *levels[LAYOUT_LEVELS]; /* the components, ended by NUL, within `parts` */
    size_t n;
    char parts[256];
};

/* The words above but auto, which is no layout yet. ERR_USAGE says what is wrong. `ret` must not be
 * moved afterwards. */
bool layout_parse(const char *text, struct layout *ret, struct err *err) CHECK_RESULT;

/* Names that a folder gives, each up to `size` bytes; what a component does not say stays as it is.
 */
#define LAYOUT_NAME_MAX 512
struct layout_names {
    char pid[LAYOUT_NAME_MAX];
    char sid[LAYOUT_NAME_MAX];
};
/* Does the folder `name` answer to component `level` of a pattern? Fills in what it says. */
bool layout_level(const struct layout *layout, size_t level, const char *name,
                  struct layout_names *names);

/* The day in a folder's name (20240512, 2024-05-12, 2024_05_12, 2024.05.12), as 2024-05-12; ""
 * when there is none, or more than one. */
void layout_date(const char *name, char ret[11]);

#endif
