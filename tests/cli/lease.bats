load helper

setup_queues()
{
    kin mk queue jobs
    kin mk queue results
    kin mk queue bad
}

@test "CMD gets the message and its variables, and what it prints is ours" {
    setup_queues
    kin send -t 5 -p 6 jobs <<< hello
    expect_equal "$(kin recv --lease jobs -- sh -c 'cat; echo " $KIN_MESSAGE $KIN_ATTEMPT $KIN_TYPE $KIN_PRIORITY"')" \
        "hello 1 1 5 6"
    expect_equal "$(cells QUEUED,LEASED,HELD ls jobs)" "0 0 0"
}

@test "a CMD that does not read its input, and a long message" {
    kin mk queue --message-max 1M jobs
    head -c 1000000 /dev/zero | kin send --whole jobs
    kin recv --lease jobs -- true
    head -c 1000000 /dev/zero | kin send --whole jobs
    expect_equal "$(kin recv --lease jobs -- wc -c)" 1000000
}

@test "a CMD that fails puts it back, counts, and gives its status" {
    setup_queues
    kin send jobs <<< hello
    run kin recv -f --lease jobs -- sh -c 'exit 9'
    expect 9 ""
    run kin recv -f --lease jobs -- sh -c 'kill -9 $$'
    expect 137 ""
    run kin recv --lease jobs -- sh -c 'kill -TERM $$'
    expect 143 ""
    expect_equal "$(kin recv --lease jobs -- sh -c 'echo $KIN_MESSAGE $KIN_ATTEMPT')" "1 4"
}

@test "a CMD that is none is 127, one that cannot be executed 126, and the message is put back" {
    setup_queues
    kin send jobs <<< hello
    run -127 kin recv --lease jobs -- no-such-command
    expect 127 "kin recv: "
    touch plain
    run kin recv --lease jobs -- ./plain
    expect 126 "kin recv: "
    expect_equal "$(kin recv jobs)" hello
}

@test "-c, -n and -w go with a lease" {
    setup_queues
    seq 5 | kin send jobs
    expect_equal "$(kin recv -c 2 --lease jobs -- cat)" 12
    expect_equal "$(kin recv -n --lease jobs -- cat)" 345
    run kin recv -n --lease jobs -- cat
    expect 4 "no message"
    run kin recv -w 0.01 --lease jobs -- cat
    expect 3 "no message"
}

@test "--result sends what CMD printed, less one newline, and only on success" {
    setup_queues
    seq 2 | kin send jobs
    run kin recv --lease --result results jobs -- sh -c 'echo half; exit 1'
    expect 1 ""
    expect_equal "$(cells QUEUED ls results)" 0
    kin recv -c 2 --lease --result results jobs -- sh -c 'echo "[$(cat)]"; echo'
    expect_equal "$(kin recv -n -0 results | tr '\0' ';')" $'[1]\n;[2]\n;'
    kin send jobs <<< 3
    kin recv --lease --result results jobs -- true
    expect_equal "$(kin recv -J results | json '["length"]')" 0
}

@test "a result that is too long is a failure, and the message is put back" {
    kin mk queue jobs
    kin mk queue --message-max 10 results
    kin send jobs <<< x
    run kin recv --lease --result results jobs -- echo 12345678901
    expect 1 "longer than queue"
    run kin recv --lease --result results jobs -- yes
    expect 1 "longer than queue"
    kin recv --lease --result results jobs -- echo 1234567890
    expect_equal "$(kin recv -n results)" 1234567890
    expect_equal "$(cells QUEUED ls jobs)" 0
}

@test "--attempts N moves a message to the dead-letter queue, and kin goes on" {
    setup_queues
    seq 3 | kin send jobs
    run kin recv -n --lease --attempts 2 --dead-letter bad jobs -- sh -c 'read n; echo "$n $KIN_ATTEMPT"; [ $n != 2 ]'
    expect_equal "$output" $'1 1\n2 1\n2 2\n3 1'
    expect 1 ""
    expect_equal "$(kin recv -n bad)" 2
    expect_equal "$(cells QUEUED,ASIDE ls jobs)" "0 0"
}

@test "options of a lease need each other" {
    kin mk queue jobs
    run kin recv --lease jobs
    expect 2 "--lease needs a CMD"
    run kin recv jobs -- cat
    expect 2 "give --lease too"
    run kin recv --result r jobs
    expect 2 "go with --lease"
    run kin recv --lease --attempts 2 jobs -- cat
    expect 2 "--attempts and --dead-letter go together"
    run kin recv --lease --dead-letter bad jobs -- cat
    expect 2 "--attempts and --dead-letter go together"
    run kin recv --lease --result none jobs -- cat
    expect 5 "kin mk queue none"
    run kin recv --lease --attempts 1 --dead-letter none jobs -- cat
    expect 5 "kin mk queue none"
    kin send jobs <<< x
    kin recv --create --lease --result none jobs -- cat
    expect_equal "$(kin recv none)" x
}

@test "killing the wrapper ends CMD and its children, and puts the message back" {
    setup_queues
    kin send jobs <<< job
    start_worker jobs
    expect_equal "$(cells PART,PID,ALIVE,COUNT who jobs)" "holds $worker yes 1"
    kill -9 "$worker"
    expect_equal "$(kin recv -w 100 -J jobs | json '["attempts"]')" 1
    wait_for_end_of_cmd
    expect_equal "$(cells PID,KIND,NAME deaths)" "$worker queue jobs"
}

@test "killing CMD puts the message back, and leaves none of its children" {
    setup_queues
    kin send jobs <<< job
    start_worker jobs
    kill -9 "$cmd"
    expect_end "$worker" 137
    wait_for_end_of_cmd
    expect_equal "$(kin recv -n jobs)" job
}

@test "killing both at once puts the message back" {
    setup_queues
    kin send jobs <<< job
    start_worker jobs
    kill -9 "$worker" "$cmd"
    expect_equal "$(kin recv -w 100 jobs)" job
    wait_for_end_of_cmd
}

@test "SIGTERM, SIGINT and SIGHUP to the wrapper end CMD, put back, and are 128+N" {
    setup_queues
    for signal in TERM HUP; do
        kin send jobs <<< job
        start_worker jobs
        kill -$signal "$worker"
        expect_end "$worker" $((128 + $(kill -l $signal)))
        wait_for_end_of_cmd
        expect_equal "$(kin recv -n jobs)" job
        rm ready life
    done
    mkfifo ready
    kin send jobs <<< job
    "$KIN" spawn -- env --default-signal=INT "$KIN" recv --lease jobs -- \
        sh -c 'echo $PPID > ready; sleep infinity' 3>&- &
    read -r worker < ready
    kill -INT "$worker"
    expect_end $! 130
    expect_equal "$(kin recv -n jobs)" job
}

@test "a CMD that finishes when it is told to end has done its work" {
    setup_queues
    kin send jobs <<< job
    mkfifo ready
    "$KIN" recv --lease jobs -- bash -c 'trap "exit 0" TERM; echo > ready; sleep infinity & wait' 3>&- &
    worker=$!
    read -r < ready
    kill -TERM $worker
    expect_end $worker 143
    run kin recv -n jobs
    expect 4 ""
}

@test "three terminals and a kill -9" {
    kin mk queue jobs
    seq 3 | kin send jobs                             # the first terminal
    start_worker -f jobs                              # the second
    "$KIN" recv -c 3 jobs > out 3>&- &                # the third
    survivor=$!
    until [ "$(wc -l < out)" = 2 ]; do :; done
    expect_equal "$(cat out)" $'2\n3'
    kill -9 "$worker"
    wait $survivor
    expect_equal "$(cat out)" $'2\n3\n1'
    wait_for_end_of_cmd
}

@test "a pipeline of killed workers counts exactly once" {
    setup_queues
    seq 30 | kin send jobs
    # On every third number, CMD kills its wrapper at the first attempt.
    for _ in $(seq 100); do
        "$KIN" recv -n --lease --result results jobs -- bash -c \
            'read -r n; ((n % 3 || KIN_ATTEMPT > 1)) || { kill -9 $PPID; exec sleep infinity; }; echo $((n * n))' \
            3>&- || true
        [ "$(cells QUEUED,LEASED ls jobs)" != "0 0" ] || break
    done
    expect_equal "$(kin recv -n results | sort -n)" "$(for n in $(seq 30); do echo $((n * n)); done)"
}
