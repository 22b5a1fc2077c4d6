/* SQLite behind a small face: open and migrate, a cache of prepared statements, rows as JSON,
 * nested transactions. */
#include "store/store.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/migrations.h"

/* "GNTR": tells our file from any other SQLite file. */
#define APPLICATION_ID 0x474e5452
#define CACHE_SIZE 1024

struct query {
    struct store *store;
    sqlite3_stmt *stmt;
    int last; /* result of the last step */
    bool busy;
};

struct store {
    sqlite3 *db;
    int depth; /* of nested transactions */
    bool held; /* store_hold */
    size_t used;
    const char *keys[CACHE_SIZE]; /* address of the literal: open addressing */
    struct query *slots[CACHE_SIZE];
    store_watch_fn *watcher;
    void *watcher_arg;
};

static bool sql_error(struct store *s, struct err *err, const char *what)
{
    int rc = sqlite3_errcode(s->db);
    enum err_code code = ERR_BUG;
    if (rc == SQLITE_FULL) {
        code = ERR_DISKFULL;
    } else if (rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN || rc == SQLITE_CORRUPT ||
               rc == SQLITE_NOTADB) {
        code = ERR_IO;
    } else if (rc == SQLITE_READONLY || rc == SQLITE_PERM) {
        code = ERR_PERM;
    } else if (rc == SQLITE_NOMEM) {
        code = ERR_NOMEM;
    } else if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
        code = ERR_UNREACHABLE;
    }
    return err_set(err, code, "state database: %s (%s)", sqlite3_errmsg(s->db), what);
}

static bool plain(struct store *s, const char *sql, struct err *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || sql_error(s, err, sql);
}

static bool pragma_int(struct store *s, const char *sql, int *ret, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool ok = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW;
    if (ok) {
        *ret = sqlite3_column_int(st, 0);
    } else {
        ok = sql_error(s, err, sql);
    }
    sqlite3_finalize(st);
    return ok;
}

/* By a connection of its own: one that has begun to write may not be copied from. */
static bool copy_aside(const char *path, int version, struct err *err)
{
    struct store before = {.db = NULL};
    char *copy = mem_printf(err, "%s.v%d", path, version);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    bool ok = copy &&
        (sqlite3_open_v2(path, &before.db, flags, NULL) == SQLITE_OK ||
         err_set(err, ERR_IO, "cannot open '%s'", path)) &&
        store_backup(&before, copy, err);
    sqlite3_close(before.db);
    mem_free(copy);
    return ok || err_wrap(err, "copying the state before its upgrade");
}

/* From version v to the next. Within the transaction the version is looked at again: two commands
 * may find an older file at the same moment. */
static bool lift(struct store *s, const char *path, int v, bool copied, struct err *err)
{
    char text[80];
    int now = 0;
    (void)snprintf(text, sizeof text, "PRAGMA user_version=%d; PRAGMA application_id=%d;", v + 1,
                   APPLICATION_ID);
    if (!plain(s, "BEGIN IMMEDIATE", err)) {
        return false;
    }
    bool ok = pragma_int(s, "PRAGMA user_version", &now, err) &&
        (now > v ||
         ((copied || copy_aside(path, v, err)) && plain(s, migration_sql[v], err) &&
          plain(s, text, err))) &&
        plain(s, "COMMIT", err);
    if (!ok) {
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        return err_wrap(err, "upgrading the state to version %d", v + 1);
    }
    return true;
}

/* Each migration runs in a transaction of its own and lifts user_version; the file is copied before
 * the first. */
static bool migrate(struct store *s, const char *path, int version, struct err *err)
{
    for (int v = version; v < migration_count; v++) {
        if (!lift(s, path, v, version == 0 || v > version, err)) {
            return false;
        }
    }
    return true;
}

static bool prepare_file(struct store *s, const char *path, enum store_mode mode, struct err *err)
{
    int app = 0, version = 0;
    sqlite3_busy_timeout(s->db, 10000);
    if (!pragma_int(s, "PRAGMA application_id", &app, err) ||
        !pragma_int(s, "PRAGMA user_version", &version, err)) {
        return false;
    }
    if (version > migration_count) {
        return err_set(
            err, ERR_IO,
            "'%s' was written by a newer Gantry (state version %d, this one knows %d): upgrade",
            path, version, migration_count);
    }
    if (version > 0 && app != APPLICATION_ID) {
        return err_set(err, ERR_IO, "'%s' is not Gantry's state (another program's SQLite file)",
                       path);
    }
    if (mode == STORE_READ) {
        /* an older file is lifted by who comes first, also by a command that only looks */
        return version > 0 ? migrate(s, path, version, err)
                           : err_set(err, ERR_NOTHING,
                                     "no state yet in '%s': run `gantry init` in a data folder "
                                     "first",
                                     path);
    }
    return plain(
               s,
               "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;"
               "PRAGMA wal_autocheckpoint=2000; PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY;",
               err) &&
        migrate(s, path, version, err);
}

struct store *store_open(const char *home, enum store_mode mode, struct err *err)
{
    struct store *s = mem_zero(sizeof *s, err);
    char *path = mem_printf(err, "%s/gantry.db", home);
    bool ok = s && path;
    struct stat st;
    if (ok && mode == STORE_READ && stat(path, &st) != 0) {
        ok = errno != ENOENT
            ? err_errno(err, errno, "cannot read the state '%s'", path)
            : err_set(err, ERR_NOTHING,
                      "no state yet in '%s': run `gantry init` in a data folder first", home);
    }
    if (ok) {
        int flags = mode == STORE_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                        : SQLITE_OPEN_READWRITE;
        int rc = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
        if (rc != SQLITE_OK) {
            ok = err_set(err, rc == SQLITE_NOMEM ? ERR_NOMEM : ERR_IO, "cannot open '%s': %s", path,
                         s->db ? sqlite3_errmsg(s->db) : "out of memory");
        }
    }
    ok = ok && prepare_file(s, path, mode, err);
    if (ok && mode == STORE_READ) {
        ok = plain(s, "PRAGMA query_only=1; PRAGMA cache_size=-256;", err);
    }
    mem_free(path);
    if (!ok) {
        store_close(s);
        s = NULL;
    }
    return s;
}

void store_close(struct store *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < CACHE_SIZE; i++) {
        if (s->slots[i]) {
            sqlite3_finalize(s->slots[i]->stmt);
            mem_free(s->slots[i]);
        }
    }
    sqlite3_close(s->db);
    mem_free(s);
}

/* The prepared statement of a literal, made at its first use. */
static struct query *prepared(struct store *s, const char *sql, struct err *err)
{
    size_t h = ((uintptr_t)sql >> 3) * 2654435761u % CACHE_SIZE;
    while (s->keys[h] && s->keys[h] != sql) {
        h = (h + 1) % CACHE_SIZE;
    }
    if (s->keys[h]) {
        if (s->slots[h]->busy) {
            (void)err_bug(err, "the same statement was started twice");
            return NULL;
        }
        return s->slots[h];
    }
    if (s->used + 1 >= CACHE_SIZE) {
        (void)err_bug(err, "too many different statements");
        return NULL;
    }
    struct query *q = mem_zero(sizeof *q, err);
    if (!q) {
        return NULL;
    }
    if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL) !=
        SQLITE_OK) {
        (void)sql_error(s, err, sql);
        mem_free(q);
        return NULL;
    }
    q->store = s;
    s->keys[h] = sql;
    s->slots[h] = q;
    s->used++;
    return q;
}

static bool bind_json(struct query *q, int i, json_t *value, struct err *err)
{
    char *text = json_text(value, err);
    if (!text) {
        return false;
    }
    return sqlite3_bind_text(q->stmt, i, text, -1, mem_free) == SQLITE_OK ||
        sql_error(q->store, err, "binding a value");
}

static bool bind_all(struct query *q, const char *types, va_list ap, struct err *err)
{
    int i = 1;
    bool ok = true;
    for (const char *t = types; *t && ok; t++, i++) {
        double d;
        const char *text;
        switch (*t) {
        case 'i':
            ok = sqlite3_bind_int64(q->stmt, i, va_arg(ap, int64_t)) == SQLITE_OK;
            break;
        case 'd':
            d = va_arg(ap, double);
            ok = (isnan(d) ? sqlite3_bind_null(q->stmt, i) : sqlite3_bind_double(q->stmt, i, d)) ==
                SQLITE_OK;
            break;
        case 's':
            text = va_arg(ap, const char *);
            ok = (text ? sqlite3_bind_text(q->stmt, i, text, -1, SQLITE_TRANSIENT)
                       : sqlite3_bind_null(q->stmt, i)) == SQLITE_OK;
            break;
        case 'b':
            text = va_arg(ap, const char *);
            ok = sqlite3_bind_text64(q->stmt, i, text, va_arg(ap, size_t), SQLITE_TRANSIENT,
                                     SQLITE_UTF8) == SQLITE_OK;
            break;
        case 'j':
            if (!bind_json(q, i, va_arg(ap, json_t *), err)) {
                return false;
            }
            break;
        default:
            return err_bug(err, "unknown letter in a statement's types");
        }
    }
    if (!ok) {
        return sql_error(q->store, err, "binding a value");
    }
    if (sqlite3_bind_parameter_count(q->stmt) != i - 1) {
        return err_bug(err, "a statement's values do not match its types");
    }
    return true;
}

static struct query *start(struct store *s, const char *sql, const char *types, va_list ap,
                           struct err *err)
{
    struct query *q = prepared(s, sql, err);
    if (q && !bind_all(q, types, ap, err)) {
        (void)sqlite3_clear_bindings(q->stmt);
        return NULL;
    }
    if (q) {
        q->busy = true;
        q->last = SQLITE_OK;
    }
    return q;
}

struct query *store_query(struct store *s, struct err *err, const char *sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    struct query *q = start(s, sql, types, ap, err);
    va_end(ap);
    return q;
}

bool query_next(struct query *q)
{
    q->last = sqlite3_step(q->stmt);
    return q->last == SQLITE_ROW;
}

int64_t query_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

double query_double(const struct query *q, int column)
{
    return query_null(q, column) ? NAN : sqlite3_column_double(q->stmt, column);
}

const char *query_text(const struct query *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, column);
    return text ? text : "";
}

bool query_null(const struct query *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

bool query_end(struct query *q, struct err *err)
{
    bool ok = q->last == SQLITE_ROW || q->last == SQLITE_DONE || q->last == SQLITE_OK;
    if (!ok) {
        (void)sql_error(q->store, err, sqlite3_sql(q->stmt));
    }
    (void)sqlite3_reset(q->stmt);
    (void)sqlite3_clear_bindings(q->stmt);
    q->busy = false;
    return ok;
}

bool store_exec(struct store *s, struct err *err, const char *sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    struct query *q = start(s, sql, types, ap, err);
    va_end(ap);
    if (!q) {
        return false;
    }
    (void)query_next(q);
    return query_end(q, err);
}

static bool name_ends(const char *name, const char *suffix, char *ret_short, size_t size)
{
    (void)snprintf(ret_short, size, "%s", name);
    if (!str_ends(name, suffix)) {
        return false;
    }
    ret_short[strlen(name) - strlen(suffix)] = '\0';
    return true;
}

static json_t *column_json(const struct query *q, int c, char *key, size_t key_size)
{
    const char *name = sqlite3_column_name(q->stmt, c);
    int type = sqlite3_column_type(q->stmt, c);
    if (name_ends(name, "_json", key, key_size)) {
        json_t *parsed = json_loads(query_text(q, c), JSON_DECODE_ANY, NULL);
        return parsed ? parsed : json_null();
    }
    if (type != SQLITE_NULL && name_ends(name, "_bool", key, key_size)) {
        return json_boolean(query_int(q, c) != 0);
    }
    (void)name_ends(name, "_bool", key, key_size);
    switch (type) {
    case SQLITE_INTEGER:
        return json_integer(query_int(q, c));
    case SQLITE_FLOAT:
        return json_real(query_double(q, c));
    case SQLITE_NULL:
        return json_null();
    default:
        return json_stringn(query_text(q, c), (size_t)sqlite3_column_bytes(q->stmt, c));
    }
}

json_t *store_rows(struct store *s, struct err *err, const char *sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    struct query *q = start(s, sql, types, ap, err);
    va_end(ap);
    if (!q) {
        return NULL;
    }
    json_t *rows = json_array();
    bool ok = rows != NULL;
    while (ok && query_next(q)) {
        json_t *row = json_object();
        for (int c = 0; row && c < sqlite3_column_count(q->stmt); c++) {
            char key[64];
            json_t *value = column_json(q, c, key, sizeof key);
            ok = value && json_object_set_new(row, key, value) == 0 && ok;
        }
        ok = row && json_array_append_new(rows, row) == 0 && ok;
    }
    struct err late;
    if (!ok) {
        (void)err_set(err, ERR_NOMEM, "out of memory while reading the state");
    }
    if (!query_end(q, ok ? err : &late) || !ok) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

bool store_int(struct store *s, int64_t fallback, int64_t *ret, struct err *err, const char *sql,
               const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    struct query *q = start(s, sql, types, ap, err);
    va_end(ap);
    if (!q) {
        return false;
    }
    int64_t value = query_next(q) && !query_null(q, 0) ? query_int(q, 0) : fallback;
    bool ok = query_end(q, err);
    if (ok) {
        *ret = value;
    }
    return ok;
}

bool store_text(struct store *s, char **ret, struct err *err, const char *sql, const char *types,
                ...)
{
    va_list ap;
    va_start(ap, types);
    struct query *q = start(s, sql, types, ap, err);
    va_end(ap);
    if (!q) {
        return false;
    }
    bool found = query_next(q) && !query_null(q, 0);
    char *text = found ? mem_strdup(query_text(q, 0), err) : NULL;
    struct err late;
    bool ok = query_end(q, found && !text ? &late : err) && (!found || text);
    if (ok) {
        *ret = text;
    } else {
        mem_free(text);
    }
    return ok;
}

int64_t store_last_id(const struct store *s)
{
    return sqlite3_last_insert_rowid(s->db);
}

int64_t store_changes(const struct store *s)
{
    return sqlite3_changes(s->db);
}

bool store_begin(struct store *s, struct err *err)
{
    if (s->depth == 0 && !store_exec(s, err, "BEGIN IMMEDIATE", "")) {
        return false;
    }
    s->depth++;
    return true;
}

bool store_commit(struct store *s, struct err *err)
{
    if (s->depth == 0) {
        return err_bug(err, "commit without begin");
    }
    if (s->depth == 1 && !store_exec(s, err, "COMMIT", "")) {
        return false; /* still open: the caller rolls back */
    }
    s->depth--;
    return true;
}

/* The same number of locks for one read as for many. */
void store_hold(struct store *s)
{
    if (s->depth == 0 && !s->held) {
        s->held = store_exec(s, err_ignore("then each read takes its own lock"), "BEGIN", "");
    }
}

void store_release(struct store *s)
{
    if (s->held) {
        s->held = false;
        if (!store_exec(s, err_ignore("nothing was written"), "END", "")) {
            /* a read that is still busy, a disk that failed: it must not stay open */
            (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        }
    }
}

void store_rollback(struct store *s)
{
    if (s->depth > 0) {
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        s->depth = 0;
    }
}

bool store_in_transaction(const struct store *s)
{
    return s->depth > 0;
}

static void row_changed(void *arg, int what, const char *base, const char *table, sqlite3_int64 id)
{
    struct store *s = arg;
    (void)what;
    (void)base;
    s->watcher(s->watcher_arg, table, id);
}

void store_watch(struct store *s, store_watch_fn *fn, void *arg)
{
    s->watcher = fn;
    s->watcher_arg = arg;
    (void)sqlite3_update_hook(s->db, fn ? row_changed : NULL, s);
}

bool store_backup(struct store *s, const char *path, struct err *err)
{
    char *aside = mem_printf(err, "%s.part", path);
    sqlite3 *copy = NULL;
    bool ok = aside != NULL;
    if (ok) {
        (void)unlink(aside); /* a leftover of an earlier try; absent is fine */
        ok = sqlite3_open(aside, &copy) == SQLITE_OK ||
            err_set(err, ERR_IO, "cannot write '%s': %s", aside,
                    copy ? sqlite3_errmsg(copy) : "out of memory");
    }
    if (ok) {
        sqlite3_backup *b = sqlite3_backup_init(copy, "main", s->db, "main");
        ok = b && sqlite3_backup_step(b, -1) == SQLITE_DONE;
        ok = (!b || sqlite3_backup_finish(b) == SQLITE_OK) && ok;
        ok = ok ||
            err_set(err, ERR_IO, "cannot copy the state to '%s': %s", path, sqlite3_errmsg(copy));
    }
    sqlite3_close(copy);
    if (ok && rename(aside, path) != 0) {
        ok = err_set(err, ERR_IO, "cannot rename '%s'", aside);
    }
    mem_free(aside);
    return ok;
}

bool store_event(struct store *s, const char *kind, int64_t project, int64_t run, int64_t task,
                 int64_t item, const char *text, json_t *data, struct err *err)
{
    json_t *empty = data ? NULL : json_object();
    bool ok = store_exec(s, err,
                         "INSERT INTO event(t_us,kind,project_id,run_id,task_id,item_id,text,data) "
                         "VALUES(?1,?2,nullif(?3,0),nullif(?4,0),nullif(?5,0),nullif(?6,0),?7,?8)",
                         "isiiiisj", clock_utc_us(), kind, project, run, task, item, text,
                         data ? data : empty);
    json_decref(empty);
    return ok;
}
