/* Validations: begin one, how far it is, and what came out. The document of a validation may be
 * large: it is sent as the file it is. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "api/access.h"
#include "api/route.h"
#include "api/scope.h"
#include "api/send-file.h"
#include "api/upload.h"
#include "base/mem.h"
#include "base/path.h"
#include "os/confine.h"
#include "report/validations.h"

#define ROWS_DEFAULT 100
#define ROWS_MOST 1000

static bool list(struct request *q, struct reply *r, struct err *err)
{
    int64_t limit = request_int(q, "limit", ROWS_DEFAULT), offset = request_int(q, "offset", 0);
    char *within = NULL;
    struct validations_query query = {.of = request_int(q, "run", 0),
                                      .offset = offset < 0 ? 0 : offset,
                                      .limit = limit < 0      ? 0
                                          : limit > ROWS_MOST ? ROWS_MOST
                                                              : limit};
    bool ok = (query.of == 0 || scope_run(q, query.of, NULL, err)) && scope_within(q, &within, err);
    query.within = within;
    json_t *doc = ok ? validations_list(q->api->store, &query, err) : NULL;
    mem_free(within);
    return doc && reply_json(r, 200, doc, err);
}

/* The row of {id}, when q->who may see it. New reference. */
static json_t *row_of(struct request *q, struct err *err)
{
    struct validations_query query = {.limit = 1};
    if (!request_id(q, 0, &query.run, err) || !scope_run(q, query.run, NULL, err)) {
        return NULL;
    }
    json_t *doc = validations_list(q->api->store, &query, err);
    json_t *row = json_incref(json_array_get(json_object_get(doc, "rows"), 0));
    if (doc && !row) {
        (void)err_set(err, ERR_NOTHING, "run %" PRId64 " is no validation", query.run);
    }
    json_decref(doc);
    return row;
}

static bool show(struct request *q, struct reply *r, struct err *err)
{
    json_t *row = row_of(q, err);
    return row && reply_json(r, 200, row, err);
}

/* A file of its folder. */
static bool send_part(struct request *q, struct reply *r, const char *name, struct err *err)
{
    json_t *row = row_of(q, err);
    const char *folder = json_get_text(row, "folder", "");
    char *path = row ? mem_printf(err, "%s/%s", folder, name) : NULL;
    int fd = -1;
    bool ok = path && confine_open_any(&folder, 1, path, &fd, err);
    if (!ok && path && err->code == ERR_NOTHING) {
        (void)err_set(err, ERR_NOTHING, "validation %" PRId64 " has no report yet (%s)",
                      json_get_int(row, "run", 0), json_get_text(row, "state", ""));
    }
    ok = ok && send_file(r, fd, name, err);
    mem_free(path);
    json_decref(row);
    return ok;
}

static bool result(struct request *q, struct reply *r, struct err *err)
{
    return send_part(q, r, "validation.json", err);
}

static bool table(struct request *q, struct reply *r, struct err *err)
{
    return send_part(q, r, "validation.csv", err);
}

static bool report(struct request *q, struct reply *r, struct err *err)
{
    return send_part(q, r, "report.pdf", err);
}

/* The truth: a place that who asks may open, or a table that he has sent. Caller frees. */
static char *truth_of(struct request *q, struct err *err)
{
    const char *place = json_get_text(q->body, "truth", ""),
               *upload = json_get_text(q->body, "upload", "");
    if (!place[0] == !upload[0]) {
        (void)err_set(err, ERR_USAGE,
                      "name the truth: a folder of masks or a table of labels on the server, or "
                      "send a table");
        return NULL;
    }
    if (upload[0]) {
        return upload_path(q, upload, err);
    }
    char *real = access_folder(q, place, err);
    if (real && !scope_place(q, real, err)) {
        mem_free(real);
        return NULL;
    }
    return real;
}

static bool create(struct request *q, struct reply *r, struct err *err)
{
    static const char *const copied[] = {"run", "tolerance", "positive", NULL};
    const char *upload = json_get_text(q->body, "upload", "");
    bool ok = scope_run(q, json_get_int(q->body, "run", 0), NULL, err);
    char *truth = ok ? truth_of(q, err) : NULL;
    json_t *args = truth ? json_pack("{s:s, s:s, s:s*}", "truth", truth, "user", q->who.name,
                                     "truth_name", upload[0] ? path_base(truth) : NULL)
                         : NULL,
           *answer = NULL;
    ok = args || (truth && err_set(err, ERR_NOMEM, "out of memory"));
    for (size_t i = 0; ok && copied[i]; i++) {
        ok = scope_copy(q, copied[i], args, copied[i], err);
    }
    answer = ok ? request_op(q, "validation.create", args, err) : NULL;
    if (upload[0] && truth) { /* what it says stands in the plan */
        upload_drop(q, upload);
    }
    json_decref(args);
    mem_free(truth);
    return answer && reply_json(r, 201, answer, err);
}

static const struct route_param list_params[] = {
    {IN_QUERY, "run", P_INT, false, "of this prediction only"},
    {IN_QUERY, "offset", P_INT, false, "rows to pass over"},
    {IN_QUERY, "limit", P_INT, false, "most rows: 100"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};
static const struct route_param create_params[] = {
    {IN_BODY, "run", P_INT, true, "the prediction; it must be over"},
    {IN_BODY, "truth", P_TEXT, false, "a folder of masks, or a table of labels, on the server"},
    {IN_BODY, "upload", P_TEXT, false, "or a table that was sent (PUT /uploads/{name})"},
    {IN_BODY, "tolerance", P_NUMBER, false, "of surface Dice, in millimetres: 1"},
    {IN_BODY, "positive", P_TEXT, false, "the class that counts as positive"},
    {IN_QUERY, NULL, P_ANY, false, NULL},
};

const struct route routes_validations[] = {
    {"GET", "/api/v1/validations", ROLE_VIEWER, "Validations of predictions, the newest first",
     list_params, list, 0},
    {"POST", "/api/v1/validations", ROLE_OPERATOR,
     "Hold a prediction against reference masks or labels", create_params, create, 0},
    {"GET", "/api/v1/validations/{id}", ROLE_VIEWER, "One validation: how far it is", NULL, show,
     0},
    {"GET", "/api/v1/validations/{id}/result", ROLE_VIEWER,
     "What came out: summary and a row a series", NULL, result, 0},
    {"GET", "/api/v1/validations/{id}/table.csv", ROLE_VIEWER, "The same as CSV", NULL, table, 0},
    {"GET", "/api/v1/validations/{id}/report.pdf", ROLE_VIEWER, "The report", NULL, report, 0},
    {NULL, NULL, ROLE_NONE, NULL, NULL, NULL, 0},
};
