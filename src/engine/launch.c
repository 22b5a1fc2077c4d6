/* Each rule is one small function. */
#include "engine/launch.h"

#include <string.h>
#include "base/str.h"

bool launch_mode(const json_t *args, json_t *batch, struct err *err)
{
    const char *mode = json_get_text(args, "mode", NULL);
    if (!mode) {
        return true;
    }
    if (!strcmp(mode, "jupyter")) {
        return err_set(err, ERR_UNSUPPORTED, "mode jupyter is not built yet");
    }
    const json_t *old = json_object_get(batch, "options");
    json_t *options = old ? json_copy((json_t *)old) : json_object();
    return json_put(batch, "options", options, err) &&
        json_put(options, "mode", json_string(mode), err);
}

/* What config.ini says of runs and the launch does not. */
static bool add_configured(const struct engine *e, json_t *options, struct err *err)
{
    static const char *const seconds[] = {"timeout", "stall", NULL};
    const struct options *o = e->options;
    for (size_t i = 0; seconds[i]; i++) {
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
    return check_options(options, err) && add_configured(e, options, err) &&
        (!word || put_auto(params, batch, err));
}
