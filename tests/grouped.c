/* grouped.c - tables in the groups of papers: order, headings, the best and the
 * second, the layout of one table for all metrics, several files joined. */
#include "../harness/fault.h"
#include "../harness/table.h"
#include "program.h"

static sheet *results(const char *name)
{
    sheet *s = NULL;
    char *path = text_format("%s/%s", here, name);
    unlink(path);
    if (sheet_open(&s, path, result_names, RESULT_COLUMNS, SHEET_WRITE) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return s;
}

static void put(sheet *s, const char *train, const char *seed, const char *ood, const char *group, const char *fpr,
                const char *auroc, const char *acc)
{
    const char *f[RESULT_COLUMNS];
    for (int i = 0; i < RESULT_COLUMNS; i++)
        f[i] = "";
    f[RESULT_NET] = "resnet20";
    f[RESULT_WEIGHTS] = "w.th";
    f[RESULT_ID] = "cifar10";
    f[RESULT_DEVICE] = "cpu";
    f[RESULT_FAST] = "false";
    f[RESULT_PRECISION] = "f32";
    f[RESULT_TRAIN] = train;
    f[RESULT_SCORE] = "msp";
    f[RESULT_SEED] = seed;
    f[RESULT_OOD] = ood;
    f[RESULT_GROUP] = group;
    f[RESULT_FPR95] = fpr;
    f[RESULT_AUROC] = auroc;
    f[RESULT_AUPR_IN] = f[RESULT_AUPR_OUT] = f[RESULT_FPR95_ID] = "50";
    f[RESULT_ACC] = acc;
    f[RESULT_STATUS] = "ok";
    assert_int_equal(sheet_put(s, -1, f), 0);
}

/* Near, far and shifted images of one training. */
static void put_all(sheet *s, const char *train, const char *seed, const char *fpr, const char *auroc)
{
    put(s, train, seed, "tin", "near", fpr, auroc, "91");
    put(s, train, seed, "mnist", "far", "10", auroc, "91");
    put(s, train, seed, "c", "csid", "", "", "60");
}

/* In the file sharpness comes first. */
static sheet *trained(void)
{
    sheet *s = results("r.csv");
    put_all(s, "sam", "0", "30", "95");
    put_all(s, "oe (reconstruction)", "0", "20", "97");
    put_all(s, "", "0", "40", "90");
    put_all(s, "nobody", "0", "40", "80");
    return s;
}

/* By first letters, so that no method need be built. */
static enum heading by_letter(const char *train)
{
    return *train == 's'   ? HEADING_SHARPNESS
           : *train == 'o' ? HEADING_WITH
           : *train        ? HEADING_UNKNOWN
                           : HEADING_POST_HOC;
}

static char *printed(const sheet *s, table_options o)
{
    char *bytes = NULL;
    size_t n;
    FILE *f = open_memstream(&bytes, &n);
    o.heading = by_letter;
    if (table_print(f, s, NULL, &o) != 0)
        fail_msg("%s", fault_text());
    fclose(f);
    return bytes;
}

static void shows(const sheet *s, table_options o, const char *expected)
{
    char *said = printed(s, o);
    says(said, expected);
    free(said);
}

static void in_order(void **state)
{
    (void)state;
    sheet *s = trained();
    shows(s, (table_options){.metrics = "fpr95"},
          "train                score   near    far  average    tin  mnist    acc  csid-acc\n"
          "post-hoc:\n"
          "-                    msp    40.00  10.00    25.00  40.00  10.00  91.00     60.00\n\n"
          "training with outliers:\n"
          "oe (reconstruction)  msp    20.00  10.00    15.00  20.00  10.00  91.00     60.00\n\n"
          "sharpness-based:\n"
          "sam                  msp    30.00  10.00    20.00  30.00  10.00  91.00     60.00\n\n"
          "training by methods that are not here:\n"
          "nobody               msp    40.00  10.00    25.00");
    sheet_close(s);
}

static void best_and_second(void **state)
{
    (void)state;
    sheet *s = trained();
    shows(s, (table_options){.metrics = "fpr95", .format = TABLE_MARKDOWN},
          "| *training with outliers* | | | | | | | | |\n"
          "| oe (reconstruction) | msp | **20.00** | 10.00 | **15.00** | **20.00** | 10.00 |");
    shows(s, (table_options){.metrics = "fpr95", .format = TABLE_MARKDOWN},
          "| sam | msp | <u>30.00</u> | 10.00 | <u>20.00</u> | <u>30.00</u> | 10.00 |");
    shows(s, (table_options){.metrics = "auroc", .bold = 1}, "\033[4m95.00\033[0m");
    shows(s, (table_options){.metrics = "auroc", .bold = 1}, "\033[1m97.00\033[0m");
    shows(s, (table_options){.metrics = "auroc", .format = TABLE_LATEX},
          "    \\midrule\n    \\multicolumn{9}{l}{\\emph{sharpness-based}} \\\\\n"
          "    sam & msp & \\underline{95.00} & \\underline{95.00} & \\underline{95.00}");
    sheet_close(s);
}

static void like_a_paper(void **state)
{
    (void)state;
    sheet *s = trained();
    put_all(s, "sam", "1", "50", "95"); /* 30 and 50: mean 40, of the population 10 */
    put(s, "", "1", "tin", "near", "40", "90", "91");
    shows(s, (table_options){.layout = TABLE_PAPER, .width = 400},
          "in %, mean ± standard deviation (of the population) over 2 seeds; near: tin; far: mnist; FPR@95: ");
    shows(s, (table_options){.layout = TABLE_PAPER, .width = 200},
          "sam                  msp    40.00 ± 10.00   95.00 ± 0.00   10.00 ± 0.00   95.00 ± 0.00   25.00 ± 5.00");
    shows(s, (table_options){.layout = TABLE_PAPER, .metrics = "auroc", .format = TABLE_LATEX},
          "     &  & \\multicolumn{1}{c}{near} & \\multicolumn{1}{c}{far} & \\multicolumn{1}{c}{average} & "
          "\\multicolumn{2}{c}{accuracy} \\\\\n"
          "    \\cmidrule(lr){3-3} \\cmidrule(lr){4-4} \\cmidrule(lr){5-5} \\cmidrule(lr){6-7}\n"
          "    train & score & AUROC $\\uparrow$ & AUROC $\\uparrow$ & AUROC $\\uparrow$ & ID $\\uparrow$ & c "
          "$\\uparrow$ \\\\\n    \\midrule\n    \\multicolumn{7}{l}{\\emph{post-hoc}}");
    shows(s, (table_options){.layout = TABLE_PAPER, .metrics = "fpr95,auroc", .format = TABLE_MARKDOWN},
          "| train | score | near FPR@95 ↓ | near AUROC ↑ | far FPR@95 ↓ | far AUROC ↑ | average FPR@95 ↓ | "
          "average AUROC ↑ | accuracy ID ↑ | accuracy c ↑ |");
    shows(s, (table_options){.layout = TABLE_PAPER, .metrics = "fpr95", .format = TABLE_CSV},
          "device,fast,precision,seeds,near_fpr95,near_fpr95_std,far_fpr95,far_fpr95_std,average_fpr95,"
          "average_fpr95_std,acc,acc_std,csid_acc,csid_acc_std\n");
    shows(s, (table_options){.layout = TABLE_PAPER, .metrics = "fpr95", .format = TABLE_CSV},
          "sharpness-based,resnet20,w.th,cifar10,sam,,msp,,cpu,false,f32,2,40,10,10,0,25,5,91,0,60,0\n");
    sheet_close(s);
}

/* Through the program, which asks the methods themselves. */
static void joined(void **state)
{
    int status;
    (void)state;
    sheet *s = results("a.csv");
    put_all(s, "sam", "0", "30", "95");
    sheet_close(s);
    s = results("b.csv");
    put_all(s, "ce", "0", "40", "90");
    put_all(s, "oe", "0", "20", "97");
    put_all(s, "odd", "0", "20", "97");
    put_all(s, "sam", "0", "31", "95"); /* the later one counts */
    sheet_close(s);
    char *said = output(&status, "table '%s/a.csv' --metric fpr95 '%s/b.csv'", here, here);
    assert_int_equal(status, 0);
    says(said, "post-hoc:\nce ");
    says(said, "training with outliers:\noe ");
    says(said, "sharpness-based:\nsam    msp    31.00");
    says(said, "training by methods that are not here:\nodd ");
    free(said);
    said = output(&status, "table '%s/a.csv' --layout papre", here);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "--layout: expected sets or paper, found `papre`; did you mean `paper`?\n");
    free(said);
    said = output(&status, "table '%s/a.csv' '%s/none.csv'", here, here);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "none.csv: No such file");
    free(said);
}

static int begin(void **state)
{
    (void)state;
    return program_begin("grouped");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(best_and_second),
                                       cmocka_unit_test(like_a_paper), cmocka_unit_test(joined)};
    return cmocka_run_group_tests(tests, begin, program_end);
}
