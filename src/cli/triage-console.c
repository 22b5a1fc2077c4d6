/* The lines of REQUIREMENTS T. Blocks are built in memory and written with one call, so that those
 * of several workers never mix. */
#include "cli/triage-console.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define RULE "============================================================"
#define SHORT_RULE "=================================================="
#define NAMED 20 /* files that a list names before it says how many more there are */

#define YES "\u2705"
#define NO "\u274c"
#define WARN "\u26a0\ufe0f "
#define LOOK "\U0001f50d"

bool console_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value) {
            const char *set = strchr(value, '.');
            return set && (!strncasecmp(set, ".utf-8", 6) || !strncasecmp(set, ".utf8", 5));
        }
    }
    return false;
}

static void add_line(const struct console *con, struct str *out, const char *indent,
                     const char *mark, const char *fmt, ...) PRINTF_LIKE(5, 6);

static void add_lines(const struct console *con, struct str *out, const char *indent,
                      const char *mark, const char *fmt, va_list ap)
{
    char text[1400];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    str_addf(out, "%s%s%s%s\n", indent, con->plain ? "" : mark, con->plain || !*mark ? "" : " ",
             text);
}

static void add_line(const struct console *con, struct str *out, const char *indent,
                     const char *mark, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_lines(con, out, indent, mark, fmt, ap);
    va_end(ap);
}

/* Written at once and seen at once, also through a pipe (tee). */
static void put(const struct console *con, struct str *out)
{
    if (!con->quiet) {
        cli_print(con->c, "%s", str_text(out));
        (void)fflush(stdout);
    }
    str_fini(out);
}

void console_say(const struct console *con, const char *indent, const char *mark, const char *fmt,
                 ...)
{
    struct str out = STR_INIT;
    va_list ap;
    va_start(ap, fmt);
    add_lines(con, &out, indent, mark, fmt, ap);
    va_end(ap);
    put(con, &out);
}

void console_complain(const struct console *con, const char *mark, const char *fmt, ...)
{
    struct str out = STR_INIT;
    va_list ap;
    va_start(ap, fmt);
    add_lines(con, &out, "", mark, fmt, ap);
    va_end(ap);
    (void)fflush(stdout);
    (void)fputs(str_text(&out), stderr);
    str_fini(&out);
}

/* ---- the start ---- */

static const char *label_of(const json_t *model)
{
    return json_get_text(model, "label", json_get_text(model, "name", "model"));
}

static void add_model(const struct console *con, struct str *out, const json_t *model,
                      const char *what)
{
    double auc = json_get_double(model, "auc", NAN);
    char score[40] = "";
    if (isfinite(auc)) {
        (void)snprintf(score, sizeof score, " (AUC: %.4f)", auc);
    }
    add_line(con, out, "", YES, "%s %s loaded from %s", label_of(model), what,
             json_get_text(model, "file", "model.onnx"));
    const char *architecture = json_get_text(model, "architecture", "");
    add_line(con, out, "   ", "", "Architecture: %s%s", *architecture ? architecture : "not said",
             score);
    if (json_get_bool(model, "demonstration", false)) {
        add_line(con, out, "", WARN,
                 "%s is a demonstration model trained on synthetic phantoms: not for patients",
                 label_of(model));
    }
}

static void add_loaded(const struct console *con, struct str *out, const char *label, bool there)
{
    char head[64];
    (void)snprintf(head, sizeof head, "%.40s:", label);
    add_line(con, out, "   ", "", "%-8s %s", head, there ? "YES" : "NO");
}

void console_start(const struct console *con)
{
    struct str out = STR_INIT;
    const json_t *classifier = json_object_get(con->models, "classifier"),
                 *detector = json_object_get(con->models, "detector");
    bool has = json_is_object(classifier), found = json_is_object(detector);
    add_line(con, &out, "", "\U0001f527", "Initializing RadiAssist system...");
    add_line(con, &out, "", "", "Loading trained models...");
    if (has) {
        add_model(con, &out, classifier, "classifier");
    } else {
        add_line(con, &out, "", WARN, "COVID19 classifier DISABLED (--model none)");
    }
    if (found) {
        add_model(con, &out, detector, "detector");
    } else {
        add_line(con, &out, "", WARN, "LUNA16 detector DISABLED (fast mode)");
    }
    add_line(con, &out, "", WARN, "Cancer classifier DISABLED (fast mode)");
    add_line(con, &out, "", YES, "Fixed KSL analyzer imported");
    str_add(&out, "\n");
    add_line(con, &out, "", YES, "Models loaded:");
    add_loaded(con, &out, has ? label_of(classifier) : "COVID19", has);
    add_loaded(con, &out, found ? label_of(detector) : "LUNA16", found);
    add_loaded(con, &out, "Cancer", false);
    add_loaded(con, &out, "KSL", true);
    add_line(con, &out, "", "", "This is not a medical device: a physician decides.");
    str_add(&out, "\n");
    put(con, &out);
}

static void add_shown(const struct console *con, struct str *out, const char *indent,
                      const struct triage_row *row)
{
    char *name = cli_shown(row->name, err_ignore("an empty name is shown"));
    add_line(con, out, indent, "", "%s: %s", name ? name : "", row->reason ? row->reason : "");
    mem_free(name);
}

void console_damaged(const struct console *con, const struct triage_rows *rows)
{
    struct str out = STR_INIT;
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        n += rows->row[i].damaged;
    }
    if (!n) {
        return;
    }
    add_line(con, &out, "", WARN, "%zu of %zu ZIP files cannot be read and become FAILURE rows:", n,
             rows->n);
    for (size_t i = 0, shown = 0; i < rows->n; i++) {
        if (rows->row[i].damaged && ++shown <= NAMED) {
            add_shown(con, &out, "   ", &rows->row[i]);
        }
    }
    if (n > NAMED) {
        add_line(con, &out, "   ", "", "(+%zu more, each named in the result file)", n - NAMED);
    }
    str_add(&out, "\n");
    put(con, &out);
}

static void add_folder(const struct console *con, struct str *out, const char *folder,
                       const char *why)
{
    char *name = cli_shown(folder, err_ignore("an empty name is shown"));
    add_line(con, out, "   ", "", "%s: %s", name ? name : "", why);
    mem_free(name);
}

void console_unseen(const struct console *con, const struct found_list *found)
{
    struct str out = STR_INIT;
    size_t shown = 0;
    for (size_t i = 0; i < found->n_unread && shown < NAMED; i++, shown++) {
        add_folder(con, &out, found->unread[i], i ? "cannot be read" : found->unread_why);
    }
    for (size_t i = 0; i < found->n_left && shown < NAMED; i++) {
        if (!found->left[i].kind) {
            add_folder(con, &out, found->left[i].name, found->left[i].why);
            shown++;
        }
    }
    if (shown) {
        console_complain(con, WARN,
                         "Folders that were not looked into (studies in them are "
                         "missing here):\n%s",
                         str_text(&out));
    }
    str_fini(&out);
}

/* ---- one case ---- */

static const char *word_of(int pathology)
{
    return pathology ? "PATHOLOGY" : "NORMAL";
}

static void add_stages(const struct console *con, struct str *out, const struct triage_row *row)
{
    const json_t *v = row->values;
    double p = json_get_double(v, "p_cnn", NAN);
    int pathology = triage_pathology(row);
    add_line(con, out, "     ", YES, "Valid chest CT (confidence: %.3f)",
             json_get_double(v, "verdict_confidence", 1));
    if (isfinite(p)) {
        add_line(con, out, "  ", "\U0001f9e0", "Running %s triage...",
                 label_of(json_object_get(con->models, "classifier")));
        add_line(con, out, "    ", YES, "Final pathology probability: %.4f", p);
    }
    if (json_object_get(v, "nodules")) {
        add_line(con, out, "  ", LOOK, "Running %s detector...",
                 label_of(json_object_get(con->models, "detector")));
        add_line(con, out, "    ", YES, "Findings: %" PRId64 " (%s)", json_get_int(v, "nodules", 0),
                 json_get_text(v, "localization", "N/A"));
    }
    add_line(con, out, "  ", "\U0001f9ec", "Running KSL Z-profile analysis...");
    add_line(con, out, "    ", "\U0001f4ca", "Z-profile score: %.4f", json_get_double(v, "z", NAN));
    add_line(con, out, "  ", "\U0001f3e5", "Performing enhanced medical aggregation...");
    add_line(con, out, "    ", "\U0001f3af", "Decision: %d (%s)", pathology, word_of(pathology));
}

static void add_result(const struct console *con, struct str *out, const struct triage_row *row)
{
    int pathology = triage_pathology(row);
    add_line(con, out, "", "", "%s", "");
    add_line(con, out, "  ", "", "%s", SHORT_RULE);
    add_line(con, out, "  ", "\U0001f4cb", "FINAL RESULT:");
    add_line(con, out, "     ", "", "Prediction: %d (%s)", pathology, word_of(pathology));
    add_line(con, out, "     ", "", "Probability: %.4f", triage_probability(row));
    add_line(con, out, "     ", "", "Method: %s", json_get_text(row->values, "method", "?"));
    if (row->truth >= 0) {
        bool right = row->truth == pathology;
        add_line(con, out, "     ", "", "Ground truth: %d (%s)", row->truth, word_of(row->truth));
        add_line(con, out, "     ", right ? YES : NO, "%s", right ? "CORRECT" : "WRONG");
    }
    add_line(con, out, "  ", "", "%s", SHORT_RULE);
}

static bool cuda_is_full(const char *reason)
{
    return reason && strstr(reason, "CUDA") && strstr(reason, "out of memory");
}

static void add_failure(const struct console *con, struct str *out, const struct triage_row *row)
{
    const char *verdict = json_get_text(row->values, "verdict", "");
    if (*verdict && strcmp(verdict, "valid_chest_ct") != 0) {
        add_line(con, out, "     ", NO, "Not a valid chest CT: %s (confidence: %.3f)", verdict,
                 json_get_double(row->values, "verdict_confidence", 0));
    }
    if (cuda_is_full(row->reason)) {
        add_line(con, out, "", NO, "CUDA out of memory");
        add_line(con, out, "   ", "", "Try again with --workers 1");
    }
    add_line(con, out, "", NO, "Failed in %.1fs", row->seconds);
    add_line(con, out, "   ", "", "Reason: %s", row->reason ? row->reason : "");
}

void console_case(const struct console *con, const struct triage_row *row, size_t i, size_t n)
{
    struct str out = STR_INIT;
    char *name = cli_shown(row->name, err_ignore("an empty name is shown"));
    char *stem = name ? path_stem(name, err_ignore("an empty name is shown")) : NULL;
    add_line(con, &out, "", "", "%s", RULE);
    add_line(con, &out, "", "", "[%zu/%zu] Processing: %s", i, n, name ? name : "");
    add_line(con, &out, "", "", "%s\n", RULE);
    add_line(con, &out, "", LOOK, "Testing case: %s", stem ? stem : "");
    if (row->truth >= 0) {
        add_line(con, &out, "  ", YES, "Ground truth: %d (%s)", row->truth, word_of(row->truth));
    }
    add_line(con, &out, "  ", LOOK, "Validating input data...");
    if (row->state == TRIAGE_SUCCESS) {
        add_stages(con, &out, row);
        add_result(con, &out, row);
        add_line(con, &out, "", YES, "Completed in %.1fs", row->seconds);
        add_line(con, &out, "   ", "", "Pathology: %d (prob: %.3f)", triage_pathology(row),
                 triage_probability(row));
    } else {
        add_failure(con, &out, row);
    }
    str_add(&out, "\n");
    put(con, &out);
    mem_free(stem);
    mem_free(name);
}

/* ---- meanwhile ---- */

void console_progress(const struct console *con, const struct triage_rows *rows, double since_s)
{
    char left[40] = "";
    size_t now = 0; /* done by this call */
    if (!con->c->terminal_err || con->quiet) {
        return;
    }
    for (size_t i = 0; i < rows->n; i++) {
        now += rows->row[i].state != TRIAGE_OPEN && !rows->row[i].earlier && !rows->row[i].damaged;
    }
    if (now) {
        clock_span(since_s / (double)now * (double)(rows->n - rows->finished), left, sizeof left);
    }
    (void)fprintf(stderr, "\r\033[K%zu of %zu done%s%s", rows->finished, rows->n,
                  now ? ", left about " : "", left);
    (void)fflush(stderr);
}

void console_progress_end(const struct console *con)
{
    if (con->c->terminal_err && !con->quiet) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
}

/* ---- the summary ---- */

struct sums {
    size_t good, bad, earlier, sick, known, right;
    double seconds;
};

static struct sums add_up(const struct triage_rows *rows)
{
    struct sums s = {0};
    for (size_t i = 0; i < rows->n; i++) {
        const struct triage_row *row = &rows->row[i];
        bool good = row->state == TRIAGE_SUCCESS;
        s.good += good;
        s.bad += row->state == TRIAGE_FAILURE;
        s.earlier += row->earlier;
        s.sick += good && triage_pathology(row) == 1;
        s.known += good && row->truth >= 0;
        s.right += good && row->truth >= 0 && row->truth == triage_pathology(row);
        s.seconds +=
            row->state != TRIAGE_OPEN && !row->earlier && isfinite(row->seconds) ? row->seconds : 0;
    }
    return s;
}

static void add_share(const struct console *con, struct str *out, const char *label, size_t n,
                      size_t of)
{
    char head[32];
    (void)snprintf(head, sizeof head, "   %s:", label);
    add_line(con, out, "", "", "%-17s%zu (%.1f%%)", head, n,
             of ? 100.0 * (double)n / (double)of : 0.0);
}

static void add_failed_names(const struct console *con, struct str *out,
                             const struct triage_rows *rows, size_t n)
{
    if (!n) {
        return;
    }
    str_add(out, "\n");
    add_line(con, out, "", NO, "Failed:");
    for (size_t i = 0, shown = 0; i < rows->n; i++) {
        if (rows->row[i].state == TRIAGE_FAILURE && ++shown <= NAMED) {
            add_shown(con, out, "   ", &rows->row[i]);
        }
    }
    if (n > NAMED) {
        add_line(con, out, "   ", "", "(+%zu more, each named in the result file)", n - NAMED);
    }
}

void console_summary(const struct console *con, const struct triage_rows *rows,
                     const struct console_times *times)
{
    struct str out = STR_INIT;
    struct sums s = add_up(rows);
    size_t done = s.good + s.bad - s.earlier;
    add_line(con, &out, "", "", "%s", RULE);
    add_line(con, &out, "", "\U0001f4ca", "BATCH PROCESSING SUMMARY");
    add_line(con, &out, "", "", "%s", RULE);
    add_line(con, &out, "", "", "%-17s%zu", "Total files:", rows->n);
    add_line(con, &out, "", "", "%-17s%zu", "Successful:", s.good);
    add_line(con, &out, "", "", "%-17s%zu", "Failed:", s.bad);
    if (s.earlier) {
        add_line(con, &out, "", "", "%-17s%zu", "Earlier run:", s.earlier);
    }
    if (rows->n > s.good + s.bad) {
        add_line(con, &out, "", "", "%-17s%zu", "Not done:", rows->n - s.good - s.bad);
    }
    add_line(con, &out, "", "", "%-17s%.1fs (%.1f min)", "Total time:", times->wall_s,
             times->wall_s / 60);
    if (times->workers > 1) {
        add_line(con, &out, "", "", "%-17s%.1fs", "Sum of times:", s.seconds);
    }
    add_line(con, &out, "", "", "%-17s%.1fs",
             "Average/file:", done ? times->wall_s / (double)done : 0.0);
    str_add(&out, "\n");
    add_line(con, &out, "", "\U0001f4c8", "Results:");
    add_share(con, &out, "Normal", s.good - s.sick, s.good);
    add_share(con, &out, "Pathology", s.sick, s.good);
    if (s.known) {
        add_share(con, &out, "Correct", s.right, s.known);
    }
    add_failed_names(con, &out, rows, s.bad);
    str_add(&out, "\n");
    put(con, &out);
}
