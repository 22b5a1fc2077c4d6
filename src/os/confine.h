/*
 * No path outside what a caller may see is touched through the server. Every path that comes from a
 * request, or from a row that a data folder made, is opened through here: `..`, absolute paths and
 * links that lead out of the root are refused, also when a link is exchanged in the meantime.
 */
#ifndef GANTRY_OS_CONFINE_H
#define GANTRY_OS_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* Open a plain file or a folder for reading: `name` is relative to `root`, or absolute and below
 * it. Links inside the root are followed as long as they stay inside. ERR_PERM: it leads out.
 * ERR_NOTHING: it is not there. */
bool confine_open(const char *root, const char *name, int *ret_fd, struct err *err) CHECK_RESULT;

/* The same against several roots (a project's folder and its sibling): the first that holds it. */
bool confine_open_any(const char *const *roots, size_t n, const char *path, int *ret_fd,
                      struct err *err) CHECK_RESULT;

/* `path` (absolute) with all links resolved, when that is one of `roots` or below one. Caller
 * frees. What is outside is ERR_PERM whether it exists or not. */
char *confine_path(const char *const *roots, size_t n, const char *path,
                   struct err *err) CHECK_RESULT;

#endif
