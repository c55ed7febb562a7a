#pragma once
// Requests signed as AWS wants it: Signature Version 4, in headers (Amazon S3 API Reference, "Authenticating Requests:
// Using the Authorization Header"). Of our own, as libcurl 7.88's neither sends x-amz-content-sha256 nor sorts the
// query.

#include <chrono>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "providers/aws/aws_config.h"

namespace hx {

struct SigningScope {
  std::string region, service;  // "us-east-1", "s3"
};

// The headers to be added to the request: x-amz-date, x-amz-content-sha256, x-amz-security-token where there is one,
// Authorization. Signed are the host, these, the range, and all headers of the request. The path must be encoded as it
// is sent; for S3 it is signed as it is.
std::vector<Header> sign_v4(const HttpRequest&, const AwsCredentials&, const SigningScope&,
                            std::chrono::system_clock::time_point);

}  // namespace hx
