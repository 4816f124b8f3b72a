load helper

@test "ls shows every object, sorted, or those named" {
    expect_equal "$(kin ls)" ""
    kin mk queue b
    kin mk lock a
    seq 3 | kin send b
    expect_equal "$(cells NAME,KIND,QUEUED,STATE ls)" $'a lock  ok\nb queue 3 ok'
    expect_equal "$(cells NAME ls b)" b
    run kin ls b none
    expect 5 'there is no object "none"'
    expect 5 "queue"
}

@test "tables: headings, columns, raw, sizes" {
    kin mk queue q
    [[ $(kin ls | head -1) == NAME*KIND* ]]
    [[ $(kin ls --no-headings) == q*queue* ]]
    expect_equal "$(kin ls -r -o name,SIZE | head -1)" "NAME SIZE"
    [[ $(kin ls -r -o +INODE | head -1) == "NAME KIND "*" INODE" ]]
    [[ $(cells SIZE ls) == *K ]]
    [[ $(cells SIZE ls --bytes) =~ ^[0-9]+$ ]]
    run kin ls -o NAME,none
    expect 2 'there is no column "none"; there are NAME,KIND'
    run kin ls -o ""
    expect 2 "there is no column"
}

@test "-J is JSON everywhere, with numbers as numbers" {
    kin mk queue q
    kin mk lock l
    seq 3 | kin send q
    for command in ls "ls -o +SENT,CREATED" "show q" "show l" "who q" clean deaths doctor; do
        kin $command -J | is_json
    done
    kin ls -J -o NAME,QUEUED,SIZE,CREATED > out
    expect_equal "$(json '["objects"][1]["queued"] + 1' < out)" 4
    expect_equal "$(json '["objects"][1]["size"] > 1000' < out)" True
    expect_equal "$(json '["objects"][1]["created"] > 1.7e9' < out)" True
    expect_equal "$(json '["objects"][0]["queued"]' < out)" None
}

@test "show says who holds and who waits" {
    kin mk queue jobs
    run kin show none
    expect 5 'there is no object "none"'
    kin send jobs <<< x
    start_worker jobs
    "$KIN" recv jobs 3>&- &
    waiter=$!
    until [ "$(cells WAITING ls)" = 1 ]; do :; done
    expect_equal "$(cells PART,PID,ALIVE,COMMAND show jobs | sort)" "holds $worker yes kin
waits $waiter yes kin"
    expect_equal "$(kin who -J jobs | json '["parties"][0]["pid"] > 0')" True
    run kin show jobs
    expect 0 "1 leased"
    kill -9 "$worker"
    wait_for_end_of_cmd
    wait $waiter
}

@test "deaths tells who died holding what, from a number on" {
    kin mk queue jobs
    kin send jobs <<< x
    for _ in 1 2; do
        start_worker jobs
        kill -9 "$worker"
        wait "$worker" || true
        wait_for_end_of_cmd
        rm ready life
        kin recv -w 100 jobs | kin send jobs
    done
    expect_equal "$(cells NUMBER,COMMAND,NAME deaths)" $'1 kin jobs\n2 kin jobs'
    expect_equal "$(cells NUMBER deaths --after 1)" 2
    expect_equal "$(kin deaths -J | json '["deaths"][0]["number"]')" 1
}

@test "clean shows what is stale with its proof, and acts only with --yes" {
    run kin clean
    expect 0 "nothing is stale"
    kin mk queue jobs
    kin send jobs <<< x
    start_worker jobs
    kill -9 "$worker"
    wait "$worker" || true
    wait_for_end_of_cmd
    run kin clean
    expect 0 "kin clean --yes"
    [[ $(cells PID clean 2> /dev/null) == *"$worker"* ]]
    [[ $(cells PROOF clean 2> /dev/null) =~ [a-z] ]]
    kin clean --yes
    run kin clean
    expect 0 "nothing is stale"
    expect_equal "$(kin recv -n jobs)" x
}

@test "doctor looks at everything, and knows the fallback" {
    run kin doctor
    expect 0 "futex_waitv"
    for check in kernel domain futex_waitv "robust list" "witness of deaths" /dev/shm RemoveIPC ptrace "open files"; do
        expect 0 "$check"
    done
    run env KIN_FALLBACK=1 "$KIN" doctor
    expect 0 "byte locks"
    run env KIN_DOMAIN=relative "$KIN" doctor
    expect 1 "give the whole path"
}

@test "no colors on what is no terminal" {
    run kin doctor
    [[ $output != *$'\033'* ]]
}

@test "colors on a terminal, but not with NO_COLOR" {
    command -v script > /dev/null || skip "there is no script(1) here"
    TERM=xterm script -qec "'$KIN' doctor" /dev/null < /dev/null > out
    grep -q $'\033' out
    NO_COLOR=1 TERM=xterm script -qec "'$KIN' doctor" /dev/null < /dev/null > out
    run ! grep -q $'\033\\[[0-9;]*m' out
}
