#pragma once
// The part of vdsk_job.h that is done with overlays.

#include "vdsk/vdsk_job.h"

namespace hx {

Status create_overlays(const VdskRequest&, const EmitRecord&);
// A record for each overlay of the chain.
Status list_overlays(const std::string& path, const VdskRequest&, const EmitRecord&);

}  // namespace hx
