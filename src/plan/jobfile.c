/* The keys of job.json, one after the other. */
#include "plan/jobfile.h"

#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"

static void add_text(struct str *out, const char *key, const char *value)
{
    str_addc(out, ',');
    json_add_text(out, key);
    str_addc(out, ':');
    json_add_text(out, value);
}

static void add_int(struct str *out, const char *key, int64_t value)
{
    str_addf(out, ",\"%s\":%" PRId64, key, value);
}

static void add_value(struct str *out, const char *key, const json_t *value)
{
    str_addf(out, ",\"%s\":", key);
    json_add_value(out, value);
}

/* First of: run option, job, batch, tool. In seconds; 0 = off. */
static double limit_of(const struct bind *in, const char *key)
{
    const json_t *places[] = {in->run_options, in->job, in->batch_options, in->tool->gantry};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const json_t *v = json_object_get(places[i], key);
        double s;
        if (json_is_number(v)) {
            return json_number_value(v);
        }
        if (json_is_string(v) && num_seconds(json_string_value(v), &s)) {
            return s;
        }
    }
    return 0;
}

static void add_limit(struct str *out, const struct bind *in, const char *key)
{
    double limit = limit_of(in, key);
    if (limit > 0) {
        str_addf(out, ",\"%s\":", key);
        json_add_real(out, limit);
    } else {
        add_int(out, key, 0);
    }
}

static void add_item(struct str *out, const struct bind *in, const char *path)
{
    str_addf(out, ",\"item\":{\"id\":%" PRId64, in->item);
    add_text(out, "name", in->item_name);
    add_text(out, "level", in->level);
    add_text(out, "series", in->series);
    add_text(out, "path", path);
    if (in->study) {
        add_text(out, "pid", in->study->pid);
        add_text(out, "sid", in->study->sid);
        add_text(out, "psid", in->study->psid);
    }
    str_addc(out, '}');
}

static void add_environment(struct str *out, const struct bind *in)
{
    str_addf(out,
             ",\"env\":{\"OMP_NUM_THREADS\":\"%d\",\"GANTRY_THREADS\":\"%d\","
             "\"GANTRY_TASK\":\"%" PRId64 "\",\"GANTRY_RUN\":\"%" PRId64 "\"",
             in->threads, in->threads, in->task, in->run);
    add_text(out, "GANTRY_HOME", in->home);
    add_text(out, "GANTRY_PROJECT", in->project_name);
    add_text(out, "GANTRY_ITEM", in->item_name);
    add_text(out, "DPXproject", in->project_name); /* what NORA's users' scripts read */
    if (in->study) {
        add_text(out, "DPXpsid", in->study->psid);
        add_text(out, "DPXpid", in->study->pid);
        add_text(out, "DPXsid", in->study->sid);
    }
    add_text(out, "HDF5_USE_FILE_LOCKING", "FALSE");
    size_t i;
    json_t *variable;
    json_array_foreach(json_object_get(in->tool->doc, "environment-variables"), i, variable)
    {
        add_text(out, json_get_text(variable, "name", "_"), json_get_text(variable, "value", ""));
    }
    if (in->gpu >= 0) {
        str_addf(out, ",\"CUDA_VISIBLE_DEVICES\":\"%d\"", in->gpu);
    }
    str_addc(out, '}');
}

/* The lines of config.ini, of the tool, and of the job (or the batch); then the tool takes the
 * shell's place. A step of our own needs none of the machine's. */
static bool add_setup(struct str *out, const struct bind *in, struct err *err)
{
    const char *common = in->setup && strcmp(in->tool->kind, "step") ? in->setup : "",
               *tool = json_get_text(in->tool->gantry, "setup", ""),
               *setup = json_get_text(in->job, "setup", "");
    setup = setup[0] ? setup : json_get_text(in->batch_options, "setup", "");
    if (!common[0] && !tool[0] && !setup[0]) {
        add_text(out, "setup", "");
        return true;
    }
    char *text = mem_printf(err, "%s%s%s%s%s\nexec \"$@\"", common, common[0] ? "\n" : "", tool,
                            tool[0] ? "\n" : "", setup);
    if (text) {
        add_text(out, "setup", text);
    }
    mem_free(text);
    return text != NULL;
}

/* The job's own, that of a descriptor, or the argument of a BIDS App. */
static void add_container(struct str *out, const struct bind *in, const json_t *params)
{
    const json_t *image = json_object_get(in->tool->doc, "container-image");
    const char *own = json_get_text(in->job, "container", ""), *name = own;
    if (!own[0]) {
        own = !strcmp(in->tool->kind, "bids-app") ? json_get_text(params, "image", "") : "";
        name = own[0] ? own : json_get_text(image, "image", "");
    }
    if (!name[0]) {
        return;
    }
    str_add(out, ",\"container\":{\"type\":");
    json_add_text(out,
                  own[0] ? str_ends(own, ".sif") ? "singularity" : "docker"
                         : json_get_text(image, "type", "docker"));
    add_text(out, "image", name);
    str_addc(out, '}');
}

bool jobfile_write(const struct bind *in, const struct jobfile *f, struct str *out, struct err *err)
{
    const struct tool *tool = in->tool;
    const char *script = json_get_text(json_object_get(in->job, "args"), "script", NULL);
    const json_t *resources = json_object_get(in->job, "resources");
    resources = resources ? resources : json_object_get(tool->gantry, "resources");
    str_addf(out, "{\"gantry\":1,\"attempt\":%" PRId64 ",\"task\":%" PRId64 ",\"run\":%" PRId64,
             in->attempt, in->task, in->run);
    add_int(out, "n", in->n);
    add_int(out, "threads", in->threads);
    add_int(out, "gpu", in->gpu);
    add_text(out, "job", json_get_text(in->job, "id", ""));
    add_text(out, "tool", tool->name);
    add_text(out, "version", tool->version);
    add_text(out, "kind", tool->kind);
    bool step = !strcmp(tool->kind, "step");
    str_addf(out, ",\"step\":%s", step ? "true" : "false");
    /* Loading a model may take longer than asking it. */
    if (step && in->warm && tool_asks_model(tool, f->params)) {
        str_add(out, ",\"warm\":true");
    }
    add_item(out, in, f->path);
    add_value(out, "params", f->params);
    add_value(out, "inputs", f->inputs);
    add_value(out, "outputs", f->outputs);
    add_value(out, "touches", f->touches);
    add_value(out, "command", f->command);
    if (resources) {
        add_value(out, "resources", resources);
    } else {
        str_add(out, ",\"resources\":{}");
    }
    add_limit(out, in, "timeout");
    add_limit(out, in, "stall");
    add_text(out, "home", in->home);
    add_text(out, "imaging", in->imaging);
    add_text(out, "like", in->root);
    add_text(out, "user", in->user);
    add_text(out, "fingerprint", f->fingerprint);
    if (f->cwd) {
        add_text(out, "cwd", f->cwd);
    }
    bool ok = add_setup(out, in, err);
    add_environment(out, in);
    add_container(out, in, f->params);
    if (json_object_get(in->job, "sandbox")) {
        add_value(out, "sandbox", json_object_get(in->job, "sandbox"));
    }
    if (script) {
        add_text(out, "language", json_get_text(tool->gantry, "language", "bash"));
        add_text(out, "script", script);
        add_value(out, "args", f->args);
        add_value(out, "files", f->files);
    }
    return ok && str_ok(out, err);
}
