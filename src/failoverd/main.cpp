// ctdb-failoverd: public addresses of the node and, on the leader, of the cluster. Started by ctdbd
// (-P its pid), by a service manager, or by hand; waits for ctdbd's provider socket.
#include "common/daemon/companion.hpp"
#include "failoverd/failover_node.hpp"

namespace {

using namespace ctdb;

class failoverd_daemon final : public daemon::companion_daemon {
public:
    failoverd_daemon(
        async::event_loop& loop, const conf::config& settings, const daemon::leave_function& leave
    )
        : leave_(leave),
          node_(loop, settings, [leave] { leave("ctdbd is gone, addresses are released"); }) {}

    result<> start(bool started_by_another) override {
        if (started_by_another) {
            node_.leave_with_ctdbd();
        }
        return node_.start();
    }
    void set(const conf::config& settings) override { node_.set(settings); }
    void starter_gone() override {
        node_.release_everything("the process that started us is gone");
        leave_("nobody is left to serve");
    }
    void before_leaving(std::string_view why) override {
        node_.release_everything(std::string(why));
    }

private:
    daemon::leave_function leave_;
    failoverd::failover_node node_;
};

} // namespace

int main(int argc, char** argv) {
    return daemon::run_companion(
        {"failoverd", {}},
        argc,
        argv,
        [](async::event_loop& loop, const conf::config& settings, daemon::leave_function leave) {
            return std::make_unique<failoverd_daemon>(loop, settings, leave);
        }
    );
}
