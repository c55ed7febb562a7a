#!/usr/bin/env bats
# Errors of reading and writing, made by strace: status 9, the file and the offset in the message, nothing half.
load helpers

prepare() {
  require strace
  strace -o /dev/null true 2>/dev/null || skip 'no ptrace here'
  make_dense disk.img 8M
  hx-fetch disk.img >disk.stream
  hx-snap-pack disk.img -o vm.mirn
  mkdir target
}
# failing CALLS:error=E[:when=N] COMMAND…: the N-th such call of each thread fails.
failing() {
  local fault=$1
  shift
  strace -f -qqq -o /dev/null -e "inject=$fault" "$@"
}
# failing_at FILE FAULT COMMAND…: only calls that have to do with FILE.
failing_at() {
  local file=$PWD/$1 fault=$2
  shift 2
  strace -f -qqq -o /dev/null -P "$file" -e "inject=$fault" "$@"
}
# io_error TOOL WHERE COMMAND…: status 9, one line that names WHERE, nothing in target.
io_error() {
  local tool=$1 where=$2
  shift 2
  expect_status 9 "$@"
  expect_one_error "$tool"
  expect_err "$where" 'Input/output error'
  assert_no_files_left target
}

@test "a source that cannot be read: hx-fetch names the place, and the sink ends with 9, too" {
  prepare
  io_error hx-fetch 'disk.img: read at 2097152' failing_at disk.img pread64:error=EIO:when=3 bash -c 'hx-fetch -j 1 disk.img >/dev/null'
  failing_at disk.img pread64:error=EIO:when=3 hx-fetch -q -j 1 disk.img >broken 2>/dev/null || true
  io_error hx-snap-pack 'disk.img: read at 2097152' bash -c 'hx-snap-pack -o target/x <broken'
  io_error hx-restore 'disk.img: read at 2097152' bash -c 'hx-restore -o target/x <broken'
}

@test "a snapshot on a disk that fails: hx-restore --salvage takes its header and index from what can be read" {
  prepare
  local -i call
  for call in 1 2 3 7 8 9; do
    failing_at vm.mirn "pread64:error=EIO:when=$call" hx-restore -q -f --salvage vm.mirn -o target/x
    assert_same target/x disk.img
  done
}

@test "a disk that cannot be read: hx-snap-pack FILE" {
  prepare
  # Either of its two passes may be the first to find it.
  io_error hx-snap-pack 'disk.img: read at ' failing_at disk.img pread64:error=EIO:when=2+ hx-snap-pack disk.img -o target/x
  io_error hx-snap-pack 'disk.img: read at ' failing_at disk.img pread64:error=EIO:when=3 hx-snap-pack -j 1 --no-checksum disk.img -o target/x
}

@test "a pipe that cannot be read" {
  prepare
  local tool feed
  mkfifo pipe
  # Only reads of the pipe: the libraries' own are not counted, whatever the tool is linked with.
  for tool in hx-snap-pack hx-restore; do
    cat disk.stream >pipe 2>/dev/null &
    feed=$!
    # shellcheck disable=SC2094  # strace is told the name, and does not write to it
    io_error $tool 'stdin: read at ' failing_at pipe read:error=EIO:when=3+ $tool -o target/x <pipe
    wait $feed || true
  done
}

@test "a snapshot that cannot be read" {
  prepare
  io_error hx-restore 'vm.mirn: read at ' failing_at vm.mirn pread64:error=EIO:when=4+ hx-restore vm.mirn -o target/x
  io_error hx-restore 'vm.mirn: read at ' failing_at vm.mirn pread64:error=EIO:when=4+ hx-restore --verify-only vm.mirn
  io_error hx-info 'vm.mirn: read at ' failing_at vm.mirn pread64:error=EIO hx-info vm.mirn
}

@test "a snapshot that cannot be written" {
  prepare
  # The writer, the header, the flush, the name.
  io_error hx-snap-pack 'target/x: write at ' failing write:error=EIO:when=3 hx-snap-pack disk.img -o target/x
  io_error hx-snap-pack 'target/x: write at 0' failing pwrite64:error=EIO hx-snap-pack disk.img -o target/x
  io_error hx-snap-pack 'target/x: fsync' failing fsync:error=EIO:when=1 hx-snap-pack disk.img -o target/x
  io_error hx-snap-pack 'target/x: link' failing linkat:error=EIO hx-snap-pack disk.img -o target/x
}

@test "a spool that cannot be written" {
  prepare
  io_error hx-snap-pack 'spool file in /var/tmp: write at ' failing write:error=EIO:when=2 bash -c 'exec hx-snap-pack disk.img > >(cat >/dev/null)'
}

@test "a target that cannot be written" {
  prepare
  io_error hx-restore 'target/x: write at ' failing pwrite64:error=EIO:when=3 hx-restore vm.mirn -o target/x
  io_error hx-restore 'target/x: write at ' bash -c "$(declare -f failing); failing pwrite64:error=EIO:when=3 hx-restore -o target/x <disk.stream"
  io_error hx-restore 'target/x: set the size' failing ftruncate:error=EIO hx-restore vm.mirn -o target/x
  io_error hx-restore 'target/x: fsync' failing fsync:error=EIO:when=1 hx-restore vm.mirn -o target/x
  io_error hx-restore 'target/x: link' failing linkat:error=EIO hx-restore vm.mirn -o target/x
}

@test "a name that may not be durable is no success, though the file is there and right" {
  prepare
  expect_status 9 failing fsync:error=EIO:when=2 hx-restore vm.mirn -o target/x
  expect_err 'target/x: fsync of its directory'
  assert_same target/x disk.img
}

@test "a target in place that cannot be written: how far it got is said" {
  prepare
  for fault in pwrite64:error=EIO:when=3 fsync:error=EIO; do
    make_dense old.img 8M 9
    expect_status 9 failing $fault hx-restore vm.mirn --in-place -o old.img
    expect_one_error hx-restore
    expect_err 'old.img: ' 'Input/output error' 'overwritten up to '
  done
}

@test "a block device that fails when its cache is written out is noticed" {
  require_root
  prepare
  # A loop device on a file that has no room: what is written stays in the cache until fsync.
  small_tmpfs small 2M
  truncate -s 16M small/backing.img
  local loop
  loop=$(losetup --find --show small/backing.img 2>/dev/null) || skip 'no loop devices here'
  status=0
  hx-restore vm.mirn -o "$loop" >../out 2>../err || status=$?
  losetup -d "$loop"
  keep_output
  [ "$status" -eq 9 ] || [ "$status" -eq 7 ] || fail "status $status: $err"
  expect_one_error hx-restore
  expect_err "$loop: " 'overwritten up to '
}

@test "calls that are interrupted are made again" {
  prepare
  failing_at disk.img pread64:error=EINTR:when=1+2 hx-fetch disk.img >again.stream
  cmp again.stream disk.stream
  failing write,pwrite64:error=EINTR:when=1+2 hx-snap-pack disk.img -o target/x.mirn
  failing_at target/x.mirn pread64:error=EINTR:when=1+2 hx-restore target/x.mirn -o target/x.img
  assert_same target/x.img disk.img
}
