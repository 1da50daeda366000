#!/bin/sh
# --json and --jsonl of the tool against real daemons: every answer and every failure is one object with the keys promised.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

# check EXIT-STATUS CONDITION OPTION ARGS...: stdout of the command on node 0 (or $ASK) is kept, to be looked at by
# look_at_all(): one JSON object for which the Python condition on `o` holds; with --jsonl on one line. stderr: $work/err.
count=0
check() {
	_exit=$1 _condition=$2
	shift 2
	count=$((count + 1))
	_code=0
	ctdb_on "${ASK:-0}" "$@" >"$work/answer.$count" 2>"$work/err" </dev/null || _code=$?
	[ "$_code" -eq "$_exit" ] ||
		fail "ctdb $*: exit status $_code, expected $_exit: $(cat "$work/answer.$count" "$work/err")"
	printf '%s\0%s\0%s\0' "$*" "$_condition" "$work/answer.$count" >>"$work/checks"
}

look_at_all() {
	python3 - "$work/checks" <<'EOF' || fail "$count answers looked at"
import json, sys

def look(command, condition, path):
    text = open(path, encoding="utf-8").read()
    try:
        assert text.endswith("\n"), "no newline at the end"
        assert not command.startswith("--jsonl") or text.count("\n") == 1, "more than a line"
        o = json.loads(text)
        assert eval(condition), "not so: " + condition
        return 0
    except Exception as error:
        print(f"ctdb {command}: {error!r}\n{text}")
        return 1

words = open(sys.argv[1]).read().split("\0")[:-1]
sys.exit(sum(look(*words[i:i + 3]) for i in range(0, len(words), 3)) != 0)
EOF
}

# both_forms ...: the same object, indented and on one line.
both_forms() {
	_status=$1 _wanted=$2
	shift 2
	check "$_status" "$_wanted" --json "$@"
	check "$_status" "$_wanted" --jsonl "$@"
}

# answers BODY ARGS...: an object with the head of its command and the body.
answers() {
	_body=$1
	shift
	_head="list(o)[:4] == ['schema', 'node', 'time', 'time_epoch'] and o['schema'] == 'ctdb.$1/1'"
	both_forms 0 "$_head and ($_body)" "$@"
}

# refuses STATUS CODE CONDITION ARGS...: an error object and nothing else on stdout.
refuses() {
	_keys="list(o) == ['error'] and list(o['error']) == ['code', 'errno', 'message', 'hint', 'node']"
	_refusal=$1 _kind=$2 _more=$3
	shift 3
	both_forms "$_refusal" "$_keys and o['error']['code'] == '$_kind' and o['error']['message'] and ($_more)" "$@"
}

start_nodes 3
wait_healthy 3

note "what a node says of itself"
both_forms 0 "list(o) == ['version']" version
both_forms 0 "list(o) == ['node_status', 'vnn_status', 'recovery_mode', 'recovery_mode_raw', 'leader'] \
	and len(o['node_status']['nodes']) == 3 and o['recovery_mode'] == 'NORMAL'" status
details="['runstate', 'uptime_s', 'banned_for_s', 'addresses_hosted']"
both_forms 0 "list(o)[-1] == 'cluster' and list(o['cluster']) == ['runstate', 'leader_known', 'lock', 'tool_version'] \
	and o['cluster']['runstate'] == 'RUNNING' and o['cluster']['lock'] == dict(configured=True, holder=o['leader']) \
	and all(list(n)[-4:] == $details and n['runstate'] == 'RUNNING' and n['uptime_s'] > 0 and n['banned_for_s'] is None \
	and n['addresses_hosted'] == [] for n in o['node_status']['nodes'].values())" -v status
answers "list(o['nodes']) == ['1', '2'] and o['flags_or'] == 0" nodestatus 1,2
answers "[n['pnn'] for n in o['nodes']] == [0, 1, 2] and o['node'] is None" listnodes
answers "o['recovering'] is False and o['started'].endswith('Z') and o['now_epoch'] > o['started_epoch']" uptime
answers "o['rtt_s'] > 0 and o['clients'] >= 1" ping
answers "o['node'] == 2 and o['clients'] >= 0" ping -n 2
answers "o['runstate'] == 'RUNNING'" runstate
answers "o['leader'] in (0, 1, 2)" leader
answers "o['pnn'] == 0" pnn
answers "o['pid'] == $(pid_of 0)" getpid
answers "o['level'] == 'NOTICE'" getdebug
answers "o['lock'] == '$work/cluster.lock'" getreclock
answers "o['leader'] is True and o['lmaster'] is True and o['raw'] & 3 == 3" getcapabilities
answers "o['tunables'] == [dict(name='MonitorInterval', value=15, default=15, changed=False, obsolete=False)]" \
	getvar MonitorInterval
answers "len(o['tunables']) > 40" listvars
answers "o['counters']['node.req_call'] >= 0 and o['latency']['call']['num'] >= 0 and len(o['lock_buckets']) == 16 \
	and len(o['hop_count_buckets']) == 16" statistics
answers "all(i['since_epoch'] <= i['until_epoch'] for i in o['intervals'])" stats
answers "o['text']" dumpmemory
answers "o['addresses'] == []" ip
answers "o['interfaces'] == []" ifaces
both_forms 1 "o['exists'] is False and o['pid'] == 1 and o['srvid'] is None" process-exists 1
both_forms 0 "o['schema'] == 'ctdb.event/1' and o['event'] == 'startup' and o['scripts'] == []" event status service startup
both_forms 0 "o['schema'] == 'ctdb.event-script/1' and o['scripts'] \
	and set(o['scripts'][0]) == {'name', 'enabled', 'provided', 'link_ok'}" event script list service

note "databases and records"
ctdb_on 0 attach v.tdb
ctdb_on 0 attach p.tdb persistent
answers "{d['name']: d['type'] for d in o['databases']}.items() >= {'v.tdb': 'volatile', 'p.tdb': 'persistent'}.items()" getdbmap
answers "list(o['databases'][0]) == ['id', 'name', 'path', 'type', 'sticky', 'readonly', 'healthy', 'health_text'] \
	and o['databases'][0]['healthy'] and o['databases'][0]['health_text'] is None" getdbstatus v.tdb
answers "o['messages'] == []" writekey v.tdb 0x6b00 'va"l'
answers "o['found'] and o['data'] == dict(text='va\"l')" readkey v.tdb 0x6b00
answers "not o['found'] and o['data'] is None" readkey v.tdb nokey
answers "o['messages'] == []" deletekey v.tdb nokey
answers "o['messages'] == []" pushrecord v.tdb pushed 0x0001
records="o['records'] == [r for r in o['records'] if list(r) == ['key', 'data', 'dmaster', 'rsn', 'flags', 'flags_raw']] \
	and dict(hex='6b00') in [r['key'] for r in o['records']]"
check 0 "$records and o['schema'] == 'ctdb.catdb/1'" --json catdb v.tdb
check 0 "$records and o['schema'] == 'ctdb.cattdb/1'" --json cattdb v.tdb
ctdb_on 0 --jsonl catdb v.tdb | python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin]
assert lines[-1] == {"records": len(lines) - 1} and len(lines) >= 3, lines
pushed = [r for r in lines[:-1] if r["key"] == {"text": "pushed"}][0]
assert pushed["data"] == {"hex": "0001"} and pushed["flags"] == ["MIGRATED_WITH_DATA"], pushed
' || fail "catdb --jsonl"
answers "o['counters']['locks.num_calls'] >= 0 and set(o['latency']) == {'lockwait', 'vacuum'} \
	and all(k['count'] > 0 for k in o['hot_keys'])" dbstatistics v.tdb
answers "o['messages'] == []" pstore p.tdb key value
answers "o['found'] and o['data'] == dict(text='value')" pfetch p.tdb key
answers "o['seqnum'] >= 1" getdbseqnum p.tdb
answers "o['data'] == dict(text='value') and o['rsn'] >= 1" tfetch "$(base_of 0)/var/persistent/p.tdb.0" key
answers "o['messages'] == ['Database backed up to $work/backup']" backupdb p.tdb "$work/backup"
check 0 "o['schema'] == 'ctdb.dumpdbbackup/1' and o['node'] is None and len(o['records']) == 2" --json dumpdbbackup "$work/backup"
answers "o['messages'] == ['Database p.tdb wiped']" wipedb p.tdb
answers "len(o['messages']) == 2 and o['messages'][1] == 'Database p.tdb restored'" restoredb "$work/backup"
answers "o['messages'] == ['No change in nodes file, skipping unnecessary reload']" reloadnodes

note "every failure has its object, and its line on stderr as ever"
refuses 1 usage "o['error']['message'] == \"Unknown command 'nosuch'\"" nosuch
refuses 1 usage True readkey v.tdb
refuses 1 usage True readkey v.tdb k bogus
refuses 1 usage "'abc' in o['error']['message']" -n abc ping
refuses 1 usage True -X status
refuses 1 usage "o['error']['message'] == 'No such tunable Nope'" getvar Nope
refuses 1 usage True runstate bogus
refuses 1 refused "'RUNNING' in o['error']['message']" runstate setup
refuses 22 usage "o['error']['errno'] == 22" setvar MonitorInterval abc
refuses 22 usage "'odd number' in o['error']['message']" writekey v.tdb 0x1 v
refuses 1 no_such_node "o['error']['node'] == 9" -n 9 ping
refuses 1 no_such_database "'nosuch.tdb' in o['error']['message']" catdb nosuch.tdb
expect "No database matching 'nosuch.tdb' found" cat "$work/err"
refuses 1 usage "'volatile' in o['error']['message']" setdbsticky p.tdb
refuses 1 refused "'SET_DB_STICKY failed' in o['error']['message']" attach p.tdb sticky
refuses 1 refused "'active on node 0' in o['error']['message']" detach v.tdb
refuses 2 internal "o['error']['errno'] == 2" restoredb /nonexistent
both_forms 22 "list(o) == ['error'] and o['error']['message'] == 'Event nosuch has never run in service'" event status service nosuch

note "many nodes at a time"
each="list(o) == ['schema', 'nodes'] and list(o['nodes'])"
both_forms 0 "$each == ['0', '1', '2'] and all(n['node'] == int(i) and n['rtt_s'] > 0 for i, n in o['nodes'].items())" -n all ping
both_forms 0 "$each == ['2', '0'] and o['schema'] == 'ctdb.getpid/1' and o['nodes']['2']['pid'] == $(pid_of 2)" getpid -n 2,local
both_forms 0 "$each == ['1', '2', '0'] and o['nodes']['1']['vnn_status']['size'] == 3" -n 1-2,active status
both_forms 0 "len(o['nodes']) == 1 and all(n['tunables'][0]['value'] == 15 for n in o['nodes'].values())" -n leader getvar MonitorInterval
both_forms 1 "$each == ['0', '1'] and o['nodes']['1']['error']['code'] == 'usage'" -n 0,1 getvar Nope
refuses 1 no_such_node "'Node 7' in o['error']['message']" -n 0,7 ping
refuses 1 usage "'list of nodes' in o['error']['message']" -n 0,1 recover
refuses 1 usage "'Cannot specify node' in o['error']['message']" -n all version
refuses 1 usage "'0,x' in o['error']['message']" -n 0,x ping

note "nodes and daemons that are not there"
ctdb_on 0 -n 1 ban 300
wait_state 1 '*BANNED*' 0
both_forms 0 "o['node_status']['nodes']['1']['banned_for_s'] == 300" -v status
ctdb_on 0 -n 1 unban
wait_healthy 3
stop_node 2
wait_state 2 '*DISCONNECTED*' 0
both_forms 0 "o['node_status']['nodes']['2']['runstate'] is None and o['node_status']['nodes']['2']['addresses_hosted'] is None \
	and o['node_status']['nodes']['1']['runstate'] == 'RUNNING'" -v status
refuses 1 node_inactive "o['error']['node'] == 2" -n 2 ping
both_forms 1 "$each == ['0', '1', '2'] and o['nodes']['1']['rtt_s'] > 0 and o['nodes']['2']['error']['code'] == 'node_inactive'" -n all ping
export ASK=2
refuses 1 daemon_unreachable "o['error']['errno'] == 2" ping
export ASK=1
kill -STOP "$(pid_of 1)"
refuses 1 timeout "o['error']['errno'] == 110" -T 1 ping
kill -CONT "$(pid_of 1)"

note "ctdb-config"
config() { # EXIT-STATUS CONDITION ARGS...
	_exit=$1 _condition=$2
	shift 2
	for _form in --json --jsonl; do
		count=$((count + 1))
		_code=0
		on_node 0 ctdb-config "$_form" "$@" >"$work/answer.$count" 2>"$work/err" || _code=$?
		[ "$_code" -eq "$_exit" ] || fail "ctdb-config $*: exit status $_code, expected $_exit"
		printf '%s\0%s\0%s\0' "$_form config $*" "$_condition" "$work/answer.$count" >>"$work/checks"
	done
}
setting="o['options'][0]['source'] == dict(file='$work/node.0/ctdb.conf', line=3)"
config 0 "$setting and o['schema'] == 'ctdb.config/1' and o['options'][0]['value'] == 'NOTICE'" get logging 'log level'
config 2 "'not defined' in o['error']['message'] and o['error']['errno'] == 2" get logging nosuch
config 0 "len(o['options']) >= 20" dump
config 0 "o['problems'] == []" validate
config 0 "o['has_nodes'] is True" has-nodes
config 0 "'log level' in o['text']" sample
printf '[logging]\n\tlog levle = NOTICE\n' >"$work/node.0/ctdb.conf"
config 22 "o['problems'][0]['line'] == 2 and 'log level' in o['problems'][0]['hint']" validate
expect "$(on_node 0 ctdb-config validate 2>&1)" cat "$work/err"
printf '[cluster]\n\tleader timeout = soon\n' >"$work/node.0/ctdb.conf"
config 22 "'Failed to load' in o['error']['message']" dump

look_at_all
note "$count answers and failures are JSON as promised"
