#!/usr/bin/env bash
# ministack, the local cloud that the template is deployed to and a second DynamoDB. Policies are enforced, and only the key `test` is known.
# See launch.sh for how to call it. Prints {"endpoint","access_key_id","secret_access_key","region","pids","dir"}.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

start_once() {
    local port pid
    read -r port < <(free_ports 1)
    # Functions run as processes below this one. The environment's own AWS settings must not reach them.
    env -u AWS_PROFILE -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN -u AWS_ENDPOINT_URL \
        AUTH=true IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" S3_DATA_DIR="$dir/s3" TMPDIR="$dir" PATH="$venvs/cloud/bin:$PATH" \
        "$venvs/cloud/bin/ministack" </dev/null >"$dir/ministack.log" 2>&1 &
    pid=$!
    wait_for_http "http://127.0.0.1:$port/_ministack/health" 60 "$pid" || {
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
