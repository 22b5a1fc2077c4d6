/* gantry-imaging triage: which models a CT triage would use, as JSON, or one line why it cannot. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "codec/json.h"
#include "steps/command.h"

extern const struct command command_word_triage;

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};

    if (argc != 3) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging triage HOME SHARE MODEL");
        return command_fail(&err);
    }
    if (strcmp(argv[2], "none") != 0) {
        err_set(&err, ERR_UNSUPPORTED,
                "no classifier can be used yet: --model none is the z-profile alone");
        return command_fail(&err);
    }
    puts("{\"model\":\"none\",\"checksum\":\"none\"}");
    return 0;
}

const struct command command_word_triage = {
    .name = "triage",
    .usage = "HOME SHARE MODEL",
    .help = "which models a CT triage would use, as JSON",
    .run = run,
};
