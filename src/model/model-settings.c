/* Checking a form, then values against it. */
#include "model/model-settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"

#define MOST_TEXT 2000 /* bytes of a text that somebody typed */

static const char *const types[] = {"number", "integer", "boolean", "string",
                                    "text",   "choice",  "labels",  NULL};

/* " a b c", cut where it does not fit. */
static void add_word(char *what, size_t size, const char *word)
{
    size_t n = strlen(what);
    if (n + 1 < size) {
        (void)snprintf(what + n, size - n, " %s", word ? word : "");
    }
}

/* Is `value` among the words that a choice, or an entry of a list, may be? `what` gets them. */
static bool among(const struct model_card *c, const json_t *setting, const json_t *value,
                  char *what, size_t size)
{
    const json_t *choices = json_object_get(setting, "choices"), *choice;
    const char *given = json_string_value(value);
    bool known = false;
    size_t i;
    json_array_foreach((json_t *)choices, i, choice)
    {
        known = known || (given && str_equal(json_string_value(choice), given));
        add_word(what, size, json_string_value(choice));
    }
    for (i = 0; !choices && i < c->n_labels; i++) {
        known = known || (given && !strcmp(c->labels[i], given));
        add_word(what, size, c->labels[i]);
    }
    return known;
}

static bool fits_list(const struct model_card *c, const json_t *setting, const json_t *value,
                      char *what, size_t size)
{
    const json_t *word;
    size_t i;
    double least = json_get_double(setting, "minimum", 1);
    bool ok = json_is_array(value) && (double)json_array_size(value) >= least;
    (void)snprintf(what, size, "must be a list of");
    (void)among(c, setting, NULL, what, size);
    json_array_foreach((json_t *)value, i, word)
    {
        char rest[8] = "";
        ok = ok && among(c, setting, word, rest, sizeof rest);
    }
    return ok;
}

static bool fits_number(const json_t *setting, const json_t *value, char *what, size_t size)
{
    bool integer = !strcmp(json_get_text(setting, "type", ""), "integer");
    double least = json_get_double(setting, "minimum", -HUGE_VAL),
           most = json_get_double(setting, "maximum", HUGE_VAL), x = json_number_value(value);
    char from[40] = "", to[40] = "";
    if (isfinite(least)) {
        (void)snprintf(from, sizeof from, " from %g", least);
    }
    if (isfinite(most)) {
        (void)snprintf(to, sizeof to, " %s %g", from[0] ? "to" : "of at most", most);
    }
    (void)snprintf(what, size, "must be a %snumber%s%s", integer ? "whole " : "", from, to);
    return (integer ? json_is_integer(value) : json_is_number(value)) && x >= least && x <= most;
}

/* Does `value` fit the setting's type, range and choices? `what` says what it must be. */
static bool fits(const struct model_card *c, const json_t *setting, const json_t *value, char *what,
                 size_t size)
{
    const char *type = json_get_text(setting, "type", "");
    if (!strcmp(type, "choice")) {
        (void)snprintf(what, size, "must be one of");
        return among(c, setting, value, what, size);
    }
    if (!strcmp(type, "labels")) {
        return fits_list(c, setting, value, what, size);
    }
    if (!strcmp(type, "number") || !strcmp(type, "integer")) {
        return fits_number(setting, value, what, size);
    }
    bool boolean = !strcmp(type, "boolean");
    (void)snprintf(what, size, "must be %s",
                   boolean ? "true or false" : "a text of at most 2000 bytes");
    return boolean ? json_is_boolean(value)
                   : json_is_string(value) && json_string_length(value) <= MOST_TEXT;
}

struct place {
    const char *file, *name;
};

static bool wrong(struct err *err, struct place at, const char *key, const char *what)
{
    return err_set(err, ERR_FORMAT, "%s: settings.%.60s.%s %s", at.file, at.name, key, what);
}

static bool check_words(const struct model_card *c, const json_t *setting, struct place at,
                        struct err *err)
{
    static const char *const texts[] = {"type", "help", "label", NULL};
    const char *type = json_get_text(setting, "type", "");
    const json_t *choices = json_object_get(setting, "choices"), *choice;
    size_t i;
    for (i = 0; texts[i]; i++) {
        const json_t *text = json_object_get(setting, texts[i]);
        if (text && !json_is_string(text)) {
            return wrong(err, at, texts[i], "must be a text");
        }
    }
    for (i = 0; types[i] && strcmp(types[i], type) != 0; i++) {
    }
    if (!types[i]) {
        return wrong(err, at, "type",
                     "must be one of number integer boolean text string choice labels");
    }
    if (choices && !json_is_array(choices)) {
        return wrong(err, at, "choices", "must be a list of texts");
    }
    json_array_foreach((json_t *)choices, i, choice)
    {
        if (!json_is_string(choice) || !json_string_value(choice)[0]) {
            return wrong(err, at, "choices", "must be texts");
        }
    }
    if (json_array_size(choices) == 0 &&
        (!strcmp(type, "choice") || (!strcmp(type, "labels") && (choices || c->n_labels == 0)))) {
        return wrong(err, at, "choices", "is missing (a list of texts)");
    }
    return true;
}

static bool check_setting(const struct model_card *c, const json_t *setting, struct place at,
                          struct err *err)
{
    static const char *const keys[] = {"type",    "default", "minimum", "maximum",
                                       "choices", "help",    "label",   NULL};
    char what[300];
    struct err why;
    if (!json_is_object(setting)) {
        return err_set(err, ERR_FORMAT, "%s: settings.%.60s must be an object", at.file, at.name);
    }
    (void)snprintf(what, sizeof what, "settings.%.60s", at.name);
    if (!json_only_keys(setting, keys, what, &why)) {
        return err_set(err, ERR_FORMAT, "%s: %s", at.file, why.text);
    }
    if (!check_words(c, setting, at, err)) {
        return false;
    }
    const json_t *least = json_object_get(setting, "minimum"),
                 *most = json_object_get(setting, "maximum");
    if ((least && !json_is_number(least)) || (most && !json_is_number(most))) {
        return wrong(err, at, least && !json_is_number(least) ? "minimum" : "maximum",
                     "must be a number");
    }
    if (least && most && json_number_value(least) > json_number_value(most)) {
        return wrong(err, at, "minimum", "is above the maximum");
    }
    if (!json_object_get(setting, "default")) {
        return wrong(err, at, "default", "is missing");
    }
    return fits(c, setting, json_object_get(setting, "default"), what, sizeof what) ||
        wrong(err, at, "default", what);
}

/* A last slice below 0 is the last there is. */
static bool in_order(int64_t first, int64_t last)
{
    return last < 0 || first <= last;
}

static int64_t default_of(const json_t *form, const char *name, int64_t fallback)
{
    return json_get_int(json_object_get(form, name), "default", fallback);
}

bool model_settings_parse(const json_t *root, struct model_card *c, const char *file,
                          struct err *err)
{
    const char *name;
    json_t *setting;
    c->settings = json_object_get(root, "settings");
    if (c->settings && !json_is_object(c->settings)) {
        return err_set(err, ERR_FORMAT, "%s: settings must be an object", file);
    }
    json_object_foreach((json_t *)c->settings, name, setting)
    {
        if (!check_setting(c, setting, (struct place){file, name}, err)) {
            return false;
        }
    }
    return in_order(default_of(c->settings, "slice_first", 0),
                    default_of(c->settings, "slice_last", -1)) ||
        err_set(err, ERR_FORMAT, "%s: settings.slice_first.default lies behind slice_last's", file);
}

/* `form` NULL: it has no settings. */
static bool check_given(const struct model_card *card, const json_t *form, const char *name,
                        const json_t *value, struct err *err)
{
    char what[300];
    const json_t *setting = json_object_get(form, name);
    if (!setting) {
        struct str known = STR_INIT;
        const char *key;
        json_t *other;
        json_object_foreach((json_t *)form, key, other)
        {
            str_addf(&known, "%s%s", known.len ? ", " : "", key);
        }
        (void)err_set(err, ERR_USAGE, "model '%s' has no setting '%.60s' (%s%.250s)", card->name,
                      name, known.len ? "it has " : "it has none", str_text(&known));
        str_fini(&known);
        return false;
    }
    return fits(card, setting, value, what, sizeof what) ||
        err_set(err, ERR_USAGE, "setting '%s' of model '%s' %s", name, card->name, what);
}

static bool check_range(const struct model_card *card, const json_t *all, struct err *err)
{
    int64_t first = json_get_int(all, "slice_first", 0), last = json_get_int(all, "slice_last", -1);
    return in_order(first, last) ||
        err_set(err, ERR_USAGE,
                "setting 'slice_first' of model '%s' must not lie behind slice_last: %lld, %lld",
                card->name, (long long)first, (long long)last);
}

static json_t *complete(const struct model_card *card, const json_t *form, const json_t *given,
                        struct err *err)
{
    json_t *all = json_object();
    const char *name;
    json_t *setting, *value;
    bool ok = all != NULL || err_set(err, ERR_NOMEM, "out of memory");
    json_object_foreach((json_t *)form, name, setting)
    {
        ok = ok && json_put(all, name, json_incref(json_object_get(setting, "default")), err);
    }
    json_object_foreach((json_t *)given, name, value)
    {
        ok = ok && check_given(card, form, name, value, err) &&
            json_put(all, name, json_incref(value), err);
    }
    if (!ok || !check_range(card, all, err)) {
        json_decref(all);
        return NULL;
    }
    return all;
}

json_t *model_settings(const struct model_card *card, const json_t *given, struct err *err)
{
    return complete(card, card->settings, given, err);
}

double model_setting(const json_t *settings_given, const char *name, double fallback)
{
    return json_get_double(settings_given, name, fallback);
}

/* All labels but the background; `only` (NULL: all): those it names. */
static json_t *label_names(const struct model_card *c, const json_t *only)
{
    json_t *names = json_is_array(only) ? json_deep_copy(only) : json_array();
    for (size_t i = 1; names && !json_is_array(only) && i < c->n_labels; i++) {
        (void)json_array_append_new(names, json_string(c->labels[i]));
    }
    return names;
}

/* What the tools can do with any model of its task. */
static json_t *common(const struct model_card *c, struct err *err)
{
    json_t *form = json_pack("{s:{s:s, s:s, s:i, s:i, s:s}, s:{s:s, s:s, s:i, s:i, s:s}}",
                             "slice_first", "type", "integer", "label", "First slice", "default", 0,
                             "minimum", 0, "help", "from 0; slices before it are left out",
                             "slice_last", "type", "integer", "label", "Last slice", "default", -1,
                             "minimum", -1, "help", "from 0; -1 = the last there is");
    bool segments = c->task == MODEL_SEGMENTATION,
         asks = !segments || c->activation == MODEL_SIGMOID;
    bool ok = form != NULL &&
        (!asks ||
         json_object_set_new(form, "threshold",
                             json_pack("{s:s, s:s, s:f, s:s}", "type", "number", "label",
                                       "Threshold", "default", c->threshold, "help",
                                       "a score from here on is positive")) == 0);
    json_t *more = ok && segments
        ? json_pack("{s:{s:s, s:s, s:f, s:i, s:f, s:s}, s:{s:s, s:s, s:i, s:i, s:i, s:s}, s:{s:s, "
                    "s:s, s:I, s:i, s:s}}",
                    "overlap", "type", "number", "label", "Overlap", "default", 0.5, "minimum", 0,
                    "maximum", 0.9, "help", "share of a patch that its neighbour covers too",
                    "batch_size", "type", "integer", "label", "Batch size", "default", 1, "minimum",
                    1, "maximum", 1024, "help", "patches at once: faster, and more memory",
                    "min_voxels", "type", "integer", "label", "Least voxels", "default",
                    (json_int_t)c->min_voxels, "minimum", 0, "help",
                    "smaller parts of a label are taken off; 0 = none")
        : json_object();
    if (more && segments && c->n_labels > 1) {
        json_t *largest = json_is_true(c->largest_only) ? label_names(c, NULL)
            : json_is_array(c->largest_only)            ? label_names(c, c->largest_only)
                                                        : json_array();
        ok = json_object_set_new(more, "labels",
                                 json_pack("{s:s, s:s, s:o, s:o, s:s}", "type", "labels", "label",
                                           "Labels", "default", label_names(c, NULL), "choices",
                                           label_names(c, NULL), "help",
                                           "which of them the mask keeps")) == 0 &&
            json_object_set_new(more, "largest_only",
                                json_pack("{s:s, s:s, s:o, s:o, s:i, s:s}", "type", "labels",
                                          "label", "Largest part only", "default", largest,
                                          "choices", label_names(c, NULL), "minimum", 0, "help",
                                          "labels of which only the largest part stays")) == 0;
    }
    ok = ok && more && json_object_update(form, more) == 0;
    json_decref(more);
    if (!ok) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
        json_decref(form);
        return NULL;
    }
    return form;
}

json_t *model_form(const struct model_card *card, struct err *err)
{
    json_t *form = card->tool || card->task == MODEL_COR ? json_object() : common(card, err);
    if (form && card->settings && json_object_update(form, (json_t *)card->settings) != 0) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
        json_decref(form);
        return NULL;
    }
    return form;
}

json_t *model_form_settings(const struct model_card *card, const json_t *given, struct err *err)
{
    json_t *form = model_form(card, err);
    json_t *all = form ? complete(card, form, given, err) : NULL;
    json_decref(form);
    return all;
}
