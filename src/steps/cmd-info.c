/* gantry-imaging info PATH: what an image is, as one JSON document. */
#include <stdio.h>
#include "base/mem.h"
#include "steps/command.h"
#include "steps/image-facts.h"

extern const struct command command_word_info;

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    json_t *facts = NULL;
    char *text = NULL;

    if (argc != 1) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging info PATH");
        return command_fail(&err);
    }
    facts = image_facts(argv[0], &err);
    text = facts != NULL ? json_line(facts, &err) : NULL;
    json_decref(facts);
    if (text == NULL) {
        return command_fail(&err);
    }
    puts(text);
    mem_free(text);
    return 0;
}

const struct command command_word_info = {
    .name = "info",
    .usage = "PATH",
    .help = "what an image is (NIfTI; DICOM as a file, folder or ZIP), as JSON",
    .run = run,
};
