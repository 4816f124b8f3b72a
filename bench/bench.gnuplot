# Draws `data`, which kin-bench --picture wrote, into the SVG file `picture`. Each group of bars is a row of the bench,
# and each bar says how many times better than the kernel's own means it is.
set terminal svg size 900,420 font "sans-serif,13" background "white"
set output picture
set title "How many times better than the kernel's own means (msgsnd and msgrcv, pipe, semop, fork)"
set datafile separator "\t"
set datafile missing "?"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set logscale y
set yrange [0.1:*]
set format y "%g"
set grid ytics linecolor "#dddddd"
set xtics rotate by -30 nomirror
set key below
set arrow from graph 0, first 1 to graph 1, first 1 nohead linecolor "#888888" dashtype 2
plot data using "kin":xtic(1) title "kin" linecolor "#1b7837", \
     "" using "limit" title "the machine's limit" linecolor "#bbbbbb", \
     "" using "peer" title "Boost, glibc robust mutex, posix\\_spawn" linecolor "#7a5195"
