load helper

@test "mk segment makes one of that size, and put and get carry bytes" {
    kin mk segment s 64K -m 0640
    expect_equal "$(cells NAME,KIND,MODE,STATE,ATTACHED ls)" "s segment 0640 ok 0"
    printf 'hello world' | kin put s
    expect_equal "$(kin get s -c 11)" "hello world"
    printf 'W' | kin put s -O 6
    expect_equal "$(kin get s -O 6 -c 5)" "World"
    expect_equal "$(kin get s | wc -c)" 65536
    expect_equal "$(kin get s -O 64K | wc -c)" 0
}

@test "put and get refuse what is not there" {
    kin mk segment s 10
    run kin get s -O 4 -c 7
    expect 1 'segment "s" has 10 bytes: there are no 7 from byte 4 on'
    run kin put s -O 11 <<< x
    expect 1 "there is no byte 11"
    run kin put s <<< 0123456789
    expect 1 'segment "s" is full: 10 bytes of standard input are in it, the rest is not'
    expect_equal "$(kin get s)" 0123456789
    run kin get none
    expect 5 "kin mk segment none SIZE"
    kin mk queue q
    run kin get q
    expect 1 "is a queue, not a segment"
    run kin get s -O x
    expect 2 "is not a number of bytes"
    run kin get s -c 0
    expect 2 "is not a number of bytes"
}

@test "mk segment refuses bad sizes" {
    for size in 0 x -1 ""; do
        run kin mk segment s -- "$size"
        [ "$status" -eq 2 ]
    done
    run kin mk segment s
    expect 2 "SIZE is missing"
    run kin mk segment s 64K --max 1K
    expect 2 "cannot be less than SIZE"
    run kin mk segment s 1000G
    expect 1 "no room"
    expect_equal "$(kin ls)" ""
}

@test "show tells of growth, of what is not reserved, and who is attached" {
    kin mk segment s 64K --max 1M --no-reserve
    run kin show s
    expect 0 "64K, can grow to 1M, not reserved: on a full tmpfs touching a new page is SIGBUS"
    expect 0 "0 attached"
    mkfifo hold
    "$KIN" put s < hold 3>&- &
    putter=$!
    exec 5> hold
    until [ "$(cells ATTACHED ls)" = 1 ]; do :; done
    expect_equal "$(cells PART,PID,ALIVE,COUNT show s)" "attached $putter yes 1"
    kill -9 $putter
    expect_end $putter 137
    expect_equal "$(cells ATTACHED ls)" 0
    exec 5>&-
}

@test "huge pages are told when there are none" {
    run kin mk segment small 64K --huge
    expect 0 "no huge pages were given"
    kin mk segment big 4M --huge
    expect_equal "$(cells NAME ls big)" big
}

@test "a file that was cut off is an error, not a crash" {
    kin mk segment s 1M
    truncate -s 8192 "$KIN_DOMAIN/s.kin"
    run kin get s
    expect 1 "cut off"
}
