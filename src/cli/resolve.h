/* What people name on the command line: the project they are in, runs and tasks. */
#ifndef GANTRY_CLI_RESOLVE_H
#define GANTRY_CLI_RESOLVE_H

#include "catalog/project.h"
#include "cli/command.h"

/* The project: -p / $GANTRY_PROJECT, else that of the current folder. An unregistered folder is
 * registered (and said) when `add`, else it is ERR_NOTHING. project_fini() the answer. */
bool resolve_project(struct cli *c, bool add, struct project *ret, struct err *err) CHECK_RESULT;
/* The same for commands that also work without one: *ret_id = 0 where there is no project. */
bool resolve_project_id(struct cli *c, int64_t *ret_id, struct err *err) CHECK_RESULT;

/* "3", "run:3", "last" -> the id of an existing run; `last` is the newest of the project (0: of
 * all). ERR_NOTHING when there is none. */
bool resolve_run(struct cli *c, const char *word, int64_t project, int64_t *ret,
                 struct err *err) CHECK_RESULT;

/* "45", "task:45", "sample_012/full" (of the newest run that has it), "sample_012" (its job that
 * failed, else the last started), "last" (the task of the newest run that failed, else started
 * last). */
bool resolve_task(struct cli *c, const char *word, int64_t project, int64_t *ret,
                  struct err *err) CHECK_RESULT;

/* For kill, retry and the like: tasks and runs in one list. "last" and "run:3" are runs, everything
 * else is a task. *ret is {"tasks": [ids], "runs": [ids]}. */
json_t *resolve_targets(struct cli *c, char *const *words, size_t n, int64_t project,
                        struct err *err) CHECK_RESULT;

#endif
