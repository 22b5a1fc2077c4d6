/* Live changes. */
#include "api/events.h"
#include "api/route.h"

static bool events(struct request *q, struct reply *r, struct err *err)
{
    return hub_open(q->api->hub, q, r, err);
}

static const struct route_param params[] = {
    {IN_QUERY, "project", P_INT, false, "changes of this project only; without it, of all"},
    {IN_QUERY, "last", P_TEXT, false, "the id of the last event seen (as header: Last-Event-ID)"},
    {IN_QUERY, NULL, P_TEXT, false, NULL},
};

const struct route routes_events[] = {
    {"GET", "/api/v1/events", ROLE_VIEWER, "Live changes as Server-Sent Events", params, events,
     false},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, false},
};
