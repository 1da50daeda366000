// dispatcher: who wants which message or tunnel packet. Internal to this folder.
//
// Handlers are kept alive while they run, so they may remove themselves or others. The first
// handler of an address and the removal of the last are reported to `changed`, which tells ctdbd.
#pragma once

#include "common/client/cluster_port.hpp"

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace ctdb::client {

class dispatcher : public std::enable_shared_from_this<dispatcher> {
public:
    enum class space : std::uint8_t { messages, tunnels };
    using handler = std::function<void(std::uint32_t flags, byte_view data)>; // flags: tunnels
    using change = std::function<void(space, std::uint64_t address, bool wanted)>;

    explicit dispatcher(change changed) : changed_(std::move(changed)) {}

    [[nodiscard]] std::unique_ptr<message_subscription>
    add(space where, std::uint64_t address, handler to_call);
    // ctdbd has been told by the caller already; it is still told of the end.
    [[nodiscard]] std::unique_ptr<message_subscription>
    add_registered(space where, std::uint64_t address, handler to_call);
    void dispatch(space where, std::uint64_t address, std::uint32_t flags, byte_view data);
    [[nodiscard]] bool wanted(space where, std::uint64_t address) const;
    void close() { changed_ = nullptr; } // ctdbd is not told any more

private:
    struct entry {
        handler to_call;
        bool alive = true;
    };
    using key = std::pair<space, std::uint64_t>;
    class subscription;

    void remove(const key& where, const std::shared_ptr<entry>& gone);

    change changed_;
    std::map<key, std::vector<std::shared_ptr<entry>>> entries_;
};

} // namespace ctdb::client
