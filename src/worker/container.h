/*
 * A tool that comes as a container image (Boutiques: container-image) runs through Apptainer,
 * Singularity or Docker, whichever is there first; without one, as a program of this machine when
 * that is there. The project, its folder of results, the attempt and every folder that the job
 * writes to are the same paths inside.
 */
#ifndef GANTRY_WORKER_CONTAINER_H
#define GANTRY_WORKER_CONTAINER_H

#include "worker/attempt.h"

/* The job's command becomes that of the container, when it names an image. ERR_FAILED says what is
 * missing. */
bool container_wrap(const struct attempt *a, struct err *err) CHECK_RESULT;

#endif
