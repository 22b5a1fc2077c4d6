/* `gantry user`: accounts of the server, and what was done with them. */
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "codec/secret.h"
#include "model/account.h"

#define LOG_LINES 100

static const struct opt options[] = {
    {'r', "role", OPT_TEXT, "ROLE", "viewer reads; operator runs and edits; admin also accounts",
     false},
    {0, "all-projects", OPT_FLAG, NULL, "sees every project again", false},
    {0, "disable", OPT_FLAG, NULL, "may not sign in; open sessions end", false},
    {0, "enable", OPT_FLAG, NULL, "may sign in again", false},
    {0, "no-password", OPT_FLAG, NULL, "add: only through a trusted proxy (single sign-on)", false},
    {'n', "lines", OPT_INT, "N", "log: so many of the newest rows (100)", false},
    {0, "user", OPT_TEXT, "NAME", "log: of that account only", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* Who does it: for the audit log. */
static bool put_by(json_t *args, struct err *err)
{
    const struct passwd *pw = getpwuid(geteuid());
    return json_put(args, "by",
                    json_pack("{s:s, s:s}", "user", pw ? pw->pw_name : "root", "ip", ""), err);
}

static bool put_hash(struct cli *c, const char *name, json_t *args, struct err *err)
{
    char hash[SECRET_PASSWORD];
    char *password = ask_new_password(c, name, err);
    bool ok = password && secret_hash_password(password, hash, err) &&
        json_put(args, "hash", json_string(hash), err);
    secret_wipe(password, password ? strlen(password) : 0);
    mem_free(password);
    return ok;
}

/* --project P[:ROLE] and --all-projects -> "projects". A colon that no role follows is the name's.
 */
static bool put_projects(const struct cli *c, json_t *args, struct err *err)
{
    size_t n = cli_count(c, "project");
    if (cli_has(c, "all-projects") && n) {
        return cli_usage(c, err, "--project and --all-projects contradict each other");
    }
    if (cli_has(c, "all-projects")) {
        return json_put(args, "projects", json_null(), err);
    }
    json_t *list = n ? json_array() : NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        const char *text = cli_nth(c, "project", i);
        const char *colon = strrchr(text, ':');
        bool role = colon && (!strcmp(colon, ":viewer") || !strcmp(colon, ":operator"));
        json_t *entry = role
            ? json_pack("{s:s%, s:s}", "project", text, (size_t)(colon - text), "role", colon + 1)
            : json_pack("{s:s}", "project", text);
        ok = json_array_append_new(list, entry) == 0 || err_set(err, ERR_NOMEM, "out of memory");
    }
    if (ok && n) {
        return json_put(args, "projects", list, err);
    }
    json_decref(list);
    return ok;
}

static bool call(struct cli *c, const char *op, json_t *args, const char *said, struct err *err)
{
    json_t *answer = put_by(args, err) ? cli_call(c, op, args, err) : NULL;
    bool ok = answer != NULL;
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        cli_print(c, "%s %s\n", said, json_get_text(answer, "name", ""));
    }
    json_decref(answer);
    return ok;
}

static bool refuse_unless_new(struct cli *c, const char *name, struct err *err)
{
    int64_t taken = 0;
    struct err fresh;
    struct store *s = cli_store(c, &fresh);
    bool ok =
        !s || store_int(s, 0, &taken, err, "SELECT count(*) FROM user WHERE name=?1", "s", name);
    cli_store_close(c);
    return ok &&
        (!taken ||
         err_set(err, ERR_EXISTS, "there is an account '%s' already (gantry user set)", name));
}

static bool need_known(struct cli *c, const char *name, struct err *err)
{
    int64_t known = 0;
    bool ok = cli_store(c, err) &&
        store_int(c->store, 0, &known, err, "SELECT count(*) FROM user WHERE name=?1", "s", name) &&
        (known || err_set(err, ERR_NOTHING, "there is no account '%s' (gantry user ls)", name));
    cli_store_close(c);
    return ok;
}

static bool add(struct cli *c, const char *name, json_t *args, struct err *err)
{
    const char *role = cli_text(c, "role", NULL);
    if (!role) {
        return cli_usage(c, err, "say what it may do: --role viewer, operator or admin");
    }
    return account_check_role(role, err) && json_put(args, "role", json_string(role), err) &&
        put_projects(c, args, err) && refuse_unless_new(c, name, err) &&
        (cli_has(c, "no-password") || put_hash(c, name, args, err)) &&
        call(c, "user.add", args, "made", err);
}

static bool set(struct cli *c, json_t *args, struct err *err)
{
    const char *role = cli_text(c, "role", NULL);
    bool on = cli_has(c, "enable"), off = cli_has(c, "disable");
    if (on && off) {
        return cli_usage(c, err, "--enable and --disable contradict each other");
    }
    if (!role && !on && !off && !cli_count(c, "project") && !cli_has(c, "all-projects")) {
        return cli_usage(c, err,
                         "nothing to set: --role, --project, --all-projects, --disable, "
                         "--enable");
    }
    return (!role || json_put(args, "role", json_string(role), err)) &&
        (on == off || json_put(args, "disabled", json_boolean(off), err)) &&
        put_projects(c, args, err) && call(c, "user.set", args, "changed", err);
}

static bool list(struct cli *c, struct err *err)
{
    static const struct column columns[] = {{"Name", "name", CELL_TEXT},
                                            {"Role", "role", CELL_TEXT},
                                            {"Projects", "where", CELL_TEXT},
                                            {"Disabled", "disabled", CELL_BOOL},
                                            {"Password", "password", CELL_BOOL},
                                            {"Last seen", "seen_us", CELL_TIME},
                                            {NULL, NULL, CELL_TEXT}};
    json_t *rows = !cli_store(c, err)
        ? err->code == ERR_NOTHING ? json_array() : NULL
        : store_rows(
              c->store, err,
              "SELECT u.name, u.role, u.disabled AS disabled_bool, u.hash<>'' AS password_bool, "
              "u.created_us, (SELECT max(seen_us) FROM session WHERE user_id=u.id) AS seen_us, "
              "CASE WHEN u.everywhere THEN 'all' ELSE coalesce((SELECT "
              "group_concat(p.name||':'||up.role,', ') FROM user_project up JOIN project p ON "
              "p.id=up.project_id WHERE up.user_id=u.id),'none') END AS \"where\" "
              "FROM user u ORDER BY u.name",
              "");
    bool ok = rows != NULL;
    if (ok && !c->json && !json_array_size(rows)) {
        cli_note(c, "there are no accounts: gantry user add NAME --role admin");
    } else if (ok) {
        ok = c->json ? cli_json(c, rows, err) : cli_table(c, rows, columns, err);
    }
    json_decref(rows);
    return ok;
}

static bool show_log(struct cli *c, struct err *err)
{
    static const struct column columns[] = {{"When", "t_us", CELL_TIME},
                                            {"Who", "user", CELL_TEXT},
                                            {"From", "ip", CELL_TEXT},
                                            {"What", "what", CELL_TEXT},
                                            {"Outcome", "outcome", CELL_TEXT},
                                            {"Detail", "detail", CELL_TEXT},
                                            {NULL, NULL, CELL_TEXT}};
    json_t *rows = cli_store(c, err)
        ? store_rows(c->store, err,
                     "SELECT * FROM (SELECT id, t_us, user, ip, what, outcome, detail FROM audit "
                     "WHERE ?1='' OR user=?1 COLLATE NOCASE ORDER BY id DESC LIMIT ?2) ORDER BY id",
                     "si", cli_text(c, "user", ""), cli_int(c, "lines", LOG_LINES))
        : NULL;
    bool ok = rows && (c->json ? cli_json(c, rows, err) : cli_table(c, rows, columns, err));
    json_decref(rows);
    return ok;
}

static bool run(struct cli *c, struct err *err)
{
    static const char *const words[] = {"add", "ls", "rm", "passwd", "set", "log", NULL};
    const char *what = cli_sub(c, words, "ls", err);
    if (!what) {
        return false;
    }
    bool plain = !strcmp(what, "ls") || !strcmp(what, "log");
    if (c->n_args != (plain ? 0 : 1)) {
        return cli_usage(c, err, plain ? "gantry user %s takes no name" : "gantry user %s NAME",
                         what);
    }
    if (plain) {
        return !strcmp(what, "ls") ? list(c, err) : show_log(c, err);
    }
    const char *name = c->args[0];
    json_t *args = NULL;
    bool ok = account_check_name(name, err) &&
        ((args = json_pack("{s:s}", "name", name)) || err_set(err, ERR_NOMEM, "out of memory"));
    if (ok && !strcmp(what, "add")) {
        ok = add(c, name, args, err);
    } else if (ok && !strcmp(what, "set")) {
        ok = set(c, args, err);
    } else if (ok && !strcmp(what, "rm")) {
        ok = call(c, "user.rm", args, "removed", err);
    } else if (ok) {
        ok = need_known(c, name, err) && put_hash(c, name, args, err) &&
            call(c, "user.passwd", args, "new password for", err);
    }
    json_decref(args);
    return ok;
}

const struct command command_user = {
    .name = "user",
    .group = GROUP_SETUP,
    .summary = "Accounts of the server: add, ls, rm, passwd, set, log",
    .usage = "add NAME --role viewer|operator|admin [--project PROJECT[:ROLE]]...\n"
             "ls | log [--user NAME] [-n N]\n"
             "passwd NAME | rm NAME\n"
             "set NAME [--role ROLE] [--project PROJECT[:ROLE]]... [--all-projects] [--disable | "
             "--enable]",
    .help =
        "A server that others can reach needs accounts. A viewer looks, an operator also runs and "
        "edits, an admin also makes\n"
        "accounts and changes options. With --project an account sees these projects and no other, "
        "each as viewer or operator.\n"
        "The password (at least 10 characters) is asked for on the terminal, or is one line of "
        "standard input.\n"
        "log shows who did what, from where: signing in, and everything that was changed through "
        "the server.",
    .options = options,
    .max_args = 2,
    .run = run,
};
