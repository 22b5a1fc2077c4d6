/*
 * What the steps over images have in common: their File arguments (in job.json's params a path, or
 * a list of them), their outputs, grids that must agree.
 */
#ifndef GANTRY_STEPS_IMAGE_ARGS_H
#define GANTRY_STEPS_IMAGE_ARGS_H

#include "image/nifti.h"
#include "image/volume.h"
#include "math/resample.h"
#include "steps/job.h"

/* How a path is named to people: below the project, when it is. */
const char *image_arg_name(const struct job *job, const char *path);

/* Up to `most` paths of argument `id`; 0 when it was not given. */
bool image_arg_paths(const struct job *job, const char *id, const char **ret, size_t most,
                     size_t *ret_n, struct err *err) CHECK_RESULT;
/* Its one path; NULL when it was not given and need not be. */
bool image_arg_path(const struct job *job, const char *id, bool needed, const char **ret,
                    struct err *err) CHECK_RESULT;
/* A text, or a number as text; "" when it was not given. `room` holds numbers. */
const char *image_arg_text(const struct job *job, const char *id, char room[40]);
/* Where output `id` is to be written, its folder made; NULL when it is not wanted. *ret_final:
 * where it will be (for its ending). */
bool image_arg_out(const struct job *job, const char *id, bool needed, const char **ret,
                   const char **ret_final, struct err *err) CHECK_RESULT;

/* Numbers parted by blanks or commas; ERR_USAGE names `id`. */
bool image_arg_numbers(const char *id, const char *text, double *ret, size_t most, size_t *ret_n,
                       struct err *err) CHECK_RESULT;

/* One of the volume's times as values (mem_free). */
double *image_arg_values(const struct volume *v, size_t time, struct err *err) CHECK_RESULT;

/* Do two volumes lie on the same voxels (to a hundredth of one)? ERR_FORMAT names both and says
 * what differs. */
bool image_same_grid(const struct job *job, const char *a_path, const struct volume *a,
                     const char *b_path, const struct volume *b, struct err *err) CHECK_RESULT;

/* "uint8", ... to its kind. ERR_USAGE lists them. */
bool image_arg_kind(const char *name, enum voxel *ret, struct err *err) CHECK_RESULT;

#endif
