#include "failoverd/end_inquiry.hpp"

#include "common/sock/native_address.hpp"

#include <algorithm>
#include <array>

namespace ctdb::failoverd {

result<std::unique_ptr<end_inquiry>> end_inquiry::start(
    async::event_loop& loop,
    const protocol::sock_addr& own,
    const protocol::sock_addr& peer,
    std::function<void(outcome)> over
) {
    const sock::native_address here = sock::to_native(protocol::with_port(own, 0));
    const sock::native_address there = sock::to_native(peer);
    const int family = peer.is_ipv4() ? AF_INET : AF_INET6;
    unique_fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) {
        return fail_errno("UDP socket");
    }
    if (::bind(fd.get(), here.get(), here.length) != 0 ||
        ::connect(fd.get(), there.get(), there.length) != 0) {
        return fail_errno("UDP socket to {}", protocol::to_text_with_port(peer));
    }
    return std::unique_ptr<end_inquiry>(
        new end_inquiry(loop, std::move(fd), std::move(over)) // NOLINT: private constructor
    );
}

end_inquiry::end_inquiry(async::event_loop& loop, unique_fd fd, std::function<void(outcome)> over)
    : fd_(std::move(fd)), over_(std::move(over)), until_(loop.now() + asks_for), loop_(loop),
      watch_(
          loop,
          fd_.get(),
          [this](async::fd_readiness) {
              std::array<std::byte, 1> nothing{};
              judge(::recv(fd_.get(), nothing.data(), nothing.size(), 0));
          }
      ),
      again_(loop, [this] { ask(); }) {
    watch_.want_read(true);
    again_.arm_in({});
}

void end_inquiry::ask() {
    if (loop_.now() >= until_) {
        finish(outcome::no_answer);
        return;
    }
    again_.arm(std::min(loop_.now() + pause_, until_));
    pause_ *= 2;
    judge(::send(fd_.get(), nullptr, 0, 0)); // may be told of the answer to the last question
}

void end_inquiry::judge(ssize_t done) {
    if (done < 0 && errno == ECONNREFUSED) {
        finish(outcome::has_ended);
    }
}

void end_inquiry::finish(outcome what) {
    again_.cancel();
    watch_.want_read(false);
    if (const auto over = std::exchange(over_, nullptr)) {
        over(what); // may destroy this
    }
}

} // namespace ctdb::failoverd
