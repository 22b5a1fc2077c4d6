/*
 * The command of an external tool: its Boutiques command-line cut into words, with the values in
 * place of their value-keys. No shell reads it, so that a value arrives whatever it contains.
 *
 *   - blanks part words; '...' and "..." keep them together;
 *   - a word that is a value-key becomes command-line-flag and value: two words, or one when the
 *     input has a command-line-flag-separator; a list becomes several values, or one joined by
 *     list-separator; a Flag is its flag alone; what has no value, or an empty text, vanishes;
 *   - a value-key within a word becomes the value;
 *   - {rec}, {name} (of the scan, without its ending), {item} (with it) and {project} as in
 * outputs;
 *   - {threads} as well: what the task has been given;
 *   - the first word gantry-imaging is our own program;
 *   - a line with signs that mean something to a shell ( | && > $ ... ) is read by bash; the values
 *     are its arguments, so that bash never reads into them.
 */
#ifndef GANTRY_PLAN_COMMAND_H
#define GANTRY_PLAN_COMMAND_H

#include "plan/bind.h"

/* {rec}/try_center/{name} -> an absolute path. Caller frees. */
char *command_place(const struct bind *in, const char *pattern, struct err *err) CHECK_RESULT;

/* `args` (what the job's FILE and OUT arguments became) beat `params`. */
json_t *command_words(const struct bind *in, const json_t *params, const json_t *args,
                      struct err *err) CHECK_RESULT;

/* The value as text, those of a list with `separator` between them. */
void command_value(struct str *out, const json_t *value, const char *separator);
/* The input whose value-key `text` begins with; NULL when none. */
const json_t *command_keyed(const struct tool *tool, const char *text, size_t *ret_length);

/* Can the command-line be cut into words? For the check before a run. */
bool command_check(const struct tool *tool, struct err *err) CHECK_RESULT;

#endif
