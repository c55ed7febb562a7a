#pragma once
// The credentials of a role, from the services that AWS gives to containers and to machines (AWS SDKs and Tools
// Reference Guide: "Container credential provider", "IMDS credential provider", "Amazon EC2 instance metadata"). They
// end after hours, and are asked for again.

#include <functional>
#include <memory>
#include <optional>

#include "net/http_client.h"
#include "providers/aws/aws_config.h"

namespace hx {

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (of 169.254.170.2), or ..._FULL_URI: https, or http to this host and to the
// addresses of ECS and EKS, since what is asked there is a secret. nullopt: neither is set. kUsage: another place.
// kPermission, kTemporary: what the service says, or that it does not answer.
Result<std::optional<AwsCredentials>> container_credentials(const Environment&, HttpClient&);

// Of the machine's role, by the metadata service, version 2 only: version 1 would give them to whoever makes a server
// fetch a URL. nullopt: AWS_EC2_METADATA_DISABLED, no such service, no role.
Result<std::optional<AwsCredentials>> instance_credentials(const Environment&, HttpClient&);

// For both: a second for each answer, or AWS_METADATA_SERVICE_TIMEOUT; AWS_METADATA_SERVICE_NUM_ATTEMPTS; no proxy.
Result<std::shared_ptr<HttpClient>> make_metadata_client(const Environment&);

}  // namespace hx
