/*
 * All allocation of the house. Sizes are checked for overflow; running out is an error like any
 * other (`err` may be NULL where the caller has its own message). Tests make the n-th allocation
 * fail with mem_fail_at().
 */
#ifndef GANTRY_BASE_MEM_H
#define GANTRY_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>
#include "base/banned.h"
#include "base/err.h"

/* Zeroed memory; NULL and ERR_NOMEM on failure. size 0 gives a valid pointer. */
void *mem_zero(size_t size, struct err *err) CHECK_RESULT;
/* n elements of `size` bytes, zeroed; refuses an overflowing product and more than MEM_CEILING
 * bytes. */
void *mem_array(size_t n, size_t size, struct err *err) CHECK_RESULT;
/* Change the size of a block; the old block stays valid on failure. New bytes are not zeroed. */
void *mem_resize(void *block, size_t n, size_t size, struct err *err) CHECK_RESULT;
/* Big numeric arrays: 64-byte aligned (2 MiB pages asked for when large), NOT zeroed. Free with
 * mem_free. */
void *mem_big(size_t n, size_t size, struct err *err) CHECK_RESULT;
char *mem_strdup(const char *text, struct err *err) CHECK_RESULT;
char *mem_strndup(const char *text, size_t length, struct err *err) CHECK_RESULT;
char *mem_printf(struct err *err, const char *fmt, ...) CHECK_RESULT PRINTF_LIKE(2, 3);
/* NULL is fine. */
void mem_free(void *block);
/* Give freed memory back to the system; for a process that rests between pieces of work. */
void mem_trim(void);

/* Tests only: make the n-th allocation from now fail (1 = the next one); 0 switches off. Returns
 * how many allocations were made since the last call. */
size_t mem_fail_at(size_t n);

#define MEM_CEILING ((size_t)1 << 44)

#endif
