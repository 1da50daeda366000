// Controls about databases and records: each is a method of database_set, commit_service or
// traverse_service.

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/node.hpp"

#include <chrono>

namespace ctdb::ctdbd {

namespace {

namespace controls = protocol::controls;
using protocol::none;

template <class Control>
void serve_attach(control_table& table, node& n, protocol::db_flags kind) {
    table.serve_later<Control>(
        [&n,
         kind](const control_request& r, const std::string& name, const reply_to<Control>& reply) {
            n.databases().attach(kind, name, asker_of(r), reply);
        }
    );
}

void serve_identity(control_table& table, node& n) {
    database_set& dbs = n.databases();
    serve_attach<controls::db_attach>(table, n, protocol::db_flags{});
    serve_attach<controls::db_attach_persistent>(table, n, protocol::db_flag::persistent);
    serve_attach<controls::db_attach_replicated>(table, n, protocol::db_flag::replicated);
    table.serve<controls::get_db_path>([&dbs](const control_request&, db_id id) {
        return dbs.path(id);
    });
    table.serve<controls::get_db_name>([&dbs](const control_request&, db_id id) {
        return dbs.name(id);
    });
    table.serve<controls::get_db_map>(
        [&dbs](const control_request&, none) -> answer<protocol::dbid_map> { return dbs.db_map(); }
    );
    table.serve<controls::db_open_flags>([&dbs](const control_request&, db_id id) {
        return dbs.open_flags(id);
    });
    table.serve<controls::db_detach>([&dbs](const control_request& r, db_id id) {
        return dbs.detach(id, asker_of(r));
    });
}

void serve_attributes(control_table& table, node& n) {
    database_set& dbs = n.databases();
    table.serve<controls::enable_seqnum>([&dbs](const control_request&, db_id id) {
        return dbs.enable_seqnum(id);
    });
    table.serve<controls::update_seqnum>([&dbs](const control_request& r, db_id id) {
        return dbs.update_seqnum(id, asker_of(r));
    });
    table.serve_later<controls::get_db_seqnum>([&dbs](
                                                   const control_request&,
                                                   const protocol::padded_db_id& asked,
                                                   const reply_to<controls::get_db_seqnum>& reply
                                               ) { dbs.sequence_number(asked.db_id, reply); });
    table.serve<controls::db_get_health>([&dbs](const control_request&, db_id id) {
        return dbs.health(id);
    });
    table.serve<controls::db_set_healthy>([&dbs](const control_request&, db_id id) {
        return dbs.set_healthy(id);
    });
    table.serve<controls::set_db_readonly>([&dbs](const control_request&, db_id id) {
        return dbs.set_attribute(id, protocol::db_flag::readonly);
    });
    table.serve<controls::set_db_sticky>([&dbs](const control_request&, db_id id) {
        return dbs.set_attribute(id, protocol::db_flag::sticky);
    });
    table.serve<controls::get_db_statistics>(
        [&dbs, &n](const control_request&, db_id id) -> answer<protocol::db_statistics> {
            database* db = dbs.find(id);
            if (db == nullptr || db->engine() == nullptr) {
                return refuse("unknown database 0x{:08x}", id);
            }
            protocol::db_statistics all = db->engine()->statistics();
            all.vacuum_latency = n.vacuum().latency(id);
            return all;
        }
    );
}

template <class Control>
void serve_transaction(
    control_table& table,
    database_set& dbs,
    answer<> (database_set::*method)(const protocol::transdb&)
) {
    table.serve<Control>([&dbs, method](const control_request&, const protocol::transdb& request) {
        return (dbs.*method)(request);
    });
}

void serve_recovery(control_table& table, node& n) {
    database_set& dbs = n.databases();
    table.serve_later<controls::freeze>(
        [&dbs](const control_request&, none, const reply_to<controls::freeze>& reply) {
            dbs.freeze_all(reply);
        }
    );
    table.serve_later<controls::db_freeze>(
        [&dbs](const control_request&, db_id id, const reply_to<controls::db_freeze>& reply) {
            dbs.freeze(id, reply);
        }
    );
    table.serve<controls::db_thaw>([&dbs](const control_request&, db_id id) { return dbs.thaw(id); }
    );
    serve_transaction<controls::db_transaction_start>(table, dbs, &database_set::begin);
    table.serve_later<controls::db_transaction_commit>(
        [&dbs](
            const control_request&,
            const protocol::transdb& request,
            const reply_to<controls::db_transaction_commit>& reply
        ) { dbs.commit(request, reply); }
    );
    serve_transaction<controls::wipe_database>(table, dbs, &database_set::wipe);
    table.serve<controls::db_transaction_cancel>([&dbs](const control_request&, db_id id) {
        return dbs.cancel(id);
    });
    table.serve_later<controls::db_pull>([&dbs](
                                             const control_request& r,
                                             const protocol::pulldb_ext& request,
                                             const reply_to<controls::db_pull>& reply
                                         ) { dbs.pull(request, asker_of(r), reply); });
    table.serve<controls::db_push_start>(
        [&dbs](const control_request&, const protocol::pulldb_ext& request) {
            return dbs.push_start(request);
        }
    );
    table.serve_later<controls::db_push_confirm>(
        [&dbs](const control_request&, db_id id, const reply_to<controls::db_push_confirm>& reply) {
            dbs.push_confirm(id, reply);
        }
    );
}

// Counts an update from here to its answer (childwrite of the statistics, after the process that
// upstream forks for it).
control_reply counted_update(router& routes, control_reply reply) {
    ++routes.counters().childwrite_calls;
    ++routes.counters().pending_childwrite_calls;
    const auto begun = routes.runtime().now();
    return [&routes, begun, reply = std::move(reply)](client::control_answer answer) {
        protocol::statistics& s = routes.counters();
        const std::chrono::duration<double> taken = routes.runtime().now() - begun;
        --s.pending_childwrite_calls;
        s.childwrite_latency.add(taken.count());
        reply(std::move(answer));
    };
}

// Record buffers stay as they came: the databases check and apply them in place.
void serve_records(control_table& table, node& n) {
    table.add(controls::update_record::opcode, [&n](const control_request& r, control_reply reply) {
        control_reply counted = counted_update(n.routes(), std::move(reply));
        n.databases().update_record(
            r.data, asker_of(r), reply_to<controls::update_record>(std::move(counted))
        );
    });
    table.add(controls::trans3_commit::opcode, [&n](const control_request& r, control_reply reply) {
        n.commits().commit(
            r.data, asker_of(r), reply_to<controls::trans3_commit>(std::move(reply))
        );
    });
}

void serve_traverse(control_table& table, node& n) {
    traverse_service& t = n.traverses();
    table.serve<controls::start_traverse>(
        [&t](const control_request& r, const protocol::traverse_start& s) {
            return t.start({s.db_id, s.reqid, s.srvid, false}, asker_of(r));
        }
    );
    table.serve<controls::start_traverse_ext>(
        [&t](const control_request& r, const protocol::traverse_start_ext& s) {
            return t.start(s, asker_of(r));
        }
    );
    table.serve<controls::traverse_node>(
        [&t](const control_request& r, const protocol::traverse_all& s) {
            return t.walk({s.db_id, s.reqid, s.pnn, s.client_reqid, s.srvid, false}, asker_of(r));
        }
    );
    table.serve<controls::traverse_node_ext>(
        [&t](const control_request& r, const protocol::traverse_all_ext& s) {
            return t.walk(s, asker_of(r));
        }
    );
    table.serve<controls::kill_traverse>(
        [&t](const control_request& r, const protocol::traverse_start& s) {
            return t.kill(s, asker_of(r));
        }
    );
    table.add(
        controls::traverse_data::opcode,
        [&t](const control_request& r, const control_reply& reply) {
            reply(answer_of<controls::traverse_data>(
                as_reply<controls::traverse_data>(t.data(r.data, asker_of(r)))
            ));
        }
    );
}

void serve_vacuum(control_table& table, node& n) {
    table.serve<controls::schedule_for_deletion>(
        [&n](const control_request& r, const protocol::key_data& request) {
            return n.vacuum().schedule(request, asker_of(r));
        }
    );
    table.add(
        controls::vacuum_fetch::opcode,
        [&n](const control_request& r, const control_reply& reply) {
            reply(answer_of<controls::vacuum_fetch>(
                as_reply<controls::vacuum_fetch>(n.vacuum().fetch_wanted(r.data, asker_of(r)))
            ));
        }
    );
    table.add(
        controls::try_delete_records::opcode,
        [&n](const control_request& r, control_reply reply) {
            n.vacuum().try_delete_records(
                r.data, asker_of(r), reply_to<controls::try_delete_records>(std::move(reply))
            );
        }
    );
    table.serve_later<controls::vacuum_db>([&n](
                                               const control_request&,
                                               const protocol::db_vacuum& request,
                                               const reply_to<controls::vacuum_db>& reply
                                           ) { n.vacuum().vacuum(request, reply); });
    table.serve_later<controls::push_record>([&n](
                                                 const control_request&,
                                                 const protocol::pushed_record& record,
                                                 const reply_to<controls::push_record>& reply
                                             ) { n.pushed().receive(record, reply); });
}

} // namespace

void serve_database_controls(control_table& table, node& n) {
    serve_identity(table, n);
    serve_attributes(table, n);
    serve_recovery(table, n);
    serve_records(table, n);
    serve_traverse(table, n);
    serve_vacuum(table, n);
}

} // namespace ctdb::ctdbd
