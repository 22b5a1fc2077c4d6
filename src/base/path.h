/* Paths as text: joining, splitting, and the name rules shared by catalog, plan and worker. No file
 * system access. */
#ifndef GANTRY_BASE_PATH_H
#define GANTRY_BASE_PATH_H

#include <stdbool.h>
#include "base/mem.h"

/* "dir/name"; one slash between; `name` alone when dir is "" or name is absolute. Caller frees. */
char *path_join(const char *dir, const char *name, struct err *err) CHECK_RESULT;
/* Folder part ("." when there is none, "/" for "/x"). Caller frees. */
char *path_dir(const char *path, struct err *err) CHECK_RESULT;
/* Points into `path`, behind the last slash. */
const char *path_base(const char *path);
/* Base name without its last extension (".nii.gz" and ".tar.gz" count as one). Caller frees. */
char *path_stem(const char *path, struct err *err) CHECK_RESULT;
/* `path` with a suffix, for what lies beside it. A name that would get longer than file systems
 * take (255 bytes) is cut, and gets a checksum of the whole so that two long names stay two. Caller
 * frees. */
char *path_beside(const char *path, const char *suffix, struct err *err) CHECK_RESULT;
/* Extension with its dot, "" when none; points into `path`. */
const char *path_ext(const char *path);
/* A name as people say it: without its extension, but ".h5" alone keeps its own, and so does
 * "case.zip#49e149bc", one series of a ZIP. Caller frees. */
char *path_label(const char *name, struct err *err) CHECK_RESULT;
/* Is `path` equal to `root` or below it? Both absolute and free of "." and "..". */
bool path_within(const char *path, const char *root);
/* `path` relative to `root` (points into path), or NULL when it is not within. "" for root itself.
 */
const char *path_below(const char *path, const char *root);
/* The deepest path that all n absolute ones are equal to or below. Caller frees. */
char *path_common(const char *const *paths, size_t n, struct err *err) CHECK_RESULT;
/* Resolve "." and ".." textually and drop doubled slashes; `base` is put in front of a relative
 * path. Caller frees. */
char *path_absolute(const char *base, const char *path, struct err *err) CHECK_RESULT;
/* This program itself. Caller frees. */
char *path_program(struct err *err) CHECK_RESULT;
/* Has it a component ".."? */
bool path_climbs(const char *path);
/* What lies beside this program ("../share/models"), wherever it was installed. Caller frees. */
char *path_near_program(const char *below, struct err *err) CHECK_RESULT;

#endif
