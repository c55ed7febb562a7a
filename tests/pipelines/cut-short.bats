#!/usr/bin/env bats
# Streams and snapshots that are cut, garbled, or end with a reason: the sink says so and keeps nothing.
load helpers

# refused_stream STATUS TEXT FILE: by each sink that reads FILE as a pipe; nothing stays.
refused_stream() {
  local wanted=$1 text=$2 file=$3 tool
  mkdir -p target
  for tool in 'hx-snap-pack -o target/vm.mirn' 'hx-snap-pack -d target/dir' 'hx-restore -o target/vm.img'; do
    # shellcheck disable=SC2086  # a command line
    expect_status "$wanted" $tool < <(cat "$file")
    expect_one_error "${tool%% *}"
    expect_err "$text"
    assert_no_files_left target
  done
}

@test "a source that fails at once: its status and message, in the sink, and nothing is left" {
  mkdir target
  expect_pipe '2 2' 'hx-fetch typo | hx-snap-pack -o target/x'
  expect_err 'hx-fetch: error: typo: no such file' 'hx-snap-pack: error: '
  [ "$(grep -c 'typo: no such file' <<<"$err")" -eq 2 ]
  expect_pipe '2 2' 'hx-fetch typo | hx-restore -o target/x'
  expect_pipe '8 8' 'hx-fetch gs://bucket/disk | hx-snap-pack -o target/x'
  expect_pipe '2 2' 'hx-fetch --nonsense | hx-snap-pack -d target/x'
  assert_no_files_left target
}

@test "a command that is no source leaves nothing: an empty pipe is an error" {
  mkdir target
  for sink in 'hx-snap-pack -o target/x' 'hx-restore -o target/x' 'hx-snap-pack -d target/x' 'hx-info -' 'hx-restore --verify-only'; do
    expect_status 1 bash -c "true | $sink"
    expect_one_error "${sink%% *}"
    expect_err 'stdin: ' empty
  done
  assert_no_files_left target
}

@test "a stream that is cut anywhere is refused with the place" {
  make_sparse disk.img 4M
  hx-fetch disk.img >disk.stream
  local size
  size=$(size_of disk.stream)
  for length in 1 8 20 100 250 5000 200000 $((size - 100)) $((size - 1)); do
    head -c "$length" disk.stream >cut.stream
    refused_stream 1 "cut short at byte $length" cut.stream
  done
}

@test "of several disks none is kept when the last one is cut" {
  make_dense a.img 2M 1
  make_dense b.img 2M 2
  mkdir -p target/existing
  for dir in new existing; do
    expect_status 1 bash -c "hx-fetch -q a.img b.img 2>/dev/null | head -c 3500000 | hx-snap-pack -d target/$dir"
    expect_one_error hx-snap-pack
    assert_no_files_left target existing
    assert_no_files_left target/existing
  done
}

@test "bytes after the end are refused" {
  make_sparse disk.img 2M
  hx-fetch disk.img >disk.stream
  { cat disk.stream && printf x; } >longer
  refused_stream 1 stdin longer
  cat disk.stream disk.stream >twice
  refused_stream 1 stdin twice
}

@test "a flipped byte is refused with the place" {
  make_sparse disk.img 2M
  hx-fetch disk.img >disk.stream
  local size
  size=$(size_of disk.stream)
  for offset in 0 9 13 30 200 5000 $((size - 200)) $((size - 3)); do
    cp disk.stream flipped
    flip_byte flipped "$offset"
    mkdir -p target
    for tool in 'hx-snap-pack -o target/vm.mirn' 'hx-restore -o target/vm.img'; do
      status=0
      # A flip in the version is another version, any other one damage.
      $tool <flipped >../out 2>../err || status=$?
      keep_output
      [ "$status" -eq 1 ] || [ "$status" -eq 8 ] || fail "status $status for a flip at $offset: $err"
      expect_one_error "${tool%% *}"
      assert_no_files_left target
    done
  done
}

@test "a source that gives up half way: the sink ends with its status, message and hint" {
  make_dense disk.img 16M
  mkdir target
  mkfifo pipe gate
  # The disk changes when the first bytes have come, and long before the last have.
  for sink in 'hx-snap-pack -o target/x' 'hx-restore -o target/x' 'hx-snap-pack -d target/x'; do
    hx-fetch disk.img >pipe 2>../source_err &
    local source=$!
    { head -c 3000000; touch disk.img; cat; } <pipe >gate &
    local relay=$!
    # shellcheck disable=SC2086  # a command line
    expect_status 3 $sink <gate
    expect_one_error "${sink%% *}"
    expect_err 'disk.img: changed while it was read' 'hint: '
    status=0
    wait $source || status=$?
    [ "$status" -eq 3 ]
    wait $relay || true
    assert_no_files_left target
  done
}

@test "a snapshot that is cut anywhere is refused with its name and the place, from a file and a pipe" {
  make_sparse disk.img 4M
  hx-snap-pack disk.img -o vm.mirn
  mkdir target
  local size
  size=$(size_of vm.mirn)
  for length in 0 3 11 100 600 5000 200000 $((size - 100)) $((size - 1)); do
    head -c "$length" vm.mirn >cut.mirn
    expect_status 1 hx-restore cut.mirn -o target/x
    expect_one_error hx-restore
    expect_err 'cut.mirn: at '
    expect_status 1 hx-restore -o target/x < <(cat cut.mirn)
    expect_one_error hx-restore
    expect_err 'stdin: at '
    assert_no_files_left target
  done
}

@test "what stands behind a snapshot is refused" {
  make_sparse disk.img 2M
  hx-snap-pack disk.img -o vm.mirn
  { cat vm.mirn && printf x; } >longer.mirn
  cat vm.mirn vm.mirn >twice.mirn
  mkdir target
  for file in longer twice; do
    expect_status 1 hx-restore $file.mirn -o target/x
    expect_one_error hx-restore
    expect_status 1 hx-restore -o target/x < <(cat $file.mirn)
    expect_one_error hx-restore
    assert_no_files_left target
  done
}

@test "an unsealed snapshot whose writer was cut off is no snapshot" {
  make_dense disk.img 8M
  expect_pipe '0 1' 'hx-fetch disk.img 2>/dev/null | hx-snap-pack --unsealed 2>/dev/null >all; head -c 5000000 all | hx-restore -o x'
  expect_one_error hx-restore
  head -c 5000000 all >cut.mirn
  for tool in 'hx-restore -o x cut.mirn' 'hx-snap-seal cut.mirn' 'hx-info cut.mirn'; do
    # shellcheck disable=SC2086  # a command line
    expect_status 1 $tool
    expect_err 'cut.mirn: at '
  done
  [ ! -e x ]
}

@test "a refused stream leaves no valid snapshot behind a pipe, sealed or not" {
  make_sparse disk.img 2M
  hx-fetch disk.img >whole
  head -c $(($(size_of whole) - 3)) whole >cut_in_END
  { cat whole && printf x; } >longer
  make_dense other.img 1M
  hx-fetch disk.img other.img >two_disks
  local wanted stream sealing
  while read -r wanted stream; do
    for sealing in '' --unsealed; do
      expect_pipe "$wanted 0" "hx-snap-pack $sealing <$stream | cat >vm.mirn"
      expect_one_error hx-snap-pack
      for tool in 'hx-restore -o x' 'hx-restore --verify-only' hx-snap-seal; do
        # shellcheck disable=SC2086  # a command line
        expect_status 1 $tool vm.mirn
      done
      [ ! -e x ]
    done
  done <<<$'1 cut_in_END\n1 longer\n8 two_disks'
}

@test "a failed packer leaves no valid snapshot in the file it was redirected to" {
  make_dense disk.img 8M
  hx-fetch disk.img | head -c 6000000 >cut.stream
  expect_status 1 bash -c 'hx-snap-pack >vm.mirn <cut.stream'
  expect_status 1 hx-restore vm.mirn -o x
  [ ! -e x ]
}
