# kin fdpass and kin fdtake: descriptors from one process to another that knows nothing of it.
load helper

@test "a file and a place to write arrive, in their order" {
    echo content > input
    "$KIN" fdtake -w 100 socket -- sh -c 'cat <&3 >&4; echo "$LISTEN_FDS $((LISTEN_PID == $$))"' > said 3>&- &
    kin fdpass -w 100 socket '<input' '>output'
    expect_end $! 0
    expect_equal "$(cat output)" content
    expect_equal "$(cat said)" "2 1"
    [ ! -e socket ]
}

@test "standard input when nothing is named, and a descriptor by its number" {
    "$KIN" fdtake -w 100 socket -- cat /dev/fd/3 > output 3>&- &
    echo piped | kin fdpass -w 100 socket
    expect_end $! 0
    expect_equal "$(cat output)" piped
    "$KIN" fdtake -w 100 socket -- sh -c 'echo "to seven" >&3' 3>&- &
    exec 7> seven
    kin fdpass -w 100 socket 7
    exec 7>&-
    expect_end $! 0
    expect_equal "$(cat seven)" "to seven"
}

@test "253 at once, and not one more" {
    "$KIN" fdtake -w 100 socket -- \
        sh -c 'echo $LISTEN_FDS; [ -e /dev/fd/3 ] && [ -e /dev/fd/255 ] && [ ! -e /dev/fd/256 ] && echo all' \
        > output 3>&- &
    # shellcheck disable=SC2046 # as many words
    kin fdpass -w 100 socket $(yes 0 | head -253)
    expect_end $! 0
    expect_equal "$(cat output)" $'253\nall'
    # shellcheck disable=SC2046
    run kin fdpass socket $(yes 0 | head -254)
    expect 2 "254 descriptors are too many"
}

@test "the path of a killed one is replaced, that of a living one is not" {
    "$KIN" fdtake socket -- true 3>&- &
    taker=$!
    while [ ! -S socket ]; do :; done
    run kin fdtake socket -- true
    expect 1 "process $taker listens there"
    kill -9 $taker
    expect_end $taker 137
    [ -S socket ]
    run kin fdpass socket
    expect 1 "nobody listens"
    "$KIN" fdtake -m 0640 socket -- true 3>&- &
    until [ "$(stat -c %a socket)" = 640 ]; do :; done # the stale one is 0600
    kin fdpass -w 100 socket
    expect_end $! 0
    [ ! -e socket ]
    touch file
    run kin fdtake file -- true
    expect 1 "is no socket"
    [ -f file ]
}

@test "what is passed to one that ends without taking it is not passed" {
    "$KIN" fdtake socket -- true 3>&- &
    taker=$!
    while [ ! -S socket ]; do :; done
    kill -STOP $taker
    run kin fdpass -w 0.05 socket
    expect 3 "were not taken in time"
    "$KIN" fdpass socket 2> said 3>&- &
    passer=$!
    # It has its socket, and sleeps: between two looks whether it was read.
    until [ "$(cut -d " " -f 3 /proc/$passer/stat)" = S ] && ls -l /proc/$passer/fd | grep -q socket:; do :; done
    kill -9 $taker
    expect_end $passer 1
    grep -q "the receiver has ended" said
}

@test "-w ends the waiting with 3, and leaves nothing" {
    run kin fdtake -w 0.05 socket -- true
    expect 3 "nobody has passed descriptors"
    [ ! -e socket ]
    run kin fdpass -w 0.05 socket
    expect 3 "nobody listens at"
    run kin fdpass socket
    expect 5 "cannot connect to"
}

@test "paths of more than 108 bytes" {
    long=$(printf 'd%.0s' {1..200})
    mkdir "$long"
    "$KIN" fdtake -w 100 "$PWD/$long/socket" -- true 3>&- &
    kin fdpass -w 100 "$PWD/$long/socket"
    expect_end $! 0
}

@test "bad input is a sentence and 2" {
    run kin fdpass
    expect 2 "SOCKET is missing"
    run kin fdtake socket
    expect 2 "CMD is missing"
    for bad in x 99 -1 1x; do
        run kin fdpass socket -- "$bad"
        expect 2 ""
    done
    run kin fdpass socket 99
    expect 2 'there is no open descriptor "99"'
    run kin fdpass socket '<none'
    expect 5 'cannot open "none"'
    run kin fdpass -w x socket
    expect 2 "is not a duration"
    run kin fdtake -m 9 socket -- true
    expect 2 "is not a mode"
    "$KIN" fdtake -w 100 socket -- no-such-command 2> said 3>&- &
    kin fdpass -w 100 socket
    expect_end $! 127
    grep -q 'cannot execute "no-such-command"' said
}
