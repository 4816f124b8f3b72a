/* Running a command under a lock, as a shell script does: `PROGRAM [lock] FILE /bin/true`. */
#ifndef COMMAND_H
#define COMMAND_H

#ifdef __cplusplus
extern "C" {
#endif

/* Runs it, and sees its end; the lock's file is the contest's own. `words` begin with the program and leave room for
 * the file, RESIDENT_COMMAND and NULL behind `count`. */
void command_under_lock(char **words, int count);

#ifdef __cplusplus
}
#endif
#endif
