#include "transfer/chain_tree.h"

#include "base/json.h"
#include "base/size_text.h"

namespace hx {
namespace {

struct Node {
  std::string text, state, parent_state;
  bool is_shown = false;
};

std::string size_of(const Json& json, const char* key) { return format_size(json[key].get<uint64_t>()); }

Node node_of(const Json& json) {
  Node node;
  const bool is_delta = json.contains("parent_state");
  node.state =
      json.contains("state") ? json["state"].get<std::string>() : "sha256:" + json["checksum"].get<std::string>();
  if (is_delta) node.parent_state = json["parent_state"].get<std::string>();
  node.text = json["file"].get<std::string>() + ": ";
  if (is_delta && json.contains("data_bytes"))
    node.text += "delta, " + size_of(json, "data_bytes") + " of data, " + size_of(json, "zero_bytes") + " of zeros";
  else
    node.text += (is_delta ? "delta, " : "full, ") + size_of(json, "size") + " disk";
  if (!json["file_size"].is_null()) node.text += ", in " + size_of(json, "file_size");
  return node;
}

void show(std::vector<Node>& nodes, size_t number, size_t depth, std::string& text) {
  if (nodes[number].is_shown) return;  // also ends a circle
  nodes[number].is_shown = true;
  text += std::string(2 + 2 * depth, ' ') + nodes[number].text + "\n";
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].parent_state == nodes[number].state) show(nodes, i, depth + 1, text);
}

bool has_parent(const std::vector<Node>& nodes, const Node& node) {
  for (const Node& other : nodes)
    if (&other != &node && other.state == node.parent_state) return true;
  return false;
}

}  // namespace

std::string format_chain_tree(const std::vector<Json>& descriptions) {
  std::vector<Node> nodes;
  bool has_delta = false;
  for (const Json& json : descriptions) {
    if (json.value("format", std::string()) != "mirn") continue;
    nodes.push_back(node_of(json));
    has_delta |= !nodes.back().parent_state.empty();
  }
  if (!has_delta || nodes.size() < 2) return {};
  std::string text = "chain:\n";
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (has_parent(nodes, nodes[i])) continue;
    const bool is_lost = !nodes[i].parent_state.empty();
    if (is_lost) text += "  missing: the state " + nodes[i].parent_state + "\n";
    show(nodes, i, is_lost ? 1 : 0, text);
  }
  for (size_t i = 0; i < nodes.size(); ++i) show(nodes, i, 0, text);  // those of a circle
  return text;
}

}  // namespace hx
