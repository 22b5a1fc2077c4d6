/*
 * HDF5 keeps its own stack of errors and prints it. Here it is silenced and the deepest message,
 * the one that says what happened, becomes the end of ours. (hdf5_setup of hdf5-scan.h silences
 * it.)
 */
#ifndef GANTRY_IMAGE_HDF5_ERROR_H
#define GANTRY_IMAGE_HDF5_ERROR_H

#include <hdf5.h>
#include "base/err.h"

/* Set the text with ": <HDF5's deepest message>" behind it and clear HDF5's stack. A message about
 * a full disk or missing memory changes the code to ERR_DISKFULL or ERR_NOMEM. Always returns
 * false. */
bool hdf5_fail(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Close any HDF5 identifier; negative ones are ignored. Errors on HDF5's stack stay there. */
void hdf5_drop(hid_t id);

/* Open for reading, also while another process writes it (without the lock of the library, which
 * some file systems do not have either). Negative: it does not open. */
hid_t hdf5_open_shared(const char *path);

/* "bitshuffle" for 32008; "" when the filter's number is not known to us. */
const char *hdf5_filter_name(int id);

/* The first filter of this data set that cannot be loaded here, 0 when all can (or none is used).
 */
int hdf5_missing_filter(hid_t dataset);

#endif
