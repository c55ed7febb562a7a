#!/usr/bin/env bats
# Credentials of a container's and of a machine's role, from the services that give them.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

setup_file() {
  cd "$BATS_FILE_TMPDIR" || return 1
  make_dense disk.img 1M
  start_bad_server disk.img
}
teardown_file() { stop_servers; }
setup() {
  hx_setup
  bad=http://127.0.0.1:$(<"$BATS_FILE_TMPDIR/bad/port")
  log=$BATS_FILE_TMPDIR/bad/log
  object=s3://good/$BATS_TEST_NUMBER.img
  unset AWS_EC2_METADATA_DISABLED AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE
  export AWS_ENDPOINT_URL=$bad AWS_EC2_METADATA_SERVICE_ENDPOINT=$bad
}
# is_signed KEY: the object was asked for with this key, and with the token of its session.
is_signed() { grep "^/good/$BATS_TEST_NUMBER.img .*auth=AWS4-HMAC-SHA256 Credential=$1/.*x-amz-security-token" "$log"; }

@test "a machine's role, by version 2 of the metadata service" {
  hx-fetch --raw "$object" | cmp - "$BATS_FILE_TMPDIR/disk.img"
  is_signed AKROLE
  hx-export -v --json "$object" -d out >../out 2>../err
  assert_untold planted out ../out ../err
}

@test "a container's credentials go before the machine's" {
  export AWS_CONTAINER_CREDENTIALS_FULL_URI=$bad/container/of-me
  echo planted-container-token >token
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=token hx-fetch --raw "$object" | cmp - "$BATS_FILE_TMPDIR/disk.img"
  is_signed AKROLE
  grep -q '^/container/of-me 1 ' "$log"
  AWS_CONTAINER_AUTHORIZATION_TOKEN=planted-wrong-token expect_status 6 hx-fetch -v --raw "$object"
  expect_err "the container's credentials" 403
  ! grep -a planted ../err || fail 'a secret was told'
  AWS_CONTAINER_CREDENTIALS_FULL_URI=http://example.com/creds expect_status 2 hx-fetch --raw "$object"
  expect_err 'example.com' https
}

@test "keys in the environment go before any role" {
  AWS_ACCESS_KEY_ID=AKENV AWS_SECRET_ACCESS_KEY=planted-secret-key AWS_SESSION_TOKEN=planted-session-token \
    hx-fetch --raw "$object" | cmp - "$BATS_FILE_TMPDIR/disk.img"
  is_signed AKENV
}

@test "a metadata service that is off, silent or not there: status 6, soon" {
  AWS_EC2_METADATA_DISABLED=true expect_status 6 hx-fetch --raw "$object"
  expect_err 'no credentials for AWS' AWS_ACCESS_KEY_ID
  for endpoint in "$bad/silent/$BATS_TEST_NUMBER" "http://127.0.0.1:$(free_port)"; do
    # The option is for the store: 10 minutes would not be soon.
    AWS_EC2_METADATA_SERVICE_ENDPOINT=$endpoint expect_status 6 timeout 60 hx-fetch --timeout 600 --raw "$object"
    expect_err 'no credentials for AWS'
  done
  wait_for grep -q "^/silent/$BATS_TEST_NUMBER/latest/api/token .* is let go" "$log"
}

@test "no proxy is told of a role's credentials" {
  http_proxy=http://127.0.0.1:$(free_port) no_proxy='' expect_status 5 hx-fetch --retries 0 --raw "$object"
  expect_err "$object"
}
