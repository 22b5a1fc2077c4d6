/* Clocks and how times are written for people. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    if (clock_gettime(id, &ts) != 0) {
        return 0;
    }
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_utc_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void clock_iso(int64_t utc_us, char *out, size_t size)
{
    time_t seconds = (time_t)(utc_us / 1000000);
    struct tm tm;
    char day[32] = "";
    if (gmtime_r(&seconds, &tm)) {
        (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    (void)snprintf(out, size, "%s.%03dZ", day, (int)(utc_us / 1000 % 1000));
}

void clock_short(int64_t utc_us, char *out, size_t size)
{
    time_t then = (time_t)(utc_us / 1000000), now = time(NULL);
    struct tm a, b;
    out[0] = '\0';
    if (localtime_r(&then, &a) && localtime_r(&now, &b)) {
        bool today = a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
        (void)strftime(out, size, today ? "%H:%M" : "%b %d %H:%M", &a);
    }
}

void clock_span(double seconds, char *out, size_t size)
{
    if (seconds < 0) {
        seconds = 0;
    }
    if (seconds < 9.95) {
        (void)snprintf(out, size, "%.1f s", seconds);
    } else if (seconds < 59.5) {
        (void)snprintf(out, size, "%.0f s", seconds);
    } else if (seconds < 3599.5) {
        long s = (long)(seconds + 0.5);
        (void)snprintf(out, size, "%ld min %02ld s", s / 60, s % 60);
    } else {
        long m = (long)(seconds / 60 + 0.5);
        (void)snprintf(out, size, "%ld h %02ld min", m / 60, m % 60);
    }
}
