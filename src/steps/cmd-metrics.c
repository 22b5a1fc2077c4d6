/*
 * gantry-imaging metrics FILE: the figures of validations, for scripts and for the tests that hold
 * them against other programs. Each line of FILE is a question and is answered by a line:
 *   {"prediction": MASK, "truth": MASK, "tolerance": 1}  -> {"labels": [...]}
 *   {"scores": [0.1, ...], "positive": [0, ...]}         -> {"auc": ..., "rates": ..., ...}
 * The rates are those of calling positive what has 0.5 or more.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "codec/json.h"
#include "math/roc.h"
#include "os/file.h"
#include "steps/command.h"
#include "steps/figures.h"
#include "steps/mask-pair.h"

extern const struct command command_word_metrics;

static json_t *masks(const json_t *question, struct err *err)
{
    struct mask_pair pair = {.predicted = NULL};
    struct overlap *list = NULL;
    size_t n = 0;
    json_t *rows = json_array();
    bool good = mask_pair_read(&pair, NULL, json_get_text(question, "prediction", ""),
                               json_get_text(question, "truth", ""), err) &&
        overlap_find(pair.predicted, pair.truth, pair.n, &list, &n, err);

    for (size_t i = 0; good && i < n; i++) {
        json_t *row = NULL;
        good = overlap_measure(pair.predicted, pair.truth, pair.n, pair.mm,
                               json_get_double(question, "tolerance", 1), 0, &list[i], err) &&
            (row = figures_overlap(&list[i], err)) != NULL &&
            json_put(row, "value", json_integer(list[i].label), err) &&
            json_array_append(rows, row) == 0;
        json_decref(row);
    }
    mem_free(list);
    mask_pair_fini(&pair);
    if (!good) {
        json_decref(rows);
        return NULL;
    }
    return json_pack("{s:o}", "labels", rows);
}

static json_t *scores(const json_t *question, struct err *err)
{
    const json_t *list = json_object_get(question, "scores");
    const json_t *truth = json_object_get(question, "positive");
    size_t n = json_array_size(list);
    double *score = mem_array(n + 1, sizeof(*score), err);
    uint8_t *positive = mem_array(n + 1, 1, err);
    struct roc_rates rates = {.true_positive = 0};
    json_t *answer = NULL;

    for (size_t i = 0; score != NULL && positive != NULL && i < n; i++) {
        score[i] = json_number_value(json_array_get(list, i));
        positive[i] = json_integer_value(json_array_get(truth, i)) != 0;
        bool called = score[i] >= 0.5;
        rates.true_positive += called && positive[i];
        rates.false_positive += called && !positive[i];
        rates.true_negative += !called && !positive[i];
        rates.false_negative += !called && positive[i];
    }
    if (score != NULL && positive != NULL) {
        roc_rates(&rates);
        answer = json_object();
        if (!figures_scores(answer, score, positive, n, err) ||
            !json_put(answer, "rates", figures_rates(&rates, err), err)) {
            json_decref(answer);
            answer = NULL;
        }
    }
    mem_free(score);
    mem_free(positive);
    return answer;
}

static bool answer_line(const char *line, size_t length, size_t number, struct err *err)
{
    char what[40];

    snprintf(what, sizeof(what), "line %zu", number);
    json_t *question = json_parse(line, length, what, err);
    json_t *answer = question == NULL                 ? NULL
        : json_object_get(question, "scores") != NULL ? scores(question, err)
                                                      : masks(question, err);
    char *text = answer != NULL ? json_text(answer, err) : NULL;

    if (text != NULL) {
        puts(text);
    }
    mem_free(text);
    json_decref(answer);
    json_decref(question);
    return text != NULL || err_wrap(err, "%s", what);
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    size_t length = 0;
    char *text = NULL;
    bool good = argc == 1 || err_set(&err, ERR_USAGE, "metrics takes one file of questions");

    good = good && (text = file_read(argv[0], 0, &length, &err)) != NULL;
    for (size_t i = 0, number = 1; good && i < length; number++) {
        size_t n = strcspn(text + i, "\n");
        good = n == 0 || answer_line(text + i, n, number, &err);
        i += n + 1;
    }
    mem_free(text);
    return good ? 0 : command_fail(&err);
}

const struct command command_word_metrics = {
    .name = "metrics",
    .usage = "FILE",
    .help = "figures of validations: a JSON line for each line of FILE, {\"prediction\": MASK, "
            "\"truth\": MASK} or {\"scores\": [...], \"positive\": [...]}",
    .run = run,
};
