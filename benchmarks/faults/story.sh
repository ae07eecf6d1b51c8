# What the stories have in common: a cluster of their own, a tree of files, a load, and a verdict.
# To be sourced. A story exits with 0 if all it checked was right, with 1 if not, with 2 if it could
# not begin. Whatever ends it, what was broken is healed and what was started is stopped.

here=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$here/.venv/bin/python}
whole_within_s=${WHOLE_WITHIN_S:-120}
failed=0
load=
scratch=

trilith() { "$python" -P -m trilith "$@"; }
say() { printf '%s\n' "== $*"; }

# begin TITLE: a cluster of three nodes, 2+1, with a tree of files in it.
begin() {
    say "$1"
    unset TRILITH_ENDPOINT TRILITH_ACCESS_KEY TRILITH_SECRET_KEY
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/trilith-story-XXXXXX") || exit 2
    TRILITH_DATA=$scratch/cluster
    export TRILITH_DATA
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkdir "$scratch/tree"
    cp -R "$here/erasure" "$here/node" "$here/metadata" "$scratch/tree"
    find "$scratch/tree" -name __pycache__ -prune -exec rm -rf {} +
    find "$scratch/tree" -size 0 -delete
    head -c 20000000 /dev/urandom >"$scratch/tree/large"
    trilith up --detach --quiet --port 0 && trilith bucket create story \
        && trilith put --recursive "$scratch/tree" story/tree || { say 'it can not begin'; exit 2; }
}

finish() {
    status=$?
    trap - EXIT INT TERM HUP
    [ -z "$load" ] || kill "$load" 2>/dev/null
    "$python" -m benchmarks fault heal >/dev/null 2>&1
    trilith down >/dev/null 2>&1
    if [ "$status" = 0 ]; then
        rm -rf "$scratch"
    else
        say "what is left of it: $scratch"
    fi
    exit "$status"
}

# check WHAT COMMAND...: the command must succeed.
check() {
    what=$1
    shift
    if "$@" >"$scratch/out" 2>&1; then
        printf '   ok  %s\n' "$what"
    else
        printf '   NO  %s\n' "$what"
        sed 's/^/       /' "$scratch/out" | tail -n 20
        failed=1
    fi
}

fault() { check "fault: $*" "$python" -m benchmarks fault "$@"; }

# load SECONDS: clients that put and get small objects, as long as twice that, in the background.
load() {
    "$python" -m benchmarks throughput --data "$TRILITH_DATA" --size 4096 --concurrency 4 \
        --seconds "$1" >"$scratch/load" 2>&1 &
    load=$!
}

load_is_done() {
    wait "$load"
    status=$?
    load=
    cat "$scratch/load"
    return "$status"
}

is_whole() {
    left=$whole_within_s
    until trilith verify "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 1
    done
}

tree_is_the_same() {
    rm -rf "$scratch/back"
    trilith get --recursive story/tree "$scratch/back" && diff -r "$scratch/tree" "$scratch/back/tree"
}

verdict() {
    if [ "$failed" = 0 ]; then
        say 'PASSED'
    else
        say 'FAILED'
    fi
    exit "$failed"
}
