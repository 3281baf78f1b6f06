#!/usr/bin/env bash
# A certified OpenID provider, oidc-provider: every first segment of a path is an issuer of its own. See oidc/provider.mjs for what it answers.
# See launch.sh for how to call it. Prints {"endpoint","client_id","client_secret","pids","dir"}.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

client_id=offprint-tests
client_secret=only-for-tests-on-loopback-0123456789abcd

start_once() {
    local port pid
    read -r port < <(free_ports 1)
    node "$services/oidc/provider.mjs" "$port" "$client_id" "$client_secret" </dev/null >"$dir/oidc.log" 2>&1 &
    pid=$!
    wait_for_http "http://127.0.0.1:$port/ready/jwks" 30 "$pid" || {
        stop_pids "$pid"
        return 1
    }
    if [[ -n $owner ]]; then
        watch_owner "$owner" "$pid"
    fi
    jq --null-input --compact-output --arg endpoint "http://127.0.0.1:$port" --arg id "$client_id" --arg secret "$client_secret" \
        --arg dir "$dir" --argjson pid "$pid" \
        '{endpoint: $endpoint, client_id: $id, client_secret: $secret, pids: [$pid], dir: $dir}'
}

run_launcher "$@"
