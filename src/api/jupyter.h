/*
 * Notebooks: /jupyter/<task>/... is passed on to the Jupyter server that a running task of the tool
 * jupyter.notebook (share/jupyter) has started in its attempt's folder, with the rights of whoever
 * asks: an operator of the project, and the one who opened it, or an admin. http.c asks
 * jupyter_is(), jupyter_may() when the headers are there, jupyter_answer() when the body is.
 *
 * Our cookie stays here. What lets the proxy in is a secret of the attempt's folder, which no page
 * gets to see. A page of another site can neither write nor open a WebSocket.
 */
#ifndef GANTRY_API_JUPYTER_H
#define GANTRY_API_JUPYTER_H

#include <stdbool.h>
#include <stdint.h>
#include "api/route.h"

#define JUPYTER_TOOL "jupyter.notebook"
#define JUPYTER_PAGE "notebooks/notebook.ipynb"

bool jupyter_is(const char *path);
bool jupyter_may(struct request *q, struct reply *r, struct err *err) CHECK_RESULT;
bool jupyter_answer(struct request *q, struct reply *r, struct err *err) CHECK_RESULT;

/* A notebook's task. *ret_folder: of its newest attempt, NULL when it never began; caller frees.
 * ERR_NOTHING when it is none, ERR_PERM when it is another person's. */
struct notebook {
    int64_t run;
    bool running, waiting; /* neither: it has ended */
    char *folder;
};
bool jupyter_find(struct request *q, int64_t task, struct notebook *ret,
                  struct err *err) CHECK_RESULT;

#endif
