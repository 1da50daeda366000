#include "ctdbd/recovery/record_disposal.hpp"

namespace ctdb::ctdbd {
namespace {

constexpr std::chrono::milliseconds turn{1};
constexpr int pieces_max = 8; // in a turn, a megabyte each at most: where time stands still

} // namespace

record_disposal::record_disposal(async::runtime& rt) : rt_(rt), next_(rt, [this] { go_on(); }) {}

void record_disposal::take(record_merge&& records) {
    if (records.size() > 0) {
        left_.push_back(std::move(records));
        next_.arm(rt_.now());
    }
}

void record_disposal::go_on() {
    const auto end = rt_.now() + turn;
    for (int i = 0; i < pieces_max && !left_.empty() && rt_.now() < end; ++i) {
        if (!left_.front().forget_some()) {
            left_.pop_front();
        }
    }
    if (!left_.empty()) {
        next_.arm(rt_.now());
    }
}

} // namespace ctdb::ctdbd
