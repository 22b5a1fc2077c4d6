/* Where the home is, and where our own files are. */
#include "engine/home.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "os/file.h"

static char *wanted_home(struct err *err)
{
    const char *own = getenv("GANTRY_HOME"), *state = getenv("XDG_STATE_HOME"),
               *user = getenv("HOME");
    char cwd[4096];
    if (own && own[0]) {
        if (!getcwd(cwd, sizeof cwd)) {
            cwd[0] = '\0';
        }
        return path_absolute(cwd, own, err);
    }
    if (state && state[0] == '/') {
        return path_join(state, "gantry", err);
    }
    if (!user || user[0] != '/') {
        const struct passwd *pw = getpwuid(getuid());
        user = pw ? pw->pw_dir : NULL;
    }
    if (!user) {
        (void)err_set(err, ERR_USAGE,
                      "no home folder is known: set GANTRY_HOME to a folder on a local disk");
        return NULL;
    }
    return path_join(user, ".local/state/gantry", err);
}

char *home_path(struct err *err)
{
    char *home = wanted_home(err);
    if (!home) {
        return NULL;
    }
    if (file_on_network(home)) {
        (void)err_set(err, ERR_IO,
                      "the home '%s' is on a network file system, where locks cannot be trusted: "
                      "set GANTRY_HOME to a "
                      "folder on a local disk",
                      home);
        mem_free(home);
        return NULL;
    }
    if (!file_mkdirs(home, 0700, err)) {
        (void)err_wrap(err, "the home");
        mem_free(home);
        return NULL;
    }
    return home;
}

/* <program's folder>/<beside> when `probe` exists there (a build folder), else <program's
 * folder>/<installed>. */
static char *own_file(const char *beside, const char *probe, const char *installed, struct err *err)
{
    char *first = path_near_program(beside, err);
    char *second = first ? path_near_program(installed, err) : NULL;
    char *look = second ? path_absolute(first, probe, err) : NULL;
    bool built = look && file_exists(look);
    mem_free(look);
    mem_free(built ? second : first);
    return built ? first : second;
}

char *home_share(struct err *err)
{
    return own_file("../share", "tools", "../share/gantry", err);
}

char *home_imaging(struct err *err)
{
    return own_file("gantry-imaging", ".", "../libexec/gantry-imaging", err);
}
