/* The schema's migrations, in order; generated at build time from src/store/sql/NNNN-why.sql. */
#ifndef GANTRY_STORE_MIGRATIONS_H
#define GANTRY_STORE_MIGRATIONS_H

extern const char *const migration_sql[];
extern const int migration_count;

#endif
