/* Which language, and bash itself. */
#include "worker/script.h"

#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "os/file.h"

static void quote(struct str *s, const char *text)
{
    str_addc(s, '\'');
    for (; *text; text++) {
        if (*text == '\'') {
            str_add(s, "'\\''");
        } else {
            str_addc(s, *text);
        }
    }
    str_addc(s, '\'');
}

static void quote_value(struct str *s, const json_t *value)
{
    char number[40];
    if (json_is_string(value)) {
        quote(s, json_string_value(value));
    } else if (json_is_boolean(value)) {
        str_add(s, json_is_true(value) ? "1" : "0");
    } else if (json_is_integer(value)) {
        str_addf(s, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        (void)snprintf(number, sizeof number, "%.17g", json_real_value(value));
        str_add(s, number);
    } else {
        str_add(s, "''");
    }
}

bool script_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n > 0 && !name[n] && !(name[0] >= '0' && name[0] <= '9');
}

bool script_write(const struct attempt *a, const char *name, struct str *text, struct err *err)
{
    char *path = path_join(a->dir, name, err);
    bool ok = path && str_ok(text, err) && file_put(path, str_text(text), text->len, err);
    mem_free(path);
    return ok;
}

bool script_bash(const struct attempt *a, const char *script, struct err *err)
{
    struct str vars = STR_INIT, text = STR_INIT;
    const char *name;
    json_t *value;
    str_add(&vars, "unset BASH_ENV\n");
    json_object_foreach(json_object_get(a->job, "args"), name, value)
    {
        str_addf(&vars, "%s=", name);
        if (json_is_array(value)) { /* "${f1[@]}" is all of them, $f1 the first */
            str_addc(&vars, '(');
            for (size_t i = 0; i < json_array_size(value); i++) {
                str_addc(&vars, ' ');
                quote_value(&vars, json_array_get(value, i));
            }
            str_add(&vars, " )\n");
        } else {
            quote_value(&vars, value);
            str_addc(&vars, '\n');
        }
    }
    str_add(&text, script);
    bool ok = script_write(a, "vars.sh", &vars, err) && script_write(a, "script.sh", &text, err);
    str_fini(&vars);
    str_fini(&text);
    return ok;
}

bool script_prepare(const struct attempt *a, struct err *err)
{
    const char *name, *script = json_get_text(a->job, "script", NULL),
                      *language = json_get_text(a->job, "language", "bash");
    json_t *value;
    if (!script) {
        return err_set(err, ERR_USAGE, "job '%s' has no script", json_get_text(a->job, "job", "?"));
    }
    json_object_foreach(json_object_get(a->job, "args"), name, value)
    {
        if (!script_name(name)) {
            return err_set(err, ERR_USAGE, "argument '%s' is not a name that %s knows", name,
                           language);
        }
    }
    return !strcmp(language, "python") ? script_python(a, script, err)
        : !strcmp(language, "matlab")  ? script_matlab(a, script, err)
                                       : script_bash(a, script, err);
}
