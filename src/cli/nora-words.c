/* The words of `nora`'s command line, and its options that have no meaning here. */
#include <string.h>
#include "base/mem.h"
#include "cli/nora.h"

struct name {
    const char *text;
    enum nora_option option;
    int least, most; /* words; -1 = any number */
};
static const struct name names[] = {
    {"-p", NORA_PROJECT, 1, 1},
    {"--project", NORA_PROJECT, 1, 1},
    {"-s", NORA_SELECT, 1, -1},
    {"--select", NORA_SELECT, 1, -1},
    {"-j", NORA_JSON, 0, 0},
    {"--json", NORA_JSON, 0, 0},
    {"--byfilename", NORA_BYFILENAME, 0, 0},
    {"-a", NORA_ADD, 1, -1},
    {"--add", NORA_ADD, 1, -1},
    {"-d", NORA_DEL, 1, -1},
    {"--del", NORA_DEL, 1, -1},
    {"-o", NORA_OUT, 2, -1},
    {"--out", NORA_OUT, 2, -1},
    {"-pa", NORA_PATHOUT, 2, -1},
    {"--pathout", NORA_PATHOUT, 2, -1},
    {"--addtag", NORA_ADDTAG, 1, 1},
    {"--rmtag", NORA_RMTAG, 1, 1},
    {"--addtag_study", NORA_ADDTAG_STUDY, 2, -1},
    {"--rmtag_study", NORA_RMTAG_STUDY, 2, -1},
    {"--addtag_patient", NORA_ADDTAG_PATIENT, 2, -1},
    {"--rmtag_patient", NORA_RMTAG_PATIENT, 2, -1},
    {"--tagstats", NORA_TAGSTATS, 0, 0},
    {"-l", NORA_LAUNCH, 1, 1},
    {"--launch", NORA_LAUNCH, 1, 1},
    {"--launchfile", NORA_LAUNCHFILE, 1, 1},
    {"--launch_autoexec", NORA_AUTOEXEC, 1, -1},
    {"--exportmeta", NORA_EXPORTMETA, 2, -1},
    {"--keys", NORA_KEYS, 1, -1},
    {"--header_type", NORA_HEADER, 1, 1},
    {"--importcsv", NORA_IMPORTCSV, 2, 2},
    {"--projectlist", NORA_PROJECTLIST, 0, 0},
    {"--import", NORA_IMPORT, 1, 1},
    {"--batchimport", NORA_BATCHIMPORT, 1, 1},
    {"--patients_id", NORA_PID, 1, 1},
    {"--studies_id", NORA_SID, 1, 1},
    {"--nooverwrite", NORA_NOOVERWRITE, 0, 0},
    {"-h", NORA_HELP, 0, 0},
    {"--help", NORA_HELP, 0, 0},
};
#define N_NAMES (sizeof names / sizeof *names)

/* What NORA has and Gantry does another way, or not at all. */
struct other {
    const char *text, *way;
};
static const struct other others[] = {
    {"--sql", "there is no SQL access: use selectors, gantry ls --json or the API"},
    {"--csv", "only --exportmeta writes CSV"},
    {"--importfiles", "copy the files below SUBJECT/STUDY/ and run gantry scan"},
    {"--watch", "use gantry scan --watch --run BATCH"},
    {"--createproject", "use gantry init DIR --name NAME"},
    {"--updateproject", "use gantry init DIR"},
    {"--createSQLuser", "use gantry user add"},
    {"--deleteSQLuser", "use gantry user rm"},
    {"--del_pat", "use gantry forget"},
    {"--changeID", "rename the folder and run gantry scan"},
    {"--updatelinks", "move the folder and run gantry init on it"},
    {"--maphash", "identifiers are not hashed here"},
    {"--dicomsend", "send the files with a DICOM tool such as storescu"},
    {"--sendmessage", "a batch has webhook and mail options"},
    {"--octave", "write a job with the tool script.matlab"},
    {"--admin", "see gantry help"},
};

static const struct name *find(const char *word)
{
    for (size_t i = 0; i < N_NAMES; i++) {
        if (!strcmp(names[i].text, word)) {
            return &names[i];
        }
    }
    return NULL;
}

static bool refuse(const char *word, struct err *err)
{
    const char *known[N_NAMES + 1];
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!strcmp(others[i].text, word)) {
            return err_set(err, ERR_USAGE, "nora %s is not available here: %s", word,
                           others[i].way);
        }
    }
    for (size_t i = 0; i < N_NAMES; i++) {
        known[i] = names[i].text;
    }
    known[N_NAMES] = NULL;
    const char *near = cli_nearest(word, known);
    return err_set(err, ERR_USAGE, "nora has no option %s%s%s%s (nora --help)", word,
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

bool nora_has(const struct nora *n, enum nora_option option)
{
    return n->option[option].given;
}

static bool enough(const struct nora *n, struct err *err)
{
    bool import = nora_has(n, NORA_IMPORT) || nora_has(n, NORA_BATCHIMPORT);
    for (size_t i = 0; i < N_NAMES; i++) {
        const struct nora_words *w = &n->option[names[i].option];
        /* with an import stand the tags alone: the studies are those that come */
        int least = import && names[i].least == 2 ? 1 : names[i].least;
        if (w->given && w->n < (size_t)least) {
            return err_set(err, ERR_USAGE, "nora %s wants %s%d word%s behind it (nora --help)",
                           names[i].text, names[i].most < 0 ? "at least " : "", names[i].least,
                           names[i].least == 1 ? "" : "s");
        }
    }
    return true;
}

/* -2 is no option (NTH and numbers), a lone - neither. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9');
}

/* A subject may be called -7a or -rf: scripts say -s "$DPXpsid". */
static bool is_wanted(const struct nora *n, const struct name *now, const char *word)
{
    return now && word[1] != '-' && n->option[now->option].n < (size_t)now->least;
}

bool nora_parse(int argc, char **argv, struct nora *ret, struct err *err)
{
    size_t room = (size_t)argc + 1;
    const struct name *now = NULL;
    bool options = true;
    *ret = (struct nora){.block = mem_array(room * NORA_OPTIONS, sizeof *ret->block, err)};
    if (!ret->block) {
        return false;
    }
    for (size_t i = 0; i < NORA_OPTIONS; i++) {
        ret->option[i].words = ret->block + i * room;
    }
    for (int i = 0; i < argc; i++) {
        if (options && !strcmp(argv[i], "--")) {
            options = false;
            continue;
        }
        const struct name *option = options ? find(argv[i]) : NULL;
        if (option) {
            now = option;
            ret->option[now->option].given = true;
            continue;
        }
        if (options && is_option(argv[i]) && !is_wanted(ret, now, argv[i])) {
            return refuse(argv[i], err);
        }
        struct nora_words *w = now ? &ret->option[now->option] : NULL;
        if (!w || (now->most >= 0 && w->n == (size_t)now->most)) {
            return err_set(err, ERR_USAGE, "nora: '%s' belongs to no option (nora --help)",
                           argv[i]);
        }
        w->words[w->n++] = argv[i];
    }
    return enough(ret, err);
}

void nora_fini(struct nora *n)
{
    mem_free(n->block);
    n->block = NULL;
}

const struct nora_words *nora_words(const struct nora *n, enum nora_option option)
{
    return &n->option[option];
}
