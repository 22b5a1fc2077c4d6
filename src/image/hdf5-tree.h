/*
 * What is in an HDF5 file, for people: every group, data set and link with its attributes, and the
 * values that are small. Links are listed, not followed when they lead out of the file; no value is
 * read that lies outside it.
 */
#ifndef GANTRY_IMAGE_HDF5_TREE_H
#define GANTRY_IMAGE_HDF5_TREE_H

#include "base/err.h"
#include "codec/json.h"

/*
 * {"nodes": [{"path", "kind": "group"|"dataset"|"link"|"other", "dtype", "shape", "chunk",
 * "filters": [names], "bytes" as stored, "value", "attributes": {name: value}, "target" of a
 * link}...], "truncated": true when there were more nodes than are listed}. Only nodes that have
 * `text` in their path, value or attributes (any letter case) when it is not NULL.
 */
json_t *hdf5_tree(const char *path, const char *text, struct err *err) CHECK_RESULT;

#endif
