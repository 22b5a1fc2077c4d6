/* Image series of a project by selectors, for `gantry run` of a batch at level series. */
#ifndef GANTRY_CLI_PICK_SERIES_H
#define GANTRY_CLI_PICK_SERIES_H

#include <stdint.h>
#include "base/err.h"
#include "store/store.h"

/* Ids of the series that the words name (catalog/series-select.h, and dataset:NAME), each once, by
 * name; none given means all of the project. ERR_NOTHING names a word that finds nothing. Caller
 * frees *ret. */
bool pick_series(struct store *s, int64_t project, char *const *words, size_t n, int64_t **ret,
                 size_t *ret_n, struct err *err) CHECK_RESULT;

#endif
