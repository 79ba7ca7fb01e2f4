// The hidden subcommand `verify-library LIBRARY.so MANIFEST`: checks a finished kernel library in this process on
// behalf of `export`.
#include <memory>

#include "cli/command.h"
#include "export/export.h"

namespace tilesmith {

namespace {

struct VerifyOptions {
    std::string library;
    std::string manifest;
};

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<VerifyOptions>();
    app.add_option("library", options->library)->required();
    app.add_option("manifest", options->manifest)->required();
    return [options] { return verify_library_main(options->library, options->manifest); };
}

}  // namespace

Command verify_library_command() {
    return {"verify-library", "checks an exported library for export", "", declare, /*hidden=*/true};
}

}  // namespace tilesmith
