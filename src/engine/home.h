/* The home: $GANTRY_HOME, else $XDG_STATE_HOME/gantry, else ~/.local/state/gantry. Made when
 * missing; refused on a network file system, because locks and SQLite's WAL cannot be trusted
 * there. */
#ifndef GANTRY_ENGINE_HOME_H
#define GANTRY_ENGINE_HOME_H

#include "base/err.h"

/* Absolute path; the folder exists afterwards. Caller frees. */
char *home_path(struct err *err) CHECK_RESULT;
/* Folder of the running program's data files (tools, batches): share/gantry beside an installed
 * program, share/ beside a build folder. Caller frees. */
char *home_share(struct err *err) CHECK_RESULT;
/* Path of the gantry-imaging program that belongs to this one. Caller frees. */
char *home_imaging(struct err *err) CHECK_RESULT;

#endif
