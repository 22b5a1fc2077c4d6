/*
 * What a command of `gantry` is, and what it may use.
 *
 * To add one: a file src/cli/cmd-NAME.c that defines `const struct command command_NAME`, and the
 * word NAME in src/cli/meson.build. Help, suggestions and the list of commands all come from the
 * struct.
 *
 * The framework parses the command line against the command's option table, answers --help, opens
 * the home, and calls run(). run() returns false with `err` filled when it could not do what was
 * asked: the framework prints "gantry: <text>" and exits with err_exit_status(). Work that went
 * through but with failures sets cli->status = 1 and returns true. Options every command
 * understands: -h/--help, --json, -p/--project NAME.
 *
 * What people read on stdout goes through cli_print() and cli_table(); one JSON document through
 * cli_json(); messages through cli_note() to stderr. A command with --json prints one document and
 * nothing else on stdout.
 */
#ifndef GANTRY_CLI_COMMAND_H
#define GANTRY_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"
#include "store/store.h"

enum opt_kind {
    OPT_FLAG,    /* no value */
    OPT_TEXT,    /* anything */
    OPT_INT,     /* whole number */
    OPT_NUMBER,  /* finite decimal number */
    OPT_SECONDS, /* 90, 10m, 2h, 0:10:00 */
    OPT_BYTES    /* 512, 4k, 2G */
};

/* One option. Tables end with a row whose name is NULL. An option given more than once keeps every
 * value. */
struct opt { /* NOLINT(clang-analyzer-optin.performance.Padding): tables read in the order of the
                help */
    char letter;      /* 0 = no short form */
    const char *name; /* without the dashes */
    enum opt_kind kind;
    const char *value; /* placeholder in the help: "SECONDS"; NULL for flags */
    const char *help;
    bool hidden; /* understood, not shown in the help */
};

enum command_group { GROUP_DATA, GROUP_RUNS, GROUP_RESULTS, GROUP_SETUP };

struct cli;

struct command {
    const char *name;
    enum command_group group;
    const char *summary; /* one line for `gantry help` */
    const char *usage; /* what stands behind "gantry NAME": "BATCH [SELECTOR...] [options]"; several
                          lines allowed */
    const char *help;  /* further paragraphs and examples; may be NULL */
    const struct opt *options;  /* may be NULL */
    const char *const *aliases; /* other words for it, NULL-terminated; may be NULL */
    int min_args;               /* positional arguments */
    int max_args;               /* -1 = any number */
    bool raw;                   /* takes its arguments unparsed (cli->argv, cli->argc) */
    bool hidden;                /* not in the list of commands */
    bool no_home;               /* cli->home stays NULL */
    bool (*run)(struct cli *c, struct err *err);
};

/* Made by Meson from the list in meson.build; NULL-terminated. */
extern const struct command *const command_table[];

struct given; /* parsed options */

struct cli {
    const struct command *command;
    const char *word; /* how it was called (an alias, perhaps) */
    char *home;       /* absolute path of the home */
    const char
        *project; /* -p, else $GANTRY_PROJECT, else NULL: the project of the current folder */
    bool json;
    bool terminal;     /* stdout is a terminal */
    bool terminal_err; /* stderr is a terminal */
    bool colour;       /* stdout is a terminal, and neither NO_COLOR nor TERM=dumb says otherwise */
    int columns;       /* width of the terminal, 0 when stdout is none */
    char **args;       /* positional arguments */
    size_t n_args;
    char **argv; /* everything behind the command's word (raw commands) */
    int argc;
    int status; /* exit status when run() returns true */
    struct given *given;
    struct store *store;           /* use cli_store() */
    const struct cli_hooks *hooks; /* cli.h */
};

/* --- options
 * ----------------------------------------------------------------------------------------------------
 */

/* Was --name given? How often? */
bool cli_has(const struct cli *c, const char *name);
size_t cli_count(const struct cli *c, const char *name);
/* The last value given, or the fallback. Kinds were checked while parsing. */
const char *cli_text(const struct cli *c, const char *name, const char *fallback);
int64_t cli_int(const struct cli *c, const char *name,
                int64_t fallback); /* OPT_INT and OPT_BYTES */
double cli_number(const struct cli *c, const char *name,
                  double fallback); /* OPT_NUMBER and OPT_SECONDS */
/* The i-th value given. */
const char *cli_nth(const struct cli *c, const char *name, size_t i);
/* ERR_USAGE "..., see gantry help NAME"; always false. */
bool cli_usage(const struct cli *c, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The first positional argument must be one of `words` (NULL-terminated): it is taken off c->args
 * and returned. NULL and ERR_USAGE with the nearest word otherwise; `fallback` (may be NULL) when
 * there is no argument at all. */
const char *cli_sub(struct cli *c, const char *const *words, const char *fallback, struct err *err);
/* "KEY=VALUE" arguments into an object (values by json_guess): the first n of `words`. ERR_USAGE on
 * a word without '='. */
json_t *cli_pairs(const struct cli *c, char *const *words, size_t n, struct err *err) CHECK_RESULT;

/* --- state
 * ------------------------------------------------------------------------------------------------------
 */

/* The read-only store, opened on first use and closed by the framework. ERR_NOTHING in a fresh
 * home. */
struct store *cli_store(struct cli *c, struct err *err) CHECK_RESULT;
/* Close it, so that the next cli_store() opens anew (after an operation made the database). */
void cli_store_close(struct cli *c);
/* One operation through the engine (session_once). The answer is a new reference. */
json_t *cli_call(struct cli *c, const char *op, const json_t *args, struct err *err) CHECK_RESULT;

/* --- output
 * -----------------------------------------------------------------------------------------------------
 */

/* To stdout. A closed pipe ends quietly; a full disk is found when the command ends (exit 4). */
void cli_print(struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* One line to stderr: "gantry: ...". */
void cli_note(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* One JSON document to stdout: indented on a terminal, compact otherwise. `value` is borrowed. */
bool cli_json(struct cli *c, const json_t *value, struct err *err) CHECK_RESULT;
/* Can a file be made at `path`? Asked before anything is computed for it. ERR_IO, ERR_PERM. */
bool cli_target(const char *path, struct err *err) CHECK_RESULT;
/* Asks on the terminal, default no. Where nobody can answer (stdin or stderr is no terminal)
 * nothing is asked and the answer is yes: the command was given to be done. */
bool cli_confirm(struct cli *c, bool *ret_yes, struct err *err, const char *fmt, ...) CHECK_RESULT
    PRINTF_LIKE(4, 5);

enum cell {
    CELL_TEXT,
    CELL_STATUS, /* coloured by the word */
    CELL_INT,
    CELL_COR,   /* two decimals */
    CELL_SCORE, /* two decimals, for 0..1 */
    CELL_BYTES, /* "1.2 GB" */
    CELL_TIME,  /* microseconds UTC -> local clock */
    CELL_SPAN,  /* seconds -> "3 min 05 s" */
    CELL_BOOL   /* yes or nothing */
};
struct column {
    const char *title;
    const char *key; /* in the rows' objects */
    enum cell cell;
};
/* An array of objects as a table with a header line. Numbers stand right. Control characters are
 * shown escaped. On a terminal the widest text column is cut with an ellipsis when a row would
 * wrap; never when piped. `columns` ends with a row whose title is NULL. */
bool cli_table(struct cli *c, const json_t *rows, const struct column *columns,
               struct err *err) CHECK_RESULT;

/* Terminal columns a UTF-8 text takes (wide characters 2, combining 0). */
size_t cli_width(const char *text);
/* Text fit for a terminal: control characters and broken UTF-8 escaped. Caller frees. */
char *cli_shown(const char *text, struct err *err) CHECK_RESULT;
/* Escape sequences, "" without colour: cli_paint(c, "red") ... cli_paint(c, NULL). */
const char *cli_paint(const struct cli *c, const char *name);
/* Colour name of a status word or task state; NULL = none. */
const char *cli_status_colour(const char *word);

/* The nearest of `words` (NULL-terminated) by edit distance, NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *words);

#endif
