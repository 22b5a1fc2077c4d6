/*
 * Of classes: what the model said of each series is in its values.json, the truth in the plan. With
 * two classes (or one that is asked for) there is one positive class; with more, each is held
 * against all others.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "os/file.h"
#include "steps/figures.h"
#include "steps/validation.h"

#define CLASSES 256

struct judged {
    json_t *row;
    size_t truth, said; /* said: the number of classes when it is none */
    double *score;      /* of each class */
};

struct classes {
    const char *name[CLASSES];
    size_t n;
    char not_it[160]; /* of a model with one class: what the others are called */
    json_t *source;   /* the names lie in it */
    struct judged *list;
    size_t judged;
};

static bool out_of_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

static bool take_classes(struct classes *c, const json_t *values)
{
    const json_t *names = json_object_get(values, "labels");
    size_t n = json_array_size(names);

    if (n == 0 || n > CLASSES) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        c->name[i] = json_string_value(json_array_get(names, i));
        if (c->name[i] == NULL) {
            return false;
        }
    }
    c->source = json_incref((json_t *)names);
    c->n = n;
    if (n == 1) {
        snprintf(c->not_it, sizeof(c->not_it), "not %.150s", c->name[0]);
        str_utf8_mend(c->not_it);
        c->name[1] = c->name[0];
        c->name[0] = c->not_it;
        c->n = 2;
    }
    return true;
}

static bool among(const char *const *words, const char *text)
{
    while (*words != NULL && strcasecmp(*words, text) != 0) {
        words++;
    }
    return *words != NULL;
}

/* The class that a word of the truth means: its name, its number, or yes and no. */
static bool class_of(const struct classes *c, const char *text, size_t *ret)
{
    static const char *const no[] = {"negative", "normal", "no", "false", NULL};
    static const char *const yes[] = {"positive", "abnormal", "pathology", "yes", "true", NULL};
    int64_t number;

    for (size_t i = 0; i < c->n; i++) {
        if (strcasecmp(c->name[i], text) == 0) {
            *ret = i;
            return true;
        }
    }
    if (num_int64(text, &number) && number >= 0 && number < (int64_t)c->n) {
        *ret = (size_t)number;
        return true;
    }
    *ret = among(yes, text);
    return c->n == 2 && (among(yes, text) || among(no, text));
}

static void list_classes(const struct classes *c, struct str *out)
{
    for (size_t i = 0; i < c->n && out->len < 200; i++) {
        str_addf(out, "%s%s", i > 0 ? ", " : "", c->name[i]);
    }
}

/* Scores of all classes, and the class with the greatest; one score of two classes is that of the
 * second. */
static bool take_scores(const struct classes *c, const json_t *values, double *score)
{
    const json_t *list = json_object_get(values, "scores");
    size_t n = json_array_size(list);

    if (n != c->n && !(n == 1 && c->n == 2)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!json_is_number(json_array_get(list, i))) {
            return false;
        }
        score[i] = json_number_value(json_array_get(list, i));
    }
    if (n == 1) {
        score[1] = score[0];
        score[0] = 1 - score[1];
    }
    return true;
}

/* c->n: no class reached the model's threshold. */
static size_t winner(const struct classes *c, const json_t *values, const double *score)
{
    const char *label = json_get_text(values, "label", NULL);
    size_t best = 0;

    if (label != NULL && label[0] == '\0') {
        return c->name[0] == c->not_it ? 0 : c->n;
    }
    for (size_t i = 0; i < c->n; i++) {
        best = score[i] > score[best] ? i : best;
    }
    for (size_t i = 0; label != NULL && i < c->n; i++) {
        best = strcmp(c->name[i], label) == 0 ? i : best;
    }
    return best;
}

static bool judge(struct classes *c, const json_t *values, json_t *row, struct judged *ret,
                  struct err *err)
{
    const char *truth = json_get_text(row, "truth", "");
    struct str text = STR_INIT;
    bool known = (c->n > 0 || take_classes(c, values)) &&
        json_equal(c->source, json_object_get(values, "labels")) &&
        take_scores(c, values, ret->score);
    bool good;

    if (!known) {
        return validation_refuse(row, "its values.json has no scores, or of other classes", err);
    }
    if (!class_of(c, truth, &ret->truth)) {
        str_addf(&text, "label '%.60s' of the truth is none of: ", truth);
        list_classes(c, &text);
        good = str_ok(&text, err) && validation_refuse(row, str_text(&text), err);
        str_fini(&text);
        return good;
    }
    ret->said = winner(c, values, ret->score);
    ret->row = row;
    c->judged++;
    return json_put(row, "state", json_string("compared"), err) &&
        json_put(row, "truth", json_string(c->name[ret->truth]), err) &&
        json_put(row, "predicted", json_string(ret->said < c->n ? c->name[ret->said] : "none"),
                 err) &&
        json_put(row, "right", json_boolean(ret->said == ret->truth), err) &&
        json_put(row, "true_score", figures_number(ret->score[ret->truth]), err);
}

static bool read_one(struct validation *v, struct classes *c, json_t *row, struct err *err)
{
    char *path = mem_printf(err, "%s/%s/values.json", json_get_text(v->plan, "predictions", ""),
                            json_get_text(row, "stem", ""));
    struct err why = {ERR_NONE, ""};
    json_t *values = path != NULL ? json_read(path, &why) : NULL;
    struct judged *next = &c->list[c->judged];
    bool good = path != NULL;

    if (good && values == NULL) {
        good = validation_refuse(row, why.text, err);
    } else if (good) {
        next->score = mem_array(CLASSES, sizeof(double), err);
        good = next->score != NULL && judge(c, values, row, next, err);
        if (next->row == NULL) {
            mem_free(next->score);
            next->score = NULL;
        }
    }
    json_decref(values);
    mem_free(path);
    return good;
}

/* The score that stands in the row: of the positive class, or else of the true one. */
static bool put_scores(struct classes *c, size_t positive, struct err *err)
{
    bool good = true;

    for (size_t i = 0; good && i < c->judged; i++) {
        struct judged *j = &c->list[i];
        json_t *scores = json_array();
        good = json_put(j->row, "scores", scores, err) &&
            json_put(j->row, "score",
                     figures_number(j->score[positive < c->n ? positive : j->truth]), err);
        for (size_t k = 0; good && k < c->n; k++) {
            good = json_array_append_new(scores, figures_number(j->score[k])) == 0 ||
                out_of_memory(err);
        }
    }
    return good;
}

/* What was said most firmly and is wrong comes first. */
static int worst_first(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a;
    const json_t *y = *(json_t *const *)b;
    double p = figures_value(json_object_get(x, "true_score"));
    double q = figures_value(json_object_get(y, "true_score"));
    int right = json_get_bool(x, "right", false);
    int other = json_get_bool(y, "right", false);
    int64_t i = json_get_int(x, "item", 0);
    int64_t k = json_get_int(y, "item", 0);

    if (isnan(p) != isnan(q)) {
        return isnan(p) ? 1 : -1;
    }
    if (!isnan(p) && right != other) {
        return right - other;
    }
    if (!isnan(p) && p != q) {
        return p < q ? -1 : 1;
    }
    return (i > k) - (i < k);
}

/* One class against all others. */
static json_t *one_class(const struct classes *c, size_t k, double *score, uint8_t *positive,
                         struct err *err)
{
    struct roc_rates r = {.true_positive = 0};

    for (size_t i = 0; i < c->judged; i++) {
        const struct judged *j = &c->list[i];
        score[i] = j->score[k];
        positive[i] = j->truth == k;
        r.true_positive += j->said == k && j->truth == k;
        r.false_positive += j->said == k && j->truth != k;
        r.true_negative += j->said != k && j->truth != k;
        r.false_negative += j->said != k && j->truth == k;
    }
    roc_rates(&r);
    json_int_t cases = (json_int_t)r.true_positive + (json_int_t)r.false_negative;
    json_t *one = json_pack("{s:s, s:I}", "name", c->name[k], "n", cases);
    if (one == NULL || !json_put(one, "rates", figures_rates(&r, err), err) ||
        !figures_scores(one, score, positive, c->judged, err)) {
        json_decref(one);
        return NULL;
    }
    return one;
}

static bool put_matrix(struct validation *v, const struct classes *c, struct err *err)
{
    json_t *names = json_array();
    json_t *matrix = json_array();
    size_t right = 0;
    json_int_t undecided = 0;
    struct roc_share accuracy;
    bool good =
        json_put(v->doc, "classes", names, err) && json_put(v->doc, "confusion", matrix, err);

    for (size_t r = 0; good && r < c->n; r++) {
        json_t *row = json_array();
        good = json_array_append_new(names, json_string(c->name[r])) == 0 && row != NULL &&
            json_array_append_new(matrix, row) == 0;
        for (size_t k = 0; good && k < c->n; k++) {
            size_t n = 0;
            for (size_t i = 0; i < c->judged; i++) {
                n += c->list[i].truth == r && c->list[i].said == k;
            }
            right += r == k ? n : 0;
            good = json_array_append_new(row, json_integer((json_int_t)n)) == 0;
        }
    }
    for (size_t i = 0; i < c->judged; i++) {
        undecided += c->list[i].said == c->n;
    }
    roc_wilson(right, c->judged, &accuracy);
    return (good || out_of_memory(err)) &&
        json_put(v->doc, "undecided", json_integer(undecided), err) &&
        json_put(v->doc, "accuracy", figures_share(&accuracy), err);
}

static bool put_summary(struct validation *v, const struct classes *c, size_t positive,
                        struct err *err)
{
    double *score = mem_array(c->judged + 1, sizeof(*score), err);
    uint8_t *is = mem_array(c->judged + 1, 1, err);
    json_t *list = json_array();
    bool good = score != NULL && is != NULL && json_put(v->doc, "per_class", list, err) &&
        json_put(v->doc, "positive", positive < c->n ? json_string(c->name[positive]) : json_null(),
                 err) &&
        put_matrix(v, c, err);

    for (size_t k = 0; good && k < c->n; k++) {
        if (positive < c->n && k != positive) {
            continue;
        }
        json_t *one = one_class(c, k, score, is, err);
        good = one != NULL && (json_array_append(list, one) == 0 || out_of_memory(err));
        json_decref(one);
    }
    mem_free(score);
    mem_free(is);
    return good;
}

/* Which class is called positive; none of a model with several when nobody asked. */
static bool find_positive(const struct validation *v, const struct classes *c, size_t *ret,
                          struct err *err)
{
    const char *wanted = json_get_text(v->plan, "positive", "");
    struct str text = STR_INIT;

    *ret = c->n == 2 ? 1 : c->n;
    for (size_t i = 0; i < c->n; i++) {
        if (strcasecmp(c->name[i], wanted) == 0) {
            *ret = i;
            return true;
        }
    }
    if (wanted[0] == '\0' || c->n == 0) {
        return true;
    }
    list_classes(c, &text);
    err_set(err, ERR_USAGE, "positive: '%.60s' is none of the model's classes: %s", wanted,
            str_text(&text));
    str_fini(&text);
    return false;
}

static bool read_all(struct validation *v, struct classes *c, struct err *err)
{
    const json_t *planned;
    const json_t *all = json_object_get(v->plan, "series");
    size_t i;

    c->list = mem_array(json_array_size(all) + 1, sizeof(*c->list), err);
    if (c->list == NULL) {
        return false;
    }
    json_array_foreach(all, i, planned)
    {
        json_t *row = validation_row(planned, err);
        bool good = row != NULL && (json_array_append(v->rows, row) == 0 || out_of_memory(err)) &&
            (strcmp(json_get_text(row, "state", ""), "found") != 0 || read_one(v, c, row, err));
        json_decref(row); /* the rows of the document hold it */
        if (!good || !job_go_on(v->job, err)) {
            return false;
        }
        job_progress(v->job, 0.7 * (double)i / (double)json_array_size(all), "reading");
    }
    return true;
}

bool validation_labels(struct validation *v, struct err *err)
{
    struct classes c = {.n = 0};
    size_t positive = 0;
    bool good = read_all(v, &c, err) && find_positive(v, &c, &positive, err) &&
        put_scores(&c, positive, err) && put_summary(v, &c, positive, err) &&
        validation_sort(v, worst_first, err);

    for (size_t i = 0; c.list != NULL && i < c.judged; i++) {
        mem_free(c.list[i].score);
    }
    mem_free(c.list);
    json_decref(c.source);
    return good;
}
