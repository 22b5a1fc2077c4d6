/*
 * gantry-imaging describe STEP: the step's tool descriptor (Boutiques 0.5), made from its struct
 * and the parameter table. share/tools/<step>.json is this text; a test compares them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "codec/json.h"
#include "steps/command.h"
#include "steps/params.h"
#include "steps/step.h"

extern const struct command command_word_describe;

static bool put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static json_t *choices_of(const struct param *p)
{
    json_t *list = json_array();
    const char *at = p->built != NULL ? p->built : p->choices;

    while (list != NULL && *at != '\0') {
        size_t length = strcspn(at, "|");

        if (json_array_append_new(list, json_stringn(at, length)) != 0) {
            json_decref(list);
            return NULL;
        }
        at += length + (at[length] == '|');
    }
    return list;
}

static json_t *input_of(const struct param *p)
{
    bool number = p->type == PARAM_NUMBER || p->type == PARAM_INTEGER;
    json_t *input = json_pack("{s:s, s:s, s:s, s:b, s:s}", "id", p->name, "name", p->name, "type",
                              number ? "Number" : "String", "optional", 1, "description", p->help);
    double value;
    bool good = input != NULL;

    if (p->type == PARAM_INTEGER) {
        good = good && put(input, "integer", json_true());
    }
    if (p->choices != NULL) {
        good = good && put(input, "value-choices", choices_of(p));
    }
    if (number && p->min <= p->max) {
        good = good && put(input, "minimum", json_real(p->min)) &&
            put(input, "maximum", json_real(p->max));
    }
    if (p->fallback != NULL && number && num_double(p->fallback, &value)) {
        good = good &&
            put(input, "default-value",
                p->type == PARAM_INTEGER ? json_integer((json_int_t)value) : json_real(value));
    } else if (p->fallback != NULL) {
        good = good && put(input, "default-value", json_string(p->fallback));
    }
    if (!good) {
        json_decref(input);
        return NULL;
    }
    return input;
}

static json_t *inputs_of(const struct step *step)
{
    json_t *inputs =
        json_pack("[{s:s, s:s, s:s, s:b, s:s}]", "id", "file", "name", "file", "type", "File",
                  "optional", 0, "description", "the scan, HDF5 (Data Exchange or NXtomo)");

    for (const struct param *p = param_table; p->name != NULL && inputs != NULL; p++) {
        if ((p->families & step->family) == 0 || p->state != PARAM_BUILT) {
            continue;
        }
        if (json_array_append_new(inputs, input_of(p)) != 0) {
            json_decref(inputs);
            inputs = NULL;
        }
    }
    return inputs;
}

/* Boutiques' own list of outputs, and ours with kind, pattern and condition. */
static bool outputs_of(const struct step *step, json_t *files, json_t *ours)
{
    for (size_t i = 0; i < STEP_MAX_OUTPUTS && step->output[i].id != NULL; i++) {
        const struct step_output *o = &step->output[i];
        bool optional = o->optional || o->when_format != NULL;
        json_t *row = json_pack("{s:s, s:s, s:s, s:s*}", "id", o->id, "kind", o->kind, "path",
                                o->path, "pattern", o->pattern);

        if (row == NULL ||
            json_array_append_new(files,
                                  json_pack("{s:s, s:s, s:s, s:b}", "id", o->id, "name", o->id,
                                            "path-template", o->path, "optional", optional))) {
            json_decref(row);
            return false;
        }
        if ((o->when_format != NULL &&
             !put(row, "when", json_pack("{s:s}", "save_format", o->when_format))) ||
            (o->optional && !put(row, "optional", json_true()))) {
            json_decref(row);
            return false;
        }
        if (json_array_append_new(ours, row) != 0) {
            return false;
        }
    }
    return true;
}

static json_t *bindings_of(const struct step *step)
{
    json_t *bind = json_object();

    for (size_t i = 0; i < STEP_MAX_BINDINGS && step->binding[i][0] != NULL && bind != NULL; i++) {
        if (!put(bind, step->binding[i][0], json_string(step->binding[i][1]))) {
            json_decref(bind);
            bind = NULL;
        }
    }
    return bind;
}

static const char *form_of(const char *name)
{
    size_t i = 0;

    while (param_forms[i][0] != NULL && strcmp(param_forms[i][0], name) != 0) {
        i++;
    }
    return param_forms[i][1];
}

/* What the check at launch needs beyond Boutiques: forms of texts, pairs in order. */
static bool put_forms(const struct step *step, json_t *gantry)
{
    json_t *forms = json_object();
    json_t *order = json_array();
    bool good = forms != NULL && order != NULL;

    for (const struct param *p = param_table; p->name != NULL && good; p++) {
        if ((p->families & step->family) != 0 && form_of(p->name) != NULL) {
            good = put(forms, p->name, json_string(form_of(p->name)));
        }
    }
    for (size_t i = 0; good && param_order[i][0] != NULL; i++) {
        good = json_array_append_new(
                   order, json_pack("[s, s]", param_order[i][0], param_order[i][1])) == 0;
    }
    good = good && json_object_set(gantry, "forms", forms) == 0 &&
        json_object_set(gantry, "order", order) == 0;
    json_decref(forms);
    json_decref(order);
    return good;
}

/* A finder that asks a model: the model is part of what is fingerprinted, but only then. */
static bool put_models(const struct step *step, json_t *gantry)
{
    json_t *when = json_pack("{s:[s, s]}", "rotation_axis_method", "ai", "auto");

    if (when != NULL && (step->family & STEP_COR) == 0 &&
        !put(when, "rotation_axis_auto", json_string("auto"))) {
        json_decref(when);
        return false;
    }
    return put(gantry, "models", json_pack("{s:o}", "cor_model", when));
}

/* What is known but not built: refused by name, but for the value that means "off". */
static bool put_later(const struct step *step, json_t *gantry)
{
    json_t *later = json_object();
    bool good = later != NULL;

    for (const struct param *p = param_table; p->name != NULL && good; p++) {
        if (p->state == PARAM_NOT_YET || p->state == PARAM_QUIET) {
            good =
                put(later, p->name, json_pack("{s:s, s:s*}", "help", p->help, "off", p->fallback));
        } else if ((p->families & step->family) != 0 && p->built != NULL) {
            good = put(later, p->name,
                       json_pack("{s:s, s:s}", "help", p->help, "choices", p->choices));
        }
    }
    good = good && json_object_set(gantry, "later", later) == 0;
    json_decref(later);
    return good;
}

static json_t *descriptor_of(const struct step *step)
{
    json_t *files = json_array();
    json_t *ours = json_array();
    json_t *gantry = NULL;
    json_t *all = NULL;
    char version[16];

    snprintf(version, sizeof(version), "%d", step->version);
    if (files != NULL && ours != NULL && outputs_of(step, files, ours)) {
        gantry = json_pack("{s:b, s:i, s:s, s:s, s:I, s:{s:i, s:s}, s:{s:s, s:s}, s:O, s:o}",
                           "step", 1, "version", step->version, "level", "scan", "phase",
                           step->phase, "stall", (json_int_t)step->stall_s, "resources", "cpus", 1,
                           "mem", step->mem, "word", "done", step->word_done, "failed",
                           step->word_failed, "outputs", ours, "bind", bindings_of(step));
    }
    if (gantry != NULL &&
        (!put_models(step, gantry) || !put_forms(step, gantry) || !put_later(step, gantry))) {
        json_decref(gantry);
        gantry = NULL;
    }
    if (gantry != NULL && step->touches.id != NULL &&
        !put(gantry, "touches",
             json_pack("[{s:s, s:s, s:s}]", "id", step->touches.id, "path", step->touches.path,
                       "pattern", step->touches.pattern))) {
        json_decref(gantry);
        gantry = NULL;
    }
    if (gantry != NULL) {
        all = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:O, s:{s:O}}", "schema-version", "0.5",
                        "name", step->name, "description", step->help, "tool-version", version,
                        "command-line", "gantry-imaging run [ATTEMPT_DIR]", "inputs",
                        inputs_of(step), "output-files", files, "custom", "gantry", gantry);
    }
    json_decref(files);
    json_decref(ours);
    json_decref(gantry);
    return all;
}

static int run(int argc, char **argv)
{
    const struct step *step = argc == 1 ? step_find(argv[0]) : NULL;
    struct err err = {ERR_NONE, ""};
    json_t *descriptor;
    char *text;

    if (step == NULL) {
        err_set(&err, ERR_USAGE,
                argc == 1 ? "there is no step '%s'" : "usage: gantry-imaging describe STEP",
                argc == 1 ? argv[0] : "");
        return command_fail(&err);
    }
    if (step->family == 0) { /* its parameters are not those of the table */
        err_set(&err, ERR_UNSUPPORTED,
                "the descriptor of %s is written by hand: share/tools/%s.json", step->name,
                step->name);
        return command_fail(&err);
    }
    descriptor = descriptor_of(step);
    text = descriptor == NULL ? NULL
                              : json_dumps(descriptor, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    json_decref(descriptor);
    if (text == NULL) {
        err_set(&err, ERR_NOMEM, "out of memory");
        return command_fail(&err);
    }
    puts(text);
    mem_free(text);
    return 0;
}

const struct command command_word_describe = {
    .name = "describe",
    .usage = "STEP",
    .help = "the step's tool descriptor (Boutiques 0.5)",
    .run = run,
};
