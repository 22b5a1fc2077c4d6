/* What the two walks of this room share: over everything that may be input (walk.c) and over the
 * studies of a cohort (cohort-walk.c). */
#ifndef GANTRY_DISCOVER_WALK_OWN_H
#define GANTRY_DISCOVER_WALK_OWN_H

#include <dirent.h>
#include <stdbool.h>
#include "base/err.h"
#include "model/found.h"

struct walk {
    const char *root;
    struct found_list *list;
    struct err *err;
    bool containers; /* only files that may hold whole acquisitions: HDF5 and ZIP */
};

/* Is this kind (of walk_kind) such a container? */
bool walk_container(const char *kind);
/* Name what is not taken. `folder` is relative to the root. */
bool walk_leave_out(struct walk *w, const char *folder, const char *name, const char *kind,
                    bool link, const char *why) CHECK_RESULT;
bool walk_leave_bad_name(struct walk *w, const char *folder, const char *name,
                         const char *kind) CHECK_RESULT;
bool walk_note_unread(struct walk *w, const char *folder, int reason) CHECK_RESULT;
/* The type of an entry, asked of the file when the folder does not tell. */
unsigned char walk_type(int dir, const struct dirent *e);
/* Does the link lead below the root? */
bool walk_link_inside(const struct walk *w, const char *name);
/* A file goes to the list, when it is of a kind we know. */
bool walk_file(struct walk *w, int dir, const char *folder, const char *base,
               bool link) CHECK_RESULT;
/* A link to a folder is told when its files are not seen otherwise. */
bool walk_folder_link(struct walk *w, int dir, const char *folder, const char *name) CHECK_RESULT;
/* Everything below an open folder; owns `fd`. */
bool walk_below(struct walk *w, int fd, const char *folder, int depth) CHECK_RESULT;

#endif
