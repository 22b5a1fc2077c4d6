/* The driver is asked here and not in the engine: its answer takes a tenth of a second. */
#include "cli/waiting.h"

#include <inttypes.h>
#include <string.h>
#include "engine/session.h"
#include "exec/gpu.h"

#define MOST_GPUS 64
/* Less is what a display or a driver's own context takes. */
#define HELD_MB 256

/* Does a task of this engine run on it? */
static bool ours(const json_t *running, int gpu)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)running, i, one)
    {
        if (json_get_int(one, "gpu", -1) == gpu) {
            return true;
        }
    }
    return false;
}

static void say_gpus(struct cli *c, const json_t *running)
{
    struct gpu gpus[MOST_GPUS];
    size_t n = 0;
    if (!gpu_list(gpus, MOST_GPUS, &n, err_ignore("then there is nothing to say of them"))) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!ours(running, gpus[i].index) && gpus[i].used_mb >= HELD_MB) {
            cli_note(c,
                     "GPU %d (%s): %" PRId64 " of %" PRId64
                     " MB are held by programs that are not this engine's",
                     gpus[i].index, gpus[i].name, gpus[i].used_mb, gpus[i].total_mb);
        }
    }
}

bool waiting_say(struct cli *c, struct err *err)
{
    if (!session_engine_alive(c->home, NULL)) {
        return true;
    }
    json_t *state = cli_call(c, "engine.state", NULL, err);
    const char *why = json_get_text(state, "waits_for", "");
    if (why[0]) {
        cli_note(c, "waiting: %s", why);
        if (strstr(why, "GPU")) {
            say_gpus(c, json_object_get(state, "running"));
        }
    }
    bool ok = state != NULL;
    json_decref(state);
    return ok;
}
