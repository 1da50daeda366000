// executor: carries out the orders of a run on this node: run directory, scripts through eventd,
// messages to local clients, and the kernel as judge of what happened.
//
// One order at a time (participant P1). The address of the run directory is
// <run>/failover/<epoch in hex>.
#pragma once

#include "common/event/event_client.hpp"
#include "failoverd/local_addresses.hpp"
#include "failoverd/participant.hpp"

#include <functional>

namespace ctdb::failoverd {

struct executor_settings {
    std::chrono::seconds lease{6};
};

class executor {
public:
    // To clients of the own node: RELEASE_IP, TAKE_IP, IPREALLOCATED, START_IPREALLOCATE.
    using teller = std::function<void(srvid, byte_view)>;

    executor(
        async::event_loop& loop,
        std::string run,
        event::event_client& events,
        local_addresses& addresses,
        teller tell
    )
        : loop_(loop), run_(std::move(run)), events_(events), addresses_(addresses),
          tell_(std::move(tell)) {}
    void set(executor_settings s) { settings_ = s; }

    [[nodiscard]] async::task<order_outcome> carry_out(epoch e, participant_host::order what);

    struct monitor_outcome {
        bool ran = false;       // false: no eventd, no script in time, or cancelled
        bool cancelled = false; // by another event, which goes first
        item_set available;
        std::string reason;
    };
    [[nodiscard]] async::task<monitor_outcome> monitor(std::chrono::seconds limit);
    [[nodiscard]] async::task<void> run_plain(std::string event, std::chrono::seconds limit);

    // RELEASE_IP or TAKE_IP for each.
    void tell_each(srvid address, const item_set& items) const;
    void tell(srvid address) const { tell_(address, {}); }

private:
    struct event_end {
        bool ran = false; // scripts were run and have ended
        bool cancelled = false;
        bool ok = false;
        std::string reason;
    };
    [[nodiscard]] async::task<order_outcome> do_prepare(epoch e, participant_host::prepare_order o);
    [[nodiscard]] async::task<order_outcome> do_release(epoch e, participant_host::release_order o);
    [[nodiscard]] async::task<order_outcome> do_take(epoch e, participant_host::take_order o);
    [[nodiscard]] async::task<order_outcome>
    do_finalise(epoch e, participant_host::finalise_order o);
    [[nodiscard]] async::task<event_end>
    run_event(std::string event, std::string directory, std::chrono::milliseconds limit);
    [[nodiscard]] result<std::string> directory_of(epoch e) const;
    [[nodiscard]] item_line gain_line(const item& which, bool probe, stamp until) const;
    void judge_take(
        const std::string& directory,
        const event_end& end,
        const item_set& real,
        order_outcome& outcome
    ) const;
    void look() const;

    async::event_loop& loop_;
    std::string run_;
    event::event_client& events_;
    local_addresses& addresses_;
    teller tell_;
    executor_settings settings_;
};

} // namespace ctdb::failoverd
