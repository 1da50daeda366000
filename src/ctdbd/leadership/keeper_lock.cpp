#include "ctdbd/leadership/keeper_lock.hpp"

#include "common/base/ensure.hpp"
#include "common/base/log.hpp"

#include <algorithm>
#include <array>

#include <sys/socket.h>

namespace ctdb::ctdbd {

namespace {

constexpr int command_fd_in_keeper = 3;
constexpr int renewals_per_lease = 5;
constexpr std::chrono::milliseconds renewal_min{20};
constexpr std::size_t heard_max = 4096; // a keeper says a line or two

constexpr std::string_view blanks = " \t";

std::vector<std::string> split_at_blanks(std::string_view text) {
    std::vector<std::string> words;
    while (true) {
        const std::size_t begin = text.find_first_not_of(blanks);
        if (begin == std::string_view::npos) {
            return words;
        }
        text.remove_prefix(begin);
        const std::size_t end = std::min(text.find_first_of(blanks), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

std::string milliseconds_text(std::chrono::milliseconds ms) {
    return std::to_string(ms.count());
}

} // namespace

result<std::vector<std::string>>
lock_command(std::string_view value, const std::string& default_helper) {
    if (value.starts_with('!')) {
        std::vector<std::string> command = split_at_blanks(value.substr(1));
        if (command.empty()) {
            return fail(
                EINVAL, "cluster lock \"{}\": no program after the exclamation mark", value
            );
        }
        return command;
    }
    if (value.find_first_not_of(blanks) == std::string_view::npos) {
        return fail(EINVAL, "cluster lock: empty value");
    }
    return std::vector<std::string>{default_helper, std::string(value), "5", "10"};
}

keeper_lock::keeper_lock(async::event_loop& loop, keeper_lock_settings settings)
    : loop_(loop), settings_(std::move(settings)), renewal_(loop, [this] { renew(); }),
      release_timer_(
          loop,
          [this] {
              log_warning("lock keeper has not ended in time: killed");
              keeper_ended();
          }
      ),
      look_later_(loop, [this] { look(); }) {
    ensure(!settings_.command.empty());
}

keeper_lock::~keeper_lock() = default;

void keeper_lock::take() {
    ensure(state_ == state::idle || state_ == state::releasing);
    ensure(events_.held != nullptr);
    if (state_ == state::releasing) {
        take_again_ = true;
        return;
    }
    state_ = state::trying;
    began_ = loop_.now();
    heard_.clear();
    ended_ = false;
    if (const result<> started = start_keeper(); !started) {
        start_failure_ = started.error().what;
        look_later_.schedule();
        return;
    }
    renew();
}

result<> keeper_lock::start_keeper() {
    std::array<int, 2> ends{-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
        return fail_errno("socket to the lock keeper");
    }
    commands_.reset(ends[0]);
    const unique_fd keepers_end(ends[1]);
    async::child_options options;
    options.argv = {
        settings_.keeper, milliseconds_text(settings_.lease), milliseconds_text(settings_.attempt)};
    options.argv.insert(options.argv.end(), settings_.command.begin(), settings_.command.end());
    options.pass.push_back({keepers_end.get(), command_fd_in_keeper});
    options.output = async::child_options::output::capture_stdout;
    options.on_output = [this](byte_view piece) {
        heard_ += text_of(piece).substr(0, heard_max - std::min(heard_max, heard_.size()));
        look_later_.schedule();
    };
    options.on_output_end = [this] {
        ended_ = true;
        look_later_.schedule();
    };
    auto child = async::child_process::start(loop_, std::move(options));
    if (!child) {
        return pass(child);
    }
    keeper_ = std::move(*child);
    return {};
}

void keeper_lock::renew() {
    // A keeper that has died is noticed by its output.
    send(commands_.get(), "h", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    renewal_.arm_about(std::max(settings_.lease / renewals_per_lease, renewal_min));
}

void keeper_lock::release() {
    take_again_ = false;
    if (state_ == state::releasing) {
        return;
    }
    const bool running = keeper_ != nullptr;
    state_ = state::releasing;
    renewal_.cancel();
    if (running) {
        send(commands_.get(), "r", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        release_timer_.arm_in(release_limit);
    } else {
        look_later_.schedule();
    }
}

void keeper_lock::look() {
    if (keeper_ == nullptr) { // it never started, or there was nothing to release
        const std::string failure = std::exchange(start_failure_, {});
        if (state_ == state::trying) {
            refused(lock_refusal::failed, failure);
        } else if (state_ == state::releasing) {
            released();
        }
        return;
    }
    while (keeper_ != nullptr) {
        const std::size_t end = heard_.find('\n');
        if (end == std::string::npos) {
            break;
        }
        const std::string line = heard_.substr(0, end);
        heard_.erase(0, end + 1);
        heard(line);
    }
    if (keeper_ != nullptr && ended_) {
        keeper_ended();
    }
}

// After each line except "held" the keeper is done with the lock.
void keeper_lock::heard(std::string_view line) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, blank);
    const std::string text(line.substr(std::min(blank + 1, line.size())));
    if (state_ == state::releasing) {
        if (word != "held") { // whatever it says, it lets go
            released();
        }
    } else if (word == "held" && state_ == state::trying) {
        state_ = state::held;
        events_.held(loop_.now() - began_);
    } else if (word == "contention" && state_ == state::trying) {
        refused(lock_refusal::contention, "held by another node");
    } else if (word == "timeout" && state_ == state::trying) {
        refused(
            lock_refusal::timed_out,
            fmt::format("{} gave no answer in time", settings_.command.front())
        );
    } else if (state_ == state::trying) {
        refused(lock_refusal::failed, text);
    } else {
        lost(text);
    }
}

void keeper_lock::keeper_ended() {
    const std::string why = "the lock keeper has ended unexpectedly";
    if (state_ == state::trying) {
        refused(lock_refusal::failed, why);
    } else if (state_ == state::held) {
        lost(why);
    } else {
        released();
    }
}

void keeper_lock::to_idle() {
    state_ = state::idle;
    renewal_.cancel();
    release_timer_.cancel();
    keeper_.reset();
    commands_.reset();
    heard_.clear();
}

void keeper_lock::refused(lock_refusal kind, const std::string& why) {
    to_idle();
    events_.refused(kind, why);
}

void keeper_lock::lost(const std::string& why) {
    to_idle();
    events_.lost(why);
}

void keeper_lock::released() {
    to_idle();
    const bool again = std::exchange(take_again_, false);
    events_.released();
    if (again && state_ == state::idle) {
        take();
    }
}

} // namespace ctdb::ctdbd
