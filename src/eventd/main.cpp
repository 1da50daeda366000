// ctdb-eventd: runs event scripts. Started by ctdbd (-P its pid, -S a descriptor that gets four
// zero bytes once the socket answers), by a service manager, or by hand.
#include "common/daemon/companion.hpp"
#include "eventd/server.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace ctdb;
using namespace std::chrono_literals;

std::string debug_script_of(const conf::config& settings) {
    const std::string name = settings.get(conf::options::event_debug_script);
    if (name.empty()) {
        return {};
    }
    return name.front() == '/' ? name : path::join(settings.where().etc, name);
}

class eventd_daemon final : public daemon::companion_daemon {
public:
    eventd_daemon(
        async::event_loop& loop, const conf::config& settings, daemon::leave_function leave
    )
        : loop_(loop), where_(settings.where()), debug_script_(debug_script_of(settings)),
          leave_(std::move(leave)), linger_(loop_, [this] { look_whether_needed(); }) {}

    result<> start(bool /*started_by_another*/) override {
        auto server = eventd::server::start(loop_, where_, debug_script_);
        if (!server) {
            return pass(server);
        }
        server_ = std::move(*server);
        return {};
    }
    void set(const conf::config& settings) override {
        server_->set_debug_script(debug_script_of(settings));
    }
    void starter_gone() override {
        server_->give_up_place();
        gone_since_ = loop_.now();
        look_whether_needed();
    }
    void before_leaving(std::string_view /*why*/) override {}
    result<> started(const cmdline::parsed_options& options) override {
        const auto fd = options.number("startup-fd");
        if (!fd) {
            return {};
        }
        const unsigned int ready = 0;
        ::fcntl(*fd, F_SETFD, FD_CLOEXEC); // stays open: our death is its end
        if (::write(*fd, &ready, sizeof(ready)) != static_cast<ssize_t>(sizeof(ready))) {
            return fail(EIO, "cannot tell on descriptor {} that we are up", *fd);
        }
        return {};
    }
    // The other daemons stop services and release addresses through us; a new ctdbd starts another
    // eventd meanwhile.
    bool gives_up_place() const override { return true; }

private:
    static constexpr std::chrono::seconds linger_min{2};
    static constexpr std::chrono::seconds linger_max{310}; // the default shutdown timeout and some

    void look_whether_needed() {
        const auto since = loop_.now() - gone_since_;
        if ((since >= linger_min && !server_->in_use()) || since >= linger_max) {
            leave_("ctdbd is gone");
            return;
        }
        linger_.arm_in(100ms);
    }

    async::event_loop& loop_;
    path::paths where_;
    std::string debug_script_; // of the start
    daemon::leave_function leave_;
    async::timer linger_;
    async::time_point gone_since_;
    std::unique_ptr<eventd::server> server_;
};

daemon::companion_program eventd_program() {
    daemon::companion_program program;
    program.name = "eventd";
    program.options = {
        {"startup-fd",
         "startup-fd",
         'S',
         cmdline::argument::integer,
         "FD",
         "file descriptor to notify of successful start"}};
    program.patience = 8s; // an earlier one may not have noticed yet that its ctdbd is gone
    return program;
}

} // namespace

int main(int argc, char** argv) {
    return daemon::run_companion(
        eventd_program(),
        argc,
        argv,
        [](async::event_loop& loop, const conf::config& settings, daemon::leave_function leave) {
            return std::make_unique<eventd_daemon>(loop, settings, std::move(leave));
        }
    );
}
