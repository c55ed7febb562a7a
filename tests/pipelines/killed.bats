#!/usr/bin/env bats
# Sources and sinks that are killed: no finished file, or an exact one, and nothing else.
load helpers

SEED=${HX_SEED:-20260101}

# prepare: a disk whose transfer takes a while, and a snapshot of it.
prepare() {
  make_sparse disk.img 96M
  put_bytes disk.img 3000000 24000000 7
  hx-snap-pack disk.img -o whole.mirn
  mkdir target
  RANDOM=$((SEED % 32768))
}
# exact_or_nothing NAME: the target holds nothing at all, or this file, and that is right.
exact_or_nothing() {
  if [ -e "target/$1" ]; then
    assert_no_files_left target "$1"
    case $1 in
      *.mirn) hx-restore -q "target/$1" -o check.img && assert_same check.img disk.img && rm check.img ;;
      *) assert_same "target/$1" disk.img ;;
    esac
    rm "target/$1"
  fi
  assert_no_files_left target
}
# interrupt SIGNAL COMMAND…: runs it on the fifo "pipe", signals it when the first 9 MB of disk.stream have gone in, and
# holds the pipe open until it has ended. Its $status and $err are kept. A CHECK, if set, runs before the signal.
interrupt() {
  local signal=$1 sink
  shift
  # A shell without job control has SIGINT ignored in what it puts in the background.
  env --default-signal=INT,HUP "$@" <pipe >../out 2>../err &
  sink=$!
  exec 8>pipe
  head -c 9000000 disk.stream >&8
  ${CHECK:-true}
  kill -"$signal" $sink
  status=0
  wait $sink || status=$?
  exec 8>&-
  keep_output
}
# after BYTES SIGNAL PID_FILE: passes stdin on; when that many bytes have passed, it kills, and only then passes the rest.
after() {
  head -c "$1"
  kill -"$2" "$(cat "$3")"
  cat
}

@test "a source that is killed at a random place leaves nothing behind" {
  prepare
  mkfifo first second
  for _ in 1 2 3 4 5 6; do
    hx-fetch disk.img >first &
    local source=$!
    echo $source >pid
    after $((RANDOM * 800 + RANDOM)) KILL pid <first >second &
    local relay=$!
    expect_status 1 hx-snap-pack -o target/vm.mirn <second
    expect_one_error hx-snap-pack
    expect_err 'stdin: cut short at byte '
    status=0
    wait $source || status=$?
    [ "$status" -eq 137 ]
    wait $relay || true
    assert_no_files_left target
  done
}

@test "a source of a restore that is killed leaves no disk behind" {
  prepare
  mkfifo first second
  for _ in 1 2 3; do
    hx-fetch disk.img >first &
    local source=$!
    echo $source >pid
    after $((RANDOM * 800 + RANDOM)) KILL pid <first >second &
    local relay=$!
    expect_status 1 hx-restore -o target/vm.img <second
    expect_one_error hx-restore
    wait $source $relay || true
    assert_no_files_left target
  done
}

@test "a sink that is killed at a random place leaves nothing behind" {
  prepare
  hx-fetch disk.img >disk.stream
  mkfifo pipe
  for tool in 'hx-snap-pack -o target/vm.mirn' 'hx-restore -o target/vm.img' 'hx-snap-pack -d target/dir'; do
    for _ in 1 2 3; do
      $tool <pipe &
      local sink=$!
      echo $sink >pid
      after $((RANDOM * 800 + RANDOM)) KILL pid <disk.stream >pipe 2>/dev/null || true
      status=0
      wait $sink || status=$?
      [ "$status" -eq 137 ]
      # A directory that was made is no file of ours.
      rmdir target/dir 2>/dev/null || true
      assert_no_files_left target
    done
  done
}

@test "whoever works on a file and is killed at a random time leaves nothing, or all" {
  require timeout
  prepare
  for _ in 1 2 3 4 5 6; do
    timeout -s KILL "0.$(printf %03d $((RANDOM % 200)))" hx-snap-pack disk.img -o target/vm.mirn || true
    exact_or_nothing vm.mirn
    timeout -s KILL "0.$(printf %03d $((RANDOM % 200)))" hx-restore whole.mirn -o target/vm.img || true
    exact_or_nothing vm.img
  done
}

@test "SIGINT and SIGTERM end a tool with 130 and 143, and its target stays as it was" {
  prepare
  hx-fetch disk.img >disk.stream
  echo old >target/vm.mirn
  mkfifo pipe
  for signal in INT TERM HUP; do
    interrupt $signal hx-snap-pack --force -o target/vm.mirn
    [ "$status" -eq $((128 + $(kill -l $signal))) ]
    assert_no_files_left target vm.mirn
    [ "$(cat target/vm.mirn)" = old ]
  done
}

temporary_names() { find target -name '.*.tmp' >seen; }

@test "a file system without unnamed files: a signal takes the temporary file with it" {
  require_root
  require mkfs.ntfs ntfs-3g
  prepare
  make_zero ntfs.img 160M
  mkfs.ntfs -q -F -f ntfs.img >/dev/null 2>&1
  ntfs-3g ntfs.img target 2>/dev/null || skip 'no FUSE here'
  (cd target && pwd) >>"$BATS_TEST_TMPDIR/mounts"
  hx-fetch disk.img >disk.stream
  mkfifo pipe
  for tool in 'hx-snap-pack -o target/vm.mirn' 'hx-restore -o target/vm.img'; do
    # shellcheck disable=SC2086  # a command line
    CHECK=temporary_names interrupt INT $tool
    [ "$status" -eq 130 ]
    [ "$(wc -l <seen)" -eq 1 ]
    assert_no_files_left target
  done
  # And the file comes under its name there, too.
  hx-snap-pack disk.img -o target/vm.mirn
  assert_no_files_left target vm.mirn
  cmp <(hx-restore target/vm.mirn -o -) disk.img
}

@test "a signal says how far a target in place is written" {
  prepare
  hx-fetch disk.img >disk.stream
  make_dense target/old.img 96M 3
  mkfifo pipe
  interrupt TERM hx-restore --force --in-place -o target/old.img
  [ "$status" -eq 143 ]
  expect_err 'target/old.img: overwritten up to '
}

@test "a signal that comes as soon as a directory is made takes it away" {
  make_dense disk.img 4M
  hx-fetch disk.img >disk.stream
  mkdir target
  mkfifo pipe
  hx-snap-pack -d target/dir <pipe &
  local sink=$!
  exec 8>pipe
  head -c 3000000 disk.stream >&8
  until [ -d target/dir ]; do kill -0 $sink; done 8>&-
  kill -TERM $sink
  status=0
  wait $sink || status=$?
  exec 8>&-
  [ "$status" -eq 143 ]
  assert_no_files_left target
}

@test "SIGUSR1 tells how far it is, and disturbs nothing" {
  prepare
  hx-fetch disk.img >disk.stream
  mkfifo pipe
  hx-restore -o target/vm.img <pipe 2>../err &
  local sink=$!
  exec 8>pipe
  head -c 9000000 disk.stream >&8
  kill -USR1 $sink
  until grep -q '^hx-restore: ' ../err; do :; done
  tail -c +9000001 disk.stream >&8
  exec 8>&-
  wait $sink
  assert_same target/vm.img disk.img
}

@test "a stalled source: nothing under the final name, no turning in circles, and a signal ends it" {
  prepare
  hx-fetch disk.img >disk.stream
  mkfifo pipe
  for tool in 'hx-snap-pack -o target/vm.mirn' 'hx-restore -o target/vm.img'; do
    $tool <pipe &
    local sink=$!
    exec 8>pipe
    head -c 9000000 disk.stream >&8
    # All threads come to rest, as nothing comes any more: none is running in any of so many looks.
    local quiet=0 looks=0
    while [ $quiet -lt 60 ] && [ $looks -lt 20000 ]; do
      looks=$((looks + 1))
      if grep -qs '^State:.R' /proc/$sink/task/*/status; then quiet=0; else quiet=$((quiet + 1)); fi
    done
    [ $quiet -ge 60 ] || fail "$tool is busy though nothing comes"
    assert_no_files_left target
    kill -TERM $sink
    status=0
    wait $sink || status=$?
    exec 8>&-
    [ "$status" -eq 143 ]
    assert_no_files_left target
  done
}
