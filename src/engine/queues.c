/* Names with counts out of one option. */
#include "engine/queues.h"

#include <stdlib.h>
#include <string.h>
#include "base/str.h"

/* The entry "name:count" of the option; NULL when there is none. */
static const char *entry(const struct engine *e, const char *queue)
{
    const char *list = options_text(e->options, "queues");
    size_t length = strlen(queue);
    for (const char *p = list + strspn(list, ", "); *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ":, ");
        if (n == length && !strncmp(p, queue, n)) {
            return p;
        }
        p += strcspn(p, ", ");
    }
    return NULL;
}

int queue_limit(const struct engine *e, const char *queue)
{
    const char *at = entry(e, queue);
    at = at ? at + strlen(queue) : "";
    long limit = *at == ':' ? strtol(at + 1, NULL, 10) : 0;
    return limit > 0 && limit < 1000000 ? (int)limit : 0;
}

/* Executors of DESIGN 1 that are still to come: their names must not be taken for a queue here. */
static bool is_cluster(const char *queue)
{
    static const char *const names[] = {"slurm", "sge", "ssh"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (!strncmp(queue, names[i], n) && (!queue[n] || queue[n] == ':')) {
            return true;
        }
    }
    return false;
}

bool queue_of(const struct engine *e, const json_t *batch, const json_t *job, const char **ret,
              struct err *err)
{
    const char *usual = options_text(e->options, "default_queue");
    const char *queue =
        json_get_text(job, "queue", json_get_text(json_object_get(batch, "options"), "queue", ""));
    queue = queue[0] ? queue : usual;
    *ret = queue;
    if (is_cluster(queue)) {
        return err_set(err, ERR_UNSUPPORTED,
                       "job '%s': queue '%s': clusters are not built yet; without a queue, or with "
                       "one of the option queues, it runs on this machine",
                       json_get_text(job, "id", ""), queue);
    }
    return !strcmp(queue, usual) || !strcmp(queue, "default") || entry(e, queue) ||
        err_set(err, ERR_USAGE, "job '%s': there is no queue '%s' (option queues: %s)",
                json_get_text(job, "id", ""), queue, options_text(e->options, "queues"));
}

bool queues_check(const struct engine *e, const json_t *batch, struct err *err)
{
    json_t *job;
    size_t i;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        const char *queue;
        if (!queue_of(e, batch, job, &queue, err)) {
            return false;
        }
    }
    return true;
}
