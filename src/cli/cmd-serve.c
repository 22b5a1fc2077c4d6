/* `gantry serve`: the engine with HTTP API and page. The server itself is src/api. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "os/file.h"
#include "os/proc.h"

#define LISTEN "127.0.0.1:8420"
#define LOG "serve.log"

static const struct opt options[] = {
    {'l', "listen", OPT_TEXT, "ADDR:PORT", "where to listen (default " LISTEN "; port 0: any free)",
     false},
    {'d', "detach", OPT_FLAG, NULL, "go on in the background", false},
    {0, "webroot", OPT_TEXT, "DIR", "serve the page from this folder (for work on it)", false},
    {0, "background", OPT_FLAG, NULL, "the process that --detach starts", true},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

static void say_json(struct cli *c, json_t *doc)
{
    err_waive(doc && cli_json(c, doc, err_ignore("nobody reads it then")));
    (void)fflush(stdout);
    json_decref(doc);
}

/* Whoever started us waits for the end of our output. */
static void let_go(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDOUT_FILENO);
        (void)close(null);
    }
}

static void say_where(struct cli *c, const char *url, int port)
{
    char host[256] = "";
    const struct passwd *pw = getpwuid(getuid());
    const char *user = pw ? pw->pw_name : "you";
    (void)gethostname(host, sizeof host - 1);
    cli_print(c, "Gantry: %s\n", url);
    if (strstr(url, "//127.") || strstr(url, "//localhost") || strstr(url, "//[::1]")) {
        cli_print(c,
                  "From elsewhere: ssh -L %d:127.0.0.1:%d %s@%s, then open the same address "
                  "there.\n",
                  port, port, user, host);
    }
}

static void ready(void *arg, const char *url, int port)
{
    struct cli *c = arg;
    if (c->json) {
        say_json(c, json_pack("{s:s, s:i, s:i}", "url", url, "port", port, "pid", (int)getpid()));
    } else {
        say_where(c, url, port);
        cli_print(c,
                  "Ctrl-C ends the server; tasks that run go on, and the next one takes them "
                  "up.\n");
    }
    (void)fflush(stdout);
    if (cli_has(c, "background")) {
        let_go();
    }
}

static bool spawn_self(struct cli *c, int out, struct err *err)
{
    const char *webroot = cli_text(c, "webroot", NULL);
    const char *args[] = {"serve",
                          "--background",
                          "--json",
                          "--listen",
                          cli_text(c, "listen", LISTEN),
                          webroot ? "--webroot" : NULL,
                          webroot,
                          NULL};
    return child_background(c, args, NULL, PROC_NULL, out, LOG, err);
}

static bool detach(struct cli *c, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        return err_errno(err, errno, "making a pipe");
    }
    bool ok = spawn_self(c, ends[1], err);
    (void)close(ends[1]);
    json_t *doc = ok ? child_first_answer(ends[0], "the server", LOG, err) : NULL;
    (void)close(ends[0]);
    if (doc && c->json) {
        ok = cli_json(c, doc, err);
    } else if (doc) {
        say_where(c, json_get_text(doc, "url", ""), (int)json_get_int(doc, "port", 0));
        cli_print(c,
                  "Process %lld serves in the background; kill it to end (tasks that run go "
                  "on).\n",
                  (long long)json_get_int(doc, "pid", 0));
    }
    json_decref(doc);
    return doc && ok;
}

static bool run(struct cli *c, struct err *err)
{
    const char *webroot = cli_text(c, "webroot", NULL);
    struct cli_serve how = {.home = c->home,
                            .listen = cli_text(c, "listen", LISTEN),
                            .webroot = webroot,
                            .ready = ready,
                            .arg = c};
    if (webroot && !file_is_folder(webroot)) {
        return err_set(err, ERR_USAGE, "--webroot: '%s' is no folder", webroot);
    }
    if (cli_has(c, "detach")) {
        return detach(c, err);
    }
    bool ok = c->hooks->serve(&how, err);
    if (!ok && cli_has(c, "background")) {
        say_json(c, json_pack("{s:s, s:s}", "code", err_name(err->code), "error", err->text));
    }
    return ok;
}

const struct command command_serve = {
    .name = "serve",
    .group = GROUP_RUNS,
    .summary = "The engine with its web page and HTTP API",
    .usage = "[--listen ADDR:PORT] [--detach]",
    .help = "Takes up what is queued and stays. Open the printed address in a browser on this "
            "machine; the\n"
            "printed ssh line brings it to another one. Other commands (run, status, kill, ...) "
            "work as\n"
            "before: they talk to the server. SIGTERM or Ctrl-C ends it; tasks that run go on and "
            "are taken\n"
            "up by the next server or `gantry run --resume`.\n"
            "Examples:\n"
            "  gantry serve\n"
            "  gantry serve --listen 127.0.0.1:0 --detach\n",
    .options = options,
    .max_args = 0,
    .run = run,
};
