/* `gantry set`: values of single items. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "cli/command.h"
#include "cli/rows.h"

static const struct opt options[] = {
    {0, "study", OPT_FLAG, NULL, "of studies, named by subject selectors", false},
    {0, "subject", OPT_FLAG, NULL, "of subjects", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* KEY=..., where KEY is a word; a file may have '=' in its name too, but stands behind. */
static bool is_pair(const char *word)
{
    size_t n = 0;
    while (isalnum((unsigned char)word[n]) || word[n] == '_' || word[n] == '.' || word[n] == '-') {
        n++;
    }
    return n > 0 && isalpha((unsigned char)word[0]) && word[n] == '=';
}

/* Flags of tomocupy are known with dashes; parameters have underscores. */
static bool with_underscores(json_t *set, struct err *err)
{
    json_t *value;
    const char *key;
    void *next;
    json_object_foreach_safe(set, next, key, value)
    {
        if (!strchr(key, '-')) {
            continue;
        }
        char *name = mem_strdup(key, err);
        for (char *p = name; p && *p; p++) {
            *p = *p == '-' ? '_' : *p;
        }
        bool ok = name && json_put(set, name, json_incref(value), err);
        mem_free(name);
        if (!ok) {
            return false;
        }
        (void)json_object_del(set, key);
    }
    return true;
}

static bool run(struct cli *c, struct err *err)
{
    struct rows rows = {.n = 0};
    size_t n = 0;
    bool cohort = cli_has(c, "study") || cli_has(c, "subject");
    json_t *args = NULL, *answer = NULL;
    while (n < c->n_args && is_pair(c->args[n])) {
        n++;
    }
    if (n == 0 || n == c->n_args) {
        return cli_usage(c, err,
                         n ? "say which files: gantry set %s FILE..."
                           : "usage: gantry set KEY=VALUE... SELECTOR... (not %s)",
                         c->args[0]);
    }
    json_t *set = cli_pairs(c, c->args, n, err);
    bool ok = set && with_underscores(set, err) &&
        (cohort ? rows_open(c, &rows, err) &&
                 rows_studies(c, cli_has(c, "subject"), c->args + n, c->n_args - n, &rows, err)
                : rows_select(c, c->args + n, c->n_args - n, SELECT_SCANS, &rows, err)) &&
        rows_need(&rows, err) && (args = rows_args(&rows, err)) &&
        json_put(args, "set", json_incref(set), err) &&
        (answer = rows_call(c, "item.set", args, err));
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        const char *what = cli_has(c, "subject") ? "subject" : cohort ? "stud" : "file";
        const char *ending = !cohort || cli_has(c, "subject") ? rows.n == 1 ? "" : "s"
            : rows.n == 1                                     ? "y"
                                                              : "ies";
        cli_print(c, "set on %" PRId64 " %s%s\n", json_get_int(answer, "items", 0), what, ending);
    }
    json_decref(answer);
    json_decref(args);
    json_decref(set);
    rows_fini(&rows);
    return ok;
}

const struct command command_set = {
    .name = "set",
    .group = GROUP_DATA,
    .summary = "Set parameters of single items",
    .usage = "KEY=VALUE... SELECTOR...\nKEY=VALUE... --study|--subject SUBJECT...",
    .help =
        "cor=781.5 sets the rotation centre (cor= clears it); enabled=true runs a skipped file, "
        "enabled=false skips one,\n"
        "enabled=auto leaves it to the rule. Any parameter of a tool may be given; an empty "
        "value takes it away.\n"
        "\n"
        "  gantry set cor=1024.5 fbp_filter=shepp 'sample_0*'",
    .options = options,
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
