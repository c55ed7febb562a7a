#!/usr/bin/env bats
# A disk that changes while it is read: status 3, and no snapshot of what never was.
load helpers

# A packer's output waits in a pipe until the disk has been changed: it cannot be done with reading before.
# pack_while CHANGE [OPTION…]: runs the shell command CHANGE when the first MiB has come out; $status and $err are kept.
pack_while() {
  local change=$1 packer
  shift
  make_dense disk.img 12M
  rm -f out
  mkfifo out
  hx-snap-pack --unsealed "$@" disk.img >out 2>../err &
  packer=$!
  { head -c 1000000; bash -c "$change" >&2; cat; } <out >vm.mirn
  status=0
  wait $packer || status=$?
  keep_output
}

@test "hx-snap-pack of a file that is overwritten, appended to, truncated or touched is status 3" {
  for change in 'printf x | dd of=disk.img seek=11000000 oflag=seek_bytes conv=notrunc status=none' \
    'echo more >>disk.img' 'truncate -s 4M disk.img' 'touch disk.img' 'chmod 600 disk.img'; do
    pack_while "$change"
    [ "$status" -eq 3 ] || fail "status $status: $change: $err"
    expect_one_error hx-snap-pack
    expect_err 'disk.img: '
    expect_status 1 hx-restore vm.mirn -o x.img
    [ ! -e x.img ]
  done
}

@test "--force is for disks in use: of another one the change is found all the same" {
  pack_while 'touch disk.img' --force
  [ "$status" -eq 3 ] || fail "status $status: $err"
}

@test "a disk in use, packed by force, may change: the snapshot says that it is inconsistent" {
  require_root
  make_dense disk.img 12M
  mkfifo out
  local loop packer
  loop=$(losetup --find --show disk.img 2>/dev/null) || skip 'no loop devices here'
  mkfs.ext4 -q "$loop"
  mkdir mnt
  mount "$loop" mnt 2>/dev/null || { losetup -d "$loop"; skip 'cannot mount here'; }
  (cd mnt && pwd) >>"$BATS_TEST_TMPDIR/mounts"
  losetup -d "$loop"  # when it is unmounted
  hx-snap-pack --force --unsealed disk.img >out &
  packer=$!
  { head -c 100; echo new >mnt/file; sync -f mnt/file; touch disk.img; cat; } <out >vm.mirn
  wait $packer
  hx-info --json vm.mirn | jq -e '.consistency == "none"'
  hx-restore --verify-only vm.mirn
}

@test "a file that changes while it is packed at a limited rate leaves no snapshot" {
  make_dense disk.img 4M
  mkdir target
  mkfifo events
  hx-snap-pack --limit-rate 4M --progress fd:8 disk.img -o target/vm.mirn 8>events 2>../err &
  local packer=$!
  # The first line of progress: it has begun, and has most of a second to go.
  { read -r && echo more >>disk.img && cat >/dev/null; } <events
  status=0
  wait $packer || status=$?
  keep_output
  [ "$status" -eq 3 ] || fail "status $status: $err"
  expect_one_error hx-snap-pack
  assert_no_files_left target
}

@test "hx-fetch tells its sink, which ends with 3, too" {
  make_dense disk.img 12M
  mkdir target
  mkfifo first second
  for change in 'echo more >>disk.img' 'truncate -s 4M disk.img' \
    'printf x | dd of=disk.img seek=100 oflag=seek_bytes conv=notrunc status=none'; do
    make_dense disk.img 12M
    hx-fetch disk.img >first 2>/dev/null &
    local source=$!
    { head -c 1000000; bash -c "$change"; cat; } <first >second &
    local relay=$!
    expect_status 3 hx-snap-pack -o target/x <second
    expect_one_error hx-snap-pack
    expect_err 'disk.img: '
    wait $source $relay || true
    assert_no_files_left target
  done
}

@test "data that is overwritten while it waits in the pipe does not fit its checksum" {
  make_dense disk.img 4M
  mkdir target
  mkfifo first second
  hx-fetch disk.img >first 2>/dev/null &
  local source=$!
  # When so much is out, the pipe holds pages of the first MiB, whose checksum has gone ahead.
  { head -c 3000; yes | dd of=disk.img bs=1M count=4 iflag=fullblock conv=notrunc status=none; cat; } <first >second &
  local relay=$!
  expect_status 1 hx-snap-pack -o target/x <second
  expect_one_error hx-snap-pack
  expect_err 'checksum does not match'
  expect_err 'the disk changed while it was read'
  wait $source $relay || true
  assert_no_files_left target
}

@test "the plain bytes of a disk that changed end with status 3" {
  make_dense disk.img 12M
  mkfifo out
  hx-fetch --raw disk.img >out 2>../err &
  local source=$!
  { head -c 1000000; touch disk.img; cat; } <out >/dev/null
  status=0
  wait $source || status=$?
  [ "$status" -eq 3 ]
}

@test "a file that is only read meanwhile has not changed" {
  pack_while 'cat disk.img >/dev/null'
  [ "$status" -eq 0 ] || fail "status $status: $err"
  hx-restore vm.mirn -o restored.img
  assert_same restored.img disk.img
}
