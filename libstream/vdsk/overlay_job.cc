#include "vdsk/overlay_job.h"

#include "base/json.h"
#include "providers/local/disk_location.h"
#include "vdsk/checkpoint_name.h"
#include "vdsk/overlays.h"

namespace hx {
namespace {

// "/vm/disk.qcow2", "mon" → "/vm/disk.mon.qcow2"
std::string overlay_path(const std::string& target, const std::string& name) {
  return target.substr(0, target.size() - image_suffix(target).size()) + "." + name + ".qcow2";
}

Json record_of(const std::string& target, const char* operation, const std::string& name, const std::string& file) {
  return {{"target", target}, {"operation", operation}, {"kind", "external"}, {"name", name},
          {"file", file},     {"changed", true},        {"warning", ""},      {"freed_clusters", 0}};
}

}  // namespace

Status create_overlays(const VdskRequest& request, const EmitRecord& emit) {
  HX_TRY(check_checkpoint_name(request.name.text));
  if (request.overlay && request.targets.size() > 1) return usage_error("--overlay is for one disk");
  std::vector<NewOverlay> made;
  for (const std::string& target : request.targets) {
    const std::string path = request.overlay ? *request.overlay : overlay_path(target, request.name.text);
    made.push_back(HX_TRY(prepare_overlay(target, path, request.allow_backing, request.locks)));
  }
  for (size_t i = 0; i < made.size(); ++i) {
    HX_TRY(commit_overlay(made[i], request.allow_backing, request.locks));
    HX_TRY(emit(record_of(request.targets[i], "create", request.name.text, made[i].file.path())));
  }
  return {};
}

Status list_overlays(const std::string& path, const VdskRequest& request, const EmitRecord& emit) {
  OverlayChain chain = HX_TRY(OverlayChain::open(path, request.allow_backing, request.locks));
  HX_TRY(chain.lock({}));
  for (size_t i = 0; i + 1 < chain.size(); ++i)
    HX_TRY(emit({{"target", path},
                 {"kind", "external"},
                 {"name", overlay_name(chain.path(i))},
                 {"file", chain.path(i + 1)},
                 {"overlay", chain.path(i)},
                 {"size", chain.layer(i + 1)->info().size}}));
  return {};
}

Status vdsk_merge(const VdskRequest& request, const EmitRecord& emit) {
  for (const std::string& target : request.targets) {
    OverlayChain chain = HX_TRY(OverlayChain::open(target, request.allow_backing, request.locks));
    const size_t overlay = HX_TRY(find_overlay(chain, request.name.text));
    // Where the disk is now: an image that was merged down is gone.
    const bool is_gone = request.way == MergeWay::kDown && overlay == 0;
    const std::string file = chain.path(is_gone ? 1 : 0);
    if (request.way == MergeWay::kDown)
      HX_TRY(merge_down(chain, overlay, {request.search}));
    else
      HX_TRY(merge_up(chain, overlay));
    HX_TRY(emit(record_of(target, "merge", request.name.text, file)));
  }
  return {};
}

Status vdsk_rebase(const VdskRequest& request, const EmitRecord& emit) {
  if (!request.backing) return usage_error("rebase needs --backing or --no-backing");
  for (const std::string& target : request.targets) {
    OverlayChain chain = HX_TRY(OverlayChain::open(target, request.allow_backing, request.locks));
    HX_TRY(rebase(chain, *request.backing, request.allow_backing, request.locks));
    HX_TRY(emit(record_of(target, "rebase", overlay_name(target), target)));
  }
  return {};
}

}  // namespace hx
