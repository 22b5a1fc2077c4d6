/*
 * Files that people send: a body of any size goes straight to <home>/uploads/, never into memory as
 * a whole, and waits there under an id until another request uses it (a model, a drawn mask).
 *
 * A route with ROUTE_RAW gets its body so: upload_begin() when the headers are there and the caller
 * may, upload_piece() for what comes, then the route's run(), which calls upload_keep(). What was
 * not kept goes with the request. Only who sent a file can use it; what nobody used goes after a
 * day, and all of it when a server starts.
 */
#ifndef GANTRY_API_UPLOAD_H
#define GANTRY_API_UPLOAD_H

#include <stddef.h>
#include <stdint.h>
#include "api/route.h"
#include "base/err.h"

/* Folder in the home. */
#define API_UPLOADS "uploads"

struct upload;

/* --- http.c's part */

/* Fills q->upload; `bytes` as announced, -1 when nothing was. Refuses (with the reply's status)
 * what is over the option upload_max, what comes without its length, and names that are no plain
 * file name. */
bool upload_begin(struct request *q, struct reply *r, int64_t bytes, struct err *err) CHECK_RESULT;
/* A failure is kept and told by upload_keep(): the rest of the body is taken and dropped. */
void upload_piece(struct upload *u, const void *bytes, size_t n);
/* Also of one that was never finished: its file goes unless it was kept. NULL is fine. */
void upload_free(struct upload *u);

/* --- for routes */

/* All of it came and is a file now: its id, valid as long as the request. NULL on failure. */
const char *upload_keep(struct upload *u, struct err *err) CHECK_RESULT;
/* Path of the file that q->who sent under `id`, with the name he gave it. Caller frees. ERR_NOTHING
 * when there is none, or it is another's. */
char *upload_path(const struct request *q, const char *id, struct err *err) CHECK_RESULT;
/* It was used, or is of no use: the file goes, if it is still there. */
void upload_drop(const struct request *q, const char *id);

/* The server starts: what an earlier one left goes. */
void upload_sweep_all(const char *home);

#endif
