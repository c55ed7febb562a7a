# shellcheck shell=bash
# Random disks as images of every format, in chains and in parts, for HX_MINUTES: fetched, packed, restored into each
# format that is written, and always the same bytes, by cmp and by qemu-img compare
source "$HX_ROOT/tests/support/disks.bash"
shopt -s extglob
command -v qemu-img >/dev/null || { echo 'qemu-img is not installed'; exit 77; }
RANDOM=$((HX_SEED % 32768))
pick() { local n=$((RANDOM % $# + 1)); echo "${!n}"; }
disk() {
  local size=$((512 * (RANDOM % 60000 + 2048))) seed=$RANDOM
  case $1 in
    zero) make_zero disk.img $size ;;
    dense) random_bytes $size $seed >disk.img ;;
    text) text_bytes $size $seed >disk.img ;;
    islands) make_sparse disk.img $size $seed ;;
    far)   # more than one part of a split VMDK, and offsets above 32 bits
      make_zero disk.img 9G
      put_bytes disk.img $((RANDOM * 262144)) $((RANDOM + 1)) $seed
      put_bytes disk.img $((9 * 1024 * 1024 * 1024 - 3000)) 3000 $seed ;;
  esac
}
raw_as() {   # FORMAT NAME [OPTIONS…]
  local format=$1 name=$2
  shift 2
  qemu-img convert -f raw -O "$format" "$@" disk.img "$name"
}
made() {
  case $1 in
    qcow2) raw_as qcow2 x.qcow2 -o "cluster_size=$(pick 4k 64k 2M)" ;;
    qcow2-v2) raw_as qcow2 x.qcow2 -o compat=0.10 ;;
    qcow2-l2) raw_as qcow2 x.qcow2 -o extended_l2=on,cluster_size=128k ;;
    qcow2-zstd) raw_as qcow2 x.qcow2 -c -o compression_type=zstd ;;
    qcow2-zlib) raw_as qcow2 x.qcow2 -c ;;
    qcow2-data) raw_as qcow2 x.qcow2 -o data_file=x.data ;;
    qcow2-chain)
      raw_as qcow2 base.qcow2
      qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 middle.qcow2
      qemu-io -f qcow2 -c "write -q -P 7 $((RANDOM % 8 * 65536)) 64k" -c 'write -q -z 512k 64k' middle.qcow2
      qemu-img create -q -f qcow2 -F qcow2 -b middle.qcow2 x.qcow2
      qemu-io -f qcow2 -c "write -q -P 9 $((RANDOM % 8 * 65536)) 4k" x.qcow2
      qemu-img convert -f qcow2 -O raw x.qcow2 disk.img ;;
    vmdk-chain)
      raw_as vmdk base.vmdk
      qemu-img create -q -f vmdk -F vmdk -b base.vmdk x.vmdk
      qemu-io -f vmdk -c "write -q -P 9 $((RANDOM % 8 * 65536)) 4k" x.vmdk
      qemu-img convert -f vmdk -O raw x.vmdk disk.img ;;
    vmdk-*) raw_as vmdk x.vmdk -o "subformat=${1#vmdk-}" ;;
    vhdx) raw_as vhdx x.vhdx ;;
    vhdx-fixed) raw_as vhdx x.vhdx -o subformat=fixed ;;
    vhd) raw_as vpc x.vhd -o force_size ;;
    vhd-fixed) raw_as vpc x.vhd -o subformat=fixed,force_size ;;
  esac
}
qemu_name() { case $1 in *.vhd) echo vpc ;; *) echo "${1##*.}" ;; esac; }
end=$((SECONDS + HX_MINUTES * 60))
while [ $SECONDS -lt $end ]; do
  kind=$(pick zero dense text islands islands far)
  format=$(pick qcow2 qcow2-v2 qcow2-l2 qcow2-zstd qcow2-zlib qcow2-data qcow2-chain vmdk-chain vmdk-monolithicSparse \
    vmdk-monolithicFlat vmdk-twoGbMaxExtentSparse vmdk-twoGbMaxExtentFlat vmdk-streamOptimized vhdx vhdx-fixed vhd vhd-fixed)
  # 9 GiB that are written in full take too long.
  [[ $kind-$format != far-*@(fixed|Flat|data) ]] || continue
  disk "$kind"
  made "$format"
  image=$(echo x.@(qcow2|vmdk|vhdx|vhd))
  out=new.$(pick qcow2 vmdk vhdx)
  echo "$kind of $(size_of disk.img) bytes as $format, restored as $out" >now
  { hx-fetch -q "$image" | hx-snap-pack -q -o one.mirn && hx-snap-pack -q "$image" -o two.mirn &&
    hx-restore -q one.mirn -o one.img && cmp one.img disk.img && hx-restore -q two.mirn -o - | cmp - disk.img &&
    hx-restore -q two.mirn -o "$out" && hx-fetch -q --raw "$out" | cmp - disk.img &&
    qemu-img compare -q -f "$(qemu_name "$image")" -F "${out##*.}" "$image" "$out" &&
    qemu-img compare -q -s -f raw -F raw one.img disk.img; } || { cat now; exit 1; }
  rm -f ./*.img ./*.mirn x.* x-* base.* middle.* new.*
done
