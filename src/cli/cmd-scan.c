/* `gantry scan`: the catalog is brought up to date; with --watch it follows a live acquisition. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/cor.h"
#include "cli/arrivals.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "cli/rows.h"
#include "cli/saved.h"
#include "cli/watch.h"
#include "model/layout.h"
#include "model/options.h"
#include "os/file.h"

static const struct opt options[] = {
    {0, "watch", OPT_FLAG, NULL, "stay and follow scans that are being written", false},
    {0, "run", OPT_TEXT, "BATCH", "with --watch: launch BATCH on each scan as it completes", false},
    {0, "phase", OPT_TEXT, "LIST", "with --run: only these phases: try,infer,full,upload", false},
    {0, "cor", OPT_TEXT, "X", "with --run: rotation centre of rows without one, or auto", false},
    {0, "set", OPT_TEXT, "KEY=VALUE", "with --run: a parameter; may be repeated", false},
    {0, "poll", OPT_SECONDS, "SECONDS", "with --watch: look this often where nothing tells (10 s)",
     false},
    {0, "abort-after", OPT_SECONDS, "SECONDS",
     "with --watch: nothing new for so long flags a scan as aborted (10 min)", false},
    {0, "settle", OPT_SECONDS, "SECONDS",
     "a study that arrives is launched when nothing in it changed for so long (30 s)", false},
    {0, "min-size", OPT_INT, "PERCENT",
     "of the series' median: smaller scans are skipped in this project (50; 0 = off)", false},
    {0, "all", OPT_FLAG, NULL, "forgotten items come back", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* --min-size stays with the project. */
static bool keep_min_size(struct cli *c, int64_t project, struct err *err)
{
    int64_t pct = cli_int(c, "min-size", -1);
    if (!cli_has(c, "min-size")) {
        return true;
    }
    if (pct < 0 || pct > 100) {
        return cli_usage(c, err, "--min-size is a percentage, 0 to 100");
    }
    json_t *args = json_object(), *answer = NULL;
    bool ok = args && json_put(args, "project", json_integer(project), err) &&
        json_put(args, "min_size_pct", json_integer(pct), err) &&
        (answer = cli_call(c, "project.set", args, err));
    json_decref(answer);
    json_decref(args);
    cli_store_close(c);
    return ok;
}

static bool add_cohort(json_t *answer, const struct refresh_report *r, struct err *err)
{
    const struct cohort_scan_report *k = &r->cohort;
    return json_put(answer, "layout", json_string(r->layout), err) &&
        json_put(answer, "subjects", json_integer(k->subjects), err) &&
        json_put(answer, "studies", json_integer(k->studies), err) &&
        json_put(answer, "new_studies", json_integer(k->new_studies), err) &&
        json_put(answer, "gone_studies", json_integer(k->gone_studies), err) &&
        json_put(answer, "study_files",
                 json_pack("{s:I, s:I, s:I, s:I}", "there", (json_int_t)k->files, "added",
                           (json_int_t)k->added, "changed", (json_int_t)k->changed, "gone",
                           (json_int_t)k->gone),
                 err);
}

static json_t *report_json(const struct project *p, const struct refresh_report *r, int64_t skipped,
                           struct err *err)
{
    json_t *answer = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O}",
                               "project", p->name, "root", p->root, "files", r->files, "scans",
                               r->scans, "added", r->added, "changed", r->changed, "gone", r->gone,
                               "read", r->read, "unreadable", r->unreadable, "skipped", skipped,
                               "warnings", r->warnings, "unreadable_files", r->troubles);
    if (!answer) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    } else if (!add_cohort(answer, r, err)) {
        json_decref(answer);
        return NULL;
    }
    return answer;
}

static void print_cohort(struct cli *c, const struct project *p, const struct refresh_report *r)
{
    const struct cohort_scan_report *k = &r->cohort;
    cli_print(c, "%s: %" PRId64 " subject%s, %" PRId64 " %s, %" PRId64 " files (%s)", p->name,
              k->subjects, k->subjects == 1 ? "" : "s", k->studies,
              k->studies == 1 ? "study" : "studies", k->files, r->layout);
    cli_print(c,
              ": %" PRId64 " %s new, %" PRId64 " gone; files %" PRId64 " new, %" PRId64
              " changed, %" PRId64 " gone\n",
              k->new_studies, k->new_studies == 1 ? "study" : "studies", k->gone_studies, k->added,
              k->changed, k->gone);
}

static void print_report(struct cli *c, const struct project *p, const struct refresh_report *r,
                         int64_t skipped)
{
    bool cohort = strcmp(r->layout, LAYOUT_SCANS) != 0;
    if (cohort) {
        print_cohort(c, p, r);
    }
    if (cohort && !r->files && !r->gone) {
        return;
    }
    cli_print(c,
              "%s: %" PRId64 " scans in %" PRId64 " files: %" PRId64 " new, %" PRId64
              " changed, %" PRId64 " gone; %" PRId64 " skipped, %" PRId64 " unreadable\n",
              p->name, r->scans, r->files, r->added, r->changed, r->gone, skipped, r->unreadable);
}

/* The project's autoexec batch on what arrived; `answer` NULL: said in words. */
static bool launch_arrivals(struct cli *c, const struct project *p, json_t *answer, struct err *err)
{
    struct options *o = options_load(c->home, err);
    json_t *said = NULL;
    bool ok = o &&
        arrivals_autoexec(c, p->id, cli_number(c, "settle", options_number(o, "watch_settle")),
                          &said, err);
    options_free(o);
    const char *batch = json_get_text(said, "batch", ""), *why = json_get_text(said, "error", NULL);
    int64_t waiting = json_get_int(said, "waiting", 0), n = json_get_int(said, "items", 0);
    if (ok && why) {
        cli_note(c, "autoexec %s: not launched: %s", batch, why);
        c->status = err_exit_status(ERR_FAILED);
    } else if (ok && n && !answer) {
        cli_print(c, "autoexec %s: run %" PRId64 " on %" PRId64 " stud%s that arrived\n", batch,
                  json_get_int(said, "run", 0), n, n == 1 ? "y" : "ies");
    }
    if (ok && waiting && !answer) {
        cli_print(c, "autoexec %s: %" PRId64 " stud%s still arriving; scan again when settled\n",
                  batch, waiting, waiting == 1 ? "y is" : "ies are");
    }
    ok = ok && (!said || !answer || json_put(answer, "autoexec", json_incref(said), err));
    json_decref(said);
    return ok;
}

static bool scan_once(struct cli *c, const struct project *p, struct err *err)
{
    struct refresh_report report = {.files = 0};
    int64_t skipped = 0;
    if (!rows_refresh(c, NULL, p->id, -1, cli_has(c, "all"), &report, err)) {
        return false;
    }
    rows_say(c, report.warnings);
    rows_say(c, report.troubles);
    cli_store_close(c);
    bool ok = cli_store(c, err) &&
        store_int(c->store, 0, &skipped, err,
                  "SELECT count(*) FROM item WHERE project_id=?1 AND level='scan' AND gone=0 AND "
                  "hidden=0 AND NOT coalesce(enabled,1-auto_skip)",
                  "i", p->id);
    if (ok && c->json) {
        json_t *answer = report_json(p, &report, skipped, err);
        ok = answer && launch_arrivals(c, p, answer, err) && cli_json(c, answer, err);
        json_decref(answer);
    } else if (ok) {
        print_report(c, p, &report, skipped);
        ok = launch_arrivals(c, p, NULL, err);
    }
    refresh_report_fini(&report);
    return ok;
}

/* A saved batch's name, or a batch file. */
static json_t *batch_of(const char *word, struct err *err)
{
    if (str_ends(word, ".json") && file_exists(word)) {
        return saved_file(word, err);
    }
    json_t *name = json_string(word);
    if (!name) {
        (void)err_set(err, ERR_USAGE, "the batch's name is not valid UTF-8");
    }
    return name;
}

static json_t *phases_of(const struct cli *c, const char *text, struct err *err)
{
    json_t *list = json_array();
    size_t n = 1;
    for (; list && n && *text; text += n + (text[n] == ',')) {
        n = strcspn(text, ",");
        if (n == 0 || json_array_append_new(list, json_stringn(text, n)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    if (!json_array_size(list)) {
        (void)cli_usage(c, err, "--phase is a list of phases: try,infer,full,upload");
        json_decref(list);
        return NULL;
    }
    return list;
}

/* What was said for the runs: ["--cor", "31.5", "--set", "key=value", ...]. Nothing, and a watch of
 * this batch still stands: what was said when that one began. */
static json_t *watch_words(struct cli *c, int64_t project, struct err *err)
{
    static const char *const names[] = {"cor", "phase", "set"};
    json_t *words = json_array(), *rows = NULL;
    bool ok = words || err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char option[16];
        (void)snprintf(option, sizeof option, "--%s", names[i]);
        for (size_t k = 0; ok && k < cli_count(c, names[i]); k++) {
            ok = (json_array_append_new(words, json_string(option)) == 0 &&
                  json_array_append_new(words, json_string(cli_nth(c, names[i], k))) == 0) ||
                err_set(err, ERR_USAGE, "--%s is not valid UTF-8", names[i]);
        }
    }
    if (ok && !json_array_size(words)) {
        ok = cli_store(c, err) &&
            (rows = store_rows(
                 c->store, err,
                 "SELECT words AS words_json FROM watch WHERE project_id=?1 AND batch=?2", "is",
                 project, cli_text(c, "run", "")));
        const json_t *kept = json_object_get(json_array_get(rows, 0), "words");
        ok = ok &&
            (!kept || json_array_extend(words, (json_t *)kept) == 0 ||
             err_set(err, ERR_FORMAT, "the state's words of this watch are no list"));
        cli_store_close(c);
    }
    json_decref(rows);
    if (!ok) {
        json_decref(words);
        return NULL;
    }
    return words;
}

/* What run.create gets for every scan that completes. */
static json_t *launch_args(struct cli *c, const json_t *words, struct err *err)
{
    json_t *args = json_object();
    size_t n = 0, total = json_array_size(words);
    char **sets = mem_array(total + 1, sizeof *sets, err);
    json_t *params = NULL, *batch = NULL;
    const char *cor = NULL, *phase = NULL;
    double value;
    for (size_t i = 0; sets && i + 1 < total; i += 2) {
        const char *option = json_string_value(json_array_get(words, i));
        const char *said = json_string_value(json_array_get(words, i + 1));
        if (option && said && !strcmp(option, "--set")) {
            sets[n++] = (char *)said;
        } else if (option) {
            *(!strcmp(option, "--cor") ? &cor : &phase) = said;
        }
    }
    params = sets ? cli_pairs(c, sets, n, err) : NULL;
    bool ok = args && params && (batch = batch_of(cli_text(c, "run", ""), err)) &&
        json_put(args, "batch", json_incref(batch), err);
    if (ok && phase) {
        json_t *phases = phases_of(c, phase, err);
        ok = phases && json_put(args, "phases", phases, err);
    }
    if (ok && cor && !strcmp(cor, "auto")) {
        ok = json_put(params, "rotation_axis_auto", json_string("auto"), err);
    } else if (ok && cor) {
        ok = cor_parse(cor, &value) ? json_put(args, "cor", json_real(value), err)
                                    : cli_usage(c, err, "--cor is a finite number, or auto");
    }
    ok = ok && json_put(args, "params", json_incref(params), err);
    json_decref(batch);
    json_decref(params);
    mem_free(sets);
    if (!ok) {
        json_decref(args);
        return NULL;
    }
    return args;
}

static bool scan_watch(struct cli *c, const struct project *p, struct err *err)
{
    struct options *o = options_load(c->home, err);
    json_t *launch = NULL, *words = o ? watch_words(c, p->id, err) : NULL;
    bool ok = words && (!cli_has(c, "run") || (launch = launch_args(c, words, err)));
    if (ok) {
        const struct watch_spec spec = {
            .project = p,
            .batch = cli_text(c, "run", NULL),
            .launch = launch,
            .words = words,
            .poll_s = cli_number(c, "poll", options_number(o, "watch_poll")),
            .settle_s = cli_number(c, "settle", options_number(o, "watch_settle")),
            .abort_after_s = cli_number(c, "abort-after", options_number(o, "watch_abort_after")),
        };
        ok = watch_run(c, &spec, err);
    }
    json_decref(launch);
    json_decref(words);
    options_free(o);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    struct project project = {0};
    static const char *const watching[] = {"run",  "phase",       "cor", "set",
                                           "poll", "abort-after", NULL};
    for (size_t i = 0; !cli_has(c, "watch") && watching[i]; i++) {
        if (cli_has(c, watching[i])) {
            return cli_usage(c, err, "--%s goes with --watch (gantry run works on what is there)",
                             watching[i]);
        }
    }
    bool ok = resolve_project(c, true, &project, err) && keep_min_size(c, project.id, err);
    if (ok) {
        ok = cli_has(c, "watch") ? scan_watch(c, &project, err) : scan_once(c, &project, err);
    }
    project_fini(&project);
    return ok;
}

const struct command command_scan = {
    .name = "scan",
    .group = GROUP_DATA,
    .summary = "Find files and read their headers; --watch follows a live acquisition",
    .usage = "[--all] [--min-size PERCENT]\n--watch [--run BATCH] [--cor X] [--set KEY=VALUE]",
    .help = "A scan under --watch is complete when it has as many projections as angles, whatever "
            "the file's size; each is\n"
            "taken once, also when the watch is killed and started again. Scans that are there "
            "when it starts are not new.\n"
            "In a cohort (gantry init --layout) subjects, studies and their files are listed; a "
            "study that arrives is launched when it\n"
            "has settled: by --watch --run with a batch of level study, or, at every scan, by the "
            "project's own (gantry init --autoexec).",
    .options = options,
    .max_args = 0,
    .run = run,
};
