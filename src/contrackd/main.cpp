// ctdb-contrackd: announces public addresses, knows their TCP connections. Started by ctdbd (-P its
// pid), by a service manager, or by hand; waits for ctdbd's provider socket.
#include "common/daemon/companion.hpp"
#include "contrackd/contrack_node.hpp"

namespace {

using namespace ctdb;

class contrackd_daemon final : public daemon::companion_daemon {
public:
    contrackd_daemon(
        async::event_loop& loop, const conf::config& settings, const daemon::leave_function& leave
    )
        : leave_(leave), node_(loop, settings.where(), [this] {
              if (leaves_with_ctdbd_) {
                  leave_("ctdbd is gone");
              }
          }) {}

    result<> start(bool started_by_another) override {
        leaves_with_ctdbd_ = started_by_another;
        return {};
    }
    void set(const conf::config& /*settings*/) override {}
    void starter_gone() override { leave_("nobody is left to serve"); }
    void before_leaving(std::string_view /*why*/) override {}

private:
    daemon::leave_function leave_;
    bool leaves_with_ctdbd_ = false;
    contrackd::contrack_node node_;
};

} // namespace

int main(int argc, char** argv) {
    return daemon::run_companion(
        {"contrackd", {}},
        argc,
        argv,
        [](async::event_loop& loop, const conf::config& settings, daemon::leave_function leave) {
            return std::make_unique<contrackd_daemon>(loop, settings, leave);
        }
    );
}
