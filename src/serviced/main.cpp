// ctdb-serviced: services and health of the node. Started by ctdbd (-P its pid), by a service
// manager, or by hand; waits for ctdbd's provider socket.
#include "common/daemon/companion.hpp"
#include "serviced/keeper.hpp"

namespace {

using namespace ctdb;

class serviced_daemon final : public daemon::companion_daemon {
public:
    serviced_daemon(
        async::event_loop& loop, const conf::config& settings, const daemon::leave_function& leave
    )
        : keeper_(loop, settings.where(), serviced::keeper_settings_of(settings), [leave] {
              leave("ctdbd is gone, services are stopped");
          }) {}

    result<> start(bool /*started_by_another*/) override { return {}; }
    void set(const conf::config& settings) override {
        keeper_.set(serviced::keeper_settings_of(settings));
    }
    void starter_gone() override { keeper_.starter_gone(); }
    // Services keep running: we may be started again, and ctdbd stops them before it ends.
    void before_leaving(std::string_view /*why*/) override {}

private:
    serviced::keeper keeper_;
};

} // namespace

int main(int argc, char** argv) {
    return daemon::run_companion(
        {"serviced", {}},
        argc,
        argv,
        [](async::event_loop& loop, const conf::config& settings, daemon::leave_function leave) {
            return std::make_unique<serviced_daemon>(loop, settings, leave);
        }
    );
}
