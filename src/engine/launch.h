/* The words of a launch (how to find the centre, the mode, what config.ini says of runs) made into
 * what the queue works with. The command line and the API send the words; the rules are here. */
#ifndef GANTRY_ENGINE_LAUNCH_H
#define GANTRY_ENGINE_LAUNCH_H

#include "base/err.h"
#include "codec/json.h"
#include "engine/engine.h"

/* args "mode": the batch's own option, changed for this run. Before batch_check. Mode jupyter opens
 * a job of it in a notebook (notebook.h). */
bool launch_mode(const struct engine *e, const json_t *args, json_t *batch,
                 struct err *err) CHECK_RESULT;
/* `options` gets what config.ini says of timeout, stall and overwrite and nobody said otherwise;
 * with args "cor" = "auto" `params` gets rotation_axis_auto, unless a job of the batch finds the
 * centre for the others. ERR_USAGE for an option that is none. */
bool launch_words(const struct engine *e, const json_t *args, const json_t *batch, json_t *params,
                  json_t *options, struct err *err) CHECK_RESULT;

/* Tools that take values from config.ini (descriptor: options) get them as arguments of their jobs,
 * frozen with the batch: what `params`, a job or an item says comes first. Refused by name: an
 * option that is needed and blank, a program that is not there, a command-line that cannot be run.
 * After launch_words. */
bool launch_tools(struct engine *e, json_t *batch, const json_t *params,
                  struct err *err) CHECK_RESULT;

/* A tool that works on what another phase made (descriptor: reads), while no job of the batch makes
 * it: items without that output are left out (X14). */
struct launch_reads {
    const struct tool *tool; /* NULL: there is none */
    const char *from;        /* the phase */
    char *root, *rec;
};
bool launch_reads_open(struct engine *e, struct store *s, int64_t project, const json_t *batch,
                       struct launch_reads *ret, struct err *err) CHECK_RESULT;
bool launch_reads_there(const struct launch_reads *r, const char *item, bool *ret,
                        struct err *err) CHECK_RESULT;
void launch_reads_close(struct launch_reads *r);

/* args "enable": rows that a person wants although a rule, or a hand, left them out (X6). They
 * count as enabled while the selection is judged; only a launch writes it, so a refusal changes no
 * row. */
struct launch_enable {
    int64_t *ids; /* in order */
    size_t n;
    json_t *taken; /* those that are in the run, for launch_enable_apply */
};
bool launch_enable_open(const json_t *args, struct launch_enable *ret,
                        struct err *err) CHECK_RESULT;
bool launch_enable_has(const struct launch_enable *w, int64_t id);
bool launch_enable_apply(struct engine *e, struct store *s, int64_t project,
                         const struct launch_enable *w, struct err *err) CHECK_RESULT;
void launch_enable_close(struct launch_enable *w);

#endif
