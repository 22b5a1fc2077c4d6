/*
 * The state of Gantry: one SQLite file in the home (WAL). Only the holder of the home's lock writes
 * (STORE_WRITE); everybody else opens its own read-only connection (STORE_READ). SQL is always a
 * literal, values are always bound.
 *
 * Order of calls: store_open, then store_exec / store_rows / store_query..., then store_close.
 * Argument types in `types`, one letter a value: i int64_t, d double (NaN binds NULL), s const char
 * * (NULL binds NULL), b const char * + size_t (bytes as text), j json_t * (as compact text).
 * Statements are kept prepared, found again by the address of the literal: never build SQL at run
 * time, and never start the same literal again while a struct query on it is open.
 */
#ifndef GANTRY_STORE_STORE_H
#define GANTRY_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "codec/json.h"

struct store;
struct query; /* one running SELECT */

enum store_mode { STORE_READ, STORE_WRITE };

/* Open <home>/gantry.db. STORE_WRITE makes and migrates it; STORE_READ of a home without a database
 * gives ERR_NOTHING. A database newer than this program is refused by name. */
struct store *store_open(const char *home, enum store_mode mode, struct err *err) CHECK_RESULT;
void store_close(struct store *s);

/* Run one statement that returns no rows. */
bool store_exec(struct store *s, struct err *err, const char *sql, const char *types,
                ...) CHECK_RESULT;
/* All rows as a JSON array of objects keyed by column name. A column whose name ends in "_json" is
 * parsed and loses that ending; a column ending in "_bool" becomes true/false likewise. Caller owns
 * the array. */
json_t *store_rows(struct store *s, struct err *err, const char *sql, const char *types,
                   ...) CHECK_RESULT;
/* The first column of the first row; `fallback` when there is no row or it is NULL. */
bool store_int(struct store *s, int64_t fallback, int64_t *ret, struct err *err, const char *sql,
               const char *types, ...) CHECK_RESULT;
/* The same as text (caller frees); *ret = NULL when there is no row. */
bool store_text(struct store *s, char **ret, struct err *err, const char *sql, const char *types,
                ...) CHECK_RESULT;

/* Row by row. query_next is false at the end AND on failure: ask query_end, which also resets the
 * statement. */
struct query *store_query(struct store *s, struct err *err, const char *sql, const char *types,
                          ...) CHECK_RESULT;
bool query_next(struct query *q);
int64_t query_int(const struct query *q, int column);
double query_double(const struct query *q, int column);    /* NaN for NULL */
const char *query_text(const struct query *q, int column); /* "" for NULL; valid until query_next */
bool query_null(const struct query *q, int column);
bool query_end(struct query *q, struct err *err) CHECK_RESULT;

int64_t store_last_id(const struct store *s);
int64_t store_changes(const struct store *s); /* rows changed by the last statement */

/* A transaction. Nested begins count; only the outermost commit writes. */
bool store_begin(struct store *s, struct err *err) CHECK_RESULT;
bool store_commit(struct store *s, struct err *err) CHECK_RESULT;
void store_rollback(struct store *s);
bool store_in_transaction(const struct store *s);
/* Reads between the two see one state and take the file's locks once. Nothing may be written in
 * between. */
void store_hold(struct store *s);
void store_release(struct store *s);

/* A consistent copy while it runs (SQLite's backup interface), written aside and renamed. */
bool store_backup(struct store *s, const char *path, struct err *err) CHECK_RESULT;

/* Called for every row that a statement inserts, updates or deletes, before it is committed (and
 * also when it never is): remember the id, read it later. `table` is its name. NULL ends it. */
typedef void store_watch_fn(void *arg, const char *table, int64_t id);
void store_watch(struct store *s, store_watch_fn *fn, void *arg);

/* One row of the event table: what a person should see. Ids of 0 are stored as NULL; data may be
 * NULL. */
bool store_event(struct store *s, const char *kind, int64_t project, int64_t run, int64_t task,
                 int64_t item, const char *text, json_t *data, struct err *err) CHECK_RESULT;

#endif
