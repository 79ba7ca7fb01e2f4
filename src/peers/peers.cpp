#include "core/error.h"
#include "peers/libraries.h"

namespace tilesmith {

const std::vector<Peer>& peers() {
    static const std::vector<Peer> table = [] {
        std::vector<Peer> rows = {
#ifdef TILESMITH_HAS_ONEDNN
            onednn_peer(),
#endif
            openblas_peer(),
            blis_peer(),
            stream_peer(),
        };
        for (const Peer& peer : halide_peers()) rows.push_back(peer);
        return rows;
    }();
    return table;
}

const Peer& peer_named(const std::string& name) {
    std::string names;
    for (const Peer& peer : peers()) {
        if (peer.name == name) return peer;
        names += (names.empty() ? "" : ", ") + peer.name;
    }
    throw bad_input("there is no library '" + name + "' to compare with", "known ones: " + names);
}

}  // namespace tilesmith
