load helper

@test "mk queue keeps to its limits and its mode" {
    kin mk queue --messages 2 --message-max 5 -m 0640 small
    expect_equal "$(cells NAME,KIND,MESSAGES,MESSAGE-MAX,MODE ls)" "small queue 2 5 0640"
    seq 2 | kin send small
    run kin send -n small <<< 3
    expect 4 'no room for message 1 in queue "small"'
    kin recv small
    run kin send small <<< 123456
    expect 1 'message 1 is longer than queue "small" takes, 5 bytes'
}

@test "mk refuses a name that is taken" {
    kin mk queue here
    for kind in queue lock; do
        run kin mk $kind here
        expect 1 "exists already"
    done
}

@test "mk lock makes a lock" {
    kin mk lock guard
    expect_equal "$(cells NAME,KIND,HELD,STATE ls)" "guard lock 0 ok"
    run kin send guard <<< x
    [ "$status" -ne 0 ]
    expect_equal "${#lines[@]}" 1
}

@test "mk rwlock, barrier and latch make what ls and show know" {
    kin mk rwlock table -m 0640
    kin mk barrier grid --parties 3
    kin mk latch ready -c 4
    expect_equal "$(cells NAME,KIND,HELD,MODE,STATE ls table)" "table rwlock 0 0640 ok"
    expect_equal "$(cells NAME,KIND,STATE ls grid ready)" "grid barrier ok
ready latch ok"
    run kin show grid
    expect 0 'barrier "grid", mode 0600'
    run kin mk barrier big --parties 65
    expect 2 "--parties"
    run kin mk latch none -c 0
    expect 2 "--count"
    kin rm table grid ready
}

@test "mk domain makes one, of the mode given, and refuses what cannot be one" {
    kin mk domain "$KIN_DOMAIN/inner" -m 01777
    expect_equal "$(stat -c %a "$KIN_DOMAIN/inner")" 1777
    KIN_DOMAIN=$KIN_DOMAIN/inner kin mk queue q
    run kin mk domain "$KIN_DOMAIN/inner"
    expect 1 "exists already"
    run kin mk domain relative
    expect 1 "give the whole path"
    touch "$KIN_DOMAIN/file"
    run kin mk domain "$KIN_DOMAIN/file"
    expect 1 "is a file"
    run kin mk domain "$KIN_DOMAIN/none/none"
    expect 5 "cannot make the domain"
    mkdir -m 0777 "$KIN_DOMAIN/open"
    run kin mk domain "$KIN_DOMAIN/open"
    expect 6 "chmod"
    KIN_DOMAIN=$PWD/disk
    mkdir "$KIN_DOMAIN"
    [ "$(stat -f -c %T .)" = tmpfs ] && skip "the temporary directory is a tmpfs too"
    run kin ls
    expect 1 "not on tmpfs"
}

@test "rm removes, all that it can, and says what it could not" {
    kin mk queue a
    kin mk queue b
    run kin rm a none b
    expect 5 'there is no object "none"'
    expect_equal "$(kin ls)" ""
}

@test "rm refuses while somebody holds or waits; --force does not" {
    kin mk queue jobs
    kin send jobs <<< 1
    start_worker jobs
    run kin rm jobs
    expect 1 'who it is: kin who jobs'
    expect_equal "$(cells NAME ls)" jobs
    kin rm --force jobs
    expect_equal "$(kin ls)" ""
    kill -9 "$worker"
    wait_for_end_of_cmd
}

@test "a removed queue ends those who wait for it" {
    kin mk queue jobs
    "$KIN" recv -f jobs > out 2> error 3>&- &
    waiter=$!
    until [ "$(cells WAITING ls)" = 1 ]; do :; done
    kin rm -f jobs
    expect_end $waiter 1
    grep removed error
}
