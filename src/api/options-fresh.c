/* One stat() every half second at most. */
#include "api/options-fresh.h"

#include <stdio.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/mem.h"

#define LOOK_US ((int64_t)500000)

bool options_refresh(struct fresh_options *o, const char *home, struct err *err)
{
    char path[4200];
    struct stat st;
    struct err late;
    int64_t now = clock_mono_us(), mtime = 0;
    if (o->now && now - o->looked_us < LOOK_US) {
        return true;
    }
    o->looked_us = now;
    (void)snprintf(path, sizeof path, "%s/config.ini", home);
    if (stat(path, &st) == 0) {
        mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
    if (o->now && mtime == o->mtime) {
        return true;
    }
    struct options *fresh = options_load(home, o->now ? &late : err);
    o->mtime = mtime;
    if (fresh) {
        options_free(o->now);
        o->now = fresh;
    }
    return o->now != NULL;
}
