load helper

# Serves in the background and returns when callers see a server. Sets server.
start_server()
{
    "$KIN" serve "$@" 3>&- &
    server=$!
    until [ "$(cells LOANED ls "$1.replies")" = 1 ]; do :; done
}

# A server whose CMD says its number to the pipe "ready" and then lasts until it is killed.
start_lasting_server()
{
    mkfifo ready life
    start_server "$1" -- bash -c 'exec 4> life; sleep infinity & echo $$ > ready; wait'
}

# Calls in the background, and returns when CMD works on it. Sets caller and cmd.
start_caller()
{
    "$KIN" call "$@" > out 2> error 3>&- &
    caller=$!
    exec 5< life
    read -r cmd < ready
}

@test "the reply is what CMD prints for the request, and its status" {
    start_server upper -- tr a-z A-Z
    expect_equal "$(kin call upper hello)" HELLO
    expect_equal "$(printf 'a\nb\n' | kin call upper)" $'A\nB'
    expect_equal "$(printf 'x' | kin call --whole upper | od -An -c | tr -d ' ')" X
    expect_equal "$(kin call upper < /dev/null)" ""
    kill $server
    expect_end $server 143
    start_server fails -- sh -c 'echo "no: $(cat) $KIN_ATTEMPT"; exit 9'
    run kin call fails q
    expect 9 "no: q 1"
    kill $server
    expect_end $server 143
}

@test "nobody serves: 5 at once; --stand-by waits for a server" {
    run kin call none x
    expect 5 "start a server by: kin serve none -- CMD"
    kin serve -w 0 sum -- cat || expect_equal $? 3
    run kin call sum x
    expect 5 'nobody serves "sum"'
    run kin call --stand-by -w 0.01 sum x
    expect 3 "in time (-w 0.01)"
    "$KIN" call --stand-by sum x > out 3>&- &
    caller=$!
    kin serve -c 1 sum -- cat
    expect_end $caller 0
    expect_equal "$(cat out)" x
}

@test "-c, -n and -w of a server" {
    run kin serve -n sum -- cat
    expect 4 'no request for service "sum"'
    run kin serve -w 0.01 sum -- cat
    expect 3 "in time"
    for request in 1 2; do
        "$KIN" call --stand-by sum $request > out$request 3>&- &
    done
    until [ "$(cells QUEUED ls sum.requests)" = 2 ]; do :; done
    kin serve -n sum -- cat
    wait
    expect_equal "$(cat out1 out2)" $'1\n2'
}

@test "limits of requests and replies" {
    start_server small --request-max 5 --reply-max 3 -- cat
    run kin call small 123456
    expect 1 "too long"
    run bash -c 'printf 123456 | "$KIN" call small'
    expect 1 "too long"
    run kin call small 1234
    expect 1 ""
    expect_equal "$(kin call small 123)" 123
    kill $server
    expect_end $server 143
}

@test "a CMD that is none ends the server, and its caller is told" {
    "$KIN" serve sum -- no-such-command 2> error 3>&- &
    server=$!
    SECONDS=0
    until kin show sum > /dev/null 2>&1; do
        [ $SECONDS -lt 100 ]
    done
    run kin call --stand-by sum x
    expect 1 ""
    expect_end $server 127
}

@test "killing CMD: the caller is told at once, and the server serves on" {
    start_lasting_server sum
    start_caller sum x
    kill -9 "$cmd"
    expect_end $caller 1
    grep -q "died\|gave it up" error
    wait_for_end_of_cmd
    start_caller sum y
    kill -9 "$cmd"
    expect_end $caller 1
    kill $server
    expect_end $server 143
    wait_for_end_of_cmd
}

@test "killing the server ends CMD, and the caller is told at once" {
    start_lasting_server sum
    start_caller sum x
    kill -9 $server
    expect_end $caller 1
    expect_end $server 137
    wait_for_end_of_cmd
    run kin call sum x
    expect 5 "nobody serves"
}

@test "killing both at once; with --tries another server answers" {
    start_lasting_server sum
    start_caller --tries 2 --stand-by sum x
    kill -9 $server "$cmd"
    start_server sum -- sh -c 'echo "$(cat) $KIN_ATTEMPT"'
    expect_end $caller 0
    expect_equal "$(cat out)" "x 2"
    kill $server
    expect_end $server 143
    wait_for_end_of_cmd
}

@test "SIGTERM to the server gives the request up" {
    start_lasting_server sum
    start_caller sum x
    kill $server
    expect_end $server 143
    expect_end $caller 1
    wait_for_end_of_cmd
}

@test "a request whose caller was killed, or whose time is over, is not served any more" {
    kin serve -n slow -- cat || expect_equal $? 4
    "$KIN" call --stand-by slow x 3>&- &
    caller=$!
    until [ "$(cells QUEUED ls slow.requests)" = 1 ]; do :; done
    kill -9 $caller
    expect_end $caller 137
    run kin call --stand-by -w 0.01 slow x
    expect 3 "in time (-w 0.01)"
    run kin serve -n slow -- touch served
    expect 4 'no request for service "slow"'
    [ ! -e served ]
    expect_equal "$(cells QUEUED,LEASED ls slow.requests)" "0 0"
}
