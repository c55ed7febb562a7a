#!/usr/bin/env bats
# hx-snap-pack --tar: snapshots as members of an archive, through pipes, and back out of it.
load helpers

@test "GNU tar and bsdtar unpack what --tar writes, and it is what --directory makes" {
  require bsdtar
  make_sparse a.img 4M 1
  make_dense b.img 3M 2
  expect_pipe '0 0 0' 'hx-fetch a.img b.img | hx-snap-pack --tar | tar -xvf -'
  expect_out $'a.mirn\nb.mirn\nmanifest.json'
  jq -e '[.disks[] | .name, .file, .sealed] == ["a", "a.mirn", true, "b", "b.mirn", true]' manifest.json
  for name in a b; do
    hx-restore --verify full "$name.mirn" -o - | cmp - "$name.img"
  done
  hx-fetch a.img b.img | hx-snap-pack --tar -o vms.tar
  bsdtar -tf vms.tar | diff - <(printf '%s\n' a.mirn b.mirn manifest.json)
  [ $(($(size_of vms.tar) % 512)) -eq 0 ]
}

@test "a member is restored through a pipe, with every check" {
  make_sparse web.img 4M
  hx-fetch web.img | hx-snap-pack --tar -o vms.tar
  tar -xOf vms.tar web.mirn | hx-restore -o disk.img
  assert_same web.img disk.img
  tar -xf vms.tar --wildcards '*.mirn' --to-command='hx-restore -o "${TAR_FILENAME%.mirn}.out"'
  assert_same web.img web.out
  flip_byte vms.tar 60000
  expect_pipe '0 1' 'tar -xOf vms.tar web.mirn | hx-restore -o bad.img'
  head -c 50000 vms.tar >cut.tar
  expect_pipe '2 1' 'tar -xOf cut.tar web.mirn | hx-restore -o bad.img'
  [ ! -e bad.img ]
}

@test "two disks of one name get two members, and long names are kept" {
  local long
  long=$(printf 'n%.0s' {1..240})
  mkdir other
  make_dense "$long.img" 64K
  make_dense other/"$long.img" 64K 2
  hx-fetch "$long.img" other/"$long.img" | hx-snap-pack --tar | tar -tf - |
    diff - <(printf '%s\n' "$long.mirn" "$long-disk1.mirn" manifest.json)
}

@test "a stream that was cut short makes no archive, on a pipe or as a file" {
  make_dense disk.img 2M
  hx-fetch disk.img disk.img >whole
  head -c 3000000 whole >part
  expect_pipe '1 0' 'hx-snap-pack --tar <part | cat >got'
  [ ! -s got ]
  expect_status 1 hx-snap-pack --tar -o vms.tar <part
  assert_no_files_left . disk.img whole part got
}

@test "--tar: what cannot be is wrong usage" {
  expect_status 2 hx-snap-pack --tar -d dir
  expect_status 2 hx-snap-pack --tar --unsealed
  expect_err 'its size before it'
  touch vms.tar
  expect_status 10 hx-snap-pack --tar -o vms.tar </dev/null
}

@test "the archive waits where --spool says, and that is named when it is full" {
  small_tmpfs memory 1M
  make_dense disk.img 2M
  expect_status 10 bash -c 'hx-fetch disk.img | hx-snap-pack --tar --spool memory >vms.tar'
  expect_err 'lies in memory'
}
