/*
 * The server: an engine of its own with HTTP in its loop. api_serve() opens the home, takes up what
 * is queued, listens, and returns when it was asked to end (SIGTERM, SIGINT) or cannot go on.
 * Workers live on: the next engine adopts them.
 */
#ifndef GANTRY_API_API_H
#define GANTRY_API_API_H

#include "base/err.h"

struct api_setup {
    const char *home;
    const char *listen;  /* "127.0.0.1:8420" */
    const char *webroot; /* NULL: the embedded page */
    /* It answers now. `url` carries the token. */
    void (*ready)(void *arg, const char *url, int port);
    void *arg;
};

bool api_serve(const struct api_setup *setup, struct err *err) CHECK_RESULT;

#endif
