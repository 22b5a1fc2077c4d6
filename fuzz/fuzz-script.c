/* A user's Python script: replacing its variables keeps every line, whatever is written there. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "worker/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t lines(const char *text)
{
    size_t n = 0;
    for (; (text = strchr(text, '\n')); text++) {
        n++;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {ERR_NONE, ""};
    struct str out = STR_INIT, quoted = STR_INIT;
    char *text = mem_strndup((const char *)data, size, &err);
    json_t *args =
        json_pack("{s:s, s:[s,s], s:i, s:s}", "f1", "/a'b\"\n", "f2", "x", "y", "n", 3, "s1", "");
    json_t *positional = json_pack("[s]", "/first");
    assert(text && args && positional);
    /* inside of """...""" a newline is part of a piece, which stays as long as it was */
    if (python_rewrite(text, args, positional, &out, &err)) {
        assert(lines(str_text(&out)) == lines(text));
    }
    matlab_text(&quoted, text);
    str_fini(&out);
    str_fini(&quoted);
    json_decref(args);
    json_decref(positional);
    mem_free(text);
    return 0;
}
