/* Names that every model has are in a table with their range; lists of labels are texts parted by
 * commas, or JSON lists. */
#include "steps/predict-settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"

#define OVERLAP 0.5
#define MOST_BATCH 1024.0

struct known {
    const char *name;
    bool whole;
    double least, most, usual;
};

/* Those without a range are lists of labels. */
static const struct known known[] = {
    {"overlap", false, 0, 0.9, OVERLAP},    {"threshold", false, -1e30, 1e30, NAN},
    {"batch_size", true, 1, MOST_BATCH, 1}, {"slice_first", true, 0, 1e9, 0},
    {"slice_last", true, -1, 1e9, -1},      {"min_voxels", true, 0, 1e12, 0},
    {"labels", false, NAN, NAN, NAN},       {"largest_only", false, NAN, NAN, NAN},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

static const struct known *find(const char *name)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return &known[i];
        }
    }
    return NULL;
}

static bool no_setting(const struct model_card *card, const char *wrong, struct err *err)
{
    struct str names = STR_INIT;
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)card->settings, name, value)
    {
        if (find(name) == NULL) {
            str_addf(&names, "%s, ", name);
        }
    }
    for (size_t i = 0; i < KNOWN; i++) {
        str_addf(&names, "%s%s", known[i].name, i + 1 < KNOWN ? ", " : "");
    }
    err_set(err, ERR_USAGE, "settings: there is no '%.60s'; there are: %s", wrong,
            str_text(&names));
    str_fini(&names);
    return false;
}

/* Given settings over the defaults of the card; those that only we know are added as they are. */
static bool join(const struct model_card *card, const json_t *given, json_t **ret, struct err *err)
{
    json_t *own = json_object();
    json_t *rest = json_object();
    json_t *all = NULL;
    const char *name;
    json_t *value;
    bool good = (own != NULL && rest != NULL) || err_set(err, ERR_NOMEM, "out of memory");

    json_object_foreach((json_t *)given, name, value)
    {
        bool in_card = json_object_get(card->settings, name) != NULL;

        if (good && !in_card && find(name) == NULL) {
            good = no_setting(card, name, err);
        }
        good = good && json_put(in_card ? own : rest, name, json_incref(value), err);
    }
    all = good ? model_settings(card, own, err) : NULL;
    good = all != NULL && json_object_update(all, rest) == 0;
    if (all != NULL && !good) {
        err_set(err, ERR_NOMEM, "out of memory");
        json_decref(all);
    }
    json_decref(own);
    json_decref(rest);
    *ret = good ? all : NULL;
    return good;
}

static bool number(const json_t *all, const char *name, double usual, double *ret, struct err *err)
{
    const struct known *k = find(name);
    const json_t *value = json_object_get(all, name);
    double x = json_is_number(value) ? json_number_value(value) : usual;

    if (value != NULL && !json_is_null(value) && !json_is_number(value)) {
        return err_set(err, ERR_USAGE, "settings: %s is no number", name);
    }
    if (json_is_number(value) && k != NULL &&
        (!(x >= k->least && x <= k->most) || (k->whole && x != floor(x)))) {
        return err_set(err, ERR_USAGE, "settings: %s is %g, and must be a %snumber from %g to %g",
                       name, x, k->whole ? "whole " : "", k->least, k->most);
    }
    *ret = x;
    return true;
}

/* The label that a word names: by its name or its number. */
static bool mark(const struct model_card *card, const char *setting, const char *word, size_t n,
                 bool ret[MODEL_MAX_LABELS], struct err *err)
{
    struct str names = STR_INIT;

    for (size_t i = 0; i < card->n_labels; i++) {
        char digits[24];
        size_t length = (size_t)snprintf(digits, sizeof(digits), "%zu", i);

        if ((strlen(card->labels[i]) == n && strncmp(card->labels[i], word, n) == 0) ||
            (length == n && strncmp(digits, word, n) == 0)) {
            ret[i] = true;
            str_fini(&names);
            return true;
        }
        str_addf(&names, "%s%s", i > 1 ? ", " : "", i > 0 ? card->labels[i] : "");
    }
    err_set(err, ERR_USAGE, "settings: %s: model %s has no label '%.*s'; it has %s", setting,
            card->name, (int)(n < 60 ? n : 60), word, str_text(&names));
    str_fini(&names);
    return false;
}

static bool mark_words(const struct model_card *card, const char *setting, const char *text,
                       bool ret[MODEL_MAX_LABELS], struct err *err)
{
    for (const char *at = text; *at != '\0';) {
        size_t skip = strspn(at, " ,;");
        size_t length = strcspn(at += skip, ",;");
        size_t word = length;

        while (word > 0 && at[word - 1] == ' ') {
            word--;
        }
        if (word > 0 && !mark(card, setting, at, word, ret, err)) {
            return false;
        }
        at += length;
    }
    return true;
}

/* true and "all" mean all labels, false and nothing none. */
static bool labels(const struct model_card *card, const char *setting, const json_t *value,
                   bool ret[MODEL_MAX_LABELS], struct err *err)
{
    size_t i;
    const json_t *one;

    if (json_is_true(value) ||
        (json_is_string(value) && strcmp(json_string_value(value), "all") == 0)) {
        memset(ret, 1, MODEL_MAX_LABELS * sizeof(*ret));
    } else if (json_is_string(value)) {
        return mark_words(card, setting, json_string_value(value), ret, err);
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, one)
        {
            const char *word = json_string_value(one);
            if (word == NULL) {
                return err_set(err, ERR_USAGE, "settings: %s is no list of names", setting);
            }
            if (!mark(card, setting, word, strlen(word), ret, err)) {
                return false;
            }
        }
    } else if (value != NULL && !json_is_false(value) && !json_is_null(value)) {
        return err_set(err, ERR_USAGE,
                       "settings: %s must be names of labels parted by commas, a list of them, or "
                       "true for all",
                       setting);
    }
    return true;
}

/* What the card's output says is the default of filters. */
static const json_t *of_output(const struct model_card *card, const json_t *all, const char *name)
{
    const json_t *value = json_object_get(all, name);

    return value != NULL ? value : json_object_get(json_object_get(card->root, "output"), name);
}

static bool take(const struct model_card *card, struct predict_settings *s, struct err *err)
{
    const json_t *wanted = json_object_get(s->all, "labels");
    double batch = 1;
    double first = 0;
    double last = -1;
    double least = json_number_value(of_output(card, s->all, "min_voxels"));
    bool any = false;
    bool good = number(s->all, "overlap", OVERLAP, &s->overlap, err) &&
        number(s->all, "threshold", card->threshold, &s->threshold, err) &&
        number(s->all, "batch_size", 1, &batch, err) &&
        number(s->all, "slice_first", 0, &first, err) &&
        number(s->all, "slice_last", -1, &last, err) &&
        number(s->all, "min_voxels", least, &least, err) &&
        labels(card, "labels", wanted, s->keep, err) &&
        labels(card, "largest_only", of_output(card, s->all, "largest_only"), s->largest, err);

    for (size_t i = 0; i < MODEL_MAX_LABELS; i++) {
        any = any || s->keep[i];
    }
    if (good && !any) {
        memset(s->keep, 1, sizeof(s->keep));
    }
    if (good && last >= 0 && last < first) {
        good = err_set(err, ERR_USAGE, "settings: slice_last is %g, before slice_first %g", last,
                       first);
    }
    s->threshold_set = json_is_number(json_object_get(s->all, "threshold"));
    s->batch = (size_t)batch;
    s->first = (size_t)first;
    s->last = last < 0 ? SIZE_MAX : (size_t)last;
    s->min_voxels = least > 0 ? (size_t)least : 0;
    return good;
}

bool predict_settings_read(const struct model_card *card, const char *text,
                           struct predict_settings *ret, struct err *err)
{
    struct predict_settings s = {.all = NULL};
    json_t *given =
        text[0] == '\0' ? json_object() : json_parse(text, strlen(text), "settings", err);
    bool good = given != NULL;

    if (good && !json_is_object(given)) {
        good = err_set(err, ERR_USAGE, "settings must be a JSON object: {\"overlap\": 0.5}");
    }
    good = good && join(card, given, &s.all, err) && take(card, &s, err);
    json_decref(given);
    if (!good) {
        predict_settings_fini(&s);
        return false;
    }
    *ret = s;
    return true;
}

void predict_settings_fini(struct predict_settings *s)
{
    json_decref(s->all);
    s->all = NULL;
}

bool predict_slices(const struct volume *in, const struct predict_settings *s,
                    struct volume *ret_view, struct err *err)
{
    size_t last = s->last < in->n[2] ? s->last : in->n[2] - 1;
    struct volume view = *in;

    if (s->first > last) {
        return err_set(err, ERR_USAGE,
                       "settings: slice_first is %zu, and the series has slices 0 to %zu", s->first,
                       in->n[2] - 1);
    }
    view.n[2] = last - s->first + 1;
    view.n[3] = 1;
    view.voxels = (char *)in->voxels + s->first * in->n[0] * in->n[1] * voxel_bytes(in->kind);
    for (size_t r = 0; r < 3; r++) {
        view.affine[r][3] += in->affine[r][2] * (double)s->first;
    }
    *ret_view = view;
    return true;
}
