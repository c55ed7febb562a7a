#include "providers/aws/role_credentials.h"

#include <catch2/catch.hpp>
#include <map>

#include "providers/aws/s3_object.h"
#include "support/temporary_directory.h"
#include "unit/net/scripted_client.h"

using namespace hx;
using namespace hx::test;

namespace {

const std::string kAnswer =
    R"({"Code":"Success","AccessKeyId":"AK1","SecretAccessKey":"planted-sk","Token":"planted-st","Expiration":"2026-01-31T12:00:00Z"})";

Environment environment(std::map<std::string, std::string> variables) {
  return [=](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  };
}

std::string header_of(const HttpRequest& request, const std::string& name) {
  for (const Header& header : request.headers)
    if (header.name == name) return header.value;
  return "";
}

// A metadata service of version 2.
Answer machine(const HttpRequest& request, const std::string& answer = kAnswer) {
  if (request.url.path == "/latest/api/token") {
    if (request.method != Method::kPut || header_of(request, "X-aws-ec2-metadata-token-ttl-seconds").empty())
      return {403, {}, "", {}};
    return {200, {}, "the-token", {}};
  }
  if (header_of(request, "X-aws-ec2-metadata-token") != "the-token") return {401, {}, "", {}};
  if (request.url.path == "/latest/meta-data/iam/security-credentials/") return {200, {}, "web-role\n", {}};
  if (request.url.path == "/latest/meta-data/iam/security-credentials/web-role") return {200, {}, answer, {}};
  return {404, {}, "", {}};
}

}  // namespace

TEST_CASE("a container's credentials come from the place that is named, with its token") {
  TemporaryDirectory directory;
  write_file(directory / "token", "of-the-file\n");
  ScriptedClient service([](const HttpRequest&, size_t) { return Answer{200, {}, kAnswer, {}}; });
  CHECK_FALSE(container_credentials(environment({}), service).value());
  const AwsCredentials got =
      container_credentials(environment({{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/creds?id=7"}}), service)
          .value()
          .value();
  CHECK(service.requests.back().url.text() == "http://169.254.170.2/v2/creds?id=7");
  CHECK(service.requests.back().redirects == HttpRequest::Redirects::kRefuse);
  CHECK(got.access_key == "AK1");
  CHECK(got.secret_key == "planted-sk");
  CHECK(got.session_token == "planted-st");
  CHECK(got.expires == std::chrono::system_clock::from_time_t(1769860800));
  CHECK(container_credentials(environment({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/c"},
                                           {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "of-the-variable"}}),
                              service)
            .ok());
  CHECK(header_of(service.requests.back(), "Authorization") == "of-the-variable");
  CHECK(container_credentials(environment({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://anywhere/v1/c"},
                                           {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "of-the-variable"},
                                           {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", directory / "token"}}),
                              service)
            .ok());
  CHECK(header_of(service.requests.back(), "Authorization") == "of-the-file");
}

TEST_CASE("credentials are not asked for in the clear of whoever is named") {
  ScriptedClient service([](const HttpRequest&, size_t) { return Answer{200, {}, kAnswer, {}}; });
  const auto asked = [&](const char* url) {
    return container_credentials(environment({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}}), service);
  };
  for (const char* url : {"http://127.0.0.1:51679/c", "http://127.9.9.9/c", "http://localhost/c", "http://[::1]/c",
                          "http://169.254.170.2/c", "http://169.254.170.23/c", "http://[fd00:ec2::23]/c"})
    CHECK(asked(url).ok());
  const size_t count = service.requests.size();
  for (const char* url : {"http://example.com/c", "http://169.254.169.254/c", "http://127.evil.example/c",
                          "http://10.0.0.1/c", "ftp://127.0.0.1/c", "file:///etc/passwd", "nonsense"})
    CHECK(failure(asked(url)).kind == ErrorKind::kUsage);
  CHECK(failure(
            container_credentials(environment({{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@example.com/c"}}), service))
            .kind == ErrorKind::kUsage);
  CHECK(failure(container_credentials(environment({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c"},
                                                   {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nHost: b"}}),
                                      service))
            .kind == ErrorKind::kUsage);
  CHECK(service.requests.size() == count);
}

TEST_CASE("a container's service that fails is an error, and tells no secret") {
  const auto environment_of = environment({{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c"}});
  for (const Answer& answer : {Answer{403, {}, "planted", {}}, Answer{500, {}, "planted", {}},
                               Answer{200, {}, "planted", {}}, Answer{200, {}, "{\"AccessKeyId\":\"planted\"}", {}},
                               Answer{200, {}, "{\"Code\":\"Failed\"}", {}}, Answer{0, {}, "", lost()}}) {
    ScriptedClient service([&](const HttpRequest&, size_t) { return answer; });
    const Error error = failure(container_credentials(environment_of, service));
    INFO(error.message);
    CHECK(error.message.find("169.254.170.2") != std::string::npos);
    CHECK(error.message.find("planted") == std::string::npos);
  }
}

TEST_CASE("a machine's role, by version 2 of the metadata service") {
  ScriptedClient service([](const HttpRequest& request, size_t) { return machine(request); });
  CHECK(instance_credentials(environment({}), service).value()->session_token == "planted-st");
  CHECK(service.requests.size() == 3);
  CHECK(service.requests[0].url.text() == "http://169.254.169.254/latest/api/token");
  CHECK(instance_credentials(environment({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/"}}), service)
            .value());
  CHECK(service.requests[3].url.text() == "http://127.0.0.1:1338/latest/api/token");
  CHECK(instance_credentials(environment({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6"}}), service).value());
  CHECK(service.requests[6].url.host == "[fd00:ec2::254]");
  CHECK_FALSE(instance_credentials(environment({{"AWS_EC2_METADATA_DISABLED", "True"}}), service).value());
  CHECK(service.requests.size() == 9);
}

TEST_CASE("where there is no metadata service, or no role, there are no credentials, one that fails is an error") {
  for (const Answer& answer : {Answer{0, {}, "", lost()}, Answer{404, {}, "", {}}, Answer{403, {}, "", {}}}) {
    ScriptedClient nobody([&](const HttpRequest&, size_t) { return answer; });
    CHECK_FALSE(instance_credentials(environment({}), nobody).value());
    CHECK(nobody.requests.size() == 1);
  }
  ScriptedClient no_role([](const HttpRequest& request, size_t number) {
    return number == 0 ? machine(request) : Answer{404, {}, "", {}};
  });
  CHECK_FALSE(instance_credentials(environment({}), no_role).value());
  ScriptedClient failing([](const HttpRequest& request, size_t) {
    return machine(request, R"({"Code":"AssumeRoleUnauthorizedAccess"})");
  });
  CHECK(failure(instance_credentials(environment({}), failing)).message.find("AssumeRole") != std::string::npos);
}

TEST_CASE("the environment and the profiles go before the container, the container before the machine") {
  size_t clients = 0;
  const auto service =
      std::make_shared<ScriptedClient>([](const HttpRequest& request, size_t) { return machine(request); });
  const MetadataClient metadata = [&]() -> Result<std::shared_ptr<HttpClient>> {
    ++clients;
    return std::shared_ptr<HttpClient>(service);
  };
  const AwsConfig given =
      load_aws_config(environment({{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "S"}}), metadata).value();
  CHECK(clients == 0);
  CHECK_FALSE(given.renew);
  const AwsConfig of_machine = load_aws_config(environment({}), metadata).value();
  CHECK(of_machine.origin == "the machine's role");
  CHECK(of_machine.credentials.access_key == "AK1");
  CHECK(of_machine.renew().value().access_key == "AK1");
  service->requests.clear();
  CHECK(failure(load_aws_config(environment({{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c"}}), metadata)).kind ==
        ErrorKind::kPermission);
  CHECK(service->requests.size() == 1);  // and the machine's are not used instead
  CHECK(failure(load_aws_config(environment({{"AWS_EC2_METADATA_DISABLED", "true"}}), metadata)).reason ==
        "no-credentials");
}

TEST_CASE("credentials that end are renewed in time, and the old ones used while that fails") {
  class FixedClock : public Clock {
   public:
    std::chrono::steady_clock::time_point now() const override { return {}; }
    std::chrono::system_clock::time_point wall_now() const override { return wall; }
    void sleep_for(std::chrono::nanoseconds) override {}
    std::chrono::system_clock::time_point wall = std::chrono::system_clock::from_time_t(1769860800);
  } clock;
  AwsConfig config;
  config.region = "r";
  config.credentials = {"OLD", "S", "", clock.wall + std::chrono::minutes(10)};
  int asked = 0;
  bool fails = true;
  config.renew = [&]() -> Result<AwsCredentials> {
    ++asked;
    if (fails) return lost();
    return AwsCredentials{"NEW", "S", "", clock.wall + std::chrono::hours(6)};
  };
  const auto store = std::make_shared<ScriptedClient>([](const HttpRequest&, size_t) {
    return Answer{200, {}, "", {}};
  });
  const auto client = s3_client(store, config, clock);
  const auto key_used = [&] {
    HttpRequest request;
    request.url = parse_url("http://h/b/k").value();
    TextSink sink(100);
    REQUIRE(client->perform(request, sink).ok());
    const std::string text = header_of(store->requests.back(), "Authorization");
    return text.substr(text.find("Credential=") + 11, 3);
  };
  CHECK(key_used() == "OLD");
  CHECK(asked == 0);
  clock.wall += std::chrono::minutes(6);
  CHECK(key_used() == "OLD");
  CHECK(key_used() == "OLD");
  CHECK(asked == 1);  // not with each request
  fails = false;
  clock.wall += std::chrono::minutes(1);
  CHECK(key_used() == "NEW");
  CHECK(key_used() == "NEW");
  CHECK(asked == 2);
}
