# shellcheck shell=bash
# NBD servers of a test, on unix sockets of its own; a test that loads this has teardown() { nbd_stop; teardown_mounts; }

# nbd_serve NAME NBDKIT-ARGUMENTS…: returns when it listens; its URI is in $uri, its process in $nbd_pid.
nbd_serve() {
  require nbdkit
  local name=$1
  shift
  nbd_place "$name"
  # It listens when it returns, but only its child writes the process id: who reads a FIFO waits for that.
  mkfifo "$nbd_dir/fifo"
  TMPDIR=$nbd_dir nbdkit -U "$nbd_dir/$name.sock" -P "$nbd_dir/fifo" "$@" 3>&-
  nbd_pid=$(cat "$nbd_dir/fifo")
  rm "$nbd_dir/fifo"
  echo "$nbd_pid" >"$nbd_dir/$name.pid"
}
# nbd_serve_tcp NBDKIT-ARGUMENTS…: on a port of localhost that is free; the port is in $port.
nbd_serve_tcp() {
  require nbdkit python3
  nbd_place tcp
  mkfifo "$nbd_dir/fifo"
  python3 -c 'import os, socket, sys
s = socket.create_server(("localhost", 0))
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
with open(sys.argv[1], "w") as fifo: fifo.write(str(s.getsockname()[1]))
os.execvp("nbdkit", ["nbdkit"] + sys.argv[2:])' "$nbd_dir/fifo" "$@" 3>&- >&2 &
  echo $! >"$nbd_dir/tcp.pid"
  port=$(cat "$nbd_dir/fifo")
  export port
}
# nbd_serve_qemu NAME QEMU-NBD-ARGUMENTS…: the same with qemu-nbd.
nbd_serve_qemu() {
  require qemu-nbd
  local name=$1
  shift
  nbd_place "$name"
  qemu-nbd --fork --persistent --shared=0 --socket="$nbd_dir/$name.sock" --pid-file="$nbd_dir/$name.pid" "$@" 3>&-
  nbd_pid=$(cat "$nbd_dir/$name.pid")
}
# nbd_serve_daemon NAME FILE: a raw file by qemu-storage-daemon, writable.
nbd_serve_daemon() {
  require qemu-storage-daemon
  nbd_place "$1"
  qemu-storage-daemon --daemonize --pidfile "$nbd_dir/$1.pid" \
    --blockdev "driver=file,node-name=file,filename=$2,discard=unmap" --blockdev driver=raw,node-name=disk,file=file \
    --nbd-server "addr.type=unix,addr.path=$nbd_dir/$1.sock,max-connections=0" \
    --export type=nbd,id=export,node-name=disk,name=,writable=on 3>&-
  nbd_pid=$(cat "$nbd_dir/$1.pid")
}
nbd_place() {
  nbd_dir=$BATS_TEST_TMPDIR/nbd
  mkdir -p "$nbd_dir"
  uri="nbd+unix:///?socket=$nbd_dir/$1.sock"
  export uri nbd_pid
}
# Ends them, and waits until they have gone: they are no children of the test.
nbd_stop() {
  local file pid
  for file in "$BATS_TEST_TMPDIR"/nbd/*.pid; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    kill -9 "$pid" 2>/dev/null || continue
    tail --pid="$pid" -f /dev/null
  done
}
