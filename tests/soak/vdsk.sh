# shellcheck shell=bash
# Random checkpoints in qcow2 disks, ours and QEMU's and writes between them, 200 sequences of 60 steps on every form of
# file; then kills at every system call of random commands. HX_MINUTES ends it early, and it says how far it came
source "$HX_ROOT/tests/support/disks.bash"
source "$HX_ROOT/tests/support/qcow2.bash"
source "$HX_ROOT/tests/support/vdsk.bash"
command -v qemu-img >/dev/null || { echo 'qemu-img is not installed'; exit 77; }
# 200 sequences take hours: the time is the limit, the seed says where to go on.
end=$((SECONDS + HX_MINUTES * 60))
RANDOM=$((HX_SEED % 32768))
done_=0
growth=0
for ((run = 1; run <= 200 && SECONDS < end; run++)); do
  cluster=$(pick 512 1k 4k 16k 64k 256k 2M)
  options=cluster_size=$cluster
  case $(pick v3 v3 v2 narrow wide sub lazy) in
    v2) options+=,compat=0.10 ;;
    narrow) options+=,refcount_bits=$(pick 8 4) ;;
    wide) options+=,refcount_bits=$(pick 32 64) ;;
    sub) case $cluster in 512 | 1k | 4k) ;; *) options+=,extended_l2=on ;; esac ;;
    lazy) options+=,lazy_refcounts=on ;;
  esac
  size=$(pick 1M 3M 9M)
  case $(pick empty empty backed zlib zstd) in
    backed)
      make_sparse base.raw "$size" $RANDOM
      vdsk_begin "$size" -F raw -b base.raw -o "$options"
      cp base.raw model/active ;;
    zlib) kind=zlib ;;&
    zstd) kind=zstd ;;&
    zlib | zstd)
      vdsk_begin "$size"
      make_sparse model/active "$size" $RANDOM
      [[ $options != *compat* ]] || kind=zlib
      qemu-img convert -c -f raw -O qcow2 -o "$options,compression_type=$kind" model/active disk.qcow2 ;;
    empty) vdsk_begin "$size" -o "$options" ;;
  esac
  echo "sequence $run: $options, $size" >now
  vdsk_sequence 60 >log 2>&1 || { cat now log; exit 1; }
  done_=$run
done
while [ $SECONDS -lt $end ]; do
  vdsk_begin 1M -o cluster_size="$(pick 512 4k 64k)"
  vdsk_write 5
  hx-vdsk create --name one disk.qcow2
  cp model/active model/one
  vdsk_write 5
  rm -rf after && cp -r model after
  case $(pick create restore delete) in
    create) command=(create --name two) && cp after/active after/two ;;
    delete) command=(delete --name one) && rm after/one ;;
    restore) command=(restore --discard --name one) && cp after/one after/active ;;
  esac
  kill_sweep after hx-vdsk "${command[@]}" disk.qcow2 >log 2>&1 || { echo "${command[*]}"; cat log; exit 1; }
  growth=$((growth + 1))
done
# 500 rounds do not make the file grow; what QEMU makes of the same is printed.
for who in hx qemu; do
  vdsk_begin 4M -o cluster_size=4k
  q_write disk.qcow2 'write -P 1 0 4M'
  for ((round = 1; round <= 500; round++)); do
    at=$((round * 37 % 1000 * 4096))
    if [ $who = hx ]; then hx-vdsk create --name c disk.qcow2; else qemu-img snapshot -c c disk.qcow2; fi
    q_write disk.qcow2 "write -P 2 $at 16k"
    if [ $who = hx ]; then hx-vdsk delete --name c disk.qcow2; else qemu-img snapshot -d c disk.qcow2; fi
  done
  sound disk.qcow2
  echo "500 rounds with $who: $(($(stat -c %s disk.qcow2) / 1024)) KiB, $(($(allocated disk.qcow2) / 1024)) KiB on disk"
  [ $who = hx ] || continue
  # On disk: what is in it, what a round writes, its tables twice. In length: the holes that runs of clusters did not fit.
  if [ "$(allocated disk.qcow2)" -gt $((4194304 + 16384 + 2 * 20 * 4096)) ] || [ "$(stat -c %s disk.qcow2)" -gt 5242880 ]; then
    echo 'it grows'
    exit 1
  fi
done
echo "$done_ sequences of 60 steps, $growth commands killed at every call"
