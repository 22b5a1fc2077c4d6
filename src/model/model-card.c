/* Reading a card strictly: what is misspelt there would otherwise change what a model computes. */
#include "model/model-card.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/digest.h"
#include "model/model-settings.h"
#include "os/file.h"

static const char *const file_names[] = {"model.json", "model_patchwork.json", NULL};
static const char *const tasks[] = {"classification", "segmentation", "cor", "detection", NULL};
static const char *const scalings[] = {"none", "unit", "zscore", "window", NULL};
static const char *const activations[] = {"none", "sigmoid", "softmax", NULL};

/* Where we are: "<file>: input". */
struct place {
    const char *file;
    const char *part; /* "" at the top */
};

static bool wrong(struct err *err, struct place at, const char *key, const char *what)
{
    return err_set(err, ERR_FORMAT, "%s: %s%s%s %s", at.file, at.part, at.part[0] ? "." : "", key,
                   what);
}

static bool only(const json_t *object, const char *const *known, struct place at, struct err *err)
{
    struct err why;
    if (json_only_keys(object, known, at.part[0] ? at.part : "a model's card", &why)) {
        return true;
    }
    return err_set(err, ERR_FORMAT, "%s: %s", at.file, why.text);
}

/* A text; `ret` keeps its value when the key is absent and that is allowed. */
static bool text(const json_t *o, const char *key, bool needed, struct place at, const char **ret,
                 struct err *err)
{
    const json_t *value = json_object_get(o, key);
    if (!value && !needed) {
        return true;
    }
    if (!json_is_string(value) || (needed && !json_string_value(value)[0])) {
        return wrong(err, at, key, value ? "must be a text" : "is missing (a text)");
    }
    *ret = json_string_value(value);
    return true;
}

static bool word(const json_t *o, const char *key, bool needed, const char *const *words,
                 struct place at, int *ret, struct err *err)
{
    const char *given = NULL;
    char choice[160] = "must be one of";
    if (!text(o, key, needed, at, &given, err)) {
        return false;
    }
    for (int i = 0; given && words[i]; i++) {
        if (!strcmp(given, words[i])) {
            *ret = i;
            return true;
        }
        (void)snprintf(choice + strlen(choice), sizeof choice - strlen(choice), " %s", words[i]);
    }
    return !given || wrong(err, at, key, choice);
}

static bool whole(const json_t *value, size_t *ret)
{
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 1 || n > 1 << 20) {
        return false;
    }
    *ret = (size_t)n;
    return true;
}

static bool wholes(const json_t *o, const char *key, size_t *ret, size_t *ret_n, struct place at,
                   struct err *err)
{
    const json_t *list = json_object_get(o, key);
    size_t n = json_array_size(list);
    bool ok = !list || (n >= 1 && n <= 3);
    for (size_t i = 0; ok && i < n; i++) {
        ok = whole(json_array_get(list, i), &ret[i]);
    }
    *ret_n = n;
    return ok || wrong(err, at, key, "must be 1 to 3 whole numbers from 1");
}

static bool one_whole(const json_t *o, const char *key, bool needed, size_t *ret, struct place at,
                      struct err *err)
{
    const json_t *value = json_object_get(o, key);
    return (!value && !needed) || whole(value, ret) ||
        wrong(err, at, key,
              value ? "must be a whole number from 1" : "is missing (a whole number)");
}

static bool window(const json_t *o, struct model_card *c, struct place at, struct err *err)
{
    const json_t *list = json_object_get(o, "window");
    c->windowed = list != NULL;
    for (size_t i = 0; list && i < 2; i++) {
        const json_t *end = json_array_get(list, i);
        if (json_array_size(list) != 2 || !json_is_number(end)) {
            return wrong(err, at, "window", "must be two numbers");
        }
        c->window[i] = json_number_value(end);
    }
    if (list && !(c->window[0] < c->window[1])) {
        return wrong(err, at, "window", "must go from the lower to the higher number");
    }
    return c->scaling != MODEL_WINDOW || list ||
        wrong(err, at, "window", "is missing (two numbers; normalisation \"window\" needs it)");
}

static bool orientation(struct model_card *c, struct place at, struct err *err)
{
    unsigned seen = 0;
    for (size_t i = 0; c->orientation && i < 3; i++) {
        const char *pairs = "RLAPSI",
                   *at_letter = c->orientation[i] ? strchr(pairs, c->orientation[i]) : NULL;
        seen |= at_letter ? 1u << ((at_letter - pairs) / 2) : 0;
        if (!at_letter) {
            break;
        }
    }
    return !c->orientation || (strlen(c->orientation) == 3 && seen == 7) ||
        wrong(err, at, "orientation",
              "must be three letters, one each of R/L, A/P and S/I, such as LPS");
}

static bool input(const json_t *root, struct model_card *c, const char *file, struct err *err)
{
    static const char *const keys[] = {"modality",      "orientation", "spacing", "window",
                                       "normalisation", "patch",       "slices",  "slices_min",
                                       "channels",      NULL};
    const json_t *o = json_object_get(root, "input"), *spacing = json_object_get(o, "spacing");
    struct place at = {file, "input"};
    int scaling = MODEL_AS_IS;
    if (!json_is_object(o)) {
        return err_set(err, ERR_FORMAT, "%s: input is missing (an object)", file);
    }
    if (!only(o, keys, at, err) || !text(o, "modality", true, at, &c->modality, err) ||
        !text(o, "orientation", false, at, &c->orientation, err) || !orientation(c, at, err) ||
        !word(o, "normalisation", false, scalings, at, &scaling, err)) {
        return false;
    }
    c->scaling = (enum model_scaling)scaling;
    if (!window(o, c, at, err) || !wholes(o, "patch", c->patch, &c->n_patch, at, err) ||
        !one_whole(o, "slices", false, &c->slices, at, err) ||
        !one_whole(o, "slices_min", false, &c->slices_min, at, err) ||
        !one_whole(o, "channels", true, &c->channels, at, err)) {
        return false;
    }
    c->n_spacing = json_array_size(spacing);
    bool ok = !spacing || json_is_null(spacing) || (c->n_spacing >= 1 && c->n_spacing <= 3);
    for (size_t i = 0; ok && i < c->n_spacing; i++) {
        c->spacing_mm[i] = json_number_value(json_array_get(spacing, i));
        ok = isfinite(c->spacing_mm[i]) && c->spacing_mm[i] > 0;
    }
    if (ok && c->slices && c->n_spacing) {
        return wrong(err, at, "spacing",
                     "does not go with slices: each is made input.patch in size");
    }
    return ok || wrong(err, at, "spacing", "must be null or 1 to 3 numbers above 0");
}

/* "#4c9be8", one a label. */
static bool colours(const json_t *o, struct model_card *c, struct place at, struct err *err)
{
    const json_t *list = json_object_get(o, "colours");
    bool ok = !list || (json_is_array(list) && json_array_size(list) == c->n_labels);
    for (size_t i = 0; ok && list && i < c->n_labels; i++) {
        c->colours[i] = json_string_value(json_array_get(list, i));
        ok = c->colours[i] && strlen(c->colours[i]) == 7 && c->colours[i][0] == '#' &&
            strspn(c->colours[i] + 1, "0123456789abcdefABCDEF") == 6;
    }
    return ok || wrong(err, at, "colours", "must be a text such as \"#4c9be8\" for each label");
}

/* What is taken off a mask unless a setting says otherwise. */
static bool filters(const json_t *o, struct model_card *c, struct place at, struct err *err)
{
    const json_t *largest = json_object_get(o, "largest_only"), *label;
    size_t i, k;
    if (!one_whole(o, "min_voxels", false, &c->min_voxels, at, err)) {
        return false;
    }
    c->largest_only = largest;
    bool ok = !largest || json_is_boolean(largest) || json_is_array(largest);
    json_array_foreach((json_t *)largest, i, label)
    {
        for (k = 1; k < c->n_labels && !str_equal(json_string_value(label), c->labels[k]); k++) {
        }
        ok = ok && k < c->n_labels;
    }
    return ok ||
        wrong(err, at, "largest_only",
              "must be true, false or a list of labels (not the background)");
}

static bool output(const json_t *root, struct model_card *c, const char *file, struct err *err)
{
    static const char *const keys[] = {"labels",     "threshold",    "activation", "colours",
                                       "min_voxels", "largest_only", NULL};
    const json_t *o = json_object_get(root, "output"), *labels = json_object_get(o, "labels"),
                 *threshold = json_object_get(o, "threshold");
    struct place at = {file, "output"};
    int activation = MODEL_RAW;
    if (!json_is_object(o)) {
        return err_set(err, ERR_FORMAT, "%s: output is missing (an object)", file);
    }
    if (!only(o, keys, at, err) ||
        !word(o, "activation", true, activations, at, &activation, err)) {
        return false;
    }
    c->activation = (enum model_activation)activation;
    c->threshold = threshold         ? json_number_value(threshold)
        : c->task == MODEL_DETECTION ? 0.25
                                     : 0.5;
    if (threshold && !json_is_number(threshold)) {
        return wrong(err, at, "threshold", "must be a number");
    }
    c->n_labels = json_array_size(labels);
    bool ok = !labels || (json_is_array(labels) && c->n_labels <= MODEL_MAX_LABELS);
    for (size_t i = 0; ok && i < c->n_labels; i++) {
        c->labels[i] = json_string_value(json_array_get(labels, i));
        ok = c->labels[i] != NULL;
    }
    return (ok || wrong(err, at, "labels", "must be at most 256 texts")) &&
        colours(o, c, at, err) && filters(o, c, at, err);
}

static bool scores(const json_t *root, struct model_card *c, const char *file, struct err *err)
{
    const char *name;
    json_t *score;
    c->scores = json_object_get(root, "scores");
    bool ok = !c->scores || json_is_object(c->scores);
    json_object_foreach((json_t *)c->scores, name, score)
    {
        ok = ok && json_is_number(score);
    }
    return ok || err_set(err, ERR_FORMAT, "%s: scores must be an object of numbers", file);
}

static bool checksum(const json_t *root, struct model_card *c, struct place at, struct err *err)
{
    static const char prefix[] = "sha256:";
    const char *sum = "";
    c->checksum = "";
    if (c->tool) { /* its sum is that of the tool's descriptor */
        return !json_object_get(root, "checksum") ||
            wrong(err, at, "checksum", "goes with a model.onnx, not with a tool");
    }
    if (!text(root, "checksum", true, at, &sum, err)) {
        return false;
    }
    bool ok = !strncmp(sum, prefix, sizeof prefix - 1);
    c->checksum = ok ? sum + sizeof prefix - 1 : sum;
    ok = ok && strlen(c->checksum) == DIGEST_SHA256_HEX - 1 &&
        strspn(c->checksum, "0123456789abcdef") == DIGEST_SHA256_HEX - 1;
    return ok || wrong(err, at, "checksum", "must be \"sha256:\" and 64 hexadecimal digits");
}

static bool version(const json_t *root, struct model_card *c, struct place at, struct err *err)
{
    const json_t *value = json_object_get(root, "version");
    if (json_is_integer(value)) {
        (void)snprintf(c->version, sizeof c->version, "%lld", (long long)json_integer_value(value));
    } else if (json_is_string(value)) {
        (void)snprintf(c->version, sizeof c->version, "%s", json_string_value(value));
    } else {
        return wrong(err, at, "version", value ? "must be a text or a whole number" : "is missing");
    }
    return true;
}

static bool detector(const json_t *root, struct model_card *c, struct place at, struct err *err)
{
    if (!text(root, "detector", false, at, &c->detector, err)) {
        return false;
    }
    if (c->detector && c->task != MODEL_CLASSIFICATION) {
        return wrong(err, at, "detector", "goes with task classification only");
    }
    return !c->detector || model_name_check(c->detector, err_ignore("it is said in other words")) ||
        wrong(err, at, "detector", "must be the name of a folder in the model's folder");
}

/* "onnx", or "tool:NAME". */
static bool engine(const json_t *root, struct model_card *c, struct place at, struct err *err)
{
    static const char prefix[] = "tool:";
    const char *word = "onnx";
    if (!text(root, "engine", false, at, &word, err)) {
        return false;
    }
    bool tool = !strncmp(word, prefix, sizeof prefix - 1) && word[sizeof prefix - 1];
    c->tool = tool ? word + sizeof prefix - 1 : NULL;
    if (c->tool && c->task == MODEL_COR) {
        return wrong(err, at, "engine", "must be onnx: rotation centres are found by a network");
    }
    return tool || !strcmp(word, "onnx") ||
        wrong(err, at, "engine", "must be onnx, or tool: and the name of a tool (gantry tools)");
}

static bool parse(json_t *root, const char *file, struct model_card *c, struct err *err)
{
    static const char *const keys[] = {
        "gantry", "name",     "version",      "description",   "task",     "input",
        "output", "scores",   "architecture", "demonstration", "settings", "licence",
        "source", "checksum", "detector",     "engine",        NULL};
    struct place at = {file, ""};
    const json_t *demonstration = json_object_get(root, "demonstration");
    int task = 0;
    c->name = c->description = c->architecture = "";
    if (!json_is_object(root) || json_get_int(root, "gantry", 0) != 1) {
        return err_set(err, ERR_FORMAT, "%s is no model's card: it needs \"gantry\": 1", file);
    }
    if (!only(root, keys, at, err) || !text(root, "name", true, at, &c->name, err)) {
        return false;
    }
    if (!model_name_check(c->name, err)) {
        return err_wrap(err, "%s", file);
    }
    if (demonstration && !json_is_boolean(demonstration)) {
        return wrong(err, at, "demonstration", "must be true or false");
    }
    c->demonstration = json_is_true(demonstration);
    if (!word(root, "task", true, tasks, at, &task, err)) {
        return false;
    }
    c->task = (enum model_task)task;
    if (!engine(root, c, at, err)) {
        return false;
    }
    if (!version(root, c, at, err) || !text(root, "description", false, at, &c->description, err) ||
        !text(root, "architecture", false, at, &c->architecture, err) ||
        !input(root, c, file, err) || !output(root, c, file, err) ||
        !model_settings_parse(root, c, file, err) || !scores(root, c, file, err) ||
        !text(root, "licence", true, at, &c->licence, err) ||
        !text(root, "source", true, at, &c->source, err) || !checksum(root, c, at, err)) {
        return false;
    }
    return detector(root, c, at, err);
}

bool model_card_parse(json_t *root, const char *file, struct model_card *ret, struct err *err)
{
    struct model_card c = {0};
    if (!parse(root, file, &c, err)) {
        return false;
    }
    c.file = mem_strdup(file, err);
    char *folder = c.file ? path_dir(file, err) : NULL;
    c.onnx = folder && !c.tool ? path_join(folder, "model.onnx", err) : NULL;
    bool ok = folder && (c.onnx || c.tool);
    mem_free(folder);
    if (!ok) {
        mem_free(c.file);
        return false;
    }
    c.root = json_incref(root);
    *ret = c;
    return true;
}

bool model_card_read(const char *folder, struct model_card *ret, struct err *err)
{
    char *file = NULL;
    for (size_t i = 0; file_names[i] && !file; i++) {
        file = path_join(folder, file_names[i], err);
        if (!file) {
            return false;
        }
        if (!file_exists(file)) {
            mem_free(file);
            file = NULL;
        }
    }
    if (!file) {
        return err_set(err, ERR_NOTHING, "'%s' is no model's folder: it has no %s", folder,
                       file_names[0]);
    }
    json_t *root = json_read(file, err);
    bool ok = root && model_card_parse(root, file, ret, err);
    json_decref(root);
    mem_free(file);
    return ok;
}

void model_card_fini(struct model_card *card)
{
    json_decref(card->root);
    mem_free(card->file);
    mem_free(card->onnx);
    *card = (struct model_card){0};
}

static bool compare(const struct model_card *card, const char *sum, struct err *err)
{
    return !strcmp(sum, card->checksum) ||
        err_set(
            err, ERR_FORMAT,
            "'%s' is damaged or not the model that %s describes: its sum is sha256:%s, the card "
            "says sha256:%.12s...",
            card->onnx, path_base(card->file), sum, card->checksum);
}

bool model_card_verify(const struct model_card *card, struct err *err)
{
    char sum[DIGEST_SHA256_HEX];
    if (card->onnx && !file_exists(card->onnx)) {
        return err_set(err, ERR_FORMAT, "there is no '%s': a model is a card and a network",
                       card->onnx);
    }
    return card->tool || (digest_sha256_file(card->onnx, sum, err) && compare(card, sum, err));
}

bool model_card_verify_bytes(const struct model_card *card, const void *bytes, size_t n,
                             struct err *err)
{
    char sum[DIGEST_SHA256_HEX];
    digest_sha256(bytes, n, sum);
    return compare(card, sum, err);
}

const char *model_task_word(enum model_task task)
{
    return tasks[task];
}

bool model_name_check(const char *name, struct err *err)
{
    size_t n = strlen(name);
    bool ok = n > 0 && n <= MODEL_MAX_NAME && name[0] != '.' &&
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
    return ok ||
        err_set(
               err, ERR_FORMAT,
               "a model's name has 1 to %d letters, digits, dots, dashes and underscores, and does "
               "not begin with a dot: '%s'",
               MODEL_MAX_NAME, name);
}
