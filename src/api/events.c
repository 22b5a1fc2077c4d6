/* The hub. */
#include "api/events.h"

#include "base/mem.h"

struct hub {
    struct api *api;
    int64_t seq;
};

struct hub *hub_new(struct api *api, struct err *err)
{
    struct hub *hub = mem_zero(sizeof *hub, err);
    if (hub) {
        hub->api = api;
    }
    return hub;
}

void hub_free(struct hub *hub)
{
    mem_free(hub);
}

void hub_committed(struct hub *hub)
{
    (void)hub;
}

bool hub_open(struct hub *hub, struct request *q, struct reply *r, struct err *err)
{
    (void)hub;
    (void)q;
    (void)r;
    return err_set(err, ERR_UNSUPPORTED, "no events yet");
}

int64_t hub_seq(const struct hub *hub)
{
    return hub->seq;
}

size_t hub_clients(const struct hub *hub)
{
    (void)hub;
    return 0;
}

void hub_publish(struct hub *hub, int64_t project, const char *event, const json_t *data)
{
    (void)hub;
    (void)project;
    (void)event;
    (void)data;
}

void hub_note(struct hub *hub, int64_t project, const char *level, const char *text, int64_t item,
              int64_t run)
{
    (void)hub;
    (void)project;
    (void)level;
    (void)text;
    (void)item;
    (void)run;
}
