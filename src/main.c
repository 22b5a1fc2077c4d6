/* The lean program: the command line, the server, or a worker of the engine. */
#include <signal.h>
#include <string.h>
#include "api/api.h"
#include "cli/cli.h"
#include "codec/json.h"
#include "worker/worker.h"

static bool serve(const struct cli_serve *how, struct err *err)
{
    struct api_setup setup = {.home = how->home,
                              .listen = how->listen,
                              .webroot = how->webroot,
                              .ready = how->ready,
                              .arg = how->arg};
    return api_serve(&setup, err);
}

int main(int argc, char **argv)
{
    static const struct cli_hooks hooks = {serve};
    /* A reader that goes away must not kill an engine; children get the default back. */
    (void)signal(SIGPIPE, SIG_IGN);
    json_setup();
    if (argc > 1 && !strcmp(argv[1], "worker")) {
        return worker_main(argc - 1, argv + 1);
    }
    return cli_main(argc, argv, &hooks);
}
