# For all files of bats tests here. KIN is the program. Each test has a domain of its own, and leaves no process behind.

bats_require_minimum_version 1.5.0

setup()
{
    domain=$(mktemp -d /dev/shm/kin-cli-XXXXXX)
    export KIN_DOMAIN=$domain
    cd "$BATS_TEST_TMPDIR" || return
}

# What a test started and did not see end is killed; whatever else knows of its domain must go by itself.
teardown()
{
    local jobs
    unset KIN_DOMAIN
    jobs=$(jobs -p)
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "$jobs" ] || kill -9 $jobs 2>/dev/null || true
    wait
    rm -rf "$domain"
    SECONDS=0
    while left=$(grep -lszx "KIN_DOMAIN=$domain" /proc/[0-9]*/environ); do
        if [ $SECONDS -gt 100 ]; then
            echo "left behind: $left" >&2
            return 1
        fi
    done
}

# A hang detector; nothing here takes a second.
kin()
{
    timeout 100 "$KIN" "$@"
}

# The exit status, and a part of what was printed to both outputs.
expect()
{
    local status_wanted=$1 part=$2
    if [ "$status" -ne "$status_wanted" ] || [[ $output != *"$part"* ]]; then
        printf 'wanted %s with "%s", got %s with:\n%s\n' "$status_wanted" "$part" "$status" "$output" >&2
        return 1
    fi
}

expect_equal()
{
    [ "$1" = "$2" ] && return
    printf 'wanted:\n%s\ngot:\n%s\n' "$2" "$1" >&2
    return 1
}

# Columns of a table, one row a line.
cells()
{
    local columns=$1
    shift
    kin "$@" -r --no-headings -o "$columns"
}

# Waits for a process in the background, and wants this exit status.
expect_end()
{
    local got=0
    wait "$1" || got=$?
    expect_equal "$got" "$2"
}

is_json()
{
    python3 -m json.tool > /dev/null
}

# A value of a JSON document on standard input, as json '["objects"][0]["name"]'.
json()
{
    python3 -c 'import json, sys; print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$1"
}

# Starts a worker whose CMD says its number to the pipe "ready" and then lasts until it is killed. All its processes
# have the pipe "life" open. Sets worker (kin) and cmd.
start_worker()
{
    mkfifo ready life
    # The descriptor of bats would keep bats waiting.
    "$KIN" recv --lease "$@" -- bash -c 'exec 4> life; sleep infinity & echo $$ > ready; wait' 3>&- &
    worker=$!
    exec 5< life
    read -r cmd < ready
}

# Returns when no process of the worker's CMD is left: all that had the other end open have ended.
wait_for_end_of_cmd()
{
    cat <&5
    exec 5<&-
}
