/* serve.json outlives a server that was killed: only the process that holds the lock counts. */
#include "cli/served.h"

#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "engine/session.h"

void served_find(const char *home, struct served *ret)
{
    char host[256];
    long pid = 0;
    char *note = NULL;
    *ret = (struct served){.token = false};
    (void)snprintf(ret->file, sizeof ret->file, "%s/serve.json", home);
    if (!session_engine_alive(home, &note) || !note ||
        sscanf(note, "%255s %*s %ld", host, &pid) != 2) {
        mem_free(note);
        return;
    }
    mem_free(note);
    json_t *doc = json_read(ret->file, err_ignore("then there is no server, or it is another's"));
    if (doc && json_get_int(doc, "pid", 0) == pid) {
        const char *url = json_get_text(doc, "url", "");
        ret->token = strchr(url, '?') != NULL;
        (void)snprintf(ret->url, sizeof ret->url, "%.*s", (int)strcspn(url, "?"), url);
    }
    json_decref(doc);
}
