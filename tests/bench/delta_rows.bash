# shellcheck shell=bash
# Deltas: what changed between two snapshots, against who compares the disks; a chain restored, against an equal full
# snapshot and an equal chain of qcow2 files.

# One percent of the data of FILE changed, in pieces of 64 KiB anywhere in the disk; from a seed.
change_one_percent() {
  local file=$1 pieces=$((thin_data / 100 / 65536)) i size
  size=$(stat -c %s "$file")
  RANDOM=$2
  for ((i = 0; i < pieces; i++)); do
    head -c 65536 /dev/urandom |
      dd of="$file" bs=64K oflag=seek_bytes conv=notrunc status=none seek=$(((RANDOM * 32768 + RANDOM) % (size / 65536) * 65536))
  done
}

row_delta() {
  local i layers=(../delta/full.mirn) above=../delta/0.qcow2
  mkdir "$scratch/delta"
  cp --sparse=always "$thin" "$scratch/delta/now.img"
  hx-snap-pack -q "$thin" -o "$scratch/delta/full.mirn"
  qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd "$thin" "$scratch/delta/0.qcow2"
  for i in 1 2 3 4 5 6 7 8; do
    change_one_percent "$scratch/delta/now.img" "$i"
    (
      cd "$scratch/delta"
      local below=(--base full.mirn) j
      for ((j = 1; j < i; j++)); do below+=(--base "d$j.mirn"); done
      hx-cbt-diff -q "${below[@]}" now.img | hx-snap-pack -q -o d$i.mirn
      qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd -B $((i - 1)).qcow2 -F qcow2 now.img $i.qcow2
      if [ $i -eq 1 ]; then
        cp --sparse=always now.img first.img
        hx-snap-pack -q first.img -o first.mirn
      fi
    )
    layers+=("../delta/d$i.mirn")
    above=../delta/$i.qcow2
  done
  hx-snap-pack -q "$scratch/delta/now.img" -o "$scratch/delta/now.mirn"

  contestant 'hx-cbt-diff --map SNAPSHOT SNAPSHOT' 'hx-cbt-diff -q --map json ../delta/full.mirn ../delta/first.mirn'
  # It stops at the first difference: what is compared is a disk with itself, all of it.
  contestant 'qemu-img compare DISK DISK' "qemu-img compare -f raw -F raw ../delta/first.img ../delta/first.img"
  contestant 'hx-cbt-diff --map DISK DISK' "hx-cbt-diff -q --map json $thin ../delta/first.img"
  measure
  report 'what changed, 1 %' '' '' '>= 20' ''
  contestant 'hx-restore full and 8 deltas' "hx-restore -q ${layers[*]} -o disk.img"
  contestant 'hx-restore an equal full snapshot' 'hx-restore -q ../delta/now.mirn -o disk.img'
  contestant 'qemu-img convert from an equal qcow2 chain' "qemu-img convert -f qcow2 -O raw $above disk.img"
  measure
  report 'a chain of 8 deltas, restored' '' '' '<= 1.3' '>= 2'
  contestant 'hx-snap-merge full and 8 deltas' "hx-snap-merge -q ${layers[*]} -o out.mirn"
  contestant 'restore, then hx-snap-pack' "hx-restore -q ${layers[*]} -o disk.img && hx-snap-pack -q disk.img -o out.mirn"
  measure
  report 'a chain of 8 deltas, merged' '' '' '>= 2'
  rm -rf "$scratch/delta"
}
