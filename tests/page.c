/* page.c - `oodbench report` from the command line: a page that is well formed whatever
 * names are, that needs nothing but itself, and that says what the CSVs say. */
#include "../harness/html.h"
#include "program.h"

#include <ctype.h>

static char real_path[4096];

static const char results_header[] =
    "run,commit,device,fast,precision,net,weights,id,train,train_params,score,score_params,seed,ood,group,n_id,"
    "n_ood,acc,auroc,aupr_in,aupr_out,fpr95,fpr95_id,fit_s,score_s,peak_mb,status\n";
static const char accuracy_header[] = "run,net,weights,id,train,train_params,seed,set,split,n,correct,acc\n";
static const char search_header[] =
    "run,net,weights,id,tune,train,train_params,seed,score,score_params,auroc,seconds,status,chosen\n";

#define EVIL "\"<i>oe</i> & \"\"it's\"\"\"" /* a field of a CSV */

/* Near, far and shifted rows of one model and seed; AUROC is 100 - fpr / 2. */
static void add_model(text *t, const char *run, const char *train, int seed, double near, double far)
{
    const struct {
        const char *set, *group;
        double acc, fpr;
    } rows[] = {
        {"tin", "near", 90, near}, {"mnist", "far", 90, far}, {"cifar10c", "csid", 100 - near / 2 + seed, 50}};
    for (int i = 0; i < 3; i++)
        text_add(t,
                 "%s,c0ffee,cpu,false,f32,net,,cifar10,%s,,msp,,%d,%s,%s,10,10,%g,%g,50,50,%g,50,0.5,0.25,40,ok\n",
                 run, train, seed, rows[i].set, rows[i].group, rows[i].acc, 100 - rows[i].fpr / 2, rows[i].fpr);
}

static void add_failure(text *t, const char *set, const char *group)
{
    text_add(t, "f,c0ffee,cpu,false,f32,net,,cifar10,ce,,knn,k=50,0,%s,%s,10,10,,,,,,,,,,", set, group);
    text_add(t, "crashed: <signal> 11\n");
}

static void write_rows(const char *name, const char *header, const text *rows)
{
    char *all = text_format("%s%s", header, text_str(rows));
    write_text(name, all);
    free(all);
}

/* Two seeds of a model: near FPR@95 is 39 and 41, their mean 40, the deviation 1. */
static void write_results(const char *name, const char *train, int failures)
{
    text t = {0};
    add_model(&t, "a", "ce", 0, 60, 30);
    add_model(&t, "b", "ce", 1, 62, 30);
    add_model(&t, "c", train, 0, 39, 20);
    add_model(&t, "d", train, 1, 41, 22);
    for (int i = 0; i < failures; i++)
        add_failure(&t, i ? "mnist" : "tin", i ? "far" : "near");
    write_rows(name, results_header, &t);
    text_free(&t);
}

static void write_others(const char *folder)
{
    char name[64];
    text t = {0};
    text_add(&t, "a,net,,cifar10,ce,,0,cifar10,test,10,9,90\na,net,,cifar10,ce,,0,cifar10c,fog_1,10,8,81.25\n"
                 "a,net,,cifar10,ce,,0,cifar10c,fog_2,10,6,61\na,net,,cifar10,ce,,0,cifar10c,all,20,14,71.125\n");
    snprintf(name, sizeof name, "%s/accuracy.csv", folder);
    write_rows(name, accuracy_header, &t);
    text_clear(&t);
    text_add(&t, "a,net,,cifar10,tin_val,ce,,0,msp,k=1;m=2,88.5,0.5,ok,false\n"
                 "a,net,,cifar10,tin_val,ce,,0,msp,k=3;m=2,91.25,0.5,ok,true\n"
                 "a,net,,cifar10,tin_val,ce,,0,msp,k=5;m=2,,0.5,refused: <k>,false\n");
    snprintf(name, sizeof name, "%s/search.csv", folder);
    write_rows(name, search_header, &t);
    text_clear(&t);
    text_add(&t, "cifar10,test,10,0123456789abcdef\n");
    snprintf(name, sizeof name, "%s/data.csv", folder);
    write_rows(name, "set,split,n,sha256\n", &t);
    text_clear(&t);
    text_add(&t, "score: msp\nnear: [tin]\nweights: %s/w.safetensors\n", here);
    snprintf(name, sizeof name, "%s/cache/a.yml", folder);
    write_rows(name, "", &t);
    text_free(&t);
    write_text("w.safetensors", "abc");
    snprintf(name, sizeof name, "%s/cache/f.log", folder);
    write_text(name, "device: cpu\nlast words </pre>\n");
}

/* Scripts named gnuplot stand in for it; the picture has names as gnuplot's have. */
static int begin(void **state)
{
    (void)state;
    if (program_begin("page") != 0)
        return -1;
    write_results("r/results.csv", EVIL, 2);
    write_others("r");
    write_results("whole/results.csv", "oe", 0);
    write_text(
        "good/gnuplot",
        "#!/bin/sh\ncat >\"$5\" <<'END'\n<?xml version=\"1.0\"?>\n<svg width=\"317\" height=\"204\" viewBox=\"0 0 "
        "317 204\" xmlns=\"http://www.w3.org/2000/svg\">\n<title>Gnuplot</title>\n<defs><circle id='dot' "
        "r='1'/></defs>\n<g id=\"canvas\"><title>plot_1</title><use xlink:href='#dot'/><rect "
        "fill='url(#dot)'/><text>a id='kept'</text></g>\n</svg>\nEND\n");
    write_text("bad/gnuplot", "#!/bin/sh\necho 'no <terminal>'\nexit 1\n");
    char *command = text_format("chmod +x '%s/good/gnuplot' '%s/bad/gnuplot'", here, here);
    int rc = system(command);
    free(command);
    snprintf(real_path, sizeof real_path, "%s", getenv("PATH"));
    return rc;
}

static int end(void **state)
{
    setenv("PATH", real_path, 1);
    return program_end(state);
}

/* The page of `arguments`, in which every %s is the folder; to be freed. */
static char *page_by(const char *gnuplot, const char *arguments, char **said)
{
    int status;
    size_t n = 0;
    char *path = text_format("%s/%s:/usr/bin:/bin", here, gnuplot), *bytes = NULL,
         *out = text_format("%s/page.html", here);
    setenv("PATH", path, 1);
    *said = output(&status, "report %s -o '%s'", arguments, out);
    if (status != 0 || file_read(out, &bytes, &n) != 0)
        fail_msg("report %s: status %d and:\n%s", arguments, status, *said);
    assert_int_equal(strlen(bytes), n);
    free(path);
    free(out);
    return bytes;
}

static char *page_of(const char *folder)
{
    char *said, *given = text_format("'%s/%s'", here, folder), *page = page_by("good", given, &said);
    free(given);
    free(said);
    return page;
}

static void holds(const char *page, const char *what)
{
    if (!strstr(page, what))
        fail_msg("expected in the page: %s", what);
}

static void lacks(const char *page, const char *what)
{
    const char *found = strstr(page, what);
    if (found)
        fail_msg("not expected in the page: %.80s", found);
}

/* --- Form --- */

static int is_void(const char *name)
{
    return strcmp(name, "meta") == 0 || strcmp(name, "link") == 0 || strcmp(name, "img") == 0;
}

/* Behind the tag's `>`, quoted ones skipped; a quote that does not end is a failure. */
static const char *behind_tag(const char *s)
{
    while (*s != '>') {
        if (*s == '"' || *s == '\'') {
            const char *close = strchr(s + 1, *s);
            if (!close)
                fail_msg("a quote does not end: %.60s", s);
            s = close;
        }
        assert_true(*s && (*s != '<'));
        s++;
    }
    return s + 1;
}

/* Every element that begins ends, in turn. */
static void check_nesting(const char *page)
{
    char open[64][16], name[16];
    int depth = 0;
    for (const char *s = strchr(page, '<'); s; s = strchr(s, '<')) {
        int closing = s[1] == '/', n = 0;
        const char *p = s + 1 + closing, *behind = behind_tag(s + 1);
        for (; isalnum((unsigned char)p[n]) && n < 15; n++)
            name[n] = p[n];
        name[n] = '\0';
        if (s[1] != '!' && n == 0)
            fail_msg("no element: %.60s", s);
        if (closing && (depth == 0 || strcmp(open[depth - 1], name) != 0))
            fail_msg("</%s> where </%s> is due: %.60s", name, depth ? open[depth - 1] : "", s);
        if (closing)
            depth--;
        else if (s[1] != '!' && behind[-2] != '/' && !is_void(name)) {
            assert_true(depth < 64);
            snprintf(open[depth++], sizeof open[0], "%s", name);
        }
        if (strcmp(name, "script") == 0 && !closing)
            behind = strstr(behind, "</script>"); /* text up to there */
        s = behind;
    }
    assert_int_equal(depth, 0);
}

static void nests(void **state)
{
    (void)state;
    char *page = page_of("r");
    check_nesting(page);
    free(page);
}

static void escapes(void **state)
{
    (void)state;
    char *page = page_of("r");
    lacks(page, "<i>");
    lacks(page, "<signal>");
    lacks(page, "<k>");
    lacks(page, "words </pre>");
    holds(page, "&lt;i&gt;oe&lt;/i&gt; &amp; &quot;it&#39;s&quot;");
    free(page);
}

/* Every occurrence of `before` is followed by one of two. */
static void always(const char *page, const char *before, const char *one, const char *other)
{
    for (const char *s = strstr(page, before); s; s = strstr(s, before)) {
        s += strlen(before);
        if (strncmp(s, one, strlen(one)) != 0 && strncmp(s, other, strlen(other)) != 0)
            fail_msg("of elsewhere: %s%.40s", before, s);
    }
}

static void stands_alone(void **state)
{
    (void)state;
    char *page = page_of("r");
    lacks(page, "http:");
    lacks(page, "https:");
    lacks(page, "@import");
    always(page, "href=\"", "#", "data:");
    always(page, "href='", "#", "#");
    always(page, "src=\"", "data:", "data:");
    always(page, "url(", "#", "#");
    holds(page, "default-src 'none'");
    free(page);
}

/* No name is given twice, and none of a picture is another's. */
static void names_are_unique(void **state)
{
    (void)state;
    char *page = page_of("r");
    holds(page, "id='scatter-dot'");
    holds(page, "xlink:href='#scatter-dot'");
    holds(page, "url(#scatter-dot)");
    holds(page, "<text>a id='kept'</text>");
    lacks(page, "<title>plot_1");
    for (const char *s = strstr(page, " id=\""); s; s = strstr(s + 1, " id=\"")) {
        char *name = text_format("%.*s", (int)strcspn(s + 5, "\"") + 6, s);
        if (strstr(s + 1, name))
            fail_msg("twice: %s", name);
        free(name);
    }
    free(page);
}

/* --- Content --- */

static void failures_come_first(void **state)
{
    (void)state;
    char *page = page_of("r"), *whole = page_of("whole");
    const char *failures = strstr(page, "<section id=\"failures\""),
               *results = strstr(page, "<section id=\"results\"");
    assert_true(failures && results && failures < results);
    holds(page, "2 without a result");
    holds(page, "<th scope=\"row\" class=\"label\">tin, mnist</th>");
    holds(page, "crashed: &lt;signal&gt; 11");
    holds(page, "last words &lt;/pre&gt;");
    holds(whole, "12 rows, all with a result");
    lacks(whole, "id=\"failures\"");
    free(page);
    free(whole);
}

static void says_the_numbers(void **state)
{
    (void)state;
    char *page = page_of("r");
    holds(page, "<td><strong>40.00 ± 1.00</strong></td>"); /* FPR@95 near: 39 and 41 */
    holds(page, "<td>61.00 ± 1.00</td>");
    holds(page, "<td>69.50 ± 0.50</td>"); /* AUROC near of ce: 70 and 69 */
    holds(page, "<td>81.25</td>");        /* fog at severity 1 */
    holds(page, "<td><strong>91.25</strong></td>");
    holds(page, "refused: &lt;k&gt;");
    holds(page, "0123456789abcdef");
    holds(page, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); /* SHA-256 of abc */
    holds(page, ">c0ffee</th>");
    free(page);
}

static void joins_folders(void **state)
{
    (void)state;
    char *said, *both = text_format("'%s/r' '%s/whole'", here, here), *page = page_by("good", both, &said);
    holds(page, "<h1>r, whole</h1>");
    holds(page, "26 rows");
    check_nesting(page);
    free(page);
    free(said);
    free(both);
}

static void says_the_same_again(void **state)
{
    (void)state;
    char *first = page_of("r"), *second = page_of("r");
    assert_string_equal(first, second);
    free(first);
    free(second);
}

/* What gnuplot does not draw is said where the picture would be, and on the terminal. */
static void says_what_is_not_drawn(void **state)
{
    (void)state;
    char *said, *given = text_format("'%s/r'", here), *page = page_by("bad", given, &said);
    holds(page, "no &lt;terminal&gt;</p>");
    says(said, "no <terminal>");
    check_nesting(page);
    lacks(page, "<svg");
    holds(page, "Figures left out, and why");
    free(page);
    free(said);
    free(given);
}

/* Beside the results, and nothing else is left there. */
static void goes_beside(void **state)
{
    (void)state;
    int status;
    char *said = output(&status, "report '%s/whole'", here);
    says(said, "whole/report.html");
    assert_int_equal(status, 0);
    char *path = text_format("%s/whole", here), *list = text_format("ls -A '%s'", path), found[256] = "";
    FILE *f = popen(list, "r");
    assert_non_null(f);
    found[fread(found, 1, sizeof found - 1, f)] = '\0';
    pclose(f);
    assert_string_equal(found, "report.html\nresults.csv\n");
    free(list);
    free(path);
    free(said);
}

/* --- Refusals --- */

static void refuses(const char *arguments, const char *what)
{
    int status;
    char *said = output(&status, "report %s", arguments);
    if (status != EXIT_CONFIG || !strstr(said, what) || strchr(said, '\n') != strrchr(said, '\n'))
        fail_msg("%s: expected one line with `%s`, found status %d and:\n%s", arguments, what, status, said);
    free(said);
}

static void refuses_what_is_no_result(void **state)
{
    (void)state;
    char *arguments = text_format("'%s/none'", here);
    refuses(arguments, "there is no");
    free(arguments);
    arguments = text_format("'%s/good'", here);
    refuses(arguments, "results.csv");
    free(arguments);
    arguments = text_format("'%s/r/data.csv'", here);
    refuses(arguments, "data.csv");
    free(arguments);
    write_text("empty/results.csv", results_header);
    arguments = text_format("'%s/empty'", here);
    refuses(arguments, "has no rows");
    free(arguments);
    arguments = text_format("'%s/r' '%s/whole'", here, here);
    refuses(arguments, "-o FILE");
    free(arguments);
    refuses("--colour", "--colour");
    refuses("-o", "expected a file");
    refuses("--all", "of which results?");
}

/* --- Text --- */

static void makes_any_bytes_text(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&bytes, &n);
    assert_non_null(f);
    html_text(f, "%s", "a\xC3\xA9\xFFz\x01\xC3");
    html_base64(f, "Man", 3);
    html_base64(f, "Ma", 2);
    fclose(f);
    assert_string_equal(bytes, "a\xC3\xA9\xEF\xBF\xBDz \xEF\xBF\xBDTWFuTWE=");
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nests),
                                       cmocka_unit_test(escapes),
                                       cmocka_unit_test(stands_alone),
                                       cmocka_unit_test(names_are_unique),
                                       cmocka_unit_test(failures_come_first),
                                       cmocka_unit_test(says_the_numbers),
                                       cmocka_unit_test(joins_folders),
                                       cmocka_unit_test(says_the_same_again),
                                       cmocka_unit_test(says_what_is_not_drawn),
                                       cmocka_unit_test(goes_beside),
                                       cmocka_unit_test(refuses_what_is_no_result),
                                       cmocka_unit_test(makes_any_bytes_text)};
    return cmocka_run_group_tests(tests, begin, end);
}
