/* A file of somebody's data as an answer. */
#ifndef GANTRY_API_SEND_FILE_H
#define GANTRY_API_SEND_FILE_H

#include "api/route.h"
#include "base/err.h"

/* Takes `fd`. Its type is told by the name's ending; an ETag by inode, time and size. It is a
 * download whatever it is: a page of somebody else's making must not run here. ERR_NOTHING for a
 * folder. */
bool send_file(struct reply *r, int fd, const char *name, struct err *err) CHECK_RESULT;

#endif
