/*
 * What `gantry predict` says: the lines that RadiAssist's users know, in their exact shape. Emoji
 * are part of the text and stay when piped; `plain` drops them. A case is one block, written at
 * once.
 */
#ifndef GANTRY_CLI_TRIAGE_CONSOLE_H
#define GANTRY_CLI_TRIAGE_CONSOLE_H

#include <stdbool.h>
#include "cli/command.h"
#include "cli/triage-rows.h"

struct console {
    struct cli *c;
    bool plain;
    bool quiet;           /* --json: nothing but the document */
    const json_t *models; /* answer of `gantry-imaging triage` */
};

/* Does the locale of the environment write UTF-8? */
bool console_utf8(void);
/* One line: indent, the emoji with a blank behind it (dropped when plain), text. */
void console_say(const struct console *con, const char *indent, const char *mark, const char *fmt,
                 ...) PRINTF_LIKE(4, 5);
/* The same to stderr, also when quiet. */
void console_complain(const struct console *con, const char *mark, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The start: which models are there. */
void console_start(const struct console *con);
/* ZIPs that cannot be opened, before the work begins. */
void console_damaged(const struct console *con, const struct triage_rows *rows);
/* Folders that were not looked into: studies in them are missing. */
void console_unseen(const struct console *con, const struct found_list *found);
/* [i/n] Processing ... of one finished row. */
void console_case(const struct console *con, const struct triage_row *row, size_t i, size_t n);

/* On a terminal: how many are done and how long the rest takes, on a line of its own that the next
 * output takes away. `since_s`: since the run began. */
void console_progress(const struct console *con, const struct triage_rows *rows, double since_s);
void console_progress_end(const struct console *con);

struct console_times {
    double wall_s;
    int workers;
};
void console_summary(const struct console *con, const struct triage_rows *rows,
                     const struct console_times *times);

#endif
