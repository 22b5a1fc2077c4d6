/*
 * ct.triage: one ZIP of DICOM becomes one row: the longest axial CT series is read, checked,
 * classified, measured slice by slice, and a fixed rule decides.
 */
#include <string.h>
#include "steps/step.h"

extern const struct step step_ct_triage;

static bool run(struct job *job, struct err *err)
{
    job_say(job, "[triage] %s", job->item_name);
    return err_set(err, ERR_UNSUPPORTED, "reading DICOM series is not built yet");
}

const struct step step_ct_triage = {
    .name = "ct.triage",
    .title = "CT triage of one study",
    .help = "One CT study (a ZIP of DICOM): its longest axial CT series is checked, classified and "
            "measured slice by slice; a fixed rule joins the two into a decision with its reason.",
    .version = 1,
    .phase = "triage",
    .word_done = "Classified",
    .word_failed = "Triage failed",
    .stall_s = 1800,
    .mem = "2G",
    .output = {{"picture", "file", "{rec}/{name}.png", NULL, NULL, false},
               {"slices", "file", "{rec}/{name}.slices.csv", NULL, NULL, false},
               {"profile", "file", "{rec}/{name}.zprofile.png", NULL, NULL, false}},
    .run = run,
};
