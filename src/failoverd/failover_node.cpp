#include "failoverd/failover_node.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/messages.hpp"
#include "failoverd/accepted_plan.hpp"

#include <algorithm>

namespace ctdb::failoverd {

namespace {

namespace opt = conf::options;
using namespace std::chrono_literals;

constexpr async::duration kernel_check = 1s;
constexpr async::duration change_batch = 5ms;    // one look for many notifications
constexpr async::duration look_anyway = 10s;     // should a notification have been lost
constexpr async::duration first_renewal = 500ms; // the last life has renewed L/4 ago at most
constexpr async::duration reticence = 2s;
constexpr int monitor_failures_max = 2; // intervals for which an old result counts

std::chrono::milliseconds seconds_of(const conf::config& c, const conf::integer_option& which) {
    return std::chrono::seconds(c.get(which));
}

std::vector<std::uint32_t> served_opcodes() {
    namespace controls = protocol::controls;
    return {
        controls::send_gratuitous_arp::opcode,
        controls::add_public_ip::opcode,
        controls::del_public_ip::opcode,
        controls::release_ip::opcode,
        controls::takeover_ip::opcode,
        controls::get_public_ips::opcode,
        controls::get_public_ip_info::opcode,
        controls::get_ifaces::opcode,
        controls::set_iface_link_state::opcode,
        controls::reload_public_ips::opcode,
        controls::ip_reallocated::opcode,
        controls::start_ip_reallocate::opcode};
}

std::vector<srvid> served_messages() {
    using namespace protocol::srvids;
    return {takeover_run, rebalance_node, disable_takeover_runs, disable_ip_check};
}

} // namespace

failover_node::failover_node(
    async::event_loop& loop, conf::config settings, std::function<void()> leave
)
    : loop_(loop), settings_(std::move(settings)), leave_(std::move(leave)),
      disabled_(settings_.get(opt::failover_disabled)), addresses_(settings_.where().test_mode),
      events_(loop, settings_.where().socket("eventd")),
      executor_(
          loop,
          settings_.where().run,
          events_,
          addresses_,
          [this](srvid address, byte_view data) { tell_local(address, data); }
      ),
      leads_(*this, run_settings()),
      member_(*this, unknown_pnn, load_accepted_plan(settings_.where().run).accepted),
      authority_(authority_settings()), read_inbox_(
                                            loop,
                                            [this] {
                                                std::deque<std::pair<pnn, message>> now_here;
                                                now_here.swap(inbox_);
                                                for (const auto& [from, m] : now_here) {
                                                    dispatch(from, m);
                                                }
                                            }
                                        ),
      status_soon_(loop, [this] { send_status(); }), tick_(loop, [this] { pump(); }),
      beat_(loop, [this] { send_status(); }), renewal_(loop, [this] { renew(); }),
      verify_soon_(loop, [this] { verify(); }),
      strangers_told_(
          loop,
          [] {
              log_warning("nodes of another implementation are active: this node moves no addresses"
              );
          }
      ),
      changed_(loop), fence_soon_(loop, [this] { keep_fence(); }),
      inquiries_(
          loop,
          [this](pnn node) {
              leads_.has_ended(node, loop_.now());
              pump();
          }
      ),
      ctdbd_(
          loop,
          settings_.where().provider_socket(),
          provider::identity{"failoverd", served_opcodes(), served_messages()},
          provider::provider_client::handlers{
              [this](provider::request what) { return serve(std::move(what)); },
              [this](provider::message event) { return on_event(std::move(event)); },
              [this](const provider::deliver& what) { on_message(what); },
              {},
              [this](const provider::registered& terms) { registered(terms); },
              [this](const provider::heartbeat& sign) {
                  if (sign.lock_verified_ms != provider::heartbeat::never) {
                      const std::chrono::milliseconds age(sign.lock_verified_ms);
                      authority_.lock_verified(loop_.now() - age);
                  }
              },
              [this](const error& why) { lost(why); }}
      ),
      tasks_(loop) {
    executor_.set({lease()});
    leads_.set_key(loop_.random() | 1U);
}

result<> failover_node::start() {
    const std::string run = settings_.where().run;
    if (const auto made = make_run_directory(run, "monitor"); !made) {
        return pass(made);
    }
    auto loaded = conf::load_public_addresses(settings_.where().public_addresses_file());
    if (!loaded) {
        return pass(loaded);
    }
    addresses_.configure(std::move(*loaded));
    if (const auto opened = addresses_.open(); !opened) {
        return opened;
    }
    auto watch = netlink::change_watch::start(loop_, [this] {
        kernel_changed_ = true;
        if (settings_.get(opt::event_driven_monitoring)) {
            verify_soon_.arm_in(change_batch);
        }
    });
    if (!watch) {
        return pass(watch);
    }
    watch_ = std::move(*watch);
    // Leftovers of an earlier life: what the accepted plan gave us and the kernel still has is
    // ours (its lease has not run out), everything else goes.
    item_set strangers =
        without(addresses_.held(), load_accepted_plan(settings_.where().run).share);
    if (!disabled_ && !strangers.empty()) {
        log_notice("removing {} addresses of an earlier life", strangers.size());
        addresses_.release(strangers);
    }
    last_renewal_ = started_at_ = loop_.now();
    keep_fence();
    renewal_.arm_in(first_renewal); // what was adopted, once ctdbd has been reached
    beat_.arm_in(0ms);
    verify_soon_.arm_in(kernel_check);
    tasks_.spawn(keep_monitoring());
    tasks_.spawn(keep_client());
    publish();
    return {};
}

void failover_node::set(conf::config settings) {
    settings_ = std::move(settings);
    executor_.set({lease()});
    leads_.set(run_settings());
    authority_.set(authority_settings());
    keep_fence();
}

std::chrono::seconds failover_node::lease() const {
    return std::chrono::seconds(settings_.get(opt::address_lease));
}

coordinator_settings failover_node::run_settings() const {
    coordinator_settings s;
    s.prepare_limit = seconds_of(settings_, opt::prepare_timeout);
    s.release_limit = seconds_of(settings_, opt::release_timeout);
    s.take_limit = seconds_of(settings_, opt::take_timeout);
    s.finalise_limit = seconds_of(settings_, opt::finalise_timeout);
    s.authority_timeout = seconds_of(settings_, opt::authority_timeout);
    s.lease = lease();
    s.probe = settings_.get(opt::probe);
    return s;
}

authority_rule::settings failover_node::authority_settings() const {
    return {seconds_of(settings_, opt::authority_timeout), lease()};
}

// ---- work ----

bool failover_node::may_serve() const {
    return run_state_ == protocol::run_state::running && active_ && !leaving_ && !disabled_ &&
           !protocol::is_inactive(own_flags_) && !protocol::is_disabled(own_flags_);
}

item_set failover_node::available() const {
    item_set all;
    if (!may_serve()) {
        return all;
    }
    for (const conf::public_address& a : addresses_.configured()) {
        const item which = pubip(protocol::to_text(a.address));
        const bool up =
            std::any_of(a.interfaces.begin(), a.interfaces.end(), [this](const auto& i) {
                return addresses_.interface_usable(i);
            });
        if (up && (monitored_.contains(which) || addresses_.pretended(which))) {
            all.insert(which);
        }
    }
    return all;
}

void failover_node::send_status() {
    status_pace_.said(loop_.now());
    beat_.arm(status_pace_.next_alone());
    if (leader_ == unknown_pnn || self_ == unknown_pnn) {
        return;
    }
    // After a restart with addresses: they would be moved away if it were said that nothing is
    // available here, only because no script has been asked yet.
    const bool adopted = closed() && !addresses_.held().empty() && monitored_.empty();
    if (adopted && loop_.now() - started_at_ < reticence) {
        return;
    }
    status s;
    s.now = now();
    s.accepted = member_.accepted();
    s.heard = member_.heard_of(leader_);
    s.known = addresses_.known();
    s.available = available();
    s.held = member_.held();
    s.closed = closed();
    send(leader_, s);
}

void failover_node::look() {
    kernel_changed_ = false;
    looked_at_ = loop_.now();
    if (const auto read = addresses_.refresh(); !read) {
        kernel_changed_ = true;
        log_error("reading addresses: {}", read.error().what);
    }
}

void failover_node::look_if_changed() {
    if (kernel_changed_ || loop_.now() - looked_at_ >= look_anyway) {
        look();
    }
}

void failover_node::renew() {
    const async::time_point now_here = loop_.now();
    look_if_changed();
    const item_set held = kernel_holds();
    const std::string objection = authority_.objection(now_here);
    if (!held.empty()) {
        if (!objection.empty()) {
            release_everything(objection);
        } else if (authority_.too_late_to_renew(last_renewal_, now_here)) {
            release_everything("failoverd stood still");
        } else {
            item_set mine = member_.permitted();
            std::erase_if(mine, [&held](const item& which) { return !held.contains(which); });
            addresses_.renew(mine, lease());
        }
    }
    last_renewal_ = now_here;
    const auto interval = authority_.renewal_interval();
    const auto pause = std::clamp<async::duration>(interval, 100ms, 5s);
    renewal_.arm_between(now_here + pause * 3 / 4, now_here + pause);
}

void failover_node::verify() {
    // Between two words of the leader it would be a wake-up of its own.
    verify_soon_.arm_between(
        loop_.now() + kernel_check * 3 / 4, loop_.now() + kernel_check * 9 / 8
    );
    look_if_changed();
    watch_interfaces();
    if (self_ == unknown_pnn || member_.busy() || disabled_) {
        return;
    }
    const item_set rogue = without(addresses_.held(), member_.permitted());
    for (const item& which : rogue) {
        log_warning("{} is here against the plan: removed", name_of(which));
    }
    if (!rogue.empty()) {
        executor_.tell_each(protocol::srvids::release_ip, rogue);
        addresses_.release(rogue);
    }
    if (const item_set gone = member_.lost(); !gone.empty()) {
        retake(gone);
    }
    if (!rogue.empty()) {
        status_soon_.schedule();
    }
    changed_.notify();
}

// A link that comes or goes changes what can be hosted here at once; the scripts are asked, too.
void failover_node::watch_interfaces() {
    std::set<std::string> up;
    for (const protocol::iface& i : addresses_.interfaces()) {
        if (i.link_state == 1) {
            up.insert(i.name);
        }
    }
    if (up != interfaces_up_) {
        interfaces_up_ = std::move(up);
        status_soon_.schedule();
        monitor_soon({});
    }
}

// Only on fresh word from the leader: meanwhile somebody else may have been given them.
void failover_node::retake(const item_set& gone) {
    const bool fresh = now() - member_.newest_echo() <= fresh_window;
    const item_set could = available();
    item_set again;
    for (const item& which : gone) {
        if (fresh && may_take() && could.contains(which)) {
            again.insert(which);
        }
    }
    addresses_.take(again, lease());
    const item_set back = addresses_.held();
    member_.give_up(without(gone, back));
    for (const item& which : gone) {
        log_warning("{} was lost{}", name_of(which), back.contains(which) ? " and is back" : "");
    }
    executor_.tell_each(protocol::srvids::take_ip, again);
    status_soon_.schedule();
}

void failover_node::monitor_soon(async::duration in) {
    monitor_at_ = std::min(monitor_at_, loop_.now() + in);
    changed_.notify();
}

async::task<void> failover_node::keep_monitoring() {
    for (;;) {
        const bool wanted = ctdbd_.is_registered() && !disabled_ &&
                            run_state_ >= protocol::run_state::first_recovery;
        if (!wanted || loop_.now() < monitor_at_) {
            async::timer wake(loop_, [this] { changed_.notify(); });
            if (wanted) {
                wake.arm(monitor_at_);
            }
            co_await changed_.wait();
            continue;
        }
        const std::chrono::seconds limit(tunables_[protocol::tunable_id::event_script_timeout]);
        if (!started_scripts_) {
            started_scripts_ = true;
            co_await executor_.run_plain("startup", limit);
        }
        const std::chrono::seconds interval(settings_.get(opt::failover_monitor_interval));
        monitor_at_ = loop_.now() + interval;
        look();
        auto outcome = co_await executor_.monitor(limit);
        if (outcome.ran) {
            monitor_failures_ = 0;
            if (monitored_ != outcome.available) {
                log_info("{} addresses can be hosted here", outcome.available.size());
            }
            monitored_ = std::move(outcome.available);
        } else if (!outcome.cancelled && ++monitor_failures_ > monitor_failures_max) {
            log_warning("nothing can be hosted here: {}", outcome.reason);
            monitored_.clear();
            monitor_failures_ = 0;
        } else {
            monitor_at_ = std::min(monitor_at_, loop_.now() + 1s);
        }
        send_status();
    }
}

} // namespace ctdb::failoverd
