#pragma once
// Objects in S3 and what speaks its protocol (Ceph, MinIO, …): s3://bucket/key.

#include <memory>
#include <string>

#include "extent/disk_reader.h"
#include "net/net_access.h"
#include "net/remote_file.h"
#include "providers/aws/aws_config.h"

namespace hx {

struct S3Location {
  std::string bucket, key;  // the key as it is: nothing in it is encoded
};
// "s3://bucket/key"; kUsage.
Result<S3Location> parse_s3_location(const std::string& text);
// Where it is: below an endpoint that is named by its path, at Amazon by a host of its own where the bucket's name can
// be one.
Result<Url> s3_url(const S3Location&, const AwsConfig&);

// Signs each request (and so each attempt) anew; makes errors of what a store says of credentials and regions.
std::shared_ptr<HttpClient> s3_client(std::shared_ptr<HttpClient>, AwsConfig, Clock& = system_clock());

Result<std::shared_ptr<RemoteFile>> open_s3_file(const std::string& location, NetAccess&, Unproven);
Result<std::shared_ptr<DiskReader>> open_s3_disk(const std::string& location, NetAccess&, Unproven);

}  // namespace hx
