/* Changes of the catalog, made inside operations (store open for writing). Arguments are checked
 * here, because they may come through the engine's socket. */
#ifndef GANTRY_CATALOG_APPLY_H
#define GANTRY_CATALOG_APPLY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

/*
 * What a refresh found: {"project": id, and any of
 *   "files": [{"name","kind","size","mtime_ns","header": {...} or null}]   new or changed
 *   "gone": [ids]                    no longer on disk
 *   "rows": [{"id","skip","reason","status"}]     what judge_rows said
 *   "cors": [{"id","cor","was","seen"?}]   what cor_file_changes said; not applied when cor_seen is
 * no longer what it `was`: somebody wrote in between "all": true                      forgotten
 * rows come back} `header` is one line of `gantry-imaging headers`. A new row counts as arrived
 * while watched (baseline 0) when a watch of the project stands.
 */
bool apply_scan(struct store *s, const json_t *args, struct err *err) CHECK_RESULT;

/* Per-item parameters: {"project","items":[ids],"set":{key: value}}. Keys cor, enabled and skip are
 * the row's own; others go into its params (null removes). */
bool apply_set(struct store *s, const json_t *args, struct err *err) CHECK_RESULT;

/* {"items":[ids],"hidden":bool} */
bool apply_hidden(struct store *s, const json_t *args, struct err *err) CHECK_RESULT;

/* {"items":[ids],"tag":"x","add":bool}; *ret_changed rows. */
bool apply_tag(struct store *s, const json_t *args, int64_t *ret_changed,
               struct err *err) CHECK_RESULT;

/* Is this text fit to be a tag: no slash, blank, comma or control character? ERR_USAGE otherwise.
 */
bool apply_tag_valid(const char *tag, struct err *err) CHECK_RESULT;
/* Parse a value given for `cor`: a finite number, or null, "" or "none" for none (NaN). */
bool apply_cor_value(const json_t *value, double *ret, struct err *err) CHECK_RESULT;

#endif
