/*
 * Image series as one plain NIfTI file each, for the page's viewer: made by a child when somebody
 * looks for the first time, kept in <home>/cache/volumes under a name that says of what (path,
 * series, size, time), and as many as the option volume_cache has room for. Who asks for what is
 * being made waits for the same child.
 */
#ifndef GANTRY_API_VOLUMES_H
#define GANTRY_API_VOLUMES_H

#include <stdint.h>
#include "api/route.h"
#include "base/err.h"

/* A series, or a mask: its resolved path inside the project's roots. */
struct volume_of {
    bool nifti, labels;
    char *path, *uid, *key;
};
/* Needs rights on the item's project by q->route. ERR_NOTHING when it is no series. */
bool volumes_find(struct request *q, int64_t item, struct volume_of *ret,
                  struct err *err) CHECK_RESULT;
/* A mask's path (taken), which was confined by the caller. */
bool volumes_of_mask(char *path, struct volume_of *ret, struct err *err) CHECK_RESULT;
void volume_of_fini(struct volume_of *v);

struct volume_wait;
/* `path` of the plain file; NULL: `err` says why not. Called once, never after volumes_give_up().
 */
typedef void volume_fn(void *arg, const char *path, const struct err *err);

/* At most `most` voxels a side (0: as it is). fn() may be called from within; then *ret is NULL. */
bool volumes_want(struct api *api, const struct volume_of *v, int64_t most, volume_fn *fn,
                  void *arg, struct volume_wait **ret, struct err *err) CHECK_RESULT;
/* NULL is fine. When nobody waits any more the child is ended. */
void volumes_give_up(struct volume_wait *w);

#endif
