# shellcheck shell=bash
# A sealed 32 GiB sparse disk: restored the same by us, and by tail and zstd
source "$HX_ROOT/tests/support/disks.bash"
make_sparse disk.img 32G "$HX_SEED"   # an island of 2 GiB, three small ones
digest=$(sha256_of disk.img)
hx-fetch disk.img | hx-snap-pack -o vm.mirn
[ "$(header_of vm.mirn | jq -r .checksum)" = "$digest" ]
echo "packed: $(size_of vm.mirn) bytes"
[ "$(body_of vm.mirn | zstd -dc | sha256sum | cut -d ' ' -f 1)" = "$digest" ]
echo 'tail | zstd -d: the same'
hx-restore --verify=full vm.mirn -o restored.img
[ "$(sha256_of restored.img)" = "$digest" ]
[ "$(allocated restored.img)" -le "$(($(allocated disk.img) + 16777216))" ]
rm restored.img
hx-restore - -o restored.img <vm.mirn
cmp disk.img restored.img
