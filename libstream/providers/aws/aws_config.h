#pragma once
// What the AWS tools know of the user, found where they find it: the variables AWS_*, ~/.aws/credentials and
// ~/.aws/config (AWS SDKs and Tools Reference Guide: "Shared config and credentials files", "Settings reference").

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_client.h"

namespace hx {

struct AwsCredentials {
  std::string access_key, secret_key;
  std::string session_token;  // empty: a lasting key
  std::optional<std::chrono::system_clock::time_point> expires = {};
};

struct AwsConfig {
  AwsCredentials credentials;
  std::string origin;  // of the credentials, for messages: "the environment", "profile backup"
  std::function<Result<AwsCredentials>()> renew = {};  // of those that expire; any thread, one at a time
  std::string region;
  std::string s3_endpoint;  // empty: Amazon's
  std::string ca_bundle;
  enum class Addressing : uint8_t { kAuto, kPath, kVirtual } s3_addressing = Addressing::kAuto;
};

using Environment = std::function<std::string(const char* name)>;  // "" where it is not set
std::string process_environment(const char* name);

// How the services of containers and machines are asked; made only where they must be.
using MetadataClient = std::function<Result<std::shared_ptr<HttpClient>>()>;

// AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY go before AWS_PROFILE (or "default") in the files, credentials before
// config; then come the container's and the machine's role (providers/aws/role_credentials). kPermission: there are
// none. kUnsupported: a profile whose credentials another program or service has (role_arn, sso_*, credential_process).
// kUsage: a profile that is not there, a file that cannot be read. metadata: empty: make_metadata_client().
Result<AwsConfig> load_aws_config(const Environment& = process_environment, MetadataClient metadata = {});

// "[profile a]\nregion = x\ns3 =\n  addressing_style = path" → {"profile a": {"region": "x", "s3.addressing_style":
// "path"}}. Lines that are neither are skipped, as the AWS tools do.
using IniFile = std::map<std::string, std::map<std::string, std::string>>;
IniFile parse_aws_ini(std::string_view text);

}  // namespace hx
