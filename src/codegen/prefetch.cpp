#include "codegen/prefetch.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "codegen/address.h"
#include "codegen/let_visitor.h"

namespace tilesmith {

namespace {

using Halide::Expr;
namespace Ir = Halide::Internal;

constexpr int kLineBytes = 64;

// Asks for the line that holds `element` of `buffer`. llvm.prefetch (LLVM Language Reference): the address, read (0) or
// write, locality (3: all caches), data cache (1).
Ir::Stmt fetch(const std::string& buffer, const Expr& element, int element_bytes) {
    return Ir::Evaluate::make(Ir::Call::make(Halide::Int(32), "llvm.prefetch.p0",
                                             {address_of(buffer, element, element_bytes), 0, 3, 1}, Ir::Call::Extern));
}

Ir::Stmt with_body(const Ir::For* loop, const Ir::Stmt& body) {
    return Ir::For::make(loop->name, loop->min, loop->extent, loop->for_type, loop->partition_policy, loop->device_api,
                         body);
}

// `loop` with the `share` statements of a tile, statement(0) to statement(share - 1), spread over its iterations.
template <class Statement>
Ir::Stmt spread_over(const Ir::For* loop, int iterations, int share, const Statement& statement) {
    const int at_once = (share + iterations - 1) / iterations;
    const int every = std::max(1, iterations / share);
    const Expr iteration = Ir::Variable::make(Halide::Int(32), loop->name);
    Ir::Stmt body = loop->body;
    for (int i = 0; i < at_once; ++i) body = Ir::Block::make(statement(iteration / every * at_once + i), body);
    return with_body(loop, body);
}

// How a loop reads: `index` elements into `buffer`, with `variable` = 0, 1, ... `iterations` - 1.
struct Reads {
    std::string buffer, variable;
    Expr index;
    int iterations = 0;
    int element_bytes = 0;

    [[nodiscard]] int line() const { return kLineBytes / element_bytes; }  // in elements
    [[nodiscard]] Expr start() const { return Ir::simplify(Ir::substitute(variable, 0, index)); }
};

// The first dense vector that is read in a loop, or the first read at all of `buffer` where one is named.
class FindReads : public LetVisitor {
  public:
    explicit FindReads(std::string buffer = "") : buffer_(std::move(buffer)) {}
    std::optional<Reads> found;

  private:
    using LetVisitor::visit;

    void visit(const Ir::For* loop) override {
        const Ir::For* outer = std::exchange(loop_, loop);
        Ir::IRVisitor::visit(loop);
        loop_ = outer;
    }

    void visit(const Ir::Load* load) override {
        const auto* ramp = load->index.as<Ir::Ramp>();
        const bool dense = ramp != nullptr && Ir::is_const_one(ramp->stride);
        const bool wanted =
            buffer_.empty() ? dense : load->name == buffer_ && (dense || load->index.type().is_scalar());
        if (found || loop_ == nullptr || !wanted) return;
        const auto extent = Ir::as_const_int(loop_->extent);
        if (!Ir::is_const_zero(loop_->min) || !extent) return;
        const Expr index = without_lets(dense ? ramp->base : load->index);
        found = Reads{load->name, loop_->name, index, static_cast<int>(*extent), load->type.bytes()};
    }

    const std::string buffer_;
    const Ir::For* loop_ = nullptr;
};

bool of_first_update(const Ir::For* loop, const std::string& consumer) {
    return loop->name.starts_with(consumer + ".s1.");
}

// How `loop`, if it is the innermost one that does, reads `buffer`.
std::optional<Reads> innermost_reads(const Ir::For* loop, const std::string& buffer) {
    FindReads find(buffer);
    loop->accept(&find);
    return find.found && find.found->variable == loop->name ? find.found : std::nullopt;
}

// `loop`, which asks for `share` lines in its course: from line `first` on of what begins `ahead` elements after its
// own reads.
Ir::Stmt ask_ahead(const Ir::For* loop, const Reads& reads, int64_t ahead, const Expr& first, int share) {
    const Expr start = reads.start() + static_cast<int>(ahead);
    return spread_over(loop, reads.iterations, share, [&](const Expr& place) {
        return fetch(reads.buffer, start + (first + place) * reads.line(), reads.element_bytes);
    });
}

class PrefetchPanels : public Ir::IRMutator {
  public:
    explicit PrefetchPanels(const PanelPrefetch& prefetch) : prefetch_(prefetch) {}

  private:
    using Ir::IRMutator::visit;

    Ir::Stmt visit(const Ir::ProducerConsumer* node) override {
        if (node->name != prefetch_.copy) return Ir::IRMutator::visit(node);
        if (node->is_producer) {
            FindReads find;
            node->body.accept(&find);
            reads_ = find.found;
            return node;
        }
        tile_ = Expr();
        Ir::Stmt consumer = Ir::IRMutator::visit(node);
        reads_.reset();
        return consumer;
    }

    Ir::Stmt visit(const Ir::For* loop) override {
        if (!reads_) return Ir::IRMutator::visit(loop);
        if (of_first_update(loop, prefetch_.consumer)) return with_prefetch(loop);
        if (!tile_.defined()) tile_ = Ir::Variable::make(Halide::Int(32), loop->name);
        return Ir::IRMutator::visit(loop);
    }

    // The rows are shared out evenly among tiles, and within a tile among the iterations of its reduction.
    Ir::Stmt with_prefetch(const Ir::For* loop) {
        const auto extent = Ir::as_const_int(loop->extent);
        if (!extent || !tile_.defined()) return loop;
        const int share = (reads_->iterations + prefetch_.tiles - 1) / prefetch_.tiles;
        return spread_over(loop, static_cast<int>(*extent), share,
                           [&](const Expr& row) { return lines_of(tile_ * share + row); });
    }

    // Asks for the lines of one row of the next panel.
    [[nodiscard]] Ir::Stmt lines_of(const Expr& row) const {
        const int bytes = reads_->element_bytes;
        const Expr index = Ir::substitute(reads_->variable, row, reads_->index) + prefetch_.columns;
        Ir::Stmt lines;
        for (int column = 0; column < prefetch_.columns; column += kLineBytes / bytes) {
            const Ir::Stmt line = fetch(reads_->buffer, index + column, bytes);
            lines = lines.defined() ? Ir::Block::make(lines, line) : line;
        }
        return lines;
    }

    const PanelPrefetch& prefetch_;
    std::optional<Reads> reads_;  // of the copy of the panel whose consumer is being visited, a row an iteration
    Expr tile_;                   // the loop over its tiles
};

// The first elements of `buffer` that the innermost loops of a first update read, one for each such loop below a
// statement; those of tiles that are written out one after the other are equal. Loops over more tiles are left alone.
class FindRuns : public Ir::IRVisitor {
  public:
    FindRuns(std::string consumer, std::string buffer) : consumer_(std::move(consumer)), buffer_(std::move(buffer)) {}
    std::vector<Expr> starts;

  private:
    using Ir::IRVisitor::visit;

    void visit(const Ir::For* loop) override {
        if (!of_first_update(loop, consumer_)) return;
        if (const auto reads = innermost_reads(loop, buffer_))
            starts.push_back(reads->start());
        else
            Ir::IRVisitor::visit(loop);
    }

    const std::string consumer_, buffer_;
};

class PrefetchPacked : public Ir::IRMutator {
  public:
    explicit PrefetchPacked(const PackedPrefetch& prefetch) : prefetch_(prefetch) {}

    // Of a whole function.
    [[nodiscard]] Ir::Stmt with_prefetches(const Ir::Stmt& body) {
        starts_ = starts_in(body);
        return mutate(body);
    }

  private:
    using Ir::IRMutator::visit;

    Ir::Stmt visit(const Ir::For* loop) override {
        if (of_first_update(loop, prefetch_.consumer)) {
            const auto reads = innermost_reads(loop, prefetch_.packed);
            return reads ? with_prefetch(loop, *reads) : Ir::IRMutator::visit(loop);
        }
        const Expr outside = tile_;
        const bool over_tiles =
            std::any_of(prefetch_.tile_loops.begin(), prefetch_.tile_loops.end(),
                        [&](const std::string& variable) { return loop->name.ends_with("." + variable); });
        if (over_tiles) tile_ = tile_ * loop->extent + Ir::Variable::make(Halide::Int(32), loop->name);
        std::vector<Expr> starts = std::exchange(starts_, starts_in(loop->body));
        std::vector<Expr> visited = std::exchange(visited_, {});
        Ir::Stmt result = Ir::IRMutator::visit(loop);
        starts_ = std::move(starts);
        visited_ = std::move(visited);
        tile_ = outside;
        return result;
    }

    [[nodiscard]] std::vector<Expr> starts_in(const Ir::Stmt& body) const {
        FindRuns find(prefetch_.consumer, prefetch_.packed);
        body.accept(&find);
        return find.starts;
    }

    // Each tile asks for its share of what the same run of the next panel will read.
    [[nodiscard]] Ir::Stmt with_prefetch(const Ir::For* loop, const Reads& reads) {
        const Expr start = reads.start();
        const auto same_of = [&](const std::vector<Expr>& runs) {
            return static_cast<int>(
                std::count_if(runs.begin(), runs.end(), [&](const Expr& other) { return Ir::equal(start, other); }));
        };
        const int before = same_of(visited_);
        visited_.push_back(start);
        const int written_out = std::max(1, same_of(starts_));
        const int tiles = prefetch_.tiles * written_out;
        const int share = static_cast<int>((prefetch_.run / reads.line() + tiles - 1) / tiles);
        if (share == 0) return loop;
        return ask_ahead(loop, reads, prefetch_.panel, (tile_ * written_out + before) * share, share);
    }

    const PackedPrefetch& prefetch_;
    Expr tile_ = 0;
    std::vector<Expr> starts_;   // of the runs below the loop that is being visited
    std::vector<Expr> visited_;  // of these
};

// Changes the innermost loop of `consumer`'s first update that reads `input`.
class ChangeReadingLoop : public Ir::IRMutator {
  public:
    using Change = std::function<Ir::Stmt(const Ir::For*, const Reads&)>;

    ChangeReadingLoop(std::string consumer, std::string input, Change change)
        : consumer_(std::move(consumer)), input_(std::move(input)), change_(std::move(change)) {}

  private:
    using Ir::IRMutator::visit;

    Ir::Stmt visit(const Ir::For* loop) override {
        if (!of_first_update(loop, consumer_)) return Ir::IRMutator::visit(loop);
        const auto reads = innermost_reads(loop, input_);
        return reads ? change_(loop, *reads) : Ir::IRMutator::visit(loop);
    }

    const std::string consumer_, input_;
    const Change change_;
};

Ir::Stmt prefetch_next_tile(const Ir::Stmt& body, const NextTilePrefetch& prefetch) {
    const auto ask = [&](const Ir::For* loop, const Reads& reads) {
        const int lines = static_cast<int>((prefetch.elements + reads.line() - 1) / reads.line());
        return ask_ahead(loop, reads, prefetch.elements, 0, lines);
    };
    return ChangeReadingLoop(prefetch.consumer, prefetch.input, ask).mutate(body);
}

// The lines of some buffers that dense vectors are stored to or read from, one address each.
class FindLines : public LetVisitor {
  public:
    explicit FindLines(const std::set<std::string>& buffers) : buffers_(buffers) {}

    struct Line {
        std::string buffer;
        Expr element;
        int element_bytes = 0;
    };
    std::vector<Line> lines;

  private:
    using LetVisitor::visit;

    void visit(const Ir::Store* store) override {
        Ir::IRVisitor::visit(store);
        add(store->name, store->index, store->value.type().bytes());
    }

    void visit(const Ir::Load* load) override { add(load->name, load->index, load->type.bytes()); }

    void add(const std::string& buffer, const Expr& index, int element_bytes) {
        const auto* ramp = index.as<Ir::Ramp>();
        if (!buffers_.contains(buffer) || ramp == nullptr || !Ir::is_const_one(ramp->stride)) return;
        const Expr first = without_lets(ramp->base);
        const int line = kLineBytes / element_bytes;
        for (int element = 0; element < ramp->lanes; element += line) {
            const Expr at = first + element;
            const bool asked = std::any_of(lines.begin(), lines.end(), [&](const Line& other) {
                if (other.buffer != buffer) return false;
                const auto apart = Ir::as_const_int(Ir::simplify(at - other.element));
                return apart && *apart > -line && *apart < line;
            });
            if (!asked) lines.push_back({buffer, at, element_bytes});
        }
    }

    const std::set<std::string>& buffers_;
};

Ir::Stmt prefetch_stream(const Ir::Stmt& body, const StreamPrefetch& prefetch) {
    const std::set<std::string> input{prefetch.input};
    const auto ask = [&](const Ir::For* loop, const Reads&) {
        FindLines find(input);
        loop->body.accept(&find);
        Ir::Stmt changed = loop->body;
        for (const FindLines::Line& line : find.lines) {
            const Expr ahead = line.element + static_cast<int>(prefetch.elements);
            changed = Ir::Block::make(fetch(line.buffer, ahead, line.element_bytes), changed);
        }
        return with_body(loop, changed);
    };
    return ChangeReadingLoop(prefetch.consumer, prefetch.input, ask).mutate(body);
}

class PrefetchOutput : public Ir::IRMutator {
  public:
    PrefetchOutput(std::string tile, std::set<std::string> buffers)
        : tile_(std::move(tile)), buffers_(std::move(buffers)) {}

  private:
    using Ir::IRMutator::visit;

    Ir::Stmt visit(const Ir::Block* block) override {
        const auto* produced = block->first.as<Ir::ProducerConsumer>();
        if (produced == nullptr || !produced->is_producer || produced->name != tile_)
            return Ir::IRMutator::visit(block);
        FindLines find(buffers_);
        block->rest.accept(&find);
        Ir::Stmt result = block;
        for (const FindLines::Line& line : find.lines)
            result = Ir::Block::make(fetch(line.buffer, line.element, line.element_bytes), result);
        return result;
    }

    const std::string tile_;
    const std::set<std::string> buffers_;
};

// The output and the tensors of its shape that are added to it.
std::set<std::string> output_like(const Stage& stage) {
    std::set<std::string> buffers{stage.output.name()};
    for (size_t i = 0; i < stage.inputs.size(); ++i)
        if (elements_of(stage.input_extents[i]) == elements_of(stage.output_extents))
            buffers.insert(stage.inputs[i].name());
    return buffers;
}

}  // namespace

Ir::Stmt with_prefetches(const Ir::Stmt& body, const Stage& stage) {
    Ir::Stmt result = body;
    for (const Prefetch& prefetch : stage.prefetches) {
        if (const auto* copied = std::get_if<PanelPrefetch>(&prefetch)) result = PrefetchPanels(*copied).mutate(result);
        if (const auto* packed = std::get_if<PackedPrefetch>(&prefetch))
            result = PrefetchPacked(*packed).with_prefetches(result);
        if (const auto* next = std::get_if<NextTilePrefetch>(&prefetch)) result = prefetch_next_tile(result, *next);
        if (const auto* stream = std::get_if<StreamPrefetch>(&prefetch)) result = prefetch_stream(result, *stream);
        if (const auto* output = std::get_if<OutputPrefetch>(&prefetch))
            result = PrefetchOutput(output->tile, output_like(stage)).mutate(result);
    }
    return result;
}

}  // namespace tilesmith
