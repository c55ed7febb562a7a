#!/usr/bin/env bats
# NBD with TLS: certificates, pre-shared keys, and what is no secret any more.
load helpers
load ../support/nbd
teardown() { nbd_stop; teardown_mounts; }

# An authority with a server's certificate, in DIR as nbdkit and libnbd look for it.
make_authority() {
  mkdir -p "$1"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=authority' -keyout "$1/ca-key.pem" -out "$1/ca-cert.pem"
  openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout "$1/server-key.pem" -out "$1/request.pem"
  openssl x509 -req -days 2 -in "$1/request.pem" -CA "$1/ca-cert.pem" -CAkey "$1/ca-key.pem" -CAcreateserial \
    -extfile <(echo subjectAltName=DNS:localhost) -out "$1/server-cert.pem"
} 2>/dev/null

@test "a server's certificate is checked: its authority reads the disk, another one does not" {
  make_authority ours
  make_authority theirs
  make_dense disk.img 4M
  nbd_serve_tcp -r --tls=require --tls-certificates="$PWD/ours" file disk.img
  hx-fetch --raw "nbds://localhost:$port/?tls-certificates=$PWD/ours" >copy.img
  assert_same disk.img copy.img
  expect_status 6 hx-fetch --raw "nbds://localhost:$port/?tls-certificates=$PWD/theirs"
  # The certificate is localhost's.
  expect_status 6 hx-fetch --raw "nbds://127.0.0.1:$port/?tls-certificates=$PWD/ours"
  expect_status 6 hx-fetch --raw "nbds://localhost:$port/?tls-certificates=$PWD/nothing"
  expect_status 6 hx-fetch --raw "nbds://localhost:$port"
  expect_status 6 hx-fetch --raw "nbd://localhost:$port"
  expect_err 'wants TLS' 'nbds'
}

@test "without tls-certificates the user's authorities count, then the system's" {
  make_authority ours
  make_dense disk.img 1M
  nbd_serve_tcp -r --tls=require --tls-certificates="$PWD/ours" file disk.img
  mkdir -p home/.pki/libnbd empty
  cp ours/ca-cert.pem home/.pki/libnbd
  HOME=$PWD/home hx-fetch --raw "nbds://localhost:$port" | cmp - disk.img
  HOME=$PWD/empty expect_status 6 hx-fetch --raw "nbds://localhost:$port"
  local bundle=/etc/ssl/certs/ca-certificates.crt
  require unshare
  require_root
  [ -e $bundle ] || skip "this system has no $bundle"
  unshare -m mount --bind ours/ca-cert.pem $bundle || skip 'cannot mount here'
  # shellcheck disable=SC2016  # sh expands them
  HOME=$PWD/empty unshare -m sh -c 'mount --bind ours/ca-cert.pem "$1" && exec hx-fetch --raw "$2"' sh \
    $bundle "nbds://localhost:$port" | cmp - disk.img
}

@test "a server without TLS is not read over a location that wants it" {
  nbd_serve_tcp -r memory 1M
  expect_status 6 hx-fetch --raw "nbds://localhost:$port"
}

@test "a certificate that nobody would verify is refused: over a unix socket" {
  make_authority ours
  nbd_serve d -r --tls=require --tls-certificates="$PWD/ours" memory 1M
  expect_status 8 hx-fetch --raw "nbds${uri#nbd}&tls-certificates=$PWD/ours"
  expect_err 'tls-psk-file'
}

@test "a pre-shared key reads and writes the disk, another one does not" {
  make_dense disk.img 4M
  hx-snap-pack disk.img -o vm.mirn
  truncate -s 4M target.img
  echo "alice:$(openssl rand -hex 32)" >keys
  echo "alice:$(openssl rand -hex 32)" >wrong
  nbd_serve d --tls=require --tls-psk="$PWD/keys" file target.img
  secure="nbds+unix://alice@/${uri#nbd+unix:///}"
  hx-restore vm.mirn -o "$secure&tls-psk-file=$PWD/keys"
  assert_same disk.img target.img
  hx-fetch --raw "$secure&tls-psk-file=$PWD/keys" | cmp - disk.img
  expect_status 6 hx-fetch --raw "$secure&tls-psk-file=$PWD/wrong"
}
