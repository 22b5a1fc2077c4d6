/* Echo is switched off for as long as the line is typed; an interrupt switches it on again. */
#include "cli/ask.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "codec/secret.h"

static struct termios as_it_was;

static void restore_echo(int signum)
{
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
    (void)signal(signum, SIG_DFL);
    (void)raise(signum);
}

/* One line without its end. */
static bool read_line(char *buf, size_t size, struct err *err)
{
    if (!fgets(buf, (int)size, stdin)) {
        return ferror(stdin) ? err_errno(err, errno, "reading the password")
                             : err_set(err, ERR_USAGE, "no password was given");
    }
    size_t n = strcspn(buf, "\r\n");
    if (buf[n] == '\0' && n + 1 == size) {
        return err_set(err, ERR_USAGE, "the password is longer than %d bytes", ASK_PASSWORD_MAX);
    }
    buf[n] = '\0';
    return true;
}

static bool ask_quietly(const char *prompt, char *buf, size_t size, struct err *err)
{
    struct termios quiet;
    if (tcgetattr(STDIN_FILENO, &as_it_was) != 0) {
        return err_errno(err, errno, "asking for the password");
    }
    quiet = as_it_was;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    void (*old)(int) = signal(SIGINT, restore_echo);
    (void)fputs(prompt, stderr);
    bool ok = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0 ||
        err_errno(err, errno, "asking for the password");
    ok = ok && read_line(buf, size, err);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
    (void)signal(SIGINT, old);
    (void)fputc('\n', stderr);
    return ok;
}

static bool check_length(const char *password, struct err *err)
{
    size_t letters = 0;
    for (const char *p = password; *p; p++) {
        letters += (*p & 0xC0) != 0x80; /* UTF-8: bytes that begin a letter */
    }
    return (letters >= ASK_PASSWORD_MIN ||
            err_set(err, ERR_USAGE, "a password has at least %d characters, this one %zu",
                    ASK_PASSWORD_MIN, letters)) &&
        (str_utf8(password) || err_set(err, ERR_USAGE, "the password is not UTF-8 text"));
}

char *ask_new_password(struct cli *c, const char *name, struct err *err)
{
    char first[ASK_PASSWORD_MAX + 2] = "", again[ASK_PASSWORD_MAX + 2] = "", prompt[160];
    char *password = NULL;
    bool ok;
    (void)c;
    if (isatty(STDIN_FILENO)) {
        (void)snprintf(prompt, sizeof prompt, "Password for %s: ", name);
        ok = ask_quietly(prompt, first, sizeof first, err) && check_length(first, err) &&
            ask_quietly("Again: ", again, sizeof again, err) &&
            (!strcmp(first, again) || err_set(err, ERR_USAGE, "the two passwords differ"));
    } else {
        ok = read_line(first, sizeof first, err) && check_length(first, err);
    }
    if (ok) {
        password = mem_strdup(first, err);
    }
    secret_wipe(first, sizeof first);
    secret_wipe(again, sizeof again);
    return password;
}
