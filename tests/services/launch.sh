# What the four launchers of this folder share. Sourced by them; it starts nothing by itself.
#
#   radosgw.sh | ministack.sh | moto.sh | oidc.sh   start [--owner PID] [DIR]   prints one JSON object, returns when the service answers
#   radosgw.sh | ministack.sh | moto.sh | oidc.sh   stop PID...                 ends the processes named in that object's `pids`
#
# Every service listens on 127.0.0.1, on ports that were free a moment ago, so any number of them run side by side.
# With --owner the service also ends by itself when that process is gone: a killed test run leaves nothing behind.

services=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venvs=$services/../.venv

# Prints $1 distinct TCP ports that nothing listens on. They are all held at once, so none is named twice.
free_ports() {
    python3 - "$1" <<'PY'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))
PY
}

# Waits until URL $1 answers anything at all, $2 seconds at most; gives up early when process $3 has ended.
wait_for_http() {
    local deadline=$((SECONDS + $2))
    until curl --silent --output /dev/null --max-time 5 "$1"; do
        kill -0 "$3" 2>/dev/null || return 1
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}

# Asks the processes to end, waits 3 s, then insists. Children are ended too: ministack runs functions as processes of its own.
stop_pids() {
    local pid all=() children waited=0
    for pid in "$@"; do
        children=$(pgrep -P "$pid" || true)
        # shellcheck disable=SC2206  # one pid a word
        all+=("$pid" $children)
    done
    ((${#all[@]})) || return 0
    kill "${all[@]}" 2>/dev/null || true
    while kill -0 "${all[@]}" 2>/dev/null && ((waited < 15)); do
        sleep 0.2
        waited=$((waited + 1))
    done
    kill -KILL "${all[@]}" 2>/dev/null || true
}

# Ends the processes $2... once process $1 is gone. It also goes when the first of them does.
watch_owner() {
    local owner=$1
    shift
    (
        while kill -0 "$owner" 2>/dev/null; do
            kill -0 "$1" 2>/dev/null || exit 0
            sleep 1
        done
        stop_pids "$@"
    ) </dev/null >/dev/null 2>&1 &
}

# Reads the arguments that all launchers take; sets `dir` (a new one under the system's temporary folder by default) and `owner`.
read_arguments() {
    owner='' dir=''
    while (($#)); do
        case $1 in
        --owner)
            owner=$2
            shift
            ;;
        *) dir=$1 ;;
        esac
        shift
    done
    if [[ -z $dir ]]; then
        dir=$(mktemp -d "${TMPDIR:-/tmp}/offprint-service-XXXXXX")
    fi
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
}

# The door of every launcher: `start_once` is the caller's. Three tries, because a free port can be taken before it is used.
run_launcher() {
    local verb=${1:-} try
    (($#)) && shift
    case $verb in
    start)
        read_arguments "$@"
        for try in 1 2 3; do
            if start_once; then
                return 0
            fi
            echo "${0##*/}: try $try did not come up; its logs are in $dir" >&2
        done
        return 1
        ;;
    stop) stop_pids "$@" ;;
    *)
        echo "usage: ${0##*/} start [--owner PID] [DIR] | stop PID..." >&2
        return 2
        ;;
    esac
}
