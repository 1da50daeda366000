// The options of ctdb.conf that code asks for by name (cluster.md 8.2, failover.md 17, design 4).
// Declared and explained in options.cpp; those that mirror a tunable are made from
// tunable_table.cpp and read as tunables.
#pragma once

#include "common/conf/option.hpp"

namespace ctdb::conf::options {

// [logging]
extern const string_option log_location;
extern const string_option log_level_name;

// [cluster]
extern const string_option transport;
extern const string_option node_address;
extern const string_option cluster_lock; // ask config::cluster_lock(): it knows the old name
extern const string_option recovery_lock;
extern const integer_option leader_timeout; // s
extern const boolean_option leader_capability;
extern const string_option nodes_list;
extern const string_option fencing;                     // auto, yes, no
extern const integer_option maximum_packet_size;        // MiB, from a peer
extern const integer_option maximum_client_packet_size; // MiB

// [database]
extern const string_option volatile_database_directory;
extern const string_option persistent_database_directory;
extern const string_option state_database_directory;
extern const string_option lock_debug_script;
extern const boolean_option tdb_mutexes;
extern const string_option persistent_quorum; // none, majority

// [event]
extern const string_option event_debug_script;

// [service]
extern const integer_option service_startup_timeout;  // s
extern const integer_option service_shutdown_timeout; // s
extern const boolean_option stop_when_inactive;
extern const boolean_option monitor_run_all;

// [failover]
extern const boolean_option failover_disabled;
extern const integer_option shutdown_extra_timeout;    // s
extern const integer_option shutdown_failover_timeout; // s
extern const integer_option failover_monitor_interval; // s
extern const integer_option address_lease;             // s
extern const integer_option authority_timeout;         // s
extern const boolean_option kernel_fence;
extern const boolean_option probe;
extern const string_option fence_command;
extern const integer_option prepare_timeout;  // s
extern const integer_option release_timeout;  // s
extern const integer_option take_timeout;     // s
extern const integer_option finalise_timeout; // s
extern const string_option announce;          // auto, early, late
extern const integer_option failback_delay;   // s
extern const boolean_option event_driven_monitoring;
extern const integer_option ban_threshold; // runs in a row, 0 = never

// [legacy]
extern const boolean_option realtime_scheduling;
extern const boolean_option lmaster_capability;
extern const boolean_option start_as_stopped;
extern const boolean_option start_as_disabled;
extern const string_option script_log_level;

} // namespace ctdb::conf::options
