# shellcheck shell=bash
# qcow2: read natively, against QEMU and against our way through qemu-nbd; and checkpoints of a large disk of which every
# cluster is mapped, against QEMU's, which is not safe from a kill.
row_vdsk() {
  local kind size=200G
  [ "$quick" -eq 0 ] || size=8G
  qemu-img convert -f raw -O qcow2 "$full" "$scratch/plain.qcow2"
  qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd "$full" "$scratch/zstd.qcow2"
  qemu-img convert -c -f raw -O qcow2 "$full" "$scratch/zlib.qcow2"
  for kind in plain zstd zlib; do
    contestant "hx-fetch --raw $kind qcow2 | cat" "hx-fetch -q --raw ../$kind.qcow2 | cat >/dev/null"
    contestant 'qemu-img convert to a raw file' "qemu-img convert -f qcow2 -O raw ../$kind.qcow2 disk.img"
    contestant 'hx-fetch --raw through qemu-nbd | cat' \
      "qemu-nbd -r -e 4 -f qcow2 -k \"\$PWD/nbd\" --fork ../$kind.qcow2 && hx-fetch -q --raw \"nbd+unix:///?socket=\$PWD/nbd\" | cat >/dev/null"
    measure
    report "reading qcow2 ($kind)" '' '' '>= 1' '>= 1'
  done
  rm -f "$scratch"/{plain,zstd,zlib}.qcow2
  qemu-img create -q -f qcow2 -o preallocation=metadata "$scratch/big.qcow2" "$size"
  cp --sparse=always "$scratch/big.qcow2" "$scratch/big2.qcow2"
  contestant "hx-vdsk create, restore, delete, $size mapped" \
    'hx-vdsk create --name a ../big.qcow2 && hx-vdsk restore --discard --name a ../big.qcow2 && hx-vdsk delete --name a ../big.qcow2'
  contestant "qemu-img snapshot -c, -a, -d" \
    'qemu-img snapshot -c a ../big2.qcow2 && qemu-img snapshot -a a ../big2.qcow2 && qemu-img snapshot -d a ../big2.qcow2'
  measure
  report 'checkpoints' '' '' '>= 0.5'
  rm -f "$scratch"/big*.qcow2
}
