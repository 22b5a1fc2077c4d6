/* The command line: finds the command, parses its options, runs it, and turns its error into a
 * message and an exit status. json_setup() first. */
#ifndef GANTRY_CLI_CLI_H
#define GANTRY_CLI_CLI_H

/* Returns the exit status. */
int cli_main(int argc, char **argv);

#endif
