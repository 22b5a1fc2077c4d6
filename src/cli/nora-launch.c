/* Runs launched by `nora`: they go to the engine, the call does not wait for them. */
#include <string.h>
#include "cli/launch.h"
#include "cli/nora.h"

static json_t *read_payload(const struct nora *n, struct err *err)
{
    static const char *const keys[] = {"batch", "select", "studies", "params", "options", NULL};
    json_t *payload = NULL;
    if (nora_has(n, NORA_LAUNCHFILE)) {
        payload = json_read(nora_words(n, NORA_LAUNCHFILE)->words[0], err);
    } else {
        const char *text = nora_words(n, NORA_LAUNCH)->words[0];
        payload = json_parse(text, strlen(text), "--launch", err);
    }
    if (payload && !json_is_object(payload)) {
        (void)err_set(err, ERR_USAGE,
                      "--launch takes an object: {\"batch\": NAME, \"select\": SUBJECT}");
    } else if (payload &&
               json_only_keys(payload, keys,
                              "--launch (it takes batch, select or studies, params, "
                              "options)",
                              err)) {
        return payload;
    }
    json_decref(payload);
    return NULL;
}

static bool copy_key(const json_t *from, const char *key, json_t *to, struct err *err)
{
    json_t *value = json_object_get(from, key);
    return !value || json_put(to, key, json_incref(value), err);
}

/* {"batch", "select" or "studies"} as run.create wants it. */
static json_t *payload_args(const json_t *payload, const struct project *project, struct err *err)
{
    const char *select = json_get_text(payload, "select", "*");
    json_t *args = json_pack("{s:I}", "project", (json_int_t)project->id);
    json_t *studies = json_object_get(payload, "studies");
    bool ok = args && copy_key(payload, "batch", args, err) &&
        copy_key(payload, "params", args, err) && copy_key(payload, "options", args, err) &&
        json_put(args, "studies", studies ? json_incref(studies) : json_pack("[s]", select), err);
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

static json_t *autoexec_args(const struct nora *n, const struct project *project, struct err *err)
{
    const struct nora_words *w = nora_words(n, NORA_AUTOEXEC);
    json_t *list = json_array();
    if (!*project->autoexec) {
        (void)err_set(err, ERR_USAGE, "project %s has no batch of its own to launch (autoexec)",
                      project->name);
        json_decref(list);
        return NULL;
    }
    for (size_t i = 0; list && i < w->n; i++) {
        if (json_array_append_new(list, json_string(w->words[i]))) {
            json_decref(list);
            list = NULL;
        }
    }
    json_t *args = json_pack("{s:I, s:s, s:o}", "project", (json_int_t)project->id, "batch",
                             project->autoexec, "studies", list);
    if (!args) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return args;
}

bool nora_launch(struct cli *c, const struct nora *n, struct err *err)
{
    struct project project = {0};
    json_t *payload = NULL, *args = NULL;
    bool ok = choose_project(c, &project, err);
    if (ok && nora_has(n, NORA_AUTOEXEC)) {
        args = autoexec_args(n, &project, err);
    } else if (ok) {
        payload = read_payload(n, err);
        args = payload ? payload_args(payload, &project, err) : NULL;
    }
    cli_store_close(c);
    ok = args && launch_detached(c, "run.create", args, err);
    json_decref(args);
    json_decref(payload);
    project_fini(&project);
    return ok;
}
