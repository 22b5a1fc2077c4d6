/* The lean program: the command line, or a worker of the engine. */
#include <signal.h>
#include <string.h>
#include "cli/cli.h"
#include "codec/json.h"
#include "worker/worker.h"

int main(int argc, char **argv)
{
    /* A reader that goes away must not kill an engine; children get the default back. */
    (void)signal(SIGPIPE, SIG_IGN);
    json_setup();
    if (argc > 1 && !strcmp(argv[1], "worker")) {
        return worker_main(argc - 1, argv + 1);
    }
    return cli_main(argc, argv);
}
