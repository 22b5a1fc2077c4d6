/* The store of the command line, then engine/batches.h. */
#include "cli/saved.h"

#include "engine/batches.h"

json_t *saved_batch_find(struct cli *c, const char *name, struct err *err)
{
    struct err none = {.code = ERR_NONE};
    if (!cli_store(c, &none) && none.code != ERR_NOTHING) {
        (void)err_set(err, none.code, "%s", none.text);
        return NULL;
    }
    return batches_find(c->store, name, err);
}

json_t *saved_file(const char *path, struct err *err)
{
    json_t *doc = json_read(path, err);
    if (!doc && err->code == ERR_FORMAT) {
        err->code = ERR_USAGE;
    }
    return doc;
}
