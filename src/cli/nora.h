/*
 * The command `nora` (REQUIREMENTS Q7): the words of its command line, and what its actions share.
 * NORA's options take any number of words: everything up to the next option belongs to it.
 */
#ifndef GANTRY_CLI_NORA_H
#define GANTRY_CLI_NORA_H

#include "cli/choose.h"
#include "cli/command.h"

enum nora_option {
    NORA_PROJECT,
    NORA_SELECT,
    NORA_JSON,
    NORA_BYFILENAME,
    NORA_ADD,
    NORA_DEL,
    NORA_OUT,
    NORA_PATHOUT,
    NORA_ADDTAG,
    NORA_RMTAG,
    NORA_ADDTAG_STUDY,
    NORA_RMTAG_STUDY,
    NORA_ADDTAG_PATIENT,
    NORA_RMTAG_PATIENT,
    NORA_TAGSTATS,
    NORA_LAUNCH,
    NORA_LAUNCHFILE,
    NORA_AUTOEXEC,
    NORA_EXPORTMETA,
    NORA_KEYS,
    NORA_HEADER,
    NORA_IMPORTCSV,
    NORA_PROJECTLIST,
    NORA_IMPORT,
    NORA_BATCHIMPORT,
    NORA_PID,
    NORA_SID,
    NORA_NOOVERWRITE,
    NORA_HELP,
    NORA_OPTIONS
};

struct nora_words {
    bool given;
    const char **words; /* point into argv */
    size_t n;
};
struct nora {
    struct nora_words option[NORA_OPTIONS];
    const char **block; /* of all words */
};

/* ERR_USAGE with the nearest option, or the way to do what is not here. nora_fini() in any case. */
bool nora_parse(int argc, char **argv, struct nora *ret, struct err *err) CHECK_RESULT;
void nora_fini(struct nora *n);
bool nora_has(const struct nora *n, enum nora_option option);
const struct nora_words *nora_words(const struct nora *n, enum nora_option option);

/* Tags of files, studies or subjects changed and said. Takes `ids`. */
bool nora_tag(struct cli *c, const struct choice *ch, const char *domain, json_t *ids,
              const char *tags, bool add, struct err *err) CHECK_RESULT;
/* DICOM: nora-import.c. */
bool nora_import(struct cli *c, const struct nora *n, struct err *err) CHECK_RESULT;
/* Tables: nora-meta.c. */
bool nora_exportmeta(struct cli *c, const struct nora *n, struct err *err) CHECK_RESULT;
/* Runs: nora-launch.c. */
bool nora_launch(struct cli *c, const struct nora *n, struct err *err) CHECK_RESULT;

#endif
