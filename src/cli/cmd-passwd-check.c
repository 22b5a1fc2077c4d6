/*
 * `gantry passwd-check`: hashes or checks one password for the server, which must not be held up by
 * it. Reads {"password": "...", "hash": "..."?} from standard input, never from arguments: those
 * are seen by everybody on the machine. With a hash: {"ok": true|false}; without: {"hash": "..."}.
 * Not for people.
 */
#include <errno.h>
#include <unistd.h>
#include "base/mem.h"
#include "cli/command.h"
#include "codec/secret.h"

#define INPUT_MAX 16384

static bool read_input(char *buf, size_t size, size_t *ret_n, struct err *err)
{
    size_t n = 0;
    ssize_t got;
    while (n < size && (got = read(STDIN_FILENO, buf + n, size - n)) != 0) {
        if (got < 0 && errno != EINTR) {
            return err_errno(err, errno, "reading a password");
        }
        n += got > 0 ? (size_t)got : 0;
    }
    *ret_n = n;
    return n < size || err_set(err, ERR_USAGE, "that password is too long");
}

static bool run(struct cli *c, struct err *err)
{
    char buf[INPUT_MAX], hash[SECRET_PASSWORD];
    size_t n = 0;
    json_t *input = NULL, *answer = NULL;
    bool ok =
        read_input(buf, sizeof buf, &n, err) && (input = json_parse(buf, n, "passwd-check", err));
    const char *known = json_get_text(input, "hash", NULL),
               *password = json_get_text(input, "password", "");
    if (ok && known) {
        answer = json_pack("{s:b}", "ok", (int)secret_check_password(known, password));
    } else if (ok && (ok = secret_hash_password(password, hash, err))) {
        answer = json_pack("{s:s}", "hash", hash);
    }
    ok = ok && (answer || err_set(err, ERR_NOMEM, "out of memory")) && cli_json(c, answer, err);
    secret_wipe(buf, sizeof buf);
    json_decref(answer);
    json_decref(input);
    return ok;
}

const struct command command_passwd_check = {
    .name = "passwd-check",
    .group = GROUP_SETUP,
    .summary = "Hashes or checks a password for the server",
    .usage = "",
    .max_args = 0,
    .hidden = true,
    .no_home = true,
    .run = run,
};
