// provider_hub: routes controls and messages to the daemons that own them, and tells them what
// happens in ctdbd.
//
//   P1  one provider per name and per opcode; a new registration under a name replaces the old
//   connection. P2  every request is answered once: by the provider, or - it is away for
//   `absence_limit`, or goes while it works on it - by the hub:
//       with the last published answer if there is one, else status -1 "NAME not available".
//   P3  a client that has sent a provider something is announced to it when it goes, before its id
//   is used again. P4  an event that asks for acknowledgement ends with all acknowledgements or at
//   its deadline. P5  a provider that is silent for `silence_limit` is ended, so that it is started
//   again: its controls are held meanwhile (P2). After a pause of our own all get the time anew.
#pragma once

#include "common/async/slot.hpp"
#include "common/async/task.hpp"
#include "common/provider/messages.hpp"
#include "ctdbd/routing/router.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace ctdb::ctdbd {

// The way to one provider: a socket in the daemon, a fake in tests and simulation.
class provider_link {
public:
    provider_link() = default;
    provider_link(const provider_link&) = delete;
    provider_link& operator=(const provider_link&) = delete;
    virtual ~provider_link() = default;
    virtual void send(bytes packet) = 0;
    virtual void close() = 0; // what was sent still goes out; provider_gone() is not called
    // The process at the other end hangs: whoever started it starts it again once it has ended.
    virtual void end_process() = 0;
};

using provider_number = std::uint64_t;

struct provider_events {
    std::function<void(bool healthy, const std::string& reason)> health;
    std::function<void(std::uint32_t held)> holding;
    // A provider has registered: current state is sent by whoever owns it through tell().
    std::function<void(const std::string& name)> registered;
    std::function<void(const std::string& name)> lost;
    std::function<std::uint32_t()> lock_verified_ms; // heartbeat::never: not leader, or no lock
    std::function<std::int32_t(client_id)> pid_of;
};

struct event_outcome {
    std::string provider;
    std::int32_t status = 0; // ETIMEDOUT, ENOTCONN: no acknowledgement
    std::string text;
};

class provider_hub {
public:
    static constexpr std::chrono::seconds absence_limit{2};
    static constexpr std::chrono::milliseconds heartbeat_every{1000};
    static constexpr std::chrono::seconds silence_limit{4};

    provider_hub(router& r, provider_events events);
    ~provider_hub();
    provider_hub(const provider_hub&) = delete;
    provider_hub& operator=(const provider_hub&) = delete;

    // ---- connections ----
    provider_number connected(std::unique_ptr<provider_link> link, std::int32_t pid);
    void packet(provider_number from, byte_view raw); // a bad one ends the connection
    void provider_gone(provider_number which);

    // ---- ctdbd's side ----
    [[nodiscard]] bool present(const std::string& name) const;
    [[nodiscard]] static bool is_provided(std::uint32_t opcode); // by whoever, now or later
    void request(const control_request& request, std::function<void(client::control_answer)> reply);
    void client_ended(client_id client);

    void tell_all(const provider::message& event);
    void tell(const std::string& name, const provider::message& event);
    // Tells one (empty name: all) and waits for the acknowledgements.
    [[nodiscard]] async::task<std::vector<event_outcome>>
    ask(std::string name, provider::message event, async::time_point deadline);

private:
    struct provider_state;
    struct waiting_request;
    struct waiting_event;

    void take(provider_state& from, const provider::packet& p);
    void take_registration(provider_state& from, const provider::register_provider& wanted);
    void take_answer(provider_state& from, std::uint32_t number, const provider::answer& a);
    void take_acknowledge(std::uint32_t number, const provider::acknowledge& a);
    [[nodiscard]] std::string refusal_of(const provider::register_provider& wanted) const;
    void subscribe_messages(provider_state& from, const provider::register_provider& wanted);
    void hand_over(provider_state& to, std::uint32_t number, waiting_request& waiting);
    void hand_over_held(provider_state& to);
    void give_up(std::uint32_t number);
    void drop(provider_number which, std::string_view why);
    void forget(provider_number which);
    void beat();
    void send(provider_state& to, std::uint32_t number, const provider::message& m);
    [[nodiscard]] provider_state* by_name(const std::string& name);

    router& router_;
    provider_events events_;
    std::map<provider_number, std::unique_ptr<provider_state>> providers_;
    provider_number next_provider_ = 1;
    std::map<std::uint32_t, std::unique_ptr<waiting_request>> requests_;
    std::map<std::uint32_t, waiting_event*> event_acks_; // owned by the frame of ask()
    std::uint32_t next_number_ = 1;
    std::map<std::uint32_t, bytes> published_; // opcode -> answer
    async::timer heartbeat_;
    async::time_point last_beat_;
};

} // namespace ctdb::ctdbd
