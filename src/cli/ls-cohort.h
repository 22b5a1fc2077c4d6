/* `gantry ls` and `gantry tag ls` of cohorts: subjects, studies and their files. */
#ifndef GANTRY_CLI_LS_COHORT_H
#define GANTRY_CLI_LS_COHORT_H

#include "cli/command.h"
#include "cli/rows.h"

/* The rows of these studies or subjects, as a table or JSON. */
bool ls_studies(struct cli *c, const struct rows *rows, bool subjects,
                struct err *err) CHECK_RESULT;
/* Of the rows those that pass every --filter; ERR_NOTHING when none does. */
bool ls_filter(struct cli *c, bool subjects, struct rows *rows, struct err *err) CHECK_RESULT;
/* Every file of these studies. */
bool ls_files(struct cli *c, const struct rows *studies, struct err *err) CHECK_RESULT;

#endif
