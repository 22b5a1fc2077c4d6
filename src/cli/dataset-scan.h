/* Bringing a data set up to date: walk its places, read the headers of what is new or has changed
 * (gantry-imaging series), apply it in pieces. What has the size and time it had is not read
 * again. */
#ifndef GANTRY_CLI_DATASET_SCAN_H
#define GANTRY_CLI_DATASET_SCAN_H

#include "cli/command.h"
#include "discover/series-walk.h"

struct dataset_report {
    int64_t read;     /* files, ZIPs and folders whose headers were read */
    int64_t fresh;    /* series that are new */
    int64_t changed;  /* read again */
    int64_t gone;     /* no longer there */
    json_t *warnings; /* sentences; owned */
};

bool dataset_scan(struct cli *c, int64_t dataset, struct dataset_report *ret,
                  struct err *err) CHECK_RESULT;

/* dataset-read.c: the lines of gantry-imaging (the program `imaging`) for units[0..n), with "path"
 * relative to the root, "size" and "mtime_ns" of the unit, "many", and "unit": its number. A unit
 * on which the reader crashed has one line that says so. `tell` is called as units are done. */
json_t *dataset_read(const char *imaging, const char *root, const struct series_unit *const *units,
                     size_t n, void (*tell)(void *arg, size_t done), void *arg,
                     struct err *err) CHECK_RESULT;

/* dataset-who.c: "patient" and "date" of a row where its headers do not tell: from where it lies.
 * `root` is the project's, `layout` its layout_now, `place` the place of the data set that holds
 * it. */
bool dataset_who(json_t *row, const char *root, const char *layout, const char *place,
                 struct err *err) CHECK_RESULT;

#endif
