/*
 * math/centre: vo, pc and entropy on sinograms with a known axis, with noise, rings, wider than the
 * detector, whole turns, few and uneven views, and on nothing at all; confidence is high where they
 * are right and low where nothing can be found (REQUIREMENTS C8: a finder says how sure it is). The
 * real tooth's axis is the e2e tests'.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "math/centre-entropy.h"
#include "math/centre.h"
#include "math/phantom.h"

#define assert_near(value, wanted, within)                                               \
    do {                                                                                 \
        double v_ = (value), w_ = (wanted);                                              \
        if (!(fabs(v_ - w_) <= (within))) {                                              \
            fail_msg("%s is %.4f, wanted %.4f +- %g", #value, v_, w_, (double)(within)); \
        }                                                                                \
    } while (0)
#define assert_over(value, bound)                                          \
    do {                                                                   \
        double v_ = (value), b_ = (bound);                                 \
        if (!(v_ >= b_)) {                                                 \
            fail_msg("%s is %.4f, must be at least %.4f", #value, v_, b_); \
        }                                                                  \
    } while (0)

struct noise {
    uint64_t state;
};

static double uniform(struct noise *n)
{
    n->state = n->state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(n->state >> 11) + 0.5) / 9007199254740992.0;
}

static double gauss(struct noise *n)
{
    double u = uniform(n), v = uniform(n);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* A specimen of absorption about 0.5 along its longest way. */
struct scan {
    size_t columns, views;
    double centre, radius, noise, rings, turn;
    unsigned seed;
};

static float *sinogram(const struct scan *s, double *ret_theta)
{
    struct phantom p;
    struct noise n = {s->seed + 1};
    float *sino = mem_array(s->views * s->columns, sizeof *sino, NULL);
    phantom_specimen(s->seed, 0.4, &p);
    phantom_scale_values(&p, 1 / (0.45 * (double)s->columns));
    for (size_t i = 0; i < s->views; i++) {
        ret_theta[i] = s->turn * (double)i / (double)s->views;
    }
    if (s->radius > 0) {
        phantom_sinogram(&p, ret_theta, s->views, s->columns, s->centre,
                         s->radius * (double)s->columns, sino);
    }
    for (size_t c = 0; c < s->columns; c++) {
        double ring = uniform(&n) < 0.1 ? s->rings * gauss(&n) : 0;
        for (size_t v = 0; v < s->views; v++) {
            sino[v * s->columns + c] += (float)(ring + s->noise * gauss(&n));
        }
    }
    return sino;
}

static struct centre_result find_vo(const struct scan *s, double lo, double hi)
{
    struct err err;
    struct centre_result found;
    double *theta = mem_array(s->views, sizeof *theta, NULL);
    float *sino = sinogram(s, theta);
    struct centre_sino in = {.values = sino,
                             .angles = s->views,
                             .columns = s->columns,
                             .theta_rad = theta,
                             .threads = 2};
    assert_ok(centre_vo(&in, lo, hi, 0, &found, NULL, &err), err);
    mem_free(sino);
    mem_free(theta);
    return found;
}

static void t_vo_finds_the_axis(void **state)
{
    (void)state;
    static const struct {
        struct scan scan;
        double within, sure;
    } cases[] = {
        {{512, 750, 255.5, 0.45, 0, 0, M_PI, 1}, 0.02, 0.8},
        {{512, 750, 240.27, 0.45, 0, 0, M_PI, 2}, 0.02, 0.8},
        {{512, 750, 280.63, 0.42, 0.01, 0, M_PI, 3}, 0.2, 0.7},
        {{512, 750, 240.3, 0.40, 0.01, 0.05, M_PI, 4}, 0.25, 0.5}, /* rings */
        {{512, 750, 265.3, 0.80, 0.005, 0, M_PI, 5}, 0.3, 0.5},    /* wider than the detector */
        {{512, 750, 240.3, 1.20, 0.002, 0, M_PI, 6}, 0.5, 0.3},
        {{512, 1500, 240.3, 0.42, 0.01, 0, 2 * M_PI, 7}, 0.25, 0.5}, /* whole turn */
        {{512, 750, 150.4, 0.25, 0.005, 0, M_PI, 8}, 0.3, 0.5},      /* far from the middle */
        {{640, 181, 295.9, 0.40, 0.005, 0, M_PI, 9}, 0.25, 0.4},
        {{301, 177, 140.2, 0.40, 0.005, 0, -M_PI, 10}, 0.3, 0.3}, /* falling angles, odd sizes */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct scan *s = &cases[i].scan;
        struct centre_result found = find_vo(s, 0, 0);
        print_message("case %zu: %.3f for %.3f, confidence %.2f\n", i, found.centre, s->centre,
                      found.confidence);
        assert_near(found.centre, s->centre, cases[i].within);
        assert_over(found.confidence, cases[i].sure);
    }
}

/* Where the specimen leaves the detector at some angles only, its cut edges once drew the minimum
 * tens of pixels away, with a confidence of 0.7. */
static void t_vo_stands_specimens_that_just_leave_the_detector(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 12; seed++) {
        struct scan s = {512, 360,  236.4 + 3 * seed, 0.56 + 0.012 * seed, 0.01,
                         0,   M_PI, 100 + seed};
        assert_near(find_vo(&s, 0, 0).centre, s.centre,
                    3.5); /* noise alone moves it by up to 2.7 */
    }
}

static void t_vo_says_when_it_does_not_know(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 8; seed++) {
        struct scan nothing = {256, 200, 120, 0, 1, 0, M_PI, seed}; /* noise alone */
        struct centre_result found = find_vo(&nothing, 0, 0);
        assert_true(found.confidence < 0.3);
        assert_true(found.centre >= 0 && found.centre <= 255);
    }
    struct scan empty = {256, 200, 120, 0, 0, 0, M_PI, 1};
    struct centre_result found = find_vo(&empty, 0, 0);
    assert_true(found.confidence == 0);
    struct scan outside = {512, 750, 300, 0.3, 0.01, 0, M_PI, 3};
    assert_true(find_vo(&outside, 200, 260).confidence <=
                0.3); /* the axis is not where it may look */
}

static void t_vo_gives_the_score_curve(void **state)
{
    (void)state;
    struct err err;
    struct scan s = {256, 200, 121.5, 0.4, 0.005, 0, M_PI, 3};
    double *theta = mem_array(s.views, sizeof *theta, NULL);
    float *sino = sinogram(&s, theta);
    struct centre_sino in = {
        .values = sino, .angles = s.views, .columns = s.columns, .theta_rad = theta};
    struct centre_result found, again;
    struct centre_curve curve;
    assert_ok(centre_vo(&in, 100, 140, 0.5, &found, &curve, &err), err);
    assert_int_equal(curve.count, 81);
    size_t best = 0;
    for (size_t i = 0; i < curve.count; i++) {
        assert_near(curve.centre[i], 100 + 0.5 * (double)i, 1e-9);
        best = curve.score[i] < curve.score[best] ? i : best;
    }
    assert_near(curve.centre[best], 121.5, 0.51);
    centre_curve_fini(&curve);
    in.threads = 1;
    assert_ok(centre_vo(&in, 100, 140, 0.5, &again, NULL, &err), err);
    assert_true(again.centre == found.centre &&
                again.confidence == found.confidence); /* any number of threads */
    for (size_t i = 0; i < 40; i++) {
        sino[i * 1009] = i % 2 ? NAN : INFINITY;
    }
    assert_ok(centre_vo(&in, 100, 140, 0.5, &again, NULL, &err), err);
    assert_near(again.centre, 121.5, 1);
    in.theta_rad = NULL;
    assert_ok(centre_vo(&in, 100, 140, 0.5, &again, NULL, &err), err);
    assert_near(again.centre, 121.5, 1);
    mem_free(sino);
    mem_free(theta);
}

static void t_vo_refuses_what_it_cannot_use(void **state)
{
    (void)state;
    struct err err;
    struct centre_result found;
    float sino[20 * 20] = {0};
    double theta[20];
    for (int i = 0; i < 20; i++) {
        theta[i] = i * M_PI / 40;
    }
    struct centre_sino in = {
        .values = sino, .angles = 20, .columns = 20, .theta_rad = theta, .threads = 1};
    assert_false(centre_vo(&in, 0, 0, 0, &found, NULL, &err)); /* a quarter turn */
    assert_int_equal(err.code, ERR_FORMAT);
    theta[3] = NAN;
    assert_false(centre_vo(&in, 0, 0, 0, &found, NULL, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    in.columns = 1;
    in.angles = 1;
    assert_false(centre_vo(&in, 0, 0, 0, &found, NULL, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_false(centre_pc(sino, sino, 1, 1, 0, 0, &found, &err));
    assert_int_equal(err.code, ERR_FORMAT);
}

/* Two views half a turn apart of `rows` slices. */
static struct centre_result find_pc(size_t rows, double centre, double radius, double noise,
                                    unsigned seed)
{
    enum { N = 512 };
    struct err err;
    struct noise n = {seed};
    struct centre_result found;
    float *zero = mem_array(rows * N, sizeof *zero, NULL),
          *opposite = mem_array(rows * N, sizeof *zero, NULL);
    float two[2 * N];
    const double theta[2] = {0.3, 0.3 + M_PI};
    for (size_t r = 0; r < rows; r++) {
        struct phantom p;
        phantom_specimen(seed, ((double)r + 0.5) / (double)rows, &p);
        phantom_scale_values(&p, 1 / (0.45 * N));
        memset(two, 0, sizeof two);
        if (radius > 0) {
            phantom_sinogram(&p, theta, 2, N, centre, radius * N, two);
        }
        for (size_t i = 0; i < N; i++) {
            zero[r * N + i] = two[i] + (float)(noise * gauss(&n));
            opposite[r * N + i] = two[N + i] + (float)(noise * gauss(&n));
        }
    }
    assert_ok(centre_pc(zero, opposite, rows, N, 0, 0, &found, &err), err);
    mem_free(opposite);
    mem_free(zero);
    return found;
}

static void t_pc_finds_the_axis(void **state)
{
    (void)state;
    static const struct {
        size_t rows;
        double centre, radius, noise, within, sure;
    } cases[] = {
        {1, 255.5, 0.42, 0, 0.05, 0.7},     {1, 240.27, 0.42, 0, 0.05, 0.7},
        {64, 280.63, 0.42, 0.01, 0.1, 0.6}, {64, 240.3, 0.42, 0.03, 0.25, 0.2},
        {200, 250.3, 0.8, 0.01, 0.2, 0.3},  {64, 150.4, 0.25, 0.005, 0.1, 0.6},
        {64, 265.3, 1.2, 0.005, 0.3, 0.3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct centre_result found =
            find_pc(cases[i].rows, cases[i].centre, cases[i].radius, cases[i].noise, 3);
        print_message("case %zu: %.3f for %.3f, confidence %.2f\n", i, found.centre,
                      cases[i].centre, found.confidence);
        assert_near(found.centre, cases[i].centre, cases[i].within);
        assert_over(found.confidence, cases[i].sure);
    }
}

static void t_pc_says_when_it_does_not_know(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 8; seed++) {
        assert_true(find_pc(16, 250, 0, 1, seed).confidence < 0.3);
    }
    assert_true(find_pc(1, 250, 0, 0, 1).confidence == 0);
}

static struct centre_result find_entropy(const struct scan *s, double lo, double hi)
{
    struct err err;
    struct centre_result found;
    double *theta = mem_array(s->views, sizeof *theta, NULL);
    float *sino = sinogram(s, theta);
    struct centre_sino in = {sino, s->views, s->columns, theta, 2};
    assert_ok(centre_entropy(&in, lo, hi, &found, NULL, &err), err);
    mem_free(sino);
    mem_free(theta);
    return found;
}

static void t_entropy_finds_the_axis(void **state)
{
    (void)state;
    static const struct {
        struct scan scan;
        double lo, hi, sure;
    } cases[] = {
        {{256, 200, 127.5, 0.45, 0, 0, M_PI, 1}, 0, 0, 0.6},
        {{300, 250, 120.27, 0.42, 0.01, 0, M_PI, 3}, 0, 0, 0.6},
        {{300, 250, 120.27, 0.42, 0.03, 0, M_PI, 3}, 90, 150, 0.3},  /* noise */
        {{512, 400, 280.63, 0.42, 0.01, 0, M_PI, 2}, 250, 310, 0.6}, /* binned first */
        {{1100, 300, 561.3, 0.42, 0.01, 0, M_PI, 2}, 540, 575, 0.5}, /* and last */
        {{256, 300, 131.4, 0.80, 0.005, 0, M_PI, 5}, 0, 0, 0.3},     /* wider than the detector */
        {{256, 400, 120.3, 0.42, 0.01, 0, 2 * M_PI, 7}, 0, 0, 0.6},  /* whole turn */
        {{201, 177, 95.2, 0.40, 0.005, 0, -M_PI, 10}, 0, 0, 0.5},    /* falling angles, odd sizes */
        {{256, 200, 127.8, 0.45, 0, 0, M_PI, 4}, 127, 129, 0},       /* hardly a range */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct scan *s = &cases[i].scan;
        struct centre_result found = find_entropy(s, cases[i].lo, cases[i].hi);
        print_message("case %zu: %.3f for %.3f, confidence %.2f\n", i, found.centre, s->centre,
                      found.confidence);
        assert_near(found.centre, s->centre, 0.5);
        assert_over(found.confidence, cases[i].sure);
    }
}

static void t_entropy_says_when_it_does_not_know(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 8; seed++) {
        struct scan nothing = {128, 100, 60, 0, 1, 0, M_PI, seed}; /* noise alone */
        struct centre_result found = find_entropy(&nothing, 0, 0);
        print_message("noise: %.2f, confidence %.2f\n", found.centre, found.confidence);
        assert_true(found.confidence < 0.3);
        assert_true(found.centre >= 0 && found.centre <= 127);
    }
    struct scan empty = {128, 100, 60, 0, 0, 0, M_PI, 1};
    struct centre_result found = find_entropy(&empty, 0, 0);
    assert_true(found.confidence == 0);
    assert_near(found.centre, 63.5, 1e-9);
    struct scan outside = {256, 200, 150, 0.3, 0.01, 0, M_PI, 3};
    found = find_entropy(&outside, 100, 130); /* the axis is not where it may look */
    assert_true(found.confidence < 0.3);
    assert_true(found.centre >= 100 && found.centre <= 130);
}

/* Constant, not finite, in any order of views; the curve; any number of threads. */
static void t_entropy_takes_what_comes(void **state)
{
    (void)state;
    struct err err;
    struct scan s = {200, 150, 95.3, 0.4, 0.005, 0, M_PI, 3};
    double *theta = mem_array(s.views, sizeof *theta, NULL);
    float *sino = sinogram(&s, theta), *other = mem_array(s.views * 200, sizeof *other, NULL);
    struct centre_sino in = {sino, s.views, s.columns, theta, 2};
    struct centre_result found, again;
    struct centre_curve curve;
    assert_ok(centre_entropy(&in, 80, 120, &found, &curve, &err), err);
    assert_int_equal(curve.count, 41);
    size_t best = 0;
    for (size_t i = 0; i < curve.count; i++) {
        assert_near(curve.centre[i], 80 + (double)i, 1e-9);
        best = curve.score[i] < curve.score[best] ? i : best;
    }
    assert_near(curve.centre[best], 95.3, 1.01);
    centre_curve_fini(&curve);
    in.threads = 1;
    assert_ok(centre_entropy(&in, 80, 120, &again, NULL, &err), err);
    assert_true(again.centre == found.centre && again.confidence == found.confidence);
    in.theta_rad = NULL; /* 0 .. pi, as they are */
    assert_ok(centre_entropy(&in, 80, 120, &again, NULL, &err), err);
    assert_near(again.centre, 95.3, 0.5);
    double shuffled[150];
    for (size_t i = 0; i < s.views; i++) {
        size_t from = i * 7 % s.views;
        shuffled[i] = theta[from];
        memcpy(other + i * 200, sino + from * 200, 200 * sizeof *sino);
    }
    in = (struct centre_sino){other, s.views, s.columns, shuffled, 2};
    assert_ok(centre_entropy(&in, 80, 120, &again, NULL, &err), err);
    assert_near(again.centre, 95.3, 0.5);
    other[1234] = NAN;
    other[7777] = INFINITY;
    assert_ok(centre_entropy(&in, 80, 120, &again, NULL, &err), err);
    assert_near(again.centre, 95.3, 0.5);
    for (size_t i = 0; i < s.views * 200; i++) {
        other[i] = 1;
    }
    assert_ok(centre_entropy(&in, 0, 0, &again, NULL, &err), err);
    assert_true(again.confidence < 0.3);
    shuffled[3] = NAN;
    assert_false(centre_entropy(&in, 0, 0, &again, NULL, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    in.theta_rad = NULL;
    in.columns = 8;
    assert_false(centre_entropy(&in, 0, 0, &again, NULL, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    mem_free(other);
    mem_free(sino);
    mem_free(theta);
}

static void t_pair_is_half_a_turn_apart(void **state)
{
    (void)state;
    struct err err;
    size_t a, b;
    double off, theta[361];
    for (int i = 0; i < 361; i++) {
        theta[i] = i * M_PI / 360;
    }
    assert_ok(centre_pair(theta, 361, &a, &b, &off, &err), err);
    assert_int_equal(a, 0);
    assert_int_equal(b, 360);
    assert_near(off, 0, 1e-6);
    assert_ok(centre_pair(theta, 360, &a, &b, &off, &err),
              err); /* 0 .. 179.5: the nearest there is */
    assert_near(off, M_PI / 360, 1e-6);
    assert_false(centre_pair(theta, 200, &a, &b, &off, &err));
    assert_int_equal(err.code, ERR_FORMAT);
}

static void t_two_answers_are_weighed(void **state)
{
    (void)state;
    struct err err;
    struct centre_result got, vo = {300.2, 0.6}, near_it = {300.9, 0.5}, far_off = {350, 0.5},
                              same = {300.4, 0.5}, sure = {350, 0.9};
    const char *source;
    assert_ok(centre_auto(&vo, &near_it, NULL, &got, &source, &err), err);
    assert_near(got.centre, 300.2, 0);
    assert_near(got.confidence, 0.8, 1e-9);
    assert_string_equal(source, "vo");
    assert_ok(centre_auto(&vo, &far_off, NULL, &got, &source, &err), err);
    assert_near(got.centre, 300.2, 0);
    assert_true(got.confidence < 0.6 && got.confidence > 0.2);
    assert_ok(centre_auto(&vo, &sure, NULL, &got, &source, &err), err);
    assert_near(got.centre, 350, 0);
    assert_string_equal(source, "pc");
    assert_ok(centre_auto(NULL, &sure, &vo, &got, &source, &err), err); /* ai needs both */
    assert_near(got.confidence, 0.9, 1e-9);
    assert_string_equal(source, "pc");
    assert_false(centre_auto(NULL, NULL, &vo, &got, &source, &err));
    const struct centre_result *third[] = {NULL, &far_off};
    for (size_t i = 0; i < 2; i++) { /* what is confirmed wants no third */
        assert_ok(centre_auto(&vo, &same, third[i], &got, &source, &err), err);
        assert_near(got.centre, 300.3, 1e-9);
        assert_near(got.confidence, 0.8, 1e-9);
        assert_string_equal(source, "vo+pc");
    }
}

/* The model as the third voice of auto (DESIGN 7: the best of them by agreement). */
static void t_of_three_the_median_counts(void **state)
{
    (void)state;
    static const struct {
        double vo, pc, ai, centre, confidence;
        const char *source;
    } cases[] = {
        {300.0, 300.5, 300.3, 300.3, 0.8, "ai"},  /* ai 0.5, pc 0.6: 1 - 0.5 * 0.4 */
        {300.0, 350.0, 300.4, 300.4, 0.9, "ai"},  /* confirmed by vo, 0.8 */
        {350.0, 300.0, 300.4, 300.4, 0.8, "ai"},  /* confirmed by pc */
        {300.0, 300.4, 250.0, 300.0, 0.92, "vo"}, /* the model went astray */
        {300.4, 300.0, 250.0, 300.0, 0.92, "pc"},
        {300.0, 299.0, 301.5, 300.0, 0.92, "vo"}, /* both within 1.5: the nearer one */
        {300.0, 310.0, 320.0, 310.0, 0.3, "pc"},  /* three opinions: halved, not less */
        {310.0, 300.0, 320.0, 310.0, 0.5, "vo"},  /* 0.8 (1 - 0.5 * 0.6 / 0.8) */
        {300.0, 320.0, 310.0, 310.0, 0.25, "ai"},
        {300.0, 310.0, 310.0, 310.0, 0.8, "pc"},
    };
    struct err err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct centre_result got, vo = {cases[i].vo, 0.8}, pc = {cases[i].pc, 0.6},
                                  ai = {cases[i].ai, 0.5};
        const char *source;
        assert_ok(centre_auto(&vo, &pc, &ai, &got, &source, &err), err);
        print_message("case %zu: %.2f of %s, confidence %.3f\n", i, got.centre, source,
                      got.confidence);
        assert_near(got.centre, cases[i].centre, 0);
        assert_near(got.confidence, cases[i].confidence, 1e-9);
        assert_string_equal(source, cases[i].source);
    }
}

struct small {
    double *theta;
    float *sino;
};

static bool all_finders(void *arg, struct err *err)
{
    struct small *s = arg;
    struct centre_sino in = {
        .values = s->sino, .angles = 60, .columns = 48, .theta_rad = s->theta, .threads = 2};
    struct centre_result found;
    struct centre_curve curve;
    if (!centre_vo(&in, 0, 0, 0, &found, &curve, err)) {
        return false;
    }
    centre_curve_fini(&curve);
    if (!centre_entropy(&in, 20, 28, &found, &curve, err)) {
        return false;
    }
    centre_curve_fini(&curve);
    return centre_pc(s->sino, s->sino + 59 * 48, 1, 48, 0, 0, &found, err);
}

static void t_running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct scan scan = {48, 60, 24.2, 0.4, 0.01, 0, M_PI, 3};
    struct small s = {mem_array(60, sizeof(double), NULL), NULL};
    s.sino = sinogram(&scan, s.theta);
    test_every_failure(all_finders, &s);
    mem_free(s.sino);
    mem_free(s.theta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_vo_finds_the_axis),
        cmocka_unit_test(t_vo_stands_specimens_that_just_leave_the_detector),
        cmocka_unit_test(t_vo_says_when_it_does_not_know),
        cmocka_unit_test(t_vo_gives_the_score_curve),
        cmocka_unit_test(t_vo_refuses_what_it_cannot_use),
        cmocka_unit_test(t_pc_finds_the_axis),
        cmocka_unit_test(t_pc_says_when_it_does_not_know),
        cmocka_unit_test(t_entropy_finds_the_axis),
        cmocka_unit_test(t_entropy_says_when_it_does_not_know),
        cmocka_unit_test(t_entropy_takes_what_comes),
        cmocka_unit_test(t_pair_is_half_a_turn_apart),
        cmocka_unit_test(t_two_answers_are_weighed),
        cmocka_unit_test(t_of_three_the_median_counts),
        cmocka_unit_test(t_running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
