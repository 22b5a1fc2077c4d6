/* Batches by name: the saved one wins over the one that ships. */
#include "cli/saved.h"

#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "engine/home.h"
#include "os/file.h"

/* The saved batch of that name; *ret = NULL when there is none. */
static bool saved_batch(struct cli *c, const char *name, json_t **ret, struct err *err)
{
    struct err none = {.code = ERR_NONE};
    char *text = NULL;
    *ret = NULL;
    if (!cli_store(c, &none)) {
        return none.code == ERR_NOTHING || err_set(err, none.code, "%s", none.text);
    }
    if (!store_text(c->store, &text, err, "SELECT json FROM batch WHERE name = ?", "s", name)) {
        return false;
    }
    if (text) {
        *ret = json_parse(text, strlen(text), name, err);
        mem_free(text);
        return *ret != NULL;
    }
    return true;
}

char *saved_batch_shipped(struct err *err)
{
    char *share = home_share(err);
    char *folder = share ? path_join(share, "batches", err) : NULL;
    mem_free(share);
    return folder;
}

json_t *saved_batch_find(struct cli *c, const char *name, struct err *err)
{
    json_t *batch = NULL;
    if (!saved_batch(c, name, &batch, err) || batch) {
        return batch;
    }
    char *folder = strchr(name, '/') ? NULL : saved_batch_shipped(err);
    char *path = folder ? mem_printf(err, "%s/%s.json", folder, name) : NULL;
    if (path && file_exists(path)) {
        batch = json_read(path, err);
    } else {
        (void)err_set(err, ERR_USAGE, "there is no batch '%s' (gantry batch ls)", name);
    }
    mem_free(path);
    mem_free(folder);
    return batch;
}
