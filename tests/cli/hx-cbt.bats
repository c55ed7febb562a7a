#!/usr/bin/env bats
# hx-cbt on a daemon: what it says as text and JSON, and what it leaves alone.
load helpers
# shellcheck source=../support/qemu.bash
source "$HX_ROOT/tests/support/qemu.bash"
teardown() { qemu_stop; teardown_mounts; }

# keys SECTION: those that hx-cbt(1) lists.
keys() {
  awk -v name="$1" '/^\.S[hs] / { text = $0; sub(/^\.S[hs] /, "", text); on = text == name; next }
    on && sub(/^\.It Cm /, "") { gsub(/ , /, "\n"); print }' "$HX_ROOT/man/hx-cbt.1" | sort
}
started() {
  qemu-img create -q -f qcow2 d.qcow2 16M
  daemon_start vm d.qcow2
}

@test "tracking is off, then on, then off; on twice is on" {
  started
  expect_status 0 hx-cbt status "qemu:$monitor"
  expect_out 'not tracked' '(cbt-disabled)'
  hx-cbt enable -q "qemu:$monitor"
  local bitmap
  bitmap=$(bitmaps_of d0)
  [[ $bitmap == hx-1-* ]]
  expect_status 0 hx-cbt enable --json "qemu:$monitor"
  [ "$(jq -r .success ../out)" = true ]
  [ "$(bitmaps_of d0)" = "$bitmap" ]
  expect_status 0 hx-cbt status "qemu:$monitor"
  expect_out 'tracked since 1 point' '(no-baseline)'
  hx-cbt disable -q "qemu:$monitor"
  [ -z "$(bitmaps_of d0)" ]
}

@test "the keys of the manual, and the estimate from the previous export" {
  started
  hx-cbt enable -q --granularity 32K "qemu:$monitor"
  hx-cbt status --json "qemu:$monitor" >status.json
  [ "$(jq -r 'keys[]' status.json | sort)" = "$(keys 'Object: status')" ]
  jq -e '.disks[0].change_id | startswith("qemu:1:")' status.json
  mkdir -p state/vm
  jq --arg time "$(date -u +%FT%TZ)" '{vm_id: "vm", export_time: $time, total_size: 16777216, duration_seconds: 32,
    disks: .disks}' status.json >state/vm/latest.json
  head -c 200000 /dev/urandom | dd of="$qemu_dir/vm.d0" bs=1M seek=1 conv=notrunc status=none
  hx-cbt analyze --json --state-dir state "qemu:$monitor" >analysis.json
  [ "$(jq -r 'keys[]' analysis.json | sort)" = "$(keys 'Object: analysis')" ]
  jq -e '.can_incremental and .reason_code == "possible" and .estimated_changed_bytes == 229376 and
    .estimated_savings_bytes == 16777216 - 229376 and .estimated_duration == "1 s"' analysis.json
  expect_status 0 hx-cbt analyze --state-dir state "qemu:$monitor"
  expect_out '98.6 %'
  hx-fetch "qemu:$monitor" >/dev/null
  expect_status 0 hx-cbt analyze --state-dir state "qemu:$monitor"
  expect_out 'tracked since 2 points' '98.6 %'
}

@test "an old baseline, other disks, and a lost bitmap each have their reason" {
  started
  hx-cbt enable -q "qemu:$monitor"
  hx-cbt status --json "qemu:$monitor" >status.json
  mkdir -p state/web
  remember() { jq "{vm_id: \"web\", export_time: \"$1\", total_size: 5, disks: $2}" status.json >state/web/latest.json; }
  reason() { hx-cbt status --json --vm web --state-dir state "$@" "qemu:$monitor" | jq -r .reason_code; }
  remember 2020-01-01T00:00:00Z .disks
  [ "$(reason)" = baseline-old ]
  [ "$(reason --max-age 36500d)" = possible ]
  remember 2099-01-01T00:00:00Z '(.disks | map(.capacity_bytes += 512))'
  [ "$(reason)" = topology-changed ]
  remember 2099-01-01T00:00:00Z '(.disks | map(.change_id = ""))'
  [ "$(reason)" = baseline-without-cbt ]
  remember 2099-01-01T00:00:00Z .disks
  [ "$(reason)" = possible ]
  hx-cbt disable -q "qemu:$monitor"
  hx-cbt enable -q "qemu:$monitor"
  [ "$(reason)" = bitmap-missing ]
  printf '{' >state/web/latest.json
  expect_status 1 hx-cbt status --vm web --state-dir state "qemu:$monitor"
  expect_err state/web/latest.json
}

@test "what cannot track changes says so" {
  truncate -s 1M disk.img
  expect_status 8 hx-cbt enable disk.img
  expect_status 2 hx-cbt enable qemu:
  expect_status 2 hx-cbt start "qemu:$PWD/none"
  expect_err "'start'"
  started
  expect_status 2 hx-cbt enable --granularity 1000 "qemu:$monitor"
}
