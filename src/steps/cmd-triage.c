/* gantry-imaging triage: which models a CT triage would use, as JSON, or one line why it cannot.
 * The runtime and the model are opened, so that what is missing is told before the work. */
#include <stdio.h>
#include "base/mem.h"
#include "codec/json.h"
#include "steps/command.h"
#include "steps/common.h"
#include "steps/triage-model.h"

extern const struct command command_word_triage;

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    struct triage_model model = {.none = true};
    struct job job = {.threads = 1, .voice = JOB_QUIET};
    struct triage_detector detector = {.folder = NULL};
    struct keep_model kept = {.infer = NULL};
    json_t *facts = NULL;
    char *text = NULL;

    if (argc != 2) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging triage HOME MODEL");
        return command_fail(&err);
    }
    if (triage_model_find(argv[0], argv[1], &model, &err) &&
        (model.none || triage_detector_find(model.folder, &model.card, &detector, &err)) &&
        triage_model_load(&model, &job, &err) &&
        (detector.folder == NULL ||
         common_model_open(&job, detector.folder, "the detector needs ONNX Runtime", &kept,
                           &err))) {
        facts = triage_model_facts(&model, &detector, &err);
        text = facts == NULL ? NULL : json_text(facts, &err);
    }
    if (text != NULL) {
        puts(text);
    }
    mem_free(text);
    json_decref(facts);
    keep_close(NULL, &kept);
    triage_detector_fini(&detector);
    triage_model_fini(&model);
    return text != NULL ? 0 : command_fail(&err);
}

const struct command command_word_triage = {
    .name = "triage",
    .usage = "HOME MODEL",
    .help = "which models a CT triage would use (MODEL: a name, a folder, none, or empty), as JSON",
    .run = run,
};
