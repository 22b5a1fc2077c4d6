/* Other programs run by a command while the person waits: gantry-imaging, nvidia-smi, this program
 * itself. */
#ifndef GANTRY_CLI_CHILD_H
#define GANTRY_CLI_CHILD_H

#include "base/str.h"
#include "cli/command.h"

/* Run and wait. stdout goes to *ret_out and stderr to *ret_errs (each may be NULL: ours). *ret_exit
 * is the exit status, 128 + signal when killed. False only when it could not be started. */
bool child_run(const char *const *argv, const char *cwd, struct str *ret_out, struct str *ret_errs,
               int *ret_exit, struct err *err) CHECK_RESULT;

/* gantry-imaging with these arguments (NULL-terminated, without the program). A failure is an error
 * with the last line it printed; its exit status gives the code. */
bool child_imaging(const char *const *args, struct str *ret_out, struct err *err) CHECK_RESULT;

/* This program once more, in a session of its own, with these arguments (NULL-terminated, without
 * the program); what it says beside its answer goes to `log` in the home. `cwd` may be NULL. */
bool child_background(const struct cli *c, const char *const *args, const char *cwd, int in,
                      int out, const char *log, struct err *err) CHECK_RESULT;
/* Everything it answers until it closes its end of the pipe: one JSON document (new reference), or
 * its own error. `what`: "the server"; `log` is named when it says nothing. */
json_t *child_first_answer(int fd, const char *what, const char *log, struct err *err) CHECK_RESULT;

#endif
