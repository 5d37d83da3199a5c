/* slurm.c - `oodbench run --launcher slurm`. Its logic against stand-ins for sbatch and
 * squeue, which queue tasks in a file and say what the test has written down; then the
 * whole on Slurm itself, daemons of this test's own on ports of its own, where they are
 * installed and can start (Debian: slurmctld, slurmd, slurm-client), else skipped. */
#include "nights.h"
#include "weights.h"

#include "../harness/engine.h"
#include "../harness/jobarray.h"
#include "../harness/models.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>

static char path_before[8192];

/* Notes the tasks as lines of a script, without running them; says the number 7, 8, ... */
static const char sbatch[] =
    "#!/bin/sh\n"
    "here=$(dirname \"$0\")\n"
    "[ ! -f \"$here/refuse\" ] || { echo 'sbatch: error: invalid partition specified: gpu' >&2; exit 1; }\n"
    "echo \"$*\" >>\"$here/asked\"\n"
    "id=$(($(cat \"$here/id\" 2>/dev/null || echo 6) + 1))\n"
    "echo $id >\"$here/id\"\n"
    "while [ $# -gt 0 ]; do\n"
    "    case $1 in\n"
    "    --array=*) last=${1#--array=0-}; last=${last%%%*} ;;\n"
    "    --chdir=*) folder=${1#--chdir=} ;;\n"
    "    --*) ;;\n"
    "    *) break ;;\n"
    "    esac\n"
    "    shift\n"
    "done\n"
    "for i in $(seq 0 \"$last\"); do\n"
    "    printf \"cd '%s' && SLURM_ARRAY_TASK_ID=%s sh '%s' '%s' '%s' '%s' '%s' >slurm-%s-%s.log 2>&1\\n\" \\\n"
    "        \"$folder\" $i \"$@\" $id $i >>\"$here/queue\"\n"
    "done\n"
    "echo $id\n";

/* Says the states that are written down; with no such file everything waits for ever. */
static const char squeue[] = "#!/bin/sh\n"
                             "here=$(dirname \"$0\")\n"
                             "case $* in *--name=*) exit 0 ;; esac\n"
                             "cat \"$here/states\" 2>/dev/null || echo '7|0|PENDING|Resources'\n";

static void executable(const char *name, const char *script)
{
    char *path = text_format("%s/%s", here, name);
    write_text(name, script);
    assert_int_equal(chmod(path, 0755), 0);
    free(path);
}

static void forget(const char *name)
{
    char *path = text_format("%s/%s", here, name);
    remove_tree(path);
    free(path);
}

/* A mean little queue before the real one in PATH. */
static void use_stand_in(void)
{
    static const char *const files[] = {"bin/queue", "bin/asked", "bin/id", "bin/states", "bin/refuse"};
    char *path = text_format("%s/bin:%s", here, path_before);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        forget(files[i]);
    executable("bin/sbatch", sbatch);
    executable("bin/squeue", squeue);
    setenv("PATH", path, 1);
    free(path);
}

static void use_real(void)
{
    setenv("PATH", path_before, 1);
}

static int begin(void **state)
{
    (void)state;
    snprintf(path_before, sizeof path_before, "%s", getenv("PATH"));
    if (program_begin("slurm") != 0 || device_open("cpu", 0) != 0)
        return -1;
    if (put_networks(2) != 0)
        return -1;
    write_text("a.yml", "benchmark: mini.yml\nnet: resnet20\ndevice: cpu\nthreads: 1\n"
                        "weights: [w0.safetensors, w1.safetensors]\nscore: [msp, ebo]\n");
    write_text("b.yml", "benchmark: mini.yml\nnet: resnet20\ndevice: cpu\nthreads: 1\nepochs: 1\nbatch: 50\n"
                        "train: [sam, ce]\nstart: ce\nscore: msp\nslurm: {partition: any, time: 5, at_once: 3}\n");
    return 0;
}

static char *run_file(int *status, const char *file, const char *out, const char *more)
{
    return output(status, "run \"%s/%s.yml\" --imported \"%s/imported\" --out \"%s/%s\" %s", here, file, here, here,
                  out, more);
}

static pid_t start(const char *file, const char *out)
{
    forget("said"); /* what an earlier one said */
    char *command = text_format("exec \"%s\" run \"%s/%s.yml\" --imported \"%s/imported\" --out \"%s/%s\" "
                                "--launcher slurm >\"%s/said\" 2>&1 </dev/null",
                                program, here, file, here, here, out, here);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    free(command);
    assert_true(pid > 0);
    return pid;
}

static int is_there(const char *name)
{
    char *path = text_format("%s/%s", here, name);
    int there = file_exists(path);
    free(path);
    return there;
}

static void wait_until_there(const char *name)
{
    for (int waited = 0; waited < 60000 && !is_there(name); waited += 20)
        usleep(20000);
    assert_true(is_there(name));
}

static void wait_until_said(const char *words)
{
    for (int waited = 0; waited < 60000; waited += 20) {
        char *said = is_there("said") ? read_text("said") : text_copy("");
        int found = strstr(said, words) != NULL;
        free(said);
        if (found)
            return;
        usleep(20000);
    }
    fail_msg("expected it to say `%s`", words);
}

/* Runs what is queued, or its first `lines`, as a node would. */
static void run_queue(int lines)
{
    char *command = text_format("head -n %d '%s/bin/queue' | sh", lines, here);
    int rc = system(command);
    (void)rc; /* tasks may fail */
    free(command);
}

static void same_as_here(const char *file, const char *out)
{
    int status;
    char *local = text_format("%s-here", out), *said = run_file(&status, file, local, "");
    night a, b;
    if (status != 0)
        fail_msg("%s", said);
    night_read(&a, local);
    night_read(&b, out);
    night_same(&a, &b);
    for (int row = 0; row < sheet_rows(a.results); row++)
        for (int c = RESULT_RUN; c <= RESULT_GROUP; c++)
            assert_string_equal(sheet_at(a.results, row, c), sheet_at(b.results, row, c));
    night_free(&a);
    night_free(&b);
    free(local);
    free(said);
}

/* --- With the stand-in --- */

/* Interrupted while waiting; what ran meanwhile is gathered by the same command. */
static void taken_up_again(void **state)
{
    int status;
    (void)state;
    use_stand_in();
    write_text("bin/states", "7|0|PENDING|Resources\n8|0|PENDING|Dependency\n");
    pid_t pid = start("b", "again");
    wait_until_said("queued as jobs");
    kill(pid, SIGINT);
    assert_int_equal(night_wait(pid), 128 + SIGINT);
    char *said = read_text("said"), *asked = read_text("bin/asked");
    says(said, "slurm: 2 tasks, one for each network, queued as jobs 7,8\n");
    says(said, "jobs 7,8 go on; the same command gathers what they compute, `scancel` ends them\n");
    says(asked, "--array=0-0%3");
    says(asked, "--partition=any --time=5");
    says(asked, "--dependency=afterany:7");
    free(said);
    said = run_file(&status, "b", "again", ""); /* not beside the array */
    assert_int_equal(status, EXIT_CONFIG);
    night_one_line(said, "a Slurm job array that was queued for ");
    free(said);
    run_queue(2);
    said = run_file(&status, "b", "again", "--launcher slurm");
    if (status != 0)
        fail_msg("%s", said);
    says(said, "waited for again: jobs 7,8\n");
    free(said);
    free(asked);
    assert_false(is_there("again/parts"));
    asked = read_text("bin/id");
    assert_string_equal(asked, "8\n"); /* nothing was queued twice */
    free(asked);
    use_real();
    same_as_here("b", "again");
}

/* A task that dies costs the rows that it did not come to. */
static void tasks_that_die(void **state)
{
    int status;
    (void)state;
    use_stand_in();
    write_text("bin/states", "7|0|RUNNING|None\n7|1|RUNNING|None\n");
    pid_t pid = start("a", "dies");
    wait_until_said("queued as jobs");
    run_queue(1);
    write_text("bin/states", "7|0|COMPLETED|None\n7|1|OUT_OF_MEMORY|OutOfMemory\n");
    assert_int_equal(night_wait(pid), 1);
    char *said = read_text("said");
    says(said, "resnet20 w0.safetensors                          done\n");
    says(said, "slurm: OUT_OF_MEMORY, OutOfMemory, task 7_1\n");
    free(said);
    sheet *s = sheet_of("dies", "results.csv", result_names, RESULT_COLUMNS);
    assert_int_equal(sheet_rows(s), 8);
    for (int row = 0; row < 8; row++)
        assert_string_equal(sheet_at(s, row, RESULT_STATUS),
                            row < 4 ? "ok" : "slurm: OUT_OF_MEMORY, OutOfMemory, task 7_1");
    sheet_close(s);
    assert_false(is_there("dies/parts"));
    use_real();
    said = run_file(&status, "a", "dies", "--jobs 2"); /* tried again, here */
    assert_int_equal(status, 0);
    says(said, "2 scorers, 4 rows to compute");
    free(said);
    same_as_here("a", "dies");
}

/* What the part itself found wrong is said as on this machine. */
static void rows_that_fail(void **state)
{
    (void)state;
    use_stand_in();
    write_text("c.yml", "benchmark: mini.yml\nnet: resnet20\ndevice: cpu\nthreads: 1\nweights: w0.safetensors\n"
                        "score: [crash, msp]\n");
    pid_t pid = start("c", "fails");
    wait_until_said("queued as jobs");
    run_queue(1);
    assert_int_equal(night_wait(pid), 1);
    sheet *s = sheet_of("fails", "results.csv", result_names, RESULT_COLUMNS);
    assert_int_equal(sheet_rows(s), 4);
    for (int row = 0; row < 4; row++)
        assert_string_equal(sheet_at(s, row, RESULT_STATUS), row < 2 ? "crash: SIGSEGV" : "ok");
    sheet_close(s);
    use_real();
}

static void refused(void **state)
{
    int status;
    (void)state;
    use_stand_in();
    write_text("bin/refuse", "");
    char *said = run_file(&status, "a", "refused", "--launcher slurm --slurm.partition gpu");
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "oodbench: Slurm did not take the jobs: sbatch: error: invalid partition specified: gpu\n");
    assert_false(is_there("refused/parts")); /* so that the next command begins anew */
    free(said);
    setenv("PATH", here, 1);
    said = run_file(&status, "a", "refused", "--launcher slurm");
    use_real();
    assert_int_equal(status, EXIT_CONFIG);
    night_one_line(said, "`sbatch` is not found in PATH");
    says(said, "`--jobs N`");
    free(said);
}

/* --- With Slurm itself --- */

static pid_t controller, worker;

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(s, (struct sockaddr *)&a, sizeof a) != 0 || getsockname(s, (struct sockaddr *)&a, &n) != 0)
        a.sin_port = 0;
    close(s);
    return ntohs(a.sin_port);
}

/* Without munge, control groups, accounts: one node, this machine, by this user. */
static void write_slurm_conf(void)
{
    char host[65] = "";
    const struct passwd *me = getpwuid(getuid());
    gethostname(host, sizeof host - 1);
    host[strcspn(host, ".")] = '\0';
    char *conf = text_format(
        "ClusterName=oodbench\nSlurmctldHost=%s(127.0.0.1)\nSlurmUser=%s\nSlurmdUser=%s\nAuthType=auth/none\n"
        "CredType=cred/none\nSlurmctldPort=%d\nSlurmdPort=%d\nStateSaveLocation=%s/daemons/state\n"
        "SlurmdSpoolDir=%s/daemons/spool\nSlurmctldPidFile=%s/daemons/c.pid\nSlurmdPidFile=%s/daemons/d.pid\n"
        "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n"
        "SelectTypeParameters=CR_Core\nReturnToService=2\nMpiDefault=none\nAccountingStorageType="
        "accounting_storage/none\nJobAcctGatherType=jobacct_gather/none\nJobCompType=jobcomp/none\n"
        "NodeName=%s NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN\nPartitionName=any Nodes=ALL Default=YES "
        "MaxTime=INFINITE State=UP\n",
        host, me ? me->pw_name : "root", me ? me->pw_name : "root", free_port(), free_port(), here, here, here,
        here, host);
    write_text("daemons/slurm.conf", conf);
    write_text("daemons/state/none", "");
    write_text("daemons/spool/none", "");
    free(conf);
}

/* In the foreground, so that it is ours to end. */
static pid_t start_daemon(const char *name)
{
    char *log = text_format("%s/daemons/%s.log", here, name),
         *path = text_format("%s:/usr/sbin:/sbin", path_before);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("PATH", path, 1);
        if (!freopen(log, "w", stdout) || !freopen(log, "a", stderr))
            _exit(127);
        execlp(name, name, "-D", (char *)NULL);
        _exit(127);
    }
    free(log);
    free(path);
    return pid;
}

static int answers(void)
{
    return system("sinfo --noheader --format=%t 2>/dev/null | grep -q idle") == 0;
}

/* 0 where Slurm is not there, or does not start here. */
static int start_slurm(void)
{
    char *conf = text_format("%s/daemons/slurm.conf", here);
    write_slurm_conf();
    setenv("SLURM_CONF", conf, 1);
    free(conf);
    if (system("command -v sbatch sinfo >/dev/null 2>&1") != 0)
        return 0;
    controller = start_daemon("slurmctld");
    worker = start_daemon("slurmd");
    for (int waited = 0; waited < 150; waited++) {
        if (answers())
            return 1;
        usleep(200000);
        if (waitpid(controller, NULL, WNOHANG) == controller)
            controller = 0;
        if (waitpid(worker, NULL, WNOHANG) == worker)
            worker = 0;
        if (!controller || !worker)
            return 0;
    }
    return 0;
}

static int end_slurm(void **state)
{
    pid_t *daemons[] = {&worker, &controller};
    (void)state;
    for (int i = 0; i < 2; i++) {
        if (*daemons[i] <= 0)
            continue;
        kill(*daemons[i], SIGTERM);
        for (int waited = 0; *daemons[i] > 0 && waited < 100; waited++) {
            usleep(100000);
            if (waitpid(*daemons[i], NULL, WNOHANG) == *daemons[i])
                *daemons[i] = 0;
        }
        if (*daemons[i] > 0) {
            kill(*daemons[i], SIGKILL);
            waitpid(*daemons[i], NULL, 0);
        }
        *daemons[i] = 0;
    }
    unsetenv("SLURM_CONF");
    return 0;
}

static void on_slurm(void **state)
{
    static const char odd[] = "re al%a"; /* sbatch takes %a in some of its options for a number */
    int status;
    (void)state;
    use_real();
    if (!start_slurm())
        skip();
    char *said = run_file(&status, "b", odd, "--launcher slurm");
    if (status != 0)
        fail_msg("%s", said);
    says(said, "slurm: 2 tasks, one for each network, queued as jobs ");
    free(said);
    same_as_here("b", odd);
    said = run_file(&status, "a", "limited", "--launcher slurm --score hang,msp --slurm.partition none");
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "oodbench: Slurm did not take the jobs: ");
    free(said);
    pid_t pid = start("a", "cancelled");
    wait_until_there("cancelled/parts/array.yml");
    kill(pid, SIGKILL); /* the array is found again */
    night_wait(pid);
    said = run_file(&status, "a", "cancelled", "--launcher slurm");
    if (status != 0)
        fail_msg("%s", said);
    free(said);
    same_as_here("a", "cancelled");
}

/* What stands in array.yml is an index later: it is looked at first. */
static void damaged_arrays(void **state)
{
    static const char *const numbers[] = {"models: [-1]\ntasks: [1]", "models: [x]\ntasks: [1]",
                                          "models: [0]\ntasks: [-1, 2]", "models: [0]\ntasks: [1x]",
                                          "models: [0, 1]\ntasks: [1]"};
    (void)state;
    char *folder = text_format("%s/parts", here);
    jobarray p;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char *content = text_format("plan: a\nname: b\nfolder: /\n%s\n", numbers[i]);
        write_text("parts/array.yml", content);
        config *said = config_new();
        assert_int_equal(jobarray_read(&p, folder, said), -1);
        says(fault_text(), "array.yml is damaged: `scancel` the jobs it names");
        jobarray_free(&p);
        config_free(said);
        free(content);
    }
    write_text("parts/array.yml", "plan: a\nname: b\nfolder: /\nmodels: [0, 1]\ntasks: [1, 1]\n");
    config *said = config_new();
    assert_int_equal(jobarray_read(&p, folder, said), 0);
    assert_int_equal(p.array[1].first, 1);
    jobarray_free(&p);
    config_free(said);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_arrays), cmocka_unit_test(taken_up_again),
        cmocka_unit_test(tasks_that_die), cmocka_unit_test(rows_that_fail),
        cmocka_unit_test(refused),        cmocka_unit_test_teardown(on_slurm, end_slurm),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
