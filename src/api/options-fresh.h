/* config.ini as it is now: what somebody sets counts half a second later, also while the engine is
 * idle and does not look itself. Start with {0}; free `now` with options_free(). */
#ifndef GANTRY_API_OPTIONS_FRESH_H
#define GANTRY_API_OPTIONS_FRESH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "model/options.h"

struct fresh_options {
    struct options *now;
    int64_t looked_us; /* monotonic */
    int64_t mtime;
};

/* False only when there are none yet: a slip in the file leaves the options as they were. */
bool options_refresh(struct fresh_options *o, const char *home, struct err *err) CHECK_RESULT;

#endif
