/* `gantry predict`: a folder of ZIPs in, a table out, in the words of RadiAssist's users. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/project.h"
#include "cli/child.h"
#include "cli/command.h"
#include "cli/pick.h"
#include "cli/predict-dataset.h"
#include "cli/triage-console.h"
#include "cli/triage-out.h"
#include "cli/triage-rows.h"
#include "cli/triage-truth.h"
#include "discover/walk.h"
#include "engine/session.h"
#include "os/file.h"

#define BATCH "ct-triage"
#define NO "\u274c"
#define YES "\u2705"
#define WARN "\u26a0\ufe0f "

static const struct opt options[] = {
    {'i', "input", OPT_TEXT, "DIR", "folder with ZIP files of DICOM (subfolders too); only read",
     false},
    {'o', "output", OPT_TEXT, "FILE",
     "FILE.xlsx or FILE.csv, or a folder (default: "
     "./output/radiassist_results_YYYYMMDD_HHMMSS.xlsx)",
     false},
    {'w', "workers", OPT_INT, "N", "studies at the same time (default 1)", false},
    {'m', "model", OPT_TEXT, "M",
     "classifier: a name (gantry model ls), a model's folder, or none for the z-profile alone",
     false},
    {0, "truth", OPT_TEXT, "FILE.csv",
     "known labels, a line each: file,label (0 or 1); the console compares", false},
    {0, "plain", OPT_FLAG, NULL, "no emoji", false},
    {'d', "dataset", OPT_TEXT, "D", "a data set (gantry dataset ls): predict its series", false},
    {'s', "series", OPT_TEXT, "S",
     "only these of them: a name, a glob, id:17, patient:P01, modality:CT, date:2024* (several: "
     "repeat it)",
     false},
    {0, "set", OPT_TEXT, "K=V", "a setting of the model (several: repeat it)", false},
    {0, "skip-misfits", OPT_FLAG, NULL, "leave out series that do not fit the model", false},
    {0, "trial", OPT_FLAG, NULL, "one series only, before everything else", false},
    {0, "dry-run", OPT_FLAG, NULL, "say what fits and how long it takes, submit nothing", false},
    {0, "detach", OPT_FLAG, NULL, "do not wait for its end", false},
    {0, "priority", OPT_INT, "N", "higher goes first", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* All of one call. */
struct predict {
    struct cli *c;
    struct console con;
    struct session *session;
    struct project project;
    char *folder;            /* absolute, links resolved */
    const char *below;       /* of the project's root; points into folder */
    struct found_list found; /* below it: for what is left out */
    struct triage_truth truth;
    json_t *models;
    struct triage_rows rows;
    struct triage_out out;
    bool out_open;
    int64_t run;
    int64_t started_us, run_us;
    struct err trouble; /* of the callback */
    struct err stuck;   /* why nothing goes on; ERR_NONE = it does */
};

/* ---- before the work ---- */

static bool check_words(struct cli *c, struct err *err)
{
    if (!cli_has(c, "input")) {
        return cli_usage(c, err, "--input DIR is wanted: the folder with the ZIP files");
    }
    if (cli_int(c, "workers", 1) < 1) {
        return cli_usage(c, err, "--workers starts at 1");
    }
    return true;
}

/* Also those that are left out: each has its row. */
static bool has_zips(const struct found_list *found)
{
    for (size_t i = 0; i < found->n; i++) {
        if (!strcmp(found->files[i].kind, "dicom-zip")) {
            return true;
        }
    }
    for (size_t i = 0; i < found->n_left; i++) {
        if (found->left[i].kind && !strcmp(found->left[i].kind, "dicom-zip")) {
            return true;
        }
    }
    return false;
}

/* R9. *ret_go is false when there is nothing to work on. */
static bool find_folder(struct predict *p, bool *ret_go, struct err *err)
{
    const char *given = cli_text(p->c, "input", "");
    char real[PATH_MAX];
    *ret_go = false;
    if (!realpath(given, real)) {
        return err_errno(err, errno, "--input: '%s'", given);
    }
    if (!file_is_folder(real)) {
        return err_set(err, ERR_USAGE, "--input: '%s' is a file; give the folder that has it",
                       given);
    }
    p->folder = mem_strdup(real, err);
    if (!p->folder || !walk_folder(real, &p->found, err)) {
        return false;
    }
    *ret_go = has_zips(&p->found);
    if (!*ret_go && p->found.n_unread) {
        return err_set(err, ERR_PERM, "no ZIP files found in %s; folder '%s' cannot be read: %s",
                       given, p->found.unread[0], p->found.unread_why);
    }
    if (!*ret_go) {
        console_complain(&p->con, NO, "No ZIP files found in %s", given);
        p->c->status = err_exit_status(ERR_NOTHING);
    }
    return true;
}

/* R10: found out before the work. */
static bool open_output(struct predict *p, bool *ret_go, struct err *err)
{
    char *denied = NULL;
    struct err why = {.code = ERR_NONE};
    p->out_open =
        triage_out_open(cli_text(p->c, "output", NULL), p->folder, &p->out, &denied, &why);
    *ret_go = p->out_open;
    if (denied) {
        console_complain(&p->con, NO, "Permission denied: %s", denied);
        p->c->status = err_exit_status(ERR_PERM);
        mem_free(denied);
        return true;
    }
    if (!p->out_open) {
        *err = why;
    }
    return p->out_open;
}

/* What the imaging program finds: the classifier with its score, or one line why not. */
static bool load_models(struct predict *p, struct err *err)
{
    struct str text = STR_INIT;
    const char *args[] = {"triage", p->c->home, cli_text(p->c, "model", ""), NULL};
    bool ok = child_imaging(args, &text, err);
    p->models = ok ? json_parse(str_text(&text), text.len, "models", err) : NULL;
    p->con.models = p->models;
    str_fini(&text);
    if (!p->models && err->code == ERR_NOTHING) {
        err->code = ERR_USAGE; /* there are studies to work on: what is missing is a model */
    }
    return p->models != NULL;
}

/* ---- the folder becomes a project, its ZIPs items ---- */

static bool find_project(struct predict *p, struct err *err)
{
    struct err none = {.code = ERR_NONE};
    bool found = false, ok = true;
    if (cli_store(p->c, &none)) {
        ok = project_of_folder(p->c->store, p->folder, &p->project, &found, err);
        if (found && !path_below(p->folder, p->project.root)) {
            project_fini(&p->project); /* it is where another project's results lie */
            found = false;
        }
    }
    if (ok && !found) {
        json_t *args = json_pack("{s:s}", "folder", p->folder);
        json_t *answer = session_call(p->session, "project.add", args, err);
        cli_store_close(p->c);
        ok = answer && cli_store(p->c, err) &&
            project_by_id(p->c->store, json_get_int(answer, "id", 0), &p->project, err);
        json_decref(answer);
        json_decref(args);
    }
    p->below = ok ? path_below(p->folder, p->project.root) : NULL;
    return ok &&
        (p->below ||
         err_set(err, ERR_USAGE, "'%s': folders named *_rec hold results and are no input",
                 p->folder)) &&
        triage_out_project(&p->out, p->project.name, err);
}

static bool load_rows(struct predict *p, struct err *err)
{
    bool ok = pick_refresh(p->c, p->session, p->project.id, err);
    cli_store_close(p->c);
    ok = ok && cli_store(p->c, err) &&
        triage_rows_load(p->c->store, p->project.id, p->below, &p->rows, err) &&
        triage_rows_leave_out(&p->rows, &p->found, err);
    size_t unknown = ok ? triage_truth_put(&p->truth, &p->rows) : 0;
    if (unknown) {
        cli_note(p->c, "%s names %zu files that are not in the folder", cli_text(p->c, "truth", ""),
                 unknown);
    }
    return ok;
}

/* ---- the run ---- */

static json_t *run_args(struct predict *p, bool dry, struct err *err)
{
    json_t *items = json_array();
    bool ok = items != NULL;
    for (size_t i = 0; ok && i < p->rows.n; i++) {
        ok = p->rows.row[i].damaged ||
            json_array_append_new(items, json_integer(p->rows.row[i].item)) == 0;
    }
    json_t *args = ok ? json_pack("{s:I, s:O, s:s, s:s, s:b, s:{s:s, s:s}, s:{s:I}}", "project",
                                  (json_int_t)p->project.id, "items", items, "batch", BATCH, "rec",
                                  p->out.studies, "dry_run", dry, "params", "model",
                                  json_get_text(p->models, "model", "none"), "model_checksum",
                                  json_get_text(p->models, "checksum", "none"), "options", "slots",
                                  (json_int_t)cli_int(p->c, "workers", 1))
                      : NULL;
    json_decref(items);
    if (!args) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return args;
}

/* What a killed or interrupted call left open: this one takes its place. */
static bool drop_left_over(struct predict *p, struct err *err)
{
    json_t *rows = store_rows(p->c->store, err,
                              "SELECT id FROM run WHERE project_id=?1 AND name=?2 AND rec=?3 AND "
                              "state='active' AND queued=0",
                              "iss", p->project.id, BATCH, p->out.studies);
    json_t *ids = json_array(), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        (void)json_array_append(ids, json_object_get(row, "id"));
    }
    bool ok = rows != NULL;
    if (ok && json_array_size(ids)) {
        json_t *args = json_pack("{s:s, s:O}", "action", "kill", "runs", ids);
        json_t *answer = session_call(p->session, "task.signal", args, err);
        ok = answer != NULL;
        json_decref(answer);
        json_decref(args);
    }
    json_decref(ids);
    json_decref(rows);
    return ok;
}

/* How many of the studies are done already, with the same bytes and the same model? */
static bool say_earlier(struct predict *p, struct err *err)
{
    json_t *args = run_args(p, true, err), *row;
    json_t *answer = args ? session_call(p->session, "run.create", args, err) : NULL;
    size_t i, n = 0;
    json_array_foreach(json_object_get(answer, "plan"), i, row)
    {
        n += json_get_bool(row, "cached", false);
    }
    if (n) {
        console_say(&p->con, "", "", "%zu of %zu taken from an earlier run\n", n, p->rows.n);
    }
    json_decref(args);
    json_decref(answer);
    return answer != NULL;
}

static bool start_run(struct predict *p, struct err *err)
{
    json_t *args = run_args(p, false, err);
    json_t *answer = args ? session_call(p->session, "run.create", args, err) : NULL;
    p->run = json_get_int(answer, "run", 0);
    json_decref(args);
    json_decref(answer);
    return p->run != 0;
}

/* Every row that is finished and was not told: its block, its line in the journal. Those of an
 * earlier run were told then. */
static bool tell(struct predict *p, struct err *err)
{
    for (size_t i = 0; i < p->rows.n; i++) {
        struct triage_row *row = &p->rows.row[i];
        if (row->state == TRIAGE_OPEN || row->told) {
            continue;
        }
        row->told = true;
        if (!row->earlier) {
            console_case(&p->con, row, i + 1, p->rows.n);
        }
        if (!triage_out_row(&p->out, row, err)) {
            return false;
        }
    }
    return true;
}

/* After every commit of the engine. */
static void changed(void *arg)
{
    struct predict *p = arg;
    size_t fresh = 0;
    struct err why = {.code = ERR_NONE};
    bool ok = triage_rows_update(&p->rows, p->c->store, p->run, &fresh, &why);
    if (ok && fresh) {
        console_progress_end(&p->con);
        ok = tell(p, &why);
    }
    console_progress(&p->con, &p->rows, (double)(clock_mono_us() - p->run_us) / 1e6);
    ok = ok && triage_out_turn(&p->out, &p->rows, &why);
    if (!ok && p->trouble.code == ERR_NONE) {
        p->trouble = why;
    }
}

static bool follow(struct predict *p, struct err *err)
{
    enum follow_end end = FOLLOW_ENDED;
    struct follow how = {.run = p->run, .changed = changed, .arg = p, .cancel_on_interrupt = true};
    struct err why = {.code = ERR_NONE};
    p->run_us = clock_mono_us();
    bool ok = session_follow(p->session, &how, &end, &why);
    changed(p);
    console_progress_end(&p->con);
    if (!ok) {
        *err = why;
        return false;
    }
    if (end == FOLLOW_INTERRUPTED) {
        p->c->status = err_exit_status(ERR_CANCELLED);
    } else if (end == FOLLOW_STUCK) {
        p->c->status = err_exit_status(ERR_DISKFULL);
        p->stuck = why;
    }
    return true;
}

static bool work(struct predict *p, struct err *err)
{
    size_t damaged = p->rows.finished;
    console_damaged(&p->con, &p->rows);
    console_unseen(&p->con, &p->found);
    if (!tell(p, err)) {
        return false;
    }
    if (damaged == p->rows.n) {
        return true;
    }
    if (!drop_left_over(p, err) || !say_earlier(p, err) || !start_run(p, err)) {
        return false;
    }
    cli_store_close(p->c);
    return cli_store(p->c, err) && follow(p, err);
}

/* ---- after it ---- */

static bool save(struct predict *p, struct err *err)
{
    bool whole = p->rows.finished == p->rows.n;
    console_say(&p->con, "", "\U0001f4be", "Saving results to %s...", p->out.shown);
    if (!triage_out_finish(&p->out, &p->rows, whole, err)) {
        return false;
    }
    console_say(&p->con, "", YES, "Results saved successfully!");
    if (p->stuck.code != ERR_NONE) {
        console_complain(&p->con, WARN,
                         "%zu of %zu done: %s; mend that, then the same command goes on with the "
                         "rest",
                         p->rows.finished, p->rows.n, p->stuck.text);
    }
    if (p->c->status == err_exit_status(ERR_CANCELLED)) {
        console_complain(&p->con, WARN,
                         "Interrupted: %zu of %zu done; the same command goes on with the rest",
                         p->rows.finished, p->rows.n);
    }
    return true;
}

/* What belongs to a study lies where it was made: beside another table, when that was elsewhere. */
static bool say_elsewhere(struct predict *p, struct err *err)
{
    size_t i;
    json_t *row,
        *rows = store_rows(
            p->c->store, err,
            "SELECT made.rec AS rec,count(*) AS n FROM task JOIN task AS from_task ON "
            "from_task.id=task.cached_from JOIN run AS made ON made.id=from_task.run_id WHERE "
            "task.run_id=?1 AND made.rec<>?2 GROUP BY made.rec ORDER BY made.rec",
            "is", p->run, p->out.studies);
    json_array_foreach(rows, i, row)
    {
        cli_note(p->c,
                 "pictures of %" PRId64 " studies are where an earlier run put "
                 "them: %s",
                 json_get_int(row, "n", 0), json_get_text(row, "rec", ""));
    }
    json_decref(rows);
    return rows != NULL;
}

static bool finish(struct predict *p, struct err *err)
{
    const struct console_times times = {(double)(clock_mono_us() - p->started_us) / 1e6,
                                        (int)cli_int(p->c, "workers", 1)};
    console_summary(&p->con, &p->rows, &times);
    bool ok = save(p, err) && (!p->run || say_elsewhere(p, err));
    for (size_t i = 0; i < p->rows.n && !p->c->status; i++) {
        p->c->status = p->rows.row[i].state == TRIAGE_SUCCESS ? 0 : err_exit_status(ERR_FAILED);
    }
    if (p->found.n_unread && (!p->c->status || p->c->status == err_exit_status(ERR_FAILED))) {
        p->c->status = err_exit_status(ERR_PERM); /* studies may be missing from the table */
    }
    if (ok && p->c->json) {
        json_t *rows = triage_rows_json(&p->rows, err);
        json_t *doc = rows
            ? json_pack("{s:I, s:s, s:s, s:O, s:O}", "run", (json_int_t)p->run, "output",
                        p->out.path, "studies", p->out.studies, "models", p->models, "rows", rows)
            : NULL;
        ok = doc && cli_json(p->c, doc, err);
        json_decref(doc);
        json_decref(rows);
    }
    if (ok && p->trouble.code != ERR_NONE) {
        *err = p->trouble;
        ok = false;
    }
    return ok;
}

static bool triage(struct cli *c, struct err *err)
{
    struct predict p = {
        .c = c, .out = {.rows = MEMFILE_NONE, .said = -1}, .started_us = clock_mono_us()};
    bool go = false, ok = predict_dataset_words(c, err) && check_words(c, err);
    p.con = (struct console){c, cli_has(c, "plain") || !console_utf8(), c->json, NULL};
    const char *truth = cli_text(c, "truth", NULL);
    ok = ok && (!truth || triage_truth_read(truth, &p.truth, err)) && find_folder(&p, &go, err);
    if (ok && go) {
        ok = open_output(&p, &go, err);
    }
    if (ok && go) {
        ok = load_models(&p, err);
        if (ok) {
            console_start(&p.con);
            p.session = session_open(c->home, err);
        }
        ok = ok && p.session && find_project(&p, err) && load_rows(&p, err) && work(&p, err) &&
            finish(&p, err);
    }
    session_close(p.session);
    if (p.out_open) {
        triage_out_close(&p.out);
    }
    triage_rows_fini(&p.rows);
    triage_truth_fini(&p.truth);
    found_list_fini(&p.found);
    project_fini(&p.project);
    json_decref(p.models);
    mem_free(p.folder);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    return cli_has(c, "dataset") ? predict_dataset(c, err) : triage(c, err);
}

const struct command command_predict = {
    .name = "predict",
    .group = GROUP_RUNS,
    .summary = "CT triage of a folder of ZIPs; or a model over a data set (Batch Prediction)",
    .usage = "-i DIR [-o FILE.xlsx|FILE.csv] [-w N] [--model M] [--truth FILE.csv] [--plain]\n"
             "--dataset D --model M [--series S]... [--set K=V]... [--skip-misfits] [--trial] "
             "[--dry-run] [--detach]",
    .help =
        "CT triage (-i):\n"
        "Every ZIP is one study: its longest axial CT series is checked (is it a whole chest "
        "CT?), classified, and\n"
        "measured slice by slice (z-profile); a fixed rule joins the two. What cannot be used "
        "becomes a FAILURE row\n"
        "with its reason, and the exit status is 1. Beside the table, per-study/ has a picture, "
        "the "
        "slices' figures and\n"
        "the profile of each study. The folder itself is only read. A call that was interrupted or "
        "killed leaves a\n"
        "complete table of what was done; the same call goes on with the rest.\n"
        "This is not a medical device.\n"
        "Examples:\n"
        "  gantry predict --input ./studies\n"
        "  gantry predict -i ./studies -o results.csv -w 2 --truth labels.csv\n"
        "Batch Prediction (--dataset):\n"
        "A run with one task for each series of the data set, the same that New Batch Prediction "
        "on "
        "the page makes.\n"
        "Settings are checked against the model's, and series against what it takes, before "
        "anything is queued: series\n"
        "that do not fit are refused unless --skip-misfits leaves them out. Results lie in "
        "PROJECT_rec/predictions/,\n"
        "another folder for each model and each choice of settings; what was done before is taken "
        "from there.\n"
        "Examples:\n"
        "  gantry predict --dataset lungs --model demo-ct-seg --dry-run\n"
        "  gantry predict -d lungs -m demo-ct-seg -s 'patient:P0*' --set overlap=0.25 "
        "--skip-misfits\n",
    .options = options,
    .max_args = 0,
    .run = run,
};
