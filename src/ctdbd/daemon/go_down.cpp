// ctdbd_daemon: the way down (cluster.md 1.5, 12.6).
#include "common/base/log.hpp"
#include "common/daemon/service_manager.hpp"
#include "ctdbd/daemon/ctdbd_daemon.hpp"

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;
using protocol::run_state;

constexpr async::duration companions_limit = 5s;

} // namespace

void ctdbd_daemon::shut_down(int code, const std::string& reason) {
    if (leaving_) {
        if (reason.starts_with("SIG")) {
            log_warning("{} again: exit at once", reason);
            loop_.stop();
        } else {
            log_notice("shutdown is under way ({})", reason);
        }
        return;
    }
    leaving_ = true;
    log_notice("shutdown: {}", reason);
    daemon::tell_service_manager("STOPPING=1");
    down_.spawn(go_down(code));
}

async::task<> ctdbd_daemon::tell_leaving() {
    const auto give_away =
        std::chrono::seconds(settings_.get(conf::options::shutdown_failover_timeout));
    if (give_away.count() > 0) {
        provider::message leaving = provider::shutting_down{provider::shutdown_phase::leaving};
        const async::time_point deadline = loop_.now() + give_away;
        static_cast<void>(co_await node_->providers().ask("failoverd", std::move(leaving), deadline)
        );
        const auto extra =
            std::chrono::seconds(settings_.get(conf::options::shutdown_extra_timeout));
        if (extra.count() > 0) {
            co_await async::sleep_for(loop_, extra);
        }
    }
    const auto stop_limit =
        std::chrono::seconds(settings_.get(conf::options::service_shutdown_timeout));
    provider::message stop = provider::shutting_down{provider::shutdown_phase::stop_services};
    const async::time_point deadline = loop_.now() + stop_limit;
    static_cast<void>(co_await node_->providers().ask("serviced", std::move(stop), deadline));
}

async::task<> ctdbd_daemon::go_down(int code) {
    co_await async::next_turn(loop_); // not from inside the handler that asked
    up_.cancel_all();
    exit_code_ = code;
    if (node_) {
        const bool was_up = node_->state() >= run_state::first_recovery;
        node_->set_state(run_state::shutdown);
        if (was_up) {
            co_await tell_leaving();
            async::slot<bool> resigned(loop_);
            node_->leadership().stop([&resigned] { resigned.set(true); });
            static_cast<void>(co_await resigned.take());
        }
        node_->stop_keepalives();
        const result<> down = co_await run_event("shutdown");
        if (!down) {
            log_warning("event shutdown: {}", down.error().what);
        }
        node_->providers().tell_all(provider::shutting_down{provider::shutdown_phase::ending});
    }
    std::vector<std::string> first{"serviced", "failoverd", "contrackd"};
    const async::time_point deadline = loop_.now() + companions_limit;
    co_await companions_.stop(std::move(first), deadline);
    std::vector<std::string> last{"eventd"};
    const async::time_point eventd_deadline = loop_.now() + companions_limit;
    co_await companions_.stop(std::move(last), eventd_deadline);
    log_notice("ctdbd ends");
    loop_.stop();
}

} // namespace ctdb::ctdbd
