#pragma once
// What the AWS tools know of the user, found where they find it: the variables AWS_*, ~/.aws/credentials and
// ~/.aws/config (AWS SDKs and Tools Reference Guide: "Shared config and credentials files", "Settings reference").

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hx {

struct AwsCredentials {
  std::string access_key, secret_key;
  std::string session_token;  // empty: a lasting key
};

struct AwsConfig {
  AwsCredentials credentials;
  std::string origin;  // of the credentials, for messages: "the environment", "profile backup"
  std::string region;
  std::string s3_endpoint;  // empty: Amazon's
  std::string ca_bundle;
  enum class Addressing : uint8_t { kAuto, kPath, kVirtual } s3_addressing = Addressing::kAuto;
};

using Environment = std::function<std::string(const char* name)>;  // "" where it is not set
std::string process_environment(const char* name);

// AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY go before AWS_PROFILE (or "default") in the files; credentials before
// config. kPermission: there are none. kUnsupported: a profile whose credentials another program or service has
// (role_arn, sso_*, credential_process). kUsage: a profile that is not there, a file that cannot be read.
Result<AwsConfig> load_aws_config(const Environment& = process_environment);

// "[profile a]\nregion = x\ns3 =\n  addressing_style = path" → {"profile a": {"region": "x", "s3.addressing_style":
// "path"}}. Lines that are neither are skipped, as the AWS tools do.
using IniFile = std::map<std::string, std::map<std::string, std::string>>;
IniFile parse_aws_ini(std::string_view text);

}  // namespace hx
