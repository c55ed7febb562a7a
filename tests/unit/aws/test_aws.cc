#include <catch2/catch.hpp>
#include <fstream>

#include "providers/aws/s3_object.h"
#include "providers/aws/sigv4.h"
#include "support/temporary_directory.h"
#include "unit/net/scripted_client.h"

using namespace hx;
using hx::test::failure;
using hx::test::ScriptedClient;

namespace {

// The examples of the Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header", with the
// credentials that Amazon prints there.
const AwsCredentials kExample = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const auto kExampleTime = std::chrono::system_clock::from_time_t(1369353600);  // 20130524T000000Z

HttpRequest example(Method method, const std::string& path) {
  HttpRequest request;
  request.method = method;
  request.url = parse_url("https://examplebucket.s3.amazonaws.com" + path).value();
  return request;
}

std::string signature(const HttpRequest& request) {
  const auto headers = sign_v4(request, kExample, {"us-east-1", "s3"}, kExampleTime);
  const std::string& text = headers.back().value;
  return text.substr(text.find("Signature=") + 10);
}

Environment environment(std::map<std::string, std::string> variables) {
  return [=](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  };
}

}  // namespace

TEST_CASE("SigV4 gives the signatures that AWS documents") {
  HttpRequest get = example(Method::kGet, "/test.txt");
  get.range = {0, 9};
  CHECK(signature(get) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(sign_v4(get, kExample, {"us-east-1", "s3"}, kExampleTime).back().value ==
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  HttpRequest put = example(Method::kPut, "/test%24file.text");
  put.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  put.body = "Welcome to Amazon S3.";
  CHECK(signature(put) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(signature(example(Method::kGet, "/?lifecycle")) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(signature(example(Method::kGet, "/?prefix=J&max-keys=2")) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("a session's token is sent and signed") {
  AwsCredentials credentials = kExample;
  credentials.session_token = "token";
  const auto headers = sign_v4(example(Method::kGet, "/"), credentials, {"us-east-1", "s3"}, kExampleTime);
  REQUIRE(headers.size() == 4);
  CHECK(headers[2].value == "token");
  CHECK(headers[3].value.find("x-amz-security-token") != std::string::npos);
}

TEST_CASE("credentials come from the environment, then from a profile") {
  test::TemporaryDirectory dir;
  std::filesystem::create_directory(dir / ".aws");
  std::ofstream(dir / ".aws/credentials") << "[default]\naws_access_key_id = A1\naws_secret_access_key=S1\n"
                                             "# [backup]\n[backup]\naws_access_key_id=A2\n";
  std::ofstream(dir / ".aws/config")
      << "[default]\nregion = eu-west-1\n[profile backup]\naws_secret_access_key = S2\nendpoint_url = http://h:1\n"
         "services = local\ns3 =\n  addressing_style = path\n[services local]\ns3 =\n  endpoint_url = http://h:2\n"
         "[profile role]\nrole_arn = x\n";
  const std::string home = dir.path();

  const AwsConfig plain = load_aws_config(environment({{"HOME", home}})).value();
  CHECK(plain.credentials.access_key == "A1");
  CHECK(plain.credentials.secret_key == "S1");
  CHECK(plain.region == "eu-west-1");
  CHECK(plain.s3_endpoint.empty());

  const AwsConfig backup = load_aws_config(environment({{"HOME", home}, {"AWS_PROFILE", "backup"}})).value();
  CHECK(backup.credentials.access_key == "A2");
  CHECK(backup.credentials.secret_key == "S2");
  CHECK(backup.region == "us-east-1");
  CHECK(backup.s3_endpoint == "http://h:2");
  CHECK(backup.s3_addressing == AwsConfig::Addressing::kPath);

  const AwsConfig given = load_aws_config(environment({{"HOME", home},
                                                       {"AWS_PROFILE", "backup"},
                                                       {"AWS_ACCESS_KEY_ID", "A3"},
                                                       {"AWS_SECRET_ACCESS_KEY", "S3"},
                                                       {"AWS_SESSION_TOKEN", "T3"},
                                                       {"AWS_REGION", "r"},
                                                       {"AWS_ENDPOINT_URL", "http://all"},
                                                       {"AWS_ENDPOINT_URL_S3", "http://s3"}}))
                              .value();
  CHECK(given.credentials.session_token == "T3");
  CHECK(given.origin == "the environment");
  CHECK(given.region == "r");
  CHECK(given.s3_endpoint == "http://s3");

  CHECK(failure(load_aws_config(environment({{"AWS_EC2_METADATA_DISABLED", "true"}}))).kind == ErrorKind::kPermission);
  CHECK(failure(load_aws_config(environment({{"HOME", home}, {"AWS_PROFILE", "gone"}}))).kind == ErrorKind::kUsage);
  CHECK(failure(load_aws_config(environment({{"HOME", home}, {"AWS_PROFILE", "role"}}))).kind ==
        ErrorKind::kUnsupported);
}

TEST_CASE("where an object is") {
  const auto url = [](const std::string& text, AwsConfig config) {
    return s3_url(parse_s3_location(text).value(), config).value().text();
  };
  AwsConfig config;
  config.region = "eu-west-1";
  CHECK(url("s3://bucket/a b/c.img", config) == "https://bucket.s3.eu-west-1.amazonaws.com/a%20b/c.img");
  CHECK(url("s3://buc.ket/../k?x", config) == "https://s3.eu-west-1.amazonaws.com/buc.ket/../k%3Fx");
  config.s3_endpoint = "http://localhost:7480";
  CHECK(url("s3://bucket/k", config) == "http://localhost:7480/bucket/k");
  config.s3_addressing = AwsConfig::Addressing::kVirtual;
  CHECK(url("s3://bucket/k", config) == "http://bucket.localhost:7480/k");
  for (const char* text : {"s3://", "s3://bucket", "s3://bucket/", "s3:///key", "s3://b ucket/key", "s3://b@d/key"})
    CHECK(failure(parse_s3_location(text)).kind == ErrorKind::kUsage);
}

TEST_CASE("what a store says of regions and credentials becomes an error") {
  AwsConfig config;
  config.credentials = kExample;
  config.region = "us-east-1";
  config.origin = "profile x";
  test::Answer answer;
  const auto server = std::make_shared<ScriptedClient>([&](const HttpRequest&, size_t) { return answer; });
  const auto client = s3_client(server, config);
  TextSink sink(100);
  answer = {301, {{"x-amz-bucket-region", "eu-west-1"}}, "", {}};
  CHECK(failure(client->perform(example(Method::kGet, "/"), sink)).hint == "AWS_REGION=eu-west-1");
  answer = {403, {}, "<Error><Code>SignatureDoesNotMatch</Code></Error>", {}};
  const Error error = failure(client->perform(example(Method::kGet, "/"), sink));
  CHECK(error.kind == ErrorKind::kPermission);
  CHECK(error.message.find("SignatureDoesNotMatch") != std::string::npos);
  CHECK(error.hint.find("profile x") != std::string::npos);
  CHECK(server->requests[0].redirects == HttpRequest::Redirects::kRefuse);
}
