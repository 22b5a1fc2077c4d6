/* `gantry model`: models in the home, and those that ship; which of them predictions may use. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/model-add.h"
#include "model/model-card.h"
#include "model/model-find.h"
#include "model/model-settings.h"
#include "os/file.h"
#include "report/models.h"
#include "report/predictions.h"

#define SHOWN_RUNS 5

static const char *const words[] = {"add", "ls", "show", "rm", "archive", "deploy", NULL};

/* The store, or NULL in a home that has none yet. */
static struct store *maybe_store(struct cli *c)
{
    return cli_store(c, err_ignore("no run was ever made here"));
}

static bool list(struct cli *c, const struct model_places *p, struct err *err)
{
    static const struct column columns[] = {
        {"Model", "name", CELL_TEXT},  {"Version", "version", CELL_TEXT},
        {"Task", "task", CELL_TEXT},   {"For", "modality", CELL_TEXT},
        {"Size", "bytes", CELL_BYTES}, {"From", "from", CELL_TEXT},
        {"Used", "used", CELL_INT},    {"", "note", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    json_t *rows = model_list(p->registries, err), *row;
    struct store *s = maybe_store(c);
    size_t i;
    bool ok = rows != NULL && (!s || models_put_use(s, rows, err));
    json_array_foreach(rows, i, row)
    {
        const char *problem = json_get_text(row, "problem", "");
        const char *said = *problem ? problem : json_get_text(row, "description", "");
        bool demonstration =
            json_get_bool(row, "demonstration", false) && !str_starts(said, "DEMONSTRATION");
        char note[500];
        (void)snprintf(note, sizeof note, "%s%s%s%s",
                       json_get_bool(row, "archived", false) ? "(archived) " : "",
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
    json_t *form = model_form(card, err_ignore("then its own settings are not shown"));
    json_object_foreach(form, name, setting)
    {
        struct err *none = err_ignore("a value that cannot be shown is left out");
        char *value = json_line(json_object_get(setting, "default"), none);
        cli_print(c, "  setting    %s = %s  %s\n", name, value ? value : "",
                  json_get_text(setting, "help", ""));
        mem_free(value);
    }
    json_decref(form);
}

/* The newest predictions that it made. */
static void show_use(struct cli *c, const json_t *use)
{
    const json_t *row;
    size_t i, n = json_array_size(use);
    json_array_foreach((json_t *)use, i, row)
    {
        if (i < SHOWN_RUNS) {
            cli_print(c, "  used by    run %" PRId64 ", data set %s, %s\n",
                      json_get_int(row, "id", 0), json_get_text(row, "dataset", ""),
                      json_get_text(row, "state", ""));
        }
    }
    if (n > SHOWN_RUNS) {
        cli_print(c, "             and others before\n");
    }
}

/* Is it archived, and what used it last? */
static bool read_use(struct cli *c, const char *name, bool *ret_archived, json_t **ret,
                     struct err *err)
{
    struct store *s = maybe_store(c);
    *ret_archived = false;
    *ret = s ? NULL : json_array();
    if (!s) {
        return *ret || err_set(err, ERR_NOMEM, "out of memory");
    }
    *ret = models_archived(s, name, ret_archived, err)
        ? predictions_of_model(s, name, NULL, SHOWN_RUNS + 1, err)
        : NULL;
    return *ret != NULL;
}

/* Are the weights those that the cards describe, the detector's too? */
static bool is_whole(const struct model_card *card, struct err *why)
{
    struct model_card detector = {0};
    bool whole = model_card_verify(card, why);
    if (whole && card->detector) {
        whole = model_read_detector(card, &detector, why);
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
    json_t *score, *use = NULL;
    bool archived = false;
    if (!read_use(c, card->name, &archived, &use, err)) {
        return false;
    }
    if (c->json) {
        json_t *form = model_form(card, err);
        json_t *doc = !form ? NULL
                            : json_pack("{s:O, s:O, s:s, s:b, s:s, s:b, s:O}", "card", card->root,
                                        "form", form, "folder", folder, "whole", whole, "problem",
                                        why.text, "archived", archived, "used_by", use);
        bool ok = doc ? cli_json(c, doc, err) : form && err_set(err, ERR_NOMEM, "out of memory");
        json_decref(doc);
        json_decref(form);
        json_decref(use);
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
    if (archived) {
        cli_print(c, "  Archived: not offered for predictions (gantry model deploy %s).\n",
                  card->name);
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
    if (card->tool) {
        cli_print(c, "  computed   by the tool %s (gantry tools show %s)\n", card->tool,
                  card->tool);
    } else {
        cli_print(c, "  checksum   %s\n", whole ? "fits" : why.text);
    }
    show_use(c, use);
    json_decref(use);
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

/* What predictions were made with should stay, so that they can be made again. */
static bool may_go(struct cli *c, const char *name, struct err *err)
{
    json_t *use = NULL;
    bool archived = false, ok = cli_has(c, "force") || read_use(c, name, &archived, &use, err);
    if (ok && json_array_size(use) > 0) {
        ok = err_set(err, ERR_EXISTS,
                     "model '%s' was used by predictions (the newest is run %" PRId64
                     "): `gantry model archive %s` takes it off the list and keeps it, --force "
                     "removes it",
                     name, json_get_int(json_array_get(use, 0), "id", 0), name);
    }
    json_decref(use);
    return ok;
}

/* Archived models are not offered for predictions any more. */
static bool archive(struct cli *c, const char *name, bool archived, struct err *err)
{
    json_t *args = json_pack("{s:s, s:b}", "name", name, "archived", (int)archived);
    json_t *answer = args ? cli_call(c, "model.archive", args, err) : NULL;
    bool ok = answer || (!args && err_set(err, ERR_USAGE, "the name is no valid UTF-8"));
    json_decref(args);
    json_decref(answer);
    if (ok && c->json) {
        json_t *doc = json_pack("{s:s, s:b}", "name", name, "archived", (int)archived);
        ok = doc ? cli_json(c, doc, err) : err_set(err, ERR_NOMEM, "out of memory");
        json_decref(doc);
    } else if (ok) {
        cli_note(c, archived ? "%s is archived" : "%s is offered again", name);
    }
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
    ok = ok && may_go(c, name, err);
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
    bool lists = !strcmp(word, "ls"), adds = !strcmp(word, "add");
    if (adds ? c->n_args < 1 : c->n_args != (lists ? 0 : 1)) {
        return cli_usage(c, err,
                         lists ? "gantry model ls takes no name" : "gantry model %s takes one %s",
                         word, adds ? "folder" : "name");
    }
    if (!adds && (cli_has(c, "replace") || cli_has(c, "unchecked"))) {
        return cli_usage(c, err, "--replace and --unchecked go with gantry model add");
    }
    if (strcmp(word, "rm") != 0 && cli_has(c, "force")) {
        return cli_usage(c, err, "--force goes with gantry model rm");
    }
    if (!model_places_init(&p, c->home, err)) {
        return false;
    }
    const char *name = lists ? NULL : c->args[0];
    bool ok = lists             ? list(c, &p, err)
        : !strcmp(word, "show") ? show(c, &p, name, err)
        : adds                  ? model_add(c, &p, err)
        : !strcmp(word, "rm")   ? rm(c, &p, name, err)
                                : archive(c, name, !strcmp(word, "archive"), err);
    model_places_fini(&p);
    return ok;
}

static const struct opt options[] = {
    {0, "replace", OPT_FLAG, NULL, "add: take the place of the model of that name", false},
    {0, "unchecked", OPT_FLAG, NULL, "add: without running it once (no ONNX Runtime here)", false},
    {0, "force", OPT_FLAG, NULL, "rm: also when predictions used it", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

const struct command command_model = {
    .name = "model",
    .group = GROUP_SETUP,
    .summary = "Models for segmentation, triage and rotation centres: add, list, archive, remove",
    .usage = "ls\nadd DIR|FILE.zip|CARD.json MODEL.onnx [--replace] [--unchecked]\nshow "
             "NAME|DIR\narchive NAME\ndeploy NAME\nrm NAME [--force]",
    .help =
        "A model is a folder with model.onnx and model.json (docs/formats/model.schema.json, "
        "docs/models.md).\n"
        "Adding copies it into the home, checks its checksum and its card, and runs it once on "
        "zeros.\n"
        "An added model wins over one that ships under the same name. A PyTorch checkpoint "
        "becomes a "
        "model's folder by models/export_mil.py.\n"
        "An archived model is not offered for predictions any more; what was made with it stays, "
        "and so does the\n"
        "model, until it is deployed again.",
    .options = options,
    .max_args = 3,
    .run = run,
};
