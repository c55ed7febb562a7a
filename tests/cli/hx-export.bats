#!/usr/bin/env bats
# hx-export of files here: names, what exists, checkpoints, options. Servers: tests/pipelines/export*.bats.
load helpers

@test "a file here is copied under its own name, its holes too, and nothing else is left" {
  make_sparse disk.img 8M
  expect_status 2 hx-export disk.img "file://$PWD/disk.img" -d one
  expect_err 'two directories'
  expect_status 0 hx-export "file://$PWD/disk.img" -d two
  assert_same two/disk.img disk.img
  assert_no_files_left two disk.img
  assert_sparse two/disk.img "$(allocated disk.img)"
}

@test "a file is copied as it is, whatever its guest wrote into sector 0" {
  for magic in 'MIRN\0\0\0\1' HXSTREAM 'QFI\373\0\0\0\3'; do
    make_dense disk.img 1M
    # shellcheck disable=SC2059  # the bytes are a format
    printf "$magic" | dd of=disk.img conv=notrunc status=none
    hx-export -q -f disk.img -d out
    assert_same out/disk.img disk.img
  done
  assert_no_files_left out disk.img
}

@test "what exists is replaced by --force only" {
  make_dense disk.img 1M
  mkdir out
  echo old >out/disk.img
  expect_status 10 hx-export disk.img -d out
  expect_one_error hx-export
  expect_err --force
  assert_no_files_left out disk.img
  [ "$(cat out/disk.img)" = old ]
  expect_status 0 hx-export disk.img -d out --force
  assert_same out/disk.img disk.img
}

@test "a name never leads out of the directory" {
  make_dense escaped.img 1M
  mkdir -p a/b
  hx-export "file://$PWD/a/b/..%2f..%2fescaped.img" -d out
  assert_no_files_left out .._.._escaped.img
  assert_same out/.._.._escaped.img escaped.img
  expect_status 2 hx-export "file://$PWD/" -d out
  expect_status 2 hx-export "file://$PWD/.." -d out
  expect_status 2 hx-export "file://$PWD/.web.checkpoint" -d out
  assert_no_files_left .. home work out err
}

@test "one file that cannot be had does not stop the others; the next run has only that one to do" {
  make_dense a.img 2M
  make_dense b.img 2M 7
  expect_status 2 hx-export --name vm a.img ./gone.img b.img -d out
  expect_err gone.img 'to go on: hx-export --name vm a.img ./gone.img b.img -d out'
  assert_same out/a.img a.img
  assert_same out/b.img b.img
  make_dense gone.img 1M 9
  expect_status 0 hx-export --json --name vm a.img ./gone.img b.img -d out
  expect_err 'a.img: is complete since an earlier run'
  jq -es 'map({(.path): .fetched}) | add == {"a.img": 0, "b.img": 0, "gone.img": 1048576}' ../out
  assert_no_files_left out a.img b.img gone.img
}

@test "a completed file that is gone or short is fetched again; --verify sees other bytes" {
  make_dense a.img 2M
  expect_status 2 hx-export --verify --name vm a.img ./gone.img -d out
  truncate -s 1M out/a.img
  expect_status 10 hx-export --name vm a.img ./gone.img -d out
  expect_status 2 hx-export --verify --name vm a.img ./gone.img -d out --force
  expect_err 'begins anew: has 1048576 bytes instead of 2097152'
  assert_same out/a.img a.img
  flip_byte out/a.img 1000000
  make_dense gone.img 1M 9
  expect_status 0 hx-export --verify --force --name vm a.img ./gone.img -d out
  assert_same out/a.img a.img
}

@test "a checkpoint that cannot be used is kept, and a new one begun" {
  make_dense a.img 1M
  mkdir out
  echo '{"version": "2.0"}' >out/.a.checkpoint
  expect_status 0 hx-export a.img -d out
  expect_err warning '.a.checkpoint.bad'
  assert_no_files_left out a.img .a.checkpoint.bad
}

@test "without a checkpoint a failure leaves nothing" {
  make_dense a.img 1M
  expect_status 2 hx-export --no-checkpoint ./gone.img a.img -d out
  assert_no_files_left out a.img
  expect_status 2 hx-export --no-checkpoint --restart a.img -d out
}

@test "progress for programs: a line a file, and a summary of all" {
  make_dense a.img 1M
  make_dense b.img 2M
  hx-export --progress fd:3 a.img b.img -d out 3>events
  jq -es 'map(select(.type == "summary"))[0] | .disks == 2 and .bytes == 3145728' events
}

@test "the receipt of a file has the keys that the manual lists" {
  make_dense a.img 1M
  expect_status 0 hx-export --json --verify a.img -d out
  wanted=$(awk '/^\.Ss file/ { on = 1; next } /^\.Sh/ { on = 0 } on && sub(/^\.It Cm /, "") { gsub(/ , /, "\n"); print }' \
    "$HX_ROOT/man/hx-export.1" | sort)
  [ "$(jq -r 'keys[]' ../out | sort)" = "$wanted" ]
  [ "$(jq -r .sha256 ../out)" = "$(sha256sum <a.img | cut -d' ' -f1)" ]
}

# all_done: a.img and b.img are exported, and their checkpoint is still there: the run ended before it removed it.
all_done() {
  make_dense a.img 2M
  make_dense b.img 2M 7
  expect_status 2 hx-export "$@" --name vm a.img b.img ./gone.img -d out
  jq -e '[.files[].status] == ["completed", "completed"]' out/.vm.checkpoint
}

@test "a checkpoint that outlived its last byte harms nobody: it goes, if the sources are still the same" {
  all_done
  expect_status 0 hx-export --json --name vm a.img b.img -d out
  jq -es 'map(.fetched) == [0, 0]' ../out
  assert_no_files_left out a.img b.img
}

@test "a checkpoint that outlived its last byte, and sources that changed since: status 3, not the old bytes" {
  all_done
  make_dense a.img 2M 9
  expect_status 3 hx-export --name vm a.img b.img -d out --force
  expect_err 'a.img: the source changed since the checkpoint' --restart
  expect_status 0 hx-export --name vm a.img b.img -d out --force --restart
  assert_same out/a.img a.img
  assert_no_files_left out a.img b.img
}

@test "--verify of files that an earlier run completed: compared where a SHA-256 is stored, else computed" {
  all_done
  expect_status 0 hx-export --json --verify --name vm a.img b.img -d out
  jq -es --arg sum "$(sha256_of a.img)" '.[] | select(.path == "a.img") | .sha256 == $sum and .fetched == 0' ../out
  rm -r out
  all_done --verify
  flip_byte out/a.img 1000000
  expect_status 0 hx-export --json --verify --force --name vm a.img b.img -d out
  expect_err 'a.img: begins anew: has other bytes than were written'
  jq -es 'map({(.path): .fetched}) | add == {"a.img": 2097152, "b.img": 0}' ../out
  assert_same out/a.img a.img
}

@test "killed before any of its renames, removals and syncs, an export ends with the right bytes all the same" {
  require strace
  local n was_done calls=fsync,fdatasync,rename,renameat2,unlink,unlinkat
  make_dense a.img 1M
  for ((n = 1; n < 40; ++n)); do
    rm -rf out
    status=0
    strace -qq -f -o trace -e trace=$calls -e inject=$calls:signal=KILL:when=$n \
      hx-export -q -j 1 --checkpoint-interval 0 a.img -d out || status=$?
    [ ! -e out/a.img ] || assert_same out/a.img a.img
    [ $status -ne 0 ] || break
    was_done=no
    if [ -e out/a.img ] && [ ! -e out/.a.checkpoint ]; then was_done=yes; fi
    status=0
    hx-export -q a.img -d out || status=$?
    # Only the file of the lock was still to be removed.
    [ $status -eq 0 ] || [ "$status $was_done" = '10 yes' ] || fail "status $status after $n calls"
    assert_same out/a.img a.img
    assert_no_files_left out a.img
  done
  [ "$n" -ge 6 ] || fail "only $n places"
}
