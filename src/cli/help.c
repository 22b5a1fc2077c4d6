/* `gantry help` and `gantry COMMAND --help`. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>
#include "base/err.h"
#include "cli/opts.h"

static const char *const group_titles[] = {
    [GROUP_DATA] = "Data",
    [GROUP_RUNS] = "Runs",
    [GROUP_RESULTS] = "Results",
    [GROUP_SETUP] = "Settings and help",
};

void help_overview(struct cli *c)
{
    cli_print(
        c,
        "usage: gantry COMMAND [ARGUMENTS]     gantry help COMMAND     gantry --version\n\n"
        "Runs the same imaging work over dozens to millions of data sets, and loses nothing.\n");
    for (int group = GROUP_DATA; group <= GROUP_SETUP; group++) {
        cli_print(c, "\n%s%s%s\n", cli_paint(c, "bold"), group_titles[group], cli_paint(c, NULL));
        for (size_t i = 0; command_table[i]; i++) {
            const struct command *command = command_table[i];
            if ((int)command->group == group && !command->hidden) {
                cli_print(c, "  %-10s %s\n", command->name, command->summary);
            }
        }
    }
    cli_print(c,
              "\nSelectors of scans: paths, globs ('sample_0*'), id:17, series:sample, "
              "scan:12-45,50, status:failed,\n"
              "error:2, tag:x; several are a union, none means all.\n"
              "Exit status: 0 all right, 1 something failed, 2 bad usage, 3 nothing to work on,\n"
              "4 cannot read or write, 5 engine not reachable, 130 interrupted.\n");
}

const char *help_usage_line(const struct command *command)
{
    static _Thread_local char line[200];
    size_t n = strcspn(command->usage ? command->usage : "", "\n");
    (void)snprintf(line, sizeof line, "%.*s", (int)n, command->usage ? command->usage : "");
    return line;
}

static void print_usage(struct cli *c, const struct command *command)
{
    const char *line = command->usage ? command->usage : "";
    const char *head = "usage: gantry";
    do {
        size_t n = strcspn(line, "\n");
        cli_print(c, "%s %s%s%.*s\n", head, command->name, n ? " " : "", (int)n, line);
        head = "       gantry";
        line += n + (line[n] == '\n');
    } while (*line);
}

static void print_options(struct cli *c, const struct opt *table)
{
    for (const struct opt *o = table; o && o->name; o++) {
        char left[80];
        if (o->hidden) {
            continue;
        }
        (void)snprintf(left, sizeof left, "%s%c%s--%s%s%s", o->letter ? "-" : " ",
                       o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
                       o->value ? " " : "", o->value ? o->value : "");
        if (strlen(left) > 26) {
            cli_print(c, "  %s\n  %-26s %s\n", left, "", o->help);
        } else {
            cli_print(c, "  %-26s %s\n", left, o->help);
        }
    }
}

void help_command(struct cli *c, const struct command *command)
{
    print_usage(c, command);
    cli_print(c, "\n%s.\n", command->summary);
    if (command->help) {
        cli_print(c, "\n%s\n", command->help);
    }
    cli_print(c, "\nOptions\n");
    print_options(c, command->options);
    print_options(c, opts_common);
}
