/*
 * The result file of `gantry predict`: named, tried before the work begins, rewritten whole (aside,
 * renamed) at most every few seconds, with a journal beside it that has each row at once.
 *
 * Order: triage_out_open, triage_out_row for each finished row, triage_out_turn often,
 * triage_out_finish, triage_out_close.
 */
#ifndef GANTRY_CLI_TRIAGE_OUT_H
#define GANTRY_CLI_TRIAGE_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "cli/triage-rows.h"
#include "os/pass.h"

struct triage_out {
    char *path;    /* absolute; .xlsx or .csv */
    char *shown;   /* as the person gave it */
    char *folder;  /* of `path` */
    char *studies; /* folder of what belongs to single studies */
    char *journal;
    bool csv;
    bool dirty; /* rows finished since the last write */
    int64_t written_us;
    pid_t writer; /* of the workbook being written; 0 = none */
    struct memfile rows;
    int said;    /* what the writer says; -1 = there was none yet */
    bool failed; /* the last writer */
};

/* `wanted` NULL: radiassist_results_YYYYMMDD_HHMMSS.xlsx in ./output; a folder: that name in it.
 * Folders are made. ERR_USAGE for another ending; ERR_PERM when nothing can be written there:
 * *ret_denied (caller frees) is then the path that was tried. `input` (absolute, links resolved) is
 * only read: ERR_USAGE when the file would lie in it. */
bool triage_out_open(const char *wanted, const char *input, struct triage_out *ret,
                     char **ret_denied, struct err *err) CHECK_RESULT;
void triage_out_close(struct triage_out *out);
/* Studies of different folders may have the same names: what belongs to them lies apart. */
bool triage_out_project(struct triage_out *out, const char *project, struct err *err) CHECK_RESULT;
/* Into the journal; the result file follows. */
bool triage_out_row(struct triage_out *out, const struct triage_row *row,
                    struct err *err) CHECK_RESULT;
/* Rewrite when there is something new and the last time is a while ago; never waits. */
bool triage_out_turn(struct triage_out *out, const struct triage_rows *rows,
                     struct err *err) CHECK_RESULT;
/* Write everything now. `whole`: nothing is left to do, the journal may go. */
bool triage_out_finish(struct triage_out *out, const struct triage_rows *rows, bool whole,
                       struct err *err) CHECK_RESULT;

#endif
