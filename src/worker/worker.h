/*
 * What `gantry worker` does: run attempts. It never opens the store. Per attempt: make and claim
 * the folder, run the tool in a process group of its own, write log, events.jsonl and result.json
 * there, check and publish the outputs.
 *
 *   gantry worker ATTEMPT_DIR         one attempt whose folder and job.json are there (clusters,
 * debugging) gantry worker --slot HOME         attempts one after another from standard input,
 * until its end
 *
 * Messages of a slot, a header line and then raw bytes (paths may hold anything):
 *   "run <bytes of folder> <bytes of job>\n" folder job
 *   "pack <bytes>\n" folders separated by NUL: successful attempts to be packed into
 * <run>/logs.pack "sweep <bytes>\n" folders separated by NUL: dead attempts whose staging is to be
 * removed
 */
#ifndef GANTRY_WORKER_WORKER_H
#define GANTRY_WORKER_WORKER_H

int worker_main(int argc, char **argv);

#endif
