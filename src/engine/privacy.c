/* One key a home. */
#include "engine/privacy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "model/options.h"
#include "os/file.h"

#define DIGITS 12 /* 48 bits: two of a million patients meet once in 600 such homes */

static bool wanted(const char *home, struct store *s, bool *ret, struct err *err)
{
    struct options *o = options_load(home, err);
    const char *word = o ? options_text(o, "privacy") : "";
    int64_t accounts = 0;
    bool automatic = !strcmp(word, "auto"), hash = !strcmp(word, "hash");
    bool ok = o &&
        (automatic || hash || !strcmp(word, "id") ||
         err_set(err, ERR_USAGE, "the option privacy is auto, id or hash, not '%.40s'", word));
    ok = ok && (!automatic || store_int(s, 0, &accounts, err, "SELECT count(*) FROM user", ""));
    *ret = hash || (automatic && accounts > 0);
    options_free(o);
    return ok;
}

/* Two that begin at once: the first one's key counts. */
static bool make_key(const char *path, struct err *err)
{
    char token[SECRET_HEX];
    if (!secret_token(token, err)) {
        return false;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST || err_errno(err, errno, "making '%s'", path);
    }
    bool ok = write(fd, token, SECRET_HEX - 1) == SECRET_HEX - 1 && fsync(fd) == 0;
    if (close(fd) != 0 || !ok) {
        (void)unlink(path);
        return err_set(err, ERR_IO, "cannot write '%s'", path);
    }
    return true;
}

static bool read_key(const char *home, char ret[SECRET_HEX], struct err *err)
{
    size_t n = 0;
    char *path = path_join(home, "privacy.key", err), *text = NULL;
    bool ok = path && (file_exists(path) || make_key(path, err)) &&
        (text = file_read(path, 1000, &n, err)) != NULL;
    ok = ok &&
        (n >= SECRET_HEX - 1 ||
         err_set(err, ERR_FORMAT, "'%s' is no key: put the old one back from a backup", path));
    if (ok) {
        memcpy(ret, text, SECRET_HEX - 1);
        ret[SECRET_HEX - 1] = '\0';
    }
    mem_free(text);
    mem_free(path);
    return ok;
}

bool privacy_load(const char *home, struct store *s, struct privacy *ret, struct err *err)
{
    *ret = (struct privacy){.hash = false};
    return wanted(home, s, &ret->hash, err) && (!ret->hash || read_key(home, ret->key, err));
}

void privacy_digest(const struct privacy *p, const char *patient, char ret[PRIVACY_TEXT])
{
    char hex[SECRET_HEX];
    secret_digest(p->key, patient, hex);
    (void)snprintf(ret, PRIVACY_TEXT, PRIVACY_MARK "%.*s", DIGITS, hex);
}

bool privacy_is_digest(const char *text)
{
    return str_starts(text, PRIVACY_MARK) && strlen(text) == PRIVACY_TEXT - 1 &&
        strspn(text + strlen(PRIVACY_MARK), "0123456789abcdef") == DIGITS;
}
