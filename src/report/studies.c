/*
 * One query for the rows, one pass over their tasks beforehand; what is asked for as columns is
 * written column by column while the rows go by once.
 */
#include "report/studies.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "model/group.h"
#include "model/state.h"
#include "model/tags.h"
#include "report/jobs.h"
#include "report/live.h"

static const char *const sorts[STUDIES_SORTS] = {"name",  "sid",    "date",
                                                 "files", "status", "changed"};

enum studies_sort studies_sort_named(const char *name)
{
    int i = 0;
    while (i < STUDIES_SORTS && strcmp(sorts[i], name) != 0) {
        i++;
    }
    return (enum studies_sort)i;
}

/* ?1 project, ?2 ids, ?3 order. Attributes of the subject show at its studies too. */
#define STUDY                                                                         \
    "SELECT i.id,p.name,s.sid,i.name,s.date,s.sdesc,i.tags,p.tags,i.status,"          \
    "CASE WHEN p.attrs='{}' THEN i.attrs WHEN i.attrs='{}' THEN p.attrs ELSE "        \
    "json_patch(p.attrs,i.attrs) END,i.changed_us,"                                   \
    "s.files,s.subject_id,1 "                                                         \
    "FROM item i CROSS JOIN study s ON s.item_id=i.id CROSS JOIN item p ON "          \
    "p.id=s.subject_id WHERE i.project_id=?1 AND i.level='study' AND i.hidden=0 AND " \
    "i.gone=0 AND (?2 IS NULL OR i.id IN (SELECT value FROM json_each(?2))) "
/* Of its studies, those that are there now. */
#define SUBJECT                                                                                   \
    "SELECT i.id,i.name,'',i.name,coalesce(max(CASE WHEN o.id THEN s.date END),''),'','/',"       \
    "i.tags,i.status,i.attrs,i.changed_us,coalesce(sum(CASE WHEN o.id THEN s.files END),0),i.id," \
    "count(o.id) FROM item i LEFT JOIN study s ON s.subject_id=i.id LEFT JOIN item o ON "         \
    "o.id=s.item_id AND o.gone=0 AND o.hidden=0 WHERE i.project_id=?1 AND i.level='subject' AND " \
    "i.hidden=0 AND "                                                                             \
    "i.gone=0 AND (?2 IS NULL OR i.id IN (SELECT value FROM json_each(?2))) GROUP BY i.id "
/* columns by number, so that both levels share the words */
#define BY(dir)                                                                        \
    "ORDER BY CASE ?3 WHEN 1 THEN sid WHEN 2 THEN date WHEN 3 THEN files WHEN 4 THEN " \
    "status WHEN 5 THEN changed END " dir ",pid,date,sid,id"
#define WRAP(rows, dir)                                                                           \
    "WITH row(id,pid,sid,name,date,sdesc,tags,stags,status,attrs,changed,files,subject,studies) " \
    "AS (" rows ") SELECT * FROM row " BY(dir)

/* Literals, because a prepared statement is known by its address. */
static const char *const queries[2][2] = {
    {WRAP(STUDY, ""), WRAP(STUDY, "DESC")},
    {WRAP(SUBJECT, ""), WRAP(SUBJECT, "DESC")},
};

struct row {
    int64_t id, changed, files, subject_id, studies;
    const char *pid, *sid, *name, *date, *sdesc, *tags, *subject_tags, *status, *attrs;
    bool subject;
    struct jobs_row jobs; /* task 0: it was never worked on */
    char place[64];
    double progress;
};

static void row_of(const struct query *q, bool subject, struct row *ret)
{
    *ret = (struct row){
        .id = query_int(q, 0),
        .pid = query_text(q, 1),
        .sid = query_text(q, 2),
        .name = query_text(q, 3),
        .date = query_text(q, 4),
        .sdesc = query_text(q, 5),
        .tags = query_text(q, 6),
        .subject_tags = query_text(q, 7),
        .status = query_text(q, 8),
        .attrs = query_text(q, 9),
        .changed = query_int(q, 10),
        .files = query_int(q, 11),
        .subject_id = query_int(q, 12),
        .studies = query_int(q, 13),
        .subject = subject,
        .progress = NAN,
    };
}

/* --- cells */

static void cell_id(const struct row *r, struct str *out)
{
    str_add_int(out, r->id);
}

static void cell_pid(const struct row *r, struct str *out)
{
    json_add_text(out, r->pid);
}

static void cell_sid(const struct row *r, struct str *out)
{
    json_add_text(out, r->sid);
}

static void cell_psid(const struct row *r, struct str *out)
{
    struct str text = STR_INIT;
    str_add(&text, r->pid);
    if (!r->subject) {
        str_addc(&text, '#');
        str_add(&text, r->sid);
    }
    json_add_text(out, str_text(&text));
    out->failed = out->failed || text.failed;
    str_fini(&text);
}

static void cell_name(const struct row *r, struct str *out)
{
    json_add_text(out, r->name);
}

static void cell_date(const struct row *r, struct str *out)
{
    json_add_text(out, r->date);
}

static void cell_sdesc(const struct row *r, struct str *out)
{
    json_add_text(out, r->sdesc);
}

static void cell_tags(const struct row *r, struct str *out)
{
    json_add_text(out, r->tags);
}

static void cell_subject_tags(const struct row *r, struct str *out)
{
    json_add_text(out, r->subject_tags);
}

static void cell_status(const struct row *r, struct str *out)
{
    json_add_text(out, r->status);
}

static void cell_group(const struct row *r, struct str *out)
{
    json_add_text(out, group_name(group_of_status(r->status)));
}

static void cell_state(const struct row *r, struct str *out)
{
    json_add_text(out, r->jobs.task ? task_state_name((enum task_state)r->jobs.state) : "");
}

static void cell_progress(const struct row *r, struct str *out)
{
    json_add_real(out, r->progress);
}

static void cell_place(const struct row *r, struct str *out)
{
    json_add_text(out, r->place);
}

static void cell_files(const struct row *r, struct str *out)
{
    str_add_int(out, r->files);
}

static void cell_subject(const struct row *r, struct str *out)
{
    str_add_int(out, r->subject_id);
}

static void cell_studies(const struct row *r, struct str *out)
{
    str_add_int(out, r->studies);
}

static void cell_attrs(const struct row *r, struct str *out)
{
    str_add(out, r->attrs); /* JSON already */
}

static void cell_changed(const struct row *r, struct str *out)
{
    str_add_int(out, r->changed);
}

static void cell_task(const struct row *r, struct str *out)
{
    str_add_int(out, r->jobs.task);
}

static void cell_q(const struct row *r, struct str *out)
{
    str_add_int(out, r->jobs.counts.queued);
}

static void cell_r(const struct row *r, struct str *out)
{
    str_add_int(out, r->jobs.counts.running);
}

static void cell_e(const struct row *r, struct str *out)
{
    str_add_int(out, r->jobs.counts.failed);
}

static void cell_d(const struct row *r, struct str *out)
{
    str_add_int(out, r->jobs.counts.done);
}

static const struct {
    const char *name;
    void (*write)(const struct row *r, struct str *out);
} cells[] = {
    {"id", cell_id},
    {"pid", cell_pid},
    {"sid", cell_sid},
    {"psid", cell_psid},
    {"name", cell_name},
    {"date", cell_date},
    {"sdesc", cell_sdesc},
    {"tags", cell_tags},
    {"subject_tags", cell_subject_tags},
    {"status", cell_status},
    {"group", cell_group},
    {"state", cell_state},
    {"place", cell_place},
    {"files", cell_files},
    {"progress", cell_progress},
    {"attrs", cell_attrs},
    {"subject", cell_subject},
    {"studies", cell_studies},
    {"task", cell_task},
    {"changed_us", cell_changed},
    {"q", cell_q},
    {"r", cell_r},
    {"e", cell_e},
    {"d", cell_d},
};
#define CELLS (sizeof cells / sizeof cells[0])
#define CELLS_WHOLE (CELLS - 4) /* of an object: q, r, e, d stand in its "jobs" */

/* "/a/b/" as ["a","b"]. */
static void add_tags(struct str *out, const char *tags)
{
    const char *comma = "";
    str_addc(out, '[');
    for (const char *p = tags; *p; p++) {
        size_t n = strcspn(p, "/");
        if (n) {
            struct str one = STR_INIT;
            str_addn(&one, p, n);
            str_add(out, comma);
            json_add_text(out, str_text(&one));
            str_fini(&one);
            comma = ",";
        }
        p += n - (n && !p[n]);
    }
    str_addc(out, ']');
}

static void add_object(struct str *out, const struct row *r)
{
    str_addc(out, '{');
    for (size_t c = 0; c < CELLS_WHOLE; c++) {
        str_addf(out, "%s\"%s\":", c ? "," : "", cells[c].name);
        if (!strcmp(cells[c].name, "tags")) {
            add_tags(out, r->tags);
        } else if (!strcmp(cells[c].name, "subject_tags")) {
            add_tags(out, r->subject_tags);
        } else {
            cells[c].write(r, out);
        }
    }
    const struct jobs_counts *n = &r->jobs.counts;
    str_addf(out, ",\"level\":\"%s\",\"jobs\":{\"q\":%d,\"r\":%d,\"e\":%d,\"d\":%d}}",
             r->subject ? "subject" : "study", n->queued, n->running, n->failed, n->done);
}

/* --- the list */

struct writing {
    const struct studies_query *q;
    struct jobs_row *jobs;
    size_t n_jobs;
    struct str out[CELLS]; /* a column each; of objects and ids only the first */
    int64_t total, written;
};

static bool read_jobs(struct store *s, struct writing *w, struct err *err)
{
    int64_t first = 0, last = 0, project = w->q->project;
    const char *level = w->q->subjects ? "subject" : "study";
    return store_int(s, 0, &first, err, "SELECT min(id) FROM item WHERE project_id=?1 AND level=?2",
                     "is", project, level) &&
        store_int(s, -1, &last, err, "SELECT max(id) FROM item WHERE project_id=?1 AND level=?2",
                  "is", project, level) &&
        jobs_between(s, first, last, &w->jobs, &w->n_jobs, err);
}

/* Of a page of objects the rows are few: each is looked up. */
static bool find_jobs(struct store *s, const struct writing *w, struct row *r, struct err *err)
{
    struct jobs_row *own = NULL;
    size_t n = 0;
    if (w->q->shape == STUDIES_COLUMNS) {
        const struct jobs_row *row = jobs_find(w->jobs, w->n_jobs, r->id);
        r->jobs = row ? *row : (struct jobs_row){.item = r->id};
        return true;
    }
    bool ok = jobs_between(s, r->id, r->id, &own, &n, err);
    r->jobs = n ? own[0] : (struct jobs_row){.item = r->id};
    mem_free(own);
    return ok;
}

static bool complete(struct store *s, const struct writing *w, struct row *r, struct err *err)
{
    if (!find_jobs(s, w, r, err)) {
        return false;
    }
    bool runs = r->jobs.task && (r->jobs.state == TASK_RUNNING || r->jobs.state == TASK_SUSPENDED);
    return !runs ||
        live_place(s, r->jobs.task, r->jobs.attempt, r->place, sizeof r->place, &r->progress, err);
}

static bool write_row(struct store *s, struct writing *w, struct row *r, struct err *err)
{
    const char *comma = w->written ? "," : "";
    w->written++;
    if (w->q->shape == STUDIES_IDS) {
        str_addf(&w->out[0], "%s%" PRId64, comma, r->id);
        return true;
    }
    if (!complete(s, w, r, err)) {
        return false;
    }
    if (w->q->shape == STUDIES_OBJECTS) {
        str_add(&w->out[0], comma);
        add_object(&w->out[0], r);
        return true;
    }
    for (size_t c = 0; c < CELLS; c++) {
        str_add(&w->out[c], comma);
        cells[c].write(r, &w->out[c]);
    }
    return true;
}

static bool read_rows(struct store *s, struct writing *w, struct err *err)
{
    const struct studies_query *sq = w->q;
    char *in = sq->in ? json_line(sq->in, err) : NULL;
    struct query *q = sq->in && !in ? NULL
                                    : store_query(s, err, queries[sq->subjects][sq->descending],
                                                  "isi", sq->project, in, (int64_t)sq->sort);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        struct row r;
        w->total++;
        if (w->total > sq->offset && w->written < sq->limit) {
            row_of(q, sq->subjects, &r);
            ok = write_row(s, w, &r, err);
        }
    }
    mem_free(in);
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

static void write_out(const struct writing *w, struct str *out)
{
    static const char *const names[] = {
        [STUDIES_OBJECTS] = "items", [STUDIES_COLUMNS] = "columns", [STUDIES_IDS] = "ids"};
    bool columns = w->q->shape == STUDIES_COLUMNS;
    str_addf(out, "\"total\":%" PRId64 ",\"%s\":%c", w->total, names[w->q->shape],
             columns ? '{' : '[');
    for (size_t c = 0; c < (columns ? CELLS : 1); c++) {
        if (columns) {
            str_addf(out, "%s\"%s\":[", c ? "," : "", cells[c].name);
        }
        str_addn(out, str_text(&w->out[c]), w->out[c].len);
        out->failed = out->failed || w->out[c].failed;
        str_add(out, columns ? "]" : "");
    }
    str_addc(out, columns ? '}' : ']');
}

bool studies_write(struct store *s, const struct studies_query *q, struct str *out, struct err *err)
{
    struct writing w = {.q = q};
    bool ok = (q->shape != STUDIES_COLUMNS || read_jobs(s, &w, err)) && read_rows(s, &w, err);
    if (ok) {
        write_out(&w, out);
        ok = str_ok(out, err);
    }
    for (size_t c = 0; c < CELLS; c++) {
        str_fini(&w.out[c]);
    }
    mem_free(w.jobs);
    return ok;
}

/* --- one row */

/* Of a study, or of all studies of a subject; ?2 is how many at most. */
static json_t *files_of(struct store *s, int64_t item, int64_t most, struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT f.id,CASE WHEN f.place='' THEN '' ELSE f.place||'/' END||i.name||'/'||"
        "CASE WHEN f.sub='' THEN '' ELSE f.sub||'/' END||f.name AS path,f.place,f.sub,f.name,"
        "f.size,f.mtime_ns,f.tags,f.study_id AS study FROM study s CROSS JOIN file f ON "
        "f.study_id=s.item_id CROSS JOIN item i ON i.id=s.item_id WHERE (s.item_id=?1 OR "
        "s.subject_id=?1) AND f.gone=0 ORDER BY i.name,f.place,f.sub,f.name LIMIT ?2",
        "ii", item, most);
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (!json_put(row, "tags", tags_list(json_get_text(row, "tags", "/")), err)) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static json_t *row_alone(struct store *s, int64_t item, struct err *err)
{
    int64_t project = 0;
    char *level = NULL;
    json_t *ids = json_pack("[I]", (json_int_t)item), *doc = NULL, *row = NULL;
    struct str out = STR_INIT;
    str_addc(&out, '{');
    bool ok = ids &&
        store_int(s, 0, &project, err, "SELECT project_id FROM item WHERE id=?1", "i", item) &&
        store_text(s, &level, err, "SELECT level FROM item WHERE id=?1", "i", item);
    struct studies_query q = {
        .project = project, .subjects = str_equal(level, "subject"), .in = ids, .limit = 1};
    ok = ok && studies_write(s, &q, &out, err);
    str_addc(&out, '}');
    if (ok && str_ok(&out, err)) {
        doc = json_parse(out.buf, out.len, "a row", err);
        row = json_incref(json_array_get(json_object_get(doc, "items"), 0));
        if (doc && !row) {
            (void)err_set(err, ERR_NOTHING, "there is no subject or study %" PRId64, item);
        }
    }
    str_fini(&out);
    mem_free(level);
    json_decref(ids);
    json_decref(doc);
    return row;
}

json_t *studies_show(struct store *s, int64_t item, int64_t most, struct err *err)
{
    json_t *row = row_alone(s, item, err);
    bool ok = row &&
        json_put(row, "files_total", json_incref(json_object_get(row, "files")), err) &&
        json_put(row, "files", files_of(s, item, most, err), err) &&
        json_put(row, "verdicts",
                 store_rows(s, err,
                            "SELECT run_id AS run,good AS good_bool,comment,user,t_us FROM verdict "
                            "WHERE item_id=?1 ORDER BY id DESC",
                            "i", item),
                 err) &&
        json_put(row, "history",
                 store_rows(s, err,
                            "SELECT t_us,kind,text,run_id AS run,task_id AS task FROM event WHERE "
                            "item_id=?1 ORDER BY id DESC LIMIT 50",
                            "i", item),
                 err);
    if (!ok) {
        json_decref(row);
        return NULL;
    }
    return row;
}

/* --- tags */

/* The tags of a row are one text, /a/b/: taken apart here by a recursive walk. */
#define PARTS(rows)                                                                      \
    "WITH RECURSIVE part(tag,rest) AS (SELECT '',substr(tags,2) FROM (" rows             \
    ") UNION ALL SELECT substr(rest,1,instr(rest,'/')-1),substr(rest,instr(rest,'/')+1)" \
    " FROM part WHERE rest<>'') SELECT tag,count(*) AS files FROM part WHERE tag<>'' "   \
    "GROUP BY tag ORDER BY tag"

json_t *studies_tags(struct store *s, int64_t project, const char *domain, struct err *err)
{
    if (!strcmp(domain, "file")) {
        return store_rows(s, err,
                          PARTS("SELECT f.tags FROM item i CROSS JOIN file f ON f.study_id=i.id "
                                "WHERE i.project_id=?1 AND i.level='study' AND f.gone=0 AND "
                                "f.tags<>'/'"),
                          "i", project);
    }
    return store_rows(s, err,
                      PARTS("SELECT tags FROM item WHERE project_id=?1 AND level=?2 AND hidden=0 "
                            "AND gone=0 AND tags<>'/'"),
                      "is", project, domain);
}
