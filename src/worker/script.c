/*
 * script.bash: the script as the user wrote it, in script.sh, and its arguments in vars.sh, which
 * bash reads first (BASH_ENV). Values are quoted for the shell and never pasted into the script, so
 * they arrive whatever they contain.
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"
#include "worker/attempt.h"

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

static bool shell_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n > 0 && !name[n] && !(name[0] >= '0' && name[0] <= '9');
}

bool script_prepare(const struct attempt *a, struct err *err)
{
    struct str vars = STR_INIT;
    const char *name;
    json_t *value, *args = json_object_get(a->job, "args");
    const char *script = json_get_text(a->job, "script", NULL);
    if (!script) {
        return err_set(err, ERR_USAGE, "job '%s' has no script", json_get_text(a->job, "job", "?"));
    }
    str_add(&vars, "unset BASH_ENV\n");
    json_object_foreach(args, name, value)
    {
        if (!shell_name(name)) {
            str_fini(&vars);
            return err_set(err, ERR_USAGE, "argument '%s' is not a name that bash knows", name);
        }
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
    char *vars_path = path_join(a->dir, "vars.sh", err);
    char *script_path = vars_path ? path_join(a->dir, "script.sh", err) : NULL;
    bool ok = script_path && str_ok(&vars, err) && file_put(vars_path, vars.buf, vars.len, err) &&
        file_put(script_path, script, strlen(script), err);
    mem_free(vars_path);
    mem_free(script_path);
    str_fini(&vars);
    return ok;
}
