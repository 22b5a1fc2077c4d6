/* By the kind of tool. */
#include "engine/programs.h"

#include <stdio.h>
#include <string.h>
#include "base/str.h"
#include "os/proc.h"
#include "plan/batch.h"

static bool has_setup(const struct engine *e, const json_t *batch, const json_t *job,
                      const struct tool *tool)
{
    return json_get_text(job, "setup", "")[0] ||
        json_get_text(json_object_get(batch, "options"), "setup", "")[0] ||
        json_get_text(tool->gantry, "setup", "")[0] || options_text(e->options, "setup")[0];
}

static bool has_runtime(void)
{
    return proc_program_there("apptainer") || proc_program_there("singularity") ||
        proc_program_there("docker");
}

static bool wants(const json_t *job, const char *program, const char *instead, struct err *err)
{
    return proc_program_there(program) ||
        err_set(err, ERR_USAGE,
                "job '%s' needs the program '%s', which is not %s%s: install it, or give the job "
                "set-up lines that make it known (\"setup\": \"module load ...\")",
                json_get_text(job, "id", ""), program,
                strchr(program, '/') ? "there" : "on the PATH", instead);
}

static bool script_there(const json_t *job, const struct tool *tool, struct err *err)
{
    const char *language = json_get_text(tool->gantry, "language", "bash");
    if (!strcmp(language, "python")) {
        return wants(job, "python3", "", err);
    }
    return strcmp(language, "matlab") != 0 || proc_program_there("octave-cli") ||
        proc_program_there("octave") || wants(job, "matlab", ", and GNU Octave neither", err);
}

/* The first word of a descriptor's command-line, unless it is an argument itself. */
static bool command_there(const json_t *job, const struct tool *tool, struct err *err)
{
    char word[200];
    const char *line = json_get_text(tool->doc, "command-line", "");
    size_t n = strcspn(line, " \t\n");
    (void)snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), line);
    if (!word[0] || strpbrk(word, "[{'\"") || !strcmp(word, "gantry-imaging") ||
        json_object_get(tool->gantry, "program")) {
        return true;
    }
    return json_object_get(tool->doc, "container-image")
        ? has_runtime() || wants(job, word, " (neither is Apptainer or Docker for its image)", err)
        : wants(job, word, "", err);
}

static bool image_runs(const json_t *job, const char *image, struct err *err)
{
    return has_runtime() ||
        err_set(err, ERR_USAGE,
                "job '%s' runs the image '%s', and neither apptainer nor docker is on the PATH: "
                "install one of them",
                json_get_text(job, "id", ""), image);
}

static bool app_there(const json_t *job, struct err *err)
{
    const json_t *args = json_object_get(job, "args");
    const char *image = json_get_text(args, "image", ""),
               *program = json_get_text(args, "program", "");
    if (image[0]) {
        return image_runs(job, image, err);
    }
    return !program[0] || wants(job, program, "", err);
}

bool programs_check_job(const struct engine *e, const json_t *batch, const json_t *job,
                        struct err *err)
{
    const struct tool *tool = batch_tool(job, e->tools);
    if (!tool || has_setup(e, batch, job, tool)) {
        return true;
    }
    if (json_object_get(job, "container")) {
        return image_runs(job, json_get_text(job, "container", ""), err);
    }
    return !strcmp(tool->kind, "script")  ? script_there(job, tool, err)
        : !strcmp(tool->kind, "command")  ? command_there(job, tool, err)
        : !strcmp(tool->kind, "bids-app") ? app_there(job, err)
                                          : true;
}

bool programs_check(const struct engine *e, const json_t *batch, struct err *err)
{
    json_t *job;
    size_t i;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        if (!programs_check_job(e, batch, job, err)) {
            return false;
        }
    }
    return true;
}
