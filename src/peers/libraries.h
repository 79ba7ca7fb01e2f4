// The rows of the table of peers, one a library.
#pragma once

#include "peers/peer.h"

namespace tilesmith {

Peer onednn_peer();
Peer openblas_peer();
Peer blis_peer();
Peer stream_peer();
std::vector<Peer> halide_peers();

}  // namespace tilesmith
