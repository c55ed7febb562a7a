#!/usr/bin/env bats
# shellcheck disable=SC2119,SC2120 # pack takes more options only where a test gives some
# A pipeline that was cut off goes on where its sink is, with nothing else than a run that was not cut would have made.
load helpers
# shellcheck source=../support/nbd.bash
source "$HX_ROOT/tests/support/nbd.bash"
teardown() {
  nbd_stop
  teardown_mounts
}

SEED=${HX_SEED:-20260101}

# What hx-fetch is given: empty where the sink has nothing yet.
token() { hx-ckpt token vm.mirn.part 2>/dev/null || true; }
pack() { hx-snap-pack --resume -o vm.mirn "$@"; }
# cut_at BYTES [LOCATION]: a first run whose stream ends there.
cut_at() { expect_pipe "1 0 1" "hx-fetch ${2:-disk.img} | head -c $1 | hx-snap-pack --resume -o vm.mirn"; }
# The snapshot is complete, verifies in every way, and nothing else is left of it.
whole() {
  [ ! -e vm.mirn.part ] && [ ! -e .vm.mirn.checkpoint ]
  hx-restore -q --verify full vm.mirn -o restored.img
  assert_same restored.img disk.img
  tail -c "+$(($(body_offset vm.mirn) + 1))" vm.mirn | zstd -dcq | cmp - disk.img
  rm restored.img
}

@test "what was cut off goes on: the rest alone is sent, and the snapshot is the same" {
  make_sparse disk.img 96M
  put_bytes disk.img 3000000 24000000 7
  cut_at 20000000
  expect_err 'hx-snap-pack: hint: ' 'vm.mirn.part: holds the disk up to '
  [ -s vm.mirn.part ] && [ ! -e vm.mirn ]
  hx-ckpt check --verify vm.mirn.part
  hx-fetch --resume "$(token)" disk.img >rest.stream
  [ "$(size_of rest.stream)" -lt 18000000 ]
  pack <rest.stream
  whole
  hx-snap-pack --json disk.img -o other.mirn >other.json
  [ "$(header_of vm.mirn | jq -r .checksum)" = "$(jq -r '.disks[0].checksum' other.json)" ]
}

@test "cut at any place, again and again" {
  make_sparse disk.img 8M
  put_bytes disk.img 2000000 3000000 7
  for chunk in 64K 1M; do
    RANDOM=$((SEED % 32768))
    for _ in 1 2 3 4 5 6; do
      hx-fetch --resume "$(token)" disk.img 2>/dev/null | head -c $((RANDOM * 60)) |
        hx-snap-pack --resume --chunk-size $chunk -o vm.mirn 2>/dev/null || true
      [ ! -e vm.mirn ] || break
    done
    [ -e vm.mirn ] || hx-fetch --resume "$(token)" disk.img | pack
    whole
    rm vm.mirn
  done
}

@test "all was there but the end: nothing of the disk is sent again" {
  make_dense disk.img 5M
  hx-fetch disk.img >whole.stream
  expect_pipe "0 1" "head -c $(($(size_of whole.stream) - 1)) whole.stream | hx-snap-pack --resume -o vm.mirn"
  hx-fetch --resume "$(token)" disk.img >rest.stream
  [ "$(size_of rest.stream)" -lt 2000 ]
  pack <rest.stream
  whole
}

# run_until VICTIM BYTES: a run of the pipeline that is killed when so many bytes have passed. All are kept in "sent".
run_until() {
  hx-fetch --resume "$(token)" --limit-rate 24M disk.img >first 2>/dev/null &
  local source=$!
  hx-snap-pack --resume --checkpoint-interval 0.02s -o vm.mirn <second 2>/dev/null &
  local sink=$! victims
  case $1 in source) victims=$source ;; sink) victims=$sink ;; both) victims="$source $sink" ;; esac
  # shellcheck disable=SC2086  # one or two
  { head -c "$2"; kill -KILL $victims || true; cat; } <first | tee -a sent >second || true
  wait $source || true
  wait $sink || true
}

@test "killed at random moments, either side or both: exact in the end, and little is sent twice" {
  make_dense disk.img 160M
  mkfifo first second
  RANDOM=$((SEED % 32768))
  for victim in sink source both sink both; do
    [ -e vm.mirn ] || run_until $victim $((1000000 + RANDOM * 500))
  done
  until [ -e vm.mirn ]; do run_until none 1; done
  whole
  [ "$(size_of sent)" -gt "$(size_of disk.img)" ]
  [ "$(size_of sent)" -le $((160 * 1024 * 1024 * 11 / 10)) ] || fail "$(size_of sent) bytes were sent"
}

@test "a signal saves what is packed, and tells how to go on" {
  make_dense disk.img 24M
  hx-fetch disk.img >disk.stream
  mkfifo pipe
  hx-snap-pack --resume --checkpoint-interval 0 -o vm.mirn <pipe >../out 2>../err &
  local sink=$!
  exec 8>pipe
  head -c 20000000 disk.stream >&8
  kill -TERM $sink
  status=0
  wait $sink || status=$?
  exec 8>&-
  [ "$status" -eq 143 ]
  keep_output
  expect_err 'vm.mirn.part: holds the disk up to ' 'hx-ckpt token vm.mirn.part'
  hx-fetch --resume "$(token)" disk.img | pack
  whole
}

@test "a source that has changed is status 3 on both sides, and what is kept stays" {
  make_dense disk.img 8M
  cut_at 5000000
  cp vm.mirn.part kept
  touch -d 2001-01-01 disk.img
  expect_pipe "3 3" "hx-fetch --resume $(token) disk.img | hx-snap-pack --resume -o vm.mirn"
  expect_err 'disk.img: has changed since the sink began'
  assert_same vm.mirn.part kept
  # Only its time: its content proves it, too, and is not sent.
  hx-fetch --resume "$(token)" --resume-by-digest disk.img >rest.stream
  [ "$(size_of rest.stream)" -lt 5000000 ]
  put_bytes disk.img 1000000 1 9
  expect_status 3 hx-fetch --resume "$(token)" --resume-by-digest disk.img
  truncate -s 9M disk.img
  expect_status 3 hx-fetch --resume "$(token)" --resume-by-digest disk.img
}

@test "a token that is damaged, old or of another sink is said to be so, and nothing is lost" {
  make_dense disk.img 8M
  cut_at 3000000
  old=$(token)
  for wrong in "${old%?}" "x$old" "${old/A/B}" hx1; do
    expect_pipe "2 2" "hx-fetch --resume '$wrong' disk.img | hx-snap-pack --resume -o vm.mirn"
    expect_err 'resume token: '
  done
  expect_status 8 hx-fetch --resume "hx2.${old#hx1.}" disk.img
  expect_status 2 hx-fetch --resume "$old" disk.img disk.img
  expect_status 2 hx-fetch --raw --resume "$old" disk.img
  hx-fetch --resume "$old" disk.img | head -c 3000000 | pack || true
  [ "$(token)" != "$old" ]
  cp vm.mirn.part kept
  hx-fetch --resume "$old" disk.img >rest.stream
  expect_status 2 pack <rest.stream
  expect_err 'its token is old'
  hx-snap-pack --resume -o other.mirn <rest.stream || status=$?
  [ "$status" -eq 2 ] && [ ! -e other.mirn.part ]
  assert_same vm.mirn.part kept
  hx-fetch --resume "$(token)" disk.img | pack
  whole
}

@test "a stream from the start does not overwrite what is kept: status 10; without its checkpoint it does" {
  make_dense disk.img 8M
  cut_at 3000000
  cp vm.mirn.part kept
  hx-fetch disk.img >disk.stream
  expect_status 10 pack <disk.stream
  expect_err 'hx-ckpt rm vm.mirn.part'
  assert_same vm.mirn.part kept
  hx-ckpt rm vm.mirn.part
  pack <disk.stream
  whole
}

@test "a second run on the same part is status 10 and names the first" {
  make_dense disk.img 8M
  hx-fetch disk.img >disk.stream
  mkfifo pipe
  hx-snap-pack --resume -o vm.mirn <pipe &
  local sink=$!
  exec 8>pipe
  head -c 3000000 disk.stream >&8
  until [ -s .vm.mirn.checkpoint.lock ]; do kill -0 $sink; done 8>&-
  expect_status 10 pack <disk.stream
  expect_err "locked by hx-snap-pack, process $sink"
  tail -c +3000001 disk.stream >&8
  exec 8>&-
  wait $sink
  whole
}

@test "a part that is not what its checkpoint says is found out: status 1" {
  make_dense disk.img 8M
  cut_at 5000000
  flip_byte vm.mirn.part $(($(size_of vm.mirn.part) - 20))
  hx-fetch --resume "$(token)" disk.img >rest.stream
  expect_status 1 pack <rest.stream
  [ ! -e vm.mirn ]
}

@test "only the sink that was cut takes the rest: status 8 from all others" {
  make_dense disk.img 8M
  cut_at 3000000
  hx-fetch --resume "$(token)" disk.img >rest.stream
  expect_status 8 hx-snap-pack -o other.mirn <rest.stream
  expect_status 8 hx-restore -o other.img rest.stream
  expect_status 8 hx-info rest.stream
  expect_status 2 hx-snap-pack --resume disk.img -o other.mirn
  expect_status 2 hx-snap-pack --resume <rest.stream
}

@test "a run that never began leaves nothing" {
  expect_pipe "2 2" 'hx-fetch no.img | hx-snap-pack --resume -o vm.mirn'
  [ ! -e vm.mirn.part ] && [ ! -e vm.mirn ]
}

@test "an NBD export proves nothing, so its bytes do, if that is wanted" {
  make_dense disk.img 8M
  nbd_serve disk -r file disk.img
  cut_at 5000000 "'$uri'"
  expect_status 3 hx-fetch --resume "$(token)" "$uri"
  expect_err 'nothing proves that it is still what it was' '--resume-by-digest'
  hx-fetch --resume "$(token)" --resume-by-digest "$uri" >rest.stream
  [ "$(size_of rest.stream)" -lt 5000000 ]
  pack <rest.stream
  whole
}
