/* Allocation with overflow checks, a ceiling, and a switch that lets tests make the n-th allocation
 * fail. */
#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Above this size a block asks for 2 MiB pages: the gridding kernel touches memory at random. */
#define HUGE_FROM ((size_t)4 << 20)
#define HUGE_PAGE ((size_t)2 << 20)

/* Each thread counts its own: readers of images allocate in several. */
static _Thread_local size_t fail_countdown;
static _Thread_local size_t made;

static bool refused(void)
{
    made++;
    return fail_countdown > 0 && --fail_countdown == 0;
}

static void *no_memory(struct err *err, size_t size)
{
    if (err) {
        (void)err_set(err, ERR_NOMEM, "out of memory: %zu bytes wanted", size);
    }
    return NULL;
}

static bool product(size_t n, size_t size, size_t *ret)
{
    return !__builtin_mul_overflow(n, size, ret) && *ret <= MEM_CEILING;
}

void *mem_zero(size_t size, struct err *err)
{
    void *p = refused() ? NULL : calloc(1, size ? size : 1);
    return p ? p : no_memory(err, size);
}

void *mem_array(size_t n, size_t size, struct err *err)
{
    size_t bytes;
    if (!product(n, size, &bytes)) {
        return no_memory(err, SIZE_MAX);
    }
    return mem_zero(bytes, err);
}

void *mem_resize(void *block, size_t n, size_t size, struct err *err)
{
    size_t bytes;
    if (!product(n, size, &bytes)) {
        return no_memory(err, SIZE_MAX);
    }
    void *p = refused() ? NULL : realloc(block, bytes ? bytes : 1);
    return p ? p : no_memory(err, bytes);
}

void *mem_big(size_t n, size_t size, struct err *err)
{
    size_t bytes;
    if (!product(n, size, &bytes)) {
        return no_memory(err, SIZE_MAX);
    }
    size_t align = bytes >= HUGE_FROM ? HUGE_PAGE : 64;
    size_t rounded = (bytes + align) / align * align;
    void *p = refused() ? NULL : aligned_alloc(align, rounded);
    if (!p) {
        return no_memory(err, bytes);
    }
    if (align == HUGE_PAGE) {
        (void)madvise(p, rounded, MADV_HUGEPAGE); /* a hint: without huge pages it is only slower */
    }
    return p;
}

char *mem_strndup(const char *text, size_t length, struct err *err)
{
    char *copy = mem_zero(length + 1, err);
    if (copy) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *mem_strdup(const char *text, struct err *err)
{
    return mem_strndup(text, strlen(text), err);
}

char *mem_printf(struct err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = n < 0 ? NULL : mem_zero((size_t)n + 1, err);
    if (text) {
        va_start(ap, fmt);
        (void)vsnprintf(text, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return text;
}

void mem_free(void *block)
{
    free(block);
}

void mem_trim(void)
{
    (void)malloc_trim(0);
}

size_t mem_fail_at(size_t n)
{
    size_t count = made;
    fail_countdown = n;
    made = 0;
    return count;
}
