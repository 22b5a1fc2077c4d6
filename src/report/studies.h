/*
 * Subjects and studies as the page and the API show them: who, when, tags of both domains, files,
 * jobs in four numbers (jobs.h), attributes, and the state of the task that says most.
 */
#ifndef GANTRY_REPORT_STUDIES_H
#define GANTRY_REPORT_STUDIES_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"
#include "store/store.h"

enum studies_sort {
    STUDIES_BY_NAME, /* subject, date, study */
    STUDIES_BY_SID,
    STUDIES_BY_DATE,
    STUDIES_BY_FILES,
    STUDIES_BY_STATUS,
    STUDIES_BY_CHANGED,
    STUDIES_SORTS
};
/* STUDIES_SORTS when there is no such order. */
enum studies_sort studies_sort_named(const char *name);

enum studies_shape { STUDIES_OBJECTS, STUDIES_COLUMNS, STUDIES_IDS };

struct studies_query {
    int64_t project;
    bool subjects;    /* level subject, else study */
    const json_t *in; /* only these ids (array); NULL = all */
    enum studies_sort sort;
    bool descending;
    int64_t offset, limit;
    enum studies_shape shape;
};

/* Append `"total":N,"items":[...]`, `"total":N,"columns":{...}` or `"total":N,"ids":[...]`. Tags
 * are arrays in objects and texts /a/b/ in columns, as in GET /items; jobs are {"q","r","e","d"} in
 * objects and columns of those names. */
bool studies_write(struct store *s, const struct studies_query *q, struct str *out,
                   struct err *err) CHECK_RESULT;

/* One row as an object, with `files` a list of at most `most` files [{id, path, place, sub, name,
 * size, tags, mtime_ns}] (paths relative to the project; of a subject: of all its studies), `total`
 * how many there are, and `verdicts`. */
json_t *studies_show(struct store *s, int64_t item, int64_t most, struct err *err) CHECK_RESULT;

/* Tags of a domain (file, study, subject): [{tag, files}], where files counts whatever has them. */
json_t *studies_tags(struct store *s, int64_t project, const char *domain,
                     struct err *err) CHECK_RESULT;

#endif
