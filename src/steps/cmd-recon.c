/*
 * gantry-imaging recon: reconstruct one scan, no project needed (`gantry recon` hands over to it).
 * Flags, names and defaults are tomocupy's. The command becomes a job as the worker would make it,
 * runs the same step, and publishes the outputs itself.
 */
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/ini.h"
#include "codec/json.h"
#include "os/file.h"
#include "steps/command.h"
#include "steps/job.h"
#include "steps/params.h"
#include "steps/publish.h"
#include "steps/step.h"

extern const struct command command_word_recon;

#define CONFIG_MAX ((size_t)1 << 20)

/* Set by SIGINT and SIGTERM; a signal handler has no other place to write to. */
static volatile sig_atomic_t asked_to_stop;

struct request {
    json_t *params;
    char *file; /* absolute */
    char *out;  /* out_path_name, absolute, or NULL */
    bool full;
    bool overwrite;
    bool json;       /* one document on stdout, everything else on stderr */
    int64_t threads; /* 0 = all */
};

static void on_signal(int number)
{
    (void)number;
    asked_to_stop = 1;
}

/* ---- flags and configuration ---- */

static bool set_absolute(char **place, const char *value, struct err *err)
{
    char cwd[4096];
    char *path;

    if (getcwd(cwd, sizeof(cwd)) == NULL) {
        return err_errno(err, errno, "the current folder");
    }
    path = path_absolute(cwd, value, err);
    if (path == NULL) {
        return false;
    }
    mem_free(*place);
    *place = path;
    return true;
}

static bool is(const char *name, const char *word)
{
    size_t i = 0;

    while (word[i] != '\0' && (word[i] == name[i] || (word[i] == '-' && name[i] == '_'))) {
        i++;
    }
    return word[i] == '\0' && name[i] == '\0';
}

static bool yes(const char *value)
{
    return str_equal(value, "True") || str_equal(value, "true") || str_equal(value, "1") ||
        str_equal(value, "yes");
}

/* Flags that are not parameters of a step. *ret_taken tells whether it was one. */
static bool take_own(struct request *r, const char *name, const char *value, bool *ret_taken,
                     struct err *err)
{
    *ret_taken = true;
    if (is(name, "file-name")) {
        return set_absolute(&r->file, value, err);
    }
    if (is(name, "out-path-name")) {
        return set_absolute(&r->out, value, err);
    }
    if (is(name, "reconstruction-type")) {
        r->full = strcmp(value, "full") == 0;
        if (!r->full && strcmp(value, "try") != 0) {
            return err_set(err, strcmp(value, "try_lamino") == 0 ? ERR_UNSUPPORTED : ERR_USAGE,
                           "--reconstruction-type: '%.40s' is not one of try, full", value);
        }
        return true;
    }
    if (is(name, "clear-folder") || is(name, "overwrite")) {
        r->overwrite = r->overwrite || yes(value);
        return true;
    }
    if (is(name, "json")) {
        r->json = yes(value);
        return true;
    }
    if (is(name, "engine")) {
        return strcmp(value, "builtin") == 0 ||
            err_set(err, strcmp(value, "tomocupy") == 0 ? ERR_UNSUPPORTED : ERR_USAGE,
                    "--engine %.40s is not built yet; builtin is what there is", value);
    }
    if (is(name, "threads")) {
        return (num_int64(value, &r->threads) && r->threads >= 0 && r->threads < 4096) ||
            err_set(err, ERR_USAGE, "--threads: '%.40s' is not a number of threads", value);
    }
    *ret_taken = false;
    return true;
}

/* Parameter errors speak of names with underscores; people typed dashes. */
static bool flag_error(const char *name, struct err *err)
{
    char shown[64];

    snprintf(shown, sizeof(shown), "%s", name);
    for (char *at = shown; *at != '\0'; at++) {
        *at = *at == '_' ? '-' : *at;
    }
    return err_wrap(err, "--%s", shown);
}

static bool take_flag(struct request *r, const char *name, const char *value, struct err *err)
{
    bool taken;
    bool noted = false;

    if (!take_own(r, name, value, &taken, err)) {
        return false;
    }
    if (taken) {
        return true;
    }
    if (!params_set(r->params, name, value, &noted, err)) {
        return flag_error(name, err);
    }
    if (noted) {
        fprintf(stderr, "note: --%s is accepted; sizes of pieces and threads are chosen here\n",
                name);
    }
    return true;
}

/* A line of a tomocupy configuration: its sections only group. tomocupy writes all its keys, also
 * those of versions and methods that we do not know, so an unknown key is told, not refused. */
static bool take_entry(void *arg, const char *key, const char *value, struct err *err)
{
    struct request *r = arg;
    const char *dot = strrchr(key, '.');
    const char *name = dot != NULL ? dot + 1 : key;
    bool taken;
    bool sift = is(name, "rotation-axis-method") && strcmp(value, "sift") == 0;

    if (value[0] == '\0' || strcmp(value, "None") == 0 || is(name, "config")) {
        return true;
    }
    if (!take_own(r, name, value, &taken, err) || taken) {
        return taken;
    }
    if (sift || param_find(name) == NULL) {
        fprintf(stderr, "note: '%s = %.40s' of the configuration has no meaning here\n", name,
                value);
        return true;
    }
    return params_set(r->params, name, value, NULL, err);
}

static bool take_config(struct request *r, const char *path, struct err *err)
{
    size_t length = 0;
    char *text = file_read(path, CONFIG_MAX, &length, err);
    bool good = text != NULL && ini_parse(text, length, path, take_entry, r, err);

    mem_free(text);
    return good;
}

/* Flags that stand alone. */
static bool stands_alone(const char *name)
{
    return is(name, "overwrite") || is(name, "json") || is(name, "verbose") ||
        is(name, "config-update") || is(name, "fw-pad");
}

/* "--name=value" or "--name value" at argv[*at]; moves *at behind it. `name` is cut out into
 * `ret_name`. */
static bool next_flag(int argc, char **argv, int *at, char *ret_name, size_t size,
                      const char **ret_value, struct err *err)
{
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);

    if (!str_starts(word, "--") || length < 3 || length - 2 >= size) {
        return err_set(err, ERR_USAGE, "'%.80s' is not understood: flags start with --", word);
    }
    memcpy(ret_name, word + 2, length - 2);
    ret_name[length - 2] = '\0';
    *at += 1;
    if (equals != NULL) {
        *ret_value = equals + 1;
    } else if (stands_alone(ret_name)) {
        *ret_value = "True";
    } else if (*at < argc) {
        *ret_value = argv[(*at)++];
    } else {
        return err_set(err, ERR_USAGE, "--%s needs a value", ret_name);
    }
    return true;
}

/* Two rounds: the configuration first, so that flags win wherever they stand. */
static bool read_flags(struct request *r, int argc, char **argv, struct err *err)
{
    for (int round = 0; round < 2; round++) {
        for (int at = 0; at < argc;) {
            char name[64] = "";
            const char *value = "";

            if (!next_flag(argc, argv, &at, name, sizeof(name), &value, err)) {
                return false;
            }
            if (is(name, "config") ? round == 0 && !take_config(r, value, err)
                                   : round == 1 && !take_flag(r, name, value, err)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the job ---- */

static int64_t usable_threads(const struct request *r)
{
    const char *said = getenv("OMP_NUM_THREADS");
    int64_t threads = r->threads;
    cpu_set_t set;

    if (threads == 0 && (said == NULL || !num_int64(said, &threads) || threads < 1)) {
        threads = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    }
    return threads > 0 ? threads : 1;
}

/* Where the engine's home would be: FFT wisdom is shared with it. */
static char *home_of(struct err *err)
{
    const char *home = getenv("GANTRY_HOME");
    const char *state = getenv("XDG_STATE_HOME");
    const char *user = getenv("HOME");

    if (home != NULL && home[0] == '/') {
        return mem_strdup(home, err);
    }
    if (state != NULL && state[0] == '/') {
        return path_join(state, "gantry", err);
    }
    return path_join(user != NULL && user[0] == '/' ? user : "/nonexistent", ".local/state/gantry",
                     err);
}

/* Final places of the outputs, as DESIGN names them or below --out-path-name. */
static bool plan_outputs(const struct request *r, const struct recon_params *p, json_t *outputs,
                         struct err *err)
{
    char *dir = path_dir(r->file, err);
    char *stem = path_stem(r->file, err);
    char *base = NULL; /* of full outputs, without extension */
    char *line = NULL;
    bool good = false;

    if (dir == NULL || stem == NULL) {
        goto out;
    }
    if (!r->full) {
        base = r->out != NULL ? mem_strdup(r->out, err)
                              : mem_printf(err, "%s_rec/try_center/%s", dir, stem);
        good = base != NULL && publish_plan(outputs, "slices", "files", base, r->overwrite, err);
        goto out;
    }
    base = r->out == NULL                    ? mem_printf(err, "%s_rec/%s_rec", dir, stem)
        : p->hdf5 && str_ends(r->out, ".h5") ? mem_strndup(r->out, strlen(r->out) - 3, err)
                                             : mem_strdup(r->out, err);
    if (base == NULL || !p->hdf5) {
        good = base != NULL && publish_plan(outputs, "volume", "folder", base, r->overwrite, err);
        goto out;
    }
    line = mem_printf(err, "%s.h5", base);
    good = line != NULL && publish_plan(outputs, "volume_h5", "file", line, r->overwrite, err);
    mem_free(line);
    line = good ? mem_printf(err, "%s_line.txt", base) : NULL;
    good = line != NULL && publish_plan(outputs, "rec_line", "file", line, true, err);
out:
    mem_free(line);
    mem_free(base);
    mem_free(stem);
    mem_free(dir);
    return good;
}

static bool check_file(const struct request *r, struct stat *st, struct err *err)
{
    if (r->file == NULL) {
        return err_set(err, ERR_USAGE, "which scan? --file-name FILE");
    }
    if (stat(r->file, st) != 0) {
        return err_errno(err, errno, "%s", r->file);
    }
    if (S_ISDIR(st->st_mode)) {
        return err_set(err, ERR_USAGE,
                       "%s is a folder; `gantry run tomo-full` reconstructs folders", r->file);
    }
    return true;
}

static json_t *make_root(const struct request *r, const struct step *step, const struct stat *st,
                         json_t *outputs, struct err *err)
{
    char *home = home_of(err);
    json_int_t mtime = (json_int_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    json_t *root = home == NULL
        ? NULL
        : json_pack("{s:i, s:s, s:i, s:{s:s, s:s}, s:O, s:[{s:s, s:s, s:I, s:I}], s:O, s:I, s:s}",
                    "gantry", 1, "tool", step->name, "version", step->version, "item", "name",
                    path_base(r->file), "path", r->file, "params", r->params, "inputs", "name",
                    "file", "path", r->file, "size", (json_int_t)st->st_size, "mtime_ns", mtime,
                    "outputs", outputs, "threads", (json_int_t)usable_threads(r), "home", home);

    if (root == NULL && home != NULL) {
        err_set(err, ERR_FORMAT, "'%s' cannot be named in JSON (is it UTF-8?)", r->file);
    }
    mem_free(home);
    return root;
}

static json_t *make_provenance(const struct job *job, int argc, char **argv, int64_t started_us)
{
    const struct passwd *user = getpwuid(geteuid());
    json_t *command = json_pack("[s, s]", "gantry", "recon");
    char started[40];
    char ended[40];
    char host[65] = "";

    for (int i = 0; i < argc && command != NULL; i++) {
        json_array_append_new(command, json_string_nocheck(argv[i]));
    }
    gethostname(host, sizeof(host) - 1);
    clock_iso(started_us, started, sizeof(started));
    clock_iso(clock_utc_us(), ended, sizeof(ended));
    return json_pack(
        "{s:s, s:s, s:O, s:o, s:O, s:O, s:O, s:s, s:s, s:s, s:s}", "gantry", GANTRY_VERSION, "tool",
        job->tool, "version", json_object_get(job->root, "version"), "command", command, "params",
        job->params, "inputs", json_object_get(job->root, "inputs"), "values", job->values, "host",
        host, "user", user != NULL ? user->pw_name : "", "started", started, "ended", ended);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* {"file", "params", "values", "outputs": [{name, kind, path}], "seconds"} into descriptor `fd`. */
static bool print_json(const struct job *job, int fd, double seconds, struct err *err)
{
    json_t *outputs = json_array();
    json_t *all = NULL;
    bool good = outputs != NULL;

    for (size_t i = 0; i < job->outputs && good; i++) {
        const struct job_output *o = &job->output[i];

        good = json_array_append_new(outputs,
                                     json_pack("{s:s, s:s, s:s}", "name", o->name, "kind", o->kind,
                                               "path", o->final)) == 0;
    }
    all = good ? json_pack("{s:s, s:O, s:O, s:O, s:f}", "file", job->input, "params", job->params,
                           "values", job->values, "outputs", outputs, "seconds", seconds)
               : NULL;
    char *text = all != NULL ? json_pretty(all, err) : NULL;
    good = (text != NULL && dprintf(fd, "%s%s", text, str_ends(text, "\n") ? "" : "\n") > 0) ||
        err_set(err, ERR_IO, "cannot write the JSON document");
    mem_free(text);
    json_decref(all);
    json_decref(outputs);
    return good;
}

static bool run_step(const struct request *r, const struct step *step, struct job *job, int json_fd,
                     int argc, char **argv, struct err *err)
{
    int64_t started_us = clock_utc_us();
    json_t *provenance;
    char span[32];
    bool good;

    job->stop = &asked_to_stop;
    good = step->run(job, err) && job_go_on(job, err);
    if (!good) {
        if (job->voice == JOB_TERMINAL) {
            fputs("\r\033[K", stderr);
        }
        return false;
    }
    provenance = make_provenance(job, argc, argv, started_us);
    good = provenance != NULL
        ? publish_all(job, provenance, r->overwrite, err)
        : err_set(err, ERR_FORMAT, "a flag cannot be kept in JSON (is it UTF-8?)");
    json_decref(provenance);
    if (good) {
        clock_span((double)(clock_utc_us() - started_us) / 1e6, span, sizeof(span));
        job_say(job, "%s in %s", job->output[0].final, span);
    }
    if (good && r->json) {
        good = print_json(job, json_fd, (double)(clock_utc_us() - started_us) / 1e6, err);
    }
    return good;
}

static bool recon(struct request *r, int argc, char **argv, struct err *err)
{
    const struct step *step = NULL;
    json_t *outputs = json_array();
    json_t *root = NULL;
    struct recon_params p;
    struct job job;
    struct stat st = {0};
    int json_fd = -1;
    bool good = false;

    if (outputs == NULL || !read_flags(r, argc, argv, err) || !params_read(r->params, &p, err) ||
        !check_file(r, &st, err) || !plan_outputs(r, &p, outputs, err)) {
        goto out;
    }
    step = step_find(r->full ? "recon.full" : "recon.try");
    root = make_root(r, step, &st, outputs, err);
    if (root == NULL ||
        !job_take(root, isatty(STDERR_FILENO) ? JOB_TERMINAL : JOB_PLAIN, &job, err)) {
        goto out;
    }
    catch_signals();
    /* what steps say goes to stdout: moved aside when that belongs to the document */
    good = !r->json ||
        ((json_fd = dup(STDOUT_FILENO)) >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) ||
        err_errno(err, errno, "moving messages to stderr");
    good = good && run_step(r, step, &job, json_fd, argc, argv, err);
    if (json_fd >= 0) {
        (void)close(json_fd);
    }
    publish_drop(outputs);
    job_fini(&job);
out:
    json_decref(outputs);
    return good;
}

static int print_help(void)
{
    puts("usage: gantry recon --file-name FILE [--reconstruction-type try|full] [flags]\n\n"
         "  --file-name FILE            the scan (HDF5: Data Exchange or NXtomo)\n"
         "  --reconstruction-type T     try (default): one slice about many centres; full: all "
         "slices\n"
         "  --out-path-name PATH        where to; default <folder>_rec/try_center/<scan>, "
         "<folder>_rec/<scan>_rec\n"
         "  --config FILE               a tomocupy configuration; flags win over it\n"
         "  --overwrite                 replace outputs that Gantry did not make\n"
         "  --json                      what was done as one JSON document on stdout: file, "
         "outputs, "
         "params, values,\n"
         "                              seconds; messages go to stderr\n"
         "  --threads N                 default: all processors\n");
    for (const struct param *p = param_table; p->name != NULL; p++) {
        char flag[64];

        if (p->state != PARAM_BUILT || p->families == STEP_COR) {
            continue;
        }
        snprintf(flag, sizeof(flag), "--%s", p->name);
        for (char *at = flag + 2; *at != '\0'; at++) {
            *at = *at == '_' ? '-' : *at;
        }
        printf("  %-28s%s%s%s%s\n", flag, p->help, p->fallback != NULL ? " (" : "",
               p->fallback != NULL ? p->fallback : "", p->fallback != NULL ? ")" : "");
    }
    return 0;
}

static int run(int argc, char **argv)
{
    struct request r = {.params = json_object()};
    struct err err = {ERR_NONE, ""};
    bool good;

    if (argc == 1 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        json_decref(r.params);
        return print_help();
    }
    good =
        r.params != NULL ? recon(&r, argc, argv, &err) : err_set(&err, ERR_NOMEM, "out of memory");
    json_decref(r.params);
    mem_free(r.file);
    mem_free(r.out);
    return good ? 0 : command_fail(&err);
}

const struct command command_word_recon = {
    .name = "recon",
    .helps = true,
    .usage = "--file-name FILE [flags]",
    .help = "reconstruct one scan; flags as tomocupy's (this is `gantry recon`)",
    .run = run,
};
