/* The processes below this one, as /proc shows them. */
#pragma once

/* Sends the signal to each, by pidfd. Those that are born meanwhile may be missed: repeat it. */
void signal_descendants(int signal);
