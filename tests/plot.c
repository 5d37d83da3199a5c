/* plot.c - `oodbench plot` from the command line: what goes into the CSVs, what is
 * refused, and figures really drawn where gnuplot is there. */
#include "program.h"

#include <dirent.h>

static char real_path[4096];

static const char results_header[] =
    "run,commit,device,fast,precision,net,weights,id,train,train_params,score,score_params,seed,ood,group,n_id,"
    "n_ood,acc,auroc,aupr_in,aupr_out,fpr95,fpr95_id,fit_s,score_s,peak_mb,status\n";
static const char accuracy_header[] = "run,net,weights,id,train,train_params,seed,set,split,n,correct,acc\n";

/* A row of results.csv; AUROC is 100 - fpr95 / 2. */
static void add_result(text *t, const char *train, const char *params, int seed, const char *group, double acc,
                       double fpr)
{
    text_add(t, "r,c,cpu,false,f32,net,,id,%s,%s,msp,,%d,set-%s,%s,10,10,%.9g,%.9g,50,50,%.9g,50,0,0,0,ok\n", train,
             params, seed, group, group, acc, 100 - fpr / 2, fpr);
}

/* Clean and shifted accuracy; FPR@95 of near and far. */
static void add_model(text *t, const char *train, const char *params, int seed, double clean, double shifted,
                      double near, double far)
{
    add_result(t, train, params, seed, "near", clean, near);
    add_result(t, train, params, seed, "far", clean, far);
    add_result(t, train, params, seed, "csid", shifted, 50);
}

static void write_results(const char *name, const text *rows)
{
    char *all = text_format("%s%s", results_header, text_str(rows));
    write_text(name, all);
    free(all);
}

/* r: ce, oe and two of sam, each with two seeds. Scripts named gnuplot stand in for it. */
static int begin(void **state)
{
    (void)state;
    if (program_begin("plot") != 0)
        return -1;
    text t = {0};
    for (int seed = 0; seed < 2; seed++) {
        add_model(&t, "ce", "lr=0.1", seed, 90, 70 + seed, 40, 30);
        add_model(&t, "oe", "lr=0.1", seed, 88, 69 + seed, 35, 20);
        add_model(&t, "sam", "lr=0.1;rho=0.5", seed, 91, 74 + seed, 39 + 2 * seed, 30);
        add_model(&t, "sam", "lr=0.1;rho=0.05", seed, 90, 72 + seed, 41, 29);
    }
    write_results("r/results.csv", &t);
    text_free(&t);
    write_text("good/gnuplot", "#!/bin/sh\necho drawn > \"$5\"\n");
    write_text("bad/gnuplot",
               "#!/bin/sh\nprintf '\\n  ^\\n\"open.gp\" line 9: this gnuplot has no terminal\\n\\n'\nexit 1\n");
    char *command = text_format("chmod +x '%s/good/gnuplot' '%s/bad/gnuplot'", here, here);
    int rc = system(command);
    free(command);
    snprintf(real_path, sizeof real_path, "%s", getenv("PATH"));
    return rc;
}

/* Which gnuplot is found: the one of a folder below `here`, or none. */
static void use(const char *folder)
{
    char *path = text_format("%s/%s:/usr/bin:/bin", here, folder);
    setenv("PATH", strcmp(folder, "none") == 0 ? "/nonexistent" : path, 1);
    free(path);
}

static int exists(const char *name)
{
    char *path = text_format("%s/%s", here, name);
    int there = file_exists(path);
    free(path);
    return there;
}

static void holds(const char *name, const char *expected)
{
    char *bytes = read_text(name);
    assert_string_equal(bytes, expected);
    free(bytes);
}

/* Refused in one line that says `what`. */
static void refuses(const char *arguments, const char *what)
{
    int status;
    char *all = text_format("plot %s", arguments), *said = output(&status, "%s", all);
    if (status != EXIT_CONFIG || !strstr(said, what) || strchr(said, '\n') != strrchr(said, '\n'))
        fail_msg("%s: expected one line with `%s`, found status %d and:\n%s", all, what, status, said);
    free(said);
    free(all);
}

static void draws(const char *arguments, const char *what)
{
    int status;
    char *all = text_format("plot %s", arguments), *said = output(&status, "%s", all);
    if (status != 0 || !strstr(said, what))
        fail_msg("%s: expected `%s`, found status %d and:\n%s", all, what, status, said);
    free(said);
    free(all);
}

#define IN(name) "'%s/" name "'"

/* `arguments` with every %s replaced by the folder. */
static char *placed_here(const char *arguments)
{
    text t = {0};
    for (const char *p = arguments; *p; p++)
        if (p[0] == '%' && p[1] == 's') {
            text_add(&t, "%s", here);
            p++;
        } else
            text_char(&t, *p);
    return t.bytes;
}

static void check(void (*how)(const char *, const char *), const char *arguments, const char *what)
{
    char *full = placed_here(arguments);
    how(full, what);
    free(full);
}

/* Columns of a CSV up to the one that begins with `until`, which depends on more than numbers. */
static void holds_before(const char *name, const char *until, const char *expected)
{
    char *bytes = read_text(name), *rest = bytes;
    text t = {0};
    int columns = 0;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
        char *stop = strstr(line, until);
        if (stop)
            for (char *p = line; p < stop; p++)
                columns += *p == ',';
        int seen = 0;
        char *p = line;
        while (*p && (seen += *p == ',') < columns)
            p++;
        text_add(&t, "%.*s\n", (int)(p - line), line);
    }
    assert_string_equal(text_str(&t), expected);
    text_free(&t);
    free(bytes);
}

static void scatter_is_relative_to_a_baseline(void **state)
{
    (void)state;
    use("good");
    check(draws, "scatter " IN("r"), "changes from ce, scored with msp");
    /* ce: 70.5 and (40 + 30) / 2; sam at 0.5: near is 39 and 41, so far's 30 makes 34.5 and 35.5 */
    holds_before("r/figures/scatter.csv", "label_x",
                 "model,score,metric,group,images,accuracy,detection,accuracy_std,detection_std,seeds\n"
                 "ce,msp,fpr95,average,shifted,0,0,0.5,0,2\n"
                 "oe,msp,fpr95,average,shifted,-1,-7.5,0.5,0,2\n"
                 "sam rho=0.5,msp,fpr95,average,shifted,4,0,0.5,0.5,2\n"
                 "sam rho=0.05,msp,fpr95,average,shifted,2,0,0.5,0,2\n");
    check(draws, "scatter " IN("r/results.csv") " --baseline oe --metric auroc --group far --accuracy clean",
          "changes from oe");
    holds_before("r/figures/scatter.csv", "accuracy_std",
                 "model,score,metric,group,images,accuracy,detection\n"
                 "ce,msp,auroc,far,clean,2,-5\n"
                 "oe,msp,auroc,far,clean,0,0\n"
                 "sam rho=0.5,msp,auroc,far,clean,3,-5\n"
                 "sam rho=0.05,msp,auroc,far,clean,2,-4.5\n");
    check(refuses, "scatter " IN("r") " --baseline oee", "there is no model `oee`; did you mean `oe`?");
    check(refuses, "scatter " IN("r") " --baseline nothing", "expected one of ce, oe, sam rho=0.5, sam rho=0.05");
    text t = {0};
    add_result(&t, "ce", "", 0, "near", 90, 40);
    write_results("n/results.csv", &t);
    text_free(&t);
    check(refuses, "scatter " IN("n"), "no accuracy on covariate-shifted images: run with `csid: SET`");
    check(refuses, "scatter " IN("r") " --score knn", "no row that is `ok` of knn");
}

static void ablations_follow_a_key(void **state)
{
    (void)state;
    use("good");
    check(draws, "ablation " IN("r") " --group near", "over rho, scored with msp");
    holds("r/figures/ablation.csv", "key,kind,value,series,metric,group,x,mean,std,seeds\n"
                                    "rho,number,0.05,sam,fpr95,near,0.05,41,0,2\n"
                                    "rho,number,0.5,sam,fpr95,near,0.5,40,1,2\n"
                                    "rho,without,,ce,fpr95,near,,40,0,2\n");
    check(draws, "ablation " IN("r") " --metric shifted --reference none -o " IN("x.png"), "x.png");
    holds("x.csv", "key,kind,value,series,metric,group,x,mean,std,seeds\n"
                   "rho,number,0.05,sam,shifted,average,0.05,72.5,0.5,2\n"
                   "rho,number,0.5,sam,shifted,average,0.5,74.5,0.5,2\n");
    check(refuses, "ablation " IN("r") " --key roh", "`roh` has no several values; did you mean `rho`?");
    check(refuses, "ablation " IN("r") " --key momentum", "one of rho; found `momentum`");
}

/* Words keep the order in which they came; two swept keys ask which. */
static void ablations_take_words(void **state)
{
    (void)state;
    use("good");
    text t = {0};
    add_model(&t, "drsam", "aug=fog;rho=1", 0, 90, 70, 40, 40);
    add_model(&t, "drsam", "aug=brightness;rho=1", 0, 90, 70, 30, 30);
    add_model(&t, "drsam", "aug=fog;rho=2", 0, 90, 70, 20, 20);
    write_results("w/results.csv", &t);
    text_free(&t);
    check(refuses, "scatter " IN("w") " --accuracy clean", "`accuracy` is 0 in all of 3 rows");
    check(refuses, "ablation " IN("w"), "choose one with --key: aug rho");
    check(draws, "ablation " IN("w") " --key aug", "over aug");
    holds("w/figures/ablation.csv", "key,kind,value,series,metric,group,x,mean,std,seeds\n"
                                    "aug,word,fog,drsam rho=1,fpr95,average,1,40,0,1\n"
                                    "aug,word,brightness,drsam rho=1,fpr95,average,2,30,0,1\n");
}

static const char accuracies[] = "r,net,,id,ce,,0,id,test,10,9,90\nr,net,,id,ce,,0,idc,fog_1,10,8,80\n"
                                 "r,net,,id,ce,,0,idc,fog_2,10,7,70\nr,net,,id,ce,,0,idc,all,20,15,75\n"
                                 "r,net,,id,ce,,1,idc,fog_1,10,6,60\nr,net,,id,ce,,1,idc,fog_2,10,7,70\n"
                                 "r,net,,id,oe,,0,idc,fog_1,10,9,90\nr,net,,id,oe,,0,idc,fog_2,10,5,50\n";

static void corruptions_are_means_over_seeds(void **state)
{
    (void)state;
    use("good");
    char *all = text_format("%s%s", accuracy_header, accuracies);
    write_text("r/accuracy.csv", all);
    write_text("kept/some-accuracy.csv", all);
    free(all);
    check(draws, "corruptions " IN("r") " --format pdf", "r/figures/corruptions.pdf");
    holds("r/figures/corruptions.csv", "model,set,corruption,severity,of,value\n"
                                       "ce,idc,fog,1,accuracy,70\nce,idc,fog,2,accuracy,70\n"
                                       "oe,idc,fog,1,accuracy,90\noe,idc,fog,2,accuracy,50\n");
    check(draws, "corruptions " IN("kept/some-accuracy.csv") " --of difference",
          "kept/figures/some-corruptions.svg");
    holds("kept/figures/some-corruptions.csv", "model,set,corruption,severity,of,value\n"
                                               "oe,idc,fog,1,difference,20\noe,idc,fog,2,difference,-20\n");
    check(draws, "corruptions " IN("r") " " IN("kept/some-accuracy.csv") " -o " IN("two.svg"), "two.svg");
    char *two = read_text("two.csv");
    says(two, "\nce (r),idc,fog,1,");
    says(two, "\noe (some),idc,fog,2,");
    free(two);
    check(refuses, "corruptions " IN("r") " --set other", "no accuracy on a covariate-shifted set `other`");
    check(refuses, "corruptions " IN("good"), "there is no");
}

static void training_is_matched_to_models(void **state)
{
    static const char cell[] = "cell: train\ntrain: sam\nnet: net\nseed: 0\nlr: 0.1\nsam.rho: 0.5\n";
    (void)state;
    use("good");
    check(refuses, "training " IN("r"), "cannot read");
    write_text("r/cache/aa.yml", cell);
    write_text("r/cache/aa-train.csv", "epoch,loss,late\n1,4,\n2,2,7\n");
    write_text("r/cache/bb.yml", "cell: train\ntrain: sam\nnet: net\nseed: 1\nlr: 0.1\nsam.rho: 0.5\n");
    write_text("r/cache/bb-train.csv", "epoch,loss,late\n1,6,\n2,3,5\n");
    write_text("r/cache/cc.yml", "cell: train\ntrain: sam\nnet: net\nseed: 0\nlr: 0.1\nsam.rho: 0.9\n");
    write_text("r/cache/cc-train.csv", "epoch,loss\n1,100\n2,100\n"); /* of settings that no row has */
    check(draws, "training " IN("r") " --show loss,late,never", "training.svg");
    holds("r/figures/training.csv", "quantity,model,epoch,value,std,seeds\n"
                                    "loss,sam rho=0.5,1,5,1,2\nloss,sam rho=0.5,2,2.5,0.5,2\n"
                                    "late,sam rho=0.5,2,6,1,2\n");
    check(refuses, "training " IN("r") " --show never", "noted were loss, late");
    write_text("r/cache/dd.yml", "cell: train\ntrain: oe\nnet: net\nseed: 0\nlr: 0.1\n");
    write_text("r/cache/dd-train.csv", "epoch,loss\n1,9\n");
    check(draws, "training " IN("r"), "left out: oe, trained for one epoch");
    write_text("r/cache/aa-train.csv", "epoch,loss\n1,4\n");
    write_text("r/cache/bb-train.csv", "epoch,loss\n1,4\n");
    check(refuses, "training " IN("r"), "nothing of it is known of two epochs");
}

static void drawn_again_from_its_own_table(void **state)
{
    static const char header[] = "key,kind,value,series,metric,group,x,mean,std,seeds\n";
    static const struct {
        const char *rows, *says;
    } bad[] = {
        {"", "found no rows"},
        {"rho,number,1,sam,fpr95,near,1,40,0,1\n", "expected at least 2 rows to draw, found 1"},
        {"rho,number,1,sam,fpr95,near,1,40,0,1\nrho,number,2,sam,fpr95,near,2,40,0,1\n",
         "`mean` is 40 in all of 2 rows"},
        {"rho,number,1,sam,fpr95,near,1,nan,0,1\nrho,number,2,sam,fpr95,near,2,inf,0,1\n",
         "found no rows but 2 with NaN or infinity"},
        {"rho,number,1,sam,fpr95,near,1,40,0,1\nrho,number,2,sam,fpr95,near,2,forty,0,1\n",
         "a.csv:3: `mean`: expected a number, found `forty`"},
        {"rho,number,1,sam\n", "a.csv:2: expected 10 fields, found 4"},
    };
    (void)state;
    use("good");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *all = text_format("%s%s", header, bad[i].rows);
        write_text("a.csv", all);
        check(refuses, "ablation " IN("a.csv"), bad[i].says);
        assert_false(exists("a.svg"));
        free(all);
    }
    write_text("a.csv", "key,kind,value,series,metric,group,x,mean,std,seeds\nrho,number,1,s,fpr95,near,1,40,0,1\n"
                        "rho,number,2,s,fpr95,near,2,nan,0,1\nrho,number,3,s,fpr95,near,3,50,0,1\n");
    check(draws, "ablation " IN("a.csv"), "left out: 1 row with NaN or infinity");
    assert_true(exists("a.svg"));
    check(refuses, "ablation " IN("a.csv") " " IN("r"), "name nothing beside it");
    check(refuses, "scatter " IN("a.csv"), "is none of these");
}

static void bad_orders_are_refused(void **state)
{
    static const struct {
        const char *order, *says;
    } cases[] = {
        {"scater " IN("r"), "there is no figure `scater`; did you mean `scatter`?"},
        {"nothing " IN("r"), "`oodbench plot --help` lists them"},
        {"scatter", "of which results?"},
        {"scatter " IN("nowhere"), "cannot read"},
        {"scatter " IN("tiny.yml"), "is none of these"},
        {"scatter " IN("r") " --metrik auroc", "there is no option --metrik; did you mean --metric?"},
        {"scatter " IN("r") " --metric auroc2", "expected one of fpr95 auroc fpr95_id, found `auroc2`"},
        {"scatter " IN("r") " --metric", "expected a value behind it"},
        {"scatter " IN("r") " --format gif", "expected one of svg png pdf tikz, found `gif`"},
        {"scatter " IN("r") " -o x.jpeg", "ends in .svg, .png, .pdf or .tex, found `x.jpeg`"},
        {"scatter " IN("r") " -o x.svg --format png", "--format png writes files that end in .png"},
        {"scatter " IN("r") " --width 1", "expected 4 to 60 cm, found `1`"},
        {"scatter " IN("r") " -o " IN("r/results.png"), "would replace"},
        {"scatter " IN("r") " -o /proc/x.png", "/proc/x"},
    };
    (void)state;
    use("good");
    char *before = read_text("r/results.csv");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(refuses, cases[i].order, cases[i].says);
    holds("r/results.csv", before);
    free(before);
}

static int files_in(const char *name)
{
    char *path = text_format("%s/%s", here, name);
    DIR *d = opendir(path);
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    free(path);
    return n;
}

static void gnuplot_missing_or_failing(void **state)
{
    (void)state;
    use("none");
    check(refuses, "scatter " IN("r") " -o " IN("o/f.svg"), "`gnuplot` is not found in PATH: install it");
    use("bad");
    check(refuses, "scatter " IN("r") " -o " IN("o/f.svg"), "line 9: this gnuplot has no terminal");
    assert_int_equal(files_in("o"), 0);
}

static void help_lists_what_there_is(void **state)
{
    (void)state;
    check(draws, "--help", "\n  scatter ");
    check(draws, "scatter --help", "--baseline");
}

/* With the gnuplot of this machine. */
static void figures_are_drawn(void **state)
{
    (void)state;
    setenv("PATH", real_path, 1);
    if (system("command -v gnuplot >/dev/null 2>&1") != 0)
        skip();
    check(draws, "scatter " IN("r") " -o " IN("d/s.svg"), "d/s.svg");
    char *first = read_text("d/s.svg"), *table = read_text("d/s.csv");
    says(first, "sam rho=0.05");
    says(first, "</svg>");
    check(draws, "scatter " IN("d/s.csv"), "d/s.svg"); /* the same bytes again */
    holds("d/s.svg", first);
    holds("d/s.csv", table);
    free(first);
    free(table);
    check(draws, "ablation " IN("r") " --group near --width 12 -o " IN("d/a.svg"), "d/a.svg");
    assert_int_equal(files_in("d"), 4);
    write_text("d/u.csv", "key,kind,value,series,metric,group,x,mean,std,seeds\na_b & <c> `id` 5 %,number,1,s,"
                          "fpr95,near,1,40,0,1\na_b & <c> `id` 5 %,number,3,s,fpr95,near,3,50,0,1\n");
    check(draws, "ablation " IN("d/u.csv"), "d/u.svg"); /* text is nothing but text */
    char *odd = read_text("d/u.svg");
    says(odd, "a_b &amp; &lt;c");
    says(odd, " `id` 5 %");
    free(odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scatter_is_relative_to_a_baseline),
        cmocka_unit_test(ablations_follow_a_key),
        cmocka_unit_test(ablations_take_words),
        cmocka_unit_test(corruptions_are_means_over_seeds),
        cmocka_unit_test(training_is_matched_to_models),
        cmocka_unit_test(drawn_again_from_its_own_table),
        cmocka_unit_test(bad_orders_are_refused),
        cmocka_unit_test(gnuplot_missing_or_failing),
        cmocka_unit_test(help_lists_what_there_is),
        cmocka_unit_test(figures_are_drawn),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
