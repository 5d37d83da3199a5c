# oodbench.bash - completion for bash: commands, options, keys, methods, benchmarks, kinds
# of figures, files. What there is to complete is asked of the program, whose words are kept
# for a minute, and of the folders that come with it. `. harness/oodbench.bash` tries it.
# shellcheck shell=bash

declare -gA _oodbench_said _oodbench_when

# What the program says, in $said.
_oodbench_ask() {
    local of="$program $*"
    if [[ -z ${_oodbench_when[$of]} ]] || ((SECONDS - _oodbench_when[$of] > 60)); then
        _oodbench_said[$of]=$("$program" "$@" 2>/dev/null </dev/null)
        _oodbench_when[$of]=$SECONDS
    fi
    said=${_oodbench_said[$of]}
}

# Adds those of the words that go on as $cur does; of a list with commas its last item.
_oodbench_words() {
    local before='' last=$cur word
    [[ $cur == *,* ]] && before=${cur%,*}, last=${cur##*,}
    for word; do
        [[ -n $word && $word == "$last"* ]] && COMPREPLY+=("$before$word")
    done
}

# Adds files with one of the endings, and folders.
_oodbench_files() {
    local ending name
    local -A seen
    compopt -o filenames 2>/dev/null
    while IFS= read -r name; do
        [[ -z $cur && $name == .* ]] || COMPREPLY+=("$name")
    done < <(compgen -d -- "$cur")
    for ending; do
        while IFS= read -r name; do
            [[ -d $name || ${seen[$name]} || (-z $cur && $name == .*) ]] || COMPREPLY+=("$name")
            seen[$name]=1
        done < <(compgen -f -X "!*$ending" -- "$cur")
    done
}

# Names of the files DIR/*ENDING, without either.
_oodbench_names() { # DIR ENDING
    local path
    for path in "$1"/*"$2"; do
        path=${path##*/}
        [[ $path == \** ]] || _oodbench_words "${path%"$2"}"
    done
}

_oodbench_methods() {
    local folder
    local -a folders
    IFS=: read -r -a folders <<<"${OODBENCH_METHODS-}"
    for folder in "$plugins/methods" "${folders[@]}"; do
        [[ -n $folder ]] && _oodbench_names "$folder" .so
    done
}

# The sets of a benchmark that comes with the program.
_oodbench_sets() { # BENCHMARK
    local line inside=
    [[ -r $data/datasets/$1.yml ]] || return
    while IFS= read -r line; do
        [[ $line == sets:* ]] && inside=1 && continue
        [[ $line == [a-z]* ]] && inside=
        [[ -n $inside && $line =~ ^\ \ ([A-Za-z0-9_-]+): ]] && _oodbench_words "${BASH_REMATCH[1]}"
    done <"$data/datasets/$1.yml"
}

# --options that the help of a command names; of `run` and `score` those of the keys.
_oodbench_options() {
    local said rest word line
    _oodbench_ask "${asked[@]}" --help
    rest=$said
    while [[ $rest =~ (^|[^-A-Za-z0-9])(--[a-z][a-z_-]*)(.*) ]]; do
        word=${BASH_REMATCH[2]} rest=${BASH_REMATCH[3]}
        [[ $word == --option ]] || _oodbench_words "$word" # as a usage line has it
    done
    _oodbench_words --help
    [[ $command == run ]] || return
    while IFS= read -r line; do
        [[ $line =~ ^\ \ ([a-z_0-9.]+)\  ]] && _oodbench_words "--${BASH_REMATCH[1]}"
    done <<<"$said"
}

# The parameters of the method in --METHOD.
_oodbench_parameters() {
    local said line method=${cur#--}
    _oodbench_ask show "${method%%.*}"
    while IFS= read -r line; do
        [[ $line =~ ^([a-z_0-9]+\.[a-z_0-9]+): ]] && _oodbench_words "--${BASH_REMATCH[1]}"
    done <<<"$said"
}

# What may follow a key of `run`, where that is true or false, or `one of` some words.
_oodbench_choices() { # KEY
    local said line
    local -a choices
    _oodbench_ask run --help
    while IFS= read -r line; do
        [[ $line =~ ^\ \ "$1"\ +(.*) ]] || continue
        line=${BASH_REMATCH[1]}
        if [[ $line =~ ^(true|false)\  ]]; then
            _oodbench_words true false
        elif [[ $line =~ \;\ (one|a\ list)\ of\ (.*) ]]; then
            IFS=', ' read -r -a choices <<<"${BASH_REMATCH[2]}"
            _oodbench_words "${choices[@]}"
        fi
    done <<<"${said//$'\n'                              / }" # what goes on below goes on
}

# What may follow an option.
_oodbench_value() { # OPTION
    local said line key=${1#--}
    key=${key//-/_}
    case $command.$key in
    run.train | *.score | run.start | run.analyses_of) _oodbench_methods ;;
    run.device | score.device) _oodbench_words auto; _oodbench_names "$plugins/kernels" .so ;;
    run.benchmark) _oodbench_names "$data/datasets" .yml; _oodbench_files .yml ;;
    run.weights) _oodbench_files .safetensors .pt .pth .th .ckpt ;;
    run.out | run.data | run.imported | score.out | *.data | *.imported) _oodbench_files ;;
    table.format) _oodbench_words text csv markdown latex openood ;;
    table.layout) _oodbench_words sets paper ;;
    compare-paper.format) _oodbench_words text csv markdown ;;
    plot.format) _oodbench_words svg png pdf tikz ;;
    run.* | score.*) _oodbench_choices "$key" ;;
    *.split) _oodbench_words train val test ;;
    *.o | *.output | *) _oodbench_files '' ;;
    esac
}

# What a word may be that is neither an option nor its value.
_oodbench_argument() {
    local said line
    case $command in
    run) _oodbench_names "$data/results" .yml; _oodbench_files .yml ;;
    plot)
        if ((COMP_CWORD == 2)); then
            _oodbench_ask plot --help
            while IFS= read -r line; do
                [[ $line =~ ^\ \ ([a-z]+)\ \ + ]] && _oodbench_words "${BASH_REMATCH[1]}"
            done <<<"$said"
        else
            _oodbench_files .csv
        fi
        ;;
    compare-paper)
        _oodbench_files .csv
        ((COMP_CWORD > 2)) && [[ $cur != /* && ! -d results/paper ]] && for line in "$data"/results/paper/*.csv; do
            _oodbench_words "results/paper/${line##*/}"
        done
        ;;
    table | report) _oodbench_files .csv ;;
    methods | devices) ;;
    show) _oodbench_methods ;;
    import | corrupt)
        if ((COMP_CWORD == 2)); then
            _oodbench_names "$data/datasets" .yml
            _oodbench_files ''
        else
            _oodbench_sets "${COMP_WORDS[2]}"
        fi
        ;;
    doctor) _oodbench_files ;;
    *) _oodbench_files '' ;;
    esac
}

_oodbench() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local program=${COMP_WORDS[0]} plugins data said line root
    local -a asked=("$command")
    COMPREPLY=()
    program=${program/#\~\//$HOME/}
    program=$(type -P -- "$program") && program=$(readlink -f -- "$program") || return
    root=${program%/*}
    plugins=$root data=${root%/*}
    if [[ ! -d $plugins/methods ]]; then # as harness/layout.c has it
        plugins=$data/lib/oodbench data=$data/share/oodbench
    fi
    [[ $command == plot && $COMP_CWORD -gt 2 && ${COMP_WORDS[2]} != -* ]] && asked+=("${COMP_WORDS[2]}")
    if ((COMP_CWORD == 1)); then
        _oodbench_ask --help
        while IFS= read -r line; do
            [[ $line =~ ^\ \ oodbench\ ([a-z-]+)\  ]] && _oodbench_words "${BASH_REMATCH[1]}"
        done <<<"$said"
        _oodbench_words --help --version
    elif [[ $cur == --*.* && ( $command == run || $command == score ) ]]; then
        _oodbench_options
        _oodbench_parameters
    elif [[ $cur == -* ]]; then
        _oodbench_options
    elif [[ $before == -?* && $COMP_CWORD -gt 2 ]]; then
        _oodbench_value "$before"
    else
        _oodbench_argument
    fi
    mapfile -t COMPREPLY < <(((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}" | sort -u)
}
complete -F _oodbench oodbench
