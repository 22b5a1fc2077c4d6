/* gantry-imaging model-check FOLDER: is it a model that can be used? One run on zeros tells. */
#include <stdio.h>
#include "base/mem.h"
#include "infer/run.h"
#include "os/proc.h"
#include "steps/command.h"
#include "steps/triage-detector.h"

extern const struct command command_word_model_check;

static json_t *shape_of(const int64_t *n, size_t rank)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < rank; i++) {
        if (json_array_append_new(list, json_integer(n[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* The detector that the card names: loaded and run like the model itself. */
static bool check_detector(struct ort *ort, const char *folder, const struct model_card *card,
                           const struct ort_options *options, struct err *err)
{
    struct triage_detector d;
    struct ort_tensor out;
    double seconds;

    if (!triage_detector_find(folder, card, &d, err)) {
        return false;
    }
    struct infer *m = d.folder == NULL ? NULL : infer_open(ort, d.folder, options, err);
    bool good = d.folder == NULL || (m != NULL && infer_try(m, &out, &seconds, err));

    infer_close(m);
    triage_detector_fini(&d);
    return good || err_wrap(err, "its detector");
}

static char *check(const char *folder, struct err *err)
{
    const struct ort_options options = {.threads = (unsigned)proc_cpu_count()};
    struct ort_tensor in, out;
    double seconds = 0;
    char *text = NULL;
    struct ort *ort = ort_open(err);
    struct infer *m = ort != NULL ? infer_open(ort, folder, &options, err) : NULL;

    if (m != NULL && infer_shape(m, &in, err) && infer_try(m, &out, &seconds, err) &&
        check_detector(ort, folder, &m->card, &options, err)) {
        json_t *doc =
            json_pack("{s:s, s:s, s:s*, s:o, s:o, s:f, s:s, s:s, s:s}", "name", m->card.name,
                      "version", m->card.version, "detector", m->card.detector, "input",
                      shape_of(in.n, in.rank), "output", shape_of(out.n, out.rank), "seconds",
                      seconds, "device", ort_device(m->session), "fallback",
                      ort_fallback(m->session), "runtime", ort_version(ort));
        if (doc == NULL) {
            err_set(err, ERR_NOMEM, "out of memory");
        } else {
            text = json_pretty(doc, err);
            json_decref(doc);
        }
    }
    infer_close(m);
    ort_close(ort);
    return text;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    char *text;

    if (argc != 1) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging model-check FOLDER");
        return command_fail(&err);
    }
    text = check(argv[0], &err);
    if (text == NULL) {
        return command_fail(&err);
    }
    puts(text);
    mem_free(text);
    return 0;
}

const struct command command_word_model_check = {
    .name = "model-check",
    .usage = "FOLDER",
    .help = "load the model of FOLDER, run it once on zeros, and say what it takes and gives",
    .run = run,
};
