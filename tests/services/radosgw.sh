#!/usr/bin/env bash
# Ceph's radosgw on a cluster of one monitor and one in-memory disk: the independent S3 server that judges our signatures.
# See launch.sh for how to call it. Prints {"endpoint","access_key_id","secret_access_key","region","pids","dir"}.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

access_key_id=AKIAOFFPRINTTESTS000
secret_access_key=only-for-tests-on-loopback-0123456789abcd

write_configuration() {
    cat >"$home/ceph.conf" <<CONF
[global]
fsid = $fsid
mon initial members = a
mon host = [v2:127.0.0.1:$mon_v2/0,v1:127.0.0.1:$mon_v1/0]
ms bind ipv4 = true
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
osd scrub load threshold = 0.0
memstore device bytes = 1073741824
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 500
run dir = $home/run
log file = $home/log/\$name.log
admin socket = $home/run/\$name.asok
pid file = $home/run/\$name.pid
setuser match path =
rgw dns name = localhost
rgw frontends = beast endpoint=127.0.0.1:$port
rgw crypt require ssl = false
rgw enable usage log = false
rgw init timeout = 120
[mon.a]
mon data = $home/mon
[osd.0]
osd data = $home/osd
[client]
keyring = $home/keyring
rgw data = $home/rgw
CONF
}

make_keys_and_monitor() {
    ceph-authtool --create-keyring "$home/keyring" --gen-key -n mon. --cap mon 'allow *'
    ceph-authtool "$home/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
    ceph-authtool --create-keyring "$home/osd/keyring" --gen-key -n osd.0
    monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_v2,v1:127.0.0.1:$mon_v1]" "$home/monmap"
    ceph-mon -c "$home/ceph.conf" --mkfs -i a --monmap "$home/monmap" --keyring "$home/keyring"
}

add_disk() {
    local disk
    disk=$(cat /proc/sys/kernel/random/uuid)
    timeout 60 ceph -c "$home/ceph.conf" osd new "$disk"
    timeout 60 ceph -c "$home/ceph.conf" auth add osd.0 osd 'allow *' mon 'allow profile osd' -i "$home/osd/keyring"
    ceph-osd -c "$home/ceph.conf" -i 0 --mkfs --osd-uuid "$disk"
}

# Starts a daemon that stays in the foreground of its own shell; its pid joins `pids`.
daemon() {
    local name=$1
    shift
    "$@" -c "$home/ceph.conf" -f </dev/null >"$home/log/$name.out" 2>&1 &
    pids+=($!)
}

start_once() {
    pids=()
    home=$dir/ceph-$(cat /proc/sys/kernel/random/uuid | cut -c1-4)
    mkdir -p "$home"/{mon,osd,run,log,rgw}
    fsid=$(cat /proc/sys/kernel/random/uuid)
    read -r port mon_v2 mon_v1 < <(free_ports 3)
    write_configuration
    # `&&` throughout: in a function that is itself a condition, `set -e` does not stop at a failure.
    make_keys_and_monitor >"$home/log/setup.out" 2>&1 &&
        daemon mon ceph-mon -i a &&
        add_disk >>"$home/log/setup.out" 2>&1 &&
        daemon osd ceph-osd -i 0 &&
        daemon rgw radosgw -n client.admin &&
        wait_for_http "http://127.0.0.1:$port/" 120 "${pids[-1]}" &&
        timeout 60 radosgw-admin -c "$home/ceph.conf" -n client.admin user create --uid=tests --display-name=tests \
            --access-key="$access_key_id" --secret-key="$secret_access_key" >"$home/log/user.out" 2>&1 || {
        stop_pids "${pids[@]}"
        return 1
    }
    if [[ -n $owner ]]; then
        watch_owner "$owner" "${pids[-1]}" "${pids[@]}"
    fi
    jq --null-input --compact-output --arg endpoint "http://127.0.0.1:$port" --arg id "$access_key_id" --arg secret "$secret_access_key" \
        --arg dir "$dir" --argjson pids "[$(IFS=,; echo "${pids[*]}")]" \
        '{endpoint: $endpoint, access_key_id: $id, secret_access_key: $secret, region: "us-east-1", pids: $pids, dir: $dir}'
}

run_launcher "$@"
