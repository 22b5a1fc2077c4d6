/* One lock and one condition: both sides wait for the other to change `work`. */
#include "infer/beside.h"

#include <stddef.h>

static void *loop(void *arg)
{
    struct beside *b = arg;

    (void)pthread_mutex_lock(&b->lock);
    while (!b->over) {
        if (b->work == NULL) {
            (void)pthread_cond_wait(&b->changed, &b->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&b->lock);
        b->work(b->arg);
        (void)pthread_mutex_lock(&b->lock);
        b->work = NULL;
        (void)pthread_cond_broadcast(&b->changed);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return NULL;
}

void beside_open(struct beside *b, bool wanted)
{
    *b = (struct beside){.work = NULL};
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->changed, NULL);
    b->running = wanted && pthread_create(&b->thread, NULL, loop, b) == 0;
}

void beside_start(struct beside *b, void (*work)(void *arg), void *arg)
{
    if (!b->running) {
        work(arg);
        return;
    }
    (void)pthread_mutex_lock(&b->lock);
    b->arg = arg;
    b->work = work;
    (void)pthread_cond_broadcast(&b->changed);
    (void)pthread_mutex_unlock(&b->lock);
}

void beside_wait(struct beside *b)
{
    (void)pthread_mutex_lock(&b->lock);
    while (b->work != NULL) {
        (void)pthread_cond_wait(&b->changed, &b->lock);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

void beside_close(struct beside *b)
{
    if (b->running) {
        beside_wait(b);
        (void)pthread_mutex_lock(&b->lock);
        b->over = true;
        (void)pthread_cond_broadcast(&b->changed);
        (void)pthread_mutex_unlock(&b->lock);
        (void)pthread_join(b->thread, NULL);
    }
    (void)pthread_cond_destroy(&b->changed);
    (void)pthread_mutex_destroy(&b->lock);
}
