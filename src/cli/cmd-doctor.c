/* `gantry doctor`: what works here, and how to mend what does not. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "catalog/project.h"
#include "cli/child.h"
#include "cli/command.h"
#include "cli/resolve.h"
#include "cli/served.h"
#include "engine/session.h"
#include "exec/gpu.h"
#include "model/options.h"
#include "os/file.h"
#include "os/proc.h"

#define LEAST_FREE ((int64_t)5 << 30) /* a reconstruction fills less than this in minutes */
#define MOST_GPUS 64

/* fine; works with less; does not work */
enum verdict { FINE, LESS, BROKEN };
static const char *const verdict_words[] = {"ok", "note", "broken"};

struct report {
    struct cli *c;
    json_t *rows;
    bool broken;
};

static void add(struct report *r, const char *what, enum verdict verdict, const char *fix,
                const char *fmt, ...) PRINTF_LIKE(5, 6);

static void add(struct report *r, const char *what, enum verdict verdict, const char *fix,
                const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->broken = r->broken || verdict == BROKEN;
    json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "what", what, "state", verdict_words[verdict],
                            "found", text, "fix", verdict == FINE ? "" : fix);
    (void)json_array_append_new(r->rows, row);
}

static void look_at_home(struct report *r)
{
    struct err err = {.code = ERR_NONE};
    char *note = NULL;
    struct options *o = options_load(r->c->home, &err);
    add(r, "home", access(r->c->home, W_OK) ? BROKEN : FINE, "make it writable, or set GANTRY_HOME",
        "%s", r->c->home);
    add(r, "config", o ? FINE : BROKEN, "correct that line, or gantry config set --unset KEY", "%s",
        o ? "config.ini is valid" : err.text);
    options_free(o);
    err.code = ERR_NONE;
    struct store *s = cli_store(r->c, &err);
    add(r, "state", s || err.code == ERR_NOTHING ? FINE : BROKEN,
        "put a backup back (gantry backup makes them)", "%s",
        s                             ? "gantry.db opens"
            : err.code == ERR_NOTHING ? "no database yet"
                                      : err.text);
    bool alive = session_engine_alive(r->c->home, &note);
    char host[256], since[32] = "";
    long pid = 0;
    if (!alive) {
        add(r, "engine", FINE, "", "none is running; gantry run brings its own");
    } else if (note && sscanf(note, "%255s %*s %ld %31s", host, &pid, since) >= 2) {
        add(r, "engine", FINE, "", "alive: process %ld on %s%s%s", pid, host,
            since[0] ? " since " : "", since);
    } else {
        add(r, "engine", FINE, "", "alive");
    }
    mem_free(note);
}

/* The token stays where it is: this is read over shoulders and pasted into mails. */
static void look_at_server(struct report *r)
{
    struct served served;
    served_find(r->c->home, &served);
    if (!served.url[0]) {
        add(r, "server", FINE, "", "none is running; gantry serve starts one");
    } else if (served.token) {
        add(r, "server", FINE, "", "listens at %s; the address with its token is in %s", served.url,
            served.file);
    } else {
        add(r, "server", FINE, "", "listens at %s; accounts come in by name and password",
            served.url);
    }
}

static void look_at_disk(struct report *r, const char *what, const char *path)
{
    char bytes[32];
    int64_t free_bytes = file_free_bytes(path);
    num_show_bytes(free_bytes, bytes, sizeof bytes);
    add(r, what, free_bytes >= 0 && free_bytes < LEAST_FREE ? LESS : FINE,
        "free some space, or gantry prune --older 30d", "%s free below %s%s",
        free_bytes < 0 ? "unknown" : bytes, path,
        file_on_network(path) ? " (a network file system)" : "");
}

static void look_at_disks(struct report *r)
{
    struct project project = {0};
    struct err err = {.code = ERR_NONE};
    look_at_disk(r, "disk (home)", r->c->home);
    if (resolve_project(r->c, false, &project, &err)) {
        look_at_disk(r, "disk (data)", project.root);
        look_at_disk(r, "disk (outputs)", project.rec);
        project_fini(&project);
    } else {
        look_at_disk(r, "disk (here)", ".");
    }
}

/* The first line of what a program says about itself; false when it is not there. */
static bool version_of(const char *program, const char *flag, char *out, size_t size)
{
    struct str text = STR_INIT, errs = STR_INIT;
    const char *argv[] = {program, flag, NULL};
    int status = 0;
    struct err err;
    bool ok = child_run(argv, NULL, &text, &errs, &status, &err) && status == 0;
    const char *line = text.len ? str_text(&text) : str_text(&errs);
    (void)snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
    str_fini(&text);
    str_fini(&errs);
    return ok;
}

/* gantry-imaging speaks for the libraries that only it has. */
static void look_at_imaging(struct report *r)
{
    static const char *const version[] = {"--version", NULL};
    static const char *const libraries[] = {"doctor", NULL};
    struct str text = STR_INIT;
    struct err err = {.code = ERR_NONE};
    bool ok = child_imaging(version, &text, &err);
    add(r, "gantry-imaging", ok ? FINE : BROKEN, "install it beside gantry (ninja install)", "%.*s",
        ok ? (int)strcspn(str_text(&text), "\n") : (int)sizeof err.text,
        ok ? str_text(&text) : err.text);
    str_clear(&text);
    json_t *rows = NULL;
    if (ok && child_imaging(libraries, &text, &err)) {
        rows = json_parse(str_text(&text), text.len, "gantry-imaging", &err);
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        add(r, json_get_text(row, "what", ""), json_get_bool(row, "ok", false) ? FINE : LESS,
            json_get_text(row, "fix", ""), "%s", json_get_text(row, "found", ""));
    }
    if (!json_array_size(rows) && ok) {
        add(r, "HDF5, TIFF, FFTW", FINE, "", "linked into gantry-imaging");
    }
    json_decref(rows);
    str_fini(&text);
}

static void look_at_gpus(struct report *r)
{
    struct gpu gpus[MOST_GPUS];
    size_t n = 0;
    struct err err = {.code = ERR_NONE};
    if (!gpu_list(gpus, MOST_GPUS, &n, &err)) {
        add(r, "GPU", LESS, "check the driver with nvidia-smi", "%s", err.text);
    } else if (n == 0) {
        add(r, "GPU", LESS, "none is needed: built-in tools compute on the CPU",
            "no GPU (nvidia-smi finds none)");
    }
    for (size_t i = 0; i < n; i++) {
        add(r, "GPU", FINE, "", "%d: %s, %" PRId64 " of %" PRId64 " MB in use", gpus[i].index,
            gpus[i].name, gpus[i].used_mb, gpus[i].total_mb);
    }
    bool locks = access("/run/lock", W_OK) == 0;
    if (n) {
        add(r, "GPU locks", locks ? FINE : LESS,
            "make /run/lock writable, so that two people never take one GPU",
            "/run/lock is %swritable", locks ? "" : "not ");
    }
}

static void look_at_machine(struct report *r)
{
    struct rlimit files;
    char bytes[32];
    num_show_bytes(proc_total_memory(), bytes, sizeof bytes);
    add(r, "machine", FINE, "", "%d cores, %s of memory", proc_cpu_count(), bytes);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        add(r, "open files", files.rlim_cur < 256 ? LESS : FINE, "ulimit -n 1024", "at most %llu",
            (unsigned long long)files.rlim_cur);
    }
}

static void look_at_scripts(struct report *r)
{
    char line[200];
    bool bash = version_of("bash", "--version", line, sizeof line);
    add(r, "script.bash", bash ? FINE : BROKEN, "install bash", "%s",
        bash ? line : "bash is not there");
    if (version_of("matlab", "-help", line, sizeof line)) {
        add(r, "MATLAB", FINE, "", "found");
    } else if (version_of("octave", "--version", line, sizeof line)) {
        add(r, "MATLAB", FINE, "", "not there; %s stands in", line);
    } else {
        add(r, "MATLAB", LESS, "install MATLAB or GNU Octave for script.matlab",
            "neither MATLAB nor Octave");
    }
    bool jupyter = proc_program_there("jupyter-notebook");
    add(r, "jupyter", jupyter ? FINE : LESS,
        "to open jobs in notebooks, install it (Debian: apt-get install jupyter-notebook)", "%s",
        jupyter ? "jupyter-notebook is there" : "jupyter-notebook is not there");
    if (version_of("apptainer", "--version", line, sizeof line) ||
        version_of("docker", "--version", line, sizeof line)) {
        add(r, "containers", FINE, "", "%s", line);
    } else {
        add(r, "containers", LESS, "install apptainer for tools that come as container images",
            "neither Apptainer nor Docker");
    }
    add(r, "executors", FINE, "", "local");
}

static void print_report(struct cli *c, const json_t *rows)
{
    static const char *const colours[] = {"green", "amber", "red"};
    size_t width = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        size_t n = cli_width(json_get_text(json_array_get(rows, i), "what", ""));
        width = n > width ? n : width;
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *state = json_get_text(row, "state", ""), *fix = json_get_text(row, "fix", "");
        size_t k = !strcmp(state, "ok") ? 0 : !strcmp(state, "note") ? 1 : 2;
        cli_print(c, "%s%-7s%s %-*s %s\n", cli_paint(c, colours[k]), state, cli_paint(c, NULL),
                  (int)width, json_get_text(row, "what", ""), json_get_text(row, "found", ""));
        if (*fix) {
            cli_print(c, "%7s %-*s -> %s\n", "", (int)width, "", fix);
        }
    }
}

static bool run(struct cli *c, struct err *err)
{
    struct report r = {.c = c, .rows = json_array()};
    bool ok = r.rows != NULL;
    add(&r, "gantry", FINE, "", "version %s", GANTRY_VERSION);
    look_at_home(&r);
    look_at_server(&r);
    look_at_disks(&r);
    look_at_machine(&r);
    look_at_imaging(&r);
    look_at_gpus(&r);
    look_at_scripts(&r);
    if (c->json) {
        ok = ok && cli_json(c, r.rows, err);
    } else {
        print_report(c, r.rows);
    }
    json_decref(r.rows);
    c->status = r.broken ? 1 : 0;
    return ok;
}

const struct command command_doctor = {
    .name = "doctor",
    .group = GROUP_SETUP,
    .summary = "What works here: libraries, GPUs, disk, programs; each with how to mend it",
    .usage = "",
    .run = run,
};
