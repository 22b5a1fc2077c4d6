/* `gantry run`: refresh the catalog, select, launch, follow. */
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "catalog/cor.h"
#include "cli/command.h"
#include "cli/launch.h"
#include "cli/pick.h"
#include "cli/saved.h"
#include "cli/served.h"
#include "engine/session.h"
#include "os/file.h"

#define PLAN_PIECE 500 /* items of one question for a plan */

static const struct opt options[] = {
    {'s', "select", OPT_TEXT, "SUBJECT",
     "the studies (or subjects) of a cohort that a subject selector finds (may be repeated)",
     false},
    {0, "phase", OPT_TEXT, "LIST", "only these jobs: try,infer,full,upload (any combination)",
     false},
    {0, "cor", OPT_TEXT, "X", "rotation axis of rows that have none of their own; auto = find it",
     false},
    {0, "set", OPT_TEXT, "KEY=VALUE", "a tool's parameter, for all items (may be repeated)", false},
    {0, "dry-run", OPT_FLAG, NULL,
     "only the plan: every task with its command, inputs, outputs, bytes, memory", false},
    {0, "detach", OPT_FLAG, NULL, "in the background; gantry status -f follows it", false},
    {0, "resume", OPT_FLAG, NULL, "take up what an engine left unfinished", false},
    {0, "slots", OPT_INT, "N", "tasks at the same time (default: config slots)", false},
    {0, "gpus", OPT_TEXT, "LIST", "GPUs to use: 0,1 or none", false},
    {0, "timeout", OPT_SECONDS, "TIME", "end a task that runs longer", false},
    {0, "stall", OPT_SECONDS, "TIME", "end a task without progress and output for so long", false},
    {0, "mode", OPT_TEXT, "MODE",
     "split (default), split-ignore-dependencies, per-subject, n-tasks:N, immediate, jupyter",
     false},
    {0, "on-error", OPT_TEXT, "WHAT",
     "break (default: the item's later jobs are not run), continue, ignore", false},
    {0, "on", OPT_TEXT, "EXECUTOR", "where: local", false},
    {0, "priority", OPT_INT, "N", "higher runs go first (default 0)", false},
    {0, "overwrite", OPT_FLAG, NULL, "replace outputs that Gantry did not make", false},
    {0, "skip-missing-cor", OPT_FLAG, NULL,
     "leave out rows without a rotation axis instead of refusing", false},
    {0, "keep-try", OPT_TEXT, "21|all", "try slices to keep after the centre was found", false},
    {0, "hash", OPT_FLAG, NULL, "compare inputs by content, not by size and time", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static bool put(json_t *object, const char *key, json_t *value, struct err *err)
{
    return json_put(object, key, value, err);
}

/* "try,infer" -> ["try","infer"] */
static json_t *split_list(const struct cli *c, const char *option, const char *text,
                          struct err *err)
{
    json_t *list = json_array();
    while (list) {
        size_t n = strcspn(text, ",");
        if (n == 0 || json_array_append_new(list, json_stringn(text, n))) {
            (void)cli_usage(c, err, "--%s: a list of names with commas between them is wanted",
                            option);
            json_decref(list);
            return NULL;
        }
        if (!text[n]) {
            return list;
        }
        text += n + 1;
    }
    (void)err_set(err, ERR_NOMEM, "out of memory");
    return NULL;
}

static json_t *gpu_list(const struct cli *c, const char *text, struct err *err)
{
    if (!strcmp(text, "none") || !strcmp(text, "auto")) {
        return !strcmp(text, "none") ? json_array() : json_string(text);
    }
    json_t *words = split_list(c, "gpus", text, err);
    json_t *list = words ? json_array() : NULL;
    for (size_t i = 0; list && i < json_array_size(words); i++) {
        int64_t gpu;
        if (!num_int64(json_string_value(json_array_get(words, i)), &gpu) || gpu < 0 ||
            json_array_append_new(list, json_integer(gpu))) {
            (void)cli_usage(c, err, "--gpus: '%s' is not a list such as 0,1 (or none, auto)", text);
            json_decref(list);
            list = NULL;
        }
    }
    json_decref(words);
    return list;
}

/* A finite number, or auto. */
static json_t *top_bar_cor(const struct cli *c, const char *text, struct err *err)
{
    double cor;
    if (!strcmp(text, "auto")) {
        return json_string(text);
    }
    if (!cor_parse(text, &cor)) {
        (void)cli_usage(c, err, "--cor: '%s' is neither a number nor auto", text);
        return NULL;
    }
    return json_real(cor);
}

static bool one_of(const struct cli *c, const char *option, const char *value,
                   const char *const *words, struct err *err)
{
    for (size_t i = 0; words[i]; i++) {
        if (!strcmp(words[i], value) || (str_ends(words[i], ":") && str_starts(value, words[i]))) {
            return true;
        }
    }
    return cli_usage(c, err, "--%s: '%s' is not one of those in the help", option, value);
}

/* A notebook that nobody can reach would hold its slot, and an engine, until somebody notices. */
static bool check_served(const struct cli *c, struct err *err)
{
    struct served served;
    served_find(c->home, &served);
    return served.url[0] ||
        err_set(err, ERR_USAGE,
                "a notebook is reached through the server, and none runs here: start it with "
                "`gantry serve`");
}

/* What is refused here and not only by the engine, so that nothing is read and scanned before. */
static bool check_words(const struct cli *c, struct err *err)
{
    static const char *const modes[] = {
        "split", "split-ignore-dependencies", "per-subject", "n-tasks:", "immediate", "jupyter",
        NULL};
    static const char *const on_error[] = {"break", "continue", "ignore", NULL};
    const char *on = cli_text(c, "on", "local");
    const char *mode = cli_text(c, "mode", "split");
    if (strcmp(on, "local")) {
        return err_set(err, ERR_UNSUPPORTED,
                       "--on %s: only local is built so far: without --on it runs on this machine",
                       on);
    }
    if (cli_int(c, "slots", 1) < 1) {
        return cli_usage(c, err, "--slots starts at 1");
    }
    return one_of(c, "mode", mode, modes, err) &&
        one_of(c, "on-error", cli_text(c, "on-error", "break"), on_error, err) &&
        (strcmp(mode, "jupyter") != 0 || check_served(c, err));
}

/* Only what was given: the engine knows the defaults. */
static json_t *run_options(const struct cli *c, struct err *err)
{
    static const char *const numbers[] = {"slots", "priority", NULL};
    static const char *const seconds[] = {"timeout", "stall", NULL};
    static const char *const texts[] = {"on-error", NULL};
    static const char *const flags[] = {"overwrite", "hash", "skip-missing-cor", NULL};
    json_t *all = json_object();
    bool ok = all != NULL;
    char key[32];
    for (const struct opt *o = options; ok && o->name; o++) {
        size_t i = 0;
        for (; o->name[i] && i + 1 < sizeof key; i++) {
            key[i] = o->name[i] == '-' ? '_' : o->name[i];
        }
        key[i] = '\0';
        if (!cli_has(c, o->name)) {
            continue;
        }
        for (i = 0; ok && numbers[i]; i++) {
            ok = strcmp(numbers[i], o->name) ||
                put(all, key, json_integer(cli_int(c, o->name, 0)), err);
        }
        for (i = 0; ok && seconds[i]; i++) {
            ok = strcmp(seconds[i], o->name) ||
                put(all, key, json_real(cli_number(c, o->name, 0)), err);
        }
        for (i = 0; ok && texts[i]; i++) {
            ok = strcmp(texts[i], o->name) ||
                put(all, key, json_string(cli_text(c, o->name, "")), err);
        }
        for (i = 0; ok && flags[i]; i++) {
            ok = strcmp(flags[i], o->name) || put(all, key, json_true(), err);
        }
    }
    if (ok && cli_has(c, "gpus")) {
        json_t *gpus = gpu_list(c, cli_text(c, "gpus", ""), err);
        ok = gpus && put(all, "gpus", gpus, err);
    }
    if (!ok) {
        json_decref(all);
        return NULL;
    }
    return all;
}

static json_t *set_params(const struct cli *c, struct err *err)
{
    size_t n = cli_count(c, "set");
    char **words = mem_array(n + 1, sizeof *words, err);
    json_t *params = NULL;
    if (words) {
        for (size_t i = 0; i < n; i++) {
            words[i] = (char *)cli_nth(c, "set", i);
        }
        params = cli_pairs(c, words, n, err);
    }
    mem_free(words);
    return params;
}

/* The saved batch's name, or a batch file's content, into `args`; *ret (a new reference) is the
 * batch either way. It is looked up here too, so that a slip is told before anything is read and
 * registered. */
static bool put_batch(struct cli *c, json_t *args, json_t **ret, struct err *err)
{
    const char *word = c->args[0];
    if (str_ends(word, ".json") && file_exists(word)) {
        *ret = saved_file(word, err);
        return *ret && put(args, "batch", json_incref(*ret), err);
    }
    *ret = saved_batch_find(c, word, err);
    return *ret && put(args, "batch", json_string(word), err);
}

/* Does a job work on all items at once? */
static bool has_collecting(const json_t *batch)
{
    size_t i;
    json_t *job;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        if (json_get_bool(job, "collect", false)) {
            return true;
        }
    }
    return false;
}

/* Everything of run.create but project and items; and what the batch works on. */
static json_t *create_args(struct cli *c, const char **ret_level, bool *ret_whole, struct err *err)
{
    json_t *args = json_object(), *batch = NULL;
    json_t *params = set_params(c, err), *opts = params ? run_options(c, err) : NULL;
    bool ok = args && opts && put_batch(c, args, &batch, err);
    ok = ok &&
        (!cli_has(c, "mode") ||
         put(args, "mode", json_string(cli_text(c, "mode", "split")), err)) &&
        (!cli_has(c, "keep-try") ||
         put(params, "keep_try", json_string(cli_text(c, "keep-try", "")), err));
    if (ok && cli_has(c, "phase")) {
        json_t *phases = split_list(c, "phase", cli_text(c, "phase", ""), err);
        ok = phases && put(args, "phases", phases, err);
    }
    if (ok && cli_has(c, "cor")) {
        json_t *cor = top_bar_cor(c, cli_text(c, "cor", ""), err);
        ok = cor && put(args, "cor", cor, err);
    }
    ok = ok && put(args, "params", json_incref(params), err) &&
        put(args, "options", json_incref(opts), err) &&
        (!cli_has(c, "dry-run") || put(args, "dry_run", json_true(), err));
    const char *level = json_get_text(batch, "level", "scan");
    *ret_whole = has_collecting(batch);
    static const char *const others[] = {"study", "subject", "series", NULL};
    *ret_level = "scan";
    for (size_t i = 0; others[i]; i++) {
        *ret_level = !strcmp(level, others[i]) ? others[i] : *ret_level;
    }
    json_decref(batch);
    json_decref(params);
    json_decref(opts);
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

/* What would be done, task by task. */
/* "in:  /data/s_1.h5" for each of a task's files. */
static void print_files(struct cli *c, const char *head, const json_t *files, const char *key)
{
    for (size_t i = 0; i < json_array_size(files); i++) {
        char *path = cli_shown(json_get_text(json_array_get(files, i), key, ""),
                               err_ignore("shown without it"));
        cli_print(c, "    %s %s\n", head, path ? path : "");
        mem_free(path);
    }
}

/* What would be typed: words, or one line of shell. */
static void print_command(struct cli *c, const json_t *command)
{
    struct str line = STR_INIT;
    if (json_is_string(command)) {
        str_add(&line, json_string_value(command));
    }
    for (size_t i = 0; i < json_array_size(command); i++) {
        const char *word = json_string_value(json_array_get(command, i));
        str_addf(&line, "%s%s", i ? " " : "", word ? word : "");
    }
    char *shown = line.len ? cli_shown(str_text(&line), err_ignore("shown without it")) : NULL;
    if (shown) {
        cli_print(c, "    command: %s\n", shown);
    }
    mem_free(shown);
    str_fini(&line);
}

static void print_task(struct cli *c, const json_t *row)
{
    char bytes[32], memory[32];
    char *item = cli_shown(json_get_text(row, "item", ""), err_ignore("shown without it"));
    const char *note = json_get_text(row, "note", "");
    num_show_bytes(json_get_int(row, "bytes", 0), bytes, sizeof bytes);
    num_show_bytes(json_get_int(row, "memory", 0), memory, sizeof memory);
    cli_print(c, "%s%s  %s%s  %s, writes %s, needs %s%s%s%s\n", cli_paint(c, "bold"),
              item ? item : "", json_get_text(row, "job", ""), cli_paint(c, NULL),
              json_get_text(row, "tool", ""), bytes, memory,
              json_get_bool(row, "cached", false) ? ", cached" : "", *note ? "; " : "", note);
    print_command(c, json_object_get(row, "command"));
    print_files(c, "in: ", json_object_get(row, "inputs"), "path");
    print_files(c, "out:", json_object_get(row, "outputs"), "final");
    mem_free(item);
}

static bool print_plan(struct cli *c, const json_t *answer, struct err *err)
{
    const json_t *plan = json_object_get(answer, "plan"),
                 *skipped = json_object_get(answer, "skipped");
    char total[32];
    int64_t bytes = 0;
    if (c->json) {
        return cli_json(c, answer, err);
    }
    for (size_t i = 0; i < json_array_size(plan); i++) {
        bytes += json_get_int(json_array_get(plan, i), "bytes", 0);
        print_task(c, json_array_get(plan, i));
    }
    for (size_t i = 0; i < json_array_size(skipped); i++) {
        const json_t *row = json_array_get(skipped, i);
        char *name = cli_shown(json_get_text(row, "name", ""), err_ignore("shown without it"));
        cli_print(c, "%s  skipped: %s\n", name ? name : "", json_get_text(row, "reason", ""));
        mem_free(name);
    }
    num_show_bytes(bytes, total, sizeof total);
    cli_print(c, "%zu tasks, about %s of output\n", json_array_size(plan), total);
    return true;
}

/* X4: every row without a centre is named; nothing was launched. */
static bool refused(struct cli *c, const json_t *answer)
{
    const json_t *rows = json_object_get(answer, "missing_cor");
    bool stop = json_object_get(answer, "refused") != NULL;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        char *name = cli_shown(json_string_value(json_array_get(rows, i)),
                               err_ignore("an empty name is shown"));
        cli_note(c, "no rotation axis%s: %s", stop ? "" : ", left out", name ? name : "");
        mem_free(name);
    }
    if (stop) {
        cli_note(c,
                 "refused: %zu rows have no rotation axis; give --cor X or --cor auto, set them "
                 "with gantry cor set, or"
                 " leave them out with --skip-missing-cor",
                 json_array_size(rows));
        c->status = err_exit_status(ERR_USAGE);
    }
    return stop;
}

/* What stands behind the batch's name, and behind each -s. */
static char **selectors_of(const struct cli *c, const char *level, size_t *ret_n, struct err *err)
{
    size_t n = cli_count(c, "select"), words = c->n_args - 1;
    if (n && !strcmp(level, "scan")) {
        (void)cli_usage(c, err,
                        "-s selects studies, subjects and series; this batch works on scans");
        return NULL;
    }
    char **list = mem_array(n + words + 1, sizeof *list, err);
    for (size_t i = 0; list && i < n + words; i++) {
        list[i] = i < words ? c->args[1 + i] : (char *)(uintptr_t)cli_nth(c, "select", i - words);
    }
    *ret_n = n + words;
    return list;
}

static bool add_part(json_t *all, const json_t *part, struct err *err)
{
    static const char *const lists[] = {"plan", "skipped", "missing_cor", "missing_ids", NULL};
    json_t *refused = json_object_get(part, "refused");
    bool ok = !refused || json_put(all, "refused", json_incref(refused), err);
    for (size_t i = 0; ok && lists[i]; i++) {
        json_t *more = json_object_get(part, lists[i]), *have = json_object_get(all, lists[i]);
        ok = !more ||
            (have ? json_array_extend(have, more) == 0 || err_set(err, ERR_NOMEM, "out of memory")
                  : json_put(all, lists[i], json_incref(more), err));
    }
    return ok;
}

/* The plan of many items piece by piece: an engine that others use is not held for seconds. */
static json_t *plan_pieces(struct session *session, json_t *args, struct err *err)
{
    json_t *items = json_incref(json_object_get(args, "items")), *all = json_object();
    size_t n = json_array_size(items);
    bool ok = all || err_set(err, ERR_NOMEM, "out of memory");
    for (size_t at = 0; ok && at < n; at += PLAN_PIECE) {
        json_t *piece = json_array();
        for (size_t i = at; piece && i < n && i < at + PLAN_PIECE; i++) {
            (void)json_array_append(piece, json_array_get(items, i));
        }
        json_t *part = json_put(args, "items", piece, err)
            ? session_call(session, "run.create", args, err)
            : NULL;
        ok = part && add_part(all, part, err);
        json_decref(part);
    }
    json_decref(items);
    if (!ok) {
        json_decref(all);
        return NULL;
    }
    return all;
}

static bool launch_new(struct cli *c, struct err *err)
{
    struct pick pick = {.ids = NULL};
    struct session *session = NULL;
    json_t *args = NULL, *answer = NULL;
    bool detach = cli_has(c, "detach"), ok = false, whole = false;
    const char *level = "scan";
    char **selectors = NULL;
    size_t n = 0;
    args = check_words(c, err) ? create_args(c, &level, &whole, err) : NULL;
    selectors = args ? selectors_of(c, level, &n, err) : NULL;
    if (!selectors) {
        goto out;
    }
    /* The background engine takes the lock itself, so a detached run does not hold it while it
     * reads the folder. */
    session = detach ? NULL : session_open(c->home, err);
    if (!session && !detach) {
        goto out;
    }
    if (!pick_items(c, session, selectors, n, level, &pick, err) ||
        !put(args, "project", json_integer(pick.project.id), err) ||
        !put(args, "items", json_incref(pick.ids), err)) {
        goto out;
    }
    if (detach && !cli_has(c, "dry-run")) {
        ok = launch_detached(c, "run.create", args, err);
        goto out;
    }
    answer = !session                     ? cli_call(c, "run.create", args, err)
        : cli_has(c, "dry-run") && !whole ? plan_pieces(session, args, err)
                                          : session_call(session, "run.create", args, err);
    if (!answer) {
        goto out;
    }
    if (refused(c, answer)) {
        ok = true;
    } else if (cli_has(c, "dry-run")) {
        ok = print_plan(c, answer, err);
    } else {
        ok = launch_follow(c, session, answer, err);
    }
out:
    json_decref(answer);
    json_decref(args);
    mem_free(selectors);
    pick_fini(&pick);
    session_close(session);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    if (cli_has(c, "resume")) {
        if (c->n_args) {
            return cli_usage(
                c, err, "--resume takes no batch: it goes on with every run that is not finished");
        }
        return launch_resume(c, cli_has(c, "detach"), err);
    }
    if (!c->n_args) {
        return cli_usage(c, err, "say which batch to run (gantry batch ls)");
    }
    return launch_new(c, err);
}

const struct command command_run = {
    .name = "run",
    .group = GROUP_RUNS,
    .summary = "Run a batch on the selected items",
    .usage = "BATCH [SELECTOR...] [options]\n--resume",
    .help = "Refreshes the catalog, selects (nothing given means all), launches and shows progress "
            "until the run ends.\n"
            "BATCH is the name of a saved batch (gantry batch ls) or a batch file. Work done "
            "before with the same inputs\n"
            "and parameters is skipped as cached. Ctrl-C stops it; gantry run --resume goes on.\n"
            "\n"
            "  gantry run tomo-ai-reco\n"
            "  gantry run tomo-full series:sample --cor 1024.5 --set fbp_filter=shepp\n"
            "  gantry run segment -s 'P0*#LATEST' -s stag:baseline",
    .options = options,
    .max_args = -1,
    .run = run,
};
