# shellcheck shell=bash
# Random combinations of images, chunk sizes, levels, ways in and ways out, for HX_MINUTES: each restored to the same bytes
source "$HX_ROOT/tests/support/disks.bash"
RANDOM=$((HX_SEED % 32768))
pick() { local n=$((RANDOM % $# + 1)); echo "${!n}"; }
image() {
  local seed=$RANDOM
  case $1 in
    empty) : >disk.img ;;
    one-byte) printf x >disk.img ;;
    odd) random_bytes $((RANDOM * 997 + 1)) $seed >disk.img ;;
    zero) make_zero disk.img $((RANDOM * 4096 + RANDOM)) ;;
    written-zero) head -c $((RANDOM * 512 + 3)) /dev/zero >disk.img ;;
    text) text_bytes $((RANDOM * 1021 + 1)) $seed >disk.img ;;
    islands)
      make_zero disk.img $((RANDOM * 8192 + 4097))
      local size
      size=$(size_of disk.img)
      for _ in 1 2 3 4 5; do put_bytes disk.img $(((RANDOM * 32768 + RANDOM) % size)) $((RANDOM * 3 + 1)) $RANDOM; done ;;
  esac
}
tried=0 end=$((SECONDS + HX_MINUTES * 60))
while [ $SECONDS -lt $end ]; do
  kind=$(pick empty one-byte odd zero written-zero text islands islands)
  image "$kind"
  pack="hx-snap-pack -q --chunk-size $(pick 64K 128K 256K 1M 4M) -$(pick 1 3 6 12) -j $(pick 1 2 5)"
  in=$(pick file stream raw-known raw-unknown)
  out=$(pick file redirect pipe unsealed-pipe unsealed-seal no-checksum)
  # The header goes first, and must know the size.
  [ "$in-$out" != raw-unknown-unsealed-pipe ] && [ "$in-$out" != raw-unknown-unsealed-seal ] || in=raw-known
  # Nothing at all from a pipe is taken for a failure of the command before.
  [ "$kind-$in" != empty-raw-unknown ] || in=raw-known
  echo "$kind $(size_of disk.img) bytes, $in, $out: $pack" >now
  case $in in
    file) pack="$pack disk.img" ;;
    stream) pack="hx-fetch -q disk.img | $pack" ;;
    raw-known) pack="cat disk.img | $pack --input raw --size $(size_of disk.img)" ;;
    raw-unknown) pack="cat disk.img | $pack --input raw --size unknown" ;;
  esac
  case $out in
    file) pack="$pack -o vm.mirn" ;;
    redirect) pack="$pack >vm.mirn" ;;
    pipe) pack="$pack | cat >vm.mirn" ;;
    unsealed-pipe) pack="$pack --unsealed | cat >vm.mirn" ;;
    unsealed-seal) pack="$pack --unsealed | cat >vm.mirn; hx-snap-seal -q vm.mirn" ;;
    no-checksum) pack="$pack --no-checksum -o vm.mirn" ;;
  esac
  bash -euo pipefail -c "$pack" || { cat now; echo "$pack"; exit 1; }
  { hx-restore -q vm.mirn -o one.img && cmp disk.img one.img &&
    hx-restore -q - -o two.img <vm.mirn && cmp disk.img two.img &&
    hx-restore -q vm.mirn -o - | cmp - disk.img &&
    hx-restore -q --verify-only vm.mirn &&
    # zstd refuses an input without any frame; an empty image has index frames.
    body_of vm.mirn | zstd -dcq | cmp - disk.img; } || { cat now; echo "$pack"; exit 1; }
  if [[ $out != *no-checksum* && $out != unsealed-pipe ]]; then
    [ "$(header_of vm.mirn | jq -r .checksum)" = "$(sha256_of disk.img)" ] || { cat now; exit 1; }
  fi
  rm -f ./*.img vm.mirn
  tried=$((tried + 1))
done
echo "$tried combinations"
