/*
 * `gantry model`: models in the home, and those that ship. A model is added by copying its two
 * files into a nameless folder beside the others, running it there once on zeros, and renaming the
 * folder: a model in the registry is whole and has been seen to run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/child.h"
#include "cli/command.h"
#include "model/model-card.h"
#include "model/model-find.h"
#include "os/file.h"

static const char *const words[] = {"add", "ls", "show", "rm", NULL};

static bool list(struct cli *c, const struct model_places *p, struct err *err)
{
    static const struct column columns[] = {
        {"Model", "name", CELL_TEXT},  {"Version", "version", CELL_TEXT},
        {"Task", "task", CELL_TEXT},   {"For", "modality", CELL_TEXT},
        {"Size", "bytes", CELL_BYTES}, {"From", "from", CELL_TEXT},
        {"", "note", CELL_TEXT},       {NULL, NULL, CELL_TEXT},
    };
    json_t *rows = model_list(p->registries, err), *row;
    size_t i;
    bool ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        const char *problem = json_get_text(row, "problem", "");
        const char *said = *problem ? problem : json_get_text(row, "description", "");
        bool demonstration =
            json_get_bool(row, "demonstration", false) && !str_starts(said, "DEMONSTRATION");
        char note[500];
        (void)snprintf(note, sizeof note, "%s%s%s",
                       json_get_bool(row, "hidden", false) ? "(yours of that name is taken) " : "",
                       demonstration ? "DEMONSTRATION, not for patients: " : "", said);
        ok = ok &&
            json_put(row, "from", json_string(json_get_int(row, "registry", 0) ? "ships" : "home"),
                     err);
        ok = ok && (c->json || json_put(row, "note", json_string(note), err));
    }
    if (ok && c->json) {
        ok = cli_json(c, rows, err);
    } else if (ok && json_array_size(rows) == 0) {
        cli_note(c, "no models yet: gantry model add DIR");
    } else if (ok) {
        ok = cli_table(c, rows, columns, err);
    }
    json_decref(rows);
    return ok;
}

static void show_input(struct cli *c, const struct model_card *card)
{
    static const char *const scalings[] = {"", ", least to greatest scaled to 0-1",
                                           ", mean 0 and deviation 1", ", scaled to 0-1"};
    bool windowed = card->windowed && card->scaling == MODEL_UNIT;
    char size[120] = "";
    for (size_t i = 0; i < card->n_patch; i++) {
        (void)snprintf(size + strlen(size), sizeof size - strlen(size), "%s%zu", i ? " x " : ", ",
                       card->patch[i]);
    }
    cli_print(c, "  takes      %s", card->modality);
    if (card->slices) {
        cli_print(c, ", %zu slices", card->slices);
    }
    cli_print(c, "%s", size);
    if (card->n_spacing) {
        cli_print(c, " of");
    }
    for (size_t i = 0; i < card->n_spacing; i++) {
        cli_print(c, "%s %g", i ? " x" : "", card->spacing_mm[i]);
    }
    cli_print(c, "%s%s%s", card->n_spacing ? " mm" : "", card->orientation ? ", " : "",
              card->orientation ? card->orientation : "");
    if (card->windowed) {
        cli_print(c, ", window %g to %g", card->window[0], card->window[1]);
    }
    cli_print(c, "%s\n", windowed ? scalings[MODEL_WINDOW] : scalings[card->scaling]);
}

static void show_settings(struct cli *c, const struct model_card *card)
{
    const char *name;
    json_t *setting;
    json_object_foreach((json_t *)card->settings, name, setting)
    {
        struct err *none = err_ignore("a value that cannot be shown is left out");
        char *value = json_line(json_object_get(setting, "default"), none);
        cli_print(c, "  setting    %s = %s  %s\n", name, value ? value : "",
                  json_get_text(setting, "help", ""));
        mem_free(value);
    }
}

/* The card of the detector that `card` names, in the same folder. */
static bool read_detector(const struct model_card *card, struct model_card *ret, struct err *err)
{
    char *folder = path_dir(card->file, err);
    char *inner = folder ? path_join(folder, card->detector, err) : NULL;
    bool ok = inner && model_card_read(inner, ret, err);
    mem_free(inner);
    mem_free(folder);
    return ok || err_wrap(err, "the detector '%s' of model %s", card->detector, card->name);
}

/* Are the weights those that the cards describe, the detector's too? */
static bool is_whole(const struct model_card *card, struct err *why)
{
    struct model_card detector = {0};
    bool whole = model_card_verify(card, why);
    if (whole && card->detector) {
        whole = read_detector(card, &detector, why);
        if (whole) {
            whole = model_card_verify(&detector, why);
            model_card_fini(&detector);
        }
    }
    return whole;
}

static bool show_card(struct cli *c, const struct model_card *card, const char *folder,
                      struct err *err)
{
    struct err why = {ERR_NONE, ""};
    bool whole = is_whole(card, &why);
    const char *name;
    json_t *score;
    if (c->json) {
        json_t *doc = json_pack("{s:O, s:s, s:b, s:s}", "card", card->root, "folder", folder,
                                "whole", whole, "problem", why.text);
        bool ok = doc ? cli_json(c, doc, err) : err_set(err, ERR_NOMEM, "out of memory");
        json_decref(doc);
        return ok;
    }
    cli_print(c, "%s %s: %s%s%s\n", card->name, card->version, model_task_word(card->task),
              card->architecture[0] ? ", " : "", card->architecture);
    if (card->demonstration) {
        cli_print(c, "  A demonstration, not made for patients' data.\n");
    }
    if (card->description[0]) {
        cli_print(c, "  %s\n", card->description);
    }
    show_input(c, card);
    cli_print(c, "  gives      ");
    for (size_t i = 0; i < card->n_labels; i++) {
        cli_print(c, "%s%s", i ? ", " : "", card->labels[i]);
    }
    cli_print(c, "%s\n", card->n_labels ? "" : "a score");
    json_object_foreach((json_t *)card->scores, name, score)
    {
        cli_print(c, "  score      %s %g\n", name, json_number_value(score));
    }
    show_settings(c, card);
    if (card->detector) {
        cli_print(c, "  detector   %s (gantry model show %s/%s)\n", card->detector, folder,
                  card->detector);
    }
    cli_print(c, "  licence    %s\n  source     %s\n  folder     %s\n", card->licence, card->source,
              folder);
    cli_print(c, "  checksum   %s\n", whole ? "fits" : why.text);
    c->status = whole ? 0 : 1;
    return true;
}

static bool show(struct cli *c, const struct model_places *p, const char *name, struct err *err)
{
    struct model_card card = {0};
    char *folder = model_find(p->registries, name, err);
    bool ok = folder && model_card_read(folder, &card, err);
    if (ok) {
        ok = show_card(c, &card, folder, err);
        model_card_fini(&card);
    }
    mem_free(folder);
    return ok;
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
    return file_is_folder(path) || err_set(err, ERR_NOTHING, "there is no folder '%s'", path);
}

/* Card and model into `to`, which must not exist. */
static bool copy_one(const struct model_card *card, const char *to, struct err *err)
{
    char *json = path_join(to, "model.json", err), *onnx = path_join(to, "model.onnx", err);
    bool ok = json && onnx;
    if (ok && mkdir(to, 0755) != 0) {
        ok = err_errno(err, errno, "cannot make folder '%s'", to);
    }
    ok = ok && copy(card->file, json, err) && copy(card->onnx, onnx, err);
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
    if (!read_detector(card, &detector, err)) {
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

static bool say_added(struct cli *c, const struct model_card *card, const char *place,
                      const struct str *checked, struct err *err)
{
    json_t *facts =
        checked->len ? json_parse(checked->buf, checked->len, "model-check", err) : json_object();
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
    if (ok && !cli_has(c, "unchecked")) {
        const char *const args[] = {"model-check", aside, NULL};
        ok = child_imaging(args, &checked, err);
        if (!ok && err->code == ERR_NOTHING) {
            (void)err_wrap(err, "the model cannot be tried (--unchecked adds it all the same)");
        }
    }
    ok = ok && put_in_place(aside, place, replace, err) && say_added(c, card, place, &checked, err);
    if (aside) {
        err_waive(file_remove_tree(aside, err_ignore("a leftover takes room and nothing else")));
    }
    str_fini(&checked);
    mem_free(aside);
    mem_free(place);
    return ok;
}

static bool add(struct cli *c, const struct model_places *p, const char *path, struct err *err)
{
    struct model_card card = {0};
    if (!check_argument(path, err) || !model_card_read(path, &card, err)) {
        return false;
    }
    bool ok = add_card(c, p, &card, err);
    model_card_fini(&card);
    return ok;
}

static bool rm(struct cli *c, const struct model_places *p, const char *name, struct err *err)
{
    if (!model_name_check(name, err)) {
        return false;
    }
    char *place = path_join(p->own, name, err), *shipped = path_join(p->ships, name, err);
    char *aside = place ? mem_printf(err, "%s/.%s.going-%ld", p->own, name, (long)getpid()) : NULL;
    bool ok = place && shipped && aside;
    if (ok && !file_is_folder(place)) {
        ok = file_is_folder(shipped)
            ? err_set(err, ERR_USAGE,
                      "model '%s' ships with Gantry and stays; an added one of that "
                      "name would be taken instead",
                      name)
            : err_set(err, ERR_NOTHING, "there is no model '%s' in the home", name);
    }
    /* Out of sight at once; a task that has it loaded keeps it. */
    if (ok && rename(place, aside) != 0) {
        ok = err_errno(err, errno, "cannot take '%s' away", place);
    }
    ok = ok && file_remove_tree(aside, err);
    if (ok && !c->json) {
        cli_note(c, "removed %s", name);
    } else if (ok) {
        json_t *doc = json_pack("{s:s}", "removed", name);
        ok = doc ? cli_json(c, doc, err) : err_set(err, ERR_NOMEM, "out of memory");
        json_decref(doc);
    }
    mem_free(aside);
    mem_free(shipped);
    mem_free(place);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    const char *word = cli_sub(c, words, "ls", err);
    struct model_places p;
    if (!word) {
        return false;
    }
    bool lists = !strcmp(word, "ls");
    if (c->n_args != (lists ? 0 : 1)) {
        return cli_usage(c, err,
                         lists ? "gantry model ls takes no name" : "gantry model %s takes one %s",
                         word, strcmp(word, "add") ? "name" : "folder");
    }
    if (strcmp(word, "add") != 0 && (cli_has(c, "replace") || cli_has(c, "unchecked"))) {
        return cli_usage(c, err, "--replace and --unchecked go with gantry model add");
    }
    if (!model_places_init(&p, c->home, err)) {
        return false;
    }
    const char *name = lists ? NULL : c->args[0];
    bool ok = lists             ? list(c, &p, err)
        : !strcmp(word, "show") ? show(c, &p, name, err)
        : !strcmp(word, "add")  ? add(c, &p, name, err)
                                : rm(c, &p, name, err);
    model_places_fini(&p);
    return ok;
}

static const struct opt options[] = {
    {0, "replace", OPT_FLAG, NULL, "add: take the place of the model of that name", false},
    {0, "unchecked", OPT_FLAG, NULL, "add: without running it once (no ONNX Runtime here)", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

const struct command command_model = {
    .name = "model",
    .group = GROUP_SETUP,
    .summary = "Models for segmentation, triage and rotation centres: add, list, show, remove",
    .usage = "ls\nadd DIR [--replace] [--unchecked]\nshow NAME|DIR\nrm NAME",
    .help = "A model is a folder with model.onnx and model.json (docs/formats/model.schema.json, "
            "docs/models.md).\n"
            "Adding copies it into the home, checks its checksum and its card, and runs it once on "
            "zeros.\n"
            "An added model wins over one that ships under the same name. A PyTorch checkpoint "
            "becomes a "
            "model's folder by models/export_mil.py.",
    .options = options,
    .max_args = 2,
    .run = run,
};
