/*
 * gantry-imaging: everything that needs an imaging library, as short-lived processes. The lean
 * `gantry` runs it for steps, header scans and checks of outputs; its own commands are for people
 * only in part.
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "codec/json.h"
#include "image/hdf5-scan.h"
#include "steps/command.h"
#include "steps/step.h"

static void print_command(FILE *out, const struct command *command)
{
    fprintf(out, "  %s %s\n      %s\n", command->name, command->usage, command->help);
}

static void print_help(FILE *out)
{
    fputs("usage: gantry-imaging COMMAND ...\n\n", out);
    for (size_t i = 0; command_table[i] != NULL; i++) {
        print_command(out, command_table[i]);
    }
    fputs("  --list\n      the steps, as JSON\n  --version\n", out);
}

/* [{"name","version","title"}...] */
static int print_steps(void)
{
    puts("[");
    for (size_t i = 0; step_table[i] != NULL; i++) {
        printf("  {\"name\": \"%s\", \"version\": %d, \"phase\": \"%s\", \"title\": \"%s\"}%s\n",
               step_table[i]->name, step_table[i]->version, step_table[i]->phase,
               step_table[i]->title, step_table[i + 1] != NULL ? "," : "");
    }
    puts("]");
    return 0;
}

int main(int argc, char **argv)
{
    const struct command *command;
    struct err err = {ERR_NONE, ""};

    json_setup();
    hdf5_setup();
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? err_exit_status(ERR_USAGE) : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("gantry-imaging " GANTRY_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--list") == 0) {
        return print_steps();
    }
    command = command_find(argv[1]);
    if (command == NULL) {
        err_set(&err, ERR_USAGE, "there is no command '%s' (see gantry-imaging --help)", argv[1]);
        return command_fail(&err);
    }
    if (argc == 3 && !command->helps && strcmp(argv[2], "--help") == 0) {
        print_command(stdout, command);
        return 0;
    }
    return command->run(argc - 2, argv + 2);
}
