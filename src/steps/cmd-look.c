/*
 * gantry-imaging look: the picture helper. Requests come as messages on standard input, a socket
 * (SOCK_SEQPACKET); each is answered by one message {"id", "ok", ...facts} that carries the bytes
 * as a file in memory, or {"id", "ok": false, "code", "text"}. It ends when the other end does.
 *
 * Between requests it reads ahead: whoever moved from slice 12 to 13 wants 14 next.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/pass.h"
#include "steps/command.h"
#include "steps/look-answer.h"

extern const struct command command_word_look;

#define SOCKET STDIN_FILENO
/* Slices read ahead in the direction of the last move. */
#define AHEAD 3

/* The last slice shown, and what is to be read ahead from there. */
struct ahead {
    char *line; /* the request's text */
    size_t length;
    struct look_place place; /* path NULL: nothing was shown yet */
    int step;                /* direction and width of the last move; 0: unknown */
    int left;                /* slices still to read */
};

/* ---- reading ahead ---- */

/* From where we are to the next one in direction of ahead->step; false at the end of the list. */
static bool move(const struct ahead *a, struct look_request *q, const struct look_place *at)
{
    if (q->kind == LOOK_TRY) {
        q->centre = at->next[a->step > 0];
        q->row = at->row;
        return isfinite(q->centre);
    }
    if (q->kind == LOOK_FILE || at->index == LOOK_ANY || at->index + a->step < 0) {
        return false;
    }
    q->index = at->index + a->step;
    return true;
}

static void ahead_fini(struct ahead *a)
{
    mem_free(a->line);
    look_place_fini(&a->place);
    *a = (struct ahead){0};
}

/* A slice was shown: in which direction did they go? */
static void ahead_from(struct ahead *a, const struct look_request *q, const struct look_place *at,
                       const char *line, size_t length)
{
    struct err *quiet = err_ignore("then nothing is read ahead");
    bool near = a->place.path != NULL && at->scan == a->place.scan;
    int step = 0;

    if (near && q->kind == LOOK_TRY) {
        step = at->centre > a->place.centre ? 1 : at->centre < a->place.centre ? -1 : a->step;
    } else if (near && at->index != LOOK_ANY && a->place.index != LOOK_ANY) {
        int64_t moved = at->index - a->place.index;

        step = moved == 0 ? a->step : moved > 64 || moved < -64 ? 0 : (int)moved;
    }
    ahead_fini(a);
    a->line = mem_strndup(line, length, quiet);
    a->place = *at;
    a->place.path = mem_strdup(at->path, quiet);
    a->length = length;
    a->step = step;
    a->left = a->line != NULL && a->place.path != NULL && step != 0 ? AHEAD : 0;
}

/* Read one slice ahead. */
static void read_ahead(struct look *look, struct ahead *a)
{
    struct err *quiet = err_ignore("what cannot be read ahead is asked for again");
    struct look_place next = {.path = NULL};
    struct look_request q;
    struct look_slice *s = NULL;
    double window[2];

    a->left--;
    if (look_request_parse(a->line, a->length, &q, quiet) && move(a, &q, &a->place) &&
        look_find(look->finder, &q, &next, quiet)) {
        s = look_load(look, &q, &next, quiet);
    }
    if (s != NULL) {
        look_window(&q, s, window);
        look_place_fini(&a->place);
        a->place = next;
        next.path = NULL;
    } else {
        a->left = 0;
    }
    look_place_fini(&next);
    look_request_fini(&q);
}

/* ---- requests ---- */

static bool send_facts(json_t *facts, int fd, struct err *err)
{
    char *text = json_line(facts, err);
    bool good = text != NULL && pass_send(SOCKET, text, strlen(text), fd, err);

    mem_free(text);
    return good;
}

static bool send_problem(int64_t id, const struct err *why, struct err *err)
{
    json_t *facts = json_pack("{s:I, s:b, s:s, s:s}", "id", (json_int_t)id, "ok", 0, "code",
                              err_name(why->code), "text", why->text);
    bool good;

    if (facts == NULL) { /* a text that is not UTF-8 (a path) */
        facts = json_pack("{s:I, s:b, s:s, s:s}", "id", (json_int_t)id, "ok", 0, "code",
                          err_name(why->code), "text", "cannot be read");
    }
    good = facts != NULL && send_facts(facts, -1, err);
    json_decref(facts);
    return good;
}

/* False when the answer could not be sent. */
static bool serve(struct look *look, struct ahead *ahead, const char *line, size_t length,
                  struct err *err)
{
    struct look_answer answer = {.own = MEMFILE_NONE, .fd = -1};
    struct err why = {ERR_NONE, ""};
    struct look_request q;
    bool good = look_request_parse(line, length, &q, &why) && look_answer(look, &q, &answer, &why);

    ahead->left = 0;
    if (good) {
        good = json_put(answer.facts, "id", json_integer(q.id), &why) &&
            json_put(answer.facts, "ok", json_true(), &why) &&
            json_put(answer.facts, "length", json_integer((json_int_t)answer.length), &why);
    }
    if (good && q.what == LOOK_SLICE) {
        ahead_from(ahead, &q, &answer.place, line, length);
    }
    if (good) {
        good = send_facts(answer.facts, answer.fd, &why);
    }
    if (!good) {
        good = why.code != ERR_UNREACHABLE && send_problem(q.id, &why, err);
    }
    look_answer_fini(&answer);
    look_request_fini(&q);
    return good;
}

/* Is there a message (or the end)? Waits for one when `wait`. */
static bool message_waits(bool wait)
{
    struct pollfd p = {.fd = SOCKET, .events = POLLIN};

    return poll(&p, 1, wait ? -1 : 0) != 0; /* interrupted: then reading says so */
}

/* One message; false when there will be no other. */
static bool one_message(struct look *look, struct ahead *ahead, char *buffer, struct err *err)
{
    int fd;
    ssize_t got = pass_receive(SOCKET, buffer, PASS_MAX, &fd);
    struct err why = {ERR_NONE, ""};

    if (fd >= 0) {
        close(fd); /* nobody sends us any */
    }
    if (got > 0) {
        return serve(look, ahead, buffer, (size_t)got, err);
    }
    if (got == 0 || errno == ECONNRESET) {
        return false;
    }
    if (errno == EMSGSIZE) {
        err_set(&why, ERR_USAGE, "a request is longer than %zu bytes", PASS_MAX);
        return send_problem(0, &why, err);
    }
    return errno == EAGAIN ||
        err_errno(err, errno, "standard input is no socket to take requests from");
}

static int loop(struct look *look, char *buffer)
{
    struct ahead ahead = {0};
    struct err err = {ERR_NONE, ""};

    for (;;) {
        if (!message_waits(ahead.left == 0)) {
            read_ahead(look, &ahead);
        } else if (!one_message(look, &ahead, buffer, &err)) {
            break; /* the other end is gone */
        }
    }
    ahead_fini(&ahead);
    return err.code == ERR_NONE || err.code == ERR_UNREACHABLE ? 0 : command_fail(&err);
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    struct look look;
    char *buffer;
    int status;

    (void)argv;
    if (argc != 0) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging look  (requests on a socket as stdin)");
        return command_fail(&err);
    }
    buffer = mem_zero(PASS_MAX, &err);
    if (buffer == NULL || !look_open(&look, &err)) {
        mem_free(buffer);
        return command_fail(&err);
    }
    status = loop(&look, buffer);
    look_close(&look);
    mem_free(buffer);
    return status;
}

const struct command command_word_look = {
    .name = "look",
    .usage = "",
    .help =
        "pictures of slices, raw data and metadata, for the server: requests on stdin, a socket",
    .run = run,
};
