/* The lean program: the command line, the server, or a worker of the engine. */
#include <signal.h>
#include <string.h>
#include "api/api.h"
#include "base/mem.h"
#include "base/path.h"
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

/* Called by the name nora: the words belong to `gantry nora`. */
static int nora(int argc, char **argv, const struct cli_hooks *hooks)
{
    struct err err = {.code = ERR_NONE};
    char **words = mem_array((size_t)argc + 2, sizeof *words, &err);
    static char word[] = "nora";
    if (!words) {
        return err_exit_status(err.code);
    }
    words[0] = argv[0];
    words[1] = word;
    memcpy(words + 2, argv + 1, (size_t)(argc - 1) * sizeof *words);
    int status = cli_main(argc + 1, words, hooks);
    mem_free(words);
    return status;
}

int main(int argc, char **argv)
{
    static const struct cli_hooks hooks = {serve};
    /* A reader that goes away must not kill an engine; children get the default back. */
    (void)signal(SIGPIPE, SIG_IGN);
    json_setup();
    if (argc > 0 && !strcmp(path_base(argv[0]), "nora")) {
        return nora(argc, argv, &hooks);
    }
    if (argc > 1 && !strcmp(argv[1], "worker")) {
        return worker_main(argc - 1, argv + 1);
    }
    return cli_main(argc, argv, &hooks);
}
