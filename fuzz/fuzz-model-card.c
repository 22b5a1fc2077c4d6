/* model/model-card: any JSON is a card or refused with one line; what is taken can be used. */
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "model/model-card.h"
#include "model/model-settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    json_t *root = json_parse((const char *)data, size, "input", &err);
    struct model_card card = {0};
    if (root && model_card_parse(root, "model.json", &card, &err)) {
        json_t *settings = model_settings(&card, NULL, &err);
        /* The defaults are values that would be taken. */
        json_t *again = settings ? model_settings(&card, settings, &err) : NULL;
        json_t *form = model_form_settings(&card, NULL, &err);
        json_t *twice = form ? model_form_settings(&card, form, &err) : NULL;
        if (!again || !twice || !json_equal(form, twice) || card.n_labels > MODEL_MAX_LABELS ||
            card.channels == 0) {
            abort();
        }
        json_decref(twice);
        json_decref(form);
        json_decref(again);
        json_decref(settings);
        model_card_fini(&card);
    } else if (err.text[0] == '\0') {
        abort();
    }
    json_decref(root);
    return 0;
}
