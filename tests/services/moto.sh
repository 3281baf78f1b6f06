#!/usr/bin/env bash
# The moto server: a third implementation of DynamoDB's protocol. It checks no signatures.
# See launch.sh for how to call it. Prints {"endpoint","access_key_id","secret_access_key","region","pids","dir"}.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

start_once() {
    local port pid
    read -r port < <(free_ports 1)
    "$venvs/cloud/bin/moto_server" -H 127.0.0.1 -p "$port" </dev/null >"$dir/moto.log" 2>&1 &
    pid=$!
    wait_for_http "http://127.0.0.1:$port/" 60 "$pid" || {
        stop_pids "$pid"
        return 1
    }
    if [[ -n $owner ]]; then
        watch_owner "$owner" "$pid"
    fi
    jq --null-input --compact-output --arg endpoint "http://127.0.0.1:$port" --arg dir "$dir" --argjson pid "$pid" \
        '{endpoint: $endpoint, access_key_id: "test", secret_access_key: "test", region: "us-east-1", pids: [$pid], dir: $dir}'
}

run_launcher "$@"
