/* Words and outputs of a BIDS App. */
#include "plan/bids-app.h"

#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/str.h"

static bool add(json_t *words, const char *word, struct err *err)
{
    return json_array_append_new(words, json_string(word)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

/* A list as it is, a text cut at its blanks. */
static bool add_options(json_t *words, const json_t *options, struct err *err)
{
    if (json_is_array(options)) {
        return json_array_extend(words, (json_t *)options) == 0 ||
            err_set(err, ERR_NOMEM, "out of memory");
    }
    for (const char *p = json_is_string(options) ? json_string_value(options) : ""; *p;) {
        p += strspn(p, " \t\n");
        size_t n = strcspn(p, " \t\n");
        if (n && json_array_append_new(words, json_stringn(p, n)) != 0) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
        p += n;
    }
    return true;
}

static bool is_bids(const struct bind *in, struct err *err)
{
    struct stat st;
    char *path = mem_printf(err, "%s/dataset_description.json", in->root);
    bool there = path && stat(path, &st) == 0;
    mem_free(path);
    return there ||
        (err->code == ERR_NOMEM ? false
                                : err_set(err, ERR_USAGE,
                                          "a BIDS App needs a BIDS tree: '%s' has no "
                                          "dataset_description.json",
                                          in->root));
}

static bool add_output(const struct bind *in, json_t *outputs, const char *out, const char *label,
                       struct bound *b, struct err *err)
{
    json_t *how = json_pack("{s:s, s:b}", "publish", "in-place", "replace", 1);
    char *final = label ? mem_printf(err, "%s/sub-%s", out, label) : mem_strdup(out, err);
    bool ok = how && final &&
        bind_output(in, outputs, label ? "participant" : "group", "folder", final, NULL, how, b,
                    err);
    mem_free(final);
    json_decref(how);
    return ok || (err->code == ERR_NONE ? err_set(err, ERR_NOMEM, "out of memory") : false);
}

json_t *bids_app_bind(const struct bind *in, const json_t *params, json_t *outputs, struct bound *b,
                      struct err *err)
{
    const char *program = json_get_text(params, "program", ""),
               *image = json_get_text(params, "image", ""),
               *id = json_get_text(in->job, "id", "app");
    bool group = in->study && in->study->collect;
    if (!in->study) {
        (void)err_set(err, ERR_USAGE, "a BIDS App works on subjects (the batch's level)");
        return NULL;
    }
    if (!program[0] && !image[0]) {
        (void)err_set(err, ERR_USAGE, "job '%s': say its program, or its image", id);
        return NULL;
    }
    const char *name = json_get_text(params, "name", id);
    if (!name[0] || name[0] == '.' || strchr(name, '/')) {
        (void)err_set(err, ERR_USAGE,
                      "job '%s': '%s' is no name of a folder below derivatives: no slashes, no dot "
                      "at its beginning",
                      id, name);
        return NULL;
    }
    const char *pid = in->study->pid, *label = str_starts(pid, "sub-") ? pid + 4 : pid;
    char *out = mem_printf(err, "%s/derivatives/%s", in->root, name);
    json_t *words = json_array();
    bool ok = out && words && is_bids(in, err) && add(words, program, err) &&
        add(words, in->root, err) && add(words, out, err) &&
        add(words, group ? "group" : "participant", err) &&
        (group || (add(words, "--participant-label", err) && add(words, label, err))) &&
        add_options(words, json_object_get(params, "options"), err) &&
        add_output(in, outputs, out, group ? NULL : label, b, err);
    mem_free(out);
    if (!ok) {
        json_decref(words);
        return NULL;
    }
    return words;
}
