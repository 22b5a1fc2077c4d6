/*
 * FFTW's planner behind a lock, and its wisdom in a file.
 *
 * A plan is first asked for with FFTW_WISDOM_ONLY; only when that fails it is measured, on an array
 * made for the purpose, and fft_planned() turns true. The planner's state (wisdom) is FFTW's own
 * global; the lock and the flag here are its only companions.
 */
#include "math/fft.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "math/fft-plan.h"

/* MEASURE is 12-21 times faster than ESTIMATE for 2-D powers of two; PATIENT gains a few percent
 * more and plans ten times longer. A plan that takes longer than this is cut short by FFTW and the
 * best so far is used. */
#define PLAN_FLAGS FFTW_MEASURE
#define PLAN_SECONDS 10.0

/* A wisdom file is some 10 KB; more is not ours. */
#define WISDOM_MAX ((size_t)16 << 20)

static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool planned;

/* ---- plans ---- */

static bool fits_int(size_t n)
{
    return n <= INT32_MAX;
}

static fftwf_plan plan_many_flags(const struct fft_many *m, fftwf_complex *scratch, unsigned flags)
{
    int n = (int)m->length;
    int stride = (int)m->stride, distance = (int)m->distance;
    return fftwf_plan_many_dft(1, &n, (int)m->count, scratch, NULL, stride, distance, scratch, NULL,
                               stride, distance, (int)m->direction, flags);
}

fftwf_plan fft_plan_many(const struct fft_many *m, struct err *err)
{
    size_t cells = (m->length - 1) * m->stride + (m->count - 1) * m->distance + 1;
    fftwf_plan plan = NULL;
    if (!fits_int(m->length) || !fits_int(m->count) || !fits_int(m->stride) ||
        !fits_int(m->distance)) {
        (void)err_set(err, ERR_UNSUPPORTED, "a Fourier transform of %zu points is too long",
                      m->length);
        return NULL;
    }
    fftwf_complex *scratch = mem_big(cells, sizeof *scratch, err);
    if (!scratch) {
        return NULL;
    }
    memset(scratch, 0, cells * sizeof *scratch);
    pthread_mutex_lock(&planner);
    plan = plan_many_flags(m, scratch, PLAN_FLAGS | FFTW_WISDOM_ONLY);
    if (!plan) {
        fftwf_set_timelimit(PLAN_SECONDS);
        plan = plan_many_flags(m, scratch, PLAN_FLAGS);
        atomic_store(&planned, true);
    }
    pthread_mutex_unlock(&planner);
    mem_free(scratch);
    if (!plan) {
        (void)err_set(err, ERR_NOMEM, "FFTW has no plan for %zu transforms of %zu points", m->count,
                      m->length);
    }
    return plan;
}

fftwf_plan fft_plan_line(size_t length, enum fft_direction direction, struct err *err)
{
    struct fft_many one = {
        .length = length, .count = 1, .stride = 1, .distance = length, .direction = direction};
    return fft_plan_many(&one, err);
}

fftwf_plan fft_plan_real(size_t length, struct err *err)
{
    fftwf_plan plan = NULL;
    float *in = NULL;
    fftwf_complex *out = NULL;
    if (!fits_int(length)) {
        (void)err_set(err, ERR_UNSUPPORTED, "a Fourier transform of %zu points is too long",
                      length);
        return NULL;
    }
    in = mem_big(length, sizeof *in, err);
    out = in ? mem_big(length / 2 + 1, sizeof *out, err) : NULL;
    if (!out) {
        goto out;
    }
    memset(in, 0, length * sizeof *in);
    pthread_mutex_lock(&planner);
    plan = fftwf_plan_dft_r2c_1d((int)length, in, out,
                                 PLAN_FLAGS | FFTW_PRESERVE_INPUT | FFTW_WISDOM_ONLY);
    if (!plan) {
        fftwf_set_timelimit(PLAN_SECONDS);
        plan = fftwf_plan_dft_r2c_1d((int)length, in, out, PLAN_FLAGS | FFTW_PRESERVE_INPUT);
        atomic_store(&planned, true);
    }
    pthread_mutex_unlock(&planner);
    if (!plan) {
        (void)err_set(err, ERR_NOMEM, "FFTW has no plan for a real transform of %zu points",
                      length);
    }
out:
    mem_free(out);
    mem_free(in);
    return plan;
}

void fft_plan_free(fftwf_plan plan)
{
    if (plan) {
        pthread_mutex_lock(&planner);
        fftwf_destroy_plan(plan);
        pthread_mutex_unlock(&planner);
    }
}

/* ---- wisdom ---- */

static bool read_all(int fd, const char *path, char **ret_text, struct err *err)
{
    struct stat st;
    char *text = NULL;
    if (fstat(fd, &st) < 0) {
        return err_errno(err, errno, "cannot look at '%s'", path);
    }
    size_t size = st.st_size < 0 ? 0 : (size_t)st.st_size;
    if (size > WISDOM_MAX) {
        size = 0; /* not wisdom: read as empty, which FFTW refuses */
    }
    text = mem_zero(size + 1, err);
    if (!text) {
        return false;
    }
    size_t have = 0;
    while (have < size) {
        ssize_t n = read(fd, text + have, size - have);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            mem_free(text);
            return err_errno(err, errno, "cannot read '%s'", path);
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
    }
    *ret_text = text;
    return true;
}

bool fft_wisdom_load(const char *path, bool *ret_known, struct err *err)
{
    char *text = NULL;
    bool known = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT) {
        return err_errno(err, errno, "cannot open '%s'", path);
    }
    if (fd >= 0) {
        bool ok = read_all(fd, path, &text, err);
        (void)close(fd);
        if (!ok) {
            return false;
        }
        pthread_mutex_lock(&planner);
        known = fftwf_import_wisdom_from_string(text) != 0;
        pthread_mutex_unlock(&planner);
        mem_free(text);
    }
    if (ret_known) {
        *ret_known = known;
    }
    return true;
}

static bool write_all(int fd, const char *text, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, text + done, size - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        done += (size_t)n;
    }
    return fsync(fd) == 0;
}

bool fft_wisdom_save(const char *path, struct err *err)
{
    bool ok = false;
    int fd = -1;
    /* what another process has saved meanwhile is kept */
    (void)!fft_wisdom_load(path, NULL, err_ignore("wisdom that cannot be read is replaced"));
    pthread_mutex_lock(&planner);
    char *text = fftwf_export_wisdom_to_string();
    pthread_mutex_unlock(&planner);
    char *aside = mem_printf(err, "%s.XXXXXX", path);
    if (!text || !aside) {
        if (aside) {
            (void)err_set(err, ERR_NOMEM, "FFTW cannot give its wisdom: out of memory");
        }
        goto out;
    }
    fd = mkostemp(aside, O_CLOEXEC);
    if (fd < 0) {
        (void)err_errno(err, errno, "cannot write beside '%s'", path);
        goto out;
    }
    if (!write_all(fd, text, strlen(text)) || fchmod(fd, 0644) < 0 || rename(aside, path) < 0) {
        (void)err_errno(err, errno, "cannot write '%s'", path);
        (void)unlink(aside);
        goto out;
    }
    ok = true;
out:
    if (fd >= 0) {
        (void)close(fd);
    }
    mem_free(aside);
    free(text); /* FFTW's, from malloc */
    return ok;
}

void fft_forget(void)
{
    pthread_mutex_lock(&planner);
    fftwf_cleanup();
    atomic_store(&planned, false);
    pthread_mutex_unlock(&planner);
}

bool fft_planned(void)
{
    return atomic_load(&planned);
}

/* What stays of n without the prime factors 2, 3, 5 and at most one 7. */
static size_t without_small_factors(size_t n)
{
    while (n % 2 == 0) {
        n /= 2;
    }
    while (n % 3 == 0) {
        n /= 3;
    }
    while (n % 5 == 0) {
        n /= 5;
    }
    return n % 7 == 0 ? n / 7 : n;
}

size_t fft_good_size(size_t n)
{
    size_t step = n >= 512 ? 32 : n >= 32 ? 16 : 2;
    size_t size = n < 2 ? 2 : (n + step - 1) / step * step;
    while (without_small_factors(size) != 1) {
        size += step;
    }
    return size;
}
