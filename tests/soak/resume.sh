# shellcheck shell=bash
# Pipelines that are killed at random moments, and go on each time until they are done: exact, little is sent twice
source "$HX_ROOT/tests/support/disks.bash"
RANDOM=$((HX_SEED % 32768))
KILLS=${HX_KILLS:-50}
mkfifo first second

# run VICTIM BYTES: a run that is killed when so many bytes have passed.
run() {
  local token source sink victims=''
  token=$(hx-ckpt token vm.mirn.part 2>/dev/null) || token=''
  hx-fetch --resume "$token" --limit-rate 24M disk.img >first 2>/dev/null &
  source=$!
  hx-snap-pack --resume --checkpoint-interval 0.02s -o vm.mirn <second 2>/dev/null &
  sink=$!
  case $1 in source) victims=$source ;; sink) victims=$sink ;; both) victims="$source $sink" ;; esac
  # shellcheck disable=SC2086  # one or two
  { head -c "$2"; kill -KILL $victims 2>/dev/null || true; cat; } <first | tee -a sent >second || true
  # What the shell says of the killed ones is known.
  { wait $source || true; wait $sink || true; } 2>/dev/null
}

rounds=0 kills=0 end=$((SECONDS + HX_MINUTES * 60))
while [ $rounds -eq 0 ] || [ $SECONDS -lt $end ]; do
  rounds=$((rounds + 1)) done=0
  rm -f vm.mirn
  : >sent
  make_sparse disk.img 1100M $((HX_SEED + rounds))
  put_bytes disk.img 3000000 900000000 $((HX_SEED + rounds + 7))
  while [ $done -lt "$KILLS" ] && [ ! -e vm.mirn ]; do
    victims=(source sink both)
    run "${victims[RANDOM % 3]}" $((1 + RANDOM * 900))
    done=$((done + 1))
  done
  until [ -e vm.mirn ]; do run none 1; done
  kills=$((kills + done))
  hx-restore -q --verify full vm.mirn -o restored.img
  cmp disk.img restored.img
  rm restored.img
  [ "$(size_of sent)" -le $((900000000 * 11 / 10)) ] || { echo "$(size_of sent) bytes were sent, after $done kills"; exit 1; }
  [ ! -e vm.mirn.part ] && [ ! -e .vm.mirn.checkpoint ]
done
echo "$rounds disks, $kills kills"
