# shellcheck shell=bash
# One large file from a web server over TLS, and from an object store, with default settings, against the clients that
# everybody has.
# shellcheck source=../support/web_servers.bash
source "$here/../support/web_servers.bash"

web_begin() {
  export BATS_FILE_TMPDIR=$scratch/web HX_ROOT=$PWD   # where web_servers.bash keeps its servers
  mkdir -p "$scratch/web/root"
  trap 'stop_servers; umount "$scratch" 2>/dev/null || true; rm -rf "$scratch"' EXIT
}
web_end() {
  stop_servers
  rm -rf "$scratch/web"
  trap 'umount "$scratch" 2>/dev/null || true; rm -rf "$scratch"' EXIT
}

row_http() {
  local url ca small=$((quick ? 32 : 128))M
  web_begin
  ln -s "$full" "$scratch/web/root/full.img"
  head -c "$small" "$full" >"$scratch/web/root/part.img"
  start_nginx "$scratch/web/root"
  url=https://localhost:$(<"$scratch/web/nginx/port") ca=$scratch/web/nginx/tls.pem
  contestant 'hx-export' "hx-export -q --cacert $ca $url/full.img"
  contestant 'hx-fetch --raw' "hx-fetch -q --cacert $ca --raw $url/full.img >full.img"
  contestant 'curl' "curl -sSf --cacert $ca $url/full.img -o full.img"
  contestant 'aria2c -x 8 -s 8' "aria2c -q -x 8 -s 8 --file-allocation=none --ca-certificate=$ca $url/full.img -o full.img"
  contestant 'rclone copyto' "rclone copyto --config '' --ca-cert $ca --http-url $url :http:full.img full.img"
  measure
  report 'https, full' '' '' '' '>= 1' '>= 1' '>= 1'
  # hx-export checks nothing that its peers do not; a snapshot is made on the way, and not of a file that has to fit here.
  contestant 'hx-fetch | hx-snap-pack -3' "hx-fetch -q --cacert $ca $url/full.img | hx-snap-pack -q -3 -o out.mirn"
  contestant 'curl, then hx-snap-pack -3' "curl -sSf --cacert $ca $url/full.img -o full.img && hx-snap-pack -q -3 full.img -o out.mirn"
  measure
  report 'https to a snapshot, full' '' '' '>= 1'
  # 8 MiB a second a connection, as a long path does it. nginx counts the first second of a request at once.
  contestant 'hx-export' "hx-export -q --cacert $ca $url/slow/part.img"
  contestant 'hx-fetch --raw' "hx-fetch -q --cacert $ca --raw $url/slow/part.img >part.img"
  contestant 'curl' "curl -sSf --cacert $ca $url/slow/part.img -o part.img"
  contestant 'aria2c -x 8 -s 8' "aria2c -q -x 8 -s 8 -k 1M --file-allocation=none --ca-certificate=$ca $url/slow/part.img -o part.img"
  contestant 'rclone copyto' "rclone copyto --config '' --ca-cert $ca --http-url $url/slow :http:part.img part.img"
  measure
  report "https, capped, $small" '' '' '' '>= 4' '>= 1' '>= 1'
  web_end
}

row_s3() {
  local url signed size=$((quick ? 64 : 384))M
  if ! command -v radosgw ceph-mon ceph-osd ceph >/dev/null; then printf '%-28s %s\n' s3 'no radosgw here'; return; fi
  web_begin
  "$here/../servers/rgw" "$scratch/web/rgw" AKBENCH bench-secret-key
  cp "$scratch/web/rgw/pids" "$scratch/web/pids"
  url=http://127.0.0.1:$(<"$scratch/web/rgw/port")
  signed="curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 --user AKBENCH:bench-secret-key -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD'"
  bash -c "$signed -X PUT $url/bucket"
  head -c "$size" "$full" >"$scratch/web/part.img"
  bash -c "$signed -T $scratch/web/part.img $url/bucket/part.img"
  export AWS_ENDPOINT_URL=$url AWS_ACCESS_KEY_ID=AKBENCH AWS_SECRET_ACCESS_KEY=bench-secret-key
  export RCLONE_CONFIG_BENCH_TYPE=s3 RCLONE_CONFIG_BENCH_PROVIDER=Ceph RCLONE_CONFIG_BENCH_ENDPOINT=$url \
    RCLONE_CONFIG_BENCH_ACCESS_KEY_ID=AKBENCH RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY=bench-secret-key
  contestant 'hx-export' 'hx-export -q s3://bucket/part.img'
  contestant 'hx-fetch --raw' 'hx-fetch -q --raw s3://bucket/part.img >part.img'
  contestant 'curl' "$signed $url/bucket/part.img -o part.img"
  contestant 'rclone copyto' "env -u AWS_CA_BUNDLE rclone copyto --config '' bench:bucket/part.img part.img"
  measure
  report "s3, $size" '' '' '' '>= 1' '>= 1'
  unset AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  web_end
}
