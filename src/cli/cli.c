/* From argv to an exit status: global options, the command's word, its options, its home, its
 * run(), its error. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/opts.h"
#include "engine/home.h"
#include "engine/session.h"

#define MOST_COMMANDS 96 /* for suggestions */

static const struct command *find_command(const char *word)
{
    for (size_t i = 0; command_table[i]; i++) {
        const struct command *command = command_table[i];
        if (!strcmp(command->name, word)) {
            return command;
        }
        for (size_t k = 0; command->aliases && command->aliases[k]; k++) {
            if (!strcmp(command->aliases[k], word)) {
                return command;
            }
        }
    }
    return NULL;
}

static bool unknown_command(const char *word, struct err *err)
{
    const char *names[MOST_COMMANDS + 1];
    size_t n = 0;
    for (size_t i = 0; command_table[i] && n < MOST_COMMANDS; i++) {
        if (!command_table[i]->hidden) {
            names[n++] = command_table[i]->name;
        }
    }
    names[n] = NULL;
    const char *near = cli_nearest(word, names);
    if (near) {
        return err_set(err, ERR_USAGE, "there is no command '%s'; did you mean '%s'? (gantry help)",
                       word, near);
    }
    return err_set(err, ERR_USAGE, "there is no command '%s' (gantry help lists them)", word);
}

static void look_at_terminal(struct cli *c)
{
    struct winsize size;
    const char *term = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");
    c->terminal = isatty(STDOUT_FILENO);
    c->terminal_err = isatty(STDERR_FILENO);
    c->colour = c->terminal && !(no_colour && *no_colour) && !(term && !strcmp(term, "dumb"));
    if (c->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        c->columns = size.ws_col;
    }
}

/* -p, --json, --version, --help in front of the command's word. *ret_i is the index of the word;
 * *ret_done when all is said already. */
static bool leading_options(struct cli *c, int argc, char **argv, int *ret_i, bool *ret_done,
                            struct err *err)
{
    int i = 1;
    *ret_done = false;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strcmp(argv[i], "--version")) {
            cli_print(c, "gantry %s\n", GANTRY_VERSION);
            *ret_done = true;
            return true;
        }
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            help_overview(c);
            *ret_done = true;
            return true;
        }
        if (!strcmp(argv[i], "--json")) {
            c->json = true;
        } else if ((!strcmp(argv[i], "-p") || !strcmp(argv[i], "--project")) && i + 1 < argc) {
            c->project = argv[++i];
        } else if (str_starts(argv[i], "--project=")) {
            c->project = argv[i] + strlen("--project=");
        } else {
            return err_set(err, ERR_USAGE,
                           "there is no option %s in front of a command (gantry help)", argv[i]);
        }
    }
    *ret_i = i;
    return true;
}

static bool run_command(struct cli *c, int argc, char **argv, struct err *err)
{
    c->argc = argc;
    c->argv = argv;
    if (!c->command->raw) {
        if (!opts_parse(c, argc, argv, err)) {
            return false;
        }
        if (cli_has(c, "help")) {
            help_command(c, c->command);
            return true;
        }
        c->json = c->json || cli_has(c, "json");
        c->project = cli_text(c, "project", c->project);
        if ((int)c->n_args < c->command->min_args) {
            return cli_usage(c, err, "usage: gantry %s %s", c->command->name,
                             help_usage_line(c->command));
        }
        if (c->command->max_args >= 0 && (int)c->n_args > c->command->max_args) {
            return cli_usage(c, err, "gantry %s: '%s' is one word too many", c->command->name,
                             c->args[c->command->max_args]);
        }
    }
    if (!c->command->no_home) {
        c->home = home_path(err);
        if (!c->home) {
            return false;
        }
    }
    return c->command->run(c, err);
}

static bool dispatch(struct cli *c, int argc, char **argv, struct err *err)
{
    int i = 1;
    bool done;
    if (!leading_options(c, argc, argv, &i, &done, err) || done) {
        return !err->code;
    }
    if (i >= argc) {
        help_overview(c);
        c->status = err_exit_status(ERR_USAGE);
        return true;
    }
    c->word = argv[i];
    c->command = find_command(argv[i]);
    if (!c->command) {
        return unknown_command(argv[i], err);
    }
    return run_command(c, argc - i - 1, argv + i + 1, err);
}

int cli_main(int argc, char **argv, const struct cli_hooks *hooks)
{
    struct cli c = {.status = 0, .hooks = hooks};
    struct err err = {.code = ERR_NONE};
    c.project = getenv("GANTRY_PROJECT");
    c.project = c.project && *c.project ? c.project : NULL;
    look_at_terminal(&c);
    bool ok = dispatch(&c, argc, argv, &err);
    errno = 0;
    if (fflush(stdout) == EOF || ferror(stdout)) {
        /* A reader that has seen enough (`| head`) is no failure. */
        if (ok && errno && errno != EPIPE) {
            ok = err_errno(&err, errno, "writing to standard output");
        }
    }
    if (!ok) {
        cli_note(&c, "%s", err.text);
        c.status = err_exit_status(err.code);
    }
    cli_store_close(&c);
    opts_free(&c);
    mem_free(c.home);
    return c.status;
}

struct store *cli_store(struct cli *c, struct err *err)
{
    if (!c->store) {
        c->store = store_open(c->home, STORE_READ, err);
    }
    return c->store;
}

void cli_store_close(struct cli *c)
{
    store_close(c->store);
    c->store = NULL;
}

json_t *cli_call(struct cli *c, const char *op, const json_t *args, struct err *err)
{
    return session_once(c->home, op, args, err);
}
