/* Operations on the catalog, spread over op-catalog.c, op-cohort.c and op-watch.c. */
#ifndef GANTRY_ENGINE_OP_CATALOG_H
#define GANTRY_ENGINE_OP_CATALOG_H

#include "engine/op.h"

op_function op_item_set;
op_function op_cohort_apply, op_tag, op_attrs_import, op_project_set; /* op-cohort.c */
op_function op_annotation_put, op_annotation_mark;                    /* op-annotation.c */
op_function op_watch_start, op_watch_stop, op_watch_take;

/* A new, empty answer. */
bool op_answer(json_t **ret, struct err *err) CHECK_RESULT;
/* An operation's failure leaves no answer behind. */
bool op_finish(bool ok, json_t *answer, json_t **ret) CHECK_RESULT;

#endif
