# Runs one private PostgreSQL server until standard input ends, then removes every trace of it.
# Arguments: the folder of PostgreSQL's programs, an empty folder of ours, and `durable` for a server that
# keeps its promises in a power cut, as one in production does.
#
# The starter holds the other end of standard input. However it ends (return, panic, Ctrl-C,
# kill -9), the pipe closes and this script cleans up.
programs=$1
folder=$2
durable=$3

stop() {
    "$programs/pg_ctl" stop -s -m immediate -D "$folder/data" >/dev/null 2>&1
    rm -rf "$folder"
}
trap stop EXIT
trap exit HUP INT TERM

create() {
    "$programs/initdb" -D "$folder/data" --no-sync --no-instructions \
        --auth=trust --username=postgres --encoding=UTF8 --locale=C || return
    # The socket in our own folder is the only way in, so two servers side by side share neither port nor path.
    cat >>"$folder/data/postgresql.conf" <<EOF
listen_addresses = ''
unix_socket_directories = '$folder'
port = 5432
max_connections = 200
wal_level = minimal
max_wal_senders = 0
EOF
    [ "$durable" = durable ] && return
    # A test's data need not survive a power cut.
    cat >>"$folder/data/postgresql.conf" <<EOF
fsync = off
synchronous_commit = off
full_page_writes = off
EOF
}

if create >"$folder/log" 2>&1 && "$programs/pg_ctl" start -s -w -D "$folder/data" -l "$folder/log" >&2; then
    echo ready
    read -r _
else
    cat "$folder/log"
fi
