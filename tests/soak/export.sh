#!/usr/bin/env bash
# Soak: exports from a web server, killed at random moments and gone on with, always end with the right bytes.
set -euo pipefail
command -v nginx >/dev/null || exit 77
export HX_ROOT=${HX_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)} BATS_FILE_TMPDIR=$PWD PATH="$HX_BIN:$PATH:/usr/sbin"
# shellcheck source=tests/support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"
trap stop_servers EXIT
RANDOM=${HX_SEED:-1}
mkdir root
for name in a b c; do head -c $((30000000 + RANDOM * 100)) /dev/urandom >root/$name.img; done
start_nginx "$PWD/root"
url=http://127.0.0.1:$(<nginx/plain-port)
end=$((SECONDS + 60 * ${HX_MINUTES:-5})) kills=0
while [ "$kills" -lt 50 ] && [ "$SECONDS" -lt "$end" ]; do
  rm -rf out
  for ((i = 0; i < 5; ++i, ++kills)); do
    timeout -s KILL "0.$((RANDOM % 9 + 1))" hx-export -q --name vm --limit-rate 60MB --checkpoint-interval 0.1s \
      "$url"/{a,b,c}.img -d out >log 2>&1 || true
    for name in a b c; do [ ! -e out/$name.img ] || cmp out/$name.img root/$name.img; done
    [ -e out/.vm.checkpoint ] || rm -rf out
  done
  hx-export -q --name vm "$url"/{a,b,c}.img -d out
  for name in a b c; do cmp out/$name.img root/$name.img; done
done
echo "$kills kills"
