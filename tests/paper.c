/* paper.c - the published tables in results/paper: they parse, their averages are
 * those of their columns, their names are ours; and results beside them. */
#include "../harness/paper_match.h"
#include "program.h"

#include <dirent.h>
#include <math.h>

static const char folder[] = "results/paper";

/* Calls f with every published table; returns how many there are. */
static int each(void (*f)(const paper *p, const char *name))
{
    DIR *d = opendir(folder);
    int n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        size_t length = strlen(e->d_name);
        if (length < 4 || strcmp(e->d_name + length - 4, ".csv") != 0)
            continue;
        char *path = text_format("%s/%s", folder, e->d_name);
        paper p;
        if (paper_open(&p, path) != 0)
            fail_msg("%s", fault_text());
        f(&p, e->d_name);
        paper_close(&p);
        free(path);
        n++;
    }
    closedir(d);
    return n;
}

static void has_figures(const paper *p, const char *name)
{
    double v;
    int n = 0;
    for (int row = 0; row < sheet_rows(p->rows); row++)
        for (int i = 0; i < p->n; i++)
            n += paper_figure(p, row, p->quantities[i].column, &v);
    if (n == 0 || p->n == 0)
        fail_msg("%s has no figure", name);
}

static void all_parse(void **state)
{
    (void)state;
    assert_true(each(has_figures) > 0);
}

/* The figure in column SUBJECT_METRIC of a row; 0 without that column. */
static int figure(const paper *p, int row, const char *subject, int n, const measure *of, double *v)
{
    for (int i = 0; i < p->n; i++)
        if (p->quantities[i].of == of && (int)strlen(p->quantities[i].subject) == n &&
            strncmp(p->quantities[i].subject, subject, (size_t)n) == 0)
            return paper_figure(p, row, p->quantities[i].column, v);
    return 0;
}

/* A group's own column, or the mean of its sets'; 0 when neither is printed. */
static int group_mean(const paper *p, int row, const char *key, const measure *of, double *v)
{
    const char *name = strchr(key, '.') + 1;
    double sum = 0, one;
    int n = config_items(p->setting, key);
    if (figure(p, row, name, (int)strlen(name), of, v))
        return 1;
    for (int i = 0; i < n; i++) {
        const char *set = config_item(p->setting, key, i);
        if (!figure(p, row, set, (int)strlen(set), of, &one))
            return 0;
        sum += one;
    }
    *v = sum / n;
    return 1;
}

static int checked; /* averages */

static void check_averages(const paper *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        for (int row = 0; p->quantities[i].what == PAPER_AVERAGE && row < sheet_rows(p->rows); row++) {
            double sum = 0, v = 0, printed;
            int there = paper_figure(p, row, p->quantities[i].column, &printed);
            for (int k = 0; there && k < p->ngroups; k++) {
                there = group_mean(p, row, p->groups[k], p->quantities[i].of, &v);
                sum += v;
            }
            checked += there;
            if (there && fabs(sum / p->ngroups - printed) > 0.01 + 1e-9)
                fail_msg("%s:%d: %s is %g, its parts have the mean %.4f", name, row + 2, p->quantities[i].name,
                         printed, sum / p->ngroups);
        }
}

static void averages_agree(void **state)
{
    (void)state;
    checked = 0;
    each(check_averages);
    assert_true(checked > 0);
}

/* Every word that names a method is a file. */
static void check_names(const paper *p, const char *name)
{
    for (int row = 0; row < sheet_rows(p->rows); row++)
        for (int column = PAPER_TRAIN; column <= PAPER_SCORE; column++)
            for (const char *s = sheet_at(p->rows, row, column); *s; s += strcspn(s, " "), s += *s == ' ') {
                char *file = text_format("methods/%.*s.c", (int)strcspn(s, " ;"), s);
                if (strncmp(s, "none", 4) != 0 && access(file, R_OK) != 0)
                    fail_msg("%s:%d: there is no %s", name, row + 2, file);
                free(file);
            }
}

static void names_are_methods(void **state)
{
    (void)state;
    each(check_names);
}

static void names(void **state)
{
    (void)state;
    assert_int_equal(paper_names("ce none", "ce", ""), 0);
    assert_int_equal(paper_names("ce none", "", ""), 1);
    assert_int_equal(paper_names("ce none", "cee", ""), -1);
    assert_int_equal(paper_names("ce none", "c", ""), -1);
    assert_int_equal(paper_names("saft", "saft (reconstruction)", "rho=1"), 0);
    assert_int_equal(paper_names("sam;base=ce", "sam", "rho=0.05;base=ce"), 0);
    assert_int_equal(paper_names("sam;base=ce", "sam", "rho=0.05;base=cee"), -1);
    assert_int_equal(paper_names("g;k=1;m=2 g", "g", "k=1;m=3"), 1);
    assert_int_equal(paper_names("", "", ""), -1);
}

/* Results beside a table of three methods, of which one is in both. */

static const char table[] = "method,network,id,net,train,score,near_fpr95,near_fpr95_std,far_auroc,average_auroc,"
                            "csid_acc\n"
                            "Exposed,Big Net,x,resnet18-32,oe,msp,30.00,1.5,90.0,80.00,50.00\n"
                            "Plain,Big Net,x,resnet18-32,ce none,msp,40.00,,80.0,70.00,50.00\n"
                            "Secret,Big Net,x,resnet18-32,,,20.00,,95.0,90.00,\n"
                            "Elsewhere,Big Net,y,resnet18-32,oe,msp,20.00,,95.0,90.00,\n";
static const char setting[] = "paper: A paper\ntable: \"1\"\nsets: {near: [a, b], far: [c]}\ncsid: xc\nseeds: 3\n"
                              "train_images: 100\noutliers: many\nepochs: {oe: 10}\n";

static void row(text *t, const char *train, const char *epochs, const char *score, const char *ood,
                const char *group, double acc, double auroc, double fpr)
{
    text_add(t, "r,c,cpu,false,bf16,resnet20,w,x,%s,%s,%s,,0,%s,%s,10,20,%g,%g,1,1,%g,77,0,0,0,ok\n", train, epochs,
             score, ood, group, acc, auroc, fpr);
}

static void write_results(void)
{
    text t = {0};
    for (int i = 0; i < RESULT_COLUMNS; i++)
        text_add(&t, "%s%s", result_names[i], i < RESULT_COLUMNS - 1 ? "," : "\n");
    row(&t, "oe", "batch=1;epochs=2", "msp", "a", "near", 91, 60, 25);
    row(&t, "oe", "batch=1;epochs=2", "msp", "c", "far", 91, 70, 50);
    row(&t, "oe", "batch=1;epochs=2", "msp", "extra", "far", 91, 1, 99); /* the paper has no such set */
    row(&t, "oe", "batch=1;epochs=2", "msp", "xc", "csid", 55, 0, 0);
    row(&t, "oe", "batch=1;epochs=2", "ebo", "a", "near", 91, 60, 25);
    write_text("r.csv", t.bytes);
    text_free(&t);
    write_text("t.csv", table);
    write_text("t.yml", setting);
    write_text("data.csv", "set,split,n,sha256\nx,train,60,0\n");
    write_text("cache/r.yml", "outliers: few\n");
}

static void beside(void **state)
{
    int status;
    (void)state;
    write_results();
    char *said = output(&status, "compare-paper '%s/r.csv' '%s/t.csv'", here, here);
    assert_int_equal(status, 0);
    says(said, "A paper\ntable 1, beside ");
    says(said, "network          Big Net (resnet18-32)  resnet20\n");
    says(said, "seeds            3                      1\n");
    says(said, "training images  100                    60\n");
    says(said, "outliers         many                   few\n");
    says(said, "epochs           oe 10                  oe 2\n");
    says(said, "near sets        a, b                   a\n");
    says(said, "precision        not stated             bf16\n");
    says(said, "alike: far sets, shifted images\n");
    says(said, "Exposed  oe + msp          30.00 ± 1.5  25.00*  -5.00"); /* the mean of a alone */
    says(said, " 90.0  70.00  -20.00  80.00  65.00*  -15.00");           /* (60 + 70) / 2 */
    says(said, "published, not in these results:\nPlain    -       ");
    says(said, "Secret   (no such method)        20.00");
    says(said, "* some sets, corruptions or seeds of the published figure are missing in it\n");
    says(said, "in these results, not published there: oe + ebo\n");
    says(said, "left out: 1 published row of other ID sets\n");
    free(said);
    said = output(&status, "compare-paper '%s/r.csv' '%s/t.csv' --format csv", here, here);
    assert_int_equal(status, 0);
    says(said, "both,Exposed,Big Net,resnet20,oe,msp,,near_fpr95,30.00,1.5,25,0,-5,true\n");
    says(said, "both,Exposed,Big Net,resnet20,oe,msp,,csid_acc,50.00,,55,0,5,false\n");
    says(said, "paper,Secret,Big Net,,,,,csid_acc,,,,,,\n");
    says(said, "ours,,,resnet20,oe,ebo,,near_fpr95,,,25,0,,true\n");
    says(said, "setting,,,,,,,outliers,many,,few,,,\n");
    free(said);
    said = output(&status, "compare-paper '%s/r.csv' '%s/t.csv' --format=markdown", here, here);
    says(said, "| outliers | many | few |\n");
    says(said, "| *published, not in these results* | |");
    free(said);
}

/* Without a set of the paper's corruptions, these are looked for in accuracy.csv. */
static void by_corruption(void **state)
{
    int status;
    (void)state;
    write_results();
    write_text("s.csv", "method,network,id,net,train,score,csid_acc\nExposed,Net,x,resnet20,oe,,50\n");
    write_text("s.yml", "paper: A\ntable: 2\ncsid: other\ncorruptions: [fog, snow]\n");
    char *said = output(&status, "compare-paper '%s/r.csv' '%s/s.csv'", here, here);
    assert_int_equal(status, 0);
    says(said, "Exposed  oe       50     -      -\n");
    free(said);
    write_text("accuracy.csv", "run,net,weights,id,train,train_params,seed,set,split,n,correct,acc\n"
                               "r,resnet20,w,x,oe,batch=1;epochs=2,0,xc,fog_1,10,8,80\n"
                               "r,resnet20,w,x,oe,batch=1;epochs=2,0,xc,fog_5,10,6,60\n"
                               "r,resnet20,w,x,oe,batch=1;epochs=2,0,xc,foggy_5,10,1,1\n"
                               "r,resnet20,w,x,oe,batch=1;epochs=2,0,xq,fog_5,10,1,1\n");
    said = output(&status, "compare-paper '%s/r.csv' '%s/s.csv'", here, here);
    says(said, "shifted images  fog, snow   fog\n");
    says(said, "Exposed  oe       50  70.00*  +20.00\n");
    free(said);
}

static void refuses(const char *name, const char *bytes, const char *yml, const char *what)
{
    int status;
    write_results();
    write_text(name, bytes);
    write_text("bad.yml", yml);
    char *said = output(&status, "compare-paper '%s/r.csv' '%s/%s'", here, here, name);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, what);
    free(said);
}

static void bad_input(void **state)
{
    static const char fixed[] = "method,network,id,net,train,score,";
    int status;
    (void)state;
    char *head = text_format("%snear_fpr96\nA,N,x,n,oe,msp,1\n", fixed);
    refuses("bad.csv", head, setting, "column `near_fpr96`: expected acc, csid_acc, or GROUP_METRIC");
    free(head);
    head = text_format("%snaer_fpr95\nA,N,x,n,oe,msp,1\n", fixed);
    refuses("bad.csv", head, setting, "`naer` is neither `average` nor a group or set of `sets:`");
    free(head);
    head = text_format("%snear_fpr95\nA,N,x,n,oe,msp,1o\n", fixed);
    refuses("bad.csv", head, setting,
            "bad.csv:2: column `near_fpr95`: expected a figure in percent or nothing, found `1o`");
    free(head);
    head = text_format("%sacc\nA,N,x,n,oe,msp,1\n", fixed);
    refuses("bad.csv", head, "paper: A\n", "bad.yml: expected `paper:` and `table:`");
    refuses("bad.csv", head, "paper: A\ntable: 1\nseed: 3\n", "`seed` is no key of a published table's setting");
    free(head);
    head = text_format("%sacc\nA,N,y,n,oe,msp,1\n", fixed);
    refuses("bad.csv", head, setting, "nothing in common: the results are for x, the published table for y\n");
    free(head);
    head = text_format("%sacc\nA,N,x,n,,msp,1\n", fixed);
    refuses("bad.csv", head, setting,
            "no method of the published table is in the results, whose first is `oe + msp`");
    free(head);
    refuses("bad.csv", "a,b\n1,2\n", setting, "expected a published table, whose columns begin with");
    char *said = output(&status, "compare-paper '%s/r.csv' '%s/none.csv'", here, here);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "none.csv: No such file");
    free(said);
    said = output(&status, "compare-paper '%s/r.csv'", here);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "which files?");
    free(said);
    said = output(&status, "compare-paper '%s/r.csv' '%s/t.csv' --network Small", here, here);
    says(said, "no row of the published table is of `Small`; its first is of `Big Net`\n");
    free(said);
}

static int begin(void **state)
{
    (void)state;
    return program_begin("paper");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parse), cmocka_unit_test(averages_agree), cmocka_unit_test(names_are_methods),
        cmocka_unit_test(names),     cmocka_unit_test(beside),         cmocka_unit_test(by_corruption),
        cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
