# shellcheck shell=bash
# NBD: disks out of a server and into one, against the two clients that everybody has. Goals as for files.

# A server for the row, from memory or a file in the page cache: nbd_begin NAME NBDKIT-ARGUMENTS…; its URI is in $uri.
nbd_begin() {
  local name=$1
  shift
  uri="nbd+unix:///?socket=$scratch/$name.sock"
  nbdkit -U "$scratch/$name.sock" -P "$scratch/$name.pid" "$@"
}
nbd_end() {
  local name
  for name; do
    kill "$(cat "$scratch/$name.pid")"
    rm -f "$scratch/$name.pid" "$scratch/$name.sock"
  done
}
row_nbd() {
  local image file from
  nbd_begin target memory $((thin_size > full_size ? thin_size : full_size))
  local to=$uri
  for image in thin full; do
    file=$(path_of $image)
    packed $image
    nbd_begin source -r file "$file"
    from=$uri
    # The receivers keep nothing: what is measured is the reader.
    contestant 'hx-fetch NBD | hx-restore --verify-only' "hx-fetch -q '$from' | hx-restore -q --verify-only"
    contestant 'nbdcopy NBD null:' "nbdcopy '$from' null:"
    contestant 'nbdcopy NBD - | cat' "nbdcopy '$from' - | cat >/dev/null"
    measure
    report "from NBD, $image" '' '' '' '>= 1'
    contestant 'hx-fetch NBD | hx-snap-pack -3' "hx-fetch -q '$from' | hx-snap-pack -q -3 -o out.mirn"
    contestant 'hx-fetch FILE | hx-snap-pack -3' "hx-fetch -q $file | hx-snap-pack -q -3 -o out.mirn"
    contestant 'nbdcopy, then hx-snap-pack -3' "nbdcopy '$from' disk.img && hx-snap-pack -q -3 disk.img -o out.mirn"
    contestant 'qemu-img convert -c (zstd) from NBD' \
      "qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd '$from' out.qcow2"
    measure
    report "NBD to a snapshot, $image" "$(pack_bound $image 3)" '' '<= 1.25' '>= 1' '>= 1'
    contestant 'hx-restore SNAPSHOT to NBD' "hx-restore -q ../$image.mirn -o '$to'"
    contestant 'hx-restore SNAPSHOT to a file' "hx-restore -q ../$image.mirn -o disk.img"
    contestant 'hx-restore to a file, then nbdcopy' "hx-restore -q ../$image.mirn -o disk.img && nbdcopy disk.img '$to'"
    contestant 'qemu-img convert from zstd qcow2 to NBD' "qemu-img convert -n -f qcow2 -O raw ../$image.qcow2 '$to'"
    measure
    report "a snapshot to NBD, $image" '' '' '' '>= 1.3' '>= 1'
    nbd_end source
  done
  nbd_end target
}
