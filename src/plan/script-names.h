/*
 * Arguments that a script names (M3, M4). The rule, which the page follows too:
 *
 *   - $ or ${, then one of the letters f o p s n, then a digit from 1 to 9; behind it no letter,
 *     digit or underscore: $f1 $o1 ${f2[@]} $p1 $s1 $n1;
 *   - not where a backslash stands before the $, nor in a comment (# at the start of a line or
 * behind a blank, to the end of the line);
 *   - not when the script itself gives it a value: NAME= at the start of a word, or behind for,
 * read, local, declare, export;
 *   - $1 .. $9 are the FILE arguments in order and declare nothing.
 *
 * MATLAB scripts name input1.. and output1.. instead, which stand for FILE and OUT arguments in
 * order; nothing is discovered there.
 */
#ifndef GANTRY_PLAN_SCRIPT_NAMES_H
#define GANTRY_PLAN_SCRIPT_NAMES_H

#include "base/err.h"
#include "codec/json.h"
#include "plan/tool.h"

/* Each once, in order of appearance, as an array of texts ("f1"). New reference. */
json_t *script_names(const char *script, struct err *err) CHECK_RESULT;
/* One line for each argument that the script of a job uses and the job does not have, or has and
 * the script does not use, appended to `lines` as texts. Other tools have none. */
bool script_names_check(const json_t *job, const struct tool *tool, json_t *lines,
                        struct err *err) CHECK_RESULT;

#endif
