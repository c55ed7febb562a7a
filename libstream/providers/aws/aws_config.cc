#include "providers/aws/aws_config.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/bytes.h"
#include "io/fd_io.h"
#include "providers/aws/role_credentials.h"

namespace hx {
namespace {

constexpr size_t kMaxFile = kMiB;

std::string trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  return begin == text.npos ? "" : std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

Result<IniFile> load_ini(const std::string& path) {
  if (path.empty() || ::access(path.c_str(), F_OK) != 0) return IniFile();
  FdReader reader(HX_TRY(open_fd(path, O_RDONLY)), path);
  std::string text(kMaxFile + 1, '\0');
  text.resize(HX_TRY(reader.read_full(std::as_writable_bytes(std::span(text)))));
  if (text.size() > kMaxFile) return usage_error(path + ": is larger than 1 MiB");
  return parse_aws_ini(text);
}

std::string first_of(std::initializer_list<std::string> values) {
  for (const auto& value : values)
    if (!value.empty()) return value;
  return "";
}

// One profile: what the credentials file says of it, and what the config file does.
class Profile {
 public:
  static Result<Profile> load(const Environment& environment) {
    const std::string home = environment("HOME");
    const auto path = [&](const char* variable, const char* otherwise) {
      std::string value = environment(variable);
      if (value.starts_with("~/")) return home + value.substr(1);
      return !value.empty() ? value : home.empty() ? "" : home + otherwise;
    };
    Profile profile;
    profile.credentials_file_ = HX_TRY(load_ini(path("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials")));
    profile.config_file_ = HX_TRY(load_ini(path("AWS_CONFIG_FILE", "/.aws/config")));
    const std::string asked = first_of({environment("AWS_PROFILE"), environment("AWS_DEFAULT_PROFILE")});
    profile.name = asked.empty() ? "default" : asked;
    profile.in_config_ =
        profile.name == "default" && profile.config_file_.contains("default") ? "default" : "profile " + profile.name;
    if (!asked.empty() && !profile.exists())
      return usage_error("AWS_PROFILE: there is no profile '" + asked + "' in ~/.aws/credentials or ~/.aws/config");
    return profile;
  }

  std::string credential(const std::string& key) const {
    return first_of({get(credentials_file_, name, key), config(key)});
  }
  std::string config(const std::string& key) const { return get(config_file_, in_config_, key); }
  std::string service(const std::string& key) const {  // of the [services …] that the profile names
    const std::string services = config("services");
    return services.empty() ? "" : get(config_file_, "services " + services, key);
  }
  // A key that says that the credentials are somewhere else.
  std::string foreign_key() const {
    for (const char* key : {"role_arn", "sso_session", "sso_start_url", "credential_process"})
      if (!credential(key).empty()) return key;
    return "";
  }
  std::string name;

 private:
  bool exists() const { return credentials_file_.contains(name) || config_file_.contains(in_config_); }
  static std::string get(const IniFile& file, const std::string& section, const std::string& key) {
    const auto found = file.find(section);
    if (found == file.end()) return "";
    const auto value = found->second.find(key);
    return value == found->second.end() ? "" : value->second;
  }

  IniFile credentials_file_, config_file_;
  std::string in_config_;  // its section there
};

Error none_found() {
  return {ErrorKind::kPermission, "no credentials for AWS",
          "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws/credentials", "no-credentials"};
}

// Of the container, or else of the machine.
Status find_role(const Environment& environment, const MetadataClient& metadata, AwsConfig& config) {
  const std::shared_ptr<HttpClient> client = HX_TRY(metadata ? metadata() : make_metadata_client(environment));
  auto source = container_credentials;
  auto found = HX_TRY(source(environment, *client));
  config.origin = "the container";
  if (!found) {
    source = instance_credentials;
    found = HX_TRY(source(environment, *client));
    config.origin = "the machine's role";
  }
  if (!found) return none_found();
  config.credentials = std::move(*found);
  config.renew = [environment, client, source]() -> Result<AwsCredentials> {
    auto again = HX_TRY(source(environment, *client));
    if (!again) return none_found();
    return std::move(*again);
  };
  return {};
}

Status find_credentials(const Environment& environment, const Profile& profile, const MetadataClient& metadata,
                        AwsConfig& config) {
  config.credentials = {
      environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"), environment("AWS_SESSION_TOKEN"), {}};
  config.origin = "the environment";
  if (!config.credentials.access_key.empty() && !config.credentials.secret_key.empty()) return {};
  config.credentials = {profile.credential("aws_access_key_id"),
                        profile.credential("aws_secret_access_key"),
                        profile.credential("aws_session_token"),
                        {}};
  config.origin = "profile " + profile.name;
  if (!config.credentials.access_key.empty() && !config.credentials.secret_key.empty()) return {};
  if (const std::string key = profile.foreign_key(); !key.empty())
    return unsupported("profile " + profile.name + ": credentials by " + key + " are for the AWS tools")
        .with_hint("eval \"$(aws configure export-credentials --format env)\"");
  return find_role(environment, metadata, config);
}

}  // namespace

std::string process_environment(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

Result<AwsConfig> load_aws_config(const Environment& environment, MetadataClient metadata) {
  const Profile profile = HX_TRY(Profile::load(environment));
  AwsConfig config;
  HX_TRY(find_credentials(environment, profile, metadata, config));
  config.region =
      first_of({environment("AWS_REGION"), environment("AWS_DEFAULT_REGION"), profile.config("region"), "us-east-1"});
  config.ca_bundle = first_of({environment("AWS_CA_BUNDLE"), profile.config("ca_bundle")});
  if (environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") != "true")
    config.s3_endpoint = first_of({environment("AWS_ENDPOINT_URL_S3"), environment("AWS_ENDPOINT_URL"),
                                   profile.service("s3.endpoint_url"), profile.config("s3.endpoint_url"),
                                   profile.config("endpoint_url")});
  const std::string style = profile.config("s3.addressing_style");
  if (style == "path") config.s3_addressing = AwsConfig::Addressing::kPath;
  if (style == "virtual") config.s3_addressing = AwsConfig::Addressing::kVirtual;
  return config;
}

IniFile parse_aws_ini(std::string_view text) {
  IniFile file;
  std::map<std::string, std::string>* section = nullptr;
  std::string parent;  // of indented lines: a key without a value
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string line = trim(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      std::string name = trim(line.substr(1, line.find(']') - 1));
      if (name.starts_with("profile ")) name = "profile " + trim(name.substr(8));
      section = &file[name];
      parent.clear();
      continue;
    }
    const size_t equals = line.find('=');
    if (!section || equals == line.npos) continue;
    const std::string key = trim(line.substr(0, equals)), value = trim(line.substr(equals + 1));
    const bool is_nested = (raw[0] == ' ' || raw[0] == '\t') && !parent.empty();
    if (!is_nested) parent = value.empty() ? key : "";
    (*section)[is_nested ? parent + "." + key : key] = value;
  }
  return file;
}

}  // namespace hx
