/* MATLAB, or GNU Octave: one file that sets the variables, one that is the user's. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "os/proc.h"
#include "worker/script.h"

void matlab_text(struct str *out, const char *text)
{
    bool plain = true;
    for (const char *p = text; *p; p++) {
        plain = plain && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7F;
    }
    if (plain) { /* between single quotes nothing but the quote itself means anything */
        str_addc(out, '\'');
        for (const char *p = text; *p; p++) {
            str_add(out, *p == '\'' ? "'" : "");
            str_addc(out, *p);
        }
        str_addc(out, '\'');
        return;
    }
    str_add(out, "native2unicode(uint8([");
    for (const char *p = text; *p; p++) {
        str_addf(out, "%s%u", p > text ? " " : "", (unsigned)(unsigned char)*p);
    }
    str_add(out, "]), 'UTF-8')");
}

static void add_value(struct str *out, const json_t *value)
{
    size_t i;
    json_t *one;
    if (json_is_string(value)) {
        matlab_text(out, json_string_value(value));
    } else if (json_is_boolean(value)) {
        str_add(out, json_is_true(value) ? "true" : "false");
    } else if (json_is_number(value)) {
        str_addf(out, "%.17g", json_number_value(value));
    } else if (json_is_array(value)) {
        str_addc(out, '{');
        json_array_foreach((json_t *)value, i, one)
        {
            str_add(out, i ? ", " : "");
            add_value(out, one);
        }
        str_addc(out, '}');
    } else {
        str_add(out, "[]");
    }
}

/* A cell array also of one. */
static void add_cell(struct str *out, const json_t *value)
{
    bool list = json_is_array(value);
    str_add(out, list ? "" : "{");
    add_value(out, value);
    str_add(out, list ? "" : "}");
}

static void add_variables(const struct attempt *a, struct str *out)
{
    const json_t *args = json_object_get(a->job, "args"), *row;
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)args, name, value)
    {
        str_addf(out, "%s = ", name);
        add_value(out, value);
        str_add(out, ";\n");
    }
    json_array_foreach(json_object_get(a->job, "files"), i, row)
    {
        const char *file = json_string_value(row);
        str_addf(out, "input%zu = ", i + 1);
        add_cell(out, json_object_get(args, file ? file : ""));
        str_add(out, ";\n");
    }
    json_array_foreach(json_object_get(a->job, "outputs"), i, row)
    {
        str_addf(out, "output%zu = ", i + 1);
        add_value(out, json_object_get(row, "staging"));
        str_add(out, ";\n");
    }
}

/* With set-up lines (module load matlab) the program may be there only then: MATLAB is believed. */
static bool choose_program(const struct attempt *a, struct err *err)
{
    static const char *const octaves[] = {"octave-cli", "octave", NULL};
    /* the list of errors shows the last line: left alone, Octave ends with where it was */
    static const char run[] =
        "try, source('gantry_vars.m'); source('gantry_script.m'); catch e, "
        "for k = 1:numel(e.stack), "
        "fprintf(2, '  in %s line %d\\n', e.stack(k).name, e.stack(k).line); end; "
        "if any(e.message == 10), fprintf(2, '%s\\n', e.message); end; "
        "fprintf(2, 'error: %s\\n', strtok(e.message, char(10))); exit(1); end";
    size_t i = 0;
    if (json_get_text(a->job, "setup", "")[0] || proc_program_there("matlab")) {
        return true;
    }
    while (octaves[i] && !proc_program_there(octaves[i])) {
        i++;
    }
    if (!octaves[i]) {
        return err_set(err, ERR_FAILED,
                       "neither matlab nor octave-cli is on the PATH: install one, or give the job "
                       "a set-up line that makes it known");
    }
    json_t *command =
        json_pack("[s, s, s, s, s]", octaves[i], "--no-gui", "--no-init-file", "--eval", run);
    return json_put(a->job, "command", command, err);
}

bool script_matlab(const struct attempt *a, const char *script, struct err *err)
{
    struct str vars = STR_INIT, text = STR_INIT;
    add_variables(a, &vars);
    str_add(&text, script);
    str_addc(&text, '\n');
    bool ok = script_write(a, "gantry_vars.m", &vars, err) &&
        script_write(a, "gantry_script.m", &text, err) && choose_program(a, err);
    str_fini(&vars);
    str_fini(&text);
    return ok;
}
