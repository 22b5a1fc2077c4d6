/* Each rule is one small function. */
#include "engine/launch.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "engine/notebook.h"
#include "engine/op-catalog.h"
#include "os/proc.h"
#include "plan/batch.h"
#include "plan/command.h"

bool launch_mode(const struct engine *e, const json_t *args, json_t *batch, struct err *err)
{
    const json_t *old = json_object_get(batch, "options");
    const char *mode = json_get_text(args, "mode", json_get_text(old, "mode", "split"));
    if (!strcmp(mode, "jupyter")) {
        mode = "split";
        if (!notebook_open(e, args, batch, err)) {
            return false;
        }
    } else if (!json_get_text(args, "mode", NULL)) {
        return true;
    }
    json_t *options = old ? json_copy((json_t *)old) : json_object();
    return json_put(batch, "options", options, err) &&
        json_put(options, "mode", json_string(mode), err);
}

/* What config.ini says of runs and the launch does not. */
static bool add_configured(const struct engine *e, const json_t *batch, json_t *options,
                           struct err *err)
{
    static const char *const seconds[] = {"timeout", "stall", NULL};
    const struct options *o = e->options;
    for (size_t i = 0; seconds[i] && !notebook_is(batch); i++) {
        bool wanted = options_given(o, seconds[i]) && strcmp(options_text(o, seconds[i]), "-") &&
            !json_object_get(options, seconds[i]);
        if (wanted &&
            !json_put(options, seconds[i], json_real(options_number(o, seconds[i])), err)) {
            return false;
        }
    }
    return !options_bool(o, "overwrite") || json_object_get(options, "overwrite") ||
        json_put(options, "overwrite", json_true(), err);
}

/* cor auto: tools that reconstruct find the centre by themselves, unless a job of the batch finds
 * it for them. */
static bool put_auto(json_t *params, const json_t *batch, struct err *err)
{
    bool reconstructs = false;
    const json_t *job;
    size_t i;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        const char *tool = json_get_text(job, "tool", "");
        if (!strcmp(tool, "recon.cor")) {
            return true;
        }
        reconstructs = reconstructs || str_starts(tool, "recon.");
    }
    return !reconstructs || json_object_get(params, "rotation_axis_auto") ||
        json_put(params, "rotation_axis_auto", json_string("auto"), err);
}

static bool check_options(const json_t *options, struct err *err)
{
    static const char *const words[] = {"break", "continue", "ignore"};
    const char *on_error = json_get_text(options, "on_error", "break");
    const json_t *seconds[] = {json_object_get(options, "timeout"),
                               json_object_get(options, "stall")};
    size_t i = 0;
    while (i < 3 && strcmp(words[i], on_error) != 0) {
        i++;
    }
    if (i == 3) {
        return err_set(err, ERR_USAGE, "on_error is break, continue or ignore, not '%.40s'",
                       on_error);
    }
    for (i = 0; i < 2; i++) {
        if (seconds[i] && !(json_number_value(seconds[i]) >= 0)) {
            return err_set(err, ERR_USAGE, "timeout and stall are seconds, not less than 0");
        }
    }
    return json_get_int(options, "slots", 1) >= 1 || err_set(err, ERR_USAGE, "slots starts at 1");
}

bool launch_words(const struct engine *e, const json_t *args, const json_t *batch, json_t *params,
                  json_t *options, struct err *err)
{
    const json_t *cor = json_object_get(args, "cor");
    const char *word = json_string_value(cor);
    if (cor && !json_is_null(cor) && !json_is_number(cor) && !str_equal(word, "auto")) {
        return err_set(err, ERR_USAGE, "cor: '%.40s' is neither a number nor auto",
                       word ? word : "this value");
    }
    return check_options(options, err) && add_configured(e, batch, options, err) &&
        (!word || put_auto(params, batch, err));
}

/* The job's own object of arguments, made when it has none. Borrowed. */
static json_t *arguments_of(json_t *job, struct err *err)
{
    json_t *args = json_object_get(job, "args");
    if (!args && json_put(job, "args", json_object(), err)) {
        args = json_object_get(job, "args");
    }
    return args;
}

static json_t *option_value(const json_t *input, const char *text)
{
    double number;
    int64_t whole;
    if (!strcmp(json_get_text(input, "type", ""), "Number")) {
        return num_int64(text, &whole)  ? json_integer(whole)
            : num_double(text, &number) ? json_real(number)
                                        : json_string(text);
    }
    return json_string(text);
}

static bool fill_from_options(const struct engine *e, json_t *job, const struct tool *tool,
                              const json_t *params, struct err *err)
{
    json_t *args = arguments_of(job, err), *option;
    const char *id;
    if (!args) {
        return false;
    }
    json_object_foreach(json_object_get(tool->gantry, "options"), id, option)
    {
        const char *key = json_string_value(option), *text = options_text(e->options, key);
        const json_t *input = tool_input(tool, id);
        const json_t *given = json_object_get(params, id);
        given = given ? given : json_object_get(args, id);
        bool blank = given ? str_equal(json_string_value(given), "") : !text[0];
        if (blank && !json_get_bool(input, "optional", false)) {
            return err_set(err, ERR_USAGE,
                           "job '%s' needs the option %s, which is blank: `gantry config set "
                           "%s=...`",
                           json_get_text(job, "id", ""), key, key);
        }
        if (!given && !blank && !json_put(args, id, option_value(input, text), err)) {
            return false;
        }
    }
    return true;
}

/* With lines of set-up (module load, conda activate) the program may be there only then. */
static bool check_program(const json_t *batch, const json_t *job, const struct tool *tool,
                          const json_t *params, struct err *err)
{
    const char *id = json_get_text(tool->gantry, "program", NULL);
    const char *key = json_get_text(json_object_get(tool->gantry, "options"), id ? id : "", NULL);
    const char *program = json_get_text(json_object_get(job, "args"), id ? id : "", NULL);
    program = id ? json_get_text(params, id, program) : NULL;
    if (!program || json_get_text(job, "setup", "")[0] ||
        json_get_text(json_object_get(batch, "options"), "setup", "")[0] ||
        proc_program_there(program)) {
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "job '%s' needs the program '%s', which is not %s: `gantry config set "
                   "%s=/path/to/program`",
                   json_get_text(job, "id", ""), program,
                   strchr(program, '/') ? "there" : "on the PATH", key ? key : id);
}

bool launch_tools(struct engine *e, json_t *batch, const json_t *params, struct err *err)
{
    json_t *job;
    size_t i;
    bool ok = true;
    engine_reread(e);
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        const struct tool *tool = batch_tool(job, e->tools);
        ok = ok && tool && (strcmp(tool->kind, "command") != 0 || command_check(tool, err)) &&
            (!json_object_get(tool->gantry, "options") ||
             fill_from_options(e, job, tool, params, err)) &&
            check_program(batch, job, tool, params, err);
    }
    return ok;
}

bool launch_reads_open(struct engine *e, struct store *s, int64_t project, const json_t *batch,
                       struct launch_reads *ret, struct err *err)
{
    const json_t *job, *jobs = json_object_get(batch, "jobs");
    size_t i, k;
    *ret = (struct launch_reads){.tool = NULL};
    json_array_foreach(jobs, i, job)
    {
        const struct tool *tool = batch_tool(job, e->tools);
        const json_t *reads = tool ? json_object_get(tool->gantry, "reads") : NULL;
        const char *from = json_get_text(reads, "from", NULL);
        for (k = 0; from && k < i; k++) {
            const struct tool *earlier = batch_tool(json_array_get(jobs, k), e->tools);
            from = earlier && str_equal(json_get_text(earlier->gantry, "phase", NULL), from) ? NULL
                                                                                             : from;
        }
        if (from) {
            ret->tool = tool;
            ret->from = from;
        }
    }
    return !ret->tool ||
        (store_text(s, &ret->root, err, "SELECT root FROM project WHERE id=?1", "i", project) &&
         store_text(s, &ret->rec, err, "SELECT rec FROM project WHERE id=?1", "i", project) &&
         ((ret->root && ret->rec) || err_set(err, ERR_USAGE, "there is no such project")));
}

/* A file with something in it, or a folder with anything that is not hidden. */
static bool has_content(const char *path)
{
    struct stat st;
    bool any = stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    DIR *dir = any ? NULL : opendir(path);
    for (struct dirent *entry; dir && !any && (entry = readdir(dir));) {
        any = entry->d_name[0] != '.';
    }
    if (dir) {
        (void)closedir(dir);
    }
    return any;
}

bool launch_reads_there(const struct launch_reads *r, const char *item, bool *ret, struct err *err)
{
    const struct bind in = {.item_name = item, .root = r->root, .rec = r->rec};
    json_t *pattern;
    size_t i;
    bool there = !r->tool;
    json_array_foreach(
        json_object_get(json_object_get(r->tool ? r->tool->gantry : NULL, "reads"), "any"), i,
        pattern)
    {
        char *path = command_place(&in, json_string_value(pattern), err);
        if (!path) {
            return false;
        }
        there = there || has_content(path);
        mem_free(path);
    }
    *ret = there;
    return true;
}

void launch_reads_close(struct launch_reads *r)
{
    mem_free(r->root);
    mem_free(r->rec);
    *r = (struct launch_reads){.tool = NULL};
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

bool launch_enable_open(const json_t *args, struct launch_enable *ret, struct err *err)
{
    const json_t *ids = json_object_get(args, "enable"), *id;
    size_t i;
    *ret = (struct launch_enable){.n = json_array_size(ids)};
    ret->ids = mem_array(ret->n + 1, sizeof *ret->ids, err);
    ret->taken = json_array();
    if (!ret->ids || !ret->taken) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    json_array_foreach(ids, i, id)
    {
        ret->ids[i] = json_integer_value(id);
    }
    qsort(ret->ids, ret->n, sizeof *ret->ids, by_id);
    return true;
}

bool launch_enable_has(const struct launch_enable *w, int64_t id)
{
    return bsearch(&id, w->ids, w->n, sizeof id, by_id) != NULL;
}

bool launch_enable_apply(struct engine *e, struct store *s, int64_t project,
                         const struct launch_enable *w, struct err *err)
{
    json_t *answer = NULL;
    if (json_array_size(w->taken) == 0) {
        return true;
    }
    json_t *args = json_pack("{s:I, s:O, s:{s:b}}", "project", (json_int_t)project, "items",
                             w->taken, "set", "enabled", 1);
    bool ok =
        (args || err_set(err, ERR_NOMEM, "out of memory")) && op_item_set(e, s, args, &answer, err);
    json_decref(answer);
    json_decref(args);
    return ok;
}

void launch_enable_close(struct launch_enable *w)
{
    mem_free(w->ids);
    json_decref(w->taken);
    *w = (struct launch_enable){.ids = NULL};
}
