#!/usr/bin/env bats
# A restore that was cut off goes on from what is on its target for sure, and ends as one that was not cut.
load helpers
# shellcheck source=../support/nbd.bash
source "$HX_ROOT/tests/support/nbd.bash"
teardown() {
  nbd_stop
  teardown_mounts
}

SEED=${HX_SEED:-20260101}
MIB=1048576

SLOW='--resume --checkpoint-interval 0.05s --limit-rate 24M'
restore() { hx-restore --resume --checkpoint-interval 0.05s "$@"; }
# What hx-fetch is given: empty where the target has nothing yet.
token() { hx-ckpt token new.img.part 2>/dev/null || true; }
# durable SIDECAR: bytes that it says are on the disk.
durable() { jq '[.files[].ranges // [] | .[] | .[1] - .[0]] | add // 0' "$1" 2>/dev/null || echo 0; }
# The target is the disk, and nothing else is left.
whole() {
  assert_same "$1" disk.img
  [ ! -e "$1.part" ] && [ ! -e ".$1.checkpoint" ] && [ ! -e ".$1.checkpoint.lock" ]
}
# goes_on SIDECAR ARGUMENTS…: hx-restore, killed five times, then until it is done. What is in the checkpoint is not
# written again, and so little is written in all.
goes_on() {
  local sidecar=$1 size before total=0
  shift
  size=$(size_of disk.img)
  RANDOM=$((SEED % 32768))
  for _ in 1 2 3 4 5; do
    # shellcheck disable=SC2086  # several words
    killed_at $((6 * MIB + RANDOM * 100)) hx-restore $SLOW "$@"
    [ "$status" -eq 137 ] || fail 'it was done before it was killed'
    total=$((total + written))
  done
  before=$(durable "$sidecar")
  [ "$before" -gt $((8 * MIB)) ] || fail "only $before bytes were kept"
  hx-ckpt check "$sidecar"
  expect_status 0 restore --json "$@"
  [ "$(jq .resumed <<<"$out")" -eq "$before" ]
  [ "$(jq '.written + .zeroed + .skipped' <<<"$out")" -eq $((size - before)) ]
  total=$((total + $(jq .written <<<"$out")))
  [ $total -le $((size * 3 / 2)) ] || fail "$total bytes were written for a disk of $size"
}

@test "a snapshot into a new file, killed five times: byte for byte the disk, and little is written twice" {
  make_dense disk.img 48M
  hx-snap-pack disk.img -o vm.mirn
  goes_on .new.img.checkpoint vm.mirn -o new.img
  whole new.img
}

@test "a sparse disk stays sparse; from a pipe, by one thread and fully verified it goes on as well" {
  make_sparse disk.img 64M
  put_bytes disk.img 10000000 24000000 5
  hx-snap-pack disk.img -o vm.mirn
  for source in 'vm.mirn' '< <(cat vm.mirn)' '-j 1 vm.mirn' '--verify full vm.mirn'; do
    killed_at 8000000 bash -c "exec hx-restore $SLOW -o new.img $source"
    [ "$status" -eq 137 ]
    [ ! -e new.img ] && [ "$(durable .new.img.checkpoint)" -gt 0 ]
    bash -c "hx-restore --resume -o new.img $source"
    whole new.img
    assert_sparse new.img 32M
    rm new.img
  done
}

@test "a target in place goes on, and is all overwritten" {
  make_sparse disk.img 80M
  put_bytes disk.img 10000000 60000000 5
  hx-snap-pack disk.img -o vm.mirn
  make_dense old.img 80M 99
  sync old.img
  goes_on .old.img.checkpoint --in-place vm.mirn -o old.img
  whole old.img
}

@test "a block device goes on, with its checkpoint in the working directory" {
  require_root
  make_dense disk.img 32M
  hx-snap-pack disk.img -o vm.mirn
  make_dense old.img 32M 99
  sync old.img
  local loop
  loop=$(losetup --find --show old.img 2>/dev/null) || skip 'no loop devices here'
  {
    # shellcheck disable=SC2086  # several words
    killed_at 8000000 hx-restore $SLOW vm.mirn -o "$loop" &&
      [ "$(durable ".dev_${loop#/dev/}.checkpoint")" -gt 0 ] &&
      hx-ckpt check ".dev_${loop#/dev/}.checkpoint" &&
      restore vm.mirn -o "$loop" && cmp "$loop" disk.img
  } || status=1
  losetup -d "$loop"
  [ "$status" -eq 137 ] || fail "$(cat ../err)"
  assert_no_files_left . disk.img old.img vm.mirn
}

@test "an NBD export goes on, with a checkpoint that has a name" {
  make_dense disk.img 32M
  hx-snap-pack disk.img -o vm.mirn
  make_dense old.img 32M 99
  sync old.img
  nbd_serve target file old.img
  expect_status 2 restore vm.mirn -o "$uri"
  expect_err '--checkpoint FILE'
  # shellcheck disable=SC2086  # several words
  hx-restore $SLOW --checkpoint kept vm.mirn -o "$uri" &
  local pid=$!
  until [ "$(written_by "$nbd_pid")" -ge 10000000 ]; do kill -0 $pid; done
  kill -KILL $pid
  wait $pid || true
  [ "$(durable kept)" -gt 0 ]
  hx-ckpt check kept
  expect_status 0 restore --checkpoint kept --json vm.mirn -o "$uri"
  [ "$(jq .resumed <<<"$out")" -gt 0 ]
  assert_same old.img disk.img
  [ ! -e kept ]
}

@test "a stream goes on with a token: the rest alone is sent" {
  make_sparse disk.img 64M
  put_bytes disk.img 10000000 30000000 5
  expect_pipe "1 0 1" 'hx-fetch disk.img | head -c 20000000 | hx-restore --resume -o new.img'
  expect_err 'new.img.part: holds the disk up to ' 'hx-ckpt token new.img.part'
  [ ! -e new.img ]
  hx-ckpt check new.img.part
  hx-fetch --resume "$(token)" disk.img >rest.stream
  [ "$(size_of rest.stream)" -lt 24000000 ]
  expect_status 0 restore --json -o new.img rest.stream
  [ "$(jq '.written + .zeroed + .skipped + .resumed' <<<"$out")" -eq "$(size_of disk.img)" ]
  whole new.img
  assert_sparse new.img 48M
}

@test "a pipeline killed at random moments, either side: exact in the end, and little is sent twice" {
  make_dense disk.img 64M
  mkfifo first second
  RANDOM=$((SEED % 32768))
  local victim source sink
  for victim in sink source sink sink source none; do
    [ ! -e new.img ] || break
    hx-fetch --resume "$(token)" --limit-rate 24M disk.img >first 2>/dev/null &
    source=$!
    restore -o new.img <second 2>/dev/null &
    sink=$!
    case $victim in source) victim=$source ;; sink) victim=$sink ;; none) victim='' ;; esac
    # shellcheck disable=SC2086  # one, or none
    { head -c $((3000000 + RANDOM * 200)); [ -z "$victim" ] || kill -KILL $victim || true; cat; } <first |
      tee -a sent >second || true
    wait $source || true
    wait $sink || true
  done
  whole new.img
  [ "$(size_of sent)" -gt "$(size_of disk.img)" ]
  [ "$(size_of sent)" -le $((64 * MIB * 12 / 10)) ] || fail "$(size_of sent) bytes were sent"
}

@test "what comes again from its beginning is skipped, if the source proves that it is the same" {
  make_dense disk.img 16M
  expect_pipe "1 0 1" 'hx-fetch disk.img | head -c 9000000 | hx-restore --resume -o new.img'
  cp new.img.part kept
  cp -p disk.img other.img
  expect_pipe "1 10" 'hx-fetch other.img | hx-restore --resume -o new.img'
  expect_err 'and the stream begins at 0' 'hx-ckpt rm new.img.part'
  assert_same new.img.part kept
  expect_status 0 restore --json -o new.img < <(hx-fetch disk.img)
  [ "$(jq .resumed <<<"$out")" -eq $((8 * MIB)) ]
  whole new.img
}

@test "the rest after its first part has other bytes: what was there and not durable does not shine through" {
  make_dense disk.img 16M
  expect_pipe "1 0 1" 'hx-fetch disk.img | head -c 9000000 | hx-restore --resume -o new.img'
  # As if more had been written, and not saved.
  dd if=disk.img of=new.img.part bs=1M skip=8 seek=8 count=4 conv=notrunc status=none
  dd if=/dev/zero of=disk.img bs=1M seek=8 count=4 conv=notrunc status=none
  hx-fetch --resume "$(token)" --resume-by-digest disk.img >rest.stream
  restore -o new.img rest.stream
  whole new.img
}

@test "another snapshot, or another source, is not gone on with: status 3, and nothing is touched" {
  make_dense disk.img 16M
  hx-snap-pack disk.img -o vm.mirn
  put_bytes disk.img 5000000 10 77
  hx-snap-pack disk.img -o other.mirn
  make_dense old.img 16M 99
  sync old.img
  for target in '-o new.img' '--in-place -o old.img'; do
    # shellcheck disable=SC2086  # options
    killed_at 10000000 hx-restore $SLOW vm.mirn $target
    [ "$status" -eq 137 ]
    cp "${target##* }"* .*.checkpoint ..
    # shellcheck disable=SC2086
    expect_status 3 restore other.mirn $target
    expect_one_error hx-restore
    expect_err 'was begun from another snapshot (vm.mirn)' 'hx-ckpt rm'
    # shellcheck disable=SC2086
    expect_status 3 restore --force $target < <(hx-fetch disk.img)
    for file in "${target##* }"* .*.checkpoint; do assert_same "$file" "../$file"; done
    hx-ckpt rm .*.checkpoint
    # shellcheck disable=SC2086
    restore other.mirn $target
    assert_same "${target##* }" disk.img
  done
}

@test "a target in place that is not what it was is refused: status 10" {
  make_dense disk.img 16M
  hx-snap-pack disk.img -o vm.mirn
  make_dense old.img 16M 99
  sync old.img
  # shellcheck disable=SC2086  # several words
  killed_at 8000000 hx-restore $SLOW -j 1 --in-place vm.mirn -o old.img
  [ "$status" -eq 137 ]
  cp old.img kept
  cp .old.img.checkpoint ..
  put_bytes old.img 0 5 77
  expect_status 10 restore --in-place vm.mirn -o old.img
  expect_err 'old.img: at 0: is not what an earlier run wrote there'
  mv kept old.img
  expect_status 10 restore --in-place vm.mirn -o old.img
  expect_err 'old.img: is another target than its checkpoint is of'
  assert_same .old.img.checkpoint ../.old.img.checkpoint
}

@test "a signal saves, and tells how to go on; a second run at the same time is refused" {
  make_dense disk.img 24M
  hx-snap-pack disk.img -o vm.mirn
  hx-restore --resume --checkpoint-interval 0 --limit-rate 8M vm.mirn -o new.img >../out 2>../err &
  local pid=$!
  until [ "$(written_by $pid)" -gt 5000000 ]; do kill -0 $pid; done
  cp ../err ../first
  expect_status 10 restore vm.mirn -o new.img
  expect_err "locked by hx-restore, process $pid"
  cp ../first ../err
  kill -TERM $pid
  status=0
  wait $pid || status=$?
  [ "$status" -eq 143 ]
  hx-ckpt show new.img.part >../out
  keep_output
  expect_out 'new.img: downloading ('
  [ "$(durable .new.img.checkpoint)" -gt 0 ]
  restore vm.mirn -o new.img
  whole new.img
}

@test "no space: what is restored stays, and with room the run goes on" {
  make_dense disk.img 12M
  hx-snap-pack disk.img -o vm.mirn
  small_tmpfs small 8M
  expect_status 7 restore --force --limit-rate 8M vm.mirn -o small/new.img
  kept=$(durable small/.new.img.checkpoint)
  [ "$kept" -gt 0 ]
  expect_err "small/new.img.part: has $kept of $((12 * MIB)) bytes for sure; the same command goes on"
  mount -o remount,size=40M small
  expect_status 0 restore --force --json vm.mirn -o small/new.img
  [ "$(jq .resumed <<<"$out")" -eq "$kept" ]
  assert_same small/new.img disk.img
  assert_no_files_left small new.img
}

@test "what cannot be gone on with is said: status 2" {
  make_dense disk.img 1M
  hx-snap-pack disk.img -o vm.mirn
  for options in '-o -' '-o x.qcow2' '--range 0+1M -o x' '--salvage -o x' '--in-place --only-differences -o disk.img' '--verify-only'; do
    # shellcheck disable=SC2086  # options
    expect_status 2 restore vm.mirn $options
  done
  expect_status 2 hx-restore --checkpoint kept vm.mirn -o x
  assert_no_files_left . disk.img vm.mirn
}

@test "a run that restored nothing leaves nothing" {
  make_dense disk.img 3M
  hx-snap-pack disk.img -o vm.mirn
  head -c 100000 vm.mirn >cut.mirn
  expect_status 1 restore cut.mirn -o new.img
  expect_pipe "2 2" 'hx-fetch no.img | hx-restore --resume -o new.img'
  assert_no_files_left . cut.mirn disk.img vm.mirn
}
