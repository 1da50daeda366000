#include "common/sock/packet_stream.hpp"

#include "common/async/turn_part.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace ctdb::sock {

namespace {

constexpr std::size_t prefix_size = 4;
constexpr std::size_t read_size = 64 * 1024;
constexpr int read_rounds = 4;                 // then the other connections get their turn
constexpr std::size_t pieces_max = 64;         // per writev
constexpr std::size_t large_step = 256 * 1024; // of a packet that does not fit that buffer
constexpr std::size_t large_room = 16;         // times what has come
// Of one turn of the loop. Over loopback the kernel does the receiver's work within the write: up
// to 17 ms were measured for 1 MiB on a busy machine.
constexpr std::size_t write_turn_max = 256 * 1024;
constexpr auto read_turn_max = std::chrono::milliseconds(2);

void make_non_blocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    ensure(flags >= 0);
    ensure(::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
}

std::uint32_t length_of(byte_view received) noexcept {
    std::uint32_t length = 0;
    std::memcpy(&length, received.data(), prefix_size);
    return length;
}

} // namespace

bytes received_packet::take() {
    return own_ != nullptr ? std::move(*own_) : to_bytes(view_);
}

packet_stream::packet_stream(
    async::event_loop& loop, unique_fd connected, const stream_policy& policy, handlers to_call
)
    : loop_(loop), policy_(policy), fd_(std::move(connected)),
      on_packet_(std::move(to_call.on_packet)), on_end_(std::move(to_call.on_end)),
      rest_later_(loop, [this] { show_rest(); }), flush_later_(loop, [this] { write_some(); }),
      end_later_(loop, [this] { report_end(); }),
      watch_(loop, fd_.get(), [this](async::fd_readiness r) { ready(r); }) {
    ensure(policy_.length_min >= prefix_size);
    ensure(policy_.length_multiple > 0);
    make_non_blocking(fd_.get());
    watch_.want_read(true);
}

packet_stream::~packet_stream() {
    if (gone_ != nullptr) {
        *gone_ = true;
    }
}

// ---- outgoing ----

void packet_stream::send(bytes packet, urgency how) {
    enqueue(outgoing{std::move(packet), nullptr}, how);
}

void packet_stream::send(std::shared_ptr<const bytes> packet, urgency how) {
    enqueue(outgoing{{}, std::move(packet)}, how);
}

void packet_stream::enqueue(outgoing packet, urgency how) {
    const std::size_t size = packet.view().size();
    ensure(size >= prefix_size);
    ensure(length_of(packet.view()) == size);
    if (ended_ || closing_) {
        return;
    }
    if (queue_.size() >= policy_.queue_packets_max ||
        queued_bytes_ + size > policy_.queue_bytes_max) {
        end(end_cause::overflow,
            ENOBUFS,
            fmt::format(
                "peer does not read: {} packets, {} bytes wait", queue_.size(), queued_bytes_
            ));
        return;
    }
    if (how == urgency::urgent) {
        const std::size_t place = (written_ > 0 ? 1U : 0U) + urgent_waiting_;
        queue_.insert(queue_.begin() + static_cast<std::ptrdiff_t>(place), std::move(packet));
        ++urgent_waiting_;
    } else {
        queue_.push_back(std::move(packet));
    }
    queued_bytes_ += size;
    flush_later_.schedule();
}

void packet_stream::flush() {
    flush_later_.cancel();
    write_some();
}

void packet_stream::close_when_flushed() {
    closing_ = true;
    watch_.want_read(false);
    flush_later_.schedule();
}

void packet_stream::write_some() {
    const async::turn_part named("writing to a socket");
    std::size_t written_now = 0;
    while (!ended_ && !queue_.empty() && written_now < write_turn_max) {
        std::array<iovec, pieces_max> pieces{};
        std::size_t count = 0;
        std::size_t room = write_turn_max - written_now;
        for (auto it = queue_.begin(); it != queue_.end() && count < pieces_max && room > 0;
             ++it, ++count) {
            const byte_view rest = it->view().subspan(count == 0 ? written_ : 0);
            const byte_view view = rest.first(std::min(rest.size(), room));
            room -= view.size();
            // sendmsg only reads, its interface does not say so
            pieces[count] = {const_cast<std::byte*>(view.data()), view.size()};
        }
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = count;
        const ssize_t sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
        if (sent < 0) {
            const int code = errno;
            end(end_cause::failed, code, fmt::format("write: {}", std::strerror(code)));
            return;
        }
        wrote(static_cast<std::size_t>(sent));
        written_now += static_cast<std::size_t>(sent);
    }
    if (closing_ && queue_.empty() && !ended_) {
        end(end_cause::closed, 0, "closed after the last packet");
    }
    watch_.want_write(!ended_ && !queue_.empty());
}

void packet_stream::wrote(std::size_t count) {
    queued_bytes_ -= count;
    while (count > 0) {
        const std::size_t rest = queue_.front().view().size() - written_;
        if (written_ == 0 && urgent_waiting_ > 0) {
            --urgent_waiting_;
        }
        if (count < rest) {
            written_ += count;
            return;
        }
        count -= rest;
        written_ = 0;
        queue_.pop_front();
    }
}

// ---- incoming ----

void packet_stream::pause_reading(bool paused) {
    paused_ = paused;
    watch_.want_read(!paused_ && !ended_ && !closing_);
}

void packet_stream::ready(async::fd_readiness readiness) {
    if (readiness.writable || (readiness.readable && !queue_.empty())) {
        write_some();
    }
    if (readiness.readable) {
        read_some();
    }
}

void packet_stream::read_some() {
    const async::turn_part named("reading from a socket");
    turn_ends_ = loop_.now() + read_turn_max;
    for (int round = 0; round < read_rounds; ++round) {
        if (ended_ || closing_ || paused_ || rest_later_.armed()) {
            return;
        }
        const progress after = large_length_ != 0 ? read_large() : read_small();
        if (after != progress::more || loop_.now() >= turn_ends_) {
            return;
        }
    }
}

// What a turn before this one had read and no time to show.
void packet_stream::show_rest() {
    if (ended_ || closing_) {
        return;
    }
    turn_ends_ = loop_.now() + read_turn_max;
    const bytes rest = std::exchange(partial_, {});
    static_cast<void>(take_packets(rest)); // *this may be gone
}

// Many small packets: shown where they were read. Only the beginning of a packet is kept.
packet_stream::progress packet_stream::read_small() {
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(read_size);
    const std::size_t kept = partial_.size();
    std::copy(partial_.begin(), partial_.end(), buffer.get());
    const std::size_t room = read_size - kept;
    const ssize_t got = ::recv(fd_.get(), buffer.get() + kept, room, MSG_DONTWAIT);
    if (got <= 0) {
        return read_failed(got);
    }
    const std::size_t count = static_cast<std::size_t>(got);
    partial_.clear();
    const progress after = take_packets(byte_view(buffer.get(), kept + count));
    return after == progress::more && count < room ? progress::pause : after;
}

packet_stream::progress packet_stream::take_packets(byte_view received) {
    for (bool first = true; received.size() >= prefix_size; first = false) {
        const std::uint32_t length = length_of(received);
        if (!judge_length(length)) {
            return progress::pause;
        }
        if (received.size() < length) {
            large_length_ = length > read_size ? length : 0;
            break;
        }
        if (!first && loop_.now() >= turn_ends_) {
            rest_later_.arm(turn_ends_); // after another look at the descriptors
            break;
        }
        if (deliver(received_packet(received.first(length))) == progress::gone) {
            return progress::gone;
        }
        received = received.subspan(length);
        if (ended_ || closing_) {
            return progress::pause;
        }
    }
    if (received.empty() && partial_.capacity() > prefix_size * 1024) {
        partial_ = {};
    }
    partial_.assign(received.begin(), received.end());
    return paused_ ? progress::pause : progress::more;
}

// One packet longer than the read buffer: collected in a buffer of its own, whose room is a
// multiple of what has come, so that little is copied when it has to be moved. Room that is not
// used yet is no memory.
packet_stream::progress packet_stream::read_large() {
    const std::size_t kept = partial_.size();
    const std::size_t want = std::min<std::size_t>(large_length_, kept + large_step);
    if (want > partial_.capacity()) {
        partial_.reserve(std::min<std::size_t>(large_length_, std::max(want, large_room * kept)));
    }
    partial_.resize(want);
    const ssize_t got = ::recv(fd_.get(), partial_.data() + kept, want - kept, MSG_DONTWAIT);
    partial_.resize(kept + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) {
        return read_failed(got);
    }
    if (partial_.size() < large_length_) {
        return partial_.size() == want ? progress::more : progress::pause;
    }
    large_length_ = 0;
    bytes whole = std::exchange(partial_, {});
    return deliver(received_packet(whole, whole));
}

packet_stream::progress packet_stream::deliver(received_packet packet) {
    bool gone = false;
    gone_ = &gone;
    on_packet_(packet);
    if (gone) {
        return progress::gone;
    }
    gone_ = nullptr;
    return progress::more;
}

bool packet_stream::judge_length(std::uint32_t length) {
    if (length >= policy_.length_min && length <= policy_.length_max &&
        length % policy_.length_multiple == 0) {
        return true;
    }
    end(end_cause::bad_length,
        EBADMSG,
        fmt::format(
            "packet length {} is not in {}..{}{}",
            length,
            policy_.length_min,
            policy_.length_max,
            length % policy_.length_multiple == 0 ? "" : " or not aligned"
        ));
    return false;
}

packet_stream::progress packet_stream::read_failed(ssize_t got) {
    const int code = errno;
    if (got == 0) {
        const bool between = partial_.empty() && large_length_ == 0;
        end(between ? end_cause::closed : end_cause::cut_off,
            between ? 0 : EPIPE,
            between ? "closed by the peer" : "closed by the peer in the middle of a packet");
    } else if (code == EINTR) {
        return progress::more;
    } else if (code != EAGAIN && code != EWOULDBLOCK) {
        end(end_cause::failed, code, fmt::format("read: {}", std::strerror(code)));
    }
    return progress::pause;
}

// ---- the end ----

void packet_stream::end(end_cause cause, int code, std::string what) {
    if (ended_) {
        return;
    }
    ended_ = true;
    end_ = stream_end{cause, code, std::move(what)};
    watch_.want_read(false);
    watch_.want_write(false);
    flush_later_.cancel();
    queue_.clear();
    written_ = urgent_waiting_ = 0; // queued_bytes_ stays: what was not sent
    end_later_.schedule();
}

void packet_stream::report_end() {
    const stream_end end = end_; // the handler may destroy us
    on_end_(end);
}

} // namespace ctdb::sock
