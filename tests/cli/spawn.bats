load helper

@test "its status is CMD's" {
    run kin spawn -- true
    expect 0 ""
    run kin spawn -- sh -c 'exit 42'
    expect 42 ""
    run kin spawn -- sh -c 'kill -SEGV $$'
    expect 139 ""
    run -127 kin spawn -- no-such-command
    expect 127 "kin spawn: "
    touch plain
    run kin spawn -- ./plain
    expect 126 "kin spawn: "
    expect_equal "$(kin spawn -- echo -n --help)" "--help"
}

@test "--cwd and --env" {
    mkdir inside
    expect_equal "$(kin spawn --cwd inside -- pwd)" "$PWD/inside"
    run kin spawn -C none -- pwd
    expect 126 "kin spawn: "
    expect_equal "$(KIN_A=1 KIN_B=2 kin spawn -e KIN_A=x=y -e KIN_B -- sh -c 'echo $KIN_A ${KIN_B-none}')" "x=y none"
    run kin spawn -e =x -- true
    expect 2 "NAME=VALUE"
}

@test "--fd gives descriptors, and no others are left" {
    exec 7> seven 8> eight
    kin spawn --fd 9=7 --fd 1=8 -- sh -c 'echo to nine >&9; echo to one; ls /proc/self/fd' 2> /dev/null
    exec 7>&- 8>&-
    expect_equal "$(cat seven)" "to nine"
    expect_equal "$(tr '\n' ' ' < eight)" "to one 0 1 2 3 9 "
    echo input > file
    expect_equal "$(kin spawn --fd '0=<file' -- cat)" input
    kin spawn --fd '1=>file' -- echo one
    kin spawn --fd '1=>>file' -- echo two
    expect_equal "$(cat file)" $'one\ntwo'
    for bad in x 3 =1 3= 3=x 3=999 -1=1 99999999=1; do
        run kin spawn --fd "$bad" -- true
        expect 2 "--fd"
    done
    run kin spawn --fd '0=<none' -- true
    expect 5 'cannot open "none"'
}

@test "--limit" {
    expect_equal "$(kin spawn --limit nofile=100 --limit cpu=10:20 -- bash -c 'ulimit -n; ulimit -St; ulimit -Ht')" \
        $'100\n10\n20'
    expect_equal "$(kin spawn -l stack=1M -- bash -c 'ulimit -s')" 1024
    for bad in x nofile nofile= nofile=x nofile=1:x none=1 =1; do
        run kin spawn -l "$bad" -- true
        expect 2 "--limit"
    done
}

@test "--timeout ends it by SIGTERM and is 3; --kill-after by SIGKILL" {
    run kin spawn --timeout 0.05 -- sleep infinity
    expect 3 "ran longer than 0.05"
    run kin spawn --timeout 0.05 --kill-after 0.05 -- sh -c 'trap "" TERM; while :; do sleep 0.01; done'
    expect 3 "ran longer than 0.05"
    run kin spawn --timeout 100 -- sh -c 'exit 5'
    expect 5 ""
}

@test "--group is a group of its own, and the time limit is for all of it" {
    expect_equal "$(kin spawn --group -- sh -c '[ $(ps -o pgid= -p $$) = $$ ] && echo own')" own
    mkfifo life
    "$KIN" spawn --group --timeout 0.1 -- sh -c 'exec 4> life; sleep infinity & wait' 3>&- &
    cat life
    expect_end $! 3
}

@test "signals are passed on" {
    mkfifo ready
    "$KIN" spawn -- bash -c 'trap "kill \$!; exit 33" TERM; echo > ready; sleep infinity & wait $!' 3>&- &
    read -r < ready
    kill -TERM $!
    expect_end $! 33
}

@test "what was ignored stays ignored" {
    expect_equal "$(trap '' HUP; "$KIN" spawn -- sh -c 'kill -HUP $$; echo alive')" alive
}

@test "--detach prints the pid of what goes on in a session of its own" {
    mkfifo ready
    pid=$("$KIN" spawn --detach -- bash -c 'echo $$ $(ps -o sid= -p $$) > ready; sleep infinity' 3>&-)
    read -r said session < ready
    expect_equal "$said $session" "$pid $pid"
    kill -9 -- -"$pid"
    run -127 kin spawn --detach -- no-such-command
    expect 127 ""
}
