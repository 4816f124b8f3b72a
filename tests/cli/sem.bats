load helper

# Runs "kin sem" with a CMD that says its number to the pipe "ready" and lasts until it is killed.
start_job()
{
    rm -f ready && mkfifo ready # a new one: what an earlier job still has open is not in the way
    "$KIN" sem "$@" -- sh -c 'echo $$ > ready; exec sleep 1000' 3>&- &
    wrapper=$!
    read -r cmd < ready
}

@test "sem runs CMD, with its input, output and exit status" {
    expect_equal "$(echo in | kin sem s -- cat)" in
    run kin sem s -- sh -c 'exit 7'
    expect 7 ""
    run kin sem s -- sh -c 'kill -9 $$'
    expect 137 ""
    run -127 kin sem s -- no-such-program
    expect 127 "cannot run no-such-program"
    run kin sem s -- /dev/null
    expect 126 "cannot run /dev/null"
    expect_equal "$(cells NAME,KIND,VALUE,HELD,WAITING ls)" "s semaphore 1 0 0"
}

@test "sem lets in as many as -j says" {
    start_job s -j 2
    first=$cmd
    start_job s -j 2
    run kin sem s -n -- true
    expect 4 'no slot of "s" is free'
    run kin sem s -w 0.05 -- true
    expect 3 'no slot of "s" is free in time (-w 0.05)'
    expect_equal "$(cells VALUE ls s)" 0
    kill -9 "$first"
    kin sem s -w 50 -- true
    kill -9 "$cmd"
    kin sem s -j 2 --wait -w 50
}

@test "sem: the slot is CMD's: killing the wrapper does not free it, killing CMD does" {
    start_job s
    kill -9 "$wrapper"
    run kin sem s -w 0.3 -- true
    expect 3 "no slot"
    kill -0 "$cmd"
    kill -9 "$cmd"
    kin sem s -w 50 -- true
    start_job s
    "$KIN" sem s -- true 3>&- &
    waiter=$!
    kill -9 "$cmd"
    expect_end $waiter 0
}

@test "sem: a wrapper that waits takes nobody with it and leaves nobody behind" {
    start_job s
    "$KIN" sem s -- touch never 3>&- &
    until [ "$(cells WAITING ls s)" = 1 ]; do :; done
    kill -9 $!
    until [ "$(cells WAITING ls s)" = 0 ]; do :; done
    kill -9 "$cmd"
    kin sem s -w 50 -- true
    [ ! -e never ]
}

@test "sem passes SIGTERM on to CMD" {
    start_job s
    kill "$wrapper"
    expect_end "$wrapper" 143
    kin sem s -n -- true
}

@test "sem --bg returns when CMD runs, and --wait waits for all" {
    mkfifo go
    kin sem s -j 2 --bg -- sh -c 'read line < go; echo one >> out' 3>&-
    kin sem s -j 2 --bg -- sh -c 'read line < go; echo two >> out' 3>&-
    run kin sem s -n --bg -- true
    expect 4 "no slot"
    run kin sem s --wait -n
    expect 4 "not all jobs have ended"
    run kin sem s -w 0.01 --wait
    expect 3 "in time"
    exec 6<> go
    echo >&6
    echo >&6
    kin sem s --wait
    exec 6>&-
    expect_equal "$(sort out)" $'one\ntwo'
    run -127 kin sem s --bg -- no-such-program
    expect 127 "cannot run"
    kin sem never-made --wait
}

@test "sem -j changes how many there are" {
    kin sem s -j 3 -- true
    expect_equal "$(cells VALUE ls s)" 3
    start_job s -j 5
    expect_equal "$(cells VALUE ls s)" 4
    run kin sem s -n -j 1 -- true
    expect 4 "no slot"
    kill -9 "$cmd"
    kin sem s -j 1 -w 50 -- true
    expect_equal "$(cells VALUE ls s)" 1
}

@test "mk sem makes one; show and ls tell value, waiters and holders" {
    kin mk sem s -v 1
    kin mk sem set -v 4 -n 3
    run kin mk sem s
    expect 1 "exists already"
    run kin mk sem t -v 32768
    expect 2 "out of range; give 0 to 32767"
    run kin mk sem t -n 0
    expect 2 "out of range"
    expect_equal "$(cells NAME,KIND,VALUE ls)" $'s semaphore 1\nset semaphore 4'
    start_job s
    "$KIN" sem s -- true 3>&- &
    waiter=$!
    until [ "$(cells WAITING ls s)" = 1 ]; do :; done
    expect_equal "$(cells VALUE,HELD ls s)" "0 1"
    run kin show s
    expect 0 'semaphore "s"'
    expect 0 "value 0"
    [[ $(cells PART,PID,COUNT show s) == *"holds $cmd 1"* ]]
    run kin show set
    expect 0 "3 of them: 4 4 4"
    run kin rm s
    expect 1 "in use"
    kill -9 "$cmd"
    expect_end $waiter 0
    run kin sem s -j 2 -- true
    expect 2 "made by kin mk sem"
    run kin sem s --wait
    expect 2 "does not count its jobs"
    kin mk queue q
    run kin sem q -- true
    expect 1 "is a queue, not a semaphore"
}

@test "sem refuses what cannot be meant" {
    run kin sem -- true
    expect 2 "NAME is missing"
    run kin sem s
    expect 2 "CMD is missing"
    run kin sem s --wait -- true
    expect 2 "--wait waits for jobs"
    run kin sem s -j 0 -- true
    expect 2 "out of range"
    run kin sem s --fg --bg -- true
    expect 2 ""
    run kin sem s -n -w 1 -- true
    expect 2 ""
    run kin sem s --jobserver -- true
    expect 2 "--jobserver takes no NAME"
}

@test "sem --jobserver gives make its slots, and no more" {
    cat > Makefile << 'EOF'
.RECIPEPREFIX = >
all: a b c d e f
a b c d e f:
>@echo + >> log; sleep 0.1; echo - >> log
EOF
    for style in "" --fifo; do
        [ -z "$style" ] || make --version | grep -q '^GNU Make 4\.[4-9]' || continue
        : > log
        # shellcheck disable=SC2086 # a word or none
        run kin sem --jobserver $style -j 3 -- make
        expect 0 ""
        expect_equal "$(awk '{ n += $0 == "+" ? 1 : -1; if (n > most) most = n } END { print most }' log)" 3
    done
}

@test "sem --jobserver takes back what a killed make held" {
    mkfifo ready
    cat > Makefile << 'EOF'
.RECIPEPREFIX = >
all: first
>@$(MAKE) -s second
first:
>-@$(MAKE) -s inner
inner: x y z
x y z:
>@echo $$PPID > ready; exec sleep 1000
second: p q r
p q r:
>@echo + >> log; until [ $$(wc -l < log) -ge 3 ]; do sleep 0.05; done
EOF
    "$KIN" sem --jobserver -j 3 -- make -s > out 2>&1 3>&- &
    server=$!
    exec 6<> ready
    for job in 1 2 3; do
        read -r inner <&6
    done
    children=$(cat /proc/"$inner"/task/"$inner"/children)
    kill -9 "$inner"
    # shellcheck disable=SC2086 # a list of numbers
    kill -9 $children
    exec 6>&-
    expect_end $server 0
    grep -q "2 of 3 jobserver slots came back" out
}
