# shellcheck shell=bash
# Snapshots with 1 to 10,000 damaged bytes: what is good is restored, the rest named, and all of it healed
source "$HX_ROOT/tests/support/disks.bash"
make_sparse disk.img 256M "$HX_SEED"
put_bytes disk.img 50000000 60000000 $((HX_SEED + 9))
text_bytes 30000000 "$HX_SEED" | dd of=disk.img bs=1M seek=120 conv=notrunc status=none
hx-snap-pack -q --chunk-size 64K disk.img -o good.mirn
end=$((SECONDS + HX_MINUTES * 60)) round=0
while [ $SECONDS -lt $end ]; do
  round=$((round + 1))
  for count in 1 10 100 1000 10000; do
    cp good.mirn vm.mirn
    perl -e 'my ($name, $count, $seed) = @ARGV; srand($seed); my $size = -s $name; my %done;
      open(my $f, "+<:raw", $name) or die; while (keys %done < $count) {
        my $at = int(rand($size)); next if $done{$at}++;
        seek($f, $at, 0); read($f, my $byte, 1); seek($f, $at, 0); print $f chr(ord($byte) ^ (1 + int(rand(255)))); }' \
      vm.mirn "$count" $((HX_SEED + 100000 * round + count))
    status=0
    hx-restore -q -f --salvage --json vm.mirn -o got.img >receipt 2>err || status=$?
    [ "$status" -le 1 ]
    # What is named is zero in the result; written over with the disk's bytes it is the disk.
    jq -r '.lost[] | "\(.offset) \(.length)"' receipt | while read -r offset length; do
      dd if=disk.img of=got.img bs=64K iflag=skip_bytes,count_bytes oflag=seek_bytes skip="$offset" seek="$offset" count="$length" \
        conv=notrunc status=none
    done
    cmp got.img disk.img
    hx-restore -q -f --heal-from disk.img vm.mirn -o healed.img
    cmp healed.img disk.img
    if hx-restore -q -f --as-snapshot --heal-from disk.img vm.mirn -o healed.mirn; then
      cmp healed.mirn good.mirn
    else
      echo "round $round, $count bytes: the snapshot was beyond healing" # header or directory hit more than once
    fi
  done
done
echo "$round rounds"
