/* Connections that have become something else: the library lets go of the socket and keeps its
 * books. */
#include "api/http-exchange.h"

#include "base/mem.h"

struct upgraded {
    struct http *http;
    struct MHD_UpgradeResponseHandle *handle;
    struct upgrade_source source;
    struct upgraded *next, *previous;
};

static void came(void *arg, struct MHD_Connection *connection, void *context, const char *early,
                 size_t n, MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
    struct exchange *x = context;
    struct upgraded *u = mem_zero(sizeof *u, err_ignore("the connection is closed"));
    (void)arg;
    (void)connection;
    if (!u || x->http->ending) { /* then completed() tells the source */
        mem_free(u);
        (void)mhd.upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
        return;
    }
    *u = (struct upgraded){.http = x->http, .handle = handle, .source = x->r.upgrade};
    u->next = x->http->upgraded;
    if (u->next) {
        u->next->previous = u;
    }
    x->http->upgraded = u;
    x->upgrading = false;
    u->source.begin(u->source.arg, u, fd, early, n);
}

struct MHD_Response *http_upgrade_response(struct exchange *x)
{
    x->upgrading = true;
    return mhd.create_response_for_upgrade(came, NULL);
}

void http_unsent(struct exchange *x)
{
    enum reply_kind kind = x->r.kind;
    if (x->upgrading || (kind == REPLY_UPGRADE && !x->sent)) {
        x->upgrading = false;
        x->r.kind = REPLY_NOTHING;
        x->r.upgrade.begin(x->r.upgrade.arg, NULL, -1, NULL, 0);
    } else if (kind == REPLY_STREAM && !x->sent) { /* made ready while nobody waited any more */
        x->r.kind = REPLY_NOTHING;
        x->r.source.closed(x->r.source.arg);
    }
}

void upgraded_close(struct upgraded *u)
{
    *(u->previous ? &u->previous->next : &u->http->upgraded) = u->next;
    if (u->next) {
        u->next->previous = u->previous;
    }
    (void)mhd.upgrade_action(u->handle, MHD_UPGRADE_ACTION_CLOSE);
    http_kick(u->http);
    mem_free(u);
}

void http_end_upgraded(struct http *h)
{
    h->ending = true;
    while (h->upgraded) {
        struct upgraded *u = h->upgraded;
        u->source.end(u->source.arg);
    }
    (void)mhd.run(h->daemon);
}
