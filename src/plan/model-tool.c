/* A table by task. */
#include "plan/model-tool.h"

#include "base/str.h"

static const struct {
    const char *step, *output;
} by_task[] = {
    [MODEL_CLASSIFICATION] = {"predict.classify", "values"},
    [MODEL_SEGMENTATION] = {"predict.segment", "mask"},
    [MODEL_COR] = {NULL, NULL},
    [MODEL_DETECTION] = {"predict.detect", "boxes"},
};

const struct tool *model_tool(const struct tools *tools, const struct model_card *card,
                              struct err *err)
{
    const char *name = card->tool ? card->tool : by_task[card->task].step;
    if (!name) {
        (void)err_set(
            err, ERR_USAGE,
            "model '%s' finds rotation centres: it is used by the tomography page, not by "
            "predictions",
            card->name);
        return NULL;
    }
    const struct tool *tool = tools_find(tools, name);
    if (!tool) {
        (void)err_set(err, ERR_USAGE,
                      "model '%s' is computed by the tool '%s', which is not here (gantry tools)",
                      card->name, name);
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        const char *id = i ? by_task[card->task].output : "image";
        const json_t *input = tool_input(tool, id);
        if (i && input && str_equal(json_get_text(input, "type", NULL), "File")) {
            (void)err_set(err, ERR_USAGE,
                          "the tool '%s' of model '%s' reads a file as '%s': a model writes it "
                          "(docs/models.md)",
                          name, card->name, id);
            return NULL;
        }
        if (!input) {
            (void)err_set(err, ERR_USAGE,
                          "the tool '%s' of model '%s' has no input '%s', which says where %s "
                          "(docs/models.md)",
                          name, card->name, id, i ? "its result goes" : "the series is");
            return NULL;
        }
    }
    return tool;
}
