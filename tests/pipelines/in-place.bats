#!/usr/bin/env bats
# Restoring over what exists: zero where zero is due, and no target is touched that should not be.
load helpers

# prepare SIZE: disk.img with holes, zeros that are written out, and islands; vm.mirn; old.img, full of other data.
prepare() {
  make_sparse disk.img "$1"
  dd if=/dev/zero of=disk.img bs=64K seek=40 count=8 conv=notrunc status=none
  hx-snap-pack disk.img -o vm.mirn
  make_dense old.img "$1" 99
  cp old.img before.img
}
attach() {
  require_root
  loop=$(losetup --find --show "$1" 2>/dev/null) || skip 'no loop devices here'
}

@test "a file full of old data becomes the disk: from a snapshot, a stream in a file, and by force from a pipe" {
  prepare 16M
  hx-fetch disk.img >disk.stream
  hx-restore vm.mirn --in-place -o old.img
  assert_same old.img disk.img
  cp before.img old.img
  hx-restore disk.stream --in-place -o old.img
  assert_same old.img disk.img
  cp before.img old.img
  hx-restore --force --in-place -o old.img < <(cat vm.mirn)
  assert_same old.img disk.img
  cp before.img old.img
  hx-fetch disk.img | hx-restore --force --in-place -o old.img
  assert_same old.img disk.img
}

@test "on a file system that cannot punch or zero, zeros are written" {
  require_root
  prepare 16M
  small_tmpfs small 40M
  cp before.img small/old.img
  hx-restore vm.mirn --in-place -o small/old.img
  assert_same small/old.img disk.img
  require strace
  strace -o /dev/null true 2>/dev/null || skip 'no ptrace here'
  cp before.img small/old.img
  strace -f -qqq -o /dev/null -e inject=fallocate:error=EOPNOTSUPP hx-restore vm.mirn --in-place -o small/old.img
  assert_same small/old.img disk.img
}

@test "a larger file keeps the rest" {
  prepare 4M
  make_dense old.img 6M 98
  cp old.img before.img
  hx-restore vm.mirn --in-place -o old.img
  [ "$(size_of old.img)" -eq $((6 * 1024 * 1024)) ]
  cmp -n $((4 * 1024 * 1024)) old.img disk.img
  cmp -i $((4 * 1024 * 1024)) old.img before.img
}

@test "a block device full of old data becomes the disk, zeros and all" {
  prepare 16M
  local loop
  for how in 'vm.mirn -o LOOP' '--force -o LOOP <disk.stream' '-j 1 vm.mirn -o LOOP'; do
    hx-fetch disk.img >disk.stream
    cp before.img old.img
    attach old.img
    status=0
    { cmp -s "$loop" before.img && bash -c "hx-restore ${how/LOOP/$loop}" && cmp "$loop" disk.img; } || status=$?
    losetup -d "$loop"
    [ "$status" -eq 0 ]
    assert_same old.img disk.img
  done
}

@test "a target that is too small is refused and not touched, with --force too" {
  prepare 4M
  truncate -s 4194303 old.img
  cp old.img before.img
  for force in '' --force; do
    # shellcheck disable=SC2086  # an option, or none
    expect_status 10 hx-restore $force vm.mirn --in-place -o old.img
    expect_one_error hx-restore
    expect_err 'old.img: too small: 4194303 bytes, the disk has 4194304'
    assert_same old.img before.img
  done
  local loop
  truncate -s 2M old.img
  cp old.img before.img
  attach old.img
  status=0
  hx-restore vm.mirn -o "$loop" 2>../err || status=$?
  losetup -d "$loop"
  keep_output
  [ "$status" -eq 10 ]
  expect_err 'too small'
  assert_same old.img before.img
}

@test "a mounted device, and a file that is mounted, are refused and not touched" {
  prepare 4M
  local loop
  make_ext4 mounted.img 8M
  attach mounted.img
  mkdir mnt
  status=0
  mount "$loop" mnt 2>/dev/null || { losetup -d "$loop"; skip 'cannot mount here'; }
  (cd mnt && pwd) >>"$BATS_TEST_TMPDIR/mounts"
  echo kept >mnt/file
  local failures=0
  for target in "-o $loop" '--in-place -o mounted.img'; do
    # shellcheck disable=SC2086  # options
    { expect_status 10 hx-restore vm.mirn $target && expect_one_error hx-restore && expect_err --force; } || failures=1
  done
  # What comes from a pipe does not go over a mounted device even by force.
  expect_status 10 hx-restore --force -o "$loop" < <(cat vm.mirn) || failures=1
  [ "$(cat mnt/file)" = kept ] || failures=1
  umount mnt
  : >"$BATS_TEST_TMPDIR/mounts"
  e2fsck -fn "$loop" >/dev/null 2>&1 || failures=1
  losetup -d "$loop"
  [ "$failures" -eq 0 ]
}

@test "an existing file without --in-place is refused" {
  prepare 4M
  expect_status 10 hx-restore vm.mirn -o old.img
  expect_one_error hx-restore
  assert_same old.img before.img
}

@test "a damaged snapshot is refused before the target is touched" {
  prepare 16M
  cp vm.mirn bad.mirn
  flip_byte bad.mirn $(($(size_of vm.mirn) - 100000))
  expect_status 1 hx-restore bad.mirn --in-place -o old.img
  expect_one_error hx-restore
  expect_err 'bad.mirn: at '
  assert_same old.img before.img
  head -c -20 vm.mirn >bad.mirn
  expect_status 1 hx-restore bad.mirn --in-place -o old.img
  assert_same old.img before.img
  hx-fetch disk.img | head -c -20 >bad.stream
  expect_status 1 hx-restore bad.stream --in-place -o old.img
  assert_same old.img before.img
}

@test "from a pipe nothing can be verified first: refused without --force" {
  prepare 4M
  expect_status 10 hx-restore --in-place -o old.img < <(cat vm.mirn)
  expect_one_error hx-restore
  expect_err 'old.img: ' '--force'
  assert_same old.img before.img
  # By force it is begun, and if the pipe was cut, how far is said.
  expect_status 1 hx-restore --force --in-place -o old.img < <(head -c 100000 vm.mirn)
  expect_one_error hx-restore
}

@test "a snapshot is not restored over itself" {
  # Larger than its disk, so that nothing else would refuse it.
  make_dense disk.img 3M
  hx-snap-pack disk.img -o vm.snapshot
  [ "$(size_of vm.snapshot)" -gt "$(size_of disk.img)" ]
  cp vm.snapshot before.snapshot
  ln -s vm.snapshot link
  for target in vm.snapshot ./vm.snapshot link; do
    expect_status 10 hx-restore vm.snapshot --in-place -o $target
    expect_one_error hx-restore
    expect_err "$target: is the snapshot itself"
    expect_status 10 hx-restore --force --in-place -o $target <vm.snapshot
    assert_same vm.snapshot before.snapshot
  done
}

@test "a link to a block device is the device" {
  prepare 4M
  local loop
  attach old.img
  ln -s "$loop" device
  status=0
  { hx-restore vm.mirn -o device && cmp "$loop" disk.img && [ -L device ]; } || status=$?
  losetup -d "$loop"
  [ "$status" -eq 0 ]
}
