/* Tables of data sets: which there are, and their series, filtered, ordered, in pages. For commands
 * and the API alike. */
#ifndef GANTRY_REPORT_DATASETS_H
#define GANTRY_REPORT_DATASETS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/* [{"id","name","description","project","project_id","root","places","modality","modalities",
 * "series","patients","problems","user","created","scanned"}] by name. `id` 0: all;
 * `project` 0: of every project; `within`: a JSON array of the projects that count, NULL = all. */
json_t *datasets_list(struct store *s, int64_t id, int64_t project, const char *within,
                      struct err *err) CHECK_RESULT;

enum datasets_sort {
    DATASETS_BY_NAME,
    DATASETS_BY_MODALITY,
    DATASETS_BY_SLICES,
    DATASETS_BY_PATIENT,
    DATASETS_BY_DATE,
    DATASETS_BY_DESCRIPTION,
    DATASETS_SORTS
};
/* DATASETS_SORTS when there is none of that name. */
enum datasets_sort datasets_sort_named(const char *name);

struct datasets_query {
    int64_t dataset;
    const char *filter; /* words that must all occur in name, modality, description, patient, date
                           or problem, whatever the case; "" = all */
    enum datasets_sort sort;
    bool desc;
    bool by_patient;       /* by patient, then date: longitudinal studies */
    int64_t offset, limit; /* limit -1: all */
    /* Without the price of ordering all of them: only rows behind this id, by id; 0 begins. 'total'
     * then stands in the first page only. Set `walk` for it; sort, desc and offset do not count. */
    bool walk;
    int64_t after;
};

/* {"total", "rows": [{"id","name","label","kind","path","modality","description","number",
 * "patient","date","columns","rows","slices","times","spacing":[x,y,z],"orientation","uid","size",
 * "problem"}]}. label = where its results lie: its path without ending. */
json_t *datasets_series(struct store *s, const struct datasets_query *q,
                        struct err *err) CHECK_RESULT;

/* Rows in the order of by_patient as [{"patient", "series": [rows]}]. */
json_t *datasets_patients(const json_t *rows, struct err *err) CHECK_RESULT;

#endif
