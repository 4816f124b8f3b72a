load helper

@test "graph shows who waits for what, and who has it" {
    run kin graph
    expect 0 ""
    kin mk queue jobs
    "$KIN" recv jobs 3>&- &
    waiter=$!
    until [ "$(kin graph -r --no-headings | wc -l)" = 1 ]; do :; done
    expect_equal "$(cells PID,OBJECT,KIND graph)" "$waiter jobs queue"
    kin graph -J | is_json
    kin send jobs <<< x
    wait $waiter
}

@test "graph names the holder of what is on lease" {
    kin mk queue jobs
    kin send jobs <<< x
    start_worker jobs
    "$KIN" recv jobs 3>&- &
    waiter=$!
    until [ "$(kin graph -r --no-headings | wc -l)" = 1 ]; do :; done
    expect_equal "$(cells PID,OBJECT,HOLDER,ALIVE,COUNT graph)" "$waiter jobs $worker yes 1"
    kill -9 "$worker"
    wait_for_end_of_cmd
    wait $waiter
}

@test "graph: exit code 4 on a cycle, which it tells; --dot is for dot" {
    "$DEADLOCK" 3>&- &
    until run kin graph; [ "$status" -eq 4 ]; do :; done
    expect 4 "a deadlock: "
    expect 4 "waits for accounts, held by "
    run kin graph --dot
    expect 4 "digraph waits {"
    expect 4 "color=red"
    expect_equal "$(cells CYCLE graph | sort -u)" 1
    run kin graph --dot -J
    expect 2 "--dot"
}
