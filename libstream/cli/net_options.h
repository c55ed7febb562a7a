#pragma once
// The options of all tools that reach servers. hx(7), SERVERS.

#include "cli/option_table.h"
#include "net/net_access.h"

namespace hx {

// --cacert, --cert, --key, --thumbprint, --retries, --timeout. `to` must outlive parse().
void add_net_options(OptionTable&, NetOptions* to);

}  // namespace hx
