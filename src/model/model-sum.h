/*
 * What a model is at this moment, as one digest of its card and its detector's (a card has the
 * checksum of its weights): part of the fingerprint of work that names a model, so that replaced
 * weights make its results stale. Asked for every task; the disk is looked at by stat alone while
 * nothing changed.
 */
#ifndef GANTRY_MODEL_MODEL_SUM_H
#define GANTRY_MODEL_MODEL_SUM_H

#include "base/err.h"
#include "codec/digest.h"

struct model_sums;

struct model_sums *model_sums_new(const char *home, struct err *err) CHECK_RESULT;
void model_sums_free(struct model_sums *sums);

/* `word` as model_find() takes it; "" is the CT classifier that is taken when none is named, "none"
 * no model. "" in ret when there is no such model (now): the work itself will say so. */
bool model_sum(struct model_sums *sums, const char *word, char ret[DIGEST_HEX],
               struct err *err) CHECK_RESULT;

#endif
