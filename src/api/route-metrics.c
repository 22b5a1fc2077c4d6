/* Numbers for Prometheus (text format 0.0.4). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "api/events.h"
#include "api/http.h"
#include "api/route.h"
#include "base/clock.h"
#include "base/str.h"
#include "engine/engine.h"
#include "model/state.h"

static void gauge(struct str *out, const char *name, const char *help, double value)
{
    str_addf(out, "# HELP gantry_%s %s\n# TYPE gantry_%s gauge\ngantry_%s %.15g\n", name, help,
             name, name, value);
}

/* Of runs that are not over: the index on state makes this cheap however many tasks are done. */
static bool add_tasks(struct store *s, struct str *out, struct err *err)
{
    struct query *q =
        store_query(s, err,
                    "SELECT t.state,count(*) FROM run r JOIN task t ON t.run_id=r.id WHERE "
                    "r.state='active' GROUP BY t.state",
                    "");
    str_add(out, "# HELP gantry_tasks Tasks of active runs by state\n# TYPE gantry_tasks gauge\n");
    while (q && query_next(q)) {
        str_addf(out, "gantry_tasks{state=\"%s\"} %" PRId64 "\n",
                 task_state_name((enum task_state)query_int(q, 0)), query_int(q, 1));
    }
    return q && query_end(q, err);
}

static double resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        resident = fscanf(file, "%ld %ld", &pages, &resident) == 2 ? resident : 0;
        (void)fclose(file);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static bool metrics(struct request *q, struct reply *r, struct err *err)
{
    const struct engine *e = q->api->engine;
    struct str out = STR_INIT;
    double running = 0, runs = 0;
    for (const struct live *l = e->lives; l; l = l->next) {
        running++;
    }
    for (const struct active *a = e->runs; a; a = a->next) {
        runs++;
    }
    gauge(&out, "up", "The engine answers", 1);
    gauge(&out, "uptime_seconds", "Since the server started",
          (double)(clock_utc_us() - q->api->started_us) / 1e6);
    gauge(&out, "slots", "Tasks that may run at the same time", e->slots);
    gauge(&out, "running_attempts", "Attempts that were given out", running);
    gauge(&out, "active_runs", "Runs that have work", runs);
    gauge(&out, "event_clients", "Open streams of live changes", (double)hub_clients(q->api->hub));
    gauge(&out, "events_total", "Number of the newest event", (double)hub_seq(q->api->hub));
    gauge(&out, "connections", "Open HTTP connections", http_connections(q->api->http));
    gauge(&out, "resident_bytes", "Memory of the server", resident_bytes());
    bool ok = add_tasks(q->api->store, &out, err) && str_ok(&out, err) &&
        reply_bytes(r, "text/plain; version=0.0.4; charset=utf-8", out.buf, out.len, NULL, err);
    str_fini(&out);
    return ok;
}

const struct route routes_metrics[] = {
    {"GET", "/metrics", ROLE_VIEWER, "Numbers for Prometheus", NULL, metrics, false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
