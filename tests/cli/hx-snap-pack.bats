#!/usr/bin/env bats
# hx-snap-pack(1): what it takes, which snapshot it makes of it, and how it refuses.
load helpers

# restores_to SNAPSHOT IMAGE: it holds exactly this disk.
restores_to() {
  hx-restore --force "$1" -o restored.img
  assert_same restored.img "$2"
}
info() { hx-info --json "$1"; }

@test "an extent stream becomes a sealed snapshot of the same disk" {
  make_sparse disk.img 16M
  hx-fetch disk.img | hx-snap-pack -o vm.mirn
  info vm.mirn | jq -e '.sealed and .indexed and .name == "disk" and .size == 16777216'
  restores_to vm.mirn disk.img
}

@test "a FILE is a raw disk" {
  make_sparse disk.img 16M
  hx-snap-pack disk.img -o vm.mirn
  restores_to vm.mirn disk.img
}

@test "a stream in a FILE is a stream if that is said" {
  make_sparse disk.img 4M
  hx-fetch disk.img >disk.stream
  hx-snap-pack --input stream disk.stream -o vm.mirn
  restores_to vm.mirn disk.img
}

@test "the checksum in the header is the image's SHA-256, in lower case" {
  make_sparse disk.img 4M
  hx-snap-pack disk.img -o file.mirn
  hx-fetch disk.img | hx-snap-pack -o pipe.mirn
  for snapshot in file pipe; do
    [ "$(header_of $snapshot.mirn | jq -r .checksum)" = "$(sha256_of disk.img)" ]
  done
}

@test "a redirected file gets its header rewritten, behind what stood there before" {
  make_sparse disk.img 4M
  { printf 'head' && hx-snap-pack disk.img && printf 'tail'; } >all
  [ "$(head -c 4 all)" = head ]
  [ "$(tail -c 4 all)" = tail ]
  tail -c +5 all | head -c -4 >vm.mirn
  info vm.mirn | jq -e .sealed
  restores_to vm.mirn disk.img
}

@test "in a pipe, and appended to a file, the sealed header still comes first" {
  make_sparse disk.img 4M
  hx-fetch disk.img | hx-snap-pack | cat >pipe.mirn
  : >appended.mirn
  hx-snap-pack disk.img >>appended.mirn
  for snapshot in pipe appended; do
    info $snapshot.mirn | jq -e .sealed
    restores_to $snapshot.mirn disk.img
  done
}

@test "--unsealed sends the snapshot while the disk still comes" {
  make_dense disk.img 8M
  hx-fetch disk.img >disk.stream
  mkfifo in out
  hx-snap-pack --unsealed <in >out &
  local packer=$!
  # The end of the stream is held back until the first bytes of the snapshot have come out.
  exec 8>in 9<out
  head -c 6M disk.stream >&8
  head -c 4 <&9 >magic
  [ "$(cat magic)" = MIRN ]
  cat magic - <&9 8>&- >vm.mirn &
  local reader=$!
  tail -c +$((6 * 1024 * 1024 + 1)) disk.stream >&8
  exec 8>&- 9<&-
  wait $packer
  wait $reader
  info vm.mirn | jq -e '.sealed == false'
  restores_to vm.mirn disk.img
}

@test "--no-checksum leaves the SHA-256 to hx-snap-seal" {
  make_sparse disk.img 4M
  hx-snap-pack --no-checksum disk.img -o vm.mirn
  info vm.mirn | jq -e '.sealed == false and .checksum == null'
  restores_to vm.mirn disk.img
  hx-snap-seal vm.mirn
  info vm.mirn | jq -e --arg sum "$(sha256_of disk.img)" '.sealed and .checksum == $sum'
  restores_to vm.mirn disk.img
}

@test "levels: -1 to -19, better ones are smaller" {
  text_bytes 1200000 >disk.img
  for level in 1 9 19; do
    hx-snap-pack -$level disk.img -o $level.mirn
    restores_to $level.mirn disk.img
  done
  [ "$(size_of 19.mirn)" -lt "$(size_of 1.mirn)" ]
  for level in -0 -20 --level=20 --level=0; do
    expect_status 2 hx-snap-pack $level disk.img -o x
    expect_one_error hx-snap-pack
  done
}

@test "chunks of 64 KiB to 4 MiB, by powers of two" {
  make_sparse disk.img 9M
  for size in 64K 512K 4M; do
    hx-snap-pack --chunk-size $size disk.img -o $size.mirn
    info $size.mirn | jq -e --argjson size "$(numfmt --from=iec $size)" '.chunk_size == $size'
    restores_to $size.mirn disk.img
  done
  for size in 32K 8M 65537 100K; do
    expect_status 2 hx-snap-pack --chunk-size $size disk.img -o x
    expect_err '--chunk-size'
  done
}

@test "threads and memory do not change what is packed" {
  make_sparse disk.img 24M
  put_bytes disk.img 3000000 12000000
  local tree=''
  for how in '-j 1' '-j 7' '-j 2 --memory 16M'; do
    for input in file pipe; do
      rm -f x.mirn
      # shellcheck disable=SC2086  # options
      if [ $input = file ]; then hx-snap-pack $how disk.img -o x.mirn; else hx-fetch disk.img | hx-snap-pack $how -o x.mirn; fi
      [ "${tree:=$(info x.mirn | jq -r .tree)}" = "$(info x.mirn | jq -r .tree)" ]
    done
  done
  restores_to x.mirn disk.img
}

@test "several disks go into a directory, with a manifest" {
  make_sparse root.img 4M 1
  make_dense data.img 1500001 2
  echo '<domain/>' >vm.xml
  hx-fetch --file vm.xml root.img data.img | hx-snap-pack -d backup
  assert_no_files_left backup data.mirn manifest.json root.mirn
  jq -e '.type == "manifest" and .version == 1 and (.disks | map(.key)) == ["disk0", "disk1"]
         and (.disks | map(.file)) == ["root.mirn", "data.mirn"] and (.disks | map(.size)) == [4194304, 1500001]
         and (.disks | all(.sealed)) and (.disks | map(.machine_files)) == [1, 0]' backup/manifest.json
  for disk in root data; do
    jq -e --arg sum "$(sha256_of $disk.img)" --arg file $disk.mirn \
      '.disks[] | select(.file == $file) | .checksum == $sum' backup/manifest.json
    restores_to backup/$disk.mirn $disk.img
  done
}

@test "two disks of one name get two files" {
  mkdir a b
  make_dense a/disk.img 100K 1
  make_dense b/disk.img 100K 2
  hx-fetch a/disk.img b/disk.img | hx-snap-pack -d backup
  assert_no_files_left backup disk-disk1.mirn disk.mirn manifest.json
  restores_to backup/disk-disk1.mirn b/disk.img
}

@test "several disks do not fit into one file, which is said, and nothing is left" {
  make_dense a.img 1M 1
  make_dense b.img 1M 2
  mkdir target
  hx-fetch a.img b.img >disks
  expect_status 8 hx-snap-pack -o target/vm.mirn <disks
  expect_one_error hx-snap-pack
  expect_err '--directory'
  assert_no_files_left target
}

@test "a directory that already has one of the snapshots is refused, and stays as it is" {
  make_dense a.img 1M 1
  make_dense b.img 1M 2
  mkdir backup
  echo old >backup/b.mirn
  hx-fetch a.img b.img >disks
  expect_status 10 hx-snap-pack -d backup <disks
  expect_one_error hx-snap-pack
  expect_err backup/b.mirn
  assert_no_files_left backup b.mirn
  hx-snap-pack -f -d backup <disks
  restores_to backup/b.mirn b.img
}

@test "files of the machine are kept in the snapshot, and hx-info shows them" {
  make_dense disk.img 1M
  printf '<domain type="kvm"/>' >vm.xml
  hx-fetch --file vm.xml disk.img | hx-snap-pack -o vm.mirn
  info vm.mirn | jq -e --arg sum "$(sha256_of vm.xml)" '.machine_files == [{"name": "vm.xml", "size": 20, "sha256": $sum}]'
  expect_status 0 hx-info vm.mirn
  expect_out vm.xml
  restores_to vm.mirn disk.img
}

@test "raw bytes from a pipe need their size, which is checked" {
  make_dense disk.img 1000001
  mkdir target
  expect_status 2 bash -c 'cat disk.img | hx-snap-pack --input raw -o target/x'
  expect_err '--size'
  cat disk.img | hx-snap-pack --input raw --size 1000001 --name web -o vm.mirn
  info vm.mirn | jq -e '.name == "web" and .size == 1000001'
  restores_to vm.mirn disk.img
  expect_status 1 bash -c 'cat disk.img | hx-snap-pack --input raw --size 1M -o target/x'
  expect_one_error hx-snap-pack
  expect_err 'stdin: ended at 1000001'
  expect_status 1 bash -c 'cat disk.img | hx-snap-pack --input raw --size 1000000 -o target/x'
  expect_err 'stdin: goes on behind 1000000'
  assert_no_files_left target
}

@test "raw bytes of unknown size are what comes, but not nothing" {
  make_sparse disk.img 2500001
  cat disk.img | hx-snap-pack --input raw --size unknown -o vm.mirn
  restores_to vm.mirn disk.img
  cat disk.img | hx-snap-pack --input raw --size unknown | cat >pipe.mirn
  restores_to pipe.mirn disk.img
  expect_status 1 bash -c 'true | hx-snap-pack --input raw --size unknown -o x'
  expect_err 'stdin: is empty'
  # Its header would have to go first.
  expect_status 2 bash -c 'set -o pipefail; hx-snap-pack --input raw --size unknown --unsealed <disk.img | cat'
  expect_err size
  assert_no_files_left . disk.img pipe.mirn restored.img vm.mirn
}

@test "a file as stdin says its size itself" {
  make_dense disk.img 1000001
  hx-snap-pack --input raw <disk.img -o vm.mirn
  restores_to vm.mirn disk.img
  hx-snap-pack --input raw --unsealed <disk.img | cat >unsealed.mirn
  restores_to unsealed.mirn disk.img
}

@test "--size is checked of a FILE too" {
  make_dense disk.img 1M
  hx-snap-pack --size 1M disk.img -o vm.mirn
  expect_status 1 hx-snap-pack --size 2M disk.img -o x
  expect_one_error hx-snap-pack
  expect_err 'disk.img: is 1048576 bytes long, but should be 2097152'
  assert_no_files_left . disk.img vm.mirn
}

@test "the file system is named by its superblock, or as asked for" {
  require mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkswap
  make_ext4 ext4.img 8M
  make_zero xfs.img 320M && mkfs.xfs -q xfs.img
  make_zero btrfs.img 128M && mkfs.btrfs -q btrfs.img
  make_zero vfat.img 8M && mkfs.vfat vfat.img >/dev/null
  make_zero swap.img 8M && mkswap -q swap.img
  make_dense none.img 1M
  for name in ext4 xfs btrfs vfat swap; do
    hx-snap-pack $name.img -o $name.mirn
    [ "$(info $name.mirn | jq -r .filesystem)" = $name ]
  done
  hx-fetch ext4.img | hx-snap-pack -o pipe.mirn
  [ "$(info pipe.mirn | jq -r .filesystem)" = ext4 ]
  hx-snap-pack none.img -o none.mirn
  [ "$(info none.mirn | jq -r .filesystem)" = '' ]
  hx-snap-pack --filesystem zfs --name web-01 none.img -o zfs.mirn
  info zfs.mirn | jq -e '.filesystem == "zfs" and .name == "web-01"'
}

@test "the receipt is one line of JSON" {
  make_sparse disk.img 8M
  expect_status 0 hx-snap-pack --json disk.img -o vm.mirn
  [ "$(grep -c . <<<"$out")" -eq 1 ]
  jq -e --arg sum "$(sha256_of disk.img)" --argjson bytes "$(size_of vm.mirn)" \
    '.type == "receipt" and .tool == "hx-snap-pack" and (.disks | length) == 1 and (.disks[0] |
     .path == "vm.mirn" and .size == 8388608 and .snapshot_bytes == $bytes and .checksum == $sum and .sealed
     and .data_bytes + .zero_bytes == .size)' <<<"$out"
  hx-fetch disk.img disk.img >disks
  expect_status 0 hx-snap-pack --json -d backup <disks
  jq -e '.disks | map(.path) == ["backup/disk.mirn", "backup/disk-disk1.mirn"]' <<<"$out"
}

@test "an existing file is refused and kept; --force replaces it" {
  make_dense disk.img 1M
  echo old >vm.mirn
  expect_status 10 hx-snap-pack disk.img -o vm.mirn
  expect_one_error hx-snap-pack
  expect_err 'vm.mirn: already exists' '--force'
  [ "$(cat vm.mirn)" = old ]
  hx-snap-pack --force disk.img -o vm.mirn
  restores_to vm.mirn disk.img
}

@test "a file that appears under the name meanwhile is not replaced" {
  make_dense disk.img 12M
  hx-fetch disk.img >disk.stream
  mkfifo pipe
  hx-snap-pack -o vm.mirn <pipe 2>../err &
  local packer=$!
  # The pipe is smaller than two thirds of the stream: it has begun when that is through.
  { head -c 8000000 && echo other >vm.mirn && cat; } <disk.stream >pipe
  status=0
  wait $packer || status=$?
  keep_output
  [ "$status" -eq 10 ] || fail "status $status: $err"
  expect_one_error hx-snap-pack
  [ "$(cat vm.mirn)" = other ]
}

@test "a closed standard descriptor fails, and is not taken for a file" {
  make_dense disk.img 1M
  expect_status 9 bash -c 'hx-snap-pack -o x <&-'
  expect_one_error hx-snap-pack
  expect_status 9 bash -c 'hx-snap-pack disk.img >&-'
  expect_one_error hx-snap-pack
  [ ! -e x ]
}

@test "a file that is not what its suffix says is refused, unless its bytes are asked for" {
  make_dense disk.qcow2 1M
  expect_status 1 hx-snap-pack disk.qcow2 -o vm.mirn
  expect_one_error hx-snap-pack
  expect_err 'disk.qcow2: is no qcow2 image' '--format raw'
  expect_status 2 hx-snap-pack --input raw --format qcow2 disk.qcow2 -o vm.mirn
  hx-snap-pack --input raw disk.qcow2 -o vm.mirn
  expect_status 8 hx-snap-pack vm.mirn -o again.mirn
}

@test "a part of a disk is no snapshot" {
  make_dense disk.img 4M
  expect_status 8 bash -c 'hx-fetch -q --range 0+1M disk.img | hx-snap-pack -o x.mirn'
  expect_one_error hx-snap-pack
  assert_no_files_left . disk.img
}

@test "what is no stream is status 1" {
  make_dense disk.img 1M
  expect_status 1 hx-snap-pack -o x <disk.img
  expect_one_error hx-snap-pack
  expect_err 'stdin: '
  expect_status 1 hx-snap-pack -o x </dev/null
  expect_one_error hx-snap-pack
  expect_err 'stdin: is empty' 'has failed, or wrote nothing'
  assert_no_files_left . disk.img
}

@test "wrong usage is one line and a hint" {
  make_dense disk.img 1M
  mkdir dir
  for command in 'hx-snap-pack gone.img -o x' 'hx-snap-pack dir -o x' 'hx-snap-pack --nonsense' 'hx-snap-pack disk.img -o dir' \
    'hx-snap-pack disk.img -o gone/x' 'hx-snap-pack disk.img disk.img -o x' 'hx-snap-pack disk.img -o x -d y' \
    'hx-snap-pack disk.img -o x --unsealed' 'hx-snap-pack disk.img --json' 'hx-snap-pack --outp x disk.img' \
    'hx-snap-pack --size 1M -o x' 'hx-snap-pack disk.img -o x --memory 1M' 'hx-snap-pack --level fast disk.img'; do
    # shellcheck disable=SC2086  # a command line
    expect_status 2 $command </dev/null
    expect_one_error hx-snap-pack
  done
  assert_no_files_left . dir disk.img
}

@test "a disk that may not be read, and a directory that may not be written to, are status 6" {
  require setpriv
  make_dense disk.img 1M
  cp disk.img secret.img
  mkdir locked
  chmod 000 secret.img
  chmod 555 locked
  expect_status 6 unprivileged hx-snap-pack secret.img -o x
  expect_one_error hx-snap-pack
  expect_err secret.img
  expect_status 6 unprivileged hx-snap-pack disk.img -o locked/x
  expect_one_error hx-snap-pack
  expect_err locked/x
}

@test "a terminal is refused on either side" {
  make_dense disk.img 100K
  on_a_terminal 'hx-snap-pack disk.img'
  [ "$status" -eq 2 ]
  expect_out 'stdout is a terminal'
  on_a_terminal 'hx-snap-pack -o x'
  [ "$status" -eq 2 ]
  expect_out 'stdin is a terminal'
  assert_no_files_left . disk.img
}

@test "a mounted disk is refused; --force packs it and says so in the snapshot" {
  require_root
  make_ext4 disk.img 16M
  mkdir mnt
  mount -o loop disk.img mnt 2>/dev/null || skip 'no loop devices here'
  (cd mnt && pwd) >>"$BATS_TEST_TMPDIR/mounts"
  expect_status 10 hx-snap-pack disk.img -o vm.mirn
  expect_one_error hx-snap-pack
  expect_err 'disk.img: mounted read-write on '
  hx-snap-pack --force disk.img -o vm.mirn
  info vm.mirn | jq -e '.consistency == "none"'
  hx-fetch --force disk.img | hx-snap-pack -o pipe.mirn
  info pipe.mirn | jq -e '.consistency == "none"'
}

@test "the bar is for the source of the pipeline: a sink writes nothing to stderr" {
  make_dense disk.img 1M
  hx-fetch disk.img >disk.stream
  on_a_terminal 'TERM=xterm hx-snap-pack -o vm.mirn <disk.stream'
  [ "$status" -eq 0 ]
  [ -z "$out" ] || fail "said: $out"
}

@test "progress as JSON ends with a summary" {
  make_dense disk.img 1M
  hx-snap-pack --progress fd:8 disk.img -o vm.mirn 8>events
  jq -se '.[-1] | .type == "summary" and .bytes == 1048576' events
}
