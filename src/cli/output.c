/* What goes to stdout and stderr, and text made fit for a terminal. Widths are our own small table
 * and not wcwidth(): that one needs a UTF-8 locale, which containers and cron do not have. */
#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/text.h"
#include "os/file.h"

struct range {
    uint32_t first;
    uint32_t last;
};

/* Unicode 15: combining and other characters of no width that occur in names people type. */
static const struct range zero_wide[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},   {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x06D6, 0x06DC}, {0x0900, 0x0902}, {0x093C, 0x093C},   {0x0941, 0x0948}, {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
    {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0x302A, 0x302D},   {0x3099, 0x309A}, {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
};

/* East Asian wide and full-width forms, and the emoji blocks. */
static const struct range double_wide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x2FFFD},
    {0x30000, 0x3FFFD},
};

/* Directions that could make a name read as another one. */
static const struct range treacherous[] = {{0x202A, 0x202E}, {0x2066, 0x2069}, {0x0080, 0x009F}};

static bool among(uint32_t c, const struct range *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= table[i].first && c <= table[i].last) {
            return true;
        }
    }
    return false;
}

#define AMONG(c, table) among((c), (table), sizeof(table) / sizeof(table)[0])

size_t text_decode(const char *text, uint32_t *ret_point)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = p[0] < 0x80            ? 1
        : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
        : p[0] >= 0xE0                ? 3
        : p[0] >= 0xC2                ? 2
                                      : 0;
    if (n == 0 || p[0] >= 0xF5) {
        return 0;
    }
    uint32_t c = n == 1 ? p[0] : p[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        c = c << 6 | (p[i] & 0x3Fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
        return 0;
    }
    *ret_point = c;
    return n;
}

size_t text_point_width(uint32_t point)
{
    return AMONG(point, zero_wide) ? 0 : AMONG(point, double_wide) ? 2 : 1;
}

size_t cli_width(const char *text)
{
    size_t width = 0;
    while (*text) {
        uint32_t point = 0;
        size_t n = text_decode(text, &point);
        width += n ? text_point_width(point) : 1;
        text += n ? n : 1;
    }
    return width;
}

void text_show(struct str *out, const char *text)
{
    while (*text) {
        uint32_t point = 0;
        size_t n = text_decode(text, &point);
        if (n == 0) {
            str_addf(out, "\\x%02x", (unsigned)(unsigned char)*text);
            text++;
            continue;
        }
        if (point == '\n' || point == '\r' || point == '\t') {
            str_addf(out, "\\%c", point == '\n' ? 'n' : point == '\r' ? 'r' : 't');
        } else if (point < 0x20 || point == 0x7F) {
            str_addf(out, "\\x%02x", (unsigned)point);
        } else if (AMONG(point, treacherous)) {
            str_addf(out, "\\u%04x", (unsigned)point);
        } else {
            str_addn(out, text, n);
        }
        text += n;
    }
}

char *cli_shown(const char *text, struct err *err)
{
    struct str out = STR_INIT;
    text_show(&out, text);
    str_add(&out, "");
    return str_take(&out, err);
}

void cli_print(struct cli *c, const char *fmt, ...)
{
    va_list ap;
    (void)c;
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
    va_list ap;
    (void)c;
    (void)fflush(stdout);
    (void)fputs("gantry: ", stderr);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
}

bool cli_json(struct cli *c, const json_t *value, struct err *err)
{
    char *text = c->terminal ? json_pretty(value, err) : json_text(value, err);
    if (!text) {
        return false;
    }
    (void)fputs(text, stdout);
    if (!str_ends(text, "\n")) {
        (void)fputc('\n', stdout);
    }
    mem_free(text);
    return true;
}

bool cli_confirm(struct cli *c, bool *ret_yes, struct err *err, const char *fmt, ...)
{
    char answer[16] = "";
    if (!isatty(STDIN_FILENO) || !c->terminal_err) {
        *ret_yes = true;
        return true;
    }
    (void)fflush(stdout);
    va_list ap;
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputs(" [y/N] ", stderr);
    if (!fgets(answer, sizeof answer, stdin)) {
        if (ferror(stdin)) {
            return err_errno(err, errno, "reading the answer");
        }
        (void)fputc('\n', stderr);
    }
    *ret_yes = answer[0] == 'y' || answer[0] == 'Y';
    return true;
}

const char *cli_paint(const struct cli *c, const char *name)
{
    static const struct {
        const char *name;
        const char *code;
    } paints[] = {
        {"bold", "\033[1m"},   {"grey", "\033[90m"}, {"red", "\033[31m"},
        {"green", "\033[32m"}, {"blue", "\033[34m"}, {"amber", "\033[33m"},
    };
    if (!c->colour) {
        return "";
    }
    for (size_t i = 0; name && i < sizeof paints / sizeof paints[0]; i++) {
        if (!strcmp(paints[i].name, name)) {
            return paints[i].code;
        }
    }
    return name ? "" : "\033[0m";
}

const char *cli_status_colour(const char *word)
{
    static const struct {
        const char *prefix;
        const char *colour;
    } words[] = {
        {"Running", "blue"},      {"running", "blue"},   {"Uploading", "blue"},
        {"active", "blue"},       {"Done try", "amber"}, {"suspended", "amber"},
        {"held", "amber"},        {"blocked", "amber"},  {"Done", "green"},
        {"done", "green"},        {"cached", "green"},   {"Full failed", "red"},
        {"Full", "green"},        {"Inferred", "green"}, {"Uploaded", "green"},
        {"finished", "green"},    {"Try failed", "red"}, {"Infer failed", "red"},
        {"Upload failed", "red"}, {"failed", "red"},     {"unknown", "red"},
    };
    for (size_t i = 0; word && i < sizeof words / sizeof words[0]; i++) {
        if (str_starts(word, words[i].prefix)) {
            return words[i].colour;
        }
    }
    return word && *word ? "grey" : NULL;
}

/* Edit distance with one row of the matrix; words of commands and options are short. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64];
    size_t n = strlen(b);
    if (n >= sizeof row / sizeof row[0]) {
        return n;
    }
    for (size_t j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            size_t least = row[j] < diagonal ? row[j] + 1 : diagonal + 1;
            row[j + 1] = change < least ? change : least;
        }
    }
    return row[n];
}

const char *cli_nearest(const char *word, const char *const *words)
{
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 2; /* a third of the letters may be wrong */
    for (; *words; words++) {
        size_t d = str_starts(*words, word) && word[0] && word[1] ? 1 : distance(word, *words);
        if (d < least) {
            least = d;
            best = *words;
        }
    }
    return best;
}

bool cli_target(const char *path, struct err *err)
{
    char *folder = path_dir(path, err);
    bool ok = folder != NULL;
    if (ok && !file_is_folder(folder)) {
        ok = err_set(err, ERR_IO, "there is no folder '%s' to write '%s' into", folder, path);
    } else if (ok && access(folder, W_OK)) {
        ok = err_set(err, ERR_PERM, "Permission denied: %s", path);
    }
    mem_free(folder);
    return ok;
}
