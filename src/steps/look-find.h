/*
 * Where the slices of a scan lie, by the names of DESIGN 6: try slices below try_center/, full ones
 * in <scan>_rec/ or <scan>_rec.h5, and what a running attempt has finished in its staging folder.
 * Listings of folders are kept while the folder does not change.
 */
#ifndef GANTRY_STEPS_LOOK_FIND_H
#define GANTRY_STEPS_LOOK_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "steps/look-request.h"

/* One slice in a folder. */
struct look_entry {
    char *name;
    int64_t number; /* full: slice; try: detector row, -1 when the name does not say it */
    double centre;  /* try */
};

struct look_list {
    char *folder;
    bool growing; /* a staging folder: its attempt still runs */
    size_t count;
    struct look_entry *entry; /* by number, then centre */
    struct {                  /* when it was read */
        uint64_t device, inode;
        int64_t mtime_ns, read_ns;
    } seen;
};

struct look_finder;
struct look_finder *look_finder_new(struct err *err) CHECK_RESULT;
void look_finder_free(struct look_finder *f);

/* The folder of try slices or full slices that there is now: a running attempt's as soon as it has
 * one, else the published one. NULL and ERR_NOTHING when there is neither. Valid until the next
 * call. */
const struct look_list *look_finder_list(struct look_finder *f, const struct look_request *q,
                                         enum look_kind kind, struct err *err) CHECK_RESULT;

/* Where one slice is. */
struct look_place {
    char *path;
    bool volume;    /* one slice of an HDF5 volume: `index` */
    bool scan;      /* the scan itself: `index` */
    int64_t index;  /* absolute slice, projection or row; LOOK_ANY = the middle one */
    int64_t row;    /* try */
    double centre;  /* try */
    double next[2]; /* try: the centres below and above in the list, NaN at its ends */
    bool growing;
};

/* ERR_NOTHING when there is no such slice, saying which there are; ERR_PERM when a link leads out
 * of the project. look_place_fini in either case. */
bool look_find(struct look_finder *f, const struct look_request *q, struct look_place *ret,
               struct err *err) CHECK_RESULT;
void look_place_fini(struct look_place *p);

/* The folder of the scan's try or full slices, published (`staging` NULL) or in a staging folder.
 */
char *look_folder(const struct look_request *q, enum look_kind kind, const char *staging,
                  struct err *err) CHECK_RESULT;
/* <scan>_rec.h5 */
char *look_volume(const struct look_request *q, struct err *err) CHECK_RESULT;
/* The scan itself. */
char *look_scan_path(const struct look_request *q, struct err *err) CHECK_RESULT;
/* Does the path, links followed, lie in the project? A path that does not exist does. */
bool look_confined(const struct look_request *q, const char *path, struct err *err) CHECK_RESULT;
/* May pixels of the scan (`request`) come from this file too? For hdf5_beside. */
bool look_beside(void *request, const char *path, struct err *err) CHECK_RESULT;
/* The centre that center_of_rotation.txt names; NaN when there is none. */
double look_best_centre(const struct look_request *q);

#endif
