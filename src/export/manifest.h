// manifest.json: what a library contains, for programs. Its fields are written down in docs/abi.md.
#pragma once

#include <nlohmann/json.hpp>

#include "export/export.h"
#include "export/kernel.h"

namespace tilesmith {

nlohmann::ordered_json manifest_json(const Library& library, const ExportRequest& request);

}  // namespace tilesmith
