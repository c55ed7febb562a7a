# shellcheck shell=bash
# Images that QEMU reads: a qcow2 straight into a snapshot, and the way without us, which needs room for the raw disk.
row_images() {
  local kind
  qemu-img convert -f raw -O qcow2 "$thin" "$scratch/plain.qcow2"
  qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd "$thin" "$scratch/zstd.qcow2"
  for kind in plain zstd; do
    contestant "hx-fetch $kind qcow2 | hx-snap-pack -1" "hx-fetch -q ../$kind.qcow2 | hx-snap-pack -q -1 -o out.mirn"
    contestant 'qemu-img convert to raw, hx-snap-pack -1' \
      "qemu-img convert -f qcow2 -O raw ../$kind.qcow2 disk.img && hx-snap-pack -q -1 disk.img -o out.mirn"
    contestant 'qemu-img convert to raw, zstd -T0 -1' \
      "qemu-img convert -f qcow2 -O raw ../$kind.qcow2 disk.img && zstd -q -T0 -1 -c disk.img >out.zst"
    measure
    report "qcow2 ($kind) to a snapshot" '' '' '>= 1' ''
  done
  rm -f "$scratch/plain.qcow2" "$scratch/zstd.qcow2"
}
