#!/usr/bin/env bash
# The facts about AWS that nothing local can show, each asked of a deployed stack and compared with the answer that we build on.
# Run it once after a first deployment, and after a change of region, front door or CDN. The test command never runs it.
#
# Needs: bash, curl, jq, the AWS command line with an account's credentials, and a deployed stack (README, "Deploy on AWS").
#
#   STACK=offprint AWS_REGION=eu-central-1 TOKEN=... BUCKET=my-lab-data PREFIX=offprint-probe/ LINK=https://.../KEY/offprint-probe \
#       tests/cloud/first-deploy.sh [--large] [--throttle]
#
#   TOKEN   an API token of a user who may list links
#   BUCKET  a bucket named in DataBucketArns, with the CORS rules that `offprint doctor` prints
#   PREFIX  a prefix in it, registered as a dataset; the probes write about 9 MiB there and remove it at the end (--large: 390 MiB)
#   LINK    a link to that whole dataset
#   --large     also streams 180 MiB and asks for 200 MiB
#   --throttle  also switches the serve function off for some seconds
#
# A FAIL means that a promise or a document of ours is wrong on AWS: read the line, then docs/SEMANTICS.md.
set -uo pipefail

: "${STACK:?}" "${AWS_REGION:?}" "${TOKEN:?}" "${BUCKET:?}" "${PREFIX:?}" "${LINK:?}"
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION AWS_PAGER=''
LINK=${LINK%/}
large='' throttle=''
for option in "$@"; do
    case $option in
    --large) large=yes ;;
    --throttle) throttle=yes ;;
    *)
        echo "unknown option $option" >&2
        exit 2
        ;;
    esac
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
passed=0 failed=0

# ---- Asking and comparing -----------------------------------------------------------------------------------------------------------

# expect NAME WANTED GOT: equal, or the one line that says what was found instead. WANTED is a glob.
expect() {
    # shellcheck disable=SC2053  # a pattern on purpose
    if [[ $3 == $2 ]]; then
        passed=$((passed + 1))
        printf 'PASS  %s: %s\n' "$1" "$3"
    else
        failed=$((failed + 1))
        printf 'FAIL  %s: wanted %s, got %s\n' "$1" "$2" "$3"
    fi
}

# ask ARGUMENTS...: one request, no redirect followed, the path sent as it is. Headers go to $work/head, the body to $work/body; prints the status.
ask() {
    curl --silent --path-as-is --globoff --max-time 300 --dump-header "$work/head" --output "$work/body" --write-out '%{http_code}' "$@"
}

# The value of one header of the last answer; nothing if it is not there.
header() {
    tr -d '\r' <"$work/head" | awk -v name="$1" 'BEGIN { FS = ": " } tolower($1) == tolower(name) { print substr($0, length($1) + 3) }'
}

# How often one header came in the last answer.
times() {
    tr -d '\r' <"$work/head" | grep --ignore-case --count "^$1: "
}

# Milliseconds from a request to its answer beyond one round trip of the network: the least of ten, so that a cold start does not count.
warm_ms() {
    for _ in {1..10}; do
        curl --silent --output /dev/null --write-out '%{time_namelookup} %{time_connect} %{time_pretransfer} %{time_starttransfer}\n' "$1"
    done | awk '{ ms = ($4 - $3 - ($2 - $1)) * 1000; if (NR == 1 || ms < least) least = ms } END { printf "%d", least }'
}

output() {
    jq --raw-output --arg name "$1" '.Stacks[0].Outputs[] | select(.OutputKey == $name).OutputValue' "$work/stack.json"
}

remove_objects() {
    local name
    for name in "${uploaded[@]}"; do
        aws s3api delete-object --bucket "$BUCKET" --key "$PREFIX$name" >/dev/null
    done
    rm -rf "$work"
}

upload() {
    uploaded+=("$2")
    aws s3api put-object --bucket "$BUCKET" --key "$PREFIX$2" --body "$1" >/dev/null
}

digest() {
    sha256sum <"$1" | cut -d ' ' -f 1
}

# ---- What the probes read -----------------------------------------------------------------------------------------------------------

aws cloudformation describe-stacks --stack-name "$STACK" >"$work/stack.json" || exit 2
app=$(output AppUrl) serve_url=$(output ServeFunctionUrl) links_url=$(output LinksFunctionUrl)
serve_function=$(output ServeFunctionName) serve_role=$(output ServeRoleArn) table=$(output TableName) secret=$(output DeploymentSecretArn)

uploaded=()
trap remove_objects EXIT
head --bytes 1000 /dev/urandom >"$work/small"
head --bytes 9000000 /dev/urandom >"$work/nine"
upload "$work/small" 'small.bin'
upload "$work/small" 'a+b.bin'
upload "$work/small" 'odd #1/50% +é ?.bin'
upload "$work/nine" 'nine.bin'

scheme=${LINK%%://*}
rest=${LINK#*://}
key=$(cut -d / -f 2 <<<"$rest")
streamed=$scheme://${rest/"/$key/"/"/$key-s/"}

# ---- 1. The front door hands over what was sent -------------------------------------------------------------------------------------

expect 'an encoded slash reaches the function' 400 "$(ask "$LINK/a%2Fb")"
expect '  and is refused as such' bad-path "$(jq --raw-output .code "$work/body" 2>/dev/null)"
expect 'two dots reach the function' 400 "$(ask "$LINK/a/../small.bin")"
expect 'encoded dots reach the function' 400 "$(ask "$LINK/a/%2e%2e/small.bin")"
expect 'an empty segment reaches the function' 400 "$(ask "$LINK/a//small.bin")"
expect 'a path of 100 kB does not crash the function' '4[0-9][0-9]' "$(ask "$LINK/$(head --bytes 100000 /dev/zero | tr '\0' a)")"
expect 'an odd Host does not crash the function' '4[0-9][0-9]' "$(ask --header 'Host: h:99999' "$LINK/small.bin")"
expect 'a forwarded host changes nothing' 302 "$(ask --header 'X-Forwarded-Host: evil.example' "$LINK/small.bin")"
expect '  and is not in Location' '' "$(header location | grep evil.example)"

# ---- 2. Our headers arrive once, and as we set them ---------------------------------------------------------------------------------

expect 'a redirect' 302 "$(ask --header 'Origin: https://viewer.example.org' "$LINK/small.bin")"
location=$(header location)
expect '  with one Location' 1 "$(times location)"
expect '  with one allowed origin' 1 "$(times access-control-allow-origin)"
expect '  with our Cache-Control' 'private, max-age=*' "$(header cache-control)"
expect '  with no Referer for S3' no-referrer "$(header referrer-policy)"
expect 'a preflight is answered by us' 204 "$(ask --request OPTIONS --header 'Origin: null' --header 'Access-Control-Request-Method: GET' --header 'Access-Control-Request-Headers: range' "$LINK/small.bin")"
expect '  once' 1 "$(times access-control-allow-origin)"
expect '  for two hours' 7200 "$(header access-control-max-age)"
expect 'a warm redirect takes under 40 ms (ADR 0011)' '@(-*|[0-9]|[123][0-9])' "$(warm_ms "$LINK/small.bin")"

# ---- 3. S3 takes what we sign -------------------------------------------------------------------------------------------------------

expect 'S3 takes our extra signed tag' 200 "$(ask "$location")"
expect '  and gives the object' "$(digest "$work/small")" "$(digest "$work/body")"
expect 'S3 refuses another tag' 403 "$(ask "${location/x-offprint-link=/x-offprint-link=0}")"
expect 'S3 refuses another method' 403 "$(ask --head "$location")"
expect 'S3 serves any one range of it' 206 "$(ask --header 'Range: bytes=-10' "$location")"
expect 'S3 answers several ranges whole' 200 "$(ask --header 'Range: bytes=0-1,4-5' "$location")"
expect 'S3 allows the null origin of a redirect' '\*' "$(ask --header 'Origin: null' "$location" >/dev/null && header access-control-allow-origin)"
expect 'S3 refuses a forwarded Authorization' 400 "$(ask --header 'Authorization: Bearer x' "$location")"
ask "$LINK/surely/absent" >/dev/null
expect 'S3 calls a missing object missing' 404 "$(ask "$(header location)")"
expect 'HEAD of a missing object is known at once' 404 "$(ask --head "$LINK/surely/absent")"
ask "$LINK/odd%20%231/50%25%20%2B%C3%A9%20%3F.bin" >/dev/null
expect 'an odd name is signed as S3 reads it' 200 "$(ask "$(header location)")"
ask "$LINK/a+b.bin" >/dev/null
expect 'a bare plus is a plus to S3' 200 "$(ask "$(header location)")"

# ---- 4. Streaming through a Function URL --------------------------------------------------------------------------------------------

expect 'HEAD of a streamed object' 200 "$(ask --head "$streamed/nine.bin")"
expect '  has its length under its own name' 9000000 "$(header content-length)"
expect 'a streamed object over 6 MB' 200 "$(ask "$streamed/nine.bin")"
expect '  arrives whole' "$(digest "$work/nine")" "$(digest "$work/body")"
etag=$(header etag)
expect '  and was not encoded again' '' "$(header content-encoding)"
expect 'a streamed range' 206 "$(ask --header 'Range: bytes=10-19' "$streamed/nine.bin")"
expect '  says which' 'bytes 10-19/9000000' "$(header content-range)"
expect 'a streamed object not modified' 304 "$(ask --header "If-None-Match: $etag" "$streamed/nine.bin")"
expect 'a streamed range past the end' 416 "$(ask --header 'Range: bytes=9000000-' "$streamed/nine.bin")"
if [[ $large ]]; then
    head --bytes 188743680 /dev/urandom >"$work/large"
    head --bytes 209715200 /dev/zero >"$work/too-large"
    upload "$work/large" 'large.bin'
    upload "$work/too-large" 'too-large.bin'
    expect '180 MiB are streamed' 200 "$(ask "$streamed/large.bin")"
    expect '  whole' "$(digest "$work/large")" "$(digest "$work/body")"
    expect '200 MiB are refused before the first byte' 413 "$(ask "$streamed/too-large.bin")"
fi

# ---- 5. The CDN, and the doors that are shut ----------------------------------------------------------------------------------------

expect 'links answers nobody but the CDN' 403 "$(ask --header "Authorization: Bearer $TOKEN" "${links_url}api/v1/links")"
expect '  nor a forged header' 403 "$(ask --header 'X-Offprint-Cdn: x' --header "Authorization: Bearer $TOKEN" "${links_url}api/v1/links")"
expect 'the CDN passes Authorization on' 200 "$(ask --header "Authorization: Bearer $TOKEN" "$app/api/v1/links")"
expect '  and does not answer from a cache' 401 "$(ask "$app/api/v1/links")"
expect 'the CDN takes a POST without a body hash' 400 "$(ask --header "Authorization: Bearer $TOKEN" --header 'Content-Type: application/json' --data '{}' "$app/api/v1/links")"
expect 'the CDN sends other paths to acl' 200 "$(ask --header "Authorization: Bearer $TOKEN" "$app/api/v1/datasets")"
# Where a request comes from: whatever a client says of it, the function of the CDN says the address of the connection, before every behaviour.
viewer_function=$STACK-viewer-address
viewer_etag=$(aws cloudfront describe-function --name "$viewer_function" --stage LIVE --query ETag --output text)
jq --null-input '{ version: "1.0", context: { eventType: "viewer-request" }, viewer: { ip: "198.51.100.7" }, request: { method: "GET",
    uri: "/api/v1/links", querystring: {}, cookies: {}, headers: { "x-offprint-viewer": { value: "203.0.113.9" } } } }' >"$work/viewer.json"
viewer_result=$(aws cloudfront test-function --name "$viewer_function" --if-match "$viewer_etag" --stage LIVE --event-object "fileb://$work/viewer.json" \
    --query TestResult.FunctionOutput --output text)
expect 'the CDN says from where a request comes' 198.51.100.7 "$(jq --raw-output '.request.headers["x-offprint-viewer"].value' <<<"$viewer_result" 2>/dev/null)"
expect '  and it alone' 198.51.100.7 "$(jq --raw-output '[.request.headers["x-offprint-viewer"] | .value, (.multiValue[]?.value)] | unique | join(" ")' <<<"$viewer_result" 2>/dev/null)"
cdn=$(aws cloudformation describe-stack-resource --stack-name "$STACK" --logical-resource-id Cdn --query StackResourceDetail.PhysicalResourceId --output text)
aws cloudfront get-distribution-config --id "$cdn" --query DistributionConfig >"$work/cdn.json"
expect '  before every behaviour' 0 "$(jq --arg name "$viewer_function" '[.DefaultCacheBehavior, .CacheBehaviors.Items[]?]
    | map(select(any(.FunctionAssociations.Items[]?; .EventType == "viewer-request" and (.FunctionARN | endswith("/" + $name))) | not)) | length' "$work/cdn.json")"
for event in "$here"/../events/refused-*.json; do
    aws lambda invoke --function-name "$serve_function" --payload "fileb://$event" "$work/invoked" >/dev/null
    expect "$(basename "$event" .json) is refused" 500 "$(head --bytes 4096 "$work/invoked" | grep --text --only-matching --max-count 1 '"statusCode": *[0-9]*' | tr -cd '0-9')"
done

# ---- 6. What the roles of serve and pages may do, as AWS's own evaluation sees it ----------------------------------------------------

# may ROLE ACTION RESOURCE [LEADING-KEY [ATTRIBUTES]]: ATTRIBUTES with commas between
may() {
    local keys=()
    (($# > 3)) && keys=("ContextKeyName=dynamodb:LeadingKeys,ContextKeyValues=$4,ContextKeyType=stringList")
    (($# > 4)) && keys+=("ContextKeyName=dynamodb:Attributes,ContextKeyValues=$5,ContextKeyType=stringList")
    aws iam simulate-principal-policy --policy-source-arn "$1" --action-names "$2" --resource-arns "$3" ${keys:+--context-entries "${keys[@]}"} \
        --query 'EvaluationResults[0].EvalDecision' --output text
}

table_arn=$(aws dynamodb describe-table --table-name "$table" --query Table.TableArn --output text)
expect 'serve may read a link' allowed "$(may "$serve_role" dynamodb:Query "$table_arn" 'L#0')"
expect 'serve may read a token by its hash' allowed "$(may "$serve_role" dynamodb:GetItem "$table_arn" 'T#0')"
for closed in 'E#0' 'I#0' 'K#0' 'Z#0'; do
    expect "serve may not read \`$closed\`" implicitDeny "$(may "$serve_role" dynamodb:GetItem "$table_arn" "$closed")"
done
expect 'serve may not read an index' implicitDeny "$(may "$serve_role" dynamodb:Query "$table_arn/index/GSI1" 'L#0')"
expect 'serve may not write a link' implicitDeny "$(may "$serve_role" dynamodb:PutItem "$table_arn" 'L#0')"
expect 'serve may not read the deployment secret' implicitDeny "$(may "$serve_role" secretsmanager:GetSecretValue "$secret")"
pages_role=$(aws lambda get-function-configuration --function-name "$(output PagesFunctionName)" --query Role --output text)
expect 'pages may count a pass on its link' allowed "$(may "$pages_role" dynamodb:UpdateItem "$table_arn" 'L#0' pk,sk,sessions,version)"
expect '  and may write nothing else of it beside that' implicitDeny "$(may "$pages_role" dynamodb:UpdateItem "$table_arn" 'L#0' pk,sk,sessions,enabled)"
expect '  nor by itself' implicitDeny "$(may "$pages_role" dynamodb:UpdateItem "$table_arn" 'L#0' until)"
expect '  nor make one' implicitDeny "$(may "$pages_role" dynamodb:PutItem "$table_arn" 'L#0' pk,sk,sessions,version)"
expect '  nor end one' implicitDeny "$(may "$pages_role" dynamodb:DeleteItem "$table_arn" 'L#0')"
expect 'pages may not read the deployment secret' implicitDeny "$(may "$pages_role" secretsmanager:GetSecretValue "$secret")"

# ---- 7. Without concurrency AWS answers by itself -----------------------------------------------------------------------------------

if [[ $throttle ]]; then
    reserved=$(aws lambda get-function-concurrency --function-name "$serve_function" --query ReservedConcurrentExecutions --output text)
    aws lambda put-function-concurrency --function-name "$serve_function" --reserved-concurrent-executions 0 >/dev/null
    sleep 5
    expect 'a throttled request' 429 "$(ask --header 'Origin: https://viewer.example.org' "${serve_url}${rest#*/}/small.bin")"
    expect '  has no CORS header: browsers see a network error, as the docs say' 0 "$(times access-control-allow-origin)"
    if [[ $reserved =~ ^[0-9]+$ ]]; then
        aws lambda put-function-concurrency --function-name "$serve_function" --reserved-concurrent-executions "$reserved" >/dev/null
    else
        aws lambda delete-function-concurrency --function-name "$serve_function"
    fi
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
