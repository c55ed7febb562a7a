# shellcheck shell=bash
# A qcow2 disk and its checkpoints beside raw files that say what they must hold: disk.qcow2, model/active and
# model/NAME. Needs qcow2.bash; RANDOM is the caller's to seed.

pick() { local n=$((RANDOM % $# + 1)); echo "${!n}"; }
# vdsk_begin SIZE qemu-img-options…
vdsk_begin() {
  local size=$1
  shift
  rm -rf model disk.qcow2 && mkdir model
  truncate -s "$size" model/active
  q_create disk.qcow2 "$size" "$@"
}
# vdsk_write COUNT: writes and zeros, by QEMU, anywhere.
vdsk_write() {
  local i size at length one commands=()
  size=$(($(stat -c %s model/active) / 512))
  for ((i = 0; i < $1; i++)); do
    length=$((RANDOM % 200 + 1)) at=$((RANDOM * 32768 + RANDOM))
    at=$((at % (size - length)))
    one="-P $((RANDOM % 255 + 1))"
    [ $((RANDOM % 4)) -gt 0 ] || one=-z
    commands+=("write $one $((at * 512)) $((length * 512))")
  done
  q_write disk.qcow2 "${commands[@]}" || return
  for one in "${commands[@]}"; do qemu-io -f raw -c "$one" model/active >/dev/null || return; done
}
vdsk_checkpoints() { find model -type f ! -name active -printf '%f\n' | LC_ALL=C sort; }
# vdsk_holds: the file is sound for QEMU, and the disk and each checkpoint are what the model says, as we read them and
# as QEMU does, which gives a checkpoint the disk's size.
vdsk_holds() {
  local file name
  sound disk.qcow2 || return
  raw_of disk.qcow2 read.raw && cmp read.raw model/active || return
  hx-fetch -q --raw disk.qcow2 | cmp - model/active || return
  for file in model/*; do
    name=${file#model/}
    [ "$name" != active ] || continue
    hx-fetch -q --raw "disk.qcow2#snapshot=$name" | cmp - "$file" || return
    raw_of disk.qcow2 read.raw "$name" || return
    truncate -s "<$(stat -c %s "$file")" read.raw
    cmp -n "$(stat -c %s read.raw)" read.raw "$file" || return
  done
  [ "$(hx-vdsk list --json disk.qcow2 | jq -r .name | LC_ALL=C sort)" = "$(vdsk_checkpoints)" ]
}
# vdsk_step N: one operation at random, ours or QEMU's, on the disk and on the model; its name is in $step.
vdsk_step() {
  local name checkpoints
  checkpoints=$(vdsk_checkpoints)
  # shellcheck disable=SC2086  # words
  name=$(pick ${checkpoints:-none})
  step=$(pick create create qemu-create delete qemu-delete restore restore-as qemu-restore resize)
  if [ "$name" = none ] || [ "$(wc -w <<<"$checkpoints")" -lt 2 ]; then step=$(pick create qemu-create); fi
  # A disk of version 2 with snapshots QEMU does not resize.
  if [ "$step" = resize ] && qemu-img info disk.qcow2 | grep -q 'compat: 0.10'; then step=create; fi
  case $step in
    create) hx-vdsk create --name "c$1" disk.qcow2 && cp model/active "model/c$1" ;;
    qemu-create) qemu-img snapshot -c "q$1" disk.qcow2 && cp model/active "model/q$1" ;;
    delete) hx-vdsk delete --name "$name" disk.qcow2 && rm "model/$name" ;;
    qemu-delete) qemu-img snapshot -d "$name" disk.qcow2 && rm "model/$name" ;;
    restore) hx-vdsk restore --discard --name "$name" disk.qcow2 && cp "model/$name" model/active ;;
    restore-as)
      hx-vdsk restore --save-as "s$1" --name "$name" disk.qcow2 && mv model/active "model/s$1" &&
        cp "model/$name" model/active ;;
    qemu-restore) qemu-img snapshot -a "$name" disk.qcow2 && cp "model/$name" model/active ;;
    resize)
      local by=$((RANDOM % 64 * 4096))
      qemu-img resize -q -f qcow2 disk.qcow2 "+$by" && truncate -s "+$by" model/active ;;
  esac
}
# vdsk_sequence STEPS: after each step all holds.
vdsk_sequence() {
  local n step
  for ((n = 1; n <= $1; n++)); do
    vdsk_write 3 || { echo "step $n: the write failed"; return 1; }
    vdsk_step "$n" || { echo "step $n, $step, failed"; return 1; }
    vdsk_holds || { echo "after step $n, $step"; return 1; }
  done
}

# killed SYSCALL N COMMAND…: SIGKILL before the N-th such system call. 0: it came to its end before.
killed() {
  local call=$1 number=$2
  shift 2
  strace -f -qqq -o /dev/null -e "inject=$call:signal=KILL:when=$number" "$@" >/dev/null 2>&1
}
# kill_sweep AFTER COMMAND…: the command, which makes the files in AFTER of those in model, killed before each system
# call that changes the file. Each time: sound, as before or as after; and then a guest writes, and every checkpoint is
# what it was. What is wrong is printed; status 1.
kill_sweep() {
  local after=$1 call number wrong=0 states=''
  shift
  cp disk.qcow2 whole.qcow2
  rm -rf before && cp -r model before
  for call in pwrite64 fdatasync ftruncate fallocate; do
    for ((number = 1; ; number++)); do
      cp --sparse=always whole.qcow2 disk.qcow2
      local ended=1
      killed "$call" $number "$@" || ended=0
      local state=none try
      for try in before "$after"; do
        rm -rf model && cp -r "$try" model
        if vdsk_holds >holds.log 2>&1; then state=$try && break; fi
      done
      states+="$call $number: $state"$'\n'
      if [ "$state" != none ]; then
        vdsk_write 4
        vdsk_holds >holds.log 2>&1 || state='lost after a write'
      fi
      if [ "$state" != before ] && [ "$state" != "$after" ]; then
        echo "killed before $call $number: $state: $(head -c 300 holds.log)"
        wrong=1
      fi
      [ $ended -eq 0 ] || break
    done
  done
  rm -rf model && cp -r before model
  mv whole.qcow2 disk.qcow2
  # Some before the flip, some after it: else nothing was killed where it counts.
  [[ $states == *before* && $states == *after* ]] || { echo "no sweep: $states"; return 1; }
  return $wrong
}
