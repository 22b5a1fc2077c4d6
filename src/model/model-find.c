/* A model that cannot be used is listed with its problem: it is on the disk, and people look for
 * it. */
#include "model/model-find.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"

bool model_places_init(struct model_places *ret, const char *home, struct err *err)
{
    struct model_places p = {NULL, NULL, {NULL, NULL, NULL}};
    p.own = home ? path_join(home, "models", err) : NULL;
    p.ships = p.own || !home ? path_near_program("../share/models", err) : NULL;
    if (p.ships && !file_is_folder(p.ships)) { /* not beside a build folder: installed */
        mem_free(p.ships);
        p.ships = path_near_program("../share/gantry/models", err);
    }
    if (!p.ships) {
        mem_free(p.own);
        return false;
    }
    *ret = p;
    ret->registries[0] = p.own ? p.own : p.ships;
    ret->registries[1] = p.own ? p.ships : NULL;
    return true;
}

void model_places_fini(struct model_places *places)
{
    mem_free(places->own);
    mem_free(places->ships);
    *places = (struct model_places){NULL, NULL, {NULL, NULL, NULL}};
}

static char *of_path(const char *word, struct err *err)
{
    char *folder = file_is_folder(word) ? mem_strdup(word, err)
        : str_ends(word, ".json")       ? path_dir(word, err)
                                        : NULL;
    char real[PATH_MAX];
    if (!folder) {
        (void)(file_is_folder(word) || str_ends(word, ".json") ||
               err_set(err, ERR_NOTHING, "'%s' is no model's folder", word));
        return NULL;
    }
    /* whoever works with it stands elsewhere */
    bool found = realpath(folder, real) != NULL || err_errno(err, errno, "'%s'", word);
    mem_free(folder);
    return found ? mem_strdup(real, err) : NULL;
}

static bool name_all(const char *const *registries, struct str *out, struct err *err)
{
    json_t *rows = model_list(registries, err), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (!json_get_bool(row, "hidden", false)) {
            str_addf(out, "%s%s", out->len ? ", " : "", json_get_text(row, "name", ""));
        }
    }
    bool ok = rows != NULL;
    json_decref(rows);
    return ok && str_ok(out, err);
}

char *model_find(const char *const *registries, const char *word, struct err *err)
{
    if (strchr(word, '/')) {
        return of_path(word, err);
    }
    if (!model_name_check(word, err)) {
        return NULL;
    }
    for (size_t i = 0; registries[i]; i++) {
        char *folder = path_join(registries[i], word, err);
        if (!folder || file_is_folder(folder)) {
            return folder;
        }
        mem_free(folder);
    }
    struct str names = STR_INIT;
    if (name_all(registries, &names, err)) {
        (void)err_set(err, ERR_NOTHING, "there is no model '%s' (%s%.300s)", word,
                      names.len ? "there are: " : "there are none; gantry model add DIR",
                      str_text(&names));
    }
    str_fini(&names);
    return NULL;
}

static json_t *row_of(const char *folder, const char *name, size_t registry, struct err *err)
{
    struct model_card card = {0};
    struct err why = {ERR_NONE, ""};
    struct file_measure size = {0};
    bool good = model_card_read(folder, &card, &why);
    if (good && card.onnx && !file_measure(card.onnx, &size, &why)) {
        size.size = 0;
    }
    json_t *row = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:s, s:b, s:b, s:s}", "name", name, "version",
        good ? card.version : "", "task", good ? model_task_word(card.task) : "", "modality",
        good ? card.modality : "", "bytes", (json_int_t)size.size, "registry", (int)registry,
        "folder", folder, "description", good ? card.description : "", "demonstration",
        good && card.demonstration, "hidden", 0, "problem", why.text);
    if (good) {
        model_card_fini(&card);
    }
    if (!row) {
        (void)err_set(err, ERR_NOMEM, "out of memory, or '%s' is not UTF-8", name);
    }
    return row;
}

static bool listed(const json_t *rows, const char *name)
{
    const json_t *row;
    size_t i;
    json_array_foreach((json_t *)rows, i, row)
    {
        if (!strcmp(json_get_text(row, "name", ""), name)) {
            return true;
        }
    }
    return false;
}

/* Insert by name; equal names keep the order of their registries. */
static bool insert(json_t *rows, json_t *row)
{
    size_t i = json_array_size(rows);
    while (i > 0 &&
           strcmp(json_get_text(json_array_get(rows, i - 1), "name", ""),
                  json_get_text(row, "name", "")) > 0) {
        i--;
    }
    return json_array_insert_new(rows, i, row) == 0;
}

static bool add_registry(json_t *rows, const char *registry, size_t index, struct err *err)
{
    size_t n = 0;
    bool ok = true;
    if (!file_is_folder(registry)) {
        return true;
    }
    char **names = file_list(registry, &n, err);
    for (size_t i = 0; names && ok && i < n; i++) {
        char *folder = path_join(registry, names[i], err);
        ok = folder != NULL;
        if (ok && names[i][0] != '.' && file_is_folder(folder)) {
            bool hidden = listed(rows, names[i]);
            json_t *row = row_of(folder, names[i], index, err);
            ok = row && json_put(row, "hidden", json_boolean(hidden), err) &&
                (insert(rows, row) || err_set(err, ERR_NOMEM, "out of memory"));
        }
        mem_free(folder);
    }
    ok = ok && names;
    file_list_free(names);
    return ok;
}

json_t *model_list(const char *const *registries, struct err *err)
{
    json_t *rows = json_array();
    bool ok = rows != NULL || err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; ok && registries[i]; i++) {
        ok = add_registry(rows, registries[i], i, err);
    }
    if (!ok) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

bool model_judges_ct(const struct model_card *card)
{
    return card->task == MODEL_CLASSIFICATION && card->slices > 0 && card->channels == 1 &&
        !strcmp(card->modality, "CT");
}

char *model_ct_classifier(const char *const *registries, struct err *err)
{
    json_t *all = model_list(registries, err), *row;
    const char *best = NULL;
    int best_rank = 0;
    size_t i;
    json_array_foreach(all, i, row)
    {
        const char *folder = json_get_text(row, "folder", "");
        struct model_card card;
        int rank = 1 + 2 * (json_get_int(row, "registry", 1) == 0) +
            !json_get_bool(row, "demonstration", false);
        if (json_get_bool(row, "hidden", false) || json_get_text(row, "problem", "")[0] ||
            rank <= best_rank || !model_card_read(folder, &card, err_ignore("it is not taken"))) {
            continue;
        }
        if (model_judges_ct(&card)) {
            best = folder;
            best_rank = rank;
        }
        model_card_fini(&card);
    }
    char *found = best ? mem_strdup(best, err) : NULL;
    if (all && !best) {
        (void)err_set(err, ERR_NOTHING,
                      "no classifier for CT is installed: `gantry model add FOLDER` registers one, "
                      "and --model none is the z-profile alone");
    }
    json_decref(all);
    return found;
}
