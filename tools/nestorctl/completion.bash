# SPDX-License-Identifier: BSD-2-Clause
# Completion of nestorctl's command line for bash: sourced, or in /usr/share/bash-completion/completions/nestorctl.
_nestorctl() {
    local commands='status top devices exits counters dump log console start stop restart type check report'
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        status | top | devices | exits | counters | dump | log | check | report) command=${COMP_WORDS[i]} ;;
        console | start | stop | restart | type) command=${COMP_WORDS[i]} ;;
        esac
    done
    case $before in
    -o) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --pasid) return ;;
    dump) COMPREPLY=($(compgen -W "$(ls /sys/bus/pci/devices 2>/dev/null)" -- "$word")); return ;;
    esac
    case $command in
    '') COMPREPLY=($(compgen -W "$commands --json -o" -- "$word")) ;;
    top) COMPREPLY=($(compgen -W '--once' -- "$word")) ;;
    dump) COMPREPLY=($(compgen -W '--pasid --html' -- "$word")) ;;
    log) COMPREPLY=($(compgen -W '-f --previous' -- "$word")) ;;
    console) COMPREPLY=($(compgen -W '-f' -- "$word")) ;;
    report) COMPREPLY=($(compgen -W '--with-entries --html' -- "$word")) ;;
    esac
}
complete -F _nestorctl nestorctl
