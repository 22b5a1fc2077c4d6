/*
 * gantry-imaging warm: what `run` does, attempt after attempt, for a worker that gives them on a
 * socket as standard input (os/handover.h). What stays from one to the next is the model that was
 * loaded last and the libraries; all else is as in a new process. It ends when the worker does.
 */
#include "base/mem.h"
#include "infer/keep.h"
#include "math/fft.h"
#include "os/handover.h"
#include "steps/command.h"
#include "steps/step.h"

extern const struct command command_word_warm;

static int serve(struct handover *h, struct keep *models, struct err *err)
{
    const char *dir;

    while ((dir = handover_take(h, err)) != NULL) {
        int status = step_attempt(dir, models);

        fft_forget();
        mem_trim();
        if (!handover_done(h, status, err)) {
            break;
        }
    }
    return err->code == ERR_NONE || err->code == ERR_UNREACHABLE ? 0 : command_fail(err);
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    struct handover *h = handover_open(&err);
    struct keep *models = h == NULL ? NULL : keep_new(&err);
    int status = models == NULL ? command_fail(&err) : serve(h, models, &err);

    (void)argc;
    (void)argv;
    keep_free(models);
    handover_close(h);
    return status;
}

const struct command command_word_warm = {
    .name = "warm",
    .usage = "",
    .help = "the same for attempt after attempt: a worker gives them on stdin, a socket",
    .run = run,
};
