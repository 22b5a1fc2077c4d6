/* Words of the command line to the arguments of prediction.check and prediction.create. */
#include "cli/predict-dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "cli/launch.h"

#define SHOWN_MISFITS 5 /* series that are named for each reason */

/* Options of the other way, and of this one. */
static const char *const of_triage[] = {"input", "output", "workers", "truth", "plain", NULL};
static const char *const of_dataset[] = {"series", "set",     "skip-misfits", "trial",
                                         "detach", "dry-run", "priority",     NULL};

bool predict_dataset_words(struct cli *c, struct err *err)
{
    for (size_t i = 0; of_dataset[i]; i++) {
        if (cli_has(c, of_dataset[i])) {
            return cli_usage(c, err, "--%s goes with --dataset", of_dataset[i]);
        }
    }
    return true;
}

static bool check_words(struct cli *c, struct err *err)
{
    for (size_t i = 0; of_triage[i]; i++) {
        if (cli_has(c, of_triage[i])) {
            return cli_usage(c, err, "--%s is of CT triage and does not go with --dataset",
                             of_triage[i]);
        }
    }
    return cli_has(c, "model") ||
        cli_usage(c, err, "--model M is wanted: a model's name (gantry model ls)");
}

/* Every value of an option, in order. */
static json_t *texts(const struct cli *c, const char *name, struct err *err)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < cli_count(c, name); i++) {
        ok = json_array_append_new(list, json_string(cli_nth(c, name, i))) == 0;
    }
    if (!ok) {
        (void)err_set(err, ERR_NOMEM, "out of memory, or --%s is no UTF-8", name);
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *settings(const struct cli *c, struct err *err)
{
    size_t n = cli_count(c, "set");
    char **words = mem_array(n + 1, sizeof *words, err);
    for (size_t i = 0; words && i < n; i++) {
        words[i] = (char *)cli_nth(c, "set", i);
    }
    json_t *all = words ? cli_pairs(c, words, n, err) : NULL;
    mem_free(words);
    return all;
}

static json_t *arguments(const struct cli *c, struct err *err)
{
    json_t *series = texts(c, "series", err), *set = series ? settings(c, err) : NULL;
    json_t *args = set
        ? json_pack("{s:s, s:s, s:O, s:O, s:b, s:b, s:I}", "dataset", cli_text(c, "dataset", ""),
                    "model", cli_text(c, "model", ""), "series", series, "settings", set,
                    "skip_misfits", (int)cli_has(c, "skip-misfits"), "trial",
                    (int)cli_has(c, "trial"), "priority", (json_int_t)cli_int(c, "priority", 0))
        : NULL;
    if (set && !args) {
        (void)err_set(err, ERR_NOMEM, "out of memory, or a name is no UTF-8");
    }
    json_decref(series);
    json_decref(set);
    return args;
}

static char *item_name(struct cli *c, int64_t item, struct err *err)
{
    char *name = NULL;
    struct store *s = cli_store(c, err);
    return s && store_text(s, &name, err, "SELECT name FROM item WHERE id=?1", "i", item) ? name
                                                                                          : NULL;
}

/* As they would be given: overlap=0.1 labels=["lung"]. */
static bool say_settings(struct cli *c, json_t *settings, struct err *err)
{
    const char *name;
    json_t *value;
    bool ok = true;
    cli_print(c, "settings:%s", json_object_size(settings) ? "" : " none");
    json_object_foreach(settings, name, value)
    {
        char *text = !ok          ? NULL
            : json_is_real(value) ? mem_printf(err, "%.15g", json_real_value(value))
                                  : json_line(value, err);
        ok = text != NULL;
        cli_print(c, " %s=%s", name, text ? text : "");
        mem_free(text);
    }
    cli_print(c, "\n");
    return ok;
}

/* The line that the form shows before Submit, then who does not fit. */
static bool say_check(struct cli *c, const json_t *answer, struct err *err)
{
    const json_t *row, *misfits = json_object_get(answer, "misfits");
    size_t i, k;
    cli_print(c, "%s\n", json_get_text(answer, "text", ""));
    json_array_foreach((json_t *)misfits, i, row)
    {
        const json_t *items = json_object_get(row, "items");
        cli_print(c, "  %s:", json_get_text(row, "reason", ""));
        for (k = 0; k < json_array_size(items) && k < SHOWN_MISFITS; k++) {
            char *name = item_name(c, json_integer_value(json_array_get(items, k)),
                                   err_ignore("the number is told instead"));
            cli_print(c, "%s %s", k ? "," : "", name ? name : "?");
            mem_free(name);
        }
        cli_print(c, "%s\n", json_array_size(items) > k ? ", ..." : "");
    }
    return say_settings(c, json_object_get(answer, "settings"), err);
}

static bool dry_run(struct cli *c, const json_t *args, struct err *err)
{
    json_t *answer = cli_call(c, "prediction.check", args, err);
    bool ok = answer && (c->json ? cli_json(c, answer, err) : say_check(c, answer, err));
    json_decref(answer);
    return ok;
}

static bool submit(struct cli *c, const json_t *args, struct err *err)
{
    struct session *session = session_open(c->home, err);
    json_t *answer = session ? session_call(session, "prediction.create", args, err) : NULL;
    bool ok = answer && launch_follow(c, session, answer, err);
    if (ok && !c->json) {
        cli_print(c, "results in %s\n", json_get_text(answer, "folder", ""));
    }
    json_decref(answer);
    session_close(session);
    return ok;
}

bool predict_dataset(struct cli *c, struct err *err)
{
    json_t *args = check_words(c, err) ? arguments(c, err) : NULL;
    bool ok = args &&
        (cli_has(c, "dry-run")      ? dry_run(c, args, err)
             : cli_has(c, "detach") ? launch_detached(c, "prediction.create", args, err)
                                    : submit(c, args, err));
    json_decref(args);
    return ok;
}
