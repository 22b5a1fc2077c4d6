/* Is it alive, and (for who may know) what is it doing. */
#include <unistd.h>
#include "api/route.h"
#include "base/clock.h"
#include "engine/engine.h"

static bool engine_words(const struct api *api, json_t *doc, struct err *err)
{
    const struct engine *e = api->engine;
    json_int_t running = 0;
    int64_t queued = 0;
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    for (const struct live *l = e->lives; l; l = l->next) {
        running++;
    }
    return store_int(api->store, 0, &queued, err,
                     "SELECT count(*) FROM run r JOIN task t ON t.run_id=r.id AND t.state IN (0,1) "
                     "WHERE r.state='active'",
                     "") &&
        json_put(doc, "host", json_string(host), err) &&
        json_put(doc, "uptime_s", json_real((double)(clock_utc_us() - api->started_us) / 1e6),
                 err) &&
        json_put(doc, "engine",
                 json_pack("{s:i, s:I, s:I}", "slots", e->slots, "running", running, "queued",
                           (json_int_t)queued),
                 err);
}

static bool health(struct request *q, struct reply *r, struct err *err)
{
    json_t *doc = json_pack("{s:b, s:s}", "ok", 1, "version", GANTRY_VERSION);
    if (doc && q->who.role != ROLE_NONE && !engine_words(q->api, doc, err)) {
        json_decref(doc);
        return false;
    }
    return reply_json(r, 200, doc, err);
}

const struct route routes_health[] = {
    {"GET", "/api/v1/health", ROLE_NONE, "Is the server alive, and what is it doing", NULL, health,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
