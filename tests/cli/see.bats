# What is not kin's: listed, shown, removed. Each test looks at its own objects alone, by their names.
load helper
eval "$(declare -f teardown | sed '1s/teardown/end_of_domain/')"

THINGS=$BATS_TEST_DIRNAME/things.py
KINDS="sysv:msg sysv:sem sysv:shm mq sem shm fifo socket filelock memfd"

# Whatever outlives its maker is removed by its name.
teardown()
{
    local word
    for word in $(cat made 2> /dev/null); do
        case $word in
        sysv:* | mq:* | sem:* | shm:*) "$KIN" rm --force "$word" 2> /dev/null || true ;;
        esac
    done
    end_of_domain
}

# Starts things.py. Sets maker and name, and with wait the pid of the waiter.
make()
{
    rm -f said fifo socket locked
    mkfifo said
    python3 "$THINGS" "$@" > said 2> why 3>&- &
    maker=$!
    read -r name waiter < said || true
    [ -n "$name" ] || skip "$1: $(cat why)"
    echo "$name" >> made
}

leave()
{
    make "$1" leave
    wait "$maker"
}

# Until its table has this.
until_ls()
{
    until [ "$(cells "$1" ls "$name")" = "$2" ]; do :; done
}

@test "ls shows each kind of object with its living holder" {
    for kind in $KINDS; do
        make "$kind"
        run cells NAME,KIND,STATE ls "$name"
        expect_equal "$output" "$name $kind held"
        run cells HOLDERS ls "$name"
        expect 0 "$maker\x20python3"
        expect_equal "$(cells USER ls "$name")" "$(id -un)"
        kin ls -J "$name" | is_json
        kill -9 $maker
        wait $maker || true
    done
}

@test "ls of a kind has it, of another not; all has all" {
    make sysv:msg
    for words in sysv:msg sysv all "kin sysv" "socket sysv:msg"; do
        kin ls -r -o NAME $words | grep -qx "$name"
    done
    for words in sysv:sem posix kin "" fifo; do
        run ! grep -qx "$name" <(kin ls -r -o NAME $words)
    done
}

@test "ls: a kind is a kind, and kin:NAME an object of that name" {
    kin mk queue lock
    kin mk lock queue
    expect_equal "$(cells NAME ls queue)" lock
    expect_equal "$(cells NAME ls kin:queue)" queue
    expect_equal "$(cells NAME ls kin lock)" $'lock\nqueue'
    expect_equal "$(cells NAME ls lock queue)" $'lock\nqueue'
    run kin show kin:queue
    expect 0 'lock "queue"'
    kin rm kin:queue
    expect_equal "$(cells NAME ls)" lock
}

@test "sizes, depths, values and titles" {
    make sysv:msg
    expect_equal "$(cells QUEUED,SIZE,DETAIL ls "$name")" "1 1 private"
    make sysv:sem
    expect_equal "$(cells VALUE,SIZE ls "$name")" "3 1"
    make sysv:shm
    expect_equal "$(cells ATTACHED,SIZE ls --bytes "$name")" "1 4096"
    make sem
    expect_equal "$(cells VALUE ls "$name")" 5
    make shm
    expect_equal "$(cells SIZE,MODE ls --bytes "$name")" "8192 0600"
    make memfd
    run cells DETAIL ls "$name"
    expect 0 '"some\x20title"'
    make filelock
    expect_equal "$(cells DETAIL ls "$name")" 'flock,\x20exclusive'
    make socket
    expect_equal "$(cells DETAIL ls "$name")" 'stream,\x20listens'
}

@test "who waits is counted and named" {
    for kind in sysv:msg sysv:sem filelock; do
        make $kind wait
        until_ls WAITING 1
        run cells PART,PID,ALIVE show "$name"
        expect 0 "waits $waiter yes"
        run cells PID,OBJECT graph $kind
        expect 0 "$waiter $name"
        kill -9 $maker
        wait $maker || true
    done
}

@test "graph names who has a lock and who used a semaphore last" {
    make filelock wait
    until_ls WAITING 1
    run cells PID,OBJECT,KIND,HOLDER,ALIVE graph filelock
    expect 0 "$waiter $name filelock $maker yes"
    make sysv:sem wait
    until_ls WAITING 1
    run cells PID,OBJECT,KIND,HOLDER graph sysv
    expect 0 "$waiter $name sysv:sem $maker"
    run kin graph nonsense
    expect 2 "give kinds"
}

@test "graph: two who wait for each other's file are a cycle" {
    touch one other
    mkfifo ready go
    exec 6<> go
    lock='import fcntl, os, sys; files = [open(name) for name in sys.argv[1:]]; fcntl.flock(files[0], 2)
print(flush=True); os.read(0, 1); fcntl.flock(files[1], 2)'
    python3 -c "$lock" one other > ready < go 3>&- 6>&- &
    first=$!
    python3 -c "$lock" other one > ready < go 3>&- 6>&- &
    second=$!
    exec 7< ready
    read -r <&7
    read -r <&7
    printf xx >&6
    until run kin graph filelock; [ "$status" -eq 4 ]; do :; done
    expect 4 "a deadlock: "
    expect 4 "waits for filelock:$PWD/one, held by $first"
    expect 4 "waits for filelock:$PWD/other, held by $second"
    exec 6>&- 7<&-
}

@test "what the dead leave: stale where it can be proved, unused where not" {
    for kind in sysv:shm sem shm; do
        leave $kind
        expect_equal "$(cells STATE ls "$name")" stale
        expect_equal "$(cells NAME ls --stale "$name")" "$name"
        expect_equal "$(cells NAME ls --held "$name")" ""
    done
    leave sysv:shm
    run cells PART,PID,ALIVE show "$name"
    expect 0 "made $maker dead"
    for kind in sysv:sem sysv:msg; do
        leave $kind
        [[ $(cells STATE ls "$name") =~ ^(unused|unknown)$ ]]
        expect_equal "$(cells NAME ls --stale "$name")" ""
        run kin show "$name"
        expect 0 dead
    done
    leave socket
    expect_equal "$(cells STATE ls "$name")" stale
    run kin show "$name"
    expect 0 "no socket is bound to it"
}

@test "rm removes what is left of each kind" {
    for kind in sysv:shm sysv:sem mq sem shm socket; do
        leave $kind
        kin rm "$name"
        run kin rm "$name"
        expect 5 "to be seen"
        run kin ls "$name"
        expect 5 "kin ls --all-users $kind"
    done
}

@test "rm refuses what is held and names the holder; not with --force" {
    for kind in sysv:msg sysv:sem sysv:shm mq sem shm socket; do
        make $kind
        run kin rm "$name"
        expect 1 "$name is in use by process $maker (python3); to remove it all the same: kin rm --force"
        expect_equal "$(cells NAME ls "$name")" "$name"
        kin rm --force "$name"
        kill -9 $maker
        wait $maker || true
        run kin ls "$name"
        expect 5 ""
    done
}

@test "what ends with its holders cannot be removed" {
    for kind in filelock memfd fifo; do
        make $kind
        run kin rm --force "$name"
        expect 1 "goes with the last process that has it"
    done
}

@test "rm goes on behind what it cannot remove" {
    kin mk queue q
    leave shm
    run kin rm sysv:msg:999999999 q none "$name"
    expect 5 'there is no System V queue "999999999"'
    run kin ls "$name" q
    expect 5 ""
}

@test "all-users shows also what others have" {
    [ "$(id -u)" -eq 0 ] || skip "only root may be somebody else"
    as_other="setpriv --reuid 65534 --regid 65534 --clear-groups"
    $as_other test -x "$KIN" 2> /dev/null || skip "others cannot execute $KIN, or setpriv does not work here"
    make sysv:shm
    run ! grep -qx "$name" <($as_other "$KIN" ls -r -o NAME sysv)
    $as_other "$KIN" ls -r -o NAME --all-users sysv | grep -qx "$name"
    run $as_other "$KIN" rm --force "$name"
    expect 6 "cannot remove $name"
}

@test "--domain shows another domain" {
    kin mk queue here
    other=$(mktemp -d /dev/shm/kin-cli-XXXXXX)
    KIN_DOMAIN=$other kin mk queue there
    expect_equal "$(cells NAME ls --domain "$other")" there
    kin rm --domain "$other" there
    rm -rf "$other"
    run kin ls --domain relative
    expect 1 "whole path"
}

# Rounds until some were kept and some removed, at least 5.
race()
{
    local kind=$1 kept=0 removed=0 line rounds=0
    while [ $rounds -lt 5 ] || [ $kept -eq 0 ] || [ $removed -eq 0 ]; do
        run "$RACE" "$kind"
        [ "$status" -ne 77 ] || skip "$output"
        expect 0 kept
        while read -r line; do
            [[ $line =~ ^kept\ ([0-9]+)\ removed\ ([0-9]+)$ ]] || continue
            kept=$((kept + BASH_REMATCH[1])) removed=$((removed + BASH_REMATCH[2]))
        done <<< "$output"
        rounds=$((rounds + 1))
        if [ $rounds -eq 50 ] && [ $removed -eq 0 ]; then
            skip "$kind: nothing can be proved to be left behind here"
        fi
        [ $rounds -lt 200 ]
    done
    echo "# $kind: kept $kept, removed $removed in $rounds rounds" >&3
}

@test "clean against those who come: memory of System V" {
    race sysv:shm
}

@test "clean against those who come: semaphores of System V" {
    race sysv:sem
}

@test "clean against those who come: queues of System V" {
    race sysv:msg
}

@test "clean against those who come: POSIX memory" {
    race shm
}

@test "clean against those who come: sockets" {
    race socket
}

@test "clean says the proof, and touches nothing without --yes" {
    leave sysv:shm
    run kin clean --sysv
    expect 0 "process $maker, which made it, has ended"
    expect 0 "give --yes too"
    expect_equal "$(cells STATE ls "$name")" stale
    leave shm
    run kin clean --posix
    expect 0 "no process has it open or mapped"
    run kin clean --posix --older 1h
    [[ $output != *"$name"* ]]
    run kin clean --older 1h
    expect 2 "give one of them"
    expect_equal "$(cells STATE ls "$name")" stale
}

@test "a topic: its subscribers, how far they are behind, and that they wait for nobody" {
    kin mk topic t --messages 8
    mkfifo out
    "$KIN" sub -f t > out 3>&- &
    subscriber=$!
    exec 5< out
    until [ "$(cells HELD,WAITING ls t)" = "1 1" ]; do :; done
    expect_equal "$(kin graph -J | json '["edges"][0]["holder"]')" None
    kill -STOP $subscriber
    for i in 1 2 3 4 5 6 7 8 9 10; do
        kin pub t <<< "$i"
    done
    expect_equal "$(cells KIND,QUEUED,SENT,OLDEST,LAG,MESSAGES ls t)" "topic 8 10 2 10 8"
    cells PART,PID,LAG show t | grep -q "^holds $subscriber 10"
    run kin show t
    expect 0 "10 published, the last 8 kept; room for 8 of up to 1K, then the oldest is dropped"
    expect 0 "1 subscribers, the slowest is 10 behind"
    kill -9 $subscriber
    wait $subscriber || true
    exec 5<&-
    expect_equal "$(cells NAME ls --stale)" t
    kin clean --yes
    expect_equal "$(cells NAME,HELD ls t)" "t 0"
    kin rm t
}

@test "a service: its requests, and who serves" {
    "$KIN" serve sum -- cat > /dev/null 3>&- &
    server=$!
    until [ "$(cells WAITING ls sum.requests 2> /dev/null)" = 1 ]; do :; done
    run kin show sum
    expect 0 'service "sum": 0 requests waiting, 0 with servers'
    [[ $(cells PART,PID,OF show sum) == *"holds $server replies"* ]]
    [[ $(cells PART,PID,OF show sum) == *"waits $server requests"* ]]
    run kin rm sum.requests
    expect 1 "is in use"
    kill -9 $server
    wait $server || true
    kin clean --yes
    kin rm sum.requests sum.replies
    run kin show sum
    expect 5 'no object "sum"'
}
