#include "common/provider/provider_client.hpp"

#include "common/base/log.hpp"
#include "common/sock/unix_socket.hpp"

#include <algorithm>

#include <unistd.h>

namespace ctdb::provider {

namespace {

constexpr auto pause_first = std::chrono::milliseconds(50);
constexpr auto pause_longest = std::chrono::seconds(1);
constexpr auto registration_limit = std::chrono::seconds(10); // until ctdbd has answered the first
constexpr std::uint32_t register_number = 1;

sock::stream_policy policy() {
    sock::stream_policy p;
    p.length_min = 16;
    p.length_max = packet_length_max;
    return p;
}

template <class Handler, class Value>
void call_if(const Handler& handler, const Value& value) {
    if (handler) {
        handler(value);
    }
}

} // namespace

provider_client::provider_client(
    async::event_loop& loop, std::string socket_path, identity who, handlers to_call
)
    : loop_(loop), path_(std::move(socket_path)), who_(std::move(who)),
      to_call_(std::move(to_call)), silence_(
                                        loop,
                                        [this] {
                                            lost(error{ETIMEDOUT, "ctdbd says nothing: it hangs"});
                                        }
                                    ),
      drop_(loop, [this] { stream_.reset(); }), tasks_(loop) {
    ensure(to_call_.on_event != nullptr);
    tasks_.spawn(keep_connected());
}

provider_client::~provider_client() = default;

async::task<void> provider_client::keep_connected() {
    async::duration pause = pause_first;
    bool told = false;
    co_await async::next_turn(loop_);
    for (;;) {
        if (const auto opened = open(); opened) {
            async::slot<bool> gone(loop_);
            waiting_for_loss_ = &gone;
            const bool was_registered = co_await gone.take();
            waiting_for_loss_ = nullptr;
            told = false;
            if (was_registered) {
                pause = pause_first;
            }
        } else if (!told) {
            log_info("{}: {}; trying again", path_, opened.error().what);
            told = true;
        }
        co_await async::sleep_for(loop_, pause);
        pause = std::min<async::duration>(2 * pause, pause_longest);
    }
}

result<void> provider_client::open() {
    auto fd = sock::connect_unix(path_);
    if (!fd) {
        return pass(fd);
    }
    drop_.cancel();
    ++connection_;
    stream_ = std::make_unique<sock::packet_stream>(
        loop_,
        std::move(*fd),
        policy(),
        sock::packet_stream::handlers{
            [this](sock::received_packet packet) { received(packet.view()); },
            [this](const sock::stream_end& end) {
                lost(error{end.code == 0 ? ENOTCONN : end.code, end.what});
            }}
    );
    register_provider hello;
    hello.name = who_.name;
    hello.pid = static_cast<std::uint32_t>(::getpid());
    hello.opcodes = who_.opcodes;
    hello.srvids = who_.srvids;
    send(register_number, hello);
    silence_.arm_in(registration_limit);
    return {};
}

void provider_client::received(byte_view whole) {
    if (drop_.scheduled()) {
        return; // given up, but read already
    }
    auto decoded = decode(whole);
    if (!decoded) {
        lost(decoded.error());
        return;
    }
    if (terms_) {
        silence_.arm_in(std::chrono::milliseconds(terms_->silence_limit_ms));
    }
    handle(decoded->number, std::move(decoded->message));
}

void provider_client::handle(std::uint32_t number, message m) {
    if (const auto* terms = std::get_if<registered>(&m)) {
        handle_registered(*terms);
    } else if (!terms_) {
        lost(error{EPROTO, fmt::format("{} before registration", name_of(m))});
    } else if (auto* what = std::get_if<request>(&m)) {
        tasks_.spawn(run_request(number, std::move(*what)));
    } else if (const auto* one = std::get_if<deliver>(&m)) {
        call_if(to_call_.on_message, *one);
    } else if (const auto* who = std::get_if<client_gone>(&m)) {
        call_if(to_call_.on_client_gone, *who);
    } else if (const auto* beat = std::get_if<heartbeat>(&m)) {
        handle_heartbeat(*beat);
    } else {
        tasks_.spawn(run_event(number, std::move(m)));
    }
}

void provider_client::handle_registered(const registered& terms) {
    if (terms.status != 0) {
        lost(error{terms.status, "registration refused: " + terms.text});
        return;
    }
    terms_ = terms;
    silence_.arm_in(std::chrono::milliseconds(terms.silence_limit_ms));
    if (health_) {
        send(0, *health_);
    }
    if (holding_) {
        send(0, *holding_);
    }
    for (const auto& [opcode, value] : answers_) {
        send(0, value);
    }
    call_if(to_call_.on_registered, terms);
}

void provider_client::handle_heartbeat(const heartbeat& beat) {
    send(0, heartbeat{});
    call_if(to_call_.on_heartbeat, beat);
}

async::task<void> provider_client::run_request(std::uint32_t number, request what) {
    const std::uint64_t connection = connection_;
    answer out;
    if (to_call_.serve) {
        out = co_await to_call_.serve(std::move(what));
    } else {
        out.status = -1;
        out.text = who_.name + " serves no controls";
    }
    reply(connection, number, out);
}

async::task<void> provider_client::run_event(std::uint32_t number, message event) {
    const std::uint64_t connection = connection_;
    acknowledge out = co_await to_call_.on_event(std::move(event));
    if (number != 0) {
        reply(connection, number, out);
    }
}

void provider_client::reply(std::uint64_t connection, std::uint32_t number, const message& m) {
    if (connection == connection_) {
        send(number, m);
    }
}

void provider_client::lost(error why) {
    if (waiting_for_loss_ != nullptr) {
        waiting_for_loss_->set(terms_.has_value());
    }
    ++connection_;
    silence_.cancel();
    drop_.schedule();
    if (stream_) {
        stream_->pause_reading(true);
    }
    if (!terms_) {
        log_warning("{}: {}", path_, why.what);
        return;
    }
    terms_.reset();
    log_warning("connection to ctdbd lost: {}", why.what);
    call_if(to_call_.on_lost, why);
}

void provider_client::send(std::uint32_t number, const message& m) {
    if (stream_) {
        stream_->send(encode(number, m));
    }
}

void provider_client::push(set_health value) {
    health_ = std::move(value);
    if (terms_) {
        send(0, *health_);
    }
}

void provider_client::push(set_holding value) {
    holding_ = value;
    if (terms_) {
        send(0, value);
    }
}

void provider_client::push(publish_answer value) {
    publish_answer& kept = answers_[value.opcode];
    kept = std::move(value);
    if (terms_) {
        send(0, kept);
    }
}

} // namespace ctdb::provider
