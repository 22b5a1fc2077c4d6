/* Where the library may be. */
#ifndef GANTRY_INFER_ORT_FIND_H
#define GANTRY_INFER_ORT_FIND_H

#include "base/err.h"

/* dlopen() of the first place that has the library. *ret_path is where (caller frees). `err` says
 * what to do when there is none, and what is wrong with one that does not load. The library is told
 * before to report its use to nobody. */
void *ort_find(char **ret_path, struct err *err) CHECK_RESULT;

#endif
