/* table.c - sheets that survive what happens to files, and tables made of them. */
#include "../harness/table.h"
#include "../harness/accuracies.h"
#include "../harness/fault.h"
#include "../harness/file.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];
static const char *const header[3] = {"a", "b", "c"};

static int begin(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/oodbench-table-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/s.csv", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void holds(const char *expected)
{
    char *bytes;
    size_t n;
    assert_int_equal(file_read(path, &bytes, &n), 0);
    assert_string_equal(bytes, expected);
    free(bytes);
}

static sheet *opened(void)
{
    sheet *s = NULL;
    if (sheet_open(&s, path, header, 3, SHEET_WRITE) != 0)
        fail_msg("%s", fault_text());
    return s;
}

static void put(sheet *s, int row, const char *a, const char *b, const char *c)
{
    const char *const fields[3] = {a, b, c};
    assert_int_equal(sheet_put(s, row, fields), 0);
}

static void appends_and_replaces(void **state)
{
    (void)state;
    sheet *s = opened();
    holds("a,b,c\n");
    put(s, -1, "1", "two words", "x,\"y\"");
    put(s, -1, "2", " edge ", "");
    holds("a,b,c\n1,two words,\"x,\"\"y\"\"\"\n2,\" edge \",\n");
    sheet_close(s);
    s = opened();
    assert_int_equal(sheet_rows(s), 2);
    assert_string_equal(sheet_at(s, 0, 2), "x,\"y\"");
    assert_string_equal(sheet_at(s, 1, 1), " edge ");
    assert_int_equal(sheet_find(s, 0, "2", 2, ""), 1);
    assert_int_equal(sheet_find(s, 0, "2", 2, "x"), -1);
    put(s, 0, "1", "new", "n");
    put(s, -1, "3", "", "");
    assert_int_equal(sheet_remove(s, 1), 0);
    holds("a,b,c\n1,new,n\n3,,\n");
    sheet_close(s);
}

static void survives_a_torn_line(void **state)
{
    (void)state;
    assert_int_equal(file_write(path, "a,b,c\n1,2,3\n4,\"5", 16), 0);
    sheet *s = NULL;
    assert_int_equal(sheet_open(&s, path, header, 3, SHEET_READ), 0); /* a reader leaves it as it is */
    assert_int_equal(sheet_rows(s), 1);
    sheet_close(s);
    holds("a,b,c\n1,2,3\n4,\"5");
    s = opened();
    assert_int_equal(sheet_rows(s), 1);
    holds("a,b,c\n1,2,3\n");
    put(s, -1, "4", "5", "6");
    holds("a,b,c\n1,2,3\n4,5,6\n");
    sheet_close(s);
}

static void survives_a_full_disk(void **state)
{
    (void)state;
    sheet *s = opened();
    put(s, -1, "1", "2", "3");
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 20; /* room for half of the next row */
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const char *const fields[3] = {"4", "a long text that does not fit", "6"};
    int appended = sheet_put(s, -1, fields), replaced = sheet_put(s, 0, fields);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(appended, -1);
    assert_int_equal(replaced, -1);
    assert_non_null(strstr(fault_text(), path));
    holds("a,b,c\n1,2,3\n");
    sheet_close(s);
}

static void refuses_other_files(void **state)
{
    static const struct {
        const char *bytes, *says;
    } cases[] = {
        {"a,b\n", "expected a table with the 3 columns `a,b,...,c`, found 2 that begin with `a`"},
        {"x,b,c\n1,2,3\n", "found 3 that begin with `x`"},
        {"a,b,c\n1,2\n", "s.csv:2: expected 3 fields, found 2"},
        {"a,b,c\n1,2,3\n1,2,3,4\n", "s.csv:3: expected 3 fields, found 4"},
        {"a,b,c\n1,\"2,3\n4,5,6\n", "s.csv:2: this is not CSV"},
        {"\x89PNG\r\n\x1a\n", "found 1 that begin with"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sheet *s = NULL;
        assert_int_equal(file_write(path, cases[i].bytes, strlen(cases[i].bytes)), 0);
        assert_int_equal(sheet_open(&s, path, header, 3, SHEET_WRITE), -1);
        if (!strstr(fault_text(), cases[i].says))
            fail_msg("expected `%s`, found `%s`", cases[i].says, fault_text());
        holds(cases[i].bytes); /* nothing of it is lost */
    }
    sheet *s = NULL;
    assert_int_equal(file_write(path, "", 0), 0);
    assert_int_equal(sheet_open(&s, path, header, 3, SHEET_READ), -1);
    unlink(path);
    assert_int_equal(sheet_open(&s, path, header, 3, SHEET_READ), -1);
    assert_non_null(strstr(fault_text(), "No such file"));
}

/* Tables. */

static void result(sheet *s, const char *score, const char *params, const char *seed, const char *ood,
                   const char *group, const char *fpr, const char *auroc, const char *status)
{
    const char *f[RESULT_COLUMNS];
    for (int i = 0; i < RESULT_COLUMNS; i++)
        f[i] = "";
    f[RESULT_RUN] = "0123456789ab";
    f[RESULT_NET] = "resnet20";
    f[RESULT_WEIGHTS] = "w_1.th";
    f[RESULT_ID] = "cifar10";
    f[RESULT_DEVICE] = "cpu";
    f[RESULT_FAST] = "false";
    f[RESULT_PRECISION] = "f32";
    f[RESULT_SCORE] = score;
    f[RESULT_SCORE_PARAMS] = params;
    f[RESULT_SEED] = seed;
    f[RESULT_OOD] = ood;
    f[RESULT_GROUP] = group;
    f[RESULT_FPR95] = fpr;
    f[RESULT_AUROC] = auroc;
    f[RESULT_AUPR_IN] = f[RESULT_AUPR_OUT] = f[RESULT_FPR95_ID] = "50";
    f[RESULT_ACC] = "91.5";
    f[RESULT_STATUS] = status;
    assert_int_equal(sheet_put(s, -1, f), 0);
}

static sheet *two_scorers(int seeds)
{
    sheet *s = NULL;
    assert_int_equal(sheet_open(&s, path, result_names, RESULT_COLUMNS, SHEET_WRITE), 0);
    result(s, "msp", "", "0", "mnist", "far", "40", "90", "ok");
    result(s, "msp", "", "0", "tin", "near", "60", "80", "ok");
    result(s, "msp", "", "0", "cifar100", "near", "62", "84", "ok");
    result(s, "knn", "k=50", "0", "tin", "near", "50", "85", "ok");
    result(s, "knn", "k=50", "0", "cifar100", "near", "", "", "crash: SIGSEGV");
    result(s, "knn", "k=50", "0", "mnist", "far", "30", "95", "ok");
    for (int i = 1; i < seeds; i++)
        result(s, "msp", "", "1", "tin", "near", "64", "82", "ok");
    return s;
}

static char *printed(const sheet *s, const table_options *o)
{
    char *bytes = NULL;
    size_t n;
    FILE *f = open_memstream(&bytes, &n);
    if (table_print(f, s, NULL, o) != 0)
        fail_msg("%s", fault_text());
    fclose(f);
    return bytes;
}

static void shows(const sheet *s, const table_options *o, const char *expected)
{
    char *text = printed(s, o);
    assert_string_equal(text, expected);
    free(text);
}

static void text_table(void **state)
{
    (void)state;
    sheet *s = two_scorers(1);
    shows(s, &(table_options){0},
          "resnet20, w_1.th, ID cifar10, device cpu, 1 seed\n\n"
          "FPR@95 (OOD positive) in %, lower is better: share of ID flagged when 95 % of the OOD is caught\n"
          "score   near     far  average     tin  cifar100  mnist    acc\n"
          "msp    61.00   40.00    50.50   60.00     62.00  40.00  91.50\n"
          "knn    50.00*  30.00    40.00*  50.00         -  30.00  91.50\n"
          "* some sets or seeds are missing in this mean\n\n"
          "AUROC in %, higher is better: chance that an ID sample scores above an OOD sample\n"
          "score   near     far  average     tin  cifar100  mnist    acc\n"
          "msp    82.00   90.00    86.00   80.00     84.00  90.00  91.50\n"
          "knn    85.00*  95.00    90.00*  85.00         -  95.00  91.50\n"
          "* some sets or seeds are missing in this mean\n");
    sheet_close(s);
}

static void seeds_and_bold(void **state)
{
    (void)state;
    sheet *s = two_scorers(2);
    shows(s, &(table_options){.metrics = "auroc", .score = "msp"},
          "resnet20, w_1.th, ID cifar10, device cpu, 2 seeds\n\n"
          "AUROC in %, higher is better: chance that an ID sample scores above an OOD sample\n"
          "score          near            far        average            tin      cifar100          mnist"
          "            acc\n"
          "msp    82.00 ± 0.00*  90.00 ± 0.00*  86.00 ± 0.00*  81.00 ± 1.00  84.00 ± 0.00*  90.00 ± 0.00*"
          "  91.50 ± 0.00\n"
          "* some sets or seeds are missing in this mean\n");
    char *text = printed(s, &(table_options){.metrics = "auroc", .bold = 1});
    assert_non_null(strstr(text, "\033[1m95.00 ± 0.00*\033[0m"));
    assert_null(strstr(text, "\033[1m82.00"));
    free(text);
    sheet_close(s);
}

static void markdown_and_latex(void **state)
{
    (void)state;
    sheet *s = two_scorers(1);
    char *text = printed(s, &(table_options){.format = TABLE_MARKDOWN, .metrics = "fpr95"});
    assert_non_null(
        strstr(text, "| score | near | far | average | tin | cifar100 | mnist | acc |\n"
                     "|---|---:|---:|---:|---:|---:|---:|---:|\n"
                     "| msp | 61.00 | 40.00 | 50.50 | 60.00 | 62.00 | 40.00 | 91.50 |\n"
                     "| knn | **50.00\\*** | **30.00** | **40.00\\*** | **50.00** | - | **30.00** | 91.50 |\n"));
    free(text);
    text = printed(s, &(table_options){.format = TABLE_LATEX, .metrics = "fpr95"});
    assert_non_null(strstr(
        text, "\\begin{tabular}{lrrrrrrr}\n    \\toprule\n    score & near & far & average & tin & cifar100 & "
              "mnist & acc \\\\\n    \\midrule\n    msp & 61.00 & 40.00"));
    assert_non_null(strstr(text, "\\textbf{30.00}"));
    assert_non_null(strstr(text, "in \\%, lower is better"));
    free(text);
    sheet_close(s);
}

static void csv_and_openood(void **state)
{
    (void)state;
    sheet *s = two_scorers(2);
    char *text = printed(s, &(table_options){.format = TABLE_CSV, .score = "msp"});
    assert_non_null(strstr(
        text, "net,weights,id,train,train_params,score,score_params,device,fast,precision,metric,seeds,"
              "near,near_std,far,far_std,average,average_std,tin,tin_std,cifar100,cifar100_std,mnist,mnist_std,acc,"
              "acc_std\n"
              "resnet20,w_1.th,cifar10,,,msp,,cpu,false,f32,fpr95,2,62.5,1.5,40,0,50.5,0,62,2,62,0,40,0,"
              "91.5,0\n"));
    free(text);
    shows(s, &(table_options){.format = TABLE_OPENOOD, .score = "msp"},
          ",FPR@95,AUROC,AUPR_IN,AUPR_OUT,ACC\n"
          "tin,62.00 ± 2.00,81.00 ± 1.00,50.00 ± 0.00,50.00 ± 0.00,91.50 ± 0.00\n"
          "cifar100,62.00 ± 0.00,84.00 ± 0.00,50.00 ± 0.00,50.00 ± 0.00,91.50 ± 0.00\n"
          "nearood,62.50 ± 1.50,82.00 ± 0.00,50.00 ± 0.00,50.00 ± 0.00,91.50 ± 0.00\n"
          "mnist,40.00 ± 0.00,90.00 ± 0.00,50.00 ± 0.00,50.00 ± 0.00,91.50 ± 0.00\n"
          "farood,40.00 ± 0.00,90.00 ± 0.00,50.00 ± 0.00,50.00 ± 0.00,91.50 ± 0.00\n");
    sheet_close(s);
}

static void lines_apart(void **state) /* what differs is shown, the later of two equal rows counts */
{
    (void)state;
    sheet *s = two_scorers(1);
    result(s, "knn", "k=1", "0", "tin", "near", "1", "99", "ok");
    result(s, "msp", "", "0", "tin", "near", "11", "77", "ok");
    char *text = printed(s, &(table_options){.metrics = "fpr95"});
    assert_non_null(strstr(text, "\nknn k=50  "));
    assert_non_null(strstr(text, "\nknn k=1  "));
    assert_non_null(strstr(text, "\nmsp       36.50   40.00    38.25   11.00"));
    free(text);
    sheet_close(s);
}

/* Shifted sets and training methods. */

static void shifted(sheet *s, const char *train, const char *params, const char *ood, const char *group,
                    const char *images, const char *acc, const char *auroc)
{
    const char *f[RESULT_COLUMNS];
    for (int i = 0; i < RESULT_COLUMNS; i++)
        f[i] = "50";
    f[RESULT_RUN] = train;
    f[RESULT_NET] = "resnet20";
    f[RESULT_WEIGHTS] = "w.th";
    f[RESULT_ID] = strncmp(group, "fs", 2) == 0 ? "cifar10+a+b" : "cifar10";
    f[RESULT_DEVICE] = "cpu";
    f[RESULT_FAST] = "false";
    f[RESULT_PRECISION] = "f32";
    f[RESULT_TRAIN] = train;
    f[RESULT_TRAIN_PARAMS] = params;
    f[RESULT_SCORE] = "msp";
    f[RESULT_SCORE_PARAMS] = "";
    f[RESULT_SEED] = "0";
    f[RESULT_OOD] = ood;
    f[RESULT_GROUP] = group;
    f[RESULT_N_OOD] = images;
    f[RESULT_ACC] = acc;
    f[RESULT_AUROC] = auroc;
    f[RESULT_STATUS] = "ok";
    assert_int_equal(sheet_put(s, -1, f), 0);
}

/* Full-spectrum rows come first in the file: their ID tells no line apart. */
static sheet *shifted_results(void)
{
    sheet *s = NULL;
    assert_int_equal(sheet_open(&s, path, result_names, RESULT_COLUMNS, SHEET_WRITE), 0);
    shifted(s, "sam", "lr=1;rho=0.1", "tin", "fsnear", "100", "80", "71");
    shifted(s, "sam", "lr=1;rho=0.1", "mnist", "fsfar", "100", "80", "75");
    shifted(s, "sam", "lr=1;rho=0.1", "tin", "near", "100", "91", "81");
    shifted(s, "sam", "lr=1;rho=0.1", "mnist", "far", "100", "91", "95");
    shifted(s, "sam", "lr=1;rho=0.1", "a", "csid", "300", "60", "55");
    shifted(s, "sam", "lr=1;rho=0.1", "b", "csid", "100", "80", "56");
    shifted(s, "ce", "lr=2", "tin", "near", "100", "92", "82");
    shifted(s, "sam", "lr=1;rho=0.2", "tin", "near", "100", "90", "80");
    return s;
}

static void shift_and_training(void **state)
{
    (void)state;
    sheet *s = shifted_results();
    shows(s, &(table_options){.metrics = "auroc"},
          "resnet20, w.th, ID cifar10, device cpu, 1 seed\n\n"
          "AUROC in %, higher is better: chance that an ID sample scores above an OOD sample\n"
          "train        score   near    far  average    tin  mnist    acc  a-acc  b-acc  fs-near  fs-far\n"
          "sam rho=0.1  msp    81.00  95.00    88.00  81.00  95.00  91.00  60.00  80.00    71.00   75.00\n"
          "ce           msp    82.00      -        -  82.00      -  92.00      -      -        -       -\n"
          "sam rho=0.2  msp    80.00      -        -  80.00      -  90.00      -      -        -       -\n\n"
          "SET-acc: accuracy on covariate-shifted images alone; fs: full spectrum, ID is cifar10+a+b, clean and "
          "shifted\n");
    char *text = printed(s, &(table_options){.format = TABLE_CSV, .metrics = "auroc"});
    assert_non_null(strstr(text, ",average,average_std,tin,tin_std,mnist,mnist_std,a,a_std,b,b_std,acc,acc_std,"
                                 "a-acc,a-acc_std,b-acc,b-acc_std,full-acc,full-acc_std,fs-near,fs-near_std,fs-far,"
                                 "fs-far_std,fs-tin,fs-tin_std,fs-mnist,fs-mnist_std\n"));
    assert_non_null(strstr(text, ",88,0,81,0,95,0,55,0,56,0,91,0,60,0,80,0,80,0,71,0,75,0,71,0,75,0\n"));
    free(text);
    text = printed(s, &(table_options){.format = TABLE_OPENOOD});
    assert_non_null(strstr(text, "==> msp-sam_rho=0.1.csv <==\n"));
    assert_non_null(strstr(text, "==> fsood/msp-sam_rho=0.1.csv <==\n,FPR@95,AUROC,AUPR_IN,AUPR_OUT,ACC\n"
                                 "tin,50.00 ± 0.00,71.00 ± 0.00,50.00 ± 0.00,50.00 ± 0.00,80.00 ± 0.00\n"
                                 "nearood,50.00 ± 0.00,71.00 ± 0.00,50.00 ± 0.00,50.00 ± 0.00,80.00 ± 0.00\n"
                                 "mnist,"));
    free(text);
    sheet_close(s);
}

static void narrow(void **state) /* what does not fit goes on below, labels first */
{
    (void)state;
    sheet *s = shifted_results();
    char *text = printed(s, &(table_options){.metrics = "auroc", .width = 62});
    assert_non_null(strstr(text, "train        score   near    far  average    tin  mnist    acc\n"
                                 "sam rho=0.1  msp    81.00  95.00    88.00  81.00  95.00  91.00\n"));
    assert_non_null(strstr(text, "\n\ntrain        score  a-acc  b-acc  fs-near  fs-far\n"
                                 "sam rho=0.1  msp    60.00  80.00    71.00   75.00\n"));
    free(text);
    sheet_close(s);
}

static void accuracy(sheet *s, const char *seed, const char *set, const char *split, const char *acc)
{
    const char *const f[ACCURACY_COLUMNS] = {"r",  "resnet20", "w.th", "cifar10", "ce", "lr=1",
                                             seed, set,        split,  "100",     "50", acc};
    assert_int_equal(sheet_put(s, -1, f), 0);
}

static void accuracy_tables(void **state)
{
    static const char *const parts[] = {"snow_1", "snow_5", "fog_1"}, *const values[] = {"80", "60", "70"};
    (void)state;
    sheet *s = NULL;
    char *text = NULL;
    size_t n;
    assert_int_equal(sheet_open(&s, path, accuracy_names, ACCURACY_COLUMNS, SHEET_WRITE), 0);
    accuracy(s, "0", "cifar10", "test", "90");
    assert_int_equal(accuracies_print(stdout, s, &(table_options){0}), -1);
    assert_non_null(strstr(fault_text(), "no accuracy on a covariate-shifted set is there"));
    for (int i = 0; i < 3; i++)
        accuracy(s, "0", "c", parts[i], values[i]);
    accuracy(s, "0", "c", "all", "71");
    accuracy(s, "0", "c", "all+id", "75");
    FILE *f = open_memstream(&text, &n);
    assert_int_equal(accuracies_print(f, s, &(table_options){0}), 0);
    fclose(f);
    assert_string_equal(text, "ce on c, accuracy in % by severity\n"
                              "corruption      1      5   mean\n"
                              "snow        80.00  60.00  70.00\n"
                              "fog         70.00      -  70.00\n"
                              "mean        75.00  60.00  70.00\n\n"
                              "accuracy in % on c by severity, the mean over 2 corruptions; all: every shifted "
                              "image\n"
                              "model  clean      1      5    all  with clean\n"
                              "ce     90.00  75.00  60.00  71.00       75.00\n");
    free(text);
    sheet_close(s);
}

static void nothing_to_show(void **state)
{
    (void)state;
    sheet *s = two_scorers(1);
    assert_int_equal(table_print(stdout, s, NULL, &(table_options){.score = "vim"}), -1);
    assert_string_equal(fault_text(), "there is no row that is `ok` of vim: nothing to print");
    assert_int_equal(table_print(stdout, s, NULL, &(table_options){.metrics = "aurc"}), -1);
    assert_non_null(strstr(fault_text(), "found `aurc`; did you mean `auroc`?"));
    sheet_close(s);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(appends_and_replaces),
        CASE(survives_a_torn_line),
        CASE(survives_a_full_disk),
        CASE(refuses_other_files),
        CASE(text_table),
        CASE(seeds_and_bold),
        CASE(markdown_and_latex),
        CASE(csv_and_openood),
        CASE(lines_apart),
        CASE(shift_and_training),
        CASE(narrow),
        CASE(accuracy_tables),
        CASE(nothing_to_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
