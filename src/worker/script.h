/*
 * Scripts of users: what they wrote, and how their arguments get in. Values are never pasted as
 * they are; each language quotes them in its own way, so that they arrive whatever they contain.
 *
 *   bash    script.sh as written; vars.sh, read first, sets the arguments as variables (several
 *           files: an array). $1, $2, ... are words of the command.
 *   python  script.py, where $f1 of an argument f1 was replaced by a literal. A string of which it
 * is a part falls into pieces that Python joins again: "$p1/x.nii" is '/out' "/x.nii". matlab
 * gantry_script.m as written; gantry_vars.m before it sets input1.. (cell arrays), output1..
 * (texts) and every argument under its own name.
 */
#ifndef GANTRY_WORKER_SCRIPT_H
#define GANTRY_WORKER_SCRIPT_H

#include "base/str.h"
#include "worker/attempt.h"

/* Each writes its files into the attempt's folder. */
bool script_bash(const struct attempt *a, const char *script, struct err *err) CHECK_RESULT;
bool script_python(const struct attempt *a, const char *script, struct err *err) CHECK_RESULT;
/* Also puts the program that is there (matlab, octave-cli, octave) into the job's command. */
bool script_matlab(const struct attempt *a, const char *script, struct err *err) CHECK_RESULT;

/* A name that all three languages take for a variable. */
bool script_name(const char *name);
bool script_write(const struct attempt *a, const char *name, struct str *text,
                  struct err *err) CHECK_RESULT;

/* For tests: the script with its variables replaced; `positional` are $1, $2, .... */
bool python_rewrite(const char *script, const json_t *args, const json_t *positional,
                    struct str *out, struct err *err) CHECK_RESULT;
void matlab_text(struct str *out, const char *text);

#endif
