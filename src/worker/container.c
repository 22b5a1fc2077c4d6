/* One list of words for each of the programs that run images. */
#include "worker/container.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "os/proc.h"

static bool add(json_t *words, const char *word, struct err *err)
{
    return json_array_append_new(words, json_string(word)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

/* A folder that must be there under its own path; below another one it is there already. */
static bool add_folder(json_t *folders, const char *path, struct err *err)
{
    size_t i;
    json_t *one;
    if (!path || path[0] != '/') {
        return true;
    }
    json_array_foreach(folders, i, one)
    {
        if (path_within(path, json_string_value(one))) {
            return true;
        }
    }
    return add(folders, path, err);
}

static bool add_parent(json_t *folders, const char *path, struct err *err)
{
    char *parent = path_dir(path, err);
    bool ok = parent && add_folder(folders, parent, err);
    mem_free(parent);
    return ok;
}

static json_t *folders_of(const struct attempt *a, struct err *err)
{
    json_t *folders = json_array(), *row;
    size_t i;
    bool ok = folders && add_folder(folders, json_get_text(a->job, "like", NULL), err) &&
        add_folder(folders, a->dir, err);
    json_array_foreach(json_object_get(a->job, "outputs"), i, row)
    {
        ok = ok && add_parent(folders, json_get_text(row, "final", "/"), err);
    }
    json_array_foreach(json_object_get(a->job, "inputs"), i, row)
    {
        ok = ok && add_parent(folders, json_get_text(row, "path", "/"), err);
    }
    if (!ok) {
        json_decref(folders);
        folders = NULL;
    }
    return folders;
}

/* apptainer exec --bind /a:/a --pwd /attempt docker://image program ... */
static bool apptainer(const struct attempt *a, const char *program, const char *image, bool docker,
                      bool entry, const json_t *folders, json_t *words, struct err *err)
{
    char *from = docker && !strstr(image, "://") ? mem_printf(err, "docker://%s", image)
                                                 : mem_strdup(image, err);
    /* without a program of its own the image says what is started */
    bool ok = from && add(words, program, err) && add(words, entry ? "run" : "exec", err);
    for (size_t i = 0; ok && i < json_array_size(folders); i++) {
        const char *folder = json_string_value(json_array_get(folders, i));
        char *bind = mem_printf(err, "%s:%s", folder, folder);
        ok = bind && add(words, "--bind", err) && add(words, bind, err);
        mem_free(bind);
    }
    ok = ok && (json_get_int(a->job, "gpu", -1) < 0 || add(words, "--nv", err)) &&
        add(words, "--pwd", err) && add(words, a->dir, err) && add(words, from, err);
    mem_free(from);
    return ok;
}

static bool docker_env(const struct attempt *a, json_t *words, struct err *err)
{
    const char *name;
    json_t *value;
    bool ok = true;
    json_object_foreach(json_object_get(a->job, "env"), name, value)
    {
        ok = ok && add(words, "-e", err) && add(words, name, err); /* its value is in our own */
    }
    return ok;
}

/* docker run --rm -u uid:gid -v /a:/a -w /attempt --entrypoint program image ... */
static bool docker_run(const struct attempt *a, const char *image, const char *program,
                       const json_t *folders, json_t *words, struct err *err)
{
    char user[48];
    (void)snprintf(user, sizeof user, "%u:%u", (unsigned)getuid(), (unsigned)getgid());
    bool ok = add(words, "docker", err) && add(words, "run", err) && add(words, "--rm", err) &&
        add(words, "-u", err) && add(words, user, err) && docker_env(a, words, err);
    for (size_t i = 0; ok && i < json_array_size(folders); i++) {
        const char *folder = json_string_value(json_array_get(folders, i));
        char *bind = mem_printf(err, "%s:%s", folder, folder);
        ok = bind && add(words, "-v", err) && add(words, bind, err);
        mem_free(bind);
    }
    return ok &&
        (json_get_int(a->job, "gpu", -1) < 0 ||
         (add(words, "--gpus", err) && add(words, "all", err))) &&
        add(words, "-w", err) && add(words, a->dir, err) &&
        (!program[0] || (add(words, "--entrypoint", err) && add(words, program, err))) &&
        add(words, image, err);
}

static bool build(const struct attempt *a, const char *runtime, const char *image, bool docker,
                  json_t *command, json_t *words, struct err *err)
{
    json_t *folders = folders_of(a, err);
    const char *program = json_string_value(json_array_get(command, 0));
    bool by_docker = !strcmp(runtime, "docker"), entry = program && !program[0];
    bool ok = folders && program &&
        (by_docker ? docker_run(a, image, program, folders, words, err)
                   : apptainer(a, runtime, image, docker, entry, folders, words, err));
    for (size_t i = by_docker || entry ? 1 : 0; ok && i < json_array_size(command); i++) {
        ok = json_array_append(words, json_array_get(command, i)) == 0;
    }
    json_decref(folders);
    return ok;
}

bool container_wrap(const struct attempt *a, struct err *err)
{
    static const char *const runtimes[] = {"apptainer", "singularity", "docker", NULL};
    const json_t *container = json_object_get(a->job, "container");
    const char *image = json_get_text(container, "image", "");
    bool docker = strcmp(json_get_text(container, "type", "docker"), "singularity") != 0;
    json_t *command = json_object_get(a->job, "command");
    const char *program = json_string_value(json_array_get(command, 0));
    size_t i = 0;
    if (!image[0]) {
        return true;
    }
    while (runtimes[i] &&
           (!proc_program_there(runtimes[i]) || (!docker && !strcmp(runtimes[i], "docker")))) {
        i++;
    }
    if (!runtimes[i]) {
        return (program && program[0] && proc_program_there(program)) ||
            json_get_text(a->job, "setup", "")[0] ||
            err_set(err, ERR_FAILED,
                    "the tool wants the image '%s', and neither apptainer%s nor its own program "
                    "'%s' is on the PATH: install one of them",
                    image, docker ? " or docker" : "", program ? program : "?");
    }
    json_t *words = json_array();
    bool ok = words && build(a, runtimes[i], image, docker, command, words, err) &&
        json_object_set(a->job, "command", words) == 0;
    json_decref(words);
    return ok || (err->code == ERR_NONE ? err_set(err, ERR_NOMEM, "out of memory") : false);
}
