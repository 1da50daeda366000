#include "ctdbd/transport/peer_link.hpp"

#include "common/base/log.hpp"
#include "common/sock/native_address.hpp"

#include <cstring>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;

constexpr async::duration pause_min = 50ms; // T2
constexpr async::duration pause_max = 5s;
constexpr async::duration stable_after = 10s;
constexpr async::duration connect_limit = 1s; // cluster.md 2.3
constexpr unsigned user_timeout_ms = 10'000;  // unacknowledged data for that long: dead (W34)

void set_option(int fd, int level, int option, unsigned value) {
    setsockopt(fd, level, option, &value, sizeof(value));
}

void tune(int fd) {
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_ms);
}

} // namespace

peer_link::peer_link(
    async::event_loop& loop,
    pnn peer,
    const protocol::sock_addr& address,
    const link_settings& settings,
    link_handlers handlers
)
    : loop_(loop), peer_(peer), address_(address), settings_(settings),
      handlers_(std::move(handlers)), attempt_timer_(loop, [this] { attempt(); }),
      give_up_timer_(loop, [this] { retry_later("no answer to the connection attempt"); }),
      stable_timer_(loop, [this] { pause_ = pause_min; }), pause_(pause_min) {}

peer_link::~peer_link() = default;

void peer_link::start() {
    attempt_timer_.arm(loop_.now());
}

// ---- outgoing ----

void peer_link::attempt() {
    const sock::native_address to = sock::to_native(address_);
    const sock::native_address from = sock::to_native(protocol::with_port(settings_.own, 0));
    connecting_.reset(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    );
    if (!connecting_ || ::bind(connecting_.get(), from.get(), from.length) != 0) {
        retry_later(std::strerror(errno));
        return;
    }
    tune(connecting_.get());
    if (::connect(connecting_.get(), to.get(), to.length) == 0) {
        outgoing_up(std::move(connecting_));
        return;
    }
    if (errno != EINPROGRESS) {
        retry_later(std::strerror(errno));
        return;
    }
    connecting_watch_ =
        std::make_unique<async::fd_watch>(loop_, connecting_.get(), [this](async::fd_readiness) {
            outgoing_ready();
        });
    connecting_watch_->want_write(true);
    connecting_watch_->want_read(true); // tevent reports a refused connection to readers only
    give_up_timer_.arm_in(connect_limit);
}

void peer_link::outgoing_ready() {
    int failure = 0;
    socklen_t length = sizeof(failure);
    getsockopt(connecting_.get(), SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure != 0) {
        retry_later(std::strerror(failure));
        return;
    }
    connecting_watch_.reset();
    outgoing_up(std::move(connecting_));
}

void peer_link::outgoing_up(unique_fd connection) {
    give_up_timer_.cancel();
    last_problem_.clear();
    sock::packet_stream::handlers handlers;
    handlers.on_packet = [this](const sock::received_packet&) {
        tear_down("data on the outgoing connection");
    };
    handlers.on_end = [this](const sock::stream_end& end) {
        const bool orderly = end.cause == sock::end_cause::closed;
        tear_down(end.what, orderly ? both_ways::as_the_kernel_says : both_ways::incomplete);
    };
    outgoing_ =
        std::make_unique<sock::packet_stream>(loop_, std::move(connection), policy(), handlers);
    for (bytes& packet : std::exchange(early_, {})) {
        outgoing_->send(std::move(packet));
    }
    check_connected();
}

void peer_link::retry_later(std::string_view why) {
    connecting_watch_.reset();
    connecting_.reset();
    give_up_timer_.cancel();
    if (why != last_problem_) {
        last_problem_ = why;
        log_notice(
            "node {} ({}): cannot connect: {}; trying on",
            peer_,
            protocol::to_text_with_port(address_),
            why
        );
    }
    const auto jitter = pause_ / 4 * static_cast<int>(loop_.random() % 100) / 100;
    attempt_timer_.arm_in(pause_ + jitter);
    pause_ = std::min(pause_ * 2, pause_max);
}

void peer_link::send(bytes packet) {
    if (outgoing_) {
        outgoing_->send(std::move(packet));
    } else if (incoming_ && early_.size() < early_max) {
        early_.push_back(std::move(packet)); // T4
    }
}

// ---- incoming ----

sock::stream_policy peer_link::policy() const {
    sock::stream_policy p;
    p.length_min = protocol::header_size;
    p.length_max = settings_.packet_bytes_max;
    p.length_multiple = 8;
    p.queue_bytes_max = settings_.queue_bytes_max;
    return p;
}

std::unique_ptr<peer_link::inbound> peer_link::make_inbound(unique_fd connection, bool candidate) {
    tune(connection.get());
    auto made = std::make_unique<inbound>();
    made->candidate = candidate;
    inbound* self = made.get();
    sock::packet_stream::handlers handlers;
    handlers.on_packet = [this, self](const sock::received_packet& p) {
        inbound_packet(*self, p.view());
    };
    handlers.on_end = [this, self](const sock::stream_end& end) { inbound_end(*self, end); };
    made->stream =
        std::make_unique<sock::packet_stream>(loop_, std::move(connection), policy(), handlers);
    return made;
}

void peer_link::accept(unique_fd connection) {
    if (incoming_) {
        log_info("node {}: second incoming connection, kept until it proves itself", peer_);
        candidate_ = make_inbound(std::move(connection), true);
        return;
    }
    incoming_ = make_inbound(std::move(connection), false);
    check_connected();
}

void peer_link::inbound_packet(inbound& from, byte_view packet) {
    if (from.acknowledgements.to_be_delayed(loop_.now())) {
        set_option(from.stream->fd(), IPPROTO_TCP, TCP_QUICKACK, 0);
    }
    if (from.candidate) {
        take_first_packet(packet);
    } else {
        take_packet(packet);
    }
}

void peer_link::inbound_end(const inbound& from, const sock::stream_end& end) {
    if (from.candidate) {
        candidate_.reset();
    } else {
        const bool orderly = end.cause == sock::end_cause::closed;
        tear_down(end.what, orderly ? both_ways::as_the_kernel_says : both_ways::incomplete);
    }
}

void peer_link::take_packet(byte_view packet) {
    const protocol::framing_error bad = protocol::judge_framing(packet);
    if (bad != protocol::framing_error::none) {
        tear_down(
            fmt::format("bad packet: {}", protocol::framing_error_name(bad)), both_ways::incomplete
        );
        return;
    }
    handlers_.packet(packet);
}

// T3
void peer_link::take_first_packet(byte_view packet) {
    const auto header = protocol::parse_header(packet);
    if (!header || header->srcnode != peer_) {
        log_warning("node {}: second incoming connection sent nonsense, closed", peer_);
        candidate_.reset();
        return;
    }
    std::unique_ptr<inbound> proven = std::move(candidate_);
    tear_down("replaced by a new connection of the node");
    proven->candidate = false;
    incoming_ = std::move(proven);
    check_connected();
    handlers_.packet(packet);
}

// ---- both ----

void peer_link::check_connected() {
    if (outgoing_ && incoming_ && !connected_) {
        connected_ = true;
        stable_timer_.arm_in(stable_after);
        handlers_.up();
    }
}

bool peer_link::undelivered() const {
    if (!outgoing_ || !incoming_) {
        return true;
    }
    int unacknowledged = 0;
    int unread = 0;
    if (ioctl(outgoing_->fd(), SIOCOUTQ, &unacknowledged) != 0 ||
        ioctl(incoming_->stream->fd(), SIOCINQ, &unread) != 0) {
        return true;
    }
    return outgoing_->queued_bytes() != 0 || unacknowledged != 0 || unread != 0;
}

void peer_link::fail(std::string why) {
    tear_down(std::move(why));
}

void peer_link::tear_down(std::string why, both_ways seen) {
    const bool lost = seen == both_ways::incomplete || undelivered(); // T5
    link_loss loss{std::move(why), connected_ && lost};
    // Streams may be closing from inside their own handlers: packet_stream allows it.
    outgoing_.reset();
    incoming_.reset();
    connecting_watch_.reset();
    connecting_.reset();
    give_up_timer_.cancel();
    stable_timer_.cancel();
    early_.clear();
    const bool was_connected = std::exchange(connected_, false);
    retry_later(loss.why);
    if (was_connected) {
        handlers_.down(loss);
    }
}

} // namespace ctdb::ctdbd
