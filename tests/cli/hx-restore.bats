#!/usr/bin/env bats
# hx-restore(1): what it restores to which target, what it verifies, and what it refuses.
load helpers

# make_snapshot SIZE: disk.img and vm.mirn, sparse.
make_snapshot() {
  make_sparse disk.img "$1"
  hx-snap-pack disk.img -o vm.mirn
}

@test "a new file is the disk, and sparse" {
  make_snapshot 64M
  hx-restore vm.mirn -o new.img
  assert_same new.img disk.img
  assert_sparse new.img 6M
}

@test "a snapshot, unsealed or sealed, comes from a pipe just as well" {
  make_snapshot 16M
  hx-fetch disk.img | hx-snap-pack --unsealed | hx-restore -o unsealed.img
  cat vm.mirn | hx-restore - -o sealed.img
  for image in unsealed sealed; do
    assert_same $image.img disk.img
    assert_sparse $image.img 6M
  done
}

@test "a stream is restored from a pipe, a file and a redirected file" {
  make_sparse disk.img 16M
  hx-fetch disk.img | hx-restore -o pipe.img
  hx-fetch disk.img >disk.stream
  hx-restore disk.stream -o file.img
  hx-restore -o stdin.img <disk.stream
  for image in pipe file stdin; do assert_same $image.img disk.img; done
}

@test "standard output gets all bytes, and stays sparse where it is a file" {
  make_snapshot 32M
  hx-restore vm.mirn -o - | cmp - disk.img
  cat vm.mirn | hx-restore -o - | cmp - disk.img
  hx-restore vm.mirn -o - >redirected.img
  assert_same redirected.img disk.img
  assert_sparse redirected.img 6M
}

@test "--range: only these bytes on stdout, and in place nothing else" {
  make_dense disk.img 5000001
  hx-snap-pack disk.img -o vm.mirn
  cmp <(hx-restore --range 1000000+2000000 vm.mirn -o -) <(tail -c +1000001 disk.img | head -c 2000000)
  cmp <(hx-restore --range 4M-5000001 - -o - <vm.mirn) <(tail -c +$((4 * 1024 * 1024 + 1)) disk.img)
  cmp <(hx-fetch disk.img | hx-restore --range 7+1 -o -) <(tail -c +8 disk.img | head -c 1)
  make_dense old.img 5000001 99
  cp old.img new.img
  hx-restore --range 1000000+2000000 vm.mirn --in-place -o new.img
  cmp -n 1000000 new.img old.img
  cmp -i 1000000 -n 2000000 new.img disk.img
  cmp -i 3000000 new.img old.img
}

@test "--range into a new file: its size is the disk's, the rest a hole" {
  make_dense disk.img 8M
  hx-snap-pack disk.img -o vm.mirn
  hx-restore --range 2M+1M vm.mirn -o new.img
  [ "$(size_of new.img)" -eq $((8 * 1024 * 1024)) ]
  cmp -i 2M -n 1M new.img disk.img
  assert_sparse new.img 1100K
}

@test "--range reads no frame that it does not need" {
  make_dense disk.img 8M
  hx-snap-pack disk.img -o vm.mirn
  flip_byte vm.mirn 7000000
  hx-restore --range 2M+1M vm.mirn -o - | cmp - <(tail -c +$((2 * 1024 * 1024 + 1)) disk.img | head -c 1M)
  expect_status 1 hx-restore --range 6M+1M vm.mirn -o -
}

@test "a range beyond the disk is wrong usage" {
  make_snapshot 1M
  for range in 1M+1 1048575+2 5-4 5 x+y 3+0; do
    expect_status 2 hx-restore --range $range vm.mirn -o x
    expect_one_error hx-restore
  done
  assert_no_files_left . disk.img vm.mirn
}

@test "--verify-only says nothing wrong of what is right, from a file and from a pipe" {
  make_snapshot 4M
  hx-fetch disk.img >disk.stream
  for what in vm.mirn disk.stream "$GOLDEN/mirn-v1/good/odd-length.mirn"; do
    expect_status 0 hx-restore -q --verify-only "$what"
    [ -z "$out$err" ]
    expect_status 0 hx-restore -q --verify-only - <"$what"
    cat "$what" | hx-restore --verify-only
  done
}

@test "--verify-only finds all damage, by ranges of the disk" {
  make_dense disk.img 8M
  hx-snap-pack disk.img -o vm.mirn
  # A chunk of random bytes is a frame of about a MiB.
  flip_byte vm.mirn 1600000
  flip_byte vm.mirn 2600000
  flip_byte vm.mirn 6800000
  expect_status 1 hx-restore --verify-only --json vm.mirn
  jq -e '.type == "verify" and .ok == false and (.damaged | map(.offset)) == [1048576, 2097152, 6291456]
         and (.damaged | all(.length == 1048576 and .file_offset > 1000000))' <<<"$out"
  expect_err 'vm.mirn: 3 chunks are damaged, 3.00 MiB of the disk: 1048576+2097152, 6291456+1048576'
  expect_status 1 hx-restore --verify-only - <vm.mirn
  expect_status 1 bash -c 'cat vm.mirn | hx-restore --verify-only'
  expect_one_error hx-restore
  expect_err 'stdin: at '
}

@test "--verify full compares the SHA-256 of the image" {
  make_snapshot 4M
  expect_status 0 hx-restore --verify-only --verify full --json vm.mirn
  jq -e '.ok and .checksum_verified' <<<"$out"
  expect_status 0 hx-restore --verify full --json vm.mirn -o new.img
  jq -e --arg sum "$(sha256_of disk.img)" '.checksum_verified and .checksum == $sum' <<<"$out"
  assert_same new.img disk.img
  hx-restore --verify full -o pipe.img < <(cat vm.mirn)
  assert_same pipe.img disk.img
}

@test "--sample reads a part of the chunks" {
  make_dense disk.img 16M
  hx-snap-pack --chunk-size 64K disk.img -o vm.mirn
  expect_status 0 hx-restore --verify-only --sample 30% --json vm.mirn
  jq -e '.ok and .chunks_checked > 0 and .chunks_checked < 256' <<<"$out"
  expect_status 0 hx-restore --verify-only --sample 100 --json vm.mirn
  jq -e '.chunks_checked == 256' <<<"$out"
  # However few, at least one.
  expect_status 0 hx-restore --verify-only --sample 0.0000001% --json vm.mirn
  jq -e '.ok and .chunks_checked == 1' <<<"$out"
  for percent in 0 101 -1 x; do
    expect_status 2 hx-restore --verify-only --sample=$percent vm.mirn
    expect_one_error hx-restore
  done
  expect_status 8 bash -c 'cat vm.mirn | hx-restore --verify-only --sample 10%'
  expect_status 2 hx-restore --sample 10% vm.mirn -o x
}

@test "the receipt is one line of JSON, and its bytes add up" {
  make_snapshot 32M
  expect_status 0 hx-restore --json vm.mirn -o new.img
  [ "$(grep -c . <<<"$out")" -eq 1 ]
  jq -e --arg sum "$(sha256_of disk.img)" --arg tree "$(hx-info --json vm.mirn | jq -r .tree)" \
    '.type == "receipt" and .tool == "hx-restore" and .source == "vm.mirn" and .target == "new.img" and .size == 33554432
     and .checksum == $sum and .tree == $tree and .written + .skipped == .size and .zeroed == 0' <<<"$out"
  make_dense old.img 32M
  expect_status 0 hx-restore --json vm.mirn --in-place -o old.img
  jq -e '.written + .zeroed == .size and .skipped == 0' <<<"$out"
  expect_status 0 hx-restore --json -o pipe.img < <(hx-fetch disk.img)
  jq -e '.format == "stream" and .written + .skipped == .size' <<<"$out"
}

@test "threads do not change what is restored" {
  make_snapshot 24M
  for threads in 1 2 16; do
    hx-restore -j $threads vm.mirn -o $threads.img
    assert_same $threads.img disk.img
  done
}

@test "an existing file is refused and kept; --force replaces it as a whole" {
  make_snapshot 4M
  echo old >new.img
  expect_status 10 hx-restore vm.mirn -o new.img
  expect_one_error hx-restore
  expect_err 'new.img: already exists' '--force'
  [ "$(cat new.img)" = old ]
  cp vm.mirn bad.mirn
  flip_byte bad.mirn 9000
  expect_status 1 hx-restore --force bad.mirn -o new.img
  [ "$(cat new.img)" = old ]
  hx-restore --force vm.mirn -o new.img
  assert_same new.img disk.img
}

@test "an image format that it does not write: such a name is refused" {
  make_snapshot 1M
  for name in new.VDI new.vhd again.mirn; do
    expect_status 8 hx-restore vm.mirn -o $name
    expect_one_error hx-restore
    expect_err "$name: " 'qemu-img convert'
  done
  assert_no_files_left . disk.img vm.mirn
}

@test "a stream of several disks is refused" {
  make_dense a.img 1M 1
  make_dense b.img 1M 2
  hx-fetch a.img b.img >disks
  expect_status 8 hx-restore disks -o x
  expect_one_error hx-restore
  expect_err 'several disks'
  assert_no_files_left . a.img b.img disks
}

@test "a part of a disk is written to its place in an existing disk, and makes no new one" {
  make_dense disk.img 4M
  make_dense old.img 4M 9
  cp old.img new.img
  hx-fetch --range 1M+1M disk.img >part.stream
  hx-restore part.stream --in-place -o new.img
  cmp -n 1M new.img old.img
  cmp -i 1M -n 1M new.img disk.img
  cmp -i 2M new.img old.img
  hx-restore part.stream -o - | cmp - <(tail -c +1048577 disk.img | head -c 1M)
  expect_status 8 hx-restore part.stream -o x.img
  expect_one_error hx-restore
  expect_err part
  [ ! -e x.img ]
}

@test "what is neither snapshot nor stream is status 1, and nothing is left" {
  make_dense disk.img 1M
  : >empty
  printf HXSTREA >short
  for input in disk.img empty short /dev/null; do
    expect_status 1 hx-restore -o x <"$input"
    expect_one_error hx-restore
    expect_err 'stdin: '
  done
  for input in disk.img empty short; do
    expect_status 1 hx-restore $input -o x
    expect_one_error hx-restore
    expect_err "$input: "
  done
  assert_no_files_left . disk.img empty short
}

@test "wrong usage is one line and a hint" {
  make_snapshot 1M
  mkdir dir
  for command in 'hx-restore gone.mirn -o x' 'hx-restore dir -o x' 'hx-restore --nonsense' 'hx-restore vm.mirn' \
    'hx-restore vm.mirn -o dir' 'hx-restore vm.mirn -o gone/x' \
    'hx-restore vm.mirn --in-place -o gone.img' 'hx-restore vm.mirn --in-place' 'hx-restore --verify-only vm.mirn -o x' \
    'hx-restore --verify half vm.mirn -o x' 'hx-restore vm.mirn --json -o -' 'hx-restore --outp x vm.mirn' \
    'hx-restore --verify-only --range 0+1 vm.mirn' 'hx-restore vm.mirn --in-place -o /dev/null'; do
    # shellcheck disable=SC2086  # a command line
    expect_status 2 $command </dev/null
    expect_one_error hx-restore
  done
  assert_no_files_left . dir disk.img vm.mirn
}

@test "a snapshot that may not be read, and a target that may not be written, are status 6" {
  require setpriv
  make_snapshot 1M
  make_dense old.img 1M 5
  cp old.img before.img
  cp vm.mirn secret.mirn
  chmod 000 secret.mirn
  chmod 444 old.img
  expect_status 6 unprivileged hx-restore secret.mirn -o x
  expect_one_error hx-restore
  expect_err secret.mirn
  expect_status 6 unprivileged hx-restore vm.mirn --in-place -o old.img
  expect_one_error hx-restore
  expect_err old.img
  assert_same old.img before.img
}

@test "a terminal is refused on either side" {
  make_snapshot 1M
  on_a_terminal 'hx-restore vm.mirn -o -'
  [ "$status" -eq 2 ]
  expect_out 'stdout is a terminal'
  on_a_terminal 'hx-restore -o x'
  [ "$status" -eq 2 ]
  expect_out 'stdin is a terminal'
}

@test "a reader that goes away is status 1, never success" {
  make_dense disk.img 8M
  hx-snap-pack disk.img -o vm.mirn
  expect_pipe '1 0' 'hx-restore vm.mirn -o - | head -c 10 >/dev/null'
  expect_one_error hx-restore
  expect_pipe '1 0' 'hx-restore -o - < <(cat vm.mirn) | head -c 10 >/dev/null'
}

@test "the permissions of a replaced file stay, a new one follows the umask" {
  make_snapshot 1M
  echo old >old.img
  chmod 600 old.img
  hx-restore -f vm.mirn -o old.img
  [ "$(stat -c %a old.img)" = 600 ]
  (umask 027 && hx-restore vm.mirn -o new.img)
  [ "$(stat -c %a new.img)" = 640 ]
}

@test "progress as JSON ends with a summary" {
  make_snapshot 4M
  hx-restore --progress fd:8 vm.mirn -o new.img 8>events
  jq -se '.[-1] | .type == "summary" and .bytes == 4194304' events
  expect_status 1 bash -c 'head -c 100000 vm.mirn | hx-restore --progress fd:8 -o x 8>events'
  jq -se 'map(select(.type == "error"))[0] | .status == 1 and .kind == "damaged"' events
}
