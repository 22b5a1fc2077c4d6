/* One study after the other, so that neither the files of a million nor the changes are ever held
 * together. */
#include "engine/refresh-cohort.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "discover/cohort-walk.h"
#include "engine/refresh-dicom.h"
#include "engine/session.h"
#include "model/layout.h"

struct cohort_refresh {
    struct cohort_refresh_args how;
    struct session *own; /* opened for the writes of this refresh */
    struct layout layout;
    struct found_list *items;
    struct cohort_walk *walk;    /* NULL: layout scans */
    struct dicom_refresh *dicom; /* as long as headers are read: then the walk begins */
    struct dicom_places places;
    struct cohort_scan *scan;
};

const char *cohort_refresh_layout(const struct project *project, const struct found_list *found,
                                  bool *ret_new)
{
    *ret_new = false;
    if (strcmp(project->layout, LAYOUT_AUTO) != 0 || strcmp(project->layout_now, LAYOUT_SCANS)) {
        return project->layout_now;
    }
    const char *guess = cohort_guess(project->root, found);
    *ret_new = strcmp(guess, LAYOUT_SCANS) != 0;
    return guess;
}

static bool send(struct session *session, const char *home, const json_t *args, struct err *err)
{
    json_t *answer = session ? session_call(session, "cohort.apply", args, err)
                             : session_once(home, "cohort.apply", args, err);
    bool ok = answer != NULL;
    json_decref(answer);
    return ok;
}

bool cohort_refresh_remember(const struct cohort_refresh_args *how, struct project *project,
                             const char *layout, struct err *err)
{
    bool none = !strcmp(layout, LAYOUT_SCANS);
    json_t *args =
        json_pack("{s:I, s:s}", "project", (json_int_t)project->id, "layout", none ? "" : layout);
    char *now = mem_strdup(layout, err);
    bool ok = now && (args || err_set(err, ERR_NOMEM, "out of memory")) &&
        send(how->session, how->home, args, err);
    json_decref(args);
    if (!ok) {
        mem_free(now);
        return false;
    }
    mem_free(project->layout_now);
    project->layout_now = now;
    return true;
}

struct cohort_refresh *cohort_refresh_begin(const struct cohort_refresh_args *how,
                                            struct found_list *items, struct err *err)
{
    struct cohort_refresh *r = mem_zero(sizeof *r, err);
    if (!r) {
        return NULL;
    }
    r->how = *how;
    r->items = items;
    bool ok = layout_parse(how->project->layout_now, &r->layout, err);
    if (ok && (r->layout.kind == LAYOUT_KIND_PATTERN || r->layout.kind == LAYOUT_KIND_BIDS)) {
        ok = (r->walk = cohort_walk_begin(how->project->root, &r->layout, items, err));
    } else if (ok && r->layout.kind == LAYOUT_KIND_DICOM) {
        ok = (r->dicom = dicom_refresh_begin(how, items, err)) != NULL;
    }
    ok = ok && (r->scan = cohort_scan_begin(how->store, how->project, how->warnings, err));
    if (!ok) {
        cohort_refresh_end(r);
        return NULL;
    }
    return r;
}

static bool send_pieces(struct cohort_refresh *r, struct err *err)
{
    json_t *piece;
    bool ok = cohort_scan_piece(r->scan, &piece, err);
    while (ok && piece) {
        if (!r->how.session && !r->own) {
            r->own = session_open(r->how.home, err);
        }
        struct session *session = r->how.session ? r->how.session : r->own;
        ok = session && send(session, r->how.home, piece, err);
        json_decref(piece);
        piece = NULL;
        ok = ok && cohort_scan_piece(r->scan, &piece, err);
    }
    return ok;
}

/* Images that lie beside the studies are told, because no job will ever see them. */
static bool tell_strays(struct cohort_refresh *r, struct err *err)
{
    const char *example = "";
    size_t n = r->walk ? cohort_walk_strays(r->walk, &example) : 0;
    char text[400];
    if (!n) {
        return true;
    }
    (void)snprintf(text, sizeof text,
                   "%zu image%s in no study's folder (layout %s), the first is '%s'", n,
                   n == 1 ? " lies" : "s lie", r->layout.text, example);
    return json_array_append_new(r->how.warnings, json_string(text)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

/* Headers first; when they have told the studies' places, these are walked. */
static bool read_dicom(struct cohort_refresh *r, int64_t for_us, bool *ret_done, struct err *err)
{
    bool ok = dicom_refresh_step(r->dicom, for_us, ret_done, err);
    if (!ok || !*ret_done) {
        return ok;
    }
    dicom_refresh_take(r->dicom, &r->places);
    dicom_refresh_end(r->dicom);
    r->dicom = NULL;
    r->walk = cohort_walk_places(r->how.project->root, r->places.list, r->places.n, r->items, err);
    return r->walk != NULL;
}

bool cohort_refresh_step(struct cohort_refresh *r, int64_t for_us, bool *ret_done, struct err *err)
{
    const struct found_study *study = NULL;
    int64_t until = clock_mono_us() + for_us;
    bool ok = true, read = true;
    *ret_done = false;
    if (r->dicom) {
        ok = read_dicom(r, for_us, &read, err);
    }
    if (!ok || !read) {
        return ok;
    }
    do {
        study = NULL;
        ok = !r->walk || cohort_walk_next(r->walk, &study, err);
        if (ok && study) {
            ok = cohort_scan_study(r->scan, study, err) && send_pieces(r, err);
        }
    } while (ok && study && (!for_us || clock_mono_us() < until));
    if (!ok || study) {
        return ok;
    }
    *ret_done = true;
    return cohort_scan_finish(r->scan, r->items, err) && send_pieces(r, err) && tell_strays(r, err);
}

void cohort_refresh_report(const struct cohort_refresh *r, struct cohort_scan_report *ret)
{
    cohort_scan_report(r->scan, ret);
}

void cohort_refresh_end(struct cohort_refresh *r)
{
    if (!r) {
        return;
    }
    cohort_scan_end(r->scan);
    cohort_walk_end(r->walk);
    dicom_refresh_end(r->dicom);
    dicom_places_fini(&r->places);
    session_close(r->own);
    mem_free(r);
}
