/*
 * A model is added by copying its card and network into a nameless folder beside the others,
 * running it there once on zeros, and renaming the folder: a model in the registry is whole and has
 * been seen to run.
 */
#include "cli/model-add.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/child.h"
#include "engine/home.h"
#include "os/file.h"
#include "plan/model-tool.h"

/* Words for those who bring the wrong thing. */
static bool check_argument(const char *path, struct err *err)
{
    static const char *const checkpoints[] = {".pth", ".pt", ".ckpt", NULL};
    for (size_t i = 0; checkpoints[i]; i++) {
        if (str_ends(path, checkpoints[i])) {
            return err_set(err, ERR_USAGE,
                           "'%s' is a PyTorch checkpoint: make a model's folder of it with "
                           "models/export_mil.py (and your PyTorch), then gantry model add that "
                           "folder",
                           path);
        }
    }
    if (str_ends(path, ".onnx")) {
        return err_set(err, ERR_USAGE,
                       "'%s' alone says too little: a model is a folder with model.onnx and "
                       "model.json (docs/models.md)",
                       path);
    }
    return file_is_folder(path) || str_ends(path, ".zip") ||
        err_set(err, ERR_NOTHING, "there is no folder '%s'", path);
}

bool model_read_detector(const struct model_card *card, struct model_card *ret, struct err *err)
{
    char *folder = path_dir(card->file, err);
    char *inner = folder ? path_join(folder, card->detector, err) : NULL;
    bool ok = inner && model_card_read(inner, ret, err);
    mem_free(inner);
    mem_free(folder);
    return ok || err_wrap(err, "the detector '%s' of model %s", card->detector, card->name);
}

static bool copy(const char *from, const char *to, struct err *err)
{
    char block[65536];
    ssize_t n = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in >= 0 ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
    bool ok = in >= 0 && out >= 0;
    int saved = errno;
    while (ok && (n = read(in, block, sizeof block)) > 0) {
        for (ssize_t at = 0, wrote; ok && at < n; at += wrote) {
            wrote = write(out, block + at, (size_t)(n - at));
            ok = wrote > 0;
        }
        saved = errno;
    }
    ok = ok && n == 0;
    saved = n < 0 ? errno : saved;
    if (in >= 0) {
        (void)close(in);
    }
    if (out >= 0 && close(out) != 0 && ok) {
        saved = errno;
        ok = false;
    }
    return ok || err_errno(err, saved, "copying '%s' to '%s'", from, to);
}

/* Card and model into `to`, which must not exist. */
static bool copy_one(const struct model_card *card, const char *to, struct err *err)
{
    char *json = path_join(to, "model.json", err), *onnx = path_join(to, "model.onnx", err);
    bool ok = json && onnx;
    if (ok && mkdir(to, 0755) != 0) {
        ok = err_errno(err, errno, "cannot make folder '%s'", to);
    }
    ok = ok && card->file && copy(card->file, json, err) &&
        (!card->onnx || copy(card->onnx, onnx, err));
    mem_free(json);
    mem_free(onnx);
    return ok;
}

/* A model with its detector, both as their cards describe them. */
static bool copy_model(const struct model_card *card, const char *to, struct err *err)
{
    struct model_card detector = {0};
    if (!model_card_verify(card, err) || !copy_one(card, to, err)) {
        return false;
    }
    if (!card->detector) {
        return true;
    }
    if (!model_read_detector(card, &detector, err)) {
        return false;
    }
    char *place = path_join(to, card->detector, err);
    bool ok = place && model_card_verify(&detector, err) && copy_one(&detector, place, err);
    mem_free(place);
    model_card_fini(&detector);
    return ok;
}

static bool put_in_place(const char *aside, const char *place, bool replace, struct err *err)
{
    if (!file_sync_tree(aside, err)) {
        return false;
    }
    if (replace) {
        return file_replace(aside, place, err);
    }
    if (rename(aside, place) != 0) {
        return errno == EEXIST || errno == ENOTEMPTY
            ? err_set(err, ERR_EXISTS, "there is a model of that name already (--replace)")
            : err_errno(err, errno, "cannot rename '%s' into its place", aside);
    }
    return true;
}

/* Is the tool that computes it here, with the inputs that it must have? */
static bool check_tool(const struct cli *c, const struct model_card *card, struct err *err)
{
    char *share = home_share(err), *shipped = share ? path_join(share, "tools", err) : NULL;
    char *own = shipped ? path_join(c->home, "tools", err) : NULL;
    const char *const folders[] = {shipped, own, NULL};
    struct tools *tools = own ? tools_load(folders, err) : NULL;
    bool ok = tools && (cli_has(c, "unchecked") || model_tool(tools, card, err));
    tools_free(tools);
    mem_free(share);
    mem_free(shipped);
    mem_free(own);
    return ok;
}

/* One that was archived and is added again is wanted. */
static bool offer_again(struct cli *c, const char *name, struct err *err)
{
    struct err none = {ERR_NONE, ""};
    int64_t archived = 0;
    struct store *s = cli_store(c, &none);
    if (!s ||
        !store_int(s, 0, &archived, &none, "SELECT 1 FROM model_archived WHERE name=?1", "s",
                   name) ||
        !archived) {
        return true;
    }
    json_t *args = json_pack("{s:s, s:b}", "name", name, "archived", 0);
    json_t *answer = args ? cli_call(c, "model.archive", args, err) : NULL;
    bool ok = answer != NULL;
    json_decref(answer);
    json_decref(args);
    return ok;
}

static bool say_added(struct cli *c, const struct model_card *card, const char *place,
                      const struct str *checked, struct err *err)
{
    json_t *facts = checked->len ? json_parse(str_text(checked), checked->len, "model-check", err)
                                 : json_object();
    bool ok = facts != NULL;
    if (ok && c->json) {
        ok = json_put(facts, "name", json_string(card->name), err) &&
            json_put(facts, "folder", json_string(place), err) &&
            json_put(facts, "checked", json_boolean(checked->len), err) && cli_json(c, facts, err);
    } else if (ok && checked->len) {
        cli_print(c, "added %s %s%s%s: runs in %.2f s on the %s (ONNX Runtime %s)\n", card->name,
                  card->version, card->detector ? " with its detector " : "",
                  card->detector ? card->detector : "", json_get_double(facts, "seconds", 0),
                  json_get_text(facts, "device", "CPU"), json_get_text(facts, "runtime", ""));
    } else if (ok && card->tool) {
        cli_print(c, "added %s %s: computed by the tool %s\n", card->name, card->version,
                  card->tool);
    } else if (ok) {
        cli_print(c, "added %s %s, unchecked\n", card->name, card->version);
    }
    json_decref(facts);
    return ok;
}

static bool add_card(struct cli *c, const struct model_places *p, const struct model_card *card,
                     struct err *err)
{
    bool replace = cli_has(c, "replace");
    struct str checked = STR_INIT;
    char *place = path_join(p->own, card->name, err);
    char *aside =
        place ? mem_printf(err, "%s/.%s.adding-%ld", p->own, card->name, (long)getpid()) : NULL;
    bool ok = aside != NULL;
    if (ok && !replace && file_exists(place)) {
        ok = err_set(err, ERR_EXISTS,
                     "there is a model '%s' already: --replace puts this one in its "
                     "place",
                     card->name);
    }
    ok = ok && file_mkdirs(p->own, 0755, err) && copy_model(card, aside, err);
    if (ok && card->tool) {
        ok = check_tool(c, card, err);
    } else if (ok && !cli_has(c, "unchecked")) {
        const char *const args[] = {"model-check", aside, NULL};
        ok = child_imaging(args, &checked, err);
        if (!ok && err->code == ERR_NOTHING) {
            (void)err_wrap(err, "the model cannot be tried (--unchecked adds it all the same)");
        }
    }
    ok = ok && put_in_place(aside, place, replace, err) && offer_again(c, card->name, err) &&
        say_added(c, card, place, &checked, err);
    if (aside) {
        err_waive(file_remove_tree(aside, err_ignore("a leftover takes room and nothing else")));
    }
    str_fini(&checked);
    mem_free(aside);
    mem_free(place);
    return ok;
}

/* Card and network as two files that lie anywhere: links to them in `folder` stand for a model's
 * folder. */
static bool link_files(struct cli *c, const char *folder, struct err *err)
{
    char real[PATH_MAX];
    bool ok = true;
    for (size_t i = 0; ok && i < c->n_args; i++) {
        const char *given = c->args[i],
                   *name = str_ends(given, ".json") ? "model.json"
            : str_ends(given, ".onnx")              ? "model.onnx"
                                                    : NULL;
        char *place = name ? path_join(folder, name, err) : NULL;
        ok = place != NULL;
        if (!name) {
            ok = err_set(err, ERR_USAGE, "'%s': a model's files are a .json and a .onnx", given);
        }
        if (ok && !realpath(given, real)) {
            ok = err_errno(err, errno, "'%s'", given);
        }
        if (ok && place && symlink(real, place) != 0) {
            ok = errno == EEXIST ? err_set(err, ERR_USAGE, "two files are named as %s", name)
                                 : err_errno(err, errno, "cannot make '%s'", place);
        }
        mem_free(place);
    }
    return ok;
}

/* Several files, or a ZIP, become a folder of ours for a moment: its path, or NULL. */
static char *gather(struct cli *c, const char *home, struct err *err)
{
    char *folder = mem_printf(err, "%s/model-XXXXXX", home);
    if (folder && !mkdtemp(folder)) {
        (void)err_errno(err, errno, "making a folder in '%s'", home);
        mem_free(folder);
        return NULL;
    }
    const char *const unpack[] = {"model-unpack", c->args[0], folder, NULL};
    struct str said = STR_INIT;
    bool ok = folder &&
        (c->n_args > 1 || str_ends(c->args[0], ".json") ? link_files(c, folder, err)
                                                        : child_imaging(unpack, &said, err));
    str_fini(&said);
    if (!ok && folder) {
        err_waive(file_remove_tree(folder, err_ignore("it is a small folder")));
        mem_free(folder);
        return NULL;
    }
    return folder;
}

bool model_add(struct cli *c, const struct model_places *p, struct err *err)
{
    struct model_card card = {0};
    bool several = c->n_args > 1 || str_ends(c->args[0], ".zip") || str_ends(c->args[0], ".json");
    if (!several && !check_argument(c->args[0], err)) {
        return false;
    }
    char *folder = several ? gather(c, c->home, err) : mem_strdup(c->args[0], err);
    bool ok = folder && model_card_read(folder, &card, err);
    if (ok) {
        ok = add_card(c, p, &card, err);
        model_card_fini(&card);
    }
    if (folder && several) {
        err_waive(file_remove_tree(folder, err_ignore("it is a small folder")));
    }
    mem_free(folder);
    return ok;
}
