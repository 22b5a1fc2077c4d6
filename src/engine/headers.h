/*
 * Headers of many files, read by one `gantry-imaging headers` process: the paths go in and the
 * lines come out through files in memory, never a pipe. A file on which the reader crashes or hangs
 * is reported as unreadable, and a new process goes on behind it.
 *
 * Order: headers_start, headers_step whenever headers_pidfd is readable or time has passed, until
 * it says done; headers_take; headers_free. Nothing here blocks.
 */
#ifndef GANTRY_ENGINE_HEADERS_H
#define GANTRY_ENGINE_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "codec/json.h"
#include "model/found.h"

struct headers;

/* Start reading n files below `root`. `files` and what they point to must outlive the object. Files
 * whose kind is none of "hdf5", "dicom-zip" and "dicom" need no reader and are answered as they
 * are. */
struct headers *headers_start(const char *imaging, const char *root,
                              const struct found *const *files, size_t n,
                              struct err *err) CHECK_RESULT;
/* Kills the reader if it still runs. */
void headers_free(struct headers *h);
/* Of the process running now (it changes after a crash); -1 = none: step after a short while. */
int headers_pidfd(const struct headers *h);
/* Look at the reader. *ret_done when every file has its answer; *ret_read counts them so far. */
bool headers_step(struct headers *h, bool *ret_done, size_t *ret_read,
                  struct err *err) CHECK_RESULT;
/* When done: [{"name","kind","size","mtime_ns","header"}] as scan.apply takes it. Caller owns it.
 */
json_t *headers_take(struct headers *h, struct err *err) CHECK_RESULT;

#endif
