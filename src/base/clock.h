/* Time: microseconds since the Unix epoch (UTC) for what is stored, a monotonic clock for what is
 * measured. */
#ifndef GANTRY_BASE_CLOCK_H
#define GANTRY_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_utc_us(void);
int64_t clock_mono_us(void);
/* "2026-01-31T09:12:05.123Z" into `out` (at least 32 bytes). */
void clock_iso(int64_t utc_us, char *out, size_t size);
/* "09:12" local time, or "Jan 31 09:12" when it was not today. */
void clock_short(int64_t utc_us, char *out, size_t size);
/* "0.4 s", "12 s", "3 min 05 s", "2 h 10 min" */
void clock_span(double seconds, char *out, size_t size);

#endif
