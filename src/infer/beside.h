/*
 * One thread that works beside the caller's: beside_open, then beside_start and beside_wait in turn
 * (one piece of work at a time), beside_close. Where no thread can be had, or none is wanted,
 * beside_start does the work itself.
 */
#ifndef GANTRY_INFER_BESIDE_H
#define GANTRY_INFER_BESIDE_H

#include <pthread.h>
#include <stdbool.h>

struct beside {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void (*work)(void *arg); /* NULL: nothing to do */
    void *arg;
    bool over, running; /* the end was asked for; there is a thread */
};

void beside_open(struct beside *b, bool wanted);
void beside_start(struct beside *b, void (*work)(void *arg), void *arg);
/* Until the work is done; what it wrote is seen then. */
void beside_wait(struct beside *b);
void beside_close(struct beside *b);

#endif
