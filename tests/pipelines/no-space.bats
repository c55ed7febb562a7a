#!/usr/bin/env bats
# No space on output, spool and target: status 7, the file and the offset in the message, nothing half.
load helpers

prepare() {
  make_dense disk.img 8M
  hx-fetch disk.img >disk.stream
  hx-snap-pack disk.img -o vm.mirn
  small_tmpfs small 2M
}
# no_space WHERE COMMAND…
no_space() {
  local where=$1
  shift
  expect_status 7 "$@"
  expect_one_error "$(tool_of "$@")"
  expect_err "$where" 'No space left on device'
}
tool_of() {
  local word
  for word; do
    word=$(grep -oE 'hx-[a-z-]+' <<<"$word" | head -n 1)
    [ -z "$word" ] || { echo "$word"; return; }
  done
}

@test "a full disk below the snapshot, from a file and from a pipe" {
  prepare
  no_space 'small/x.mirn: write at 2' hx-snap-pack disk.img -o small/x.mirn
  no_space 'small/x.mirn: write at 2' bash -c 'hx-snap-pack -o small/x.mirn <disk.stream'
  no_space 'small/dir/disk.mirn: write at 2' bash -c 'hx-snap-pack -d small/dir <disk.stream'
  assert_no_files_left small
}

@test "the sink of a pipeline ends with 7, and its source not with success" {
  prepare
  # More than a sink takes into its memory before it notices.
  make_dense disk.img 160M
  expect_pipe '1 7' 'hx-fetch -q disk.img 2>/dev/null | hx-snap-pack -o small/x.mirn'
  expect_one_error hx-snap-pack
  expect_pipe '1 7' 'hx-fetch -q disk.img 2>/dev/null | hx-restore -o small/x.img'
  expect_one_error hx-restore
  assert_no_files_left small
}

@test "a full disk is said at once, though the source stalls and neither sends nor ends" {
  prepare
  mkfifo pipe
  local input tool sink
  while read -r input tool; do
    # Where it waits for the pipe for ever, this test is not to.
    # shellcheck disable=SC2086  # a command line
    timeout 60 $tool <pipe 2>../err &
    sink=$!
    exec 8>pipe
    head -c 3400000 "$input" >&8 2>/dev/null || true
    status=0
    wait $sink || status=$?
    exec 8>&-
    err=$(cat ../err)
    [ "$status" -eq 7 ] || fail "status $status: $err"
    expect_one_error "${tool%% *}"
    expect_err 'small/x: write at ' 'No space left on device'
    assert_no_files_left small
  done <<'END'
disk.stream hx-snap-pack -o small/x
disk.stream hx-restore -o small/x
vm.mirn hx-restore -o small/x
END
}

@test "a full disk below a redirected snapshot leaves nothing in it that is valid" {
  prepare
  no_space 'stdout: write at 2' bash -c 'hx-snap-pack disk.img >small/x.mirn'
  expect_status 1 hx-info small/x.mirn
}

@test "a full disk below the spool" {
  prepare
  # In memory, as a tmpfs is, there is no spool at all.
  expect_status 10 bash -c 'set -o pipefail; hx-snap-pack --spool small disk.img | cat >x.mirn'
  expect_err small: --spool
  require mkfs.ext2
  make_zero ext2.img 4M && mkfs.ext2 -q -F -m 0 ext2.img
  mkdir spool
  mount -o loop ext2.img spool 2>/dev/null || skip 'no loop devices here'
  (cd spool && pwd) >>"$BATS_TEST_TMPDIR/mounts"
  no_space 'spool file in spool: write at 3' bash -c 'set -o pipefail; hx-snap-pack --spool spool disk.img | cat >x.mirn'
  [ ! -s x.mirn ]
  assert_no_files_left spool lost+found
}

@test "a snapshot that cannot fit is refused before the first byte is written" {
  prepare
  no_space 'small/x.img: up to 8.00 MiB are needed, 2.00 MiB are free' hx-restore vm.mirn -o small/x.img
  no_space 'small/x.img: write at ' hx-restore --force vm.mirn -o small/x.img
  assert_no_files_left small
  # What does fit is restored.
  make_sparse sparse.img 64M
  head -c 1M sparse.img >islands.img
  truncate -s 64M islands.img
  hx-snap-pack islands.img -o islands.mirn
  hx-restore islands.mirn -o small/x.img
  assert_same small/x.img islands.img
}

@test "a full disk below a target that fills while it is written" {
  prepare
  no_space 'small/x.img: write at 2' bash -c 'hx-restore -o small/x.img <disk.stream'
  no_space 'small/x.img: write at 2' bash -c 'cat vm.mirn | hx-restore -o small/x.img'
  assert_no_files_left small
  no_space 'stdout: write at 2' bash -c 'hx-restore vm.mirn -o - >small/x.img'
}

@test "a full disk below a target in place: how far it got is said" {
  prepare
  truncate -s 8M small/old.img
  status=0
  hx-restore vm.mirn --in-place -o small/old.img 2>../err || status=$?
  keep_output
  [ "$status" -eq 7 ]
  expect_one_error hx-restore
  expect_err 'small/old.img: write at ' 'overwritten up to '
}

@test "a full stdout and a full disk below the receipt" {
  prepare
  no_space 'stdout: write at 0' bash -c 'hx-restore vm.mirn -o - >/dev/full'
  no_space 'stdout: write at 0' bash -c 'hx-snap-pack disk.img >/dev/full'
  no_space 'stdout: write at 0' bash -c 'hx-info vm.mirn >/dev/full'
  no_space 'stdout: write at 0' bash -c 'hx-snap-pack disk.img -o x.mirn --json >/dev/full'
}

@test "a limit on the size of files is no space, not the end by a signal" {
  make_dense disk.img 8M
  hx-snap-pack disk.img -o vm.mirn
  mkdir target
  expect_status 7 bash -c 'ulimit -f 2000; hx-snap-pack disk.img -o target/x.mirn'
  expect_one_error hx-snap-pack
  expect_err 'target/x.mirn: write at 2048000: File too large'
  expect_status 7 bash -c 'ulimit -f 2000; hx-restore vm.mirn -o target/x.img'
  expect_one_error hx-restore
  expect_err 'target/x.img: ' 'File too large'
  assert_no_files_left target
}
