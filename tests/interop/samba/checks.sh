# shellcheck shell=sh
# What must hold of Samba on the cluster, one function a subject. Sourced by samba_test, which counts the checks.
# shellcheck disable=SC2154 # names shared with nodes.sh

# ---- a client that stays: commands go into its standard input, one by one ----

# hold NAME ADDRESS SMBCLIENT-ARGS...
hold() {
	_held=$1 _at=$2
	shift 2
	mkfifo "$work/hold.$_held"
	ip netns exec "$client" stdbuf -oL smbclient --configfile="$work/client.conf" "//$_at/share" -U "$user%$password" \
		"$@" <"$work/hold.$_held" >>"$work/held.$_held" 2>&1 &
	eval "hold_pid_$_held=$!"
	background="$background $!"
	# Opened for both: opening for writing alone would wait for the reader.
	case $_held in
	first) exec 8<>"$work/hold.first" ;;
	second) exec 9<>"$work/hold.second" ;;
	third) exec 7<>"$work/hold.third" ;;
	esac
}
say() {
	case $1 in
	first) printf '%s\n' "$2" >&8 ;;
	second) printf '%s\n' "$2" >&9 ;;
	third) printf '%s\n' "$2" >&7 ;;
	esac
}
# said NAME PATTERN: it has answered so.
said() {
	grep -q "$2" "$work/held.$1"
}
# ask NAME COMMAND PATTERN: says it and waits for the answer.
ask() {
	say "$1" "$2"
	wait_for 15 said "$1" "$3"
}
# quietly NAME COMMAND: says it, waits until it is done, and succeeds if nothing failed. smbclient forgets a second line that is
# there already when it reads the first: hence pwd again and again.
quietly() {
	: >"$work/held.$1"
	say "$1" "$2"
	wait_for 15 poked "$1" && ! said "$1" failed
}
poked() {
	say "$1" pwd
	sleep 0.1
	said "$1" 'Current directory'
}
let_go() {
	say "$1" quit
	case $1 in
	first) exec 8>&- ;;
	second) exec 9>&- ;;
	third) exec 7>&- ;;
	esac
	eval "wait \$hold_pid_$1" || true
	rm -f "$work/hold.$1" "$work/held.$1"
}

# ---- files ----

same_through() {
	rm -f "$work/got"
	smb "$1" -c "get $2 $work/got" && cmp -s "$work/sent" "$work/got"
}

check_files() {
	step 'put and get through every node and every public address'
	for address in $public_addresses; do
		head -c 100000 /dev/urandom >"$work/sent"
		check "put through $address" smb "$address" -c "put $work/sent by.$address"
		for other in $public_addresses; do
			check "    get through $other" same_through "$other" "by.$address"
		done
	done
	for node in 0 1 2; do
		head -c 100000 /dev/urandom >"$work/sent"
		check "put on node $node itself" put_locally "$node"
		for other in $public_addresses; do
			check "    get through $other" same_through "$other" "by.node.$node"
		done
	done
}
# Through the node's own address, which clients do not reach.
put_locally() {
	samba "$1" smbclient "//127.0.0.1/share" -U "$user%$password" -c "put $work/sent by.node.$1"
}

# ---- who is there ----

sessions_of() {
	samba "$1" smbstatus --processes 2>/dev/null | sed -n 's/^\([0-2]\):[0-9]* .*/\1/p' | sort -u | tr '\n' ' '
}
sees_all() {
	[ "$(sessions_of "$1")" = '0 1 2 ' ]
}
check_sessions() {
	step 'smbstatus on every node sees the sessions of all nodes'
	hold first "$public.101"
	hold second "$public.102"
	hold third "$public.103"
	for who in first second third; do
		check "the $who client is connected" quietly "$who" pwd
	done
	for node in 0 1 2; do
		check "node $node sees those of all three nodes" wait_for 10 sees_all "$node"
	done
	for who in first second third; do
		let_go "$who"
	done
	check 'none is left when the clients have gone' wait_for 10 sees_none 0
}
sees_none() {
	[ -z "$(sessions_of "$1")" ]
}

# pongs NODE: numbers of the nodes whose processes answer a message to all.
pongs() {
	samba "$1" smbcontrol --timeout=1 all ping 2>/dev/null | sed -n 's/^PONG from pid \([0-9]*\):[0-9]*.*/\1/p' | sort -u | tr '\n' ' '
}
all_pong() {
	_from=$(pongs "$1")
	for _node in 0 1 2; do
		case " $_from" in *" $_node "*) ;; *) return 1 ;; esac
	done
}
check_messages() {
	step 'messages: smbcontrol, nmbd, winbindd'
	for node in 0 1 2; do
		check "a ping to all from node $node is answered by processes of all nodes" wait_for 10 all_pong "$node"
		check "node $node: winbindd answers" wbinfo_on "$node" --ping
		check "node $node: nmbd answers smbcontrol" samba "$node" smbcontrol nmbd ping
		check "node $node: nmbd answers for the cluster's name" wait_for 30 name_answers "$node"
	done
}
name_answers() {
	samba "$1" nmblookup --unicast=127.0.0.1 'CLUSTER#20' | grep -q '<20>'
}

# ---- conflicts between nodes ----

refused_sharing() {
	smb "$1" -c "$2" 2>&1 | grep -q NT_STATUS_SHARING_VIOLATION
}
check_conflicts() {
	step 'conflicts between two nodes'
	printf 'something to lock\n' >"$work/sent"
	smb "$public.101" -c "put $work/sent conflict" >/dev/null 2>&1

	hold first "$public.101"
	check 'share mode: a file is open on one node' ask first 'open conflict' '^open file'
	check '    and cannot be deleted on another' refused_sharing "$public.102" 'del conflict'
	let_go first
	check '    until it is closed' smb "$public.102" -c 'del conflict'

	hold first "$public.101" --max-protocol=NT1
	hold second "$public.102" --max-protocol=NT1
	for who in first second; do
		ask "$who" posix 'Server supports CIFS capabilities'
		check "byte range: the $who client has the file open" ask "$who" 'posix_open ranges 0666' 'posix_open file'
	done
	first=$(fnum first) second=$(fnum second)
	check '    the first locks 16 bytes' quietly first "lock $first w 0 10"
	: >"$work/held.second"
	say second "lock $second w 8 10"
	check '    the second, on another node, waits for eight of them' not wait_for 1 poked second
	check '    the first lets go' quietly first "unlock $first 0 10"
	check '    and the second has them' wait_for 15 poked second
	check '        with success' not said second failed
	let_go first
	let_go second
}
fnum() {
	sed -n 's/^posix_open file .* fnum \([0-9]*\)$/\1/p' "$work/held.$1"
}
not() {
	! "$@"
}

check_oplock() {
	step 'an oplock is broken across nodes'
	ip netns exec "$client" stdbuf -oL smbtorture --configfile="$work/client.conf" "//$public.101/share" \
		-U "$user%$password" smb2.hold-oplock >"$work/oplocks" 2>&1 &
	holder=$!
	background="$background $holder"
	check "a client of $public.101 holds batch oplocks" wait_for 15 grep -q 'Waiting for oplock events' "$work/oplocks"
	check "a client of $public.102 opens one of its files" smb "$public.102" -c "get oplock_test/shared_close $work/got"
	check '    after the holder was told, and closed it' grep -q 'oplock break on oplock_test.shared_close - closing' "$work/oplocks"
	check '    another file, not shared, is refused' refused_sharing "$public.103" "get oplock_test/notshared_noclose $work/got"
	check '    after the holder was told' grep -q 'oplock break on oplock_test.notshared_noclose - acking' "$work/oplocks"
	kill "$holder"
	wait "$holder" 2>/dev/null || true
}

# ---- databases ----

prints() { # TEXT COMMAND...
	_expected=$1
	shift
	[ "$("$@" 2>/dev/null)" = "$_expected" ]
}
dbwrap() { # NODE ARGS...
	_node_asked=$1
	shift
	samba "$_node_asked" dbwrap_tool "$@"
}
check_databases() {
	step 'registry, configuration and other databases: changed on one node, read on another'
	for node in 0 1 2; do
		other=$(((node + 1) % 3)) third=$(((node + 2) % 3))
		check "net conf on node $node makes a share" samba "$node" net conf addshare "made$node" "$share" writeable=y guest_ok=n
		check "    read on node $other" prints "$share" samba "$other" net conf getparm "made$node" path
		check "    and served by node $third at once" serves_share "$third" "made$node"
		check "net registry on node $node" samba "$node" net registry createkey "HKLM\\Software\\Test$node"
		check '    sets a value' samba "$node" net registry setvalue "HKLM\\Software\\Test$node" v sz "of $node"
		check "    read on node $third" prints "of $node" samba "$third" net registry getvalueraw "HKLM\\Software\\Test$node" v
		for kind in persistent non-persistent; do
			db="$kind.test.tdb"
			check "dbwrap_tool on node $node stores in a $kind database" dbwrap "$node" "--$kind" "$db" store "k$node" uint32 "7$node"
			check "    fetched on node $other" prints "7$node" dbwrap "$other" "--$kind" "$db" fetch "k$node" uint32
			check "    changed on node $third" dbwrap "$third" "--$kind" "$db" store "k$node" uint32 "8$node"
			check "    fetched on node $node" prints "8$node" dbwrap "$node" "--$kind" "$db" fetch "k$node" uint32
		done
	done
	for kind in persistent non-persistent; do
		check "all keys of the $kind database are listed" prints 'k0 k1 k2 ' sorted_keys 1 "$kind"
		check 'one is deleted on node 2' dbwrap 2 "--$kind" "$kind.test.tdb" delete k1
		check '    and is gone on node 0' prints 'k0 k2 ' sorted_keys 0 "$kind"
	done
	check 'net g_lock lists the lock of the version' lists_version_lock 2
	check 'pdbedit lists the users on every node' every_node lists_users
	sid=$(samba 0 net getlocalsid)
	user_sid=$(wbinfo_on 0 --name-to-sid="$user")
	for node in 1 2; do
		check "node $node has the SID of node 0" prints "$sid" samba "$node" net getlocalsid
		check '    and that of the user, says winbindd' prints "$user_sid" wbinfo_on "$node" --name-to-sid="$user"
	done
	check 'winbindd of node 1 finds the user of that SID' wbinfo_finds 1
}
wbinfo_finds() {
	wbinfo_on "$1" --sid-to-name="${user_sid%% *}" | grep -q "$user "
}
sorted_keys() {
	dbwrap "$1" "--$2" "$2.test.tdb" listkeys | sed 's/\\00$//' | sort | tr '\n' ' '
}
lists_version_lock() {
	samba "$1" net g_lock locks | grep -q samba_ve
}
lists_users() {
	[ "$(samba "$1" pdbedit --list | cut -d : -f 1 | sort | tr '\n' ' ')" = "$other_user $user " ]
}
serves_share() {
	samba "$1" smbclient "//127.0.0.1/$2" -U "$user%$password" -c quit
}

# ---- a node dies ----

size_of() {
	stat -c %s "$1" 2>/dev/null || printf 0
}
beyond() { # FILE BYTES
	[ "$(size_of "$1")" -gt "$2" ]
}
finished() {
	grep -q "^$1 " "$work/transferred"
}
# transfer WAY FIRST NEXT COMPLETE: one smbclient after the other until one succeeds or says that what it ends with is complete
# already, the first with one command, the others with another; at most 600, at most for three minutes.
transfer() {
	_way=$1 _command=$2 _attempts=0 _until=$(($(date +%s) + 180))
	while [ "$_attempts" -lt 600 ] && [ "$(date +%s)" -lt "$_until" ]; do
		_attempts=$((_attempts + 1))
		if smb "$public.102" --timeout 300 -c "$_command" >>"$work/$_way.log" 2>&1 || "$4"; then
			printf '%s %s\n' "$_way" "$_attempts" >>"$work/transferred"
			return
		fi
		_command=$3
		sleep 0.2
	done
	printf '%s failed\n' "$_way" >>"$work/transferred"
}
# 100 Mbit/s both ways, so that a transfer takes its time.
slow_network() {
	for _host in "$client" $(every_node ns_line); do
		ip netns exec "$_host" tc qdisc add dev pub root tbf rate 100mbit burst 128kb latency 100ms || return 1
	done
}
ns_line() {
	printf '%s\n' "$(ns "$1")"
}
check_node_death() {
	step 'a node is killed in the middle of a transfer, which goes on through the moved address'
	megabytes=32
	check 'the network is made slow' slow_network
	head -c $((megabytes << 20)) /dev/urandom >"$share/download"
	chmod 666 "$share/download"
	head -c $((megabytes << 20)) /dev/urandom >"$work/upload"
	victim=$(holder_of "$public.102")
	survivor=$(((victim + 1) % 3))
	rm -f "$share/upload" "$work/download"
	: >"$work/transferred"
	transfer get "get download $work/download" "reget download $work/download" downloaded &
	background="$background $!"
	# From the beginning: smbclient 4.17's reput writes the rest of the file over its beginning.
	transfer put "put $work/upload upload" "put $work/upload upload" false &
	background="$background $!"
	check 'a quarter is transferred, down' wait_for 60 beyond "$work/download" $((megabytes << 18))
	check 'and up' wait_for 60 beyond "$share/upload" $((megabytes << 16))
	check 'and the transfers are not done' not test -s "$work/transferred"
	begun=$(now)
	kill_daemons "$victim"
	printf '  all processes of node %s are killed\n' "$victim"
	check "$public.102 has moved" wait_for 60 moved_from "$victim" "$survivor"
	check '    and serves' wait_for 60 smb_answers "$public.102"
	printf '  %s s after the kill\n' "$(since "$begun")"
	check 'the transfers come to an end' wait_for 120 both_transferred
	printf '  %s s after the kill; attempts: %s\n' "$(since "$begun")" "$(sort "$work/transferred" | tr '\n' ' ')"
	check 'the file got is the file there' cmp "$work/download" "$share/download"
	check 'the file put is the file there' cmp "$work/upload" "$share/upload"
	check 'the download was interrupted' not grep -q '^get 1$' "$work/transferred"
	check 'and so was the upload' not grep -q '^put 1$' "$work/transferred"
	check 'no session of the dead node is shown' wait_for 20 no_session_of "$victim" "$survivor"
	rm -f "$work/download" "$work/upload" "$share/download" "$share/upload"
}
# The last answer may have been for a connection that ended: then there is nothing left to get.
downloaded() {
	cmp -s "$work/download" "$share/download"
}
# The kernel of a node whose daemons were killed keeps Debian's addresses for ever and goes on answering for them; ours have a lease.
kill_daemons() {
	if [ "$IMPLEMENTATION" = debian ]; then
		lose_power "$1"
	else
		kill_node "$1"
	fi
}
moved_from() {
	_at=$(holder_of "$public.102" "$2")
	[ -n "$_at" ] && [ "$_at" != "$1" ]
}
both_transferred() {
	finished get && finished put
}
no_session_of() {
	case " $(sessions_of "$2")" in *" $1 "*) return 1 ;; esac
}
check_return() {
	step "node $victim comes back"
	check 'its daemons start' power_on "$victim"
	check 'all nodes are healthy' wait_for 60 all_services "$survivor"
	check 'Samba starts on it' start_samba "$victim"
	check 'it serves' wait_for 30 serves_share "$victim" share
	check 'it has the users' lists_users "$victim"
	check 'every public address serves' wait_for 30 all_serve
	check 'the network is fast again' normal_network
}
normal_network() {
	for _host in "$client" $(every_node ns_line); do
		ip netns exec "$_host" tc qdisc del dev pub root || return 1
	done
}

# ---- an address moves and nobody on its old node can tell its clients ----

# What a client waits for that is not told of the move: an answer that never comes.
check_moves() {
	step 'clients of an address that moves are told so by its new node'
	check 'the network is made slow' slow_network
	head -c $((64 << 20)) /dev/urandom >"$share/download"
	chmod 666 "$share/download"
	mover=$(holder_of "$public.102")
	onlooker=$(((mover + 1) % 3))
	start_download
	check "node $mover is disabled in the middle of a download" ctdb_on "$onlooker" disable -n "$mover"
	end_download
	check "node $mover is enabled" ctdb_on "$onlooker" enable -n "$mover"
	check 'every address has a holder' wait_for 60 all_services "$onlooker"
	mover=$(holder_of "$public.102" "$onlooker")
	onlooker=$(((mover + 1) % 3))
	start_download
	check "node $mover loses its power in the middle of a download" lose_power "$mover"
	end_download
	check "node $mover starts again" power_on "$mover"
	check 'all nodes are healthy' wait_for 90 all_services "$onlooker"
	check 'Samba starts on it' start_samba "$mover"
	check 'every public address serves' wait_for 60 all_serve
	check 'the network is fast again' normal_network
	rm -f "$share/download" "$work/download"
}
start_download() {
	rm -f "$work/download"
	: >"$work/transferred"
	transfer get "get download $work/download" "reget download $work/download" downloaded &
	background="$background $!"
	check 'a download is under way' wait_for 60 beyond "$work/download" $((2 << 20))
	check '    and not done' not test -s "$work/transferred"
	begun=$(now)
}
end_download() {
	check "$public.102 has moved" wait_for 60 moved_from "$mover" "$onlooker"
	printf '  %s s after that\n' "$(since "$begun")"
	check 'the client has gone on with the download' wait_for 60 finished get
	printf '  %s s after that; attempts: %s\n' "$(since "$begun")" "$(sed -n 's/^get //p' "$work/transferred")"
	check '    to its end' cmp "$work/download" "$share/download"
	check '    in more than one attempt' not grep -q '^get 1$' "$work/transferred"
}
cables() {
	for _cable in priv pub; do
		ip -n "$switch" link set "$_cable-node$1" "$2" || return 1
	done
}
# Without the cables even the kernel, which lives on, tells nobody anything.
lose_power() {
	cables "$1" down && kill_node "$1"
}
power_on() {
	ip -n "$(ns "$1")" address flush dev pub
	rm -f "$(prefix "$1")"/samba/pid/*
	cables "$1" up && start_ctdb "$1"
}

# ---- everything stops ----

remembered() { # NODE
	samba "$1" net getlocalsid
	samba "$1" net conf list
	samba "$1" net registry enumerate 'HKLM\Software\Test1'
	samba "$1" pdbedit --list --smbpasswd-style | sort
	samba "$1" dbwrap_tool --persistent persistent.test.tdb listkeys | sort
}
check_restart() {
	step 'everything is stopped and started again'
	check 'the password of a user is changed on node 1' change_password 1
	remembered 0 >"$work/before"
	for node in 0 1 2; do
		pid=$(pid_of "$node")
		check "Samba on node $node stops" stop_samba "$node"
		check '    and the cluster daemons' ctdb_on "$node" shutdown
		check '    all of them' wait_for 30 gone "$pid"
	done
	check 'the cluster daemons start' every_node start_ctdb
	check 'all nodes are healthy' wait_for 60 all_services
	check 'Samba starts' every_node start_samba
	check 'every public address serves users with the new password' wait_for 30 all_serve
	for node in 0 1 2; do
		check "node $node has users, secrets, registry and databases as before" same_as_before "$node"
		check '    and no volatile record of before' prints '' dbwrap "$node" --non-persistent non-persistent.test.tdb listkeys
	done
}
change_password() {
	password=second.password
	printf '%s\n%s\n' "$password" "$password" |
		ip netns exec "$(ns "$1")" smbpasswd -c "$(samba_conf "$1")" -s "$user"
}
same_as_before() {
	remembered "$1" >"$work/after.$1" && diff -u "$work/before" "$work/after.$1"
}
